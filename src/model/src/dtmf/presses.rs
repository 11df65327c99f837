//! One press over all transports is one digit.
//!
//! Each transport keeps its own order. A tone and a telephone-event match by overlap of RTP time;
//! INFO and KPML have no media clock and match by order: the nth report of a digit belongs to its
//! oldest press that has none by that transport.

use super::{Press, Transport};
use std::num::NonZeroU32;
use tonewall_secret::Key;

/// How far apart in-band tone and telephone-event of one press may lie: gateways cut tone and
/// start event up to 40 ms apart and stamp either late. Larger would join the keys of a fast
/// dialler whose tone or event was lost.
const SKEW_SAMPLES: i32 = 480;

/// A tone that goes on so soon after its own end is the same press: no key has a shorter pause
/// (ITU-T Q.24: 30 ms).
const BREAK_SAMPLES: i32 = 200;

/// The same with slow keys: 450 ms, half way between 400 ms, which phones and hands that repeat a
/// key stay under, and 500 ms, which whoever means it twice takes.
const SLOW_SAMPLES: i32 = 3_600;

/// The same for signalling, which has only its time of arrival.
const SLOW_MS: u32 = SLOW_SAMPLES as u32 / 8;

/// How long INFO may lag behind media: several SIP retransmissions (T1 = 0.5 s). Longer would take
/// the next press of the same digit for an echo of this one.
const LAG_MS: u32 = 2_000;

/// How long INFO may be ahead of media: the delay of a line one can still talk on, and 60 ms until a
/// tone is recognised. Longer would take the first press by media, on a leg that had INFO alone, for
/// the one before; shorter doubles keys where the audio is that late.
const AHEAD_MS: u32 = 600;

/// Matches with media after which INFO, or KPML, is known to repeat what media brings. One could be
/// chance. That both repeat each other tells nothing: then both would fall silent.
const ECHO_MATCHES: u8 = 2;

/// Presses remembered: a card number. A fast dialler makes so many in 1.6 s, a person 8 in
/// [`LAG_MS`]. Fewer would double what INFO brings late; the memory holds digits, so it is short.
const REMEMBERED: usize = 16;

/// Transports without a media clock.
const SIGNALS: usize = 2;

struct Known {
    key: Key,
    /// When it was last heard of.
    at: Moment,
    tone: Report,
    event: Report,
    /// When INFO and KPML brought it.
    signals: [Option<Moment>; SIGNALS],
}

/// A time of arrival in milliseconds, odd ones only, so that an `Option` of it is no larger. It
/// wraps after 49 days.
#[derive(Clone, Copy)]
struct Moment(NonZeroU32);

/// Whether one transport with a media clock reported a press.
#[derive(Clone, Copy)]
enum Report {
    /// It did not.
    No,
    /// It did, before the clock started anew.
    Once,
    /// It did, for so many samples (8 s at most are kept) until that RTP timestamp.
    Span(u16, u32),
}

/// The presses of one leg.
#[derive(Default)]
pub struct Presses {
    /// Oldest first.
    known: [Option<Known>; REMEMBERED],
    /// Matches of INFO and of KPML with media.
    matches: [u8; SIGNALS],
    /// Repeats of a key are one press.
    slow: bool,
}

impl Presses {
    /// Repeats of a key are one press, or no longer.
    pub fn set_slow(&mut self, on: bool) {
        self.slow = on;
    }

