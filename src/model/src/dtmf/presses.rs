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
    /// RTP time from start to the newest sign of it; `None` without a media clock.
    span: Option<(u32, u32)>,
    in_band: bool,
    event: bool,
    info: bool,
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
        let goes_on = |known: &Known| {
            known.in_band && known.key.same_as(&key) && within(known.span, start, until, BREAK_SAMPLES)
        };
        if self.known.iter().flatten().any(goes_on) {
            self.in_band_until(now_us, until);
            return None;
        }
        let matches = |known: &Known| {
            !known.in_band
                && known.event
                && known.key.same_as(&key)
                && within(known.span, start, until, SKEW_SAMPLES)
        };
        if let Some(known) = self.known.iter_mut().flatten().find(|known| matches(known)) {
            known.in_band = true;
            return None;
        }
        self.media(now_us, key, (start, until), Transport::InBand)
    }

    /// The tone that was recognised last goes on.
    pub fn in_band_until(&mut self, now_us: u64, until: u32) {
        if let Some(known) = self.known.iter_mut().flatten().rfind(|known| known.in_band) {
            known.lengthen(now_us, until);
        }
    }

    /// The first packet of a telephone-event arrived; `Some` if it is a press of its own.
    pub fn event(&mut self, now_us: u64, key: Key, start: u32, until: u32) -> Option<Press> {
        self.expire(now_us);
        let matches = |known: &Known| {
            !known.event
                && known.in_band
                && known.key.same_as(&key)
                && within(known.span, start, until, SKEW_SAMPLES)
        };
        if let Some(known) = self.known.iter_mut().flatten().find(|known| matches(known)) {
            known.event = true;
            known.lengthen(now_us, until);
            return None;
        }
        self.media(now_us, key, (start, until), Transport::Event)
    }

    /// The event that began last goes on.
    pub fn event_until(&mut self, now_us: u64, until: u32) {
        if let Some(known) = self.known.iter_mut().flatten().rfind(|known| known.event) {
            known.lengthen(now_us, until);
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
        self.remember(now_us, key, None, Transport::Info)
    }

    /// The RTP clock starts anew (another SSRC): what has been seen can be matched by order only.
    pub fn restart(&mut self) {
        for known in self.known.iter_mut().flatten() {
            known.span = None;
        }
    }

    /// A press by media that no other media brought: an INFO ahead of it, or a new one.
    fn media(&mut self, now_us: u64, key: Key, span: (u32, u32), transport: Transport) -> Option<Press> {
        let matches = |known: &Known| {
            known.info
                && !known.in_band
                && !known.event
                && known.key.same_as(&key)
                && now_us.saturating_sub(known.at_us) <= INFO_LAG_US
        };
        let Some(known) = self.known.iter_mut().flatten().find(|known| matches(known)) else {
            return self.remember(now_us, key, Some(span), transport);
        };
        known.span = Some(span);
        known.in_band = transport == Transport::InBand;
        known.event = transport == Transport::Event;
        self.info_matches = self.info_matches.saturating_add(1);
        None
    }

    fn remember(
        &mut self,
        now_us: u64,
        key: Key,
        span: Option<(u32, u32)>,
        transport: Transport,
    ) -> Option<Press> {
        let own = twin(&key)?;
        self.known.rotate_left(1);
        self.known[REMEMBERED - 1] = Some(Known {
            key: own,
            at_us: now_us,
            span,
            in_band: transport == Transport::InBand,
            event: transport == Transport::Event,
            info: transport == Transport::Info,
        });
        Some(Press { key, transport })
    }

    /// Forgets, and thereby wipes, what can match nothing any more.
    fn expire(&mut self, now_us: u64) {
        for place in &mut self.known {
            if place.as_ref().is_some_and(|known| now_us.saturating_sub(known.at_us) > INFO_LAG_US) {
                *place = None;
            }
        }
    }
}

impl Known {
    fn lengthen(&mut self, now_us: u64, until: u32) {
        self.at_us = now_us;
        if let Some((_, end)) = &mut self.span
            && until.wrapping_sub(*end) as i32 > 0
        {
            *end = until;
        }
    }
}

/// Whether two stretches of RTP time overlap when each may be off by `slack` samples.
fn within(span: Option<(u32, u32)>, start: u32, until: u32, slack: i32) -> bool {
    span.is_some_and(|(known_start, known_until)| {
        start.wrapping_sub(known_until) as i32 <= slack && known_start.wrapping_sub(until) as i32 <= slack
    })
}

/// A second handle to the same press: a [`Key`] cannot be copied, and one is handed out while
/// one stays behind for matching.
fn twin(key: &Key) -> Option<Key> {
    (0..16).filter_map(Key::from_event).find(|candidate| candidate.same_as(key))
}
