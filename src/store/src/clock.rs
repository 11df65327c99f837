//! Time as text: RFC 3339 in UTC with six decimals, which sorts as it reads.

use crate::error::StoreError;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

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

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

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
