//! RTP packets (RFC 3550 §5.1) and telephone-event payloads (RFC 4733 §2.3).

use std::time::Instant;

/// One packet as it was seen on a socket, sent or received.
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it was handed to, or taken from, the socket.
    pub at: Instant,
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// Sequence number.
    pub seq: u16,
    /// RTP timestamp, 8 kHz units.
    pub ts: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload without CSRC list, header extension and padding.
    pub payload: Box<[u8]>,
}

impl Packet {
    /// Reads a datagram; `None` if it is no RTP version 2 packet.
    pub fn parse(bytes: &[u8], at: Instant) -> Option<Self> {
        let header = bytes.get(..12)?;
        if header[0] >> 6 != 2 {
            return None;
        }
        let mut start = 12 + 4 * usize::from(header[0] & 0x0f);
        if header[0] & 0x10 != 0 {
            let extension = bytes.get(start..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let mut end = bytes.len();
        if header[0] & 0x20 != 0 {
            let padding = usize::from(*bytes.last()?);
            if padding == 0 {
                return None;
            }
            end = end.checked_sub(padding)?;
        }
        Some(Self {
            at,
            marker: header[1] & 0x80 != 0,
            payload_type: header[1] & 0x7f,
            seq: u16::from_be_bytes([header[2], header[3]]),
            ts: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload: bytes.get(start..end)?.into(),
        })
    }

    /// The packet as a datagram: 12-byte header, no CSRC, no extension, no padding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(12 + self.payload.len());
        bytes.push(0x80);
        bytes.push((u8::from(self.marker) << 7) | (self.payload_type & 0x7f));
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.ts.to_be_bytes());
        bytes.extend_from_slice(&self.ssrc.to_be_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes
    }
}

/// The four bytes of a telephone-event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// Event code; 0–15 are keys.
    pub event: u8,
    /// Set on the last packets of an event.
    pub end: bool,
    /// Level as −dBm0, 0–63.
    pub volume: u8,
    /// Duration so far in timestamp units.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads the first four bytes of a payload; `None` if there are fewer.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let bytes = payload.get(..4)?;
        Some(Self {
            event: bytes[0],
            end: bytes[1] & 0x80 != 0,
            volume: bytes[1] & 0x3f,
            duration: u16::from_be_bytes([bytes[2], bytes[3]]),
        })
    }

    /// The payload of this event.
    pub fn to_payload(self) -> Box<[u8]> {
        let duration = self.duration.to_be_bytes();
        Box::new([self.event, (u8::from(self.end) << 7) | (self.volume & 0x3f), duration[0], duration[1]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> Packet {
        Packet {
            at: Instant::now(),
            marker: true,
            payload_type: 101,
            seq: 65_535,
            ts: 0xfedc_ba98,
            ssrc: 7,
            payload: payload.into(),
        }
    }

    #[test]
    fn round_trip() {
        let sent = packet(&[1, 2, 3]);
        let got = Packet::parse(&sent.to_bytes(), sent.at).expect("own packet");
        assert_eq!(
            (got.marker, got.payload_type, got.seq, got.ts, got.ssrc),
            (true, 101, 65_535, 0xfedc_ba98, 7)
        );
        assert_eq!(&*got.payload, &[1, 2, 3]);
    }

    #[test]
    fn csrc_extension_and_padding_are_skipped() {
        let mut bytes = vec![0x80 | 0x20 | 0x10 | 0x01, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([9, 9, 9, 9]); // CSRC
        bytes.extend([0xbe, 0xde, 0, 1, 8, 8, 8, 8]); // extension, one word
        bytes.extend([1, 2, 3, 4]); // payload
        bytes.extend([0, 2]); // padding
        let got = Packet::parse(&bytes, Instant::now()).expect("valid");
        assert_eq!(&*got.payload, &[1, 2, 3, 4]);
    }

    #[test]
    fn broken_packets_are_refused_and_never_panic() {
        let whole = packet(&[1; 20]).to_bytes();
        for len in 0..12 {
            assert!(Packet::parse(&whole[..len], Instant::now()).is_none(), "{len} bytes");
        }
        for first in 0..=255u8 {
            for last in [0, 1, 200, 255] {
                let mut bytes = whole.clone();
                bytes[0] = first;
                *bytes.last_mut().expect("not empty") = last;
                let parsed = Packet::parse(&bytes, Instant::now());
                assert!(parsed.is_none() || first >> 6 == 2);
            }
        }
    }

    #[test]
    fn telephone_event_round_trip() {
        let event = TelephoneEvent { event: 11, end: true, volume: 10, duration: 1_600 };
        assert_eq!(TelephoneEvent::parse(&event.to_payload()), Some(event));
        assert_eq!(TelephoneEvent::parse(&[1, 2, 3]), None);
    }
}
