//! Credentials: API tokens, gateway secrets, trunk passwords, PINs.

use crate::wipe;

/// A credential that is wiped on drop and shown by nothing.
///
/// ```compile_fail
/// println!("{:?}", tonewall_secret::Secret::new(String::from("hunter2")));
/// ```
pub struct Secret<T: Wipe>(T);

/// What [`Secret`] can hold.
pub trait Wipe {
    /// Overwrites the value in place.
    fn wipe(&mut self);
}

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        wipe::zero(self);
    }
}

impl Wipe for String {
    fn wipe(&mut self) {
        let mut bytes = std::mem::take(self).into_bytes();
        wipe::zero(&mut bytes);
    }
}

impl<T: Wipe> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Secret<T> {
        Secret(value)
    }

    /// The value, for the one place that has to send or check it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl Secret<String> {
    /// Compares without telling by time where the first difference is; only lengths may show.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let mut difference = own.len() ^ candidate.len();
        for (index, byte) in candidate.iter().enumerate() {
            difference |= usize::from(byte ^ own.get(index).copied().unwrap_or(0));
        }
        std::hint::black_box(difference) == 0
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_only_the_whole_value() {
        let pin = Secret::new(String::from("482913"));
        assert!(pin.matches(b"482913"));
        for wrong in [&b"482914"[..], b"48291", b"4829130", b""] {
            assert!(!pin.matches(wrong));
        }
    }
}
