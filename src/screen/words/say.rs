//! What the agent may say at each stage. One request a line, the key last, the same words each time.

use super::{brand, clear_key, end_key};
use tonewall_model::capture::{Field, Problem, Progress, Warning};
use tonewall_model::payment::Means;
use tonewall_model::screen::Stage;
use tonewall_model::tenant::{Brand, EndKey};

/// What a line depends on.
pub(in crate::screen) struct Saying<'a> {
    /// Where the call stands.
    pub stage: Stage,
    /// The capture.
    pub progress: &'a Progress,
    /// The tenant's end key.
    pub key: EndKey,
    /// `£12.50`, or empty.
    pub amount: &'a str,
    /// `Visa ending 5262`, or empty.
    pub card: &'a str,
    /// Whether the call is live: nobody is spoken to after it.
    pub live: bool,
    /// The agent hears nothing of the customer while keys are asked for.
    pub closes: bool,
    /// Keys do not count just now: the line is not clear.
    pub unclear: bool,
    /// A tone may have been heard: nothing more is asked for.
    pub leaked: bool,
}

/// The line; empty where there is nothing to say.
pub(in crate::screen) fn say(of: &Saying<'_>) -> String {
    if !of.live {
        return String::new();
    }
    match of.stage {
        Stage::Secure if of.unclear && !of.leaked => {
            "One moment, please: the line is being checked. You can hear me, and I can't hear you just yet."
                .to_owned()
        }
        Stage::Secure if of.leaked => {
            "I'm sorry, I can't take a card on this line. Shall I send you a link to pay instead?".to_owned()
        }
        Stage::Secure if of.closes => {
            "Your line is secure now. While you key your card I can't hear you, but you can hear me."
                .to_owned()
        }
        Stage::Pan | Stage::Expiry | Stage::Cvc | Stage::HouseNumber | Stage::Postcode if of.unclear => {
            "One moment, please: don't press any keys just now. I'll ask you for that again.".to_owned()
        }
        Stage::Ready | Stage::Dialling | Stage::WrapUp | Stage::Ended => String::new(),
        Stage::Secure => {
            "Your line is secure now. I can hear you, but I can't hear or see the keys you press.".to_owned()
        }
        Stage::Pan | Stage::Expiry | Stage::Cvc | Stage::HouseNumber | Stage::Postcode => ask(of),
        Stage::Address => "What are the house number and the postcode that your bank has for you?".to_owned(),
        Stage::Review => review(of),
        Stage::Processing => "Thank you. One moment while I take the payment.".to_owned(),
        Stage::Cancelled => "We've stopped there, and nothing has been taken.".to_owned(),
        // Their outcome says it, in words that depend on the reason.
        Stage::Approved | Stage::Declined | Stage::Unknown | Stage::Held | Stage::CaptureFailed => {
            String::new()
        }
    }
}

/// After a yes; `receipts`: how many were asked for, `offered`: whether one can be.
pub(in crate::screen) fn approved(receipts: usize, offered: bool) -> &'static str {
    match (receipts, offered) {
        (0, true) => "That has gone through, thank you. Where may I send your receipt?",
        (0, false) => "That has gone through, thank you.",
        _ => "That has gone through, thank you. Your receipt comes by e-mail.",
    }
}

/// After another means was agreed.
pub(in crate::screen) fn agreed(means: Option<Means>, account: &str) -> String {
    match means {
        Some(Means::PayLink) => "Thank you. You can pay with the link that I've sent you.".to_owned(),
        Some(Means::BankTransfer) if !account.is_empty() => {
            format!("Thank you. Please give {account} as the reference of your bank transfer.")
        }
        Some(Means::BankTransfer) => "Thank you. Please pay by bank transfer.".to_owned(),
        Some(Means::Later) => "Thank you. Please call us again when you would like to pay.".to_owned(),
        None => String::new(),
    }
}

