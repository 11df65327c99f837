//! The loose half: is this anything like a key?
//!
//! A voice makes pairs of harmonics all the time, and a key may be pressed while somebody talks,
//! under dial tone or in noise. So there is more than one way to be suspicious, and each asks for
//! what it can: a pair that is alone may be off its frequencies, a pair among other sound may not.

use super::filters::Energy;
use super::fit::{BANK, Fit, Pair, Tables, Tuned, WINDOW_HOPS};
use super::front::{Front, LOOK_BACK_HOPS};
use super::shares::{
    PAIR_ENERGY_MIN, Shares, is_even, is_noise, is_noise_without_voice, is_smeared_threat, is_threat,
};
use std::cell::LazyCell;

/// A pair alone. White noise at 5 dB leaves 0.9, 0.97 and 0.7.
const CLEAN: Shares = Shares { band: 0.84, voice: 0.94, all: 0.6 };

/// Other sound in the band, against a clean pair, that needs no explanation by noise; more where
/// there is no voice below the band, because no vowel comes without its fundamental.
const OTHER: f32 = 0.08;
const OTHER_VOICELESS: f32 = 0.2;
const VOICE_WEIGHT: f32 = 6.0;

/// A pair in quiet, whatever its frequencies and its twist: harmonics of a voice seldom leave so
/// little beside them.
const QUIET: Shares = Shares { band: 0.965, voice: 0.97, all: 0.82 };

/// A pair alone in its band while a voice hums below it: no vowel leaves its band to two harmonics.
const PURE: Shares = Shares { band: 0.95, voice: 0.72, all: 0.6 };

/// Share of all there is that a pair at its very frequencies needs, whatever the rest is.
const MOST: f32 = 0.76;

/// A pair that stays for long, whatever is heard besides: a key pressed at the very moment when
/// somebody begins to speak.
const LONG: Shares = Shares { band: 0.8, voice: 0.8, all: 0.6 };
const LONG_HOPS: u8 = 6;

/// How much a pair must have grown within 25 ms, and how much of it the band: 9 dB, a half.
const GROWN: f32 = 8.0;
const GROWN_MOST: f32 = 2.5;
const RISEN: f32 = 0.5;

/// How long after a key another one is expected, and what then is enough: 10 s, in which a person
/// finds the next digits on the card. Longer mutes more talk after the last key.
const ALERT_HOPS: u32 = 4_000;
const EXPECTED: [Likely; 2] = [
    Likely { shares: Shares { band: 0.6, voice: 0.6, all: 0.45 }, exact: 0.85 },
    Likely { shares: Shares { band: 0.56, voice: 0.95, all: 0.54 }, exact: 0.98 },
];

/// The same for a pair that a codec for voices has drawn off its frequencies: it is all there is.
const SMEARED: Shares = Shares { band: 0.87, voice: 0.97, all: 0.87 };

/// How long after a burst out of quiet a key is expected, 25 ms, and what then is enough, as it is for as
/// long before any expectation ends: words begin so too. With what is enough of an expected key, a third of
/// all that is muted of talk is for these.
pub const BURST_HOPS: u32 = 10;
const BURST: [Likely; 1] = [Likely { shares: Shares { band: 0.75, voice: 0.7, all: 0.6 }, exact: 0.85 }];

/// Share of the best fit within 3 % that the fit at nominal frequencies has if a pair is at its
/// very frequencies, as phones are.
const EXACT: f32 = 0.95;
/// The same for a pair alone, in noise of 5 dB.
const EXACT_CLEAN: f32 = 0.92;

/// What is enough where a key is expected: the fainter, the nearer to its very frequencies.
struct Likely {
    shares: Shares,
    /// As [`EXACT`].
    exact: f32,
}

/// A pair that begins while somebody speaks: looser, but only if nothing but the pair is new.
struct Beginning {
    shares: Shares,
    /// How much the pair's energy must have grown within 25 ms.
    pair: f32,
    /// How much everything else may have grown in that time.
    rest: f32,
    /// As [`EXACT`].
    exact: f32,
}

/// What may pass for a beginning: the more sudden, the more sound beside it.
const BEGINNINGS: [Beginning; 2] = [
    Beginning { shares: Shares { band: 0.62, voice: 0.7, all: 0.5 }, pair: 60.0, rest: 1.2, exact: 0.9 },
    Beginning { shares: Shares { band: 0.8, voice: 0.75, all: 0.6 }, pair: 20.0, rest: 1.3, exact: 0.8 },
];

