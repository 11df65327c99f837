//! The strict half: which key, and that it was one (ITU-T Q.24).

use super::fit::{BANK, Fit, HOP, Pair, Tables, WINDOW_HOPS};
use super::front::Front;
use super::shares::{Shares, is_noise};
use super::suspicion::Look;

/// Points that a pair needs to be a key: three for a window that holds nothing else, less for one
/// with somebody talking. A window is 12.5 ms and moves by 2.5 ms, so a tone of 40 ms (must be
/// taken) fills 11 and one of 23 ms (must be refused) 5. Vowels often look like a key that
/// somebody talks over, but seldom for 40 ms at the very frequencies of one, or for 70 ms at all.
const POINTS_MIN: u32 = 7 * ALONE_POINTS;
/// The same with a tone off its frequency, as few phones and many voices are.
const POINTS_OFF_MIN: u32 = 8 * ALONE_POINTS;
const ALONE_POINTS: u32 = 3;
/// Windows that must hold nothing else: a talker draws breath, a vowel's harmonics never leave it.
const ALONE_MIN: u32 = 2;
/// Or that many with somebody talking, 60 ms, if the frequencies are exact.
const LONG: u32 = 16;
const OFFSET_LONG: f32 = 0.007;
const SPOKEN_OVER_POINTS: u32 = 2;

/// Deviation up to which a tone that somebody talks over is at its very frequency: phones are
/// within ±0.5 %, and the voice pulls the measure about as much.
const OFFSET_SPOKEN_OVER: f32 = 0.012;

/// Windows without the pair after which a search starts anew: a break of 10 ms spoils 8, but a
/// short tone must not be completed by the next one.
const MISSES_MAX: u32 = 8;

/// Windows without the pair after a hole, which tell that it did not come out of it.
const HOLE_MISSES: u32 = 3;

/// Windows without the pair after which a key is over. A pause of 30 ms has 8 or more; 20 ms of a
/// lost packet that somebody filled with silence have 5.
const ABSENT_MAX: u32 = 7;

/// Energy of a tone, against when it was recognised, under which it is gone: −12 dB. An echo
/// 10 dB down may bridge a pause of 20 ms, but none of 40.
const GONE: f32 = 1.0 / 16.0;

/// Deviation of a tone that is too much by itself: ±1.8 % must be taken, ±3.5 % refused.
const OFFSET_MAX: f32 = 0.0212;

/// Wavering of the low and of the high tone that is too much by itself: standard deviation of the
/// phase's advance a hop, in radians. A key's tones keep theirs within 0.06 in noise of 12 dB;
/// harmonics of a voice waver by twice that. The three together decide.
const WAVER_MAX: [f32; 2] = [0.12, 0.16];

/// Ratio of squared amplitudes, high to low: +4 to −8 dB must be taken, and a short window in
/// noise errs by up to 2 dB.
const TWIST_HIGH_MAX: f32 = 6.0;
const TWIST_LOW_MAX: f32 = 12.6;

/// Lowest tone: −36 dBm0 (ITU-T Q.24: −25 must be taken, −55 refused).
const TONE_MIN: f32 = 22_400.0 * 22_400.0 * 2.5e-4;

/// Shares of a pair over which somebody talks, and of one alone, noise at 12 dB included.
const SPOKEN_OVER: Shares = Shares { band: 0.8, voice: 0.75, all: 0.6 };
const ALONE: Shares = Shares { band: 0.92, voice: 0.95, all: 0.78 };

/// Other sound in the band, against the pair, that needs no explanation by noise.
const OTHER: f32 = 0.04;

/// How much the squared amplitude of each tone may change over a search: 5 dB. A voice swells and
/// fades with every period of its pitch.
const STEADY: f32 = 3.2;

