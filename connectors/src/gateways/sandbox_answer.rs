//! Reading what the sandbox gateway says.
//!
//! Only a complete answer whose echo is right may say approved or declined, and only a refusal that
//! is known to come before the bank may say rejected. Everything else: nobody knows.

use super::{Order, Raw, Reading, Resolution, Undo, words};
use crate::text;
use serde::Deserialize;
use tonewall_model::money::Money;
use tonewall_model::payment::{Approval, Check, Checks, Decline, DeclineClass, Outcome, UnknownWhy};

/// Longest identifier of the gateway.
pub(super) const ID_LEN_MAX: usize = 64;

/// Longest code: authorisation, scheme, error.
const CODE_LEN_MAX: usize = 40;

#[derive(Deserialize)]
struct Payment {
    id: String,
    reference: String,
    amount_minor: i64,
    currency: String,
    status: Status,
    auth_code: Option<String>,
    decline: Option<DeclineAnswer>,
    checks: ChecksAnswer,
    token: Option<String>,
    network_transaction_id: Option<String>,
    voided: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Status {
    Approved,
    Declined,
    Held,
    Pending,
}

#[derive(Deserialize)]
struct DeclineAnswer {
    code: String,
    class: String,
    scheme_code: Option<String>,
    advice: Option<String>,
}

#[derive(Deserialize)]
struct ChecksAnswer {
    cvc: String,
    house_number: String,
    postcode: String,
}

#[derive(Deserialize)]
struct Payments {
    payments: Vec<Payment>,
}

#[derive(Deserialize)]
struct Refund {
    id: String,
    payment_id: String,
    reference: String,
    amount_minor: i64,
    currency: String,
    status: String,
}

#[derive(Deserialize)]
struct Error {
    error: ErrorAnswer,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    code: String,
}

/// JSON in UTF-8 throughout: fields that are skipped are not looked at otherwise (RFC 8259 §8.1).
fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, UnknownWhy> {
    let text = std::str::from_utf8(body).map_err(|_| UnknownWhy::Unreadable)?;
    serde_json::from_str(text).map_err(|_| UnknownWhy::Unreadable)
}

/// An answer by its status, before anything in it is believed.
enum Sorted {
    /// 200.
    Success,
    /// A well-formed refusal with its code.
    Refusal(String),
    /// Nobody can tell.
    Unclear(UnknownWhy),
    /// 429.
    Untouched(String),
}

fn sorted(raw: &Raw) -> Sorted {
    let code = || {
        let error: Error = parse(&raw.body).ok()?;
        text::identifier(&error.error.code, CODE_LEN_MAX)
    };
    match (raw.status, code()) {
        (200, _) => Sorted::Success,
        (500.., _) => Sorted::Unclear(UnknownWhy::ServerError),
        (429, Some(code)) => Sorted::Untouched(code),
        (409, Some(code)) if code == "in_progress" => Sorted::Unclear(UnknownWhy::TimedOut),
        (400..=499, Some(code)) => Sorted::Refusal(code),
        _ => Sorted::Unclear(UnknownWhy::Unreadable),
    }
}

/// Whether a refusal with this code is known to come before the bank.
///
/// A list of what is allowed: a code that is not known may mean anything, `idempotency_mismatch` and
/// `duplicate_reference` mean that some other request of ours did reach the bank.
fn before_the_bank(status: u16, code: &str) -> bool {
    match status {
        401 | 403 => true,
        400 | 404 | 405 | 413 | 415 | 422 => matches!(
            code,
            "invalid_json"
                | "missing_idempotency_key"
                | "invalid_idempotency_key"
                | "missing_reference"
                | "not_found"
                | "method_not_allowed"
                | "too_large"
                | "unsupported_media_type"
                | "invalid_request"
                | "invalid_number"
                | "not_a_test_card"
                | "invalid_expiry"
                | "invalid_cvc"
                | "invalid_amount"
                | "invalid_currency"
                | "currency_not_enabled"
                | "invalid_reference"
                | "invalid_address"
                | "invalid_agreement"
                | "unknown_token"
        ),
        _ => false,
    }
}

/// The answer to a sale or a charge.
pub(super) fn sale(order: &Order, raw: &Raw) -> Reading<Outcome> {
    match sorted(raw) {
        Sorted::Success => match parse::<Payment>(&raw.body) {
            Ok(payment) if payment.voided && payment.echoes(order) => {
                Reading::Done(Outcome::Unknown(UnknownWhy::EchoMismatch))
            }
            Ok(payment) => payment.outcome(order).map_or_else(Reading::Unclear, Reading::Done),
            Err(why) => Reading::Unclear(why),
        },
        Sorted::Refusal(code) if before_the_bank(raw.status, &code) => {
            let say = words::rejected(&code).to_owned();
            Reading::Done(Outcome::Rejected { code, say })
        }
        Sorted::Refusal(code) if matches!(code.as_str(), "idempotency_mismatch" | "duplicate_reference") => {
            Reading::Done(Outcome::Unknown(UnknownWhy::EchoMismatch))
        }
        Sorted::Refusal(_) => Reading::Unclear(UnknownWhy::Unreadable),
        Sorted::Unclear(why) => Reading::Unclear(why),
        Sorted::Untouched(code) => Reading::Untouched { code },
    }
}

/// The answer to a query by our reference.
pub(super) fn find(order: &Order, raw: &Raw) -> Reading<Resolution> {
    let unreadable = Reading::Unclear(UnknownWhy::Unreadable);
    match sorted(raw) {
        Sorted::Success => {
            let Ok(found) = parse::<Payments>(&raw.body) else { return unreadable };
            match found.payments.as_slice() {
                [] => unreadable,
                [payment] if payment.voided && payment.echoes(order) => Reading::Done(Resolution::Voided),
                [payment] => match payment.outcome(order) {
                    Ok(Outcome::Unknown(why)) => Reading::Done(Resolution::Unclear(why)),
                    Ok(outcome) => Reading::Done(Resolution::Found(outcome)),
                    Err(why) => Reading::Unclear(why),
                },
                // Charged more than once: no single outcome is true, a person has to look.
                _ => Reading::Done(Resolution::Unclear(UnknownWhy::EchoMismatch)),
            }
        }
        Sorted::Refusal(code) if raw.status == 404 && code == "not_found" => {
            Reading::Done(Resolution::NotFound)
        }
        Sorted::Refusal(_) => Reading::Done(Resolution::Unclear(UnknownWhy::Unreadable)),
        Sorted::Unclear(why) => Reading::Unclear(why),
        Sorted::Untouched(code) => Reading::Untouched { code },
    }
}

/// The answer to a void.
pub(super) fn void(order: &Order, raw: &Raw) -> Reading<Undo> {
    undo(raw, |body| {
        let payment: Payment = parse(body)?;
        if !payment.echoes(order) {
            return Err(UnknownWhy::EchoMismatch);
        }
        if payment.voided { Ok(payment.id) } else { Err(UnknownWhy::Unreadable) }
    })
}

/// The answer to a refund.
pub(super) fn refund(gateway_ref: &str, reference: &str, amount: Money, raw: &Raw) -> Reading<Undo> {
    undo(raw, |body| {
        let refund: Refund = parse(body)?;
        let echoes = refund.payment_id == gateway_ref
            && refund.reference == reference
            && refund.amount_minor == amount.minor
            && refund.currency == amount.currency.code();
        match refund.status.as_str() {
            _ if !echoes => Err(UnknownWhy::EchoMismatch),
            "refunded" => Ok(refund.id),
            _ => Err(UnknownWhy::Unreadable),
        }
    })
}

/// `read` takes the body of a 200 and gives the gateway's reference of what was done.
fn undo(raw: &Raw, read: impl FnOnce(&[u8]) -> Result<String, UnknownWhy>) -> Reading<Undo> {
    match sorted(raw) {
        Sorted::Success => match read(&raw.body) {
            Ok(id) => match text::identifier(&id, ID_LEN_MAX) {
                Some(gateway_ref) => Reading::Done(Undo::Done { gateway_ref }),
                None => Reading::Unclear(UnknownWhy::Unreadable),
            },
            Err(UnknownWhy::EchoMismatch) => Reading::Done(Undo::Unclear(UnknownWhy::EchoMismatch)),
            Err(why) => Reading::Unclear(why),
        },
        Sorted::Refusal(code) if raw.status == 404 && code == "not_found" => Reading::Done(Undo::NotFound),
        Sorted::Refusal(code) => {
            let refused = before_the_bank(raw.status, &code)
                || matches!(code.as_str(), "over_refund" | "invalid_state");
            match refused {
                true => Reading::Done(Undo::Refused { code, say: words::NOT_UNDONE.to_owned() }),
                false => Reading::Done(Undo::Unclear(UnknownWhy::EchoMismatch)),
            }
        }
        Sorted::Unclear(why) => Reading::Unclear(why),
        Sorted::Untouched(code) => Reading::Untouched { code },
    }
}

impl Payment {
    fn echoes(&self, order: &Order) -> bool {
        self.reference == order.attempt.as_str()
            && self.amount_minor == order.amount.minor
            && self.currency == order.amount.currency.code()
    }

