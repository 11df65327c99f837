//! Heap slots for fields while they are keyed.

use crate::{Cvc, Key, Pan, wipe};

/// Longest field: ISO/IEC 7812-1 allows 19 digits in a PAN.
pub(crate) const LEN_MAX: usize = 19;

/// A wiped heap slot of at most [`LEN_MAX`] ASCII digits.
pub(crate) struct Slot {
    digits: Box<[u8; LEN_MAX]>,
    len: u8,
}

impl Slot {
    fn new() -> Slot {
        Slot { digits: Box::new([0; LEN_MAX]), len: 0 }
    }

    fn push(&mut self, key: &Key) -> bool {
        let Some(digit) = key.ascii_digit() else { return false };
        let Some(place) = self.digits.get_mut(usize::from(self.len)) else { return false };
        *place = digit;
        self.len += 1;
        true
    }

    fn clear(&mut self) {
        wipe::zero(&mut self.digits[..]);
        self.len = 0;
    }

    pub(crate) fn digits(&self) -> &[u8] {
        &self.digits[..usize::from(self.len)]
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A secret field (card number or security code) while it is being keyed.
///
/// What may be seen of it is its length and, for brand and length hints, its first six digits
/// (PCI DSS 3.4.1 allows BIN and last four at most).
///
/// ```compile_fail
/// fn show(entry: &tonewall_secret::Entry) -> String { format!("{entry:?}") }
/// ```
pub struct Entry(Slot);

impl Entry {
    /// An empty field.
    pub fn new() -> Entry {
        Entry(Slot::new())
    }

    /// Adds a digit; `false` when the key is no digit or the field is full.
    #[must_use]
    pub fn push(&mut self, key: &Key) -> bool {
        self.0.push(key)
    }

    /// Digits keyed so far.
    pub fn len(&self) -> usize {
        usize::from(self.0.len)
    }

    /// Whether nothing has been keyed.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Wipes the field.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The first digits, six at most: the issuer identification that brand rules look at.
    ///
    /// Only ever call this on a card number; a security code has no prefix to know.
    pub fn prefix(&self) -> &[u8] {
        let digits = self.0.digits();
        &digits[..digits.len().min(6)]
    }

    /// Closes the field as a card number.
    pub fn into_pan(self) -> Pan {
        Pan::from_slot(self.0)
    }

    /// Closes the field as a security code.
    pub fn into_cvc(self) -> Cvc {
        Cvc::from_slot(self.0)
    }
}

impl Default for Entry {
    fn default() -> Self {
        Entry::new()
    }
}

/// A keyed field that is not secret: expiry, house number, the digits of a postcode.
///
/// Wiped like the others, because a caller who is one field ahead keys card digits into it.
pub struct Plain(Slot);

impl Plain {
    /// An empty field.
    pub fn new() -> Plain {
        Plain(Slot::new())
    }

    /// Adds a digit; `false` when the key is no digit or the field is full.
    #[must_use]
    pub fn push(&mut self, key: &Key) -> bool {
        self.0.push(key)
    }

    /// Digits keyed so far.
    pub fn len(&self) -> usize {
        usize::from(self.0.len)
    }

    /// Whether nothing has been keyed.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Wipes the field.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The digits, as text; empty for a field longer than eight digits, which is no expiry, house
    /// number or postcode but a card number keyed too early.
    pub fn as_str(&self) -> &str {
        const SHOWN_MAX: u8 = 8;
        if self.0.len > SHOWN_MAX {
            return "";
        }
        std::str::from_utf8(self.0.digits()).unwrap_or("")
    }
}

impl Default for Plain {
    fn default() -> Self {
        Plain::new()
    }
}
