//! One press over all transports is one digit.

use super::{Press, Transport};
use tonewall_secret::Key;

/// How far apart in-band tone and telephone-event of one press may lie: gateways cut tone and
/// start event up to 40 ms apart and stamp either late. Larger would join the keys of a fast
/// dialler whose tone or event was lost.
const SKEW_SAMPLES: i32 = 480;

/// A tone that goes on so soon after its own end is the same press: no key has a shorter pause
/// (ITU-T Q.24: 30 ms).
const BREAK_SAMPLES: i32 = 200;

/// How long INFO may lag behind media or the other way round: several SIP retransmissions (T1 =
/// 0.5 s). Longer would take the next press of the same digit for an echo of this one.
const INFO_LAG_US: u64 = 2_000_000;

/// Matches after which INFO is known to repeat what media brings. One could be chance.
const ECHO_MATCHES: u8 = 2;

/// Presses remembered: a fast dialler makes 25 in [`INFO_LAG_US`], a person 10; the memory holds
/// digits, so it is short.
const REMEMBERED: usize = 12;

struct Known {
    key: Key,
    /// When it was last heard of.
    at_us: u64,
    tone: Report,
    event: Report,
    info: bool,
}

/// Whether one transport with a media clock reported a press.
#[derive(Clone, Copy)]
enum Report {
    /// It did not.
    No,
    /// It did, before the clock started anew.
    Once,
    /// It did, from this to that RTP timestamp.
    Span(u32, u32),
}

/// The presses of one leg.
#[derive(Default)]
pub struct Presses {
    /// Oldest first.
    known: [Option<Known>; REMEMBERED],
    info_matches: u8,
}

impl Presses {
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
            known.at_us = now_us;
            return None;
        }
        if let Some(known) = self.known.iter_mut().flatten().find(matches) {
            known.tone = Report::Span(start, until);
            return None;
        }
        self.media(now_us, key, Report::Span(start, until), Report::No)
    }

    /// The tone that was recognised last goes on.
    pub fn in_band_until(&mut self, now_us: u64, until: u32) {
        if let Some(known) = self.known.iter_mut().flatten().rfind(|known| !known.tone.is_no()) {
            known.tone.lengthen(until);
            known.at_us = now_us;
        }
    }

    /// The first packet of a telephone-event arrived; `Some` if it is a press of its own.
    pub fn event(&mut self, now_us: u64, key: Key, start: u32, until: u32) -> Option<Press> {
        self.expire(now_us);
        let matches = |known: &&mut Known| {
            known.key.same_as(&key) && known.event.is_no() && known.tone.is_near(start, until, SKEW_SAMPLES)
        };
        if let Some(known) = self.known.iter_mut().flatten().find(matches) {
            known.event = Report::Span(start, until);
            return None;
        }
        self.media(now_us, key, Report::No, Report::Span(start, until))
    }

    /// The event that began last goes on.
    pub fn event_until(&mut self, now_us: u64, until: u32) {
        if let Some(known) = self.known.iter_mut().flatten().rfind(|known| !known.event.is_no()) {
            known.event.lengthen(until);
            known.at_us = now_us;
        }
    }

    /// A key came by SIP INFO, which has no media clock: the nth report belongs to the oldest
    /// unmatched press of that digit.
    pub fn info(&mut self, now_us: u64, key: Key) -> Option<Press> {
        self.expire(now_us);
        let matches = |known: &Known| {
            !known.info && known.key.same_as(&key) && now_us.saturating_sub(known.at_us) <= INFO_LAG_US
        };
        if let Some(known) = self.known.iter_mut().flatten().find(|known| matches(known)) {
            known.info = true;
            self.info_matches = self.info_matches.saturating_add(1);
            return None;
        }
        if self.info_matches >= ECHO_MATCHES {
            return None;
        }
        self.remember(now_us, key, Report::No, Report::No)
    }

    /// The RTP clock starts anew (another SSRC): what has been seen can be matched by order only.
    pub fn restart(&mut self) {
        for known in self.known.iter_mut().flatten() {
            known.tone.forget_span();
            known.event.forget_span();
        }
    }

    /// A press by media that no other media brought: an INFO ahead of it, or a new one.
    fn media(&mut self, now_us: u64, key: Key, tone: Report, event: Report) -> Option<Press> {
        let matches = |known: &&mut Known| {
            known.key.same_as(&key)
                && known.info
                && known.tone.is_no()
                && known.event.is_no()
                && now_us.saturating_sub(known.at_us) <= INFO_LAG_US
        };
        let Some(known) = self.known.iter_mut().flatten().find(matches) else {
            return self.remember(now_us, key, tone, event);
        };
        (known.tone, known.event) = (tone, event);
        self.info_matches = self.info_matches.saturating_add(1);
        None
    }

    fn remember(&mut self, now_us: u64, key: Key, tone: Report, event: Report) -> Option<Press> {
        let transport = match (tone.is_no(), event.is_no()) {
            (false, _) => Transport::InBand,
            (true, false) => Transport::Event,
            (true, true) => Transport::Info,
        };
        let own = twin(&key)?;
        self.known.rotate_left(1);
        self.known[REMEMBERED - 1] =
            Some(Known { key: own, at_us: now_us, tone, event, info: transport == Transport::Info });
        Some(Press { key, transport })
    }

    /// Forgets, and thereby wipes, what can match nothing any more.
    pub fn expire(&mut self, now_us: u64) {
        for place in &mut self.known {
            if place.as_ref().is_some_and(|known| now_us.saturating_sub(known.at_us) > INFO_LAG_US) {
                *place = None;
            }
        }
    }
}

impl Report {
    fn is_no(&self) -> bool {
        matches!(self, Report::No)
    }

    /// Whether it overlaps a stretch of RTP time when either may be off by `slack` samples.
    fn is_near(&self, start: u32, until: u32, slack: i32) -> bool {
        let Report::Span(from, to) = *self else { return false };
        start.wrapping_sub(to) as i32 <= slack && from.wrapping_sub(until) as i32 <= slack
    }

    fn lengthen(&mut self, until: u32) {
        if let Report::Span(_, to) = self
            && until.wrapping_sub(*to) as i32 > 0
        {
            *to = until;
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
            Info(code, ms) => presses.info(us(ms), key(code)),
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
