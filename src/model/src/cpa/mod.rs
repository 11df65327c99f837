//! Continuous payment authority: what a customer agrees to, and the dates that follow from it.
//!
//! The n-th date is a function of the first one and never of the one before: an agreement that
//! begins on 31 January comes due on 28 February and on 31 March.

mod consent;
#[cfg(test)]
mod tests;

pub use consent::{CONSENT_VERSION, consent_text};

use crate::money::{Money, NotMoney};
use time::{Date, Duration, Month};

/// Payments of one agreement at most: ten years of months. Each has a row of its own.
pub const PAYMENTS_MAX: u16 = 120;

/// Fewest payments: a single one is no authority.
pub const PAYMENTS_MIN: u16 = 2;

/// Years from the first payment to the last at most.
pub const YEARS_MAX: u16 = 10;

/// How often a payment is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Every {
    /// Every 7 days.
    Week,
    /// Every 14 days.
    Fortnight,
    /// Every 28 days.
    FourWeeks,
    /// On the same day of each month, or its last day.
    Month,
    /// On the same day of every third month, or its last day.
    Quarter,
    /// On the same day of each year; 29 February becomes 28.
    Year,
}

enum Step {
    Days(i64),
    Months(i32),
}

impl Every {
    /// Every frequency, shortest first.
    pub const ALL: [Every; 6] =
        [Every::Week, Every::Fortnight, Every::FourWeeks, Every::Month, Every::Quarter, Every::Year];

    /// The word in rows, forms, events and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Every::Week => "week",
            Every::Fortnight => "fortnight",
            Every::FourWeeks => "four_weeks",
            Every::Month => "month",
            Every::Quarter => "quarter",
            Every::Year => "year",
        }
    }

    /// How often, for people: on the screen, in the wording that is read out, in letters.
    pub fn words(self) -> &'static str {
        match self {
            Every::Week => "every week",
            Every::Fortnight => "every two weeks",
            Every::FourWeeks => "every four weeks",
            Every::Month => "every month",
            Every::Quarter => "every three months",
            Every::Year => "every year",
        }
    }

    /// The frequency that a word of [`Every::as_str`] names.
    pub fn parse(word: &str) -> Option<Every> {
        Every::ALL.into_iter().find(|every| every.as_str() == word)
    }

    fn step(self) -> Step {
        match self {
            Every::Week => Step::Days(7),
            Every::Fortnight => Step::Days(14),
            Every::FourWeeks => Step::Days(28),
            Every::Month => Step::Months(1),
            Every::Quarter => Step::Months(3),
            Every::Year => Step::Months(12),
        }
    }
}

/// When an agreement ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// After so many payments.
    Count(u16),
    /// With the last payment due on this day or before it.
    Until(Date),
}

/// What a customer agrees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Of each payment.
    pub amount: Money,
    /// How often.
    pub every: Every,
    /// First payment; the day that all others follow from.
    pub start: Date,
    /// Last payment.
    pub end: End,
}

/// Why terms cannot be agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTerms {
    /// The amount is none that can be taken.
    Amount(NotMoney),
    /// The first payment lies in the past.
    StartPast,
    /// The first payment is more than a year ahead.
    StartTooFar,
    /// The end comes before a second payment.
    TooFew,
    /// More than [`PAYMENTS_MAX`] payments.
    TooMany,
    /// The last payment is more than [`YEARS_MAX`] years after the first.
    EndTooFar,
}

impl NotTerms {
    /// The field of the form that is to be mended; `end` stands for whichever of count and last day
    /// was given.
    pub fn field(self) -> &'static str {
        match self {
            NotTerms::Amount(_) => "amount",
            NotTerms::StartPast | NotTerms::StartTooFar => "start",
            NotTerms::TooFew | NotTerms::TooMany | NotTerms::EndTooFar => "end",
        }
    }
}

impl Terms {
    /// Whether they may be agreed on today, a date in the tenant's time zone.
    pub fn check(&self, today: Date) -> Result<(), NotTerms> {
        Money::payable(self.amount.minor, self.amount.currency).map_err(NotTerms::Amount)?;
        if self.start < today {
            return Err(NotTerms::StartPast);
        }
        if months_after(today, 12).is_some_and(|latest| self.start > latest) {
            return Err(NotTerms::StartTooFar);
        }
        // One more than may be: enough to know.
        let count = (0..=PAYMENTS_MAX).take_while(|n| self.due(*n).is_some()).count();
        if count < usize::from(PAYMENTS_MIN) {
            return Err(NotTerms::TooFew);
        }
        if count > usize::from(PAYMENTS_MAX) {
            return Err(NotTerms::TooMany);
        }
        let latest = months_after(self.start, i32::from(YEARS_MAX) * 12);
        if latest.is_some_and(|latest| self.dates().last().is_some_and(|last| *last > latest)) {
            return Err(NotTerms::EndTooFar);
        }
        Ok(())
    }

    /// When payment `n` is due, the first being 0; `None` after the last one.
    pub fn due(&self, n: u16) -> Option<Date> {
        let date = match self.every.step() {
            Step::Days(days) => self.start.checked_add(Duration::days(days * i64::from(n)))?,
            Step::Months(months) => months_after(self.start, months * i32::from(n))?,
        };
        let is_in = match self.end {
            End::Count(count) => n < count,
            End::Until(last) => date <= last,
        };
        is_in.then_some(date)
    }

    /// Every due date, ascending; [`PAYMENTS_MAX`] at most.
    pub fn dates(&self) -> Vec<Date> {
        (0..PAYMENTS_MAX).map_while(|n| self.due(n)).collect()
    }

    /// What all payments come to.
    pub fn total(&self) -> Money {
        let count = i64::try_from(self.dates().len()).unwrap_or(i64::MAX);
        Money { minor: self.amount.minor.saturating_mul(count), currency: self.amount.currency }
    }
}

/// The same day so many months later, or the last one of a month that has no such day; `None` beyond
/// the calendar.
fn months_after(date: Date, months: i32) -> Option<Date> {
    let months = i32::from(u8::from(date.month())) - 1 + months;
    let year = date.year().checked_add(months.div_euclid(12))?;
    let month = Month::try_from(u8::try_from(months.rem_euclid(12)).ok()? + 1).ok()?;
    Date::from_calendar_date(year, month, date.day().min(month.length(year))).ok()
}
