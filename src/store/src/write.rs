//! One write as data, so that it can wait in a queue and be repeated in a fresh transaction.

use crate::agreement::{self, NewAgreement};
use crate::audit::{self, AuditEntry};
use crate::error::{Fault, StoreError};
use crate::evidence::{self, NewEvidence};
use crate::means::{self, MeansRow};
use crate::receipt::{self, NewReceipt, Tried};
use crate::row::{CallRecord, Concluded, NewAttempt};
use crate::session::{self, SessionRow, TokenHash};
use crate::sign_in::{self, GuardRow};
use crate::{attempt, call, outbox};
use sea_orm::ConnectionTrait;
use time::OffsetDateTime;
use tonewall_model::ids::{AttemptId, CallId, EventId, ReceiptId, TenantId};
use tonewall_model::payment::News;

/// What to write of one tenant's.
pub(crate) enum Write {
    Begin(Box<NewAttempt>),
    Conclude { attempt: AttemptId, news: Box<News>, now: OffsetDateTime },
    RecordCall(Box<CallRecord>),
    WrapCall { call: CallId, now: OffsetDateTime },
    UnwrapCall { call: CallId },
    Audit(Box<AuditEntry>),
    Evidence(Box<NewEvidence>),
    LeaseEvent { event: EventId, now: OffsetDateTime, until: OffsetDateTime },
    DeferEvent { event: EventId, until: OffsetDateTime },
    EventDelivered { event: EventId, now: OffsetDateTime },
    EventGivenUp { event: EventId, entry: Box<AuditEntry> },
    ReceiptQueue(Box<NewReceipt>),
    ReceiptTried { receipt: ReceiptId, tried: Tried, now: OffsetDateTime },
    MeansChoose(Box<MeansRow>),
    AgreementBegin(Box<NewAgreement>),
    SignInPut { name: String, state: Option<GuardRow> },
    SignInSwap { name: String, before: Option<GuardRow>, after: Option<GuardRow> },
}

/// What to write where no tenant is known, or in all of them.
pub(crate) enum Across {
    SessionBegin(Box<SessionRow>),
    SessionSeen { token_hash: TokenHash, now: OffsetDateTime },
    SessionEnd { token_hash: TokenHash },
    SessionsExpire { before: OffsetDateTime },
    SignInsExpire { before: OffsetDateTime },
    CloseCalls { now: OffsetDateTime, began_before: Option<OffsetDateTime> },
}

/// What came of it.
pub(crate) enum Done {
    Written,
    /// So many rows were changed.
    Rows(u64),
    Concluded(Box<Concluded>),
}

impl Done {
    /// How many rows were changed, by a write that tells.
    pub(crate) fn rows(self) -> Result<u64, StoreError> {
        match self {
            Done::Rows(rows) => Ok(rows),
            Done::Written | Done::Concluded(_) => Err(StoreError::Corrupt("the writer's answer".to_owned())),
        }
    }
}

/// A write, and the tenant whose rows alone it may touch where there is one.
pub(crate) enum Item {
    Of(TenantId, Write),
    Across(Across),
}

impl Item {
    /// Runs the statements on a transaction that the caller commits or rolls back.
    pub(crate) async fn apply<C: ConnectionTrait>(&self, db: &C) -> Result<Done, Fault> {
        match self {
            Item::Of(tenant, write) => write.apply(db, tenant).await,
            Item::Across(across) => across.apply(db).await,
        }
    }
}

impl Write {
    async fn apply<C: ConnectionTrait>(&self, db: &C, tenant: &TenantId) -> Result<Done, Fault> {
        let rows = match self {
            Write::Conclude { attempt, news, now } => {
                let concluded = attempt::conclude(db, tenant, attempt, news, *now).await?;
                return Ok(Done::Concluded(Box::new(concluded)));
            }
            Write::LeaseEvent { event, now, until } => {
                outbox::lease(db, tenant, event, *now, *until).await.map(u64::from)?
            }
            Write::DeferEvent { event, until } => outbox::defer(db, tenant, event, *until).await?,
            Write::ReceiptTried { receipt, tried, now } => {
                receipt::tried(db, tenant, receipt, tried, *now).await?
            }
            Write::Evidence(new) => evidence::append(db, tenant, new).await?,
            Write::SignInPut { name, state } => sign_in::put(db, tenant, name, state.as_ref()).await?,
            Write::SignInSwap { name, before, after } => {
                sign_in::swap(db, tenant, name, before.as_ref(), after.as_ref()).await?
            }
            Write::Begin(new) => return written(attempt::begin(db, tenant, new).await),
            Write::RecordCall(record) => return written(call::record(db, tenant, record).await),
            Write::WrapCall { call, now } => return written(call::wrap(db, tenant, call, *now).await),
            Write::UnwrapCall { call } => return written(call::unwrap(db, tenant, call).await),
            Write::Audit(entry) => return written(audit::append(db, tenant, entry).await),
            Write::EventDelivered { event, now } => {
                return written(outbox::delivered(db, tenant, event, *now).await);
            }
            Write::EventGivenUp { event, entry } => {
                return written(outbox::give_up(db, tenant, event, entry).await);
            }
            Write::ReceiptQueue(new) => return written(receipt::queue(db, tenant, new).await),
            Write::MeansChoose(choice) => return written(means::choose(db, tenant, choice).await),
            Write::AgreementBegin(new) => return written(agreement::begin(db, tenant, new).await),
        };
        Ok(Done::Rows(rows))
    }
}

impl Across {
    async fn apply<C: ConnectionTrait>(&self, db: &C) -> Result<Done, Fault> {
        let rows = match self {
            Across::SessionBegin(session) => return written(session::begin(db, session).await),
            Across::SessionSeen { token_hash, now } => session::seen(db, token_hash, *now).await?,
            Across::SessionEnd { token_hash } => session::end(db, token_hash).await?,
            Across::SessionsExpire { before } => session::expire(db, *before).await?,
            Across::SignInsExpire { before } => sign_in::expire(db, *before).await?,
            Across::CloseCalls { now, began_before } => {
                call::close_interrupted(db, *now, *began_before).await?
            }
        };
        Ok(Done::Rows(rows))
    }
}

fn written(result: Result<(), Fault>) -> Result<Done, Fault> {
    result.map(|()| Done::Written)
}
