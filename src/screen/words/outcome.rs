//! What became of the payment, in words: what happened, whether money moved, what to say.
//!
//! Lost, stolen and suspected fraud are told as any other no: a card's holder may be the one who is
//! on the line, and so may the thief.

use super::{UNSETTLED, brand};
use crate::screen::shown::{OutcomeShown, Tone};
use tonewall_model::call::{CardShown, PayState, PayView, Unrecorded};
use tonewall_model::capture::Field;
use tonewall_model::payment::{AttemptState, DeclineClass};
use tonewall_model::tenant::Brand;

/// Scheme codes of an issuer or network that did not answer (ISO 8583 response codes).
const NOT_REACHED: [&str; 3] = ["91", "92", "96"];

/// The line after most declines: it never names a reason.
const OTHER_CARD: &str = "Your bank hasn't approved it this time. Would you like to use another card?";

/// The outcome of the last attempt; `None` while there is none or it is under way. `amount`:
/// `£12.50`. `scheme_code`: the issuer's response code, where it is known.
pub(in crate::screen) fn outcome(
    pay: &PayView,
    amount: &str,
    scheme_code: Option<&str>,
) -> Option<OutcomeShown> {
    let PayState::Attempt(state) = pay.state else { return None };
    let (tone, icon, title, money, say) = told(pay, state, amount, scheme_code)?;
    Some(OutcomeShown {
        tone,
        icon,
        title: title.to_owned(),
        money,
        say: say.to_owned(),
        auth_code: pay.auth_code.clone(),
        reference: pay.attempt.as_ref().map(|id| id.as_str().to_owned()),
        card: pay.card.as_ref().map(card).unwrap_or_default(),
        crm: String::new(),
        details: Vec::new(),
    })
}

