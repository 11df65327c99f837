//! Everything that listens to one leg: packet order, tones, telephone-events, and their presses.

use super::detector::Tone;
use super::event::{self, Events, Sighting};
use super::fit::{HOP, WINDOW_HOPS};
use super::g711::Law;
use super::mask::TAIL_SAMPLES;
use super::order::{Order, Place};
use super::presses::Presses;
use super::rtp::Header;
use super::tones::Tones;
use super::{Press, Transport};
use tonewall_secret::Key;

/// Difference between timestamp and samples received that is sloppiness of the sender and no
/// hole, where no packet is missing: 5 ms.
const SLOPPY_SAMPLES: i32 = 40;

/// Longest hole over which the detector carries on, 60 ms; after a longer one it starts anew.
const BRIDGED_SAMPLES: i32 = 480;

/// Samples until the detector has seen enough to be believed: 30 ms, half as long again as suspicion
/// needs. More mutes more of a talk spurt behind a suppressed silence: two packets of 30 ms rather than
/// one.
const WARM_SAMPLES: u32 = 240;

/// What an audio packet sounded like.
pub struct Heard {
    /// Suspicion rose or held on somewhere in the packet.
    pub suspicious: bool,
    /// The packet itself must not be heard, whatever its successor says.
    pub muted: bool,
    /// Time was lost before the packet.
    pub hole: bool,
}

/// The listening half of a leg.
pub struct Ear {
    order: Order,
    tones: Tones,
    events: Events,
    presses: Presses,
    /// Timestamp that the next audio packet should have.
    next_timestamp: u32,
    /// Samples for which the mask outlasts what has been judged.
    tail: i64,
    /// Holes in the audio so far.
    pub holes: u64,
    /// Rises of suspicion so far.
    pub suspicions: u64,
    suspicious: bool,
}

impl Ear {
    pub fn new() -> Ear {
        Ear {
            order: Order::default(),
            tones: Tones::new(),
            events: Events::default(),
            presses: Presses::default(),
            next_timestamp: 0,
            tail: 0,
            holes: 0,
            suspicions: 0,
            suspicious: false,
        }
    }

    /// Whether a tone is suspected, or has not been over for long enough.
    pub fn is_masking(&self) -> bool {
        self.suspicious || self.tail > 0
    }

    /// Takes a dial tone of the tenant's own out before anything is judged, besides the usual ones.
    pub fn set_dial_tone(&mut self, hz: Option<[u16; 2]>) {
        self.tones.set_dial_tone(hz);
    }

    /// The detector starts anew: the coding has changed.
    pub fn restart(&mut self) {
        self.tones.restart();
        self.suspicious = false;
    }

    /// Places a packet in its stream.
    pub fn place(&mut self, header: &Header) -> Place {
        let place = self.order.place(header);
        if place == Place::Restart {
            self.tones.restart();
            self.presses.restart();
            self.next_timestamp = header.timestamp;
        }
        place
    }

    /// Judges an audio packet that is newer than all before it.
    pub fn audio(
        &mut self,
        now_us: u64,
        law: Law,
        header: &Header,
        place: Place,
        payload: &[u8],
        press: &mut dyn FnMut(Press),
    ) -> Heard {
        let hole = self.meet(header, place);
        let cold = !self.is_warm();
        // What can match nothing any more goes now, not with the next press, which may never come.
        self.presses.expire(now_us);
        let mut heard = Heard { suspicious: false, muted: hole || cold || self.tail > 0, hole };
        self.next_timestamp = header.timestamp.wrapping_add(payload.len() as u32);
        self.tail -= payload.len() as i64;
        let mut heard_until = 0;
        let linear = law.table();
        while heard_until < payload.len() {
            let (taken, found) =
                self.tones.take(|code: u8| linear[usize::from(code)], &payload[heard_until..]);
            heard_until += taken;
            let Some((suspicious, tone)) = found else { continue };
            let at = header.timestamp.wrapping_add(heard_until as u32);
            if suspicious {
                heard.suspicious = true;
                self.suspicions += u64::from(!self.suspicious);
                let left = payload.len() - heard_until;
                self.tail = self.tail.max(TAIL_SAMPLES - left as i64);
            }
            self.suspicious = suspicious;
            match tone {
                Tone::Began { code, ago } => {
                    self.tones.alert();
                    let key = Key::from_event(code);
                    let found =
                        key.and_then(|key| self.presses.in_band(now_us, key, at.wrapping_sub(ago), at));
                    found.map(&mut *press);
                }
                Tone::Goes => self.presses.in_band_until(now_us, at),
                Tone::Nothing => {}
            }
        }
        heard.muted |= heard.suspicious;
        heard
    }

    /// Takes a telephone-event packet.
    pub fn event(&mut self, now_us: u64, header: &Header, payload: &[u8], press: &mut dyn FnMut(Press)) {
        for block in event::blocks(payload, header.timestamp) {
            match self.events.sight(header.ssrc, header.marker, &block) {
                Sighting::First => {
                    self.tones.alert();
                    let found = block
                        .key()
                        .and_then(|key| self.presses.event(now_us, key, block.start, block.until()));
                    found.map(&mut *press);
                }
                Sighting::Goes => self.presses.event_until(now_us, block.until()),
                Sighting::Old => {}
            }
            // The gateway may cut the tone a little before the event or let it run on after it: the
            // mask lasts as long as the event, whatever the audio beside it sounds like.
            let left = i64::from(block.until().wrapping_sub(self.next_timestamp) as i32);
            self.tail = self.tail.max((left + TAIL_SAMPLES).clamp(TAIL_SAMPLES, 8_000));
        }
    }

    /// A key was asked for.
    pub fn expect_key(&mut self) {
        self.tones.alert();
    }

    /// A key came in signalling: by SIP INFO or KPML.
    pub fn signal(&mut self, now_us: u64, key: Key, transport: Transport, press: &mut dyn FnMut(Press)) {
        self.tones.alert();
        self.presses.signal(now_us, key, transport).map(press);
    }

    /// Repeats of a key are one press.
    pub fn set_slow_keys(&mut self, on: bool) {
        self.presses.set_slow(on);
    }

    /// Whether the detector has heard enough to be believed.
    pub fn is_warm(&self) -> bool {
        self.tones.heard_samples() >= WARM_SAMPLES
    }

    /// Whether the filters give numbers.
    pub fn is_finite(&self) -> bool {
        self.tones.is_finite()
    }

    /// Spoils the filters.
    #[cfg(test)]
    pub fn poison(&mut self) {
        self.tones.take(|_: u8| f32::NAN, &[0; 20]);
    }

    /// Meets the packet's timestamp: says whether audio is missing before it.
    fn meet(&mut self, header: &Header, place: Place) -> bool {
        let lost = header.timestamp.wrapping_sub(self.next_timestamp) as i32;
        if place == Place::Restart || (place == Place::Next && lost.abs() <= SLOPPY_SAMPLES) {
            return false;
        }
        self.holes += 1;
        if (0..=BRIDGED_SAMPLES).contains(&lost) {
            self.tones.hole(lost as u32);
            // What was lost tells nothing of the tone's end, nor does a window that is not full again.
            // Otherwise a key that ends beside a hole would be masked for longer than its neighbour that
            // is a little softer, by as much as the hole and the window.
            if self.tail > 0 {
                self.tail += (HOP * WINDOW_HOPS) as i64;
            }
        } else {
            self.tones.restart();
            self.tail -= i64::from(lost.max(0));
        }
        true
    }
}