    /// A tone was recognised between two RTP timestamps; `Some` if it is a press of its own.
    pub fn in_band(&mut self, now_us: u64, key: Key, start: u32, until: u32) -> Option<Press> {
        self.expire(now_us);
        let goes_on =
            |known: &&mut Known| known.key.same_as(&key) && known.tone.is_near(start, until, BREAK_SAMPLES);
        let matches = |known: &&mut Known| {
            known.key.same_as(&key) && known.tone.is_no() && known.event.is_near(start, until, SKEW_SAMPLES)
        };
        if let Some(known) = self.known.iter_mut().flatten().find(goes_on) {
            known.tone.lengthen(until);
            known.at = Moment::of(now_us);
            return None;
        }
        if let Some(known) = self.known.iter_mut().flatten().find(matches) {
            known.tone = Report::span(start, until);
            return None;
        }
        if let Some(known) = self.repeated(&key, start, until) {
            known.tone.join(start, until);
            known.at = Moment::of(now_us);
            return None;
        }
        self.media(now_us, key, Transport::InBand, Report::span(start, until))
    }

    /// The tone that was recognised last goes on.
    pub fn in_band_until(&mut self, now_us: u64, until: u32) {
        if let Some(known) = self.known.iter_mut().flatten().rfind(|known| !known.tone.is_no()) {
            known.tone.lengthen(until);
            known.at = Moment::of(now_us);
        }
    }

    /// The first packet of a telephone-event arrived; `Some` if it is a press of its own.
    pub fn event(&mut self, now_us: u64, key: Key, start: u32, until: u32) -> Option<Press> {
        self.expire(now_us);
        let matches = |known: &&mut Known| {
            known.key.same_as(&key) && known.event.is_no() && known.tone.is_near(start, until, SKEW_SAMPLES)
        };
        if let Some(known) = self.known.iter_mut().flatten().find(matches) {
            known.event = Report::span(start, until);
            return None;
        }
        if let Some(known) = self.repeated(&key, start, until) {
            known.event.join(start, until);
            known.at = Moment::of(now_us);
            return None;
        }
        self.media(now_us, key, Transport::Event, Report::span(start, until))
    }

    /// The event that began last goes on.
    pub fn event_until(&mut self, now_us: u64, until: u32) {
        if let Some(known) = self.known.iter_mut().flatten().rfind(|known| !known.event.is_no()) {
            known.event.lengthen(until);
            known.at = Moment::of(now_us);
        }
    }

    /// A key came in signalling, by INFO or by KPML: the nth report belongs to the oldest press of
    /// that digit which has none.
    pub fn signal(&mut self, now_us: u64, key: Key, transport: Transport) -> Option<Press> {
        let own = usize::from(transport == Transport::Kpml);
        self.expire(now_us);
        let matches = |known: &&mut Known| known.signals[own].is_none() && known.key.same_as(&key);
        if let Some(known) = self.known.iter_mut().flatten().find(matches) {
            known.signals[own] = Some(Moment::of(now_us));
            if known.is_media() {
                self.matches[own] = self.matches[own].saturating_add(1);
            }
            return None;
        }
        if self.matches[own] >= ECHO_MATCHES {
            return None;
        }
        if let Some(known) = self.newest().filter(|known| known.key.same_as(&key))
            && known.signals[own].is_some_and(|at| at.ms_before(now_us) <= SLOW_MS)
        {
            known.at = Moment::of(now_us);
            known.signals[own] = Some(known.at);
            return None;
        }
        let mut signals = [None; SIGNALS];
        signals[own] = Some(Moment::of(now_us));
        self.remember(now_us, key, transport, Report::No, signals)
    }

    /// The RTP clock starts anew (another SSRC): what has been seen can be matched by order only.
    pub fn restart(&mut self) {
        for known in self.known.iter_mut().flatten() {
            known.tone.forget_span();
            known.event.forget_span();
        }
    }

    /// With slow keys, the newest press, of which this is a repeat.
    fn repeated(&mut self, key: &Key, start: u32, until: u32) -> Option<&mut Known> {
        self.newest().filter(|known| {
            let near = |report: &Report| report.is_near(start, until, SLOW_SAMPLES);
            known.key.same_as(key) && (near(&known.tone) || near(&known.event))
        })
    }

    /// With slow keys, the newest press.
    fn newest(&mut self) -> Option<&mut Known> {
        self.known.iter_mut().rev().filter(|_| self.slow).flatten().next()
    }

