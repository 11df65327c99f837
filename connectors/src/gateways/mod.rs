//! Payment gateways, pure: no socket, no clock, no randomness.
//!
//! A connector turns an order into bytes and bytes into an outcome. Who sends them, how often and
//! how long to wait is [`crate::driver`]'s business, the same for all of them.

mod sandbox;
mod sandbox_answer;
pub(crate) mod words;

pub use sandbox::Sandbox;

use crate::sealed::Sealed;
use std::time::Duration;
use tonewall_model::card::Kept;
use tonewall_model::ids::AttemptId;
use tonewall_model::money::Money;
use tonewall_model::payment::{Outcome, UnknownWhy};
use tonewall_model::tenant::{GatewayAccount, GatewayKind};
use tonewall_secret::{Cvc, Secret};

/// The connector of an account.
pub fn of(kind: GatewayKind) -> &'static dyn Gateway {
    match kind {
        GatewayKind::Sandbox => &Sandbox,
    }
}

/// One gateway: how to ask it and how to read what it says.
///
/// Every request carries our attempt id as reference and as idempotency key, so that one attempt is
/// one payment however often it is sent.
pub trait Gateway: Send + Sync {
    /// What it is and what it can do.
    fn profile(&self) -> &Profile;

    /// The sale: the one request with a card, whose code is spent by it.
    fn sale(&self, account: &GatewayAccount, order: &Order, card: &Kept, code: Cvc)
    -> Result<Sealed, Refuse>;

    /// Any request without a card.
    fn request(&self, account: &GatewayAccount, order: &Order, ask: &Ask<'_>) -> Result<Request, Refuse>;

    /// What the answer to a sale or to [`Ask::Charge`] tells.
    ///
    /// Approved only where amount, currency and reference come back as they were sent.
    fn read_sale(&self, order: &Order, raw: &Raw) -> Reading<Outcome>;

    /// What the answer to [`Ask::Find`] tells; a connector knows no clock and never says `NotYet`.
    fn read_find(&self, order: &Order, raw: &Raw) -> Reading<Resolution>;

    /// What the answer to [`Ask::Void`] or [`Ask::Refund`] tells.
    fn read_undo(&self, order: &Order, ask: &Ask<'_>, raw: &Raw) -> Reading<Undo>;
}

/// What one attempt is to collect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Our reference at the gateway, and the idempotency key.
    pub attempt: AttemptId,
    /// How much.
    pub amount: Money,
    /// The customer's account or invoice at the tenant, for gateways that show it.
    pub account: String,
    /// The first payment under an agreement: the card is stored and its token comes back.
    pub agreement: Option<Reason>,
}

/// What a continuous payment authority is for (the schemes' reason types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The same amount at fixed intervals.
    Recurring,
    /// Parts of one purchase.
    Instalment,
    /// When a condition is met.
    Unscheduled,
}

/// The agreement under which a stored card is charged without the customer (MIT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What it is for.
    pub reason: Reason,
    /// The scheme's transaction id of the payment with which it began.
    pub network_transaction_id: String,
}

/// Requests without a card.
pub enum Ask<'a> {
    /// Charge a stored card under its agreement.
    Charge {
        /// The gateway's token for the card.
        token: &'a Secret<String>,
        /// What the customer agreed to.
        agreement: &'a Agreement,
    },
    /// What became of the attempt, by our reference.
    Find,
    /// Undo a payment before it settles.
    Void {
        /// The gateway's reference of the payment.
        gateway_ref: &'a str,
    },
    /// Give back all or part of a payment.
    Refund {
        /// The gateway's reference of the payment.
        gateway_ref: &'a str,
        /// Our reference of the refund, and its idempotency key.
        reference: &'a str,
        /// How much.
        amount: Money,
    },
}

/// What a gateway is and can do.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its name in logs and metrics.
    pub name: &'static str,
    /// How an attempt is resolved that nobody knows the end of.
    pub recovery: Recovery,
    /// Whether the same body under the same key is charged once however often it is sent.
    pub may_replay: bool,
    /// What it takes as a reference.
    pub reference: ReferenceRule,
    /// Whether it may be reached without TLS on this machine: the sandbox alone.
    pub loopback_http: bool,
}

/// How an attempt is resolved when its process, and with it the card, is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It can be asked by our reference.
    FindByReference {
        /// How long after it has charged it may still answer "not found".
        lag: Duration,
    },
    /// It tells by itself, or not at all: there is nothing to ask.
    WebhookOnly,
}

