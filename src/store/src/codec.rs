//! Attempts between rows and the model's types, by hand: the model knows no columns.

use crate::clock;
use crate::entity::attempt::{ActiveModel, Model};
use crate::error::StoreError;
use crate::row::{AttemptRow, CardFacts};
use crate::scrub;
use crate::words::Word;
use sea_orm::ActiveValue::Set;
use tonewall_model::ids::{AgentId, AttemptId, CallId, PaymentId};
use tonewall_model::money::{Currency, Money};
use tonewall_model::payment::{Approval, AttemptState, Checks, Decline, Outcome};

fn corrupt(row: &Model, column: &str) -> StoreError {
    StoreError::Corrupt(format!("attempt {}: column {column}", row.id))
}

/// An amount of a row.
pub(crate) fn money(minor: i64, currency: &str) -> Option<Money> {
    Some(Money { minor, currency: Currency::parse(currency)? })
}

/// A row as an attempt; [`StoreError::Corrupt`] names the column that makes no sense.
pub(crate) fn attempt(row: Model) -> Result<AttemptRow, StoreError> {
    let bad = |column| corrupt(&row, column);
    Ok(AttemptRow {
        id: AttemptId::parse(&row.id).ok_or_else(|| bad("id"))?,
        payment: PaymentId::parse(&row.payment_id).ok_or_else(|| bad("payment_id"))?,
        call: CallId::parse(&row.call_id).ok_or_else(|| bad("call_id"))?,
        amount: money(row.amount_minor, &row.currency).ok_or_else(|| bad("currency"))?,
        state: AttemptState::parse(&row.state).ok_or_else(|| bad("state"))?,
        fence: u64::try_from(row.fence).map_err(|_| bad("fence"))?,
        deadline_at: clock::from_text(&row.deadline_at)?,
        outcome: outcome(&row)?,
        created_at: clock::from_text(&row.created_at)?,
        concluded_at: clock::from_text_or_null(row.concluded_at.as_deref())?,
        agent: AgentId(row.agent),
        account: row.account,
        gateway: row.gateway,
        merchant: row.merchant,
        idempotency_key: row.idempotency_key,
        card: CardFacts { brand: row.brand, first6: row.first6, last4: row.last4, expiry: row.expiry },
    })
}

/// The answer that the outcome columns describe.
fn outcome(row: &Model) -> Result<Option<Outcome>, StoreError> {
    let Some(kind) = row.outcome.as_deref() else { return Ok(None) };
    let text = |column: &Option<String>| column.clone().unwrap_or_default();
    Ok(Some(match AttemptState::parse(kind) {
        Some(AttemptState::Approved) => Outcome::Approved(approval(row)?),
        Some(AttemptState::Held) => Outcome::Held(approval(row)?),
        Some(AttemptState::Declined) => Outcome::Declined(Decline {
            class: word(row, &row.decline_class, "decline_class")?,
            scheme_code: row.scheme_code.clone(),
            advice: row.advice.clone(),
            gateway_code: text(&row.gateway_code),
            say: text(&row.say),
        }),
        Some(AttemptState::Rejected) => {
            Outcome::Rejected { code: text(&row.gateway_code), say: text(&row.say) }
        }
        Some(AttemptState::Pending) => Outcome::Pending { gateway_ref: text(&row.gateway_ref) },
        Some(AttemptState::Unknown) => Outcome::Unknown(word(row, &row.unknown_why, "unknown_why")?),
        _ => return Err(corrupt(row, "outcome")),
    }))
}

fn approval(row: &Model) -> Result<Approval, StoreError> {
    Ok(Approval {
        auth_code: row.auth_code.clone().unwrap_or_default(),
        gateway_ref: row.gateway_ref.clone().unwrap_or_default(),
        network_transaction_id: row.network_transaction_id.clone(),
        token: row.token.clone(),
        checks: Checks {
            cvc: word(row, &row.check_cvc, "check_cvc")?,
            house_number: word(row, &row.check_house, "check_house")?,
            postcode: word(row, &row.check_postcode, "check_postcode")?,
        },
    })
}

