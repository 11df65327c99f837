//! The one request body with a card in it.
//!
//! It is written once into a buffer of fixed size, handed to the HTTP client without copying, sent
//! again (where the gateway allows it) as a handle to the same bytes, and wiped when the last handle
//! drops. Nothing in here can be printed, cloned or compared.

use crate::gateways::{Head, Refuse};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::oneshot;
use tonewall_secret::{Cvc, Pan, wipe};

/// A request with a card, ready to be sent.
///
/// ```compile_fail
/// fn show(sealed: &tonewall_connectors::sealed::Sealed) -> String { format!("{sealed:?}") }
/// ```
/// ```compile_fail
/// fn copy(sealed: &tonewall_connectors::sealed::Sealed) -> tonewall_connectors::sealed::Sealed {
///     sealed.clone()
/// }
/// ```
pub struct Sealed {
    head: Head,
    body: Bytes,
    wiped: oneshot::Receiver<()>,
}

impl Sealed {
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Another handle to the same bytes; they are wiped when the last one drops.
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Gives this handle up and waits until the bytes are wiped; `false` when somebody still holds
    /// one after `wait`.
    pub(crate) async fn wiped(self, wait: Duration) -> bool {
        let Sealed { body, wiped, .. } = self;
        drop(body);
        tokio::time::timeout(wait, wiped).await.is_ok()
    }
}

/// Where a connector writes a body with a card in it: JSON, by hand, into a buffer that cannot grow.
///
/// A buffer that grew would leave the card in the block that it grew out of.
pub struct Writer {
    buffer: Buffer,
    full: bool,
}

impl Writer {
    /// A buffer of that many bytes, all zero.
    pub fn with_capacity(capacity: usize) -> Writer {
        let bytes = vec![0; capacity].into_boxed_slice();
        Writer { buffer: Buffer { bytes, len: 0, on_wiped: None }, full: false }
    }

    /// Bytes as they are: punctuation and names.
    pub fn raw(&mut self, bytes: impl AsRef<[u8]>) -> &mut Writer {
        let bytes = bytes.as_ref();
        let place = self.buffer.bytes.get_mut(self.buffer.len..self.buffer.len + bytes.len());
        match place {
            Some(place) if !self.full => {
                place.copy_from_slice(bytes);
                self.buffer.len += bytes.len();
            }
            _ => self.full = true,
        }
        self
    }

    /// A number that is no secret.
    pub fn number(&mut self, number: i64) -> &mut Writer {
        self.raw(number.to_string())
    }

    /// A JSON string with its quotes, escaped (RFC 8259 §7).
    pub fn string(&mut self, text: &str) -> &mut Writer {
        self.raw("\"");
        for c in text.chars() {
            match c {
                '"' => self.raw("\\\""),
                '\\' => self.raw("\\\\"),
                control if control < ' ' => self.raw(format!("\\u{:04x}", u32::from(control))),
                other => self.raw(other.encode_utf8(&mut [0; 4])),
            };
        }
        self.raw("\"")
    }

    /// A card number as a JSON string.
    pub fn pan(&mut self, pan: &Pan) -> &mut Writer {
        self.raw("\"");
        pan.reveal(|digits| self.raw(digits));
        self.raw("\"")
    }

    /// A security code as a JSON string; it is spent by this.
    pub fn cvc(&mut self, cvc: Cvc) -> &mut Writer {
        self.raw("\"");
        cvc.spend(|digits| self.raw(digits));
        self.raw("\"")
    }

    /// Closes the body. [`Refuse::TooLong`] when something did not fit; what was written is wiped.
    pub fn seal(mut self, head: Head) -> Result<Sealed, Refuse> {
        if self.full {
            return Err(Refuse::TooLong);
        }
        let (on_wiped, wiped) = oneshot::channel();
        self.buffer.on_wiped = Some(on_wiped);
        Ok(Sealed { head, body: Bytes::from_owner(self.buffer), wiped })
    }
}

/// Bytes on the heap that are wiped when they are dropped; moving it moves the handle only.
struct Buffer {
    bytes: Box<[u8]>,
    len: usize,
    /// Closed by the drop of this field, which comes after the wiping in [`Drop::drop`].
    on_wiped: Option<oneshot::Sender<()>>,
}

impl Buffer {
    fn wipe(&mut self) {
        wipe::zero(&mut self.bytes);
        self.len = 0;
        wipe::scrub_registers();
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::Method;
    use proptest::prelude::*;
    use tonewall_secret::{Entry, Key};

    fn head() -> Head {
        Head { method: Method::Post, url: String::new(), headers: Vec::new() }
    }

    fn entry(digits: &str) -> Entry {
        let mut entry = Entry::new();
        for c in digits.chars() {
            assert!(entry.push(&Key::from_char(c).expect("a key")));
        }
        entry
    }

    #[test]
    fn the_buffer_is_all_zeros_after_the_wipe() {
        let mut writer = Writer::with_capacity(32);
        writer.pan(&entry("4242424242424242").into_pan());
        assert_eq!(writer.buffer.as_ref(), b"\"4242424242424242\"");
        writer.buffer.wipe();
        assert!(writer.buffer.bytes.iter().all(|byte| *byte == 0));
        assert!(writer.buffer.as_ref().is_empty());
    }

    #[tokio::test]
    async fn wiped_only_when_the_last_handle_is_gone() {
        let mut writer = Writer::with_capacity(16);
        writer.cvc(entry("123").into_cvc());
        let sealed = writer.seal(head()).expect("fits");
        let (handle, again) = (sealed.body(), sealed.body());
        assert_eq!(handle.as_ptr(), again.as_ptr(), "one buffer, no copy");
        drop(again);
        assert!(!sealed.wiped(Duration::from_millis(1)).await, "one handle is still held");

        let mut writer = Writer::with_capacity(16);
        let sealed = writer.raw("123").seal_for_test();
        let handle = sealed.body();
        let holder = tokio::spawn(async move { drop(handle) });
        assert!(sealed.wiped(Duration::from_secs(10)).await);
        holder.await.expect("no panic");
    }

    impl Writer {
        fn seal_for_test(&mut self) -> Sealed {
            std::mem::replace(self, Writer::with_capacity(0)).seal(head()).expect("fits")
        }
    }

    #[test]
    fn a_body_that_does_not_fit_is_refused_whole() {
        let mut writer = Writer::with_capacity(20);
        writer.pan(&entry("4242424242424242").into_pan());
        writer.raw("much too long").raw("}");
        assert!(matches!(writer.seal(head()), Err(Refuse::TooLong)));
    }

    proptest! {
        #[test]
        fn strings_are_read_back_as_they_were(text in any::<String>()) {
            let mut writer = Writer::with_capacity(6 * text.len() + 2);
            writer.string(&text);
            let back: String = serde_json::from_slice(writer.buffer.as_ref()).expect("JSON");
            prop_assert_eq!(back, text);
        }
    }
}