/// What a gateway takes as a reference: ASCII letters, digits and some punctuation.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceRule {
    /// Longest.
    pub len_max: usize,
    /// Punctuation that is allowed.
    pub punctuation: &'static str,
    /// Longest run of digits: more looks like a card number.
    pub digits_max: usize,
}

impl ReferenceRule {
    /// The reference, when the gateway will take it. Checked before anything is sent.
    pub fn check<'a>(&self, reference: &'a str) -> Result<&'a str, Refuse> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || self.punctuation.contains(c);
        let run = reference.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
        let fits = (1..=self.len_max).contains(&reference.len()) && run <= self.digits_max;
        if fits && reference.chars().all(allowed) { Ok(reference) } else { Err(Refuse::Reference) }
    }
}

/// Why a request was not even built. Nothing has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuse {
    /// The gateway does not take such a reference.
    Reference,
    /// The gateway's reference of a payment is not one that it gives.
    GatewayRef,
    /// The account's address is no URL, or not one that a card may be sent to.
    Url,
    /// The account's credential cannot stand in a header.
    Credential,
    /// The amount is in another currency than the payment.
    Currency,
    /// The body is longer than its buffer.
    TooLong,
}

impl Refuse {
    /// For logs and rows.
    pub fn code(self) -> &'static str {
        match self {
            Refuse::Reference => "refused_reference",
            Refuse::GatewayRef => "refused_gateway_ref",
            Refuse::Url => "refused_url",
            Refuse::Credential => "refused_credential",
            Refuse::Currency => "refused_currency",
            Refuse::TooLong => "refused_too_long",
        }
    }

    /// What an agent may say.
    pub fn say(self) -> &'static str {
        words::NOT_SENT
    }
}

/// The part of a request that is the same with and without a card.
pub struct Head {
    /// Method.
    pub method: Method,
    /// Whole URL.
    pub url: String,
    /// Headers, credentials among them.
    pub headers: Vec<Header>,
}

/// HTTP methods that gateways use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
}

/// One header.
pub struct Header {
    /// Name, lower case.
    pub name: &'static str,
    /// Value; secret, because one of them always is.
    pub value: Secret<String>,
}

/// A request without a card.
pub struct Request {
    /// Method, URL, headers.
    pub head: Head,
    /// Body; empty for a GET.
    pub body: Vec<u8>,
}

/// A complete answer: its length was as promised. Not printable, for a gateway may echo a card.
pub struct Raw {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// What one complete answer tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<T> {
    /// All there is to know.
    Done(T),
    /// Nobody can tell from it; the same request again may.
    Unclear(UnknownWhy),
    /// This one request did nothing and left its key unused, as with 429.
    Untouched {
        /// The gateway's code.
        code: String,
    },
}

/// What became of an attempt of unknown end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The gateway has it, with this outcome.
    Found(Outcome),
    /// The gateway has it, and it is voided: no money is held.
    Voided,
    /// The gateway has not got it and will not get it: nothing was charged.
    NotFound,
    /// The gateway has not got it yet, which is no proof so early.
    NotYet {
        /// When to ask again, from now.
        ask_again: Duration,
    },
    /// The question was not answered.
    Unclear(UnknownWhy),
}

/// What became of a void or a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// It is done, or was done before.
    Done {
        /// The gateway's reference: of the refund, or of the voided payment.
        gateway_ref: String,
    },
    /// The gateway will not, and nothing was done.
    Refused {
        /// Its code.
        code: String,
        /// What may be shown and said.
        say: String,
    },
    /// The gateway has no such payment.
    NotFound,
    /// It is not known whether it was done; the same request may be sent again later.
    Unclear(UnknownWhy),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_a_gateway_will_not_take_are_refused_here() {
        let rule = ReferenceRule { len_max: 24, punctuation: "._-", digits_max: 12 };
        for good in ["at_0123456789abcdefghjk", "a", "123456789012", "A.b_c-d"] {
            assert_eq!(rule.check(good), Ok(good));
        }
        for bad in ["", "a b", "a/b", "1234567890123", "at_0123456789abcdefghjkmn", "\u{e9}", "a\n"] {
            assert_eq!(rule.check(bad), Err(Refuse::Reference), "{bad:?}");
        }
    }
}
