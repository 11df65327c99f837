//! One press of one key.

use std::sync::atomic::{Ordering, compiler_fence};

/// A keypad press: `0`–`9`, `*`, `#`, `A`–`D`.
///
/// The value is the RFC 4733 §3.2 event code plus one, so that zero can mean "empty" in a
/// [`crate::KeyRing`] slot. It is wiped on drop; a `Key` is never copied, only moved.
///
/// ```compile_fail
/// let key = tonewall_secret::Key::from_event(5).unwrap();
/// println!("{key:?}");
/// ```
/// ```compile_fail
/// let key = tonewall_secret::Key::from_event(5).unwrap();
/// let _ = key.clone();
/// ```
pub struct Key(u8);

/// What may be known of a press without knowing which digit it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `0`–`9`.
    Digit,
    /// `*`.
    Star,
    /// `#`.
    Hash,
    /// `A`–`D`: no keypad of a customer has them.
    Letter,
}

impl Key {
    /// From an RFC 4733 event code: 0–9 digits, 10 `*`, 11 `#`, 12–15 `A`–`D`; `None` beyond.
    pub fn from_event(event: u8) -> Option<Key> {
        (event <= 15).then(|| Key(event + 1))
    }

    /// From a character as SIP INFO carries it (`Signal=5`, `Signal=*`); `None` for others.
    pub fn from_char(c: char) -> Option<Key> {
        let event = match c {
            '0'..='9' => c as u8 - b'0',
            '*' => 10,
            '#' => 11,
            'A'..='D' => c as u8 - b'A' + 12,
            'a'..='d' => c as u8 - b'a' + 12,
            _ => return None,
        };
        Key::from_event(event)
    }

    /// Digit, `*`, `#` or letter.
    pub fn kind(&self) -> KeyKind {
        match self.0 - 1 {
            0..=9 => KeyKind::Digit,
            10 => KeyKind::Star,
            11 => KeyKind::Hash,
            _ => KeyKind::Letter,
        }
    }

    /// Whether both presses are of the same key: what matching across transports needs.
    pub fn same_as(&self, other: &Key) -> bool {
        self.0 == other.0
    }

    /// The slot value for a ring: event code plus one.
    pub(crate) fn to_slot(&self) -> u8 {
        self.0
    }

    /// The press in a ring's slot; zero is an empty slot.
    pub(crate) fn from_slot(slot: u8) -> Option<Key> {
        (slot != 0).then_some(Key(slot))
    }

    /// The ASCII digit, for the card fields of this crate alone.
    pub(crate) fn ascii_digit(&self) -> Option<u8> {
        (self.kind() == KeyKind::Digit).then(|| self.0 - 1 + b'0')
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // A plain store to a dying value is a dead store; black_box makes it observable.
        self.0 = 0;
        std::hint::black_box(&self.0);
        compiler_fence(Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_the_event_code() {
        let kinds = |range: std::ops::RangeInclusive<u8>| {
            range.map(|e| Key::from_event(e).expect("a key").kind()).collect::<Vec<_>>()
        };
        assert!(kinds(0..=9).iter().all(|k| *k == KeyKind::Digit));
        assert_eq!(kinds(10..=11), [KeyKind::Star, KeyKind::Hash]);
        assert!(kinds(12..=15).iter().all(|k| *k == KeyKind::Letter));
        assert!(Key::from_event(16).is_none());
    }

    #[test]
    fn characters_and_events_agree() {
        for (index, c) in "0123456789*#ABCD".chars().enumerate() {
            let by_event = Key::from_event(index as u8).expect("a key");
            assert!(Key::from_char(c).expect("a key").same_as(&by_event));
        }
        assert!(Key::from_char('x').is_none());
    }
}
