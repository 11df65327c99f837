//! RTP packets as bytes (RFC 3550 §5.1): what is needed to judge and to rewrite one.

use std::ops::Range;

/// Fixed header without CSRC list and extension.
pub const HEADER_LEN: usize = 12;

/// The fixed header's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, in samples.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl Header {
    /// Reads header and payload range; `None` for what is no RTP: wrong version, or a CSRC list,
    /// extension or padding that is longer than the datagram.
    pub fn read(datagram: &[u8]) -> Option<(Header, Range<usize>)> {
        let fixed: &[u8; HEADER_LEN] = datagram.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut start = HEADER_LEN + 4 * usize::from(fixed[0] & 0x0F);
        if fixed[0] & 0x10 != 0 {
            let extension: &[u8; 4] = datagram.get(start..)?.first_chunk()?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let mut end = datagram.len();
        if fixed[0] & 0x20 != 0 {
            let padding = usize::from(*datagram.last()?);
            if padding == 0 {
                return None;
            }
            end = end.checked_sub(padding)?;
        }
        if start > end {
            return None;
        }
        let word = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let header = Header {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7F,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: word(4),
            ssrc: word(8),
        };
        Some((header, start..end))
    }

    /// The header's 12 bytes: no CSRC list, no extension, no padding.
    pub fn write(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = 0x80;
        bytes[1] = self.payload_type | if self.marker { 0x80 } else { 0 };
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Header =
        Header { marker: true, payload_type: 8, sequence: 0xABCD, timestamp: 0x0102_0304, ssrc: 0xDEAD_BEEF };

    #[test]
    fn a_header_survives_writing_and_reading() {
        let mut datagram = PLAIN.write().to_vec();
        datagram.extend([1, 2, 3]);
        assert_eq!(Header::read(&datagram), Some((PLAIN, 12..15)));
    }

    #[test]
    fn csrc_extension_and_padding_are_left_out_of_the_payload() {
        let mut datagram = PLAIN.write().to_vec();
        datagram[0] |= 0x20 | 0x10 | 2;
        datagram.extend([0; 8]);
        datagram.extend([0xBE, 0xDE, 0, 1, 9, 9, 9, 9]);
        datagram.extend([7, 7, 7]);
        datagram.extend([0, 0, 3]);
        assert_eq!(Header::read(&datagram).map(|(_, payload)| payload), Some(28..31));
    }

    #[test]
    fn what_is_truncated_or_of_another_version_is_no_rtp() {
        let with_flags = |flags: u8, tail: &[u8]| {
            let mut datagram = PLAIN.write().to_vec();
            datagram[0] = flags;
            datagram.extend(tail);
            Header::read(&datagram).is_some()
        };
        assert!(with_flags(0x80, &[]));
        for (flags, tail) in [
            (0x40, &[0u8; 20][..]),                  // version 1
            (0x8F, &[0; 40]),                        // fifteen CSRCs announced, ten there
            (0x90, &[0, 0]),                         // extension header cut
            (0x90, &[0, 0, 0, 9, 0, 0]),             // extension shorter than it says
            (0xA0, &[0, 0, 0]),                      // padding of zero bytes
            (0xA0, &[0, 0, 200]),                    // more padding than datagram
            (0xB0, &[0xBE, 0xDE, 0, 1, 1, 1, 1, 5]), // padding reaches into the extension
        ] {
            assert!(!with_flags(flags, tail), "{flags:#04x} {tail:?}");
        }
        assert!((0..HEADER_LEN).all(|len| Header::read(&PLAIN.write()[..len]).is_none()));
    }
}
