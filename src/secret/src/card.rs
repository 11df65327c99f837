//! Complete card data.

use crate::slot::Slot;

/// A complete card number.
///
/// ```compile_fail
/// fn show(pan: &tonewall_secret::Pan) -> String { pan.to_string() }
/// ```
/// ```compile_fail
/// fn copy(pan: &tonewall_secret::Pan) -> tonewall_secret::Pan { pan.clone() }
/// ```
/// ```compile_fail
/// fn equal(a: &tonewall_secret::Pan, b: &tonewall_secret::Pan) -> bool { a == b }
/// ```
pub struct Pan(Slot);

/// The one truncation that is ever stored: first six and last four (PCI SSC FAQ 1091).
///
/// Two truncations of one PAN could be combined into more digits, hence no other format exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// Issuer identification number, for finance and for brand rules.
    pub first6: String,
    /// Last four, what agents see.
    pub last4: String,
    /// Digits in the whole number.
    pub len: u8,
}

impl Pan {
    pub(crate) fn from_slot(slot: Slot) -> Pan {
        Pan(slot)
    }

    /// Digits in the number.
    pub fn len(&self) -> usize {
        self.0.digits().len()
    }

    /// Whether the number has no digit at all.
    pub fn is_empty(&self) -> bool {
        self.0.digits().is_empty()
    }

    /// Whether the check digit is right (ISO/IEC 7812-1 annex B, the Luhn formula).
    pub fn luhn_ok(&self) -> bool {
        let sum: u32 = self
            .0
            .digits()
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| {
                let value = u32::from(digit - b'0') << (place % 2);
                if value > 9 { value - 9 } else { value }
            })
            .sum();
        !self.is_empty() && sum.is_multiple_of(10)
    }

    /// First six and last four; a number under 13 digits shows nothing.
    pub fn masked(&self) -> Masked {
        let digits = self.0.digits();
        let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        let (first6, last4) = match digits.len() {
            13.. => (text(&digits[..6]), text(&digits[digits.len() - 4..])),
            _ => (String::new(), String::new()),
        };
        Masked { first6, last4, len: digits.len() as u8 }
    }

    /// The digits, for a connector that writes them into a request body. Banned elsewhere.
    pub fn reveal<R>(&self, write: impl FnOnce(&[u8]) -> R) -> R {
        write(self.0.digits())
    }
}

/// A card's security code (CVV2, CVC2, CID): sensitive authentication data, used once.
///
/// ```compile_fail
/// fn twice(code: tonewall_secret::Cvc) {
///     code.spend(|_| ());
///     code.spend(|_| ());
/// }
/// ```
pub struct Cvc(Slot);

impl Cvc {
    pub(crate) fn from_slot(slot: Slot) -> Cvc {
        Cvc(slot)
    }

    /// Digits in the code: 3, or 4 for American Express.
    pub fn len(&self) -> usize {
        self.0.digits().len()
    }

    /// Whether the code has no digit at all.
    pub fn is_empty(&self) -> bool {
        self.0.digits().is_empty()
    }

    /// Hands the digits to a connector and wipes them. Banned elsewhere (PCI DSS 3.3.1.2).
    pub fn spend<R>(self, write: impl FnOnce(&[u8]) -> R) -> R {
        write(self.0.digits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Key};

    fn pan(text: &str) -> Pan {
        let mut entry = Entry::new();
        for c in text.chars() {
            assert!(entry.push(&Key::from_char(c).expect("a key")));
        }
        entry.into_pan()
    }

    #[test]
    fn luhn_accepts_the_published_numbers_and_refuses_their_neighbours() {
        for good in ["4111111111111111", "378282246310005", "3056930009020004", "6771798021000008"] {
            assert!(pan(good).luhn_ok(), "{good}");
        }
        for bad in ["4111111111111112", "378282246310006", "3065930009020004", "1234"] {
            assert!(!pan(bad).luhn_ok(), "{bad}");
        }
        assert!(!Entry::new().into_pan().luhn_ok());
    }

    #[test]
    fn masked_shows_six_and_four_and_nothing_of_a_fragment() {
        let masked = pan("4111111111111111").masked();
        assert_eq!((masked.first6.as_str(), masked.last4.as_str(), masked.len), ("411111", "1111", 16));
        assert_eq!(pan("411111111111").masked().first6, "");
    }

    #[test]
    fn a_field_takes_nineteen_digits_and_no_other_key() {
        let mut entry = Entry::new();
        assert!(!entry.push(&Key::from_char('*').expect("a key")));
        for _ in 0..19 {
            assert!(entry.push(&Key::from_char('6').expect("a key")));
        }
        assert!(!entry.push(&Key::from_char('6').expect("a key")));
        entry.clear();
        assert!(entry.is_empty());
    }
}
