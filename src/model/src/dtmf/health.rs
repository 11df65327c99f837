//! Whether a secured line can be vouched for: signs that a stream is not what was judged so far.

use super::order::Place;
use super::rtp::Header;

/// Why nothing of the customer passes on a secured line just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unwell {
    /// The numbers of the detector's filters are none any more; it has been started anew.
    Detector,
    /// More packets than a stream of this kind has.
    Storm,
    /// RTP time jumped against the time of arrival.
    Clock,
    /// The coding or the payload types were negotiated anew while a field was open.
    Coding,
    /// Another source (SSRC) took the stream over while a field was open.
    Source,
}

impl Unwell {
    /// All of them.
    pub const ALL: [Unwell; 5] =
        [Unwell::Detector, Unwell::Storm, Unwell::Clock, Unwell::Coding, Unwell::Source];

    /// The word in records, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Unwell::Detector => "detector",
            Unwell::Storm => "storm",
            Unwell::Clock => "clock",
            Unwell::Coding => "coding",
            Unwell::Source => "source",
        }
    }
}

/// Audio that may come beyond what its time holds: 400 ms, because after a stall of 300 ms a
/// network delivers at once what it kept. Larger lets a flood in for longer; smaller takes a bad
/// network for one. Three times the rate of speech is found after 230 ms.
const EXCESS_US_MAX: u32 = 400_000;

/// How fast the excess fades, against time, per mille: a sender's clock is off by 0.1 % at most.
/// Larger forgives a lasting flood; smaller adds up the stalls of a bad network.
const EXCESS_FADE: u64 = 1_250;

/// Time that a datagram stands for, whatever is in it: 250 a second. Packets of 5 ms are 200;
/// smaller lets a flood of small ones in, larger refuses such packets beside telephone-events.
const DATAGRAM_US: u32 = 4_000;
const DATAGRAMS_FADE: u64 = 1_000;

/// Datagrams that may come at once, in their time: 80. As [`EXCESS_US_MAX`].
const DATAGRAMS_US_MAX: u32 = 80 * DATAGRAM_US;

/// How far RTP time may advance, within a second, from what packets and arrival account for:
/// 200 ms. Larger lets the place of a tone and of an event drift apart; smaller takes the jitter
/// round a silence that was suppressed for a jump.
const SKEW_US_MAX: u32 = 200_000;
const SKEW_FADE: u64 = 200;

/// Sloppiness of a sender's timestamps that is no jump: 5 ms a packet. Larger hides a clock that
/// runs wrong; smaller counts rounding.
const SLOPPY_SAMPLES: i64 = 40;

/// Audio without a sign of trouble after which a line is well again: 1 s. Longer mutes more talk;
/// shorter reopens the line between two signs of the same trouble.
const WELL_SAMPLES: u32 = 8_000;

/// What exceeds its due: it rises with what comes and fades with time.
#[derive(Clone, Copy, Default)]
struct Excess {
    us: u32,
    at_us: u64,
}

impl Excess {
    /// Adds to it; says whether it is more than `most_us`, at which it stays.
    fn add(&mut self, now_us: u64, more_us: u64, fade: u64, most_us: u32) -> bool {
        let faded_us = now_us.saturating_sub(self.at_us).saturating_mul(fade) / 1_000;
        let level_us = u64::from(self.us).saturating_sub(faded_us).saturating_add(more_us);
        self.at_us = now_us;
        self.us = u32::try_from(level_us).unwrap_or(most_us).min(most_us);
        level_us > u64::from(most_us)
    }
}

/// The audio packet before.
#[derive(Clone, Copy)]
struct Before {
    at_us: u64,
    sequence: u16,
    timestamp: u32,
    samples: u32,
}

/// The health of one stream.
pub struct Health {
    /// What happened, until [`WELL_SAMPLES`] have passed.
    tripped: Option<Unwell>,
    well_samples: u32,
    /// The detector has not heard enough since it was started, or told of another coding.
    cold: bool,
    ssrc: Option<u32>,
    before: Option<Before>,
    datagrams: Excess,
    audio: Excess,
    skew: Excess,
}

