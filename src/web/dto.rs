//! The wire's own shapes, converted by hand: model types are not serialisable.

use serde::{Deserialize, Serialize};
use tonewall_model::call::{CallView, PayState, Phase};
use tonewall_model::capture::{Field, Progress, Warning};
use tonewall_model::dtmf::Unwell;
use tonewall_store::AttemptRow;

/// A call, as its agent may see it.
#[derive(Serialize)]
pub(super) struct CallDto {
    id: String,
    route: &'static str,
    agent: Option<String>,
    caller: String,
    state: &'static str,
    ended_why: Option<&'static str>,
    secured: bool,
    secured_ms: Option<u32>,
    unwell: Option<&'static str>,
    leaked: bool,
    slow_keys: bool,
    capture: CaptureDto,
    payment: PaymentDto,
    keys: u32,
}

#[derive(Serialize)]
struct CaptureDto {
    state: &'static str,
    field: Option<&'static str>,
    filled: u8,
    brand: Option<&'static str>,
    last4: Option<String>,
    expiry: Option<String>,
    cvc_filled: u8,
    address_given: bool,
    problem: Option<&'static str>,
    warnings: Vec<&'static str>,
    stalled: bool,
    tries_left: u8,
    failed_why: Option<&'static str>,
}

#[derive(Serialize)]
struct PaymentDto {
    state: &'static str,
    attempt_id: Option<String>,
    auth_code: Option<String>,
    card: Option<CardDto>,
    account: Option<String>,
    amount_minor: Option<i64>,
    currency: Option<String>,
    say: String,
}

/// The card of an attempt, as its agent may see it.
#[derive(Serialize)]
struct CardDto {
    brand: &'static str,
    last4: String,
    expiry: String,
}

impl CallDto {
    pub fn of(view: &CallView) -> CallDto {
        let (state, ended_why) = match view.phase {
            Phase::Ringing => ("ringing", None),
            Phase::Connected => ("connected", None),
            Phase::Ended(why) => ("ended", Some(why.as_str())),
        };
        CallDto {
            id: view.id.as_str().to_owned(),
            route: view.route.as_str(),
            agent: view.agent.as_ref().map(|agent| agent.0.clone()),
            caller: view.caller.clone(),
            state,
            ended_why,
            secured: view.secured,
            secured_ms: view.secured_ms,
            unwell: view.unwell.map(Unwell::as_str),
            leaked: view.leaked,
            slow_keys: view.slow_keys,
            capture: capture_dto(view),
            payment: payment_dto(view),
            keys: view.keys,
        }
    }
}

fn capture_dto(view: &CallView) -> CaptureDto {
    let progress: &Progress = &view.capture;
    let state = match view {
        _ if view.capture_complete => "complete",
        _ if view.capture_open => "open",
        _ if view.capture_failed.is_some() => "failed",
        _ if view.capture_cancelled => "cancelled",
        _ => "idle",
    };
    let in_code = progress.field == Some(Field::Code);
    CaptureDto {
        state,
        field: progress.field.map(field_word),
        filled: progress.filled,
        brand: progress.brand.map(|brand| brand.as_str()),
        last4: progress.last4.clone(),
        expiry: progress.expiry.map(|expiry| expiry.to_string()),
        cvc_filled: if in_code { progress.filled } else { progress.code_digits },
        address_given: progress.address_given,
        problem: progress.problem.zip(progress.field).map(|(problem, field)| problem.code(field)),
        warnings: progress.warnings.iter().map(warning_word).collect(),
        stalled: progress.stalled.is_some(),
        tries_left: progress.tries_left,
        failed_why: view.capture_failed.map(|why| why.code()),
    }
}

fn payment_dto(view: &CallView) -> PaymentDto {
    let payment = &view.payment;
    PaymentDto {
        state: match payment.state {
            PayState::None => "none",
            PayState::Attempt(state) => state.as_str(),
        },
        attempt_id: payment.attempt.as_ref().map(|id| id.as_str().to_owned()),
        auth_code: payment.auth_code.clone(),
        card: payment.card.as_ref().map(|card| CardDto {
            brand: card.brand.as_str(),
            last4: card.last4.clone(),
            expiry: card.expiry.to_string(),
        }),
        account: payment.account.clone(),
        amount_minor: payment.amount.map(|amount| amount.minor),
        currency: payment.amount.map(|amount| amount.currency.code().to_owned()),
        say: payment.say.clone(),
    }
}

fn warning_word(warning: &Warning) -> &'static str {
    match warning {
        Warning::BrandUnknown => "brand_unknown",
        Warning::BrandNotTaken(_) => "brand_not_taken",
        Warning::NoCheckDigit => "no_check_digit",
        Warning::ExpiryCompleted => "expiry_completed",
        Warning::ExpiryFar => "expiry_far",
        Warning::DigitsShort(_) => "digits_short",
        Warning::EndKeyAwaited => "end_key_awaited",
        Warning::EndingSoon => "ending_soon",
        Warning::BankObjected(_) => "bank_objected",
    }
}

fn field_word(field: Field) -> &'static str {
    match field {
        Field::Pan => "pan",
        Field::Expiry => "expiry",
        Field::Code => "cvc",
        Field::HouseNumber => "house_number",
        Field::Postcode => "postcode",
        Field::Address => "address",
    }
}

/// The field that a word names.
pub(super) fn field_of(word: &str) -> Option<Field> {
    [Field::Pan, Field::Expiry, Field::Code, Field::HouseNumber, Field::Postcode, Field::Address]
        .into_iter()
        .find(|field| field_word(*field) == word)
}

/// What to collect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentBody {
    pub account: String,
    pub amount_minor: i64,
    pub currency: String,
    /// Take it even where the same was taken a moment ago.
    #[serde(default)]
    pub confirm: bool,
}

/// House number and postcode.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressBody {
    pub house_number: String,
    pub postcode: String,
}

/// Which field to ask for again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReaskBody {
    pub field: String,
}

/// Several calls.
#[derive(Serialize)]
pub(super) struct CallsDto {
    pub calls: Vec<CallDto>,
}

/// Which calls.
#[derive(Deserialize)]
pub(super) struct CallsQuery {
    pub caller: Option<String>,
}

/// An attempt, as finance may see it.
#[derive(Serialize)]
pub(super) struct AttemptDto {
    id: String,
    payment_id: String,
    call_id: String,
    agent: String,
    account: String,
    amount_minor: i64,
    currency: String,
    state: &'static str,
    auth_code: Option<String>,
    gateway: String,
    gateway_ref: Option<String>,
    brand: String,
    first6: String,
    last4: String,
    expiry: String,
}

impl AttemptDto {
    pub fn of(row: &AttemptRow) -> AttemptDto {
        use tonewall_model::payment::Outcome;
        let approval = match &row.outcome {
            Some(Outcome::Approved(yes) | Outcome::Held(yes)) => Some(yes),
            _ => None,
        };
        AttemptDto {
            id: row.id.as_str().to_owned(),
            payment_id: row.payment.as_str().to_owned(),
            call_id: row.call.as_str().to_owned(),
            agent: row.agent.0.clone(),
            account: row.account.clone(),
            amount_minor: row.amount.minor,
            currency: row.amount.currency.code().to_owned(),
            state: row.state.as_str(),
            auth_code: approval.map(|yes| yes.auth_code.clone()),
            gateway: row.gateway.clone(),
            gateway_ref: approval.map(|yes| yes.gateway_ref.clone()),
            brand: row.card.brand.clone(),
            first6: row.card.first6.clone(),
            last4: row.card.last4.clone(),
            expiry: row.card.expiry.clone(),
        }
    }
}
