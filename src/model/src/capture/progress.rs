//! What a capture tells the outside: never a digit that a person may not see.

use crate::card::Expiry;
use crate::tenant::Brand;

/// One thing that a capture asks for, in the order in which it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Card number, keyed.
    Pan,
    /// Expiry date, keyed.
    Expiry,
    /// Security code, keyed.
    Code,
    /// Digits of the house number, keyed; may be skipped with the end key.
    HouseNumber,
    /// Digits of the postcode, keyed; may be skipped with the end key.
    Postcode,
    /// House number and postcode, typed by the agent.
    Address,
}

/// Why the keys of a field cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The end key came first; no try is lost.
    Empty,
    /// A key did not get here, so that what was keyed has a hole; no try is lost.
    KeyLost,
    /// Digits are missing.
    TooShort {
        /// Digits up to the length that the brand usually has.
        by: u8,
    },
    /// Digits are too many. Reported with the first one that is.
    TooLong {
        /// Digits beyond the longest length that fits.
        by: u8,
    },
    /// The Luhn check digit is wrong: some digit was mistyped.
    CheckDigit,
    /// No brand has such numbers.
    BrandUnknown,
    /// The tenant does not take the brand.
    BrandNotTaken(Brand),
    /// No date can be read from it.
    ExpiryFormat,
    /// There is no such month.
    ExpiryMonth,
    /// The card is no longer good.
    ExpiryPast,
}

impl Problem {
    /// The name by which integrations know it; the vocabulary is that of payment sessions at CPaaS
    /// providers, so that an integrator meets known words.
    pub fn code(self, field: Field) -> &'static str {
        match (self, field) {
            (Problem::BrandUnknown | Problem::BrandNotTaken(_), _) => "invalid-card-type",
            (_, Field::Pan) => "invalid-card-number",
            (_, Field::Expiry) => "invalid-date",
            (_, Field::Code) => "invalid-security-code",
            (_, Field::HouseNumber | Field::Postcode | Field::Address) => "invalid-postal-code",
        }
    }
}

/// What the agent should know, though nothing has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// No brand has numbers that begin so.
    BrandUnknown,
    /// The tenant does not take this brand: say so now, not after the whole number.
    BrandNotTaken(Brand),
    /// The number has no valid check digit, as some of its brand: confirm the last four.
    NoCheckDigit,
    /// A leading zero was put in: confirm the date.
    ExpiryCompleted,
    /// More than 20 years ahead: confirm the date.
    ExpiryFar,
    /// The keys have stopped this many digits short.
    DigitsShort(u8),
    /// The keys have stopped at a good length: the end key is missing.
    EndKeyAwaited,
    /// Four fifths of the time are over.
    EndingSoon,
    /// The bank objected to this field in the attempt before.
    BankObjected(Field),
}

/// Why the keys have stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// The field was opened and no key came.
    FirstKey,
    /// A field was begun and not ended.
    BetweenKeys,
}

/// The whole of what may be seen of a capture, after every key.
///
/// It varies with the value of a digit only through brand, last four, expiry and the verdict on a
/// field (DESIGN §6); the security code is never more than a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The field that is asked for; `None` when nothing is.
    pub field: Option<Field>,
    /// Digits keyed into it, 19 at most.
    pub filled: u8,
    /// The brand, as soon as it is certain.
    pub brand: Option<Brand>,
    /// Last four of the card number, once the number is closed.
    pub last4: Option<String>,
    /// Expiry date, once it is closed.
    pub expiry: Option<Expiry>,
    /// The keyed fields that are closed, in order, with the digits that each has.
    pub closed: Vec<(Field, u8)>,
    /// Digits of the security code, once it is closed; 0 before.
    pub code_digits: u8,
    /// Whether house number and postcode are there.
    pub address_given: bool,
    /// What is wrong with the keys, now or at the end key before.
    pub problem: Option<Problem>,
    /// Tries left for the field that is asked for.
    pub tries_left: u8,
    /// What else the agent should know.
    pub warnings: Vec<Warning>,
    /// Set while the customer seems stuck.
    pub stalled: Option<Stall>,
    /// Keys that meant nothing: letters, and keys after the last field.
    pub ignored: u16,
}

/// Why a capture ended without a card. Everything keyed is wiped by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailWhy {
    /// A field failed as often as it may.
    TooManyTries(Field),
    /// The whole time is over.
    TimedOut,
    /// As many card numbers as one call may bring: a sign of card testing.
    PanLocked,
    /// A key was heard leaving the secured line.
    Leaked,
}

impl FailWhy {
    /// The name by which integrations know it.
    pub fn code(self) -> &'static str {
        match self {
            FailWhy::TooManyTries(_) => "too-many-failed-attempts",
            FailWhy::TimedOut => "input-timeout",
            FailWhy::PanLocked => "card-number-locked",
            FailWhy::Leaked => "line-not-secure",
        }
    }

    /// Whether the agent should offer another method of payment rather than begin again.
    pub fn offer_another_method(self) -> bool {
        !matches!(self, FailWhy::TimedOut)
    }
}

/// Why an agent's wish was not met; the capture goes on as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A capture is under way already.
    AlreadyOpen,
    /// No capture is under way.
    NotOpen,
    /// No card was taken that a bank could have declined.
    NotTaken,
    /// A field before this one is still missing.
    NotReached(Field),
    /// The tenant's plan has no such field.
    NotAsked(Field),
    /// No further card number on this call.
    PanLocked,
    /// The time was extended as often as it may be.
    NoMoreTime,
    /// House number or postcode is too long or holds control characters.
    AddressUnusable,
}

/// What follows from a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What the agent's screen shows now.
    Progress(Progress),
    /// Everything is there: [`super::Capture::take_card`].
    Complete,
    /// Over, with nothing kept.
    Failed(FailWhy),
    /// The agent ended it; nothing is kept.
    Cancelled,
    /// The agent's wish could not be met.
    Refused(Refusal),
}
