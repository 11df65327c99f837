//! The fields of a capture in words.

use super::{clear_key, counted, end_key};
use tonewall_model::capture::{Field, Problem, Progress, Stall, Warning};
use tonewall_model::screen::FieldState;
use tonewall_model::tenant::{Brand, EndKey};

/// A brand's name.
pub(in crate::screen) fn brand(brand: Brand) -> &'static str {
    match brand {
        Brand::Visa => "Visa",
        Brand::Mastercard => "Mastercard",
        Brand::Amex => "American Express",
        Brand::Discover => "Discover",
        Brand::Diners => "Diners Club",
        Brand::Jcb => "JCB",
        Brand::UnionPay => "UnionPay",
        Brand::Maestro => "Maestro",
    }
}

/// A field's name.
pub(in crate::screen) fn field_label(field: Field) -> &'static str {
    match field {
        Field::Pan => "Card number",
        Field::Expiry => "Expiry date",
        Field::Code => "Security code",
        Field::HouseNumber => "House number",
        Field::Postcode => "Postcode",
        Field::Address => "Address",
    }
}

/// A field's state. A tick says that the digits are well formed, not that the card is good.
pub(in crate::screen) fn state_words(field: Field, state: FieldState) -> &'static str {
    match (state, field) {
        (FieldState::Next, _) => "Next",
        (FieldState::Asking, Field::Address) => "Type it here",
        (FieldState::Asking, _) => "Asking",
        (FieldState::Waiting, _) => "Waiting for first key",
        (FieldState::Keying, _) => "Keying",
        (FieldState::Paused, _) => "Wait: line not clear",
        (FieldState::Complete, Field::Pan) => "Number complete",
        (FieldState::Complete, Field::Expiry) => "Date complete",
        (FieldState::Complete, Field::Code) => "Code complete",
        (FieldState::Complete, _) => "Complete",
        (FieldState::TryAgain, _) => "Try again",
        (FieldState::Locked, _) => "Locked",
    }
}

/// How many digits there should be.
pub(in crate::screen) fn hint(field: Field, expected: Option<(u8, u8)>) -> String {
    match (field, expected) {
        (Field::Expiry, _) => "Month and year: 4 digits".to_owned(),
        (_, Some((least, most))) if least == most => counted(usize::from(least), "digit"),
        (_, Some((least, most))) => format!("{least} to {most} digits"),
        (Field::HouseNumber | Field::Postcode, None) => "Digits only; may be skipped".to_owned(),
        (_, None) => String::new(),
    }
}

/// For a screen reader, in place of dots.
pub(in crate::screen) fn spoken(field: Field, filled: u8, closed: &str) -> String {
    match (field, closed, filled) {
        (_, "", 0) => String::new(),
        (_, "", filled) => format!("{} keyed", counted(usize::from(filled), "digit")),
        (Field::Pan, last4, _) => format!("ending {last4}"),
        (_, closed, _) => closed.to_owned(),
    }
}

/// Tries left, once one was lost.
pub(in crate::screen) fn tries(left: u8, all: u8) -> String {
    match left {
        0 => String::new(),
        left if left >= all => String::new(),
        1 => "Last try".to_owned(),
        left => format!("{left} tries left"),
    }
}

/// What the agent should know of the field that is asked for; empty where there is nothing.
pub(in crate::screen) fn note(field: Field, progress: &Progress, key: EndKey) -> String {
    if let Some(problem) = progress.problem {
        return problem_words(field, problem, key);
    }
    let of_field = |warning: &&Warning| match warning {
        Warning::BrandUnknown | Warning::BrandNotTaken(_) => field == Field::Pan,
        Warning::DigitsShort(_) | Warning::EndKeyAwaited => progress.stalled == Some(Stall::BetweenKeys),
        Warning::BankObjected(objected) => *objected == field,
        Warning::NoCheckDigit | Warning::ExpiryCompleted | Warning::ExpiryFar | Warning::EndingSoon => false,
    };
    progress.warnings.iter().find(of_field).map(|warning| warning_words(*warning, key)).unwrap_or_default()
}

/// What the agent should confirm of a closed field; empty where there is nothing.
pub(in crate::screen) fn confirm(field: Field, progress: &Progress) -> String {
    let has = |warning: Warning| progress.warnings.contains(&warning);
    let words = match field {
        Field::Pan if has(Warning::NoCheckDigit) => "Please confirm the last four digits with the customer",
        Field::Expiry if has(Warning::ExpiryFar) => "That is many years away: please confirm it",
        Field::Expiry if has(Warning::ExpiryCompleted) => "A zero was put in front: please confirm it",
        _ => "",
    };
    words.to_owned()
}

fn warning_words(warning: Warning, key: EndKey) -> String {
    match warning {
        Warning::BrandUnknown => {
            format!("No card begins like this: ask for {} and the number again", clear_key(key))
        }
        Warning::BrandNotTaken(known) => format!("{} is not taken here: ask for another card", brand(known)),
        Warning::DigitsShort(by) => format!("{} short", counted(usize::from(by), "digit")),
        Warning::EndKeyAwaited => format!("All digits are in: ask for {}", end_key(key)),
        Warning::BankObjected(_) => "The bank did not accept this last time".to_owned(),
        Warning::NoCheckDigit => "Please confirm the last four digits with the customer".to_owned(),
        Warning::ExpiryCompleted | Warning::ExpiryFar => "Please confirm the date".to_owned(),
        Warning::EndingSoon => String::new(),
    }
}

fn problem_words(field: Field, problem: Problem, key: EndKey) -> String {
    match problem {
        Problem::Empty => format!("Nothing was keyed before {}", end_key(key)),
        Problem::KeyLost => "A key did not come through: all of it again".to_owned(),
        Problem::TooShort { by } => format!("{} short", counted(usize::from(by), "digit")),
        Problem::TooLong { by } => format!("{} too many", counted(usize::from(by), "digit")),
        Problem::CheckDigit => "Number not recognised: one of its digits was mistyped".to_owned(),
        Problem::BrandUnknown => "Number not recognised: no card begins like this".to_owned(),
        Problem::BrandNotTaken(known) => format!("{} is not taken here", brand(known)),
        Problem::ExpiryFormat => "Not read as a date: two digits for the month, two for the year".to_owned(),
        Problem::ExpiryMonth => "There is no such month".to_owned(),
        Problem::ExpiryPast if field == Field::Expiry => "This date has passed".to_owned(),
        Problem::ExpiryPast => "The card has expired".to_owned(),
    }
}
