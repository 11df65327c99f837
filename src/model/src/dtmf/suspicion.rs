//! The loose half: is this anything like a key?

use super::fit::{BANK, Fit, Pair, Tables, Tuned, WINDOW, WINDOW_HOPS};
use super::front::{Energy, Front};

/// Lowest pair that is a threat: −40 dBm0, 5 dB under what a listener needs.
pub const PAIR_ENERGY_MIN: f32 = WINDOW as f32 * 15_839.0 * 15_839.0 * 1.0e-4;

/// Largest ratio of squared amplitudes either way: 14 dB, for a twist of 12 and the error of a
/// short window.
const TWIST_MAX: f32 = 25.0;

/// A pair alone: of its band, against the voice below the band, and of everything. White noise at
/// 5 dB leaves 0.9, 0.97 and 0.7.
const CLEAN: Shares = Shares { band: 0.84, voice: 0.94, all: 0.6 };

/// A pair alone with a tone more than 2 % off: what such a sender may have, and harmonics of a
/// voice have as often as not.
const CLEAN_FAR_OFF: Shares = Shares { band: 0.92, voice: 0.97, all: 0.8 };

/// Other sound in the band, against the pair, that needs no explanation by noise.
const OTHER: f32 = 0.08;

/// Other sound in the band, against sound above it, that noise explains: white noise has half as
/// much there, a voice ten times as much.
const NOISE: f32 = 1.2;

/// The same where there is no voice below the band, and what a voice counts there.
const VOICELESS_OTHER: f32 = 0.2;
const VOICE_WEIGHT: f32 = 6.0;

/// A pair that begins while somebody speaks: looser, but only if nothing but the pair is new.
struct Beginning {
    shares: Shares,
    /// How much the pair's energy must have grown within 25 ms.
    pair: f32,
    /// How much everything else may have grown in that time.
    rest: f32,
    /// Share of the best fit within 3 % that the fit at nominal frequencies must have.
    exact: f32,
    /// What may be new besides, against the pair: the error of a short window.
    slack: f32,
}

/// What may pass for a beginning, from the most sudden to the most alone.
const BEGINNINGS: [Beginning; 2] = [
    Beginning {
        shares: Shares { band: 0.62, voice: 0.7, all: 0.5 },
        pair: 60.0,
        rest: 1.2,
        exact: 0.9,
        slack: 0.02,
    },
    Beginning {
        shares: Shares { band: 0.8, voice: 0.75, all: 0.6 },
        pair: 20.0,
        rest: 1.3,
        exact: 0.8,
        slack: 0.02,
    },
];

/// A pair that stays for long, whatever is heard besides.
const LONG: Shares = Shares { band: 0.8, voice: 0.8, all: 0.6 };
const LONG_EXACT: f32 = 0.95;
const LONG_HOPS: u8 = 6;

/// How much a dial tone may seem to grow, and what a pair leaves in the notches for it.
const SAME_DIAL: f32 = 1.3;
const DIAL_SLACK: f32 = 0.06;

/// Earlier windows that are compared, one a hop.
const EARLIER: usize = 6;

/// Hops within which a pair must be seen twice. Once is chance three times of four.
const GLIMPSE_HOPS: u8 = 4;

/// Share of its band that a suspected pair must keep to stay suspected.
const KEPT_SHARE: f32 = 0.45;

/// Share of its loudest energy that a suspected pair must keep: -10 dB.
const KEPT_ENERGY: f32 = 0.1;

/// What a pair must have of the energy in its window.
pub struct Shares {
    /// Of the band, 640–1,760 Hz.
    pub band: f32,
    /// Against the voice below the band.
    pub voice: f32,
    /// Of everything but dial tone.
    pub all: f32,
}

impl Shares {
    /// Whether a fit has them.
    pub fn hold(&self, fit: &Fit, energy: &Energy) -> bool {
        fit.energy > self.band * energy.band
            && fit.energy > self.voice * (fit.energy + energy.voice)
            && fit.energy > self.all * energy.all
    }
}

/// Whether a pair is loud and even enough to tell anybody anything.
fn is_threat(fit: &Fit) -> bool {
    fit.energy > PAIR_ENERGY_MIN && fit.low < TWIST_MAX * fit.high && fit.high < TWIST_MAX * fit.low
}

/// What was seen in one window.
pub struct Look {
    pub energy: Energy,
    pub pair: Pair,
    /// At nominal frequencies.
    pub nominal: Fit,
    /// At the best frequencies within 3 %, where a pair was likely at all.
    pub tuned: Option<(Tuned, Fit)>,
}