/// A pair, even within 3 dB and most of its band, that comes on top of all there was: with the first word
/// of somebody, too.
struct Sudden {
    shares: Shares,
    /// How much the pair's energy must have grown within 25 ms.
    pair: f32,
    /// As [`EXACT`].
    exact: f32,
}

/// What may pass for one: the more sudden, the less alone.
const SUDDEN: [Sudden; 2] = [
    Sudden { shares: Shares { band: 0.78, voice: 0.945, all: 0.695 }, pair: 34.0, exact: 0.88 },
    Sudden { shares: Shares { band: 0.72, voice: 0.965, all: 0.72 }, pair: 100.0, exact: 0.88 },
];
const SUDDEN_TWIST_MAX: f32 = 2.0;

/// What may be new besides, against the pair: the error of a short window.
const SLACK: f32 = 0.02;

/// How much a dial tone may seem to grow, and what a pair leaves in the notches for it.
const SAME_DIAL: f32 = 1.3;
const DIAL_SLACK: f32 = 0.06;

/// How often a pair must be seen, each time within so many hops of the last: of what is seen once,
/// three in four are chance, of what is seen twice, half. The third sight comes 17.5 to 20 ms after
/// a tone began, within the 20 ms that a packet is held; a fourth would come too late.
const TIMES: u8 = 3;
/// The same when a key is expected.
const TIMES_EXPECTED: u8 = 2;
const GLIMPSE_HOPS: u8 = 4;

/// Share of its band that a suspected pair must keep to stay suspected.
const KEPT_SHARE: f32 = 0.45;

/// Share of its loudest energy that a suspected pair must keep: −10 dB.
const KEPT_ENERGY: f32 = 0.1;

/// What a pair at nominal frequencies needs before it is looked at more closely; `voice` is against
/// the voice alone.
const LIKELY: Shares = Shares { band: 0.38, voice: 0.9, all: 0.32 };

/// What was seen in one window.
pub struct Look {
    /// What there was.
    pub energy: Energy,
    /// The loudest row and column.
    pub pair: Pair,
    /// Its fit at nominal frequencies.
    pub nominal: Fit,
    /// Its fit at the best frequencies within 3 %, where a pair was likely at all.
    pub tuned: Option<(Tuned, Fit)>,
}

impl Look {
    /// What there is in the newest window; `None` if it is too quiet for a pair.
    pub fn energy(front: &Front) -> Option<Energy> {
        let mut energy = *front.energy();
        if energy.band < PAIR_ENERGY_MIN {
            return None;
        }
        // What is where a dial tone would be, and is none, is a voice.
        let dial_tone = SAME_DIAL * front.dial_tone() + DIAL_SLACK * energy.band;
        energy.voice += (energy.dial - dial_tone).max(0.0);
        Some(energy)
    }

    /// Whether a pair would be likely if it were all there is in the band: most of a voice is not.
    pub fn may_hold_pair(energy: &Energy) -> bool {
        energy.band > LIKELY.voice * energy.voice && energy.band > LIKELY.all * energy.all
    }

    /// Looks at the newest window.
    pub fn at(front: &Front, tables: &Tables, energy: Energy, correlations: Option<&[f32; BANK]>) -> Look {
        let (pair, nominal) = correlations.map(|found| tables.best(found)).unwrap_or_default();
        let likely = nominal.energy > LIKELY.band * energy.band
            && nominal.energy > LIKELY.voice * energy.voice
            && nominal.energy > LIKELY.all * energy.all;
        let window = if likely { front.window(0) } else { None };
        Look { energy, pair, nominal, tuned: window.map(|window| tables.tuned(pair, &window)) }
    }

    /// Whether the pair is at its nominal frequencies rather than somewhere within 3 %.
    fn is_exact(&self, tuned: &Fit, share: f32) -> bool {
        self.nominal.energy > share * tuned.energy
    }
}

/// A pair that is suspected.
struct Suspect {
    tuned: Tuned,
    loudest: f32,
}

/// Suspicion of one stream.
#[derive(Default)]
pub struct Suspicion {
    suspect: Option<Suspect>,
    /// The pair that looked suspicious last, how many hops ago, and how often.
    glimpse: Option<(Pair, u8, u8)>,
    /// Hops for which another key is expected.
    alert: u32,
    /// The pair that has been likely without a break, and for how many hops.
    run: Option<(Pair, u8)>,
}