    /// A press by media that no other media brought: one that signalling told before, or a new one.
    fn media(&mut self, now_us: u64, key: Key, transport: Transport, report: Report) -> Option<Press> {
        let matches = |known: &&mut Known| {
            known.key.same_as(&key) && !known.is_media() && known.at.ms_before(now_us) <= AHEAD_MS
        };
        let Some(known) = self.known.iter_mut().flatten().find(matches) else {
            return self.remember(now_us, key, transport, report, [None; SIGNALS]);
        };
        known.report(transport, report);
        for (matches, signal) in self.matches.iter_mut().zip(known.signals) {
            *matches = matches.saturating_add(u8::from(signal.is_some()));
        }
        None
    }

    fn remember(
        &mut self,
        now_us: u64,
        key: Key,
        transport: Transport,
        report: Report,
        signals: [Option<Moment>; SIGNALS],
    ) -> Option<Press> {
        let own = twin(&key)?;
        let mut known =
            Known { key: own, at: Moment::of(now_us), tone: Report::No, event: Report::No, signals };
        known.report(transport, report);
        self.known.rotate_left(1);
        self.known[REMEMBERED - 1] = Some(known);
        Some(Press { key, transport })
    }

    /// Forgets, and thereby wipes, what can match nothing any more.
    pub fn expire(&mut self, now_us: u64) {
        for place in &mut self.known {
            if place.as_ref().is_some_and(|known| known.at.ms_before(now_us) > LAG_MS) {
                *place = None;
            }
        }
    }
}

impl Known {
    /// Whether a transport with a media clock brought it.
    fn is_media(&self) -> bool {
        !self.tone.is_no() || !self.event.is_no()
    }

    fn report(&mut self, transport: Transport, report: Report) {
        match transport {
            Transport::InBand => self.tone = report,
            Transport::Event => self.event = report,
            Transport::Info | Transport::Kpml => {}
        }
    }
}

impl Moment {
    fn of(now_us: u64) -> Moment {
        Moment(NonZeroU32::MIN | (now_us / 1_000) as u32)
    }

    fn ms_before(self, now_us: u64) -> u32 {
        // An odd millisecond may lie one ahead.
        (((now_us / 1_000) as u32).wrapping_sub(self.0.get()) as i32).max(0) as u32
    }
}

impl Report {
    fn span(start: u32, until: u32) -> Report {
        let samples = (until.wrapping_sub(start) as i32).max(0);
        Report::Span(u16::try_from(samples).unwrap_or(u16::MAX), until)
    }

    fn is_no(&self) -> bool {
        matches!(self, Report::No)
    }

    /// Whether it overlaps a stretch of RTP time when either may be off by `slack` samples.
    fn is_near(&self, start: u32, until: u32, slack: i32) -> bool {
        let Report::Span(samples, to) = *self else { return false };
        let from = to.wrapping_sub(u32::from(samples));
        start.wrapping_sub(to) as i32 <= slack && from.wrapping_sub(until) as i32 <= slack
    }

    fn lengthen(&mut self, until: u32) {
        if let Report::Span(samples, to) = self {
            let more = (until.wrapping_sub(*to) as i32).max(0) as u32;
            *to = to.wrapping_add(more);
            *samples = samples.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
        }
    }

    /// Takes a stretch in that belongs to the same press.
    fn join(&mut self, start: u32, until: u32) {
        match self {
            Report::Span(..) => self.lengthen(until),
            Report::No | Report::Once => *self = Report::span(start, until),
        }
    }

    fn forget_span(&mut self) {
        if let Report::Span(..) = self {
            *self = Report::Once;
        }
    }
}

