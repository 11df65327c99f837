//! What of a compound RTCP packet crosses a call (RFC 3550 §6): numbers, and no word of the peer.
//!
//! | packet | crosses |
//! |---|---|
//! | sender report, receiver report | fixed part and report blocks; no profile-specific extension |
//! | source description | the sources, each with a canonical name of ours in place of all items |
//! | goodbye | the sources; no reason |
//! | application-defined, extended reports, feedback, anything else | nothing of the whole compound |
//!
//! Items, reasons and extensions can carry anything, digits too, and nobody needs them on a
//! telephone. A peer that sends what must not cross gets none of that compound through: what is
//! strange in one part is not to be trusted in another.

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// Longest compound that is taken and made: an Ethernet MTU.
pub(crate) const COMPOUND_BYTES_MAX: usize = 1_500;

/// The one item of a source description that crosses: CNAME (RFC 3550 §6.5.1), which has to be there,
/// with its length, our word for it, the end of the list and what fills the last 32 bits.
const CNAME: [u8; 12] = *b"\x01\x08tonewall\x00\x00";

const WORD: usize = 4;
const REPORT_BLOCK: usize = 6 * WORD;

/// A compound as it may leave.
pub(crate) struct Compound {
    bytes: [u8; COMPOUND_BYTES_MAX],
    len: usize,
}

impl Compound {
    /// The bytes to send.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes.get_mut(self.len..self.len + bytes.len())?.copy_from_slice(bytes);
        self.len += bytes.len();
        Some(())
    }

    /// The head of a part that holds `count` reports or sources in `words` words after the head.
    fn head(&mut self, count: usize, kind: u8, words: usize) -> Option<()> {
        let [high, low] = u16::try_from(words).ok()?.to_be_bytes();
        self.put(&[0x80 | count as u8, kind, high, low])
    }
}

/// Makes what may cross of a packet; `None` if nothing may.
pub(crate) fn crossing(packet: &[u8]) -> Option<Compound> {
    let mut out = Compound { bytes: [0; COMPOUND_BYTES_MAX], len: 0 };
    let mut rest = packet;
    if packet.is_empty() || packet.len() > COMPOUND_BYTES_MAX {
        return None;
    }
    while !rest.is_empty() {
        let &[first, kind, high, low, ..] = rest else { return None };
        let len = (usize::from(u16::from_be_bytes([high, low])) + 1) * WORD;
        if first >> 6 != 2 || len > rest.len() {
            return None;
        }
        let (count, body) = (usize::from(first & 0x1F), &rest[WORD..len]);
        match kind {
            SENDER_REPORT => report(&mut out, kind, count, 6 * WORD, body)?,
            RECEIVER_REPORT => report(&mut out, kind, count, WORD, body)?,
            SOURCE_DESCRIPTION => description(&mut out, count, body)?,
            GOODBYE => {
                out.head(count, kind, count)?;
                out.put(body.get(..count * WORD)?)?;
            }
            _ => return None,
        }
        rest = &rest[len..];
    }
    Some(out)
}

fn report(out: &mut Compound, kind: u8, count: usize, fixed: usize, body: &[u8]) -> Option<()> {
    let len = fixed + count * REPORT_BLOCK;
    out.head(count, kind, len / WORD)?;
    out.put(body.get(..len)?)
}

fn description(out: &mut Compound, count: usize, mut body: &[u8]) -> Option<()> {
    out.head(count, SOURCE_DESCRIPTION, count * (WORD + CNAME.len()) / WORD)?;
    for _ in 0..count {
        out.put(body.get(..WORD)?)?;
        out.put(&CNAME)?;
        body = &body[chunk_len(body)?..];
    }
    Some(())
}

/// Bytes of a chunk: a source, its items, and zeros up to the next 32 bits (RFC 3550 §6.5).
fn chunk_len(chunk: &[u8]) -> Option<usize> {
    let mut at = WORD;
    while *chunk.get(at)? != 0 {
        at += 2 + usize::from(*chunk.get(at + 1)?);
    }
    let len = (at + 1).next_multiple_of(WORD);
    (len <= chunk.len()).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(count: u8, kind: u8, body: &[u8]) -> Vec<u8> {
        assert_eq!(body.len() % 4, 0);
        [&[0x80 | count, kind, 0, (body.len() / 4) as u8], body].concat()
    }

    fn crossed(parts: &[Vec<u8>]) -> Option<Vec<u8>> {
        crossing(&parts.concat()).map(|out| out.bytes().to_vec())
    }

    #[test]
    fn reports_cross_without_extensions() {
        let (sender, receiver) = (part(0, 200, &[7; 24]), part(1, 201, &[9; 28]));
        assert_eq!(crossed(&[sender.clone(), receiver.clone()]), Some([sender.clone(), receiver].concat()));
        let extended = part(0, 200, &[&[7; 24][..], b"4111111111111111"].concat());
        assert_eq!(crossed(&[extended]), Some(sender));
    }

    #[test]
    fn of_a_description_and_a_goodbye_only_the_sources_cross() {
        let words = b"\0\0\0\x07\x01\x104111111111111111\x07\x02no\0\0\0\0\0\x08\x02\x011\0";
        let told = crossed(&[part(2, 202, words)]).expect("crosses");
        assert_eq!(told, part(2, 202, b"\0\0\0\x07\x01\x08tonewall\0\0\0\0\0\x08\x01\x08tonewall\0\0"));
        let bye = part(1, 203, b"\0\0\0\x07\x0641 111\0");
        assert_eq!(crossed(&[bye]), Some(part(1, 203, b"\0\0\0\x07")));
    }

    #[test]
    fn what_is_no_report_takes_its_compound_along() {
        let report = part(0, 201, &[1; 4]);
        for kind in [192, 204, 205, 206, 207] {
            assert!(crossed(&[report.clone(), part(1, kind, &[0; 8])]).is_none(), "{kind}");
        }
        for cut in [&b""[..], b"x", &[0x40, 200, 0, 0], &[0x81, 201, 0, 1, 0, 0, 0, 7], &report[..6]] {
            assert!(crossing(cut).is_none(), "{cut:?}");
        }
        assert!(crossed(&[part(1, 202, b"\0\0\0\x07\x01\xFFab")]).is_none(), "an item that is cut");
        assert!(crossing(&[0x80; COMPOUND_BYTES_MAX + 1]).is_none());
    }
}
