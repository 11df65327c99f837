//! Money: integer minor units and an ISO 4217 currency, never a float.

use std::fmt;

/// An ISO 4217 code with the exponent of its minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// The currencies that tenants may use: code and decimal places (ISO 4217).
const KNOWN: &[(&[u8; 3], u8)] = &[
    (b"AUD", 2),
    (b"CAD", 2),
    (b"CHF", 2),
    (b"DKK", 2),
    (b"EUR", 2),
    (b"GBP", 2),
    (b"JPY", 0),
    (b"KWD", 3),
    (b"NOK", 2),
    (b"NZD", 2),
    (b"SEK", 2),
    (b"USD", 2),
];

impl Currency {
    /// Pounds sterling.
    pub const GBP: Currency = Currency { code: *b"GBP", exponent: 2 };

    /// From an upper-case code; `None` for one that is not on the list.
    pub fn parse(code: &str) -> Option<Currency> {
        let (code, exponent) = KNOWN.iter().find(|(known, _)| known.as_slice() == code.as_bytes())?;
        Some(Currency { code: **code, exponent: *exponent })
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Decimal places of the major unit.
    pub fn exponent(&self) -> u8 {
        self.exponent
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// Minor units (pence).
    pub minor: i64,
    /// Their currency.
    pub currency: Currency,
}

/// Highest amount of one payment, in minor units: ten million pounds and a typing error.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000;

/// Why typed text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMoney {
    /// Something other than digits and one decimal point.
    NotANumber,
    /// More decimals than the currency has.
    TooManyDecimals,
    /// Zero or below.
    NotPositive,
    /// Over [`AMOUNT_MINOR_MAX`].
    TooMuch,
}

impl Money {
    /// An amount to collect: positive and at most [`AMOUNT_MINOR_MAX`].
    pub fn payable(minor: i64, currency: Currency) -> Result<Money, NotMoney> {
        match minor {
            ..=0 => Err(NotMoney::NotPositive),
            1..=AMOUNT_MINOR_MAX => Ok(Money { minor, currency }),
            _ => Err(NotMoney::TooMuch),
        }
    }

    /// Exactly what was typed: `12`, `12.5`, `12.50`, `1,234.50`; no float on the way.
    pub fn parse(text: &str, currency: Currency) -> Result<Money, NotMoney> {
        let text = text.trim().replace(',', "");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
            return Err(NotMoney::NotANumber);
        }
        let places = usize::from(currency.exponent);
        if fraction.len() > places {
            return Err(NotMoney::TooManyDecimals);
        }
        let minor = format!("{whole}{fraction:0<places$}");
        Money::payable(minor.parse().map_err(|_| NotMoney::TooMuch)?, currency)
    }

    /// As people read it in British English: `£1,234.50`, `−£10.00`, `1,000 JPY`.
    pub fn shown(&self) -> String {
        let plain = self.amount_input();
        let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
        let digits = whole.trim_start_matches('-');
        let mut text = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        if let Some(fraction) = fraction {
            text = format!("{text}.{fraction}");
        }
        let sign = if self.minor < 0 { "\u{2212}" } else { "" };
        match self.currency.code() {
            "GBP" => format!("{sign}\u{a3}{text}"),
            "EUR" => format!("{sign}\u{20ac}{text}"),
            code => format!("{sign}{text} {code}"),
        }
    }

    /// As it is typed and as [`Money::parse`] takes it: `1234.50`, no currency, no grouping.
    pub fn amount_input(&self) -> String {
        let unit = 10_u64.pow(u32::from(self.currency.exponent));
        let sign = if self.minor < 0 { "-" } else { "" };
        let (whole, rest) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        match usize::from(self.currency.exponent) {
            0 => format!("{sign}{whole}"),
            places => format!("{sign}{whole}.{rest:0places$}"),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount_input(), self.currency.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_amounts_are_exact() {
        let cases: &[(&str, Result<i64, NotMoney>)] = &[
            ("12", Ok(1200)),
            ("12.5", Ok(1250)),
            (" 12.50 ", Ok(1250)),
            ("1,234.05", Ok(123_405)),
            ("0.29", Ok(29)),
            ("0", Err(NotMoney::NotPositive)),
            ("12.505", Err(NotMoney::TooManyDecimals)),
            ("12.", Err(NotMoney::NotANumber)),
            ("", Err(NotMoney::NotANumber)),
            ("-5", Err(NotMoney::NotANumber)),
            ("1e3", Err(NotMoney::NotANumber)),
            ("99999999999999999999", Err(NotMoney::TooMuch)),
            ("10000000.01", Err(NotMoney::TooMuch)),
        ];
        for (text, expected) in cases {
            let got = Money::parse(text, Currency::GBP).map(|money| money.minor);
            assert_eq!(got, *expected, "{text:?}");
        }
    }

    #[test]
    fn shown_with_the_currency_s_own_places() {
        let show = |minor, code| Money { minor, currency: Currency::parse(code).expect("known") }.to_string();
        assert_eq!(show(1205, "GBP"), "12.05 GBP");
        assert_eq!(show(-5, "GBP"), "-0.05 GBP");
        assert_eq!(show(500, "JPY"), "500 JPY");
        assert_eq!(show(1005, "KWD"), "1.005 KWD");
        assert_eq!(show(i64::MIN, "JPY"), "-9223372036854775808 JPY");
    }

    #[test]
    fn for_people_and_for_boxes() {
        let cases = [
            (1250, "GBP", "£12.50", "12.50"),
            (5, "GBP", "£0.05", "0.05"),
            (99_999, "GBP", "£999.99", "999.99"),
            (100_000, "GBP", "£1,000.00", "1000.00"),
            (123_456_789, "EUR", "€1,234,567.89", "1234567.89"),
            (-1000, "GBP", "−£10.00", "-10.00"),
            (1_000, "JPY", "1,000 JPY", "1000"),
            (1_234_567, "KWD", "1,234.567 KWD", "1234.567"),
            (1250, "USD", "12.50 USD", "12.50"),
        ];
        for (minor, code, shown, input) in cases {
            let money = Money { minor, currency: Currency::parse(code).expect("known") };
            assert_eq!((money.shown().as_str(), money.amount_input().as_str()), (shown, input));
            if minor > 0 {
                assert_eq!(Money::parse(input, money.currency), Ok(money));
            }
        }
    }
}