fn word<W: Word>(row: &Model, column: &Option<String>, name: &str) -> Result<W, StoreError> {
    column.as_deref().and_then(W::from_word).ok_or_else(|| corrupt(row, name))
}

/// An outcome without a card number in any of its texts.
pub(crate) fn cleaned(outcome: Outcome, card: &CardFacts) -> Outcome {
    let reference = |text: String| scrub::reference(&text, &card.first6, &card.last4);
    let words = |text: String| scrub::words(&text);
    let approval = |approval: Approval| Approval {
        auth_code: words(approval.auth_code),
        gateway_ref: reference(approval.gateway_ref),
        network_transaction_id: approval.network_transaction_id.map(reference),
        token: approval.token.map(reference),
        checks: approval.checks,
    };
    match outcome {
        Outcome::Approved(yes) => Outcome::Approved(approval(yes)),
        Outcome::Held(yes) => Outcome::Held(approval(yes)),
        Outcome::Declined(no) => Outcome::Declined(Decline {
            class: no.class,
            scheme_code: no.scheme_code.map(words),
            advice: no.advice.map(words),
            gateway_code: words(no.gateway_code),
            say: words(no.say),
        }),
        Outcome::Rejected { code, say } => Outcome::Rejected { code: words(code), say: words(say) },
        Outcome::Pending { gateway_ref } => Outcome::Pending { gateway_ref: reference(gateway_ref) },
        Outcome::Unknown(why) => Outcome::Unknown(why),
    }
}

/// The outcome columns of an answer; those that it does not have are emptied.
pub(crate) fn outcome_columns(outcome: &Outcome) -> ActiveModel {
    let mut row = ActiveModel {
        outcome: Set(Some(AttemptState::of(outcome).as_str().to_owned())),
        auth_code: Set(None),
        gateway_ref: Set(None),
        network_transaction_id: Set(None),
        token: Set(None),
        decline_class: Set(None),
        scheme_code: Set(None),
        advice: Set(None),
        gateway_code: Set(None),
        say: Set(None),
        unknown_why: Set(None),
        check_cvc: Set(None),
        check_house: Set(None),
        check_postcode: Set(None),
        ..Default::default()
    };
    let word = |word: &str| Set(Some(word.to_owned()));
    match outcome.clone() {
        Outcome::Approved(yes) | Outcome::Held(yes) => {
            row.auth_code = Set(Some(yes.auth_code));
            row.gateway_ref = Set(Some(yes.gateway_ref));
            row.network_transaction_id = Set(yes.network_transaction_id);
            row.token = Set(yes.token);
            row.check_cvc = word(yes.checks.cvc.word());
            row.check_house = word(yes.checks.house_number.word());
            row.check_postcode = word(yes.checks.postcode.word());
        }
        Outcome::Declined(no) => {
            row.decline_class = word(no.class.word());
            row.scheme_code = Set(no.scheme_code);
            row.advice = Set(no.advice);
            row.gateway_code = Set(Some(no.gateway_code));
            row.say = Set(Some(no.say));
        }
        Outcome::Rejected { code, say } => {
            row.gateway_code = Set(Some(code));
            row.say = Set(Some(say));
        }
        Outcome::Pending { gateway_ref } => row.gateway_ref = Set(Some(gateway_ref)),
        Outcome::Unknown(why) => row.unknown_why = word(why.word()),
    }
    row
}

/// The tenant of a row that was read across tenants.
pub(crate) fn tenant(text: &str) -> Result<tonewall_model::ids::TenantId, StoreError> {
    tonewall_model::ids::TenantId::parse(text)
        .ok_or_else(|| StoreError::Corrupt(format!("{text:?} is no tenant")))
}
