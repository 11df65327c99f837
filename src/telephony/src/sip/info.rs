//! DTMF digits in SIP INFO: taken out of the bytes before anything else reads them. Where they go is
//! where those of KPML reports go too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use tonewall_model::dtmf::Transport;
use tonewall_secret::{Key, KeyRing};

/// What is written over a digit in a body.
const BLANK: u8 = b'x';

/// Takes the key out of an INFO body, `application/dtmf-relay` (`Signal=5` CRLF `Duration=160`) or
/// `application/dtmf` (the digit alone), and blanks the whole of it: what else a sender wrote there,
/// a second signal for one, is nobody's business either.
pub(crate) fn take_key(content_type: &str, body: &mut [u8]) -> Option<Key> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let place = match () {
        () if kind.eq_ignore_ascii_case("application/dtmf-relay") => signal_place(body),
        () if kind.eq_ignore_ascii_case("application/dtmf") => {
            body.iter().position(|b| !b.is_ascii_whitespace())
        }
        () => return None,
    };
    let key = place.and_then(|place| event_of(&body[place..]));
    for byte in body.iter_mut().filter(|b| !matches!(b, b'\r' | b'\n')) {
        *byte = BLANK;
    }
    key
}

/// A digit, a sign or a letter; or, as some phones write it, an event code 10 to 15.
fn event_of(text: &[u8]) -> Option<Key> {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    match &text[..end] {
        [one] => Key::from_char(char::from(*one)),
        [b'1', ones @ b'0'..=b'5'] => Key::from_event(10 + ones - b'0'),
        _ => None,
    }
}

fn signal_place(body: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"signal";
    let at = body.windows(NAME.len()).position(|part| part.eq_ignore_ascii_case(NAME))?;
    let rest = &body[at + NAME.len()..];
    let value = rest.iter().position(|b| !matches!(b, b' ' | b'=' | b'\t'))?;
    Some(at + NAME.len() + value)
}

/// Keys that one message brought by signalling, with what tells a retransmission.
pub(crate) struct Signalled {
    pub dialog: DialogKey,
    pub cseq: u32,
    pub transport: Transport,
    pub keys: Vec<Key>,
}

/// Where the keys go that one leg signals, by INFO or KPML: a ring for each, and somebody to tell.
#[derive(Default)]
pub struct InfoInlet {
    info: KeyRing,
    kpml: KeyRing,
    told: OnceLock<Box<dyn Fn() + Send + Sync>>,
    last_cseq: AtomicU32,
}

impl InfoInlet {
    /// Takes the oldest key, of INFO first, and how it came.
    pub fn take(&self) -> Option<(Transport, Key)> {
        let kpml = || Some((Transport::Kpml, self.kpml.take()?));
        self.info.take().map(|key| (Transport::Info, key)).or_else(kpml)
    }

    /// Whom to tell that a key is there; once, keys that came before are told of at once.
    pub fn tell(&self, told: Box<dyn Fn() + Send + Sync>) {
        if self.told.set(told).is_ok()
            && let Some(told) = self.told.get()
        {
            told();
        }
    }

    /// CSeq rises within a dialog (RFC 3261 §12.2.1.1): one that does not is a retransmission.
    fn bring(&self, Signalled { cseq, transport, keys, .. }: Signalled) {
        if self.last_cseq.fetch_max(cseq, Ordering::Relaxed) >= cseq {
            return;
        }
        let ring = if transport == Transport::Kpml { &self.kpml } else { &self.info };
        let pushed = keys.into_iter().map(|key| ring.push(key)).filter(|pushed| *pushed);
        if pushed.count() > 0
            && let Some(told) = self.told.get()
        {
            told();
        }
    }
}

/// A dialog from our side: Call-ID and our own tag, which only the two parties of it know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DialogKey {
    pub call_id: String,
    pub our_tag: String,
}

/// The inlets of all live legs.
#[derive(Clone, Default)]
pub(crate) struct InfoInlets(Arc<RwLock<HashMap<DialogKey, Arc<InfoInlet>>>>);

impl InfoInlets {
    pub fn open(&self, dialog: &DialogKey) -> Arc<InfoInlet> {
        let inlet = Arc::new(InfoInlet::default());
        if let Ok(mut inlets) = self.0.write() {
            inlets.insert(dialog.clone(), Arc::clone(&inlet));
        }
        inlet
    }

    pub fn close(&self, dialog: &DialogKey) {
        if let Ok(mut inlets) = self.0.write() {
            inlets.remove(dialog);
        }
    }

    pub fn bring(&self, signalled: Signalled) {
        let inlet = self.0.read().ok().and_then(|inlets| inlets.get(&signalled.dialog).cloned());
        if let Some(inlet) = inlet {
            inlet.bring(signalled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(kind: &str, body: &str) -> (Option<Key>, String) {
        let mut bytes = body.as_bytes().to_vec();
        let key = take_key(kind, &mut bytes);
        (key, String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn every_spelling_of_a_digit_is_taken_and_blanked() {
        let cases = [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5'),
            ("application/dtmf-relay", "signal = *\nDuration=100", '*'),
            ("application/dtmf-relay", "Signal=11\r\n", '#'),
            ("Application/DTMF; charset=utf-8", " 7\r\n", '7'),
            ("application/dtmf", "A", 'A'),
            ("application/dtmf-relay", "Signal=5\r\nSignal=6\r\nX: 4111\r\n", '5'),
        ];
        for (kind, body, expected) in cases {
            let (key, rest) = taken(kind, body);
            assert!(key.expect("a key").same_as(&Key::from_char(expected).expect("a key")), "{body:?}");
            assert!(rest.len() == body.len() && rest.chars().all(|c| "x\r\n".contains(c)), "{rest:?}");
        }
    }

    #[test]
    fn what_is_no_digit_is_still_blanked_or_left_alone() {
        for body in ["Signal=99\r\n", "Signal=4111\r\n", "Duration=160", ""] {
            let (key, rest) = taken("application/dtmf-relay", body);
            assert!(key.is_none() && rest.chars().all(|c| "x\r\n".contains(c)), "{rest:?}");
        }
        assert_eq!(taken("text/plain", "Signal=5").1, "Signal=5");
    }

    #[test]
    fn a_retransmission_brings_no_second_digit() {
        let dialog =
            |call_id: &str, tag: &str| DialogKey { call_id: call_id.to_owned(), our_tag: tag.to_owned() };
        let inlets = InfoInlets::default();
        let inlet = inlets.open(&dialog("c1", "a"));
        let bring = |call_id: &str, tag: &str, cseq, transport, keys: &str| {
            let keys = keys.chars().filter_map(Key::from_char).collect();
            inlets.bring(Signalled { dialog: dialog(call_id, tag), cseq, transport, keys });
        };
        bring("c1", "a", 2, Transport::Info, "5");
        bring("c1", "a", 2, Transport::Info, "5");
        bring("c1", "guessed", 900, Transport::Info, "5");
        bring("c1", "a", 3, Transport::Kpml, "55");
        bring("c1", "a", 3, Transport::Kpml, "55");
        bring("c1", "a", 4, Transport::Info, "5");
        let taken: Vec<Transport> = std::iter::from_fn(|| inlet.take()).map(|(by, _)| by).collect();
        assert_eq!(taken, [Transport::Info, Transport::Info, Transport::Kpml, Transport::Kpml]);
    }
}