impl Suspicion {
    /// Judges a window. It stays suspicious while the suspected pair does, whatever else is heard.
    pub fn judge(&mut self, front: &Front, tables: &Tables, look: Option<&Look>) -> bool {
        let Some(look) = look else {
            self.alert = self.alert.saturating_sub(1);
            self.restart();
            return false;
        };
        let is_expected = self.alert > BURST_HOPS + 1;
        let is_same = |pair: Pair| pair == look.pair || (is_expected && pair.is_near(look.pair));
        let glimpse = self.glimpse.take().filter(|(_, ago, _)| *ago < GLIMPSE_HOPS);
        self.glimpse = glimpse.map(|(pair, ago, times)| (pair, ago + 1, times));
        self.alert = self.alert.saturating_sub(1);
        let is_long = self.is_long(look);
        if let Some((tuned, fit)) = look.tuned
            && (is_long || self.is_key(front, tables, look, tuned, &fit))
        {
            let seen_before = glimpse.filter(|(pair, ..)| is_same(*pair)).map_or(0, |(.., times)| times);
            let times = 1 + seen_before.min(TIMES);
            self.glimpse = Some((look.pair, 0, times));
            let seen = times >= if self.alert > 0 { TIMES_EXPECTED } else { TIMES };
            if self.suspect.is_some() || seen {
                self.suspect = Some(Suspect { tuned, loudest: fit.energy });
                return true;
            }
        }
        self.suspect = self.suspect.take().and_then(|suspect| suspect.keep(front, tables, look));
        self.suspect.is_some()
    }

    fn is_key(&self, front: &Front, tables: &Tables, look: &Look, tuned: Tuned, fit: &Fit) -> bool {
        let expected = match self.alert {
            0 => &[],
            1..=BURST_HOPS => &BURST[..],
            _ => &EXPECTED[..],
        };
        let is_smeared = self.alert > BURST_HOPS && is_smeared_threat(fit) && SMEARED.hold(fit, &look.energy);
        if is_smeared || is_likely(look, fit, expected) {
            return true;
        }
        let before = LazyCell::new(|| Before::of(front, tables, tuned));
        (is_clean(look, fit) && (self.alert > 0 || before.is_beginning(look, fit)))
            || (is_most(look, fit) && before.has_grown(fit, GROWN_MOST))
            || sudden(look, fit)
                .is_some_and(|times| before.has_grown(fit, times) && before.has_risen(look, fit, 1.0))
            || is_new(front, tables, look, fit)
    }

    /// Forgets all but that keys are being pressed.
    pub fn restart(&mut self) {
        *self = Suspicion { alert: self.alert, ..Suspicion::default() };
    }

    /// Sound has broken off, or into silence: it may be a key, spoilt by what broke it or by a codec that
    /// had heard nothing before.
    pub fn doubt(&mut self, hops: u32) {
        self.alert = self.alert.max(hops);
    }

    /// A key was pressed or asked for, more are likely to follow.
    pub fn alert(&mut self) {
        self.alert = ALERT_HOPS;
    }

    /// Whether a pair at nominal frequencies has been likely for long.
    fn is_long(&mut self, look: &Look) -> bool {
        let likely = look.tuned.is_some_and(|(_, fit)| look.is_exact(&fit, EXACT))
            && is_threat(&look.nominal)
            && LONG.hold(&look.nominal, &look.energy);
        let before = self.run.filter(|(pair, _)| *pair == look.pair).map_or(0, |(_, hops)| hops);
        self.run = likely.then_some((look.pair, before.saturating_add(1)));
        likely && before >= LONG_HOPS
    }
}

/// What was heard a window before a pair, 12.5 to 25 ms earlier.
struct Before {
    /// Least energy of the pair; `None` if nothing is known, right after a hole.
    pair: Option<f32>,
    /// Least energy of the band.
    band: f32,
}

impl Before {
    fn of(front: &Front, tables: &Tables, tuned: Tuned) -> Before {
        let mut before = Before { pair: Some(f32::MAX), band: f32::MAX };
        for ago in WINDOW_HOPS..=LOOK_BACK_HOPS {
            let found = front.window(ago).map(|window| tables.again(tuned, &window).energy);
            before.pair = found.and_then(|found| before.pair.map(|pair| pair.min(found)));
            before.band = before.band.min(front.energy_before(ago).band);
        }
        before
    }