/// A pair that may be a key.
struct Search {
    pair: Pair,
    alone: u32,
    spoken_over: u32,
    misses: u32,
    /// Hops since the first window.
    age: u32,
    /// Smallest and largest squared amplitude of the low and of the high tone.
    low: [f32; 2],
    high: [f32; 2],
    phases: Option<[f32; 2]>,
    /// Sums of the phases' drift against nominal, in radians, and over how many hops.
    drift: [f32; 2],
    drift_squares: [f32; 2],
    drift_hops: u32,
}

/// A key that was reported and is still down.
struct Down {
    pair: Pair,
    low: f32,
    high: f32,
    absent: u32,
}

/// What the detector says at a hop.
#[derive(Clone, Copy)]
pub enum Tone {
    /// A digit was recognised.
    Began {
        /// RFC 4733 event code. Secret: never shown.
        code: u8,
        /// Samples since its onset.
        ago: u32,
    },
    /// The digit that was recognised goes on.
    Goes,
    /// No digit.
    Nothing,
}

/// The detector of one stream.
#[derive(Default)]
pub struct Detector {
    search: Option<Search>,
    down: Option<Down>,
    /// Hops that were lost and may have held the tone on either side of them.
    lost_hops: u32,
}

impl Detector {
    /// Samples are missing, at most a few packets: what was heard on both sides is one tone.
    pub fn hole(&mut self, samples: u32) {
        self.lost_hops = (samples / HOP as u32).min(8);
        if let Some(search) = &mut self.search {
            search.phases = None;
        }
    }

    /// Judges a window.
    pub fn judge(
        &mut self,
        front: &Front,
        tables: &Tables,
        correlations: &[f32; BANK],
        look: Option<&Look>,
    ) -> Tone {
        let is_down = self.follow(tables, correlations);
        let found = look.and_then(|look| strict(look).map(|(fit, alone)| (look, fit, alone)));
        let found = found.filter(|(look, ..)| !self.down.as_ref().is_some_and(|down| down.pair == look.pair));
        match found {
            Some((look, fit, alone)) => self.hit(front, look, &fit, alone),
            None => self.miss(),
        }
        if let Some(search) = self.search.take_if(|search| search.is_key()) {
            // Not what is heard now: the tone may have ended in a hole.
            let ([low, _], [high, _]) = (search.low, search.high);
            self.down = Some(Down { pair: search.pair, low, high, absent: 0 });
            self.lost_hops = 0;
            return Tone::Began {
                code: search.pair.code(),
                ago: (search.age + WINDOW_HOPS as u32) * HOP as u32,
            };
        }
        if is_down { Tone::Goes } else { Tone::Nothing }
    }

    /// Follows the key that is down; says whether its tones are there.
    fn follow(&mut self, tables: &Tables, correlations: &[f32; BANK]) -> bool {
        let Some(down) = &mut self.down else { return false };
        let fit = tables.nominal(down.pair, correlations);
        if fit.low > GONE * down.low && fit.high > GONE * down.high {
            down.absent = 0;
            return true;
        }
        down.absent += 1;
        if down.absent >= ABSENT_MAX {
            self.down = None;
        }
        false
    }

    fn hit(&mut self, front: &Front, look: &Look, fit: &Fit, alone: bool) {
        let goes_on = self.search.as_ref().is_some_and(|search| {
            search.pair == look.pair && is_steady(search.low, fit.low) && is_steady(search.high, fit.high)
        });
        let lost_hops = std::mem::take(&mut self.lost_hops);
        if !goes_on {
            // Right behind a hole: it may have swallowed the beginning, or it may not.
            let credit = if front.hops() <= 7 { lost_hops / 2 } else { 0 };
            self.search = Some(Search::new(look, fit, alone, credit));
            return;
        }
        let Some(search) = &mut self.search else { return };
        search.alone += u32::from(alone) + lost_hops;
        search.spoken_over += u32::from(!alone);
        search.age += 1 + search.misses + lost_hops;
        search.misses = 0;
        search.low = widen(search.low, fit.low);
        search.high = widen(search.high, fit.high);
        let phases = look.nominal.phases();
        if let Some(before) = search.phases {
            let turns = look.pair.radians_per_hop();
            for tone in 0..2 {
                let drift = wrap(phases[tone] - before[tone] - turns[tone]);
                search.drift[tone] += drift;
                search.drift_squares[tone] += drift * drift;
            }
            search.drift_hops += 1;
        }
        search.phases = Some(phases);
    }

