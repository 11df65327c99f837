//! Expiry dates as people key them.

use std::fmt;

/// Years ahead of today from which on an expiry date is more likely a slip than a card.
const YEARS_AHEAD_USUAL: u16 = 20;

/// A month of a year: "today", as precisely as cards know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct YearMonth {
    /// Year, all four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
}

/// The last month in which a card is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// 1 to 12.
    pub month: u8,
    /// Year, all four digits.
    pub year: u16,
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}", self.month, self.year % 100)
    }
}

/// A date that was read, and what the agent should confirm about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadExpiry {
    /// The date.
    pub expiry: Expiry,
    /// A leading zero was missing and has been put in: `930` is 09/30.
    pub completed: bool,
    /// More than 20 years ahead.
    pub far: bool,
}

/// Why keyed digits are no expiry date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryProblem {
    /// Neither MMYY nor MMYYYY, with or without the leading zero.
    Format,
    /// No month has that number.
    Month,
    /// The card is no longer good.
    Past,
}

/// Reads MMYY or MMYYYY, and MYY or MYYYY of people who leave out the leading zero.
///
/// A card is good through the whole of its last month.
pub fn read_expiry(keyed: &str, today: YearMonth) -> Result<ReadExpiry, ExpiryProblem> {
    if !keyed.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ExpiryProblem::Format);
    }
    let (month_len, completed) = match keyed.len() {
        4 | 6 => (2, false),
        3 | 5 => (1, true),
        _ => return Err(ExpiryProblem::Format),
    };
    let (month, year) = keyed.split_at(month_len);
    let month: u8 = month.parse().map_err(|_| ExpiryProblem::Format)?;
    let century = if year.len() == 2 { 2000 } else { 0 };
    let year = century + year.parse::<u16>().map_err(|_| ExpiryProblem::Format)?;
    if !(1..=12).contains(&month) {
        return Err(ExpiryProblem::Month);
    }
    if (YearMonth { year, month }) < today {
        return Err(ExpiryProblem::Past);
    }
    let limit = YearMonth { year: today.year.saturating_add(YEARS_AHEAD_USUAL), month: today.month };
    let far = YearMonth { year, month } > limit;
    Ok(ReadExpiry { expiry: Expiry { month, year }, completed, far })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: YearMonth = YearMonth { year: 2026, month: 11 };

    #[test]
    fn dates_as_people_key_them() {
        let cases: &[(&str, Result<&str, ExpiryProblem>)] = &[
            ("1230", Ok("12/30")),
            ("0930", Ok("09/30")),
            ("930", Ok("09/30 completed")),
            ("092030", Ok("09/30")),
            ("92030", Ok("09/30 completed")),
            ("1126", Ok("11/26")),
            ("1146", Ok("11/46")),
            ("1246", Ok("12/46 far")),
            ("1299", Ok("12/99 far")),
            ("1026", Err(ExpiryProblem::Past)),
            ("1225", Err(ExpiryProblem::Past)),
            ("121930", Err(ExpiryProblem::Past)),
            ("1330", Err(ExpiryProblem::Month)),
            ("0030", Err(ExpiryProblem::Month)),
            ("030", Err(ExpiryProblem::Month)),
            ("3012", Err(ExpiryProblem::Month)),
            ("", Err(ExpiryProblem::Format)),
            ("12", Err(ExpiryProblem::Format)),
            ("1203030", Err(ExpiryProblem::Format)),
            ("12/30", Err(ExpiryProblem::Format)),
            ("+130", Err(ExpiryProblem::Format)),
        ];
        for (keyed, expected) in cases {
            let got = read_expiry(keyed, TODAY).map(|read| {
                let note = |on: bool, text: &str| if on { text.to_owned() } else { String::new() };
                format!("{}{}{}", read.expiry, note(read.completed, " completed"), note(read.far, " far"))
            });
            assert_eq!(got.as_deref().map_err(|problem| *problem), *expected, "{keyed:?}");
        }
    }
}
