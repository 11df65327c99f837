//! RFC 4733 telephone-events: many packets, one press.

use tonewall_secret::Key;

/// Bytes of one event block (RFC 4733 §2.3).
const BLOCK_LEN: usize = 4;

/// Blocks read of one packet (RFC 4733 §2.5.1.5 lets short events share a packet). More than a
/// person can key in the time of a packet; the bound keeps a forged packet cheap.
const BLOCKS_MAX: usize = 4;

/// Events remembered, so that a late packet of an older one is no new press. Four keys at the
/// highest keying rate are 300 ms, more than packets are late on a line one can talk on.
const RECENT: usize = 4;

/// Where a segment of a long event may start after its predecessor: the largest duration
/// (RFC 4733 §2.5.1.3), less a packet for senders that round it.
const SEGMENT_SAMPLES: std::ops::RangeInclusive<u32> = 0xFFFF - 480..=0x1_0000;

/// How far apart two stretches of one event may be for senders that restamp every packet against
/// RFC 4733 §2.5.1.2; 20 ms, less than any pause between keys.
const RESTAMP_SAMPLES: i32 = 160;

/// One event block of a packet.
#[derive(Clone, Copy)]
pub struct Block {
    /// Event code; 0–15 are keys (RFC 4733 §3.2). Secret: never shown.
    code: u8,
    /// The E bit: the event is over.
    pub end: bool,
    /// RTP timestamp of the event's start.
    pub start: u32,
    /// Samples since the start.
    pub duration: u16,
}

impl Block {
    /// The key that it reports; `None` for flash, call tones and the like.
    pub fn key(&self) -> Option<Key> {
        Key::from_event(self.code)
    }

    /// RTP timestamp up to which the event has lasted.
    pub fn until(&self) -> u32 {
        self.start.wrapping_add(u32::from(self.duration))
    }
}

/// The event blocks of a payload, in time order; nothing of a payload that is too short.
pub fn blocks(payload: &[u8], timestamp: u32) -> impl Iterator<Item = Block> + '_ {
    let mut start = timestamp;
    payload.chunks_exact(BLOCK_LEN).take(BLOCKS_MAX).map(move |bytes| {
        let duration = u16::from_be_bytes([bytes[2], bytes[3]]);
        let block = Block { code: bytes[0], end: bytes[1] & 0x80 != 0, start, duration };
        start = block.until();
        block
    })
}

/// What a block means, given those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// The first packet that arrived of an event: act now, the end may be lost.
    First,
    /// Another packet of the newest event, or its next segment.
    Goes,
    /// A late packet of an older event.
    Old,
}

#[derive(Clone, Copy, Default)]
struct Known {
    ssrc: u32,
    start: u32,
    /// `None`: no event here yet.
    code: Option<u8>,
    until: u32,
    end: bool,
}

/// The newest events of one stream.
#[derive(Default)]
pub struct Events {
    /// Newest first.
    known: [Known; RECENT],
}

impl Events {
    /// Places a block; SSRC and RTP timestamp name an event.
    pub fn sight(&mut self, ssrc: u32, marker: bool, block: &Block) -> Sighting {
        let same = |known: &Known| known.code.is_some() && known.ssrc == ssrc && known.start == block.start;
        if let Some(place) = self.known.iter().position(same) {
            let known = &mut self.known[place];
            if block.until().wrapping_sub(known.until) as i32 > 0 {
                known.until = block.until();
            }
            known.end |= block.end;
            return if place == 0 { Sighting::Goes } else { Sighting::Old };
        }
        let newest = &mut self.known[0];
        let same_source = newest.code.is_some() && newest.ssrc == ssrc;
        if same_source && newest.code == Some(block.code) && !newest.end && !marker {
            let after = block.start.wrapping_sub(newest.start);
            let pause = block.start.wrapping_sub(newest.until) as i32;
            if SEGMENT_SAMPLES.contains(&after) || ((after as i32) > 0 && pause <= RESTAMP_SAMPLES) {
                *newest = Known { start: block.start, until: block.until(), end: block.end, ..*newest };
                return Sighting::Goes;
            }
        }
        if same_source && (block.start.wrapping_sub(newest.start) as i32) < 0 {
            return self.insert_old(ssrc, block);
        }
        self.known.rotate_right(1);
        self.known[0] =
            Known { ssrc, start: block.start, code: Some(block.code), until: block.until(), end: block.end };
        Sighting::First
    }

    /// An event that is older than the newest and was never seen: all its packets but this were
    /// lost or late. It is a press nevertheless, unless it is older than all that is remembered.
    fn insert_old(&mut self, ssrc: u32, block: &Block) -> Sighting {
        let older = |known: &Known| {
            known.code.is_none() || known.ssrc != ssrc || (block.start.wrapping_sub(known.start) as i32) > 0
        };
        let Some(place) = self.known.iter().position(older) else { return Sighting::Old };
        self.known[place..].rotate_right(1);
        self.known[place] =
            Known { ssrc, start: block.start, code: Some(block.code), until: block.until(), end: block.end };
        Sighting::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sightings of blocks given as (start, code, duration, end, marker).
    fn sightings(blocks: &[(u32, u8, u16, bool, bool)]) -> Vec<Sighting> {
        let mut events = Events::default();
        let sight = |&(start, code, duration, end, marker): &(u32, u8, u16, bool, bool)| {
            events.sight(7, marker, &Block { code, end, start, duration })
        };
        blocks.iter().map(sight).collect()
    }

    #[test]
    fn ssrc_and_timestamp_name_an_event() {
        use Sighting::*;
        assert_eq!(
            sightings(&[
                (1_000, 5, 160, false, true),
                (1_000, 5, 320, true, false),
                (1_000, 5, 320, true, false),
                (2_000, 5, 160, false, true),
                (1_000, 5, 320, true, false),
                (1_500, 6, 160, true, false),
                (1_500, 6, 160, true, false),
            ]),
            [First, Goes, Goes, First, Old, First, Old]
        );
    }

    #[test]
    fn segments_and_restamped_packets_go_on() {
        use Sighting::*;
        let long =
            [(0, 5, 0xFF00, false, true), (0xFFFF, 5, 160, false, false), (0x1_FFFE, 5, 160, true, false)];
        assert_eq!(sightings(&long), [First, Goes, Goes]);
        let restamped = [(0, 5, 160, false, true), (160, 5, 160, false, false), (320, 5, 160, true, false)];
        assert_eq!(sightings(&restamped), [First, Goes, Goes]);
        let pressed_again =
            [(0, 5, 160, false, true), (160, 5, 160, true, false), (320, 5, 160, false, false)];
        assert_eq!(sightings(&pressed_again), [First, Goes, First], "behind an end");
        let marked = [(0, 5, 160, false, true), (200, 5, 160, false, true)];
        assert_eq!(sightings(&marked), [First, First], "a marker starts an event");
    }

    #[test]
    fn blocks_follow_each_other_in_time_and_are_bounded() {
        let starts = |payload: &[u8]| blocks(payload, 100).map(|block| block.start).collect::<Vec<_>>();
        assert_eq!(starts(&[5, 0x80, 1, 0, 6, 0x80, 2, 0, 9]), [100, 356]);
        assert!(starts(&[5, 0x80, 1]).is_empty());
        assert_eq!(starts(&[0; 400]).len(), BLOCKS_MAX);
        let flash = blocks(&[16, 0, 0, 0], 0).next().expect("a block");
        assert!(flash.key().is_none());
    }
}