    fn miss(&mut self) {
        let Some(search) = &mut self.search else { return };
        search.misses += 1;
        search.phases = None;
        if search.misses >= HOLE_MISSES && self.lost_hops > 0 {
            // The tone went into a hole and did not come out: it may have ended anywhere in it.
            search.alone += self.lost_hops / 2;
            self.lost_hops = 0;
        } else if search.misses > MISSES_MAX {
            self.search = None;
        }
    }
}

impl Search {
    fn new(look: &Look, fit: &Fit, alone: bool, credit: u32) -> Search {
        Search {
            pair: look.pair,
            alone: u32::from(alone) + credit,
            spoken_over: u32::from(!alone),
            misses: 0,
            age: credit,
            low: [fit.low; 2],
            high: [fit.high; 2],
            // The first window holds the tone's edge.
            phases: None,
            drift: [0.0; 2],
            drift_squares: [0.0; 2],
            drift_hops: 0,
        }
    }

    /// Whether it has lasted long enough, at the right frequencies.
    fn is_key(&self) -> bool {
        let off_by = self.off_by();
        let (spoken_over, points_min) =
            if off_by < OFFSET_SPOKEN_OVER { (SPOKEN_OVER_POINTS, POINTS_MIN) } else { (0, POINTS_OFF_MIN) };
        self.unlike(off_by) < 1.0
            && (self.alone >= ALONE_MIN || self.spoken_over >= LONG && off_by < OFFSET_LONG)
            && ALONE_POINTS * self.alone + spoken_over * self.spoken_over >= points_min
    }

    /// How unlike a key's its frequencies are: they are off, or they waver.
    fn unlike(&self, off_by: f32) -> f32 {
        let hops = self.drift_hops.max(1) as f32;
        let waver = |tone: usize| {
            let mean = self.drift[tone] / hops;
            (self.drift_squares[tone] / hops - mean * mean) / (WAVER_MAX[tone] * WAVER_MAX[tone])
        };
        (off_by / OFFSET_MAX).powi(4) + waver(0) + waver(1)
    }

    /// Larger deviation of the two tones, as a share of the nominal frequency; at first unknown.
    fn off_by(&self) -> f32 {
        if self.drift_hops < 2 {
            return 1.0;
        }
        let turns = self.pair.radians_per_hop();
        let off_by = |tone: usize| (self.drift[tone] / self.drift_hops as f32 / turns[tone]).abs();
        off_by(0).max(off_by(1))
    }
}

/// Whether a window holds a key by the strict measure, and if so, whether alone.
fn strict(look: &Look) -> Option<(Fit, bool)> {
    let (_, fit) = look.tuned?;
    let is_pair = fit.low > TONE_MIN
        && fit.high > TONE_MIN
        && fit.high < TWIST_HIGH_MAX * fit.low
        && fit.low < TWIST_LOW_MAX * fit.high;
    let alone = ALONE.hold(&fit, &look.energy) && is_noise(&fit, &look.energy, OTHER);
    (is_pair && (alone || SPOKEN_OVER.hold(&fit, &look.energy))).then_some((fit, alone))
}

fn widen([least, most]: [f32; 2], squared: f32) -> [f32; 2] {
    [least.min(squared), most.max(squared)]
}

fn is_steady(range: [f32; 2], squared: f32) -> bool {
    let [least, most] = widen(range, squared);
    most < STEADY * least
}

/// An angle within ±π.
fn wrap(angle: f32) -> f32 {
    use std::f32::consts::{PI, TAU};
    (angle + PI).rem_euclid(TAU) - PI
}
