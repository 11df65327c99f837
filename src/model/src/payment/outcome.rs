//! What a gateway's answer means, in one vocabulary for all of them.
//!
//! Rule: a status of 500 or more, a time-out after the first byte was written, an answer that
//! cannot be read, or an echo that differs from the request is [`Outcome::Unknown`], never a
//! decline: nobody knows whether money moved.

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bank said yes.
    Approved(Approval),
    /// The bank, or the gateway's rules on the bank's side, said no.
    Declined(Decline),
    /// Refused by the gateway's validation or configuration; nothing reached the bank.
    Rejected {
        /// The gateway's code.
        code: String,
        /// What an agent may say, without a cause that only an operator can mend.
        say: String,
    },
    /// Approved, but held for review: has to be reviewed or reversed, never retried.
    Held(Approval),
    /// The gateway will tell later.
    Pending {
        /// The gateway's own reference, opaque.
        gateway_ref: String,
    },
    /// It is not known whether money moved.
    Unknown(UnknownWhy),
}

/// A yes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// The issuer's authorisation code.
    pub auth_code: String,
    /// The gateway's own reference; opaque bytes as text, never assumed to be one id.
    pub gateway_ref: String,
    /// The scheme's transaction id, which later merchant-initiated payments must quote.
    pub network_transaction_id: Option<String>,
    /// The gateway's token for the card, where one was asked for.
    pub token: Option<String>,
    /// What the issuer checked.
    pub checks: Checks,
}

/// Results of security code and address checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Security code.
    pub cvc: Check,
    /// House number.
    pub house_number: Check,
    /// Postcode.
    pub postcode: Check,
}

/// One check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// The issuer confirms it.
    Match,
    /// The issuer denies it.
    Mismatch,
    /// Part of it fits.
    Partial,
    /// The issuer did not look, or sent a word that is not known.
    #[default]
    NotChecked,
    /// We did not send it.
    NotProvided,
    /// The issuer cannot check it.
    Unsupported,
}

/// A no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// What may sensibly be done next.
    pub class: DeclineClass,
    /// The scheme's response code, where the gateway passes it on.
    pub scheme_code: Option<String>,
    /// The scheme's advice, where the gateway passes it on.
    pub advice: Option<String>,
    /// The gateway's own code.
    pub gateway_code: String,
    /// What may be shown and said: never lost, stolen or fraud.
    pub say: String,
}

/// What may sensibly be done after a decline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclineClass {
    /// A field is wrong: ask for it again.
    FixData,
    /// This card will not do; another may.
    TryOtherCard,
    /// The same card may do later.
    RetryLater,
    /// This card must never be tried again.
    NeverRetry,
    /// The customer has to speak to the bank.
    CallIssuer,
    /// The bank wants the customer to authenticate, which a telephone cannot do.
    NeedsSca,
}

/// Why nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownWhy {
    /// No answer in time, and the request may have arrived.
    TimedOut,
    /// The connection broke after the first byte had left.
    ConnectionLost,
    /// The gateway answered with a status of 500 or more.
    ServerError,
    /// The answer could not be read, or was cut short.
    Unreadable,
    /// The echoed amount, currency or reference differs from what was asked.
    EchoMismatch,
    /// The payment task died or overran its deadline.
    TaskDied,
    /// The process died while the request was under way.
    ProcessDied,
}