type Told = (Tone, &'static str, &'static str, String, &'static str);

fn told(pay: &PayView, state: AttemptState, amount: &str, scheme_code: Option<&str>) -> Option<Told> {
    match state {
        AttemptState::Sending => None,
        AttemptState::Held | AttemptState::Pending | AttemptState::Unknown | AttemptState::Review => {
            open(state, amount)
        }
        AttemptState::Declined => {
            let known = pay.card.as_ref().map(|card| card.brand);
            let (title, say) = decline(pay.class, pay.fix, scheme_code, known);
            Some((Tone::Bad, "x-circle", title, "Nothing has been taken.".to_owned(), say))
        }
        AttemptState::Rejected if pay.unrecorded.is_some() => pay.unrecorded.map(unrecorded),
        AttemptState::Approved
        | AttemptState::Rejected
        | AttemptState::NotCharged
        | AttemptState::Voided
        | AttemptState::Refunded => settled(state, amount),
    }
}

/// Nothing was sent, for a reason of ours.
fn unrecorded(why: Unrecorded) -> Told {
    match why {
        Unrecorded::Unsettled => (
            Tone::Warn,
            "help",
            "Not known yet",
            format!("{UNSETTLED} Nothing more was taken."),
            "I need to check that an earlier payment went through before we do anything else.",
        ),
        Unrecorded::TakenBefore => (
            Tone::Warn,
            "help",
            "Taken a moment ago",
            "The same was taken for this account a moment ago. Nothing more was taken.".to_owned(),
            "I see that this has just been paid. Nothing more has been taken.",
        ),
        Unrecorded::Account => (
            Tone::Bad,
            "alert",
            "Account not usable",
            "Nothing has been taken: the account may hold a card number. Use another account.".to_owned(),
            "Nothing has been taken. Bear with me while I correct the account.",
        ),
        Unrecorded::NotStarted => (
            Tone::Bad,
            "alert",
            "Payment service fault",
            "Nothing has been taken: the payment could not be started.".to_owned(),
            "We have a fault on our side; nothing has been taken. May I try once more, or shall I send you a link to pay?",
        ),
    }
}

/// It is certain whether money moved.
fn settled(state: AttemptState, amount: &str) -> Option<Told> {
    Some(match state {
        AttemptState::Approved => (
            Tone::Ok,
            "check-circle",
            "Payment taken",
            format!("{amount} has been taken."),
            "That has gone through, thank you.",
        ),
        AttemptState::Rejected => (
            Tone::Bad,
            "alert",
            "Payment service fault",
            "Nothing has been taken: the payment did not reach the bank.".to_owned(),
            "We have a fault on our side; nothing has been taken. May I try once more, or shall I send you a link to pay?",
        ),
        AttemptState::NotCharged => (
            Tone::Bad,
            "x-circle",
            "Payment not taken",
            "It is certain now: nothing has been taken.".to_owned(),
            "I've checked: that payment did not go through, and nothing has been taken. Shall we try again?",
        ),
        AttemptState::Voided => (
            Tone::Warn,
            "undo",
            "Payment undone",
            format!("{amount} was approved and then undone. The customer is not charged."),
            "That payment was undone, so you are not charged. Shall we try again?",
        ),
        AttemptState::Refunded => (
            Tone::Info,
            "undo",
            "Payment paid back",
            format!("{amount} was taken and paid back in full."),
            "That payment was paid back to you in full.",
        ),
        _ => return None,
    })
}

/// It is not: nobody may take it again.
fn open(state: AttemptState, amount: &str) -> Option<Told> {
    Some(match state {
        AttemptState::Held => (
            Tone::Warn,
            "clock",
            "Held for review",
            format!("{amount} is approved and held for review. Don't take it again."),
            "Your payment is with our payments team for a check. There is nothing more for you to do now.",
        ),
        AttemptState::Pending => (
            Tone::Warn,
            "clock",
            "With the bank",
            format!("The bank will confirm {amount} later. Don't take it again."),
            "Your bank will confirm the payment a little later. There is nothing more for you to do now.",
        ),
        AttemptState::Unknown => (
            Tone::Warn,
            "help",
            "Not known yet",
            format!("We don't know yet if {amount} was taken. Don't take it again: it resolves by itself."),
            "I need to check this went through before we do anything else.",
        ),
        AttemptState::Review => (
            Tone::Warn,
            "help",
            "Being checked by a person",
            format!(
                "We don't know if {amount} was taken. Don't take it again: our payments team is looking into it."
            ),
            "Our payments team is checking whether that went through. We'll let you know.",
        ),
        _ => return None,
    })
}

/// Title and line of a decline.
pub(in crate::screen) fn decline(
    class: Option<DeclineClass>,
    fix: Option<Field>,
    scheme_code: Option<&str>,
    known: Option<Brand>,
) -> (&'static str, &'static str) {
    match class {
        Some(DeclineClass::FixData) => fix_data(fix, known),
        Some(DeclineClass::RetryLater) if scheme_code.is_some_and(|code| NOT_REACHED.contains(&code)) => (
            "Bank not reachable",
            "Their system isn't answering. Nothing has been taken. May I try once more?",
        ),
        Some(DeclineClass::NeedsSca) => (
            "This card can't be used by phone",
            "That card can't be used over the phone. Would you like to use another card, or shall I send you a link to pay?",
        ),
        Some(DeclineClass::CallIssuer) => (
            "Declined by the bank",
            "Your bank hasn't approved it this time; they can tell you why. Would you like to use another card?",
        ),
        Some(DeclineClass::RetryLater | DeclineClass::TryOtherCard | DeclineClass::NeverRetry) | None => {
            ("Declined by the bank", OTHER_CARD)
        }
    }
}

fn fix_data(fix: Option<Field>, known: Option<Brand>) -> (&'static str, &'static str) {
    match fix {
        Some(Field::Pan) => (
            "Number not recognised",
            "The bank didn't recognise that number. Could you key the card once more?",
        ),
        Some(Field::Expiry) => (
            "Expiry date not accepted",
            "The bank didn't accept that expiry date. Could you check it on the card for me?",
        ),
        Some(Field::HouseNumber | Field::Postcode | Field::Address) => {
            ("Address check not passed", "Could we check the postcode your bank has for you?")
        }
        Some(Field::Code) | None if known == Some(Brand::Amex) => (
            "Security code not accepted",
            "The four digits on the front didn't match. Shall we try those again?",
        ),
        Some(Field::Code) | None => {
            ("Security code not accepted", "The last three digits didn't match. Shall we try those again?")
        }
    }
}

/// `Visa ending 5262`.
pub(in crate::screen) fn card(card: &CardShown) -> String {
    match card.last4.as_str() {
        "" => brand(card.brand).to_owned(),
        last4 => format!("{} ending {last4}", brand(card.brand)),
    }
}
