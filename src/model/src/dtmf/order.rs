//! Where a packet stands in its stream (RFC 3550 §A.1).

use super::rtp::Header;

/// Longest run of lost packets that is still the same stream: RFC 3550 §A.1 MAX_DROPOUT. Smaller
/// restarts the detector more often; larger believes a restarted sender to be the old one.
const DROPOUT_MAX: u16 = 3_000;

/// How far back a packet may be late: the width of the record of what has been seen. RFC 3550
/// §A.1 MAX_MISORDER is 100; 64 packets are 1.3 s, later than any jitter buffer waits.
const LATE_MAX: u16 = 64;

/// A packet's place among those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The direct successor of the newest packet so far.
    Next,
    /// Newer than all, with packets missing before it.
    AfterGap,
    /// Older than the newest, not seen before.
    Late,
    /// Seen before.
    Duplicate,
    /// Another source, or too far away to be the same stream; also the very first packet.
    Restart,
}

/// Sequence numbers of one stream.
#[derive(Default)]
pub struct Order {
    /// Bit n: the packet n before the newest has been seen; 0 = nothing yet.
    seen: u64,
    newest: u16,
    ssrc: u32,
}

impl Order {
    /// Places a packet and remembers it.
    pub fn place(&mut self, header: &Header) -> Place {
        let ahead = header.sequence.wrapping_sub(self.newest);
        let behind = ahead.wrapping_neg();
        if self.seen == 0 || header.ssrc != self.ssrc || (ahead > DROPOUT_MAX && behind >= LATE_MAX) {
            *self = Order { seen: 1, newest: header.sequence, ssrc: header.ssrc };
            return Place::Restart;
        }
        if behind < LATE_MAX {
            let bit = 1 << behind;
            let place = if self.seen & bit != 0 { Place::Duplicate } else { Place::Late };
            self.seen |= bit;
            return place;
        }
        self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
        self.newest = header.sequence;
        if ahead == 1 { Place::Next } else { Place::AfterGap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(packets: &[(u16, u32)]) -> Vec<Place> {
        let mut order = Order::default();
        let header = |&(sequence, ssrc): &(u16, u32)| Header {
            marker: false,
            payload_type: 0,
            sequence,
            timestamp: 0,
            ssrc,
        };
        packets.iter().map(|packet| order.place(&header(packet))).collect()
    }

    #[test]
    fn packets_are_placed_across_the_wrap() {
        use Place::*;
        assert_eq!(
            places(&[(65_534, 1), (65_535, 1), (1, 1), (0, 1), (0, 1), (2, 1), (65_534, 1)]),
            [Restart, Next, AfterGap, Late, Duplicate, Next, Duplicate]
        );
    }

    #[test]
    fn another_source_or_a_far_jump_restarts() {
        use Place::*;
        assert_eq!(
            places(&[(10, 1), (11, 2), (12, 2), (3_100, 2), (3_012, 2), (62_000, 2)]),
            [Restart, Restart, Next, Restart, Restart, Restart]
        );
        assert_eq!(
            places(&[(10, 1), (3_010, 1), (2_947, 1), (2_946, 1)]),
            [Restart, AfterGap, Late, Restart]
        );
    }
}
