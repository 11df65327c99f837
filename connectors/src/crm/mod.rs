//! The tenant's own system of invoices: what a caller owes, and word of what was paid.
//!
//! A lookup is advisory: whatever is wrong with it, the agent types account and amount. A write-back
//! comes from the outbox, at least once, and carries its event's id so that the CRM can drop repeats.

mod rest;

use crate::gateways::{Raw, Refuse, Request};
use crate::transport::{NotBuilt, Sent, Transport};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tonewall_model::ids::EventId;
use tonewall_model::money::Money;
use tonewall_model::payment::UnknownWhy;
use tonewall_model::tenant::Crm;
use tonewall_secret::Secret;

/// Whole time of one request, connecting included.
/// Longer keeps a customer waiting for what the agent can type; shorter gives up on slow systems.
pub const TIMEOUT: Duration = Duration::from_secs(4);

/// Invoices of one answer that are kept, in its order.
/// More is more than an agent reads out on a call; fewer hides what is owed.
pub const INVOICES_MAX: usize = 20;

/// One unpaid invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its reference, exactly: 1 to 64 characters.
    pub account: String,
    /// The customer's name, or empty.
    pub name: String,
    /// What is owed.
    pub amount: Money,
    /// `YYYY-MM-DD`, where the CRM says one.
    pub due: Option<String>,
    /// House number, or empty.
    pub house_number: String,
    /// Postcode, or empty.
    pub postcode: String,
    /// E-mail address, or empty.
    pub email: String,
}

/// A payment that was taken, as the CRM shall hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The invoice or account.
    pub account: String,
    /// How much.
    pub amount: Money,
    /// The issuer's authorisation code.
    pub auth_code: String,
    /// Our own reference of the attempt.
    pub reference: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrmError {
    /// The tenant has none.
    NoCrm,
    /// There is no HTTP client to ask with.
    NotBuilt(NotBuilt),
    /// Its address or token cannot be used.
    SetUp(Refuse),
    /// The text to look for is none that may be sent: empty, too long, or a card number.
    NotAsked,
    /// Nothing listens there.
    NotReached,
    /// It took longer than [`TIMEOUT`], or the connection broke.
    NoAnswer,
    /// It does not take our token (401, 403).
    Unauthorised,
    /// It will not have this payment, now or later (400, 409, 422).
    Refused(u16),
    /// Any other status, redirects among them.
    Status(u16),
    /// The answer is too long or not what was asked for.
    Unreadable,
}

impl CrmError {
    /// Whether the same request may well succeed later.
    pub fn is_passing(&self) -> bool {
        !matches!(self, CrmError::NoCrm | CrmError::NotAsked | CrmError::Refused(_))
    }
}

impl fmt::Display for CrmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CrmError::NoCrm => f.write_str("the tenant has no CRM"),
            CrmError::NotBuilt(why) => write!(f, "{why}"),
            CrmError::SetUp(why) => write!(f, "the CRM's address or token cannot be used ({})", why.code()),
            CrmError::NotAsked => f.write_str("there is nothing that the CRM may be asked for"),
            CrmError::NotReached => f.write_str("the CRM cannot be reached"),
            CrmError::NoAnswer => f.write_str("the CRM did not answer in time"),
            CrmError::Unauthorised => f.write_str("the CRM does not take our token"),
            CrmError::Refused(status) => write!(f, "the CRM refused the payment (HTTP {status})"),
            CrmError::Status(status) => write!(f, "the CRM answered with HTTP {status}"),
            CrmError::Unreadable => f.write_str("the CRM's answer cannot be read"),
        }
    }
}

impl std::error::Error for CrmError {}

/// Address and credential of one CRM.
pub(crate) struct Account {
    url: String,
    token: Secret<String>,
}

/// The way to one tenant's CRM. Clones share it; making one sets up an HTTP client, so keep it.
#[derive(Clone)]
pub struct CrmClient {
    transport: Arc<Transport>,
    account: Arc<Account>,
    timeout: Duration,
}

impl CrmClient {
    /// [`CrmError::NoCrm`] where the tenant has none. Needs a rustls provider in the process.
    pub fn new(crm: &Crm) -> Result<CrmClient, CrmError> {
        let Crm::Rest { url, token } = crm else { return Err(CrmError::NoCrm) };
        let account = Account { url: url.clone(), token: Secret::new(token.expose().clone()) };
        let transport = Transport::new(TIMEOUT).map_err(CrmError::NotBuilt)?;
        Ok(CrmClient { transport: Arc::new(transport), account: Arc::new(account), timeout: TIMEOUT })
    }

    /// The same, with another time-out than [`TIMEOUT`].
    pub fn with_timeout(self, timeout: Duration) -> CrmClient {
        CrmClient { timeout, ..self }
    }

    /// Unpaid invoices of whoever calls from this number (E.164), at most [`INVOICES_MAX`].
    pub async fn unpaid_of_caller(&self, number: &str) -> Result<Vec<Invoice>, CrmError> {
        self.unpaid("caller", number).await
    }

    /// Unpaid invoices of this account or under this reference, at most [`INVOICES_MAX`].
    pub async fn unpaid_of_account(&self, account: &str) -> Result<Vec<Invoice>, CrmError> {
        self.unpaid("account", account).await
    }

    async fn unpaid(&self, by: &'static str, value: &str) -> Result<Vec<Invoice>, CrmError> {
        let raw = self.send(rest::find(&self.account, by, value)?).await?;
        let found = rest::read_found(&raw)?;
        if found.unusable > 0 {
            tracing::warn!(unusable = found.unusable, "invoices left out: the CRM's data cannot be used");
        }
        Ok(found.invoices)
    }

    /// Tells of a payment. `event` makes a repeat harmless.
    pub async fn record_payment(&self, event: &EventId, paid: &Paid) -> Result<(), CrmError> {
        let raw = self.send(rest::record(&self.account, event, paid)?).await?;
        rest::read_recorded(&raw)
    }

    async fn send(&self, request: Request) -> Result<Raw, CrmError> {
        let prepared = self.transport.prepare(true, &request.head).map_err(CrmError::SetUp)?;
        match prepared.send(Bytes::from(request.body), self.timeout).await {
            Sent::Answer(raw) => Ok(raw),
            Sent::NotReached => Err(CrmError::NotReached),
            Sent::Unclear(UnknownWhy::Unreadable) => Err(CrmError::Unreadable),
            Sent::Unclear(_) => Err(CrmError::NoAnswer),
        }
    }
}