    /// The outcome of a payment as it stands; `Err` when its parts contradict one another.
    fn outcome(&self, order: &Order) -> Result<Outcome, UnknownWhy> {
        if !self.echoes(order) {
            return Ok(Outcome::Unknown(UnknownWhy::EchoMismatch));
        }
        let gateway_ref = text::identifier(&self.id, ID_LEN_MAX).ok_or(UnknownWhy::Unreadable)?;
        match (self.status, &self.decline) {
            (Status::Approved, None) => Ok(Outcome::Approved(self.approval(gateway_ref)?)),
            (Status::Held, None) => Ok(Outcome::Held(self.approval(gateway_ref)?)),
            (Status::Pending, None) => Ok(Outcome::Pending { gateway_ref }),
            (Status::Declined, Some(decline)) => Ok(Outcome::Declined(decline.read())),
            _ => Err(UnknownWhy::Unreadable),
        }
    }

    fn approval(&self, gateway_ref: String) -> Result<Approval, UnknownWhy> {
        let identifier = |text: &Option<String>| text::identifier(text.as_deref()?, ID_LEN_MAX);
        let auth_code = self.auth_code.as_deref().and_then(|code| text::identifier(code, CODE_LEN_MAX));
        Ok(Approval {
            auth_code: auth_code.ok_or(UnknownWhy::Unreadable)?,
            gateway_ref,
            network_transaction_id: identifier(&self.network_transaction_id),
            token: identifier(&self.token),
            checks: Checks {
                cvc: check(&self.checks.cvc),
                house_number: check(&self.checks.house_number),
                postcode: check(&self.checks.postcode),
            },
        })
    }
}

impl DeclineAnswer {
    fn read(&self) -> Decline {
        let class = match self.class.as_str() {
            "fix_data" => DeclineClass::FixData,
            "retry_later" => DeclineClass::RetryLater,
            "never_retry" => DeclineClass::NeverRetry,
            "call_issuer" => DeclineClass::CallIssuer,
            "needs_sca" => DeclineClass::NeedsSca,
            // A class that is not known asks for nothing but another card.
            _ => DeclineClass::TryOtherCard,
        };
        let kept = |text: &Option<String>| text.as_deref().map(|text| text::clean(text, CODE_LEN_MAX));
        Decline {
            class,
            scheme_code: kept(&self.scheme_code),
            advice: kept(&self.advice),
            gateway_code: text::clean(&self.code, CODE_LEN_MAX),
            say: words::declined(class, &self.code).to_owned(),
        }
    }
}

fn check(word: &str) -> Check {
    match word {
        "match" => Check::Match,
        "mismatch" => Check::Mismatch,
        "not_provided" => Check::NotProvided,
        _ => Check::NotChecked,
    }
}
