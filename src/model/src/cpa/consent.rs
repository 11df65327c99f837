//! What is read out to a customer who gives a continuous payment authority, and kept as evidence.
//!
//! It names amount, frequency, number or end, first date, card and how to cancel. The last is a right
//! against bank and payee alike, up to the end of the business day before a payment (Payment Services
//! Regulations 2017, regs. 67 and 83).

use super::{End, Every, Terms};
use time::Date;

/// Version of the wording below; kept with each consent. Change it with every change of a word.
pub const CONSENT_VERSION: &str = "cpa-en-gb-1";

/// The wording that an agent reads out before the customer says yes.
///
/// `cancel_how` says how the tenant is reached, as a phrase after "with us": `by calling 01289 300100`.
/// Of the card only its last four digits belong into it.
pub fn consent_text(terms: &Terms, tenant: &str, last4: &str, cancel_how: &str) -> String {
    let dates = terms.dates();
    let (amount, total, count) = (terms.amount.shown(), terms.total().shown(), dates.len());
    let first = day(*dates.first().unwrap_or(&terms.start));
    let last = day(*dates.last().unwrap_or(&terms.start));
    let end = match terms.end {
        End::Count(_) => format!("There will be {count} payments, {total} in all. The last is on {last}."),
        End::Until(until) => format!(
            "Payments end on {}: {count} payments, {total} in all. The last is on {last}.",
            day(until)
        ),
    };
    let shorter = match terms.every {
        Every::Month | Every::Quarter | Every::Year if terms.start.day() > 28 => {
            " In a month without that day, it is taken on the month's last day."
        }
        _ => "",
    };
    let cancel_how = match cancel_how.trim() {
        "" => String::new(),
        how => format!(" {how}"),
    };
    format!(
        "You are giving {tenant} permission to take {amount} {every} from your card ending {last4}. \
         The first payment is on {first}.{shorter} {end} \
         You can cancel at any time, with your bank or with us{cancel_how}, up to the end of the \
         business day before a payment is due. Do you agree?",
        every = terms.every.words(),
    )
}

/// `1 January 2027`.
fn day(date: Date) -> String {
    format!("{} {} {}", date.day(), date.month(), date.year())
}
