//! Time as text: RFC 3339 in UTC with six decimals, which sorts as it reads.

use crate::error::StoreError;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, UtcOffset};

/// `2026-11-22T17:27:01.000000Z`; below a microsecond is cut off.
pub(crate) fn to_text(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.microsecond()
    )
}

/// The time of a row.
pub(crate) fn from_text(text: &str) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| StoreError::Corrupt(format!("{text:?} is no time")))
}

/// The time of a column that may be empty.
pub(crate) fn from_text_or_null(text: Option<&str>) -> Result<Option<OffsetDateTime>, StoreError> {
    text.map(from_text).transpose()
}

/// `2026-11-22`.
pub(crate) fn date_to_text(on: Date) -> String {
    format!("{:04}-{:02}-{:02}", on.year(), u8::from(on.month()), on.day())
}

/// The date of a row.
pub(crate) fn date_from_text(text: &str) -> Result<Date, StoreError> {
    let date = || {
        let (year, rest) = text.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
    };
    date().ok_or_else(|| StoreError::Corrupt(format!("{text:?} is no date")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    #[test]
    fn dates_read_back() {
        for text in ["2026-11-22", "2028-02-29", "2027-01-01"] {
            assert_eq!(date_from_text(text).map(date_to_text).as_deref(), Ok(text));
        }
        for text in ["", "2027-02-29", "2027-13-01", "2027-1", "22/11/2026", "2027-01-0x"] {
            assert!(date_from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn text_sorts_as_time_and_reads_back() {
        let start = OffsetDateTime::from_unix_timestamp(1_795_368_421).expect("a time");
        let steps =
            [Duration::ZERO, Duration::microseconds(7), Duration::milliseconds(10), Duration::hours(9)];
        let texts: Vec<String> = steps.map(|step| to_text(start + step)).into();
        assert_eq!(texts[1], "2026-11-22T17:27:01.000007Z");
        assert!(texts.is_sorted());
        for (text, step) in texts.iter().zip(steps) {
            assert_eq!(from_text(text), Ok(start + step));
        }
        let paris = UtcOffset::from_hms(2, 0, 0).expect("an offset");
        assert_eq!(to_text(start.to_offset(paris)), texts[0]);
        assert!(from_text("yesterday").is_err());
    }
}
