//! Money and times as people write them, and other people's texts on one line.

use super::LettersError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use time::{Date, OffsetDateTime};
use tonewall_model::money::Money;

/// Characters of one text of a letter that are kept.
const LINE_LEN_MAX: usize = 300;

/// `£1,234.50`, `−£10.00`; a currency without a sign of its own stands as its code: `CHF 12.50`.
pub fn money(money: Money) -> String {
    let places = usize::from(money.currency.exponent());
    let digits = format!("{:0>width$}", money.minor.unsigned_abs(), width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if places == 0 { "" } else { "." };
    let sign = if money.minor < 0 { "\u{2212}" } else { "" };
    let unit = match money.currency.code() {
        "GBP" => "\u{a3}",
        "EUR" => "\u{20ac}",
        "USD" => "$",
        "JPY" => "\u{a5}",
        code => return format!("{sign}{code} {grouped}{point}{rest}"),
    };
    format!("{sign}{unit}{grouped}{point}{rest}")
}

/// `22 Nov 2026, 15:04 GMT` in that zone.
pub fn at(instant: OffsetDateTime, time_zone: &str) -> Result<String, LettersError> {
    let unknown = || LettersError::TimeZone(time_zone.to_owned());
    let zone = TimeZone::get(time_zone).map_err(|_| unknown())?;
    let instant = Timestamp::from_second(instant.unix_timestamp()).map_err(|_| unknown())?;
    Ok(instant.to_zoned(zone).strftime("%-d %b %Y, %H:%M %Z").to_string())
}

/// `1 Jan 2027`.
pub fn day(date: Date) -> String {
    let month = date.month().to_string();
    format!("{} {} {}", date.day(), &month[..3], date.year())
}

/// A text of others on one line: no control character, nothing that directs other text, bounded.
pub(super) fn line(text: &str) -> String {
    let space = |c: char| if c.is_whitespace() || c.is_control() { ' ' } else { c };
    let directs = |c: &char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let text: String = text.chars().map(space).filter(|c| !directs(c)).take(LINE_LEN_MAX).collect();
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Month;
    use tonewall_model::money::Currency;

    #[test]
    fn amounts() {
        for (minor, code, expected) in [
            (1250, "GBP", "\u{a3}12.50"),
            (123_450, "GBP", "\u{a3}1,234.50"),
            (100_000_000, "EUR", "\u{20ac}1,000,000.00"),
            (5, "USD", "$0.05"),
            (-1000, "GBP", "\u{2212}\u{a3}10.00"),
            (1_234_567, "JPY", "\u{a5}1,234,567"),
            (0, "JPY", "\u{a5}0"),
            (1005, "KWD", "KWD 1.005"),
            (99, "CHF", "CHF 0.99"),
            (i64::MIN, "GBP", "\u{2212}\u{a3}92,233,720,368,547,758.08"),
        ] {
            let currency = Currency::parse(code).expect("known");
            assert_eq!(money(Money { minor, currency }), expected);
        }
    }

    #[test]
    fn times_are_the_tenant_s() {
        let at = |seconds, zone| at(OffsetDateTime::from_unix_timestamp(seconds).expect("in range"), zone);
        assert_eq!(at(1_795_359_899, "Europe/London").as_deref(), Ok("22 Nov 2026, 15:04 GMT"));
        assert_eq!(at(1_782_486_240, "Europe/London").as_deref(), Ok("26 Jun 2026, 16:04 BST"));
        assert_eq!(at(1_795_359_899, "Europe/Dublin").as_deref(), Ok("22 Nov 2026, 15:04 GMT"));
        assert_eq!(at(1_795_359_899, "Asia/Tokyo").as_deref(), Ok("23 Nov 2026, 00:04 JST"));
        for zone in ["", "Europe/Londres", "../../etc/passwd"] {
            assert_eq!(at(0, zone), Err(LettersError::TimeZone(zone.to_owned())));
        }
        assert_eq!(day(Date::from_calendar_date(2027, Month::January, 1).expect("a day")), "1 Jan 2027");
        assert_eq!(day(Date::from_calendar_date(2027, Month::May, 31).expect("a day")), "31 May 2027");
    }

    #[test]
    fn lines() {
        assert_eq!(line(" a\r\n\tb  c\u{0} "), "a b c");
        assert_eq!(line("pay\u{202e}live\u{200b}"), "paylive");
        assert_eq!(line(&"\u{e9}".repeat(1_000)).chars().count(), LINE_LEN_MAX);
    }
}