fn review(of: &Saying<'_>) -> String {
    match (of.amount, of.card) {
        ("", _) | (_, "") => "Thank you, I have everything. Shall I take the payment now?".to_owned(),
        (amount, card) => {
            format!("Thank you. I'm about to take {amount} from your {card}. Is that all right?")
        }
    }
}

/// The request for a keyed field; after a slip it says so first, without blame.
fn ask(of: &Saying<'_>) -> String {
    let (end, clear) = (end_key(of.key), clear_key(of.key));
    let progress = of.progress;
    if let Some(sorry) = not_taken(progress) {
        return format!(
            "{sorry} Have you another card? If so, please press {clear} and key its number, then {end}."
        );
    }
    let Some(field) = progress.field else { return String::new() };
    match progress.problem {
        None => request(field, progress.brand, end),
        Some(Problem::Empty) => {
            format!("I only had the {end} key there. {}", request(field, progress.brand, end))
        }
        Some(problem) => slip(field, problem, end),
    }
}

fn not_taken(progress: &Progress) -> Option<String> {
    let of_problem = match progress.problem {
        Some(Problem::BrandNotTaken(known)) => Some(known),
        _ => None,
    };
    let of_warning = progress.warnings.iter().find_map(|warning| match warning {
        Warning::BrandNotTaken(known) => Some(*known),
        _ => None,
    });
    let known = of_problem.or(of_warning)?;
    Some(format!("I'm sorry, we don't take {}.", brand(known)))
}

/// After a slip: what happened, without blame, and the request once more.
fn slip(field: Field, problem: Problem, end: &str) -> String {
    let (what, request) = match (problem, field) {
        (Problem::ExpiryPast, _) => {
            ("That date seems to have passed.", "Could you check it and key it again")
        }
        (_, Field::Pan) => {
            ("That number didn't come through right.", "Could you key it again from the start")
        }
        (_, Field::Expiry) => (
            "That date didn't come through right.",
            "Could you key it again, two digits for the month and two for the year",
        ),
        (_, Field::Code) => ("That code didn't come through right.", "Could you key it again"),
        (_, Field::HouseNumber | Field::Postcode | Field::Address) => {
            ("That didn't come through right.", "Could you key just the digits again")
        }
    };
    format!("{what} {request}, then press {end}?")
}

fn request(field: Field, known: Option<Brand>, end: &str) -> String {
    match field {
        Field::Pan => format!("Please key the long number on the front of your card, then press {end}."),
        Field::Expiry => {
            format!("Now the expiry date: two digits for the month, two for the year, then press {end}.")
        }
        Field::Code if known == Some(Brand::Amex) => {
            format!("Now the four digits on the front of your card, then press {end}.")
        }
        Field::Code => format!("Now the last three digits on the back of your card, then press {end}."),
        Field::HouseNumber => {
            format!("Now the number of your house, then press {end}. If it has none, just press {end}.")
        }
        Field::Postcode => format!("Now just the digits of your postcode, then press {end}."),
        Field::Address => String::new(),
    }
}

/// What stands beside the line while card digits are asked for: people begin to say them. `closes`: the
/// agent would not hear it.
pub(in crate::screen) fn remind(stage: Stage, key: EndKey, closes: bool) -> String {
    match stage {
        Stage::Pan | Stage::Expiry | Stage::Cvc | Stage::HouseNumber | Stage::Postcode if closes => format!(
            "The customer hears you: go on talking. You hear them again when the card is complete; to talk \
             before that, choose Start again. After a slip, {} clears what they are keying.",
            clear_key(key)
        ),
        Stage::Pan | Stage::Expiry | Stage::Cvc => {
            let what = if stage == Stage::Cvc {
                "code"
            } else if stage == Stage::Expiry {
                "date"
            } else {
                "number"
            };
            format!(
                "If the customer starts to say the {what}: “Please use the keypad, I can't take it by voice.” \
                 After a slip, {} clears it.",
                clear_key(key)
            )
        }
        _ => String::new(),
    }
}
