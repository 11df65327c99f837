//! The agent's screen: what is known of a call, put into words.
//!
//! | file | holds |
//! |---|---|
//! | `shown` | the screen as data |
//! | `desk` | [`Screens`]: which call is on an agent's screen |
//! | `follow` | the live stream of a screen |
//! | `commands`, `input` | what an agent may do there, and what may be typed |
//! | `facts` | what the rows know of a call |
//! | `lookup` | the customer's unpaid invoices |
//! | `draft` | what an agent typed and no row keeps |
//! | `ledger` | a call that lives in rows alone |
//! | `build`, `fields`, `payment`, `announce` | all of it together: a pure function to a [`Screen`] |
//! | `words` | every word that people read |
//! | `samples` | a screen of every stage, for the style guide and for tests |
//!
//! Nothing here decides what may be done: that is `model::screen` and `model::call`. The way in:
//!
//! ```text
//! Screens::new(desk, Options { mail_on })
//! current(&Who, Option<&CallId>) -> Screen          follow(&Who, Option<CallId>) -> Follow
//! Follow::next() -> Frame::Screen(Box<Screen>) | Frame::Beat { seq, secured }
//! collect(&Who, &CallId, account, amount, confirmed)   find(&Who, &CallId, account)
//! address(&Who, &CallId, house_number, postcode)       reask(&Who, &CallId, field)
//! secure, unsecure, take, more_time, cancel, hangup, claim, wrap_up (&Who, &CallId)
//! slow_keys(&Who, &CallId, on)
//! means(&Who, &CallId, means, note)                    receipt(&Who, &CallId, email)
//! agreement_preview(&Who, &CallId, &AgreementForm) -> AgreementPreview
//! agreement(&Who, &CallId, &AgreementForm)             all of them: Result<_, Problem>
//! ```

mod announce;
mod build;
mod commands;
mod consent;
mod desk;
mod draft;
mod facts;
mod fields;
mod follow;
mod input;
mod ledger;
mod lookup;
mod payment;
mod problem;
mod samples;
mod shown;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_digits;
#[cfg(test)]
mod tests_line;
#[cfg(test)]
mod tests_rows;
mod words;

pub use desk::{Options, Screens, Who};
pub use follow::{Follow, Frame};
pub use input::AgreementForm;
pub use problem::{Problem, ProblemKind};
pub use samples::{Sample, samples};
pub use shown::*;

use tonewall_model::capture::Field;

/// Every field and its name on the screen.
const FIELDS: [(Field, &str); 6] = [
    (Field::Pan, "pan"),
    (Field::Expiry, "expiry"),
    (Field::Code, "cvc"),
    (Field::HouseNumber, "house_number"),
    (Field::Postcode, "postcode"),
    (Field::Address, "address"),
];

/// A field's name on the screen.
fn field_name(field: Field) -> &'static str {
    FIELDS.iter().find(|(own, _)| *own == field).map_or("", |(_, name)| name)
}

/// The field of a name on the screen.
fn field_of(name: &str) -> Option<Field> {
    FIELDS.iter().find(|(_, own)| *own == name).map(|(field, _)| *field)
}