    /// Whether the pair is new, and came on top of what there was: harmonics of a voice glide into
    /// the place of a pair and take their energy with them, a key adds its own.
    fn is_beginning(&self, look: &Look, fit: &Fit) -> bool {
        self.pair.is_none() || (self.has_grown(fit, GROWN) && self.has_risen(look, fit, RISEN))
    }

    /// Whether the band has become louder by so much of the pair.
    fn has_risen(&self, look: &Look, fit: &Fit, share: f32) -> bool {
        look.energy.band > self.band + share * fit.energy
    }

    fn has_grown(&self, fit: &Fit, times: f32) -> bool {
        self.pair.is_none_or(|pair| fit.energy > times * pair)
    }
}

impl Suspect {
    /// The suspect, if it still can be heard.
    fn keep(self, front: &Front, tables: &Tables, look: &Look) -> Option<Suspect> {
        let fit = tables.again(self.tuned, &front.window(0)?);
        let loudest = self.loudest.max(fit.energy);
        let kept = fit.energy > KEPT_SHARE * look.energy.band && fit.energy > KEPT_ENERGY * loudest;
        kept.then_some(Suspect { loudest, ..self })
    }
}

/// Whether a pair is likely enough when keys are being pressed.
fn is_likely(look: &Look, tuned: &Fit, enough: &[Likely]) -> bool {
    is_threat(&look.nominal)
        && enough
            .iter()
            .any(|one| look.is_exact(tuned, one.exact) && one.shares.hold(&look.nominal, &look.energy))
}

/// Whether a pair is there without a voice: alone, or in noise.
fn is_clean(look: &Look, fit: &Fit) -> bool {
    let energy = &look.energy;
    if !is_threat(fit) {
        return false;
    }
    if !look.is_exact(fit, EXACT_CLEAN) || !is_even(fit) {
        return QUIET.hold(fit, energy);
    }
    let little_else =
        is_noise(fit, energy, OTHER) || is_noise_without_voice(fit, energy, OTHER_VOICELESS, VOICE_WEIGHT);
    (CLEAN.hold(fit, energy) && little_else) || PURE.hold(fit, energy)
}

/// Whether a pair at its very frequencies is most of all there is.
fn is_most(look: &Look, tuned: &Fit) -> bool {
    let Look { energy, nominal, .. } = look;
    let all = energy.all.max(energy.band + energy.voice);
    is_threat(nominal) && is_even(nominal) && look.is_exact(tuned, EXACT) && nominal.energy > MOST * all
}

/// How much a pair must have grown to have come at once, on top of all there was; `None` if it has not.
fn sudden(look: &Look, tuned: &Fit) -> Option<f32> {
    let now = &look.nominal;
    let is_even = now.high < SUDDEN_TWIST_MAX * now.low && now.low < SUDDEN_TWIST_MAX * now.high;
    let fits = |one: &&Sudden| one.shares.hold(now, &look.energy) && look.is_exact(tuned, one.exact);
    let found = SUDDEN.iter().filter(|_| is_even && is_threat(now)).find(fits)?;
    Some(found.pair)
}

/// Whether a pair has begun under sound that goes on as before: no vowel begins like that.
fn is_new(front: &Front, tables: &Tables, look: &Look, tuned: &Fit) -> bool {
    let now = &look.nominal;
    let likely = |beginning: &&Beginning| {
        beginning.shares.hold(now, &look.energy) && look.is_exact(tuned, beginning.exact)
    };
    if !is_threat(now) || !is_even(now) || !BEGINNINGS.iter().any(|beginning| likely(&beginning)) {
        return false;
    }
    let (mut pair, mut band, mut voice) = (f32::MAX, 0.0f32, 0.0f32);
    // One whole window earlier at least, so that the pair is not in both.
    for ago in WINDOW_HOPS..=LOOK_BACK_HOPS {
        // After a hole nothing is known of before: take the pair for new.
        let Some(window) = front.window(ago) else { return true };
        let (before, then) = (tables.nominal_again(look.pair, &window).energy, front.energy_before(ago));
        pair = pair.min(before);
        band = band.max(then.band - before);
        voice = voice.max(then.voice);
    }
    let slack = SLACK * now.energy;
    BEGINNINGS.iter().filter(likely).any(|beginning| {
        now.energy > beginning.pair * pair
            && look.energy.band - now.energy < beginning.rest * band + slack
            && look.energy.voice < beginning.rest * voice + slack
    })
}