impl Health {
    /// A stream of which nothing is known.
    pub fn new() -> Health {
        Health {
            tripped: None,
            well_samples: 0,
            cold: true,
            ssrc: None,
            before: None,
            datagrams: Excess::default(),
            audio: Excess::default(),
            skew: Excess::default(),
        }
    }

    /// Why the line cannot be vouched for.
    pub fn unwell(&self) -> Option<Unwell> {
        self.tripped
    }

    /// Whether nothing may pass. A detector that is merely cold is one reason, and no fault: that is how
    /// every call begins, and a telephone that sends its keys as events may send no sound at all.
    pub fn is_mute(&self) -> bool {
        self.tripped.is_some() || self.cold
    }

    /// Something happened.
    pub fn trip(&mut self, why: Unwell) {
        (self.tripped, self.well_samples) = (Some(why), 0);
    }

    /// A datagram came, whatever is in it.
    pub fn datagram(&mut self, now_us: u64) {
        if self.datagrams.add(now_us, DATAGRAM_US.into(), DATAGRAMS_FADE, DATAGRAMS_US_MAX) {
            self.trip(Unwell::Storm);
        }
    }

    /// A packet of the stream came, audio or event.
    pub fn source(&mut self, ssrc: u32, field_open: bool) {
        let changed = self.ssrc.replace(ssrc).is_some_and(|before| before != ssrc);
        if changed {
            self.before = None;
            if field_open {
                self.trip(Unwell::Source);
            }
        }
    }

    /// An audio packet of `samples` samples came.
    pub fn audio(&mut self, now_us: u64, header: &Header, place: Place, samples: u32) {
        if place == Place::Duplicate {
            return;
        }
        if self.audio.add(now_us, u64::from(samples) * 125, EXCESS_FADE, EXCESS_US_MAX) {
            self.trip(Unwell::Storm);
        }
        if place == Place::Late {
            return;
        }
        let before = self.before.replace(Before {
            at_us: now_us,
            sequence: header.sequence,
            timestamp: header.timestamp,
            samples,
        });
        let skew_us = before.map_or(0, |before| before.unaccounted_us(now_us, header, place, samples));
        if self.skew.add(now_us, skew_us, SKEW_FADE, SKEW_US_MAX) {
            self.skew = Excess::default();
            self.trip(Unwell::Clock);
        }
        self.well_samples = self.well_samples.saturating_add(samples);
        if self.well_samples > WELL_SAMPLES {
            self.tripped = None;
        }
    }

    /// What the detector says of itself after a packet.
    pub fn heard(&mut self, is_warm: bool, is_finite: bool) {
        self.cold &= !is_warm;
        if !is_finite {
            self.cold = true;
            self.trip(Unwell::Detector);
        }
    }

    /// Offer and answer were exchanged anew: a sender may start its clock anew with them.
    pub fn renegotiated(&mut self) {
        self.before = None;
    }

    /// The coding is another one.
    pub fn recoded(&mut self) {
        self.cold = true;
    }
}

impl Before {
    /// How far the RTP time of the next packet is from anything that explains it, in µs: that it
    /// follows directly, that packets between the two were lost, that the sender left silence out,
    /// which took as long to pass, or which a marker bit tells (RFC 3551 §4.1).
    fn unaccounted_us(&self, now_us: u64, header: &Header, place: Place, samples: u32) -> u64 {
        let due = self.timestamp.wrapping_add(self.samples);
        let lost = i64::from(header.timestamp.wrapping_sub(due) as i32);
        let between = match place {
            Place::Restart => 0,
            _ => header.sequence.wrapping_sub(self.sequence).saturating_sub(1),
        };
        let missing = i64::from(between) * i64::from(self.samples.max(samples));
        let elapsed = i64::try_from(now_us.saturating_sub(self.at_us) / 125).unwrap_or(i64::MAX);
        let most = missing.max(elapsed - i64::from(samples));
        let off = match lost {
            ..0 => -lost,
            _ if header.marker => 0,
            _ => lost - most,
        };
        if off <= SLOPPY_SAMPLES { 0 } else { off.unsigned_abs() * 125 }
    }
}
