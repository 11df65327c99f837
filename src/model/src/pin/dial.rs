//! Dial strings that carry a PIN behind a number.

use tonewall_secret::Secret;

/// Shortest PIN: with five tries in half an hour, six digits withstand guessing (DESIGN §8).
const PIN_LEN_MIN: usize = 6;
/// Longest PIN that a speed dial is expected to hold.
const PIN_LEN_MAX: usize = 12;
/// What stands for a PIN in a log, whatever its length.
const REDACTED: &str = "******";

/// What is behind the number of a dialled string.
pub struct DialString {
    /// Six to twelve digits.
    pub pin: Secret<String>,
}

/// Takes a PIN out of the user part of a request URI: `<number><pin>` or `<number>*<pin>`.
///
/// `None` when it is not this number, or when what follows is no PIN; log it through [`redact`].
///
/// ```
/// use tonewall_model::pin::dial_string;
/// assert!(dial_string("8500*482913", "8500").is_some_and(|dialled| dialled.pin.matches(b"482913")));
/// assert!(dial_string("8500", "8500").is_none());
/// ```
pub fn dial_string(user: &str, number: &str) -> Option<DialString> {
    let behind = user.strip_prefix(number).filter(|_| !number.is_empty())?;
    let pin = behind.strip_prefix('*').unwrap_or(behind);
    let known = (PIN_LEN_MIN..=PIN_LEN_MAX).contains(&pin.len()) && pin.bytes().all(|b| b.is_ascii_digit());
    known.then(|| DialString { pin: Secret::new(pin.to_owned()) })
}

/// A dialled string as logs, screens and rows may show it: `8500******`.
///
/// The stars do not tell the length. A string that does not begin with the number is hidden whole,
/// since a misdialled one may hold the PIN anywhere.
pub fn redact(user: &str, number: &str) -> String {
    match user.strip_prefix(number).filter(|_| !number.is_empty()) {
        Some("") => number.to_owned(),
        Some(_) => format!("{number}{REDACTED}"),
        None => REDACTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_behind_numbers() {
        let cases: &[(&str, &str, Option<&str>, &str)] = &[
            ("8500482913", "8500", Some("482913"), "8500******"),
            ("8500*482913", "8500", Some("482913"), "8500******"),
            ("8500123456789012", "8500", Some("123456789012"), "8500******"),
            ("+441289300*482913", "+441289300", Some("482913"), "+441289300******"),
            ("8500", "8500", None, "8500"),
            ("8500*", "8500", None, "8500******"),
            ("850048291", "8500", None, "8500******"),
            ("85001234567890123", "8500", None, "8500******"),
            ("8500**482913", "8500", None, "8500******"),
            ("8500*482913*", "8500", None, "8500******"),
            ("8500%2A482913", "8500", None, "8500******"),
            ("850048291\u{661}", "8500", None, "8500******"),
            ("850", "8500", None, "******"),
            ("482913", "8500", None, "******"),
            ("8501482913", "8500", None, "******"),
            ("", "8500", None, "******"),
            ("482913", "", None, "******"),
        ];
        for (user, number, pin, shown) in cases {
            let got = dial_string(user, number);
            assert_eq!(got.is_some(), pin.is_some(), "{user:?}");
            if let (Some(dialled), Some(pin)) = (got, pin) {
                assert!(dialled.pin.matches(pin.as_bytes()), "{user:?}");
            }
            assert_eq!(redact(user, number), *shown, "{user:?}");
        }
    }
}