/// A second handle to the same press: a [`Key`] cannot be copied, and one is handed out while
/// one stays behind for matching.
fn twin(key: &Key) -> Option<Key> {
    (0..16).filter_map(Key::from_event).find(|candidate| candidate.same_as(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: u8) -> Key {
        Key::from_event(code).expect("a key")
    }

    /// What a leg reports: transport, key, when (ms, RTP time runs along), how long.
    enum Step {
        Tone(u8, u64, u32),
        Event(u8, u64, u32),
        Info(u8, u64),
    }
    use Step::{Event, Info, Tone};

    /// The presses that the reports make, as transports.
    fn presses(steps: &[Step]) -> Vec<Transport> {
        let mut presses = Presses::default();
        let us = |ms: u64| ms * 1_000;
        let rtp = |ms: u64, more: u32| (ms as u32 * 8).wrapping_sub(4_000).wrapping_add(more);
        let one = |step: &Step| match *step {
            Tone(code, ms, long) => {
                let found = presses.in_band(us(ms), key(code), rtp(ms, 0), rtp(ms, 320));
                presses.in_band_until(us(ms), rtp(ms, 8 * long));
                found
            }
            Event(code, ms, long) => {
                let found = presses.event(us(ms), key(code), rtp(ms, 0), rtp(ms, 0));
                presses.event_until(us(ms), rtp(ms, 8 * long));
                found
            }
            Info(code, ms) => presses.signal(us(ms), key(code), Transport::Info),
        };
        steps.iter().filter_map(one).map(|press| press.transport).collect()
    }

    #[test]
    fn tone_and_event_match_by_overlap_of_rtp_time() {
        use Transport::{Event as E, InBand as T};
        for (name, reports, expected) in [
            ("the event starts 40 ms into the tone", vec![Tone(5, 100, 80), Event(5, 140, 80)], vec![T]),
            ("the event starts after the tone", vec![Tone(5, 100, 40), Event(5, 190, 80)], vec![T]),
            ("the event comes first", vec![Event(5, 100, 80), Tone(5, 130, 80)], vec![E]),
            ("another key", vec![Tone(5, 100, 80), Event(6, 110, 80)], vec![T, E]),
            ("too far apart", vec![Tone(5, 100, 40), Event(5, 210, 80)], vec![T, E]),
            (
                "the same key twice, both times on both",
                vec![Tone(1, 100, 50), Event(1, 130, 50), Tone(1, 200, 50), Event(1, 230, 50)],
                vec![T, T],
            ),
            (
                "the first event is lost",
                vec![Tone(1, 100, 50), Tone(1, 220, 50), Event(1, 250, 50), Event(1, 400, 50)],
                vec![T, T, E],
            ),
            ("a tone that goes on after a restart", vec![Tone(1, 100, 50), Tone(1, 160, 50)], vec![T]),
            ("across the wrap of RTP time", vec![Tone(1, 490, 50), Event(1, 510, 50)], vec![T]),
        ] {
            assert_eq!(presses(&reports), expected, "{name}");
        }
    }

    #[test]
    fn info_belongs_to_the_oldest_press_of_its_digit() {
        use Transport::{InBand as T, Info as I};
        for (name, reports, expected) in [
            ("behind the tone", vec![Tone(5, 100, 50), Info(5, 900)], vec![T]),
            ("ahead of the tone", vec![Info(5, 100), Tone(5, 300, 50)], vec![I]),
            (
                "twice the same digit, INFO behind both",
                vec![Tone(5, 100, 50), Tone(5, 300, 50), Info(5, 800), Info(5, 900)],
                vec![T, T],
            ),
            ("too late, and no known echo yet", vec![Tone(5, 100, 50), Info(5, 2_300)], vec![T, I]),
            (
                "after two matches an echo, whatever it says",
                vec![Tone(5, 100, 50), Info(5, 200), Tone(6, 400, 50), Info(6, 500), Info(7, 9_000)],
                vec![T, T],
            ),
            ("INFO alone", vec![Info(5, 100), Info(5, 400), Info(6, 700)], vec![I, I, I]),
        ] {
            assert_eq!(presses(&reports), expected, "{name}");
        }
    }
}
