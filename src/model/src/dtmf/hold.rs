//! Packets of a secured line that wait until their successors have been judged.

use super::rtp::Header;
use tonewall_secret::wipe;

/// Audio that has to be judged after a packet before it may leave: 20 ms. Suspicion comes 17.5 to 20 ms
/// after a tone's onset; less would let the first of it go, more only delays the talk.
pub const HOLD_SAMPLES: u32 = 160;

/// The same for packets shorter than that: 30 ms. A tone that a codec has smeared takes longer to be
/// suspicious, and begins twice as often in the last 10 ms of a packet of 10 ms as in those of one of 20.
const SHORT_HOLD_SAMPLES: u32 = 240;

/// How much later than due a successor may come before the packet leaves muted without it.
/// Larger rides over more jitter and delays more; smaller mutes more talk.
const GRACE_US: u64 = 5_000;

/// Longest packet that is held, in samples: 60 ms.
pub const PACKET_SAMPLES_MAX: usize = 480;

/// Packets held at once: 30 ms of the shortest usual packets (5 ms), and the newest.
const SLOTS: usize = 7;

/// Payload bytes held at once: under 20 ms of successors, a longest packet before and after them.
const BYTES: usize = 2 * PACKET_SAMPLES_MAX + HOLD_SAMPLES as usize;

/// A packet that waits.
#[derive(Clone, Copy)]
pub struct Held {
    /// Its header, as it will leave.
    pub header: Header,
    /// Samples of its payload.
    pub samples: u16,
    /// Whether it leaves without its own sound.
    pub muted: bool,
    /// Samples judged after it.
    judged_after: u32,
    deadline_us: u64,
}

/// The waiting packets of one leg, oldest first.
pub struct Hold {
    slots: [Option<Held>; SLOTS],
    bytes: [u8; BYTES],
    used: usize,
}

impl Hold {
    /// An empty hold.
    pub fn new() -> Hold {
        Hold { slots: [None; SLOTS], bytes: [0; BYTES], used: 0 }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.slots[0].is_none()
    }

    /// Whether a packet of `samples` samples finds no room until the oldest has left.
    pub fn is_full(&self, samples: usize) -> bool {
        self.slots[SLOTS - 1].is_some() || self.used + samples > BYTES
    }

    /// Adds a packet behind the others. There must be room ([`Hold::is_full`]): a payload that
    /// finds too little is cut and muted, a packet that finds no slot is gone.
    pub fn push(&mut self, now_us: u64, header: Header, payload: &[u8], muted: bool) {
        let room = payload.len().min(BYTES - self.used);
        let samples = u16::try_from(room).unwrap_or(0);
        self.bytes[self.used..self.used + room].copy_from_slice(&payload[..room]);
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.is_none()) else { return };
        self.used += room;
        *slot = Some(Held {
            header,
            samples,
            muted: muted || room < payload.len(),
            judged_after: 0,
            deadline_us: now_us + wait_us(u32::from(samples)) + GRACE_US,
        });
    }

    /// `samples` more samples have been judged, behind all that waits.
    pub fn judged(&mut self, samples: usize) {
        for held in self.slots.iter_mut().flatten() {
            held.judged_after += samples as u32;
        }
    }

    /// None of what waits may be heard.
    pub fn mute(&mut self) {
        for held in self.slots.iter_mut().flatten() {
            held.muted = true;
        }
    }

    /// When the oldest packet has to leave, judged or not.
    pub fn deadline_us(&self) -> Option<u64> {
        self.slots[0].map(|held| held.deadline_us)
    }

    /// Whether what follows the oldest packet has been judged, so that it may leave.
    pub fn is_judged(&self) -> bool {
        self.slots[0].is_some_and(|held| held.judged_after >= needed_samples(u32::from(held.samples)))
    }

    /// Takes the oldest packet, whatever is known of its successors; its payload is copied to the
    /// front of `payload`.
    pub fn take(&mut self, payload: &mut [u8; PACKET_SAMPLES_MAX]) -> Option<Held> {
        let held = self.slots[0].take()?;
        self.slots.rotate_left(1);
        let len = usize::from(held.samples).min(PACKET_SAMPLES_MAX);
        payload[..len].copy_from_slice(&self.bytes[..len]);
        self.bytes.copy_within(len..self.used, 0);
        self.used -= len;
        Some(held)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        wipe::zero(&mut self.bytes);
    }
}

/// What has to be judged after a packet of so many samples.
fn needed_samples(samples: u32) -> u32 {
    if (1..HOLD_SAMPLES).contains(&samples) { SHORT_HOLD_SAMPLES } else { HOLD_SAMPLES }
}

/// Milliseconds, rounded up, that a packet of so many samples waits if its successors come when due.
pub fn wait_ms(samples: usize) -> u8 {
    u8::try_from(wait_us(samples.min(PACKET_SAMPLES_MAX) as u32).div_ceil(1_000)).unwrap_or(u8::MAX)
}

/// How long after a packet's arrival the last of the successors that it needs is due.
fn wait_us(samples: u32) -> u64 {
    let packet = if samples == 0 { HOLD_SAMPLES } else { samples };
    u64::from(needed_samples(samples).div_ceil(packet) * packet) * 125
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp: 0, ssrc: 1 }
    }

    #[test]
    fn a_packet_waits_for_what_has_to_be_judged_behind_it() {
        for (samples, packets, deadline_us) in
            [(40, 6, 35_000), (80, 3, 35_000), (160, 1, 25_000), (240, 1, 35_000), (320, 1, 45_000)]
        {
            let mut hold = Hold::new();
            let mut out = [0; PACKET_SAMPLES_MAX];
            hold.push(1_000, header(0), &[7; 320][..samples], false);
            assert_eq!(hold.deadline_us(), Some(1_000 + deadline_us), "{samples}");
            assert_eq!(u64::from(wait_ms(samples)) * 1_000 + GRACE_US, deadline_us);
            for successor in 1..=packets {
                assert!(!hold.is_judged(), "{samples}: before {successor}");
                hold.judged(samples);
            }
            assert!(hold.is_judged());
            let held = hold.take(&mut out).expect("one waits");
            assert_eq!((held.header.sequence, usize::from(held.samples)), (0, samples));
            assert!(out[..samples].iter().all(|byte| *byte == 7) && hold.is_empty());
        }
    }

    #[test]
    fn what_does_not_fit_is_never_heard() {
        let mut hold = Hold::new();
        for sequence in 0..10 {
            let full = hold.is_full(480);
            assert_eq!(full, sequence >= 2, "{sequence}");
            hold.push(0, header(sequence), &[1; 480], false);
        }
        let mut out = [0; PACKET_SAMPLES_MAX];
        let mut unmuted = 0;
        while let Some(held) = hold.take(&mut out) {
            unmuted += u32::from(!held.muted);
            assert!(held.muted || held.samples == 480);
        }
        assert_eq!(unmuted, 2);
    }
}