impl Look {
    /// Looks at the newest window; `None` if it is too quiet for a pair.
    pub fn at(front: &Front, tables: &Tables, correlations: &[f32; BANK]) -> Option<Look> {
        let mut energy = front.energy(0);
        if energy.band < PAIR_ENERGY_MIN {
            return None;
        }
        // A dial tone has been there for long; what is new where it would be is a voice.
        if front.hops() as usize >= 2 * WINDOW_HOPS + EARLIER {
            let before = (WINDOW_HOPS..WINDOW_HOPS + EARLIER)
                .map(|ago| front.energy(ago).dial)
                .fold(f32::MAX, f32::min);
            energy.voice += (energy.dial - SAME_DIAL * before - DIAL_SLACK * energy.band).max(0.0);
        }
        let (pair, nominal) = tables.best(correlations);
        let likely = nominal.energy > 0.25 * energy.band
            && nominal.energy > 0.5 * energy.voice
            && nominal.energy > 0.2 * energy.all;
        let window = if likely { front.window(0) } else { None };
        Some(Look { energy, pair, nominal, tuned: window.map(|window| tables.tuned(pair, &window)) })
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
    /// The pair that looked suspicious last, and how many hops ago.
    glimpse: Option<(Pair, u8)>,
    /// The pair that has been likely without a break, and for how many hops.
    run: Option<(Pair, u8)>,
}

impl Suspicion {
    /// Judges a window. It stays suspicious while the suspected pair does, whatever else is heard.
    pub fn judge(&mut self, front: &Front, tables: &Tables, look: Option<&Look>) -> bool {
        let Some(look) = look else {
            *self = Suspicion::default();
            return false;
        };
        let glimpse = self.glimpse.take().filter(|(_, ago)| *ago < GLIMPSE_HOPS);
        self.glimpse = glimpse.map(|(pair, ago)| (pair, ago + 1));
        let long = self.is_long(look);
        if let Some((tuned, fit)) = look.tuned
            && (long || is_clean(tuned, &fit, &look.energy) || is_new(front, tables, look, fit.energy))
        {
            self.glimpse = Some((look.pair, 0));
            if glimpse.is_some_and(|(pair, _)| pair == look.pair) || self.suspect.is_some() {
                self.suspect = Some(Suspect { tuned, loudest: fit.energy });
                return true;
            }
        }
        let kept = self.suspect.as_mut().is_some_and(|suspect| {
            let fit = front.window(0).map(|window| tables.again(suspect.tuned, &window));
            fit.is_some_and(|fit| {
                suspect.loudest = suspect.loudest.max(fit.energy);
                fit.energy > KEPT_SHARE * look.energy.band && fit.energy > KEPT_ENERGY * suspect.loudest
            })
        });
        if !kept {
            self.suspect = None;
        }
        kept
    }

    /// Whether a pair at nominal frequencies has been likely for long: a key pressed at the moment
    /// when somebody begins to speak.
    fn is_long(&mut self, look: &Look) -> bool {
        let likely = look.tuned.is_some_and(|(_, fit)| look.nominal.energy > LONG_EXACT * fit.energy)
            && is_threat(&look.nominal)
            && LONG.hold(&look.nominal, &look.energy);
        let before = self.run.filter(|(pair, _)| *pair == look.pair).map_or(0, |(_, hops)| hops);
        self.run = likely.then_some((look.pair, before.saturating_add(1)));
        likely && before >= LONG_HOPS
    }
}

/// Whether there is as good as no voice: then the band may hold more besides the pair, because a
/// vowel never comes without the fundamental below it.
fn is_voiceless(fit: &Fit, energy: &Energy) -> bool {
    let above = (energy.all - energy.band - energy.voice).max(0.0);
    energy.band - fit.energy + VOICE_WEIGHT * energy.voice < VOICELESS_OTHER * fit.energy + NOISE * above
}

/// Whether what the band holds beside the pair is little, or noise.
pub fn is_noise(fit: &Fit, energy: &Energy, little: f32) -> bool {
    let above = (energy.all - energy.band - energy.voice).max(0.0);
    energy.band - fit.energy < little * fit.energy + NOISE * above
}

/// Whether a pair is there without a voice: alone, or in noise.
fn is_clean(tuned: Tuned, fit: &Fit, energy: &Energy) -> bool {
    let shares = if tuned.is_far_off() { CLEAN_FAR_OFF } else { CLEAN };
    is_threat(fit) && shares.hold(fit, energy) && (is_noise(fit, energy, OTHER) || is_voiceless(fit, energy))
}

/// Whether a pair has begun under sound that goes on as before: no vowel begins like that.
fn is_new(front: &Front, tables: &Tables, look: &Look, tuned_energy: f32) -> bool {
    let now = &look.nominal;
    if !is_threat(now) || !BEGINNINGS.iter().any(|beginning| beginning.shares.hold(now, &look.energy)) {
        return false;
    }
    let (mut pair, mut band, mut voice) = (f32::MAX, 0.0f32, 0.0f32);
    // One whole window earlier at least, so that the pair is not in both.
    for ago in WINDOW_HOPS..WINDOW_HOPS + EARLIER {
        // After a hole nothing is known of before: take the pair for new.
        let Some(window) = front.window(ago) else { return true };
        let (before, then) = (tables.nominal_again(look.pair, &window).energy, front.energy(ago));
        pair = pair.min(before);
        band = band.max(then.band - before);
        voice = voice.max(then.voice);
    }
    BEGINNINGS.iter().any(|beginning| {
        let slack = beginning.slack * now.energy;
        beginning.shares.hold(now, &look.energy)
            && now.energy > beginning.exact * tuned_energy
            && now.energy > beginning.pair * pair
            && look.energy.band - now.energy < beginning.rest * band + slack
            && look.energy.voice < beginning.rest * voice + slack
    })
}
