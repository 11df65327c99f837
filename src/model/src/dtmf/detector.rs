//! The strict half: which key, and that it was one (ITU-T Q.24).

use super::fit::{BANK, Fit, HOP, Pair, Tables, WINDOW, WINDOW_HOPS};
use super::front::Front;
use super::shares::{Shares, is_noise};
use super::steady::Steady;
use super::suspicion::Look;
use std::ops::RangeInclusive;

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
const SPOKEN_OVER_POINTS: u32 = 2;
/// How much of a pair that somebody talks over must have stayed the same: [`Steady::coherence`].
const SPOKEN_OVER_COHERENCE: f32 = 0.6;

/// Deviation up to which a tone that somebody talks over is at its very frequency: phones are
/// within ±0.5 %, and the voice pulls the measure about as much.
const OFFSET_SPOKEN_OVER: f32 = 0.012;

/// Windows without the pair after which a search starts anew: a break of 10 ms spoils 8, but a
/// short tone must not be completed by the next one.
const MISSES_MAX: u32 = 8;

/// Windows without the pair after a hole, which tell that it did not come out of it.
const HOLE_MISSES: u32 = 3;

/// Windows that a jump of the tones' phases spoils, at either end of a packet that somebody repeated in
/// place of a lost one; three in four count as if it were not there.
const JUMP_MISSES: RangeInclusive<u32> = 2..=7;

/// Share of its band that the pair must have on either side of a jump, and what the band must have
/// between them against the pair: a voice neither comes and goes so pure, nor leaves a pair for another
/// without a break. Without this, one 50 ms key in four around a repeated packet is missed.
const PURE: f32 = 0.95;
const LOUD: f32 = 0.2;

/// Windows without the pair after which a key is over. A pause of 30 ms has 8 or more; 20 ms of a
/// lost packet that somebody filled with silence have 5.
const ABSENT_MAX: u32 = 7;

/// Windows of a [`Steady`] that hold less than half of a tone's beginning.
const PARTIAL_HOPS: u32 = 3;

/// How long after a key another one is expected: 3 s. Longer takes more of the talk behind the last one
/// for a key.
const EXPECTED_HOPS: u32 = 1_200;

/// Radians by which a tone may miss its step after 40 ms of silence: chance does in 1 of 6, on both
/// tones in 1 of 27.
const IN_STEP: f32 = 0.6;

/// What a pair needs for its phases to be kept: one that breaks off as it is recognised is not heard again
/// before it comes back.
const FAIR: Shares = Shares { band: 0.5, voice: 0.5, all: 0.4 };

/// Energy of a tone, against when it was recognised, under which it is gone: −12 dB. An echo
/// 10 dB down may bridge a pause of 20 ms, but none of 40.
const GONE: f32 = 1.0 / 16.0;

/// Deviation of a tone that is too much by itself: ±1.8 % must be taken, ±3.5 % refused.
const OFFSET_MAX: f32 = 0.0212;

/// Wavering of the low and of the high tone that is too much by itself: standard deviation of the
/// phase's advance a hop, in radians. A key's tones keep theirs within 0.06 in noise of 12 dB;
/// harmonics of a voice waver by twice that. The three together decide.
const WAVER_MAX: [f32; 2] = [0.15, 0.2];

/// How unlike a key's the frequencies may be in all, and if one is off: then more may be a voice.
const UNLIKE_MAX: f32 = 1.0;
const UNLIKE_OFF_MAX: f32 = 0.72;
/// The part of it that is wavering, if one is off and a voice that keeps its pitch makes nearly this pair.
const WAVER_OFF_SUNG_MAX: f32 = 0.25;

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
const STEADY: f32 = 6.3;

/// A pair that may be a key.
struct Search {
    pair: Pair,
    alone: u32,
    spoken_over: u32,
    misses: u32,
    /// What was heard of it around its last jump.
    jump: Jump,
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

/// Windows without the pair in the midst of it.
#[derive(Default)]
struct Jump {
    /// How many, until they are counted.
    misses: u32,
    /// Whether the pair was pure before them, and has been since.
    was_pure: bool,
    is_pure: bool,
    /// Whether all windows since the last with the pair were loud.
    loud: bool,
}

impl Jump {
    /// The pair is heard, after so many windows without it; says how many of those count.
    fn hit(&mut self, misses: u32, is_pure: bool) -> u32 {
        if misses > 0 {
            let is_jump = self.loud && JUMP_MISSES.contains(&misses);
            *self =
                Jump { misses: if is_jump { misses } else { 0 }, was_pure: self.is_pure, ..Jump::default() };
        }
        self.loud = true;
        self.is_pure |= is_pure;
        if self.is_pure && self.was_pure { std::mem::take(&mut self.misses) * 3 / 4 } else { 0 }
    }
}

/// A key that was reported and is still down.
struct Down {
    pair: Pair,
    low: f32,
    high: f32,
    absent: u32,
    heard: Heard,
}

/// Where the tones were in their periods when they were heard last, and at which hop.
struct Heard {
    phases: [f32; 2],
    clock: u32,
}

impl Down {
    /// Whether a tone continues in step the one that broke off: a new one begins anywhere.
    fn goes_on(&self, phases: [f32; 2], clock: u32) -> bool {
        let hops = clock.wrapping_sub(self.heard.clock) as f32;
        let turns = self.pair.radians_per_hop();
        (0..2).all(|tone| wrap(phases[tone] - self.heard.phases[tone] - hops * turns[tone]).abs() < IN_STEP)
    }
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
    steady: Option<Steady>,
    /// Hops that were lost and may have held the tone on either side of them.
    lost_hops: u32,
    /// Hops for which another key is expected, and the squared amplitudes of the last one.
    expected_hops: u32,
    last: [f32; 2],
    /// The newest pair that may be one, and at which hop.
    fair: (Fit, u32),
}

impl Detector {
    /// Samples are missing, at most a few packets: what was heard on both sides is one tone.
    pub fn hole(&mut self, samples: u32) {
        self.lost_hops = (samples / HOP as u32).min(8);
        self.steady = None;
        if let Some(search) = &mut self.search {
            search.phases = None;
        }
    }

    /// Whether a key was recognised that may still be down.
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Judges a window; the correlations may be missing while no key is down.
    pub fn judge(
        &mut self,
        front: &Front,
        tables: &Tables,
        correlations: Option<&[f32; BANK]>,
        look: Option<&Look>,
    ) -> Tone {
        self.expected_hops = self.expected_hops.saturating_sub(1);
        let expected = (self.expected_hops > 0).then_some(self.last);
        let is_down = correlations.is_some_and(|found| self.follow(front, tables, found));
        let found = look.and_then(|look| strict(look).map(|(fit, alone)| (look, fit, alone)));
        let down = self.down.as_ref().map(|down| down.pair);
        let is_new = |pair| down != Some(pair);
        let found = found.filter(|(look, ..)| is_new(look.pair));
        if let Some(look) = look
            && FAIR.hold(&look.nominal, &look.energy)
        {
            self.fair = (look.nominal, front.clock());
        }
        match found {
            Some((look, fit, alone)) => self.hit(front, tables, look, &fit, alone),
            None => self.miss(look),
        }
        let go_on = |steady: Steady| steady.go_on(tables, correlations, &look?.energy);
        let steady = self.steady.take().and_then(go_on).or_else(|| Steady::begin(front, tables, look?));
        // What is added up of a key that is down would be another one as soon as it is over.
        self.steady = steady.filter(|steady| is_new(steady.pair));
        if let Some(steady) = self.steady.take_if(|steady| steady.is_key(expected)) {
            self.search = None;
            return self.begin(steady.pair, steady.squared(), steady.hops - PARTIAL_HOPS);
        }
        let coherence = |pair| match &self.steady {
            Some(steady) if steady.pair == pair => steady.coherence(),
            _ => 0.0,
        };
        if let Some(search) = self.search.take_if(|search| search.is_key(coherence(search.pair))) {
            // Not what is heard now: the tone may have ended in a hole.
            return self.begin(search.pair, [search.low[0], search.high[0]], search.age);
        }
        if is_down { Tone::Goes } else { Tone::Nothing }
    }

    /// A key was recognised, and had those squared amplitudes for so many hops.
    fn begin(&mut self, pair: Pair, [low, high]: [f32; 2], hops: u32) -> Tone {
        let (fit, clock) = self.fair;
        let heard = Heard { phases: fit.phases(), clock };
        self.down = Some(Down { pair, low, high, absent: 0, heard });
        (self.lost_hops, self.expected_hops, self.last) = (0, EXPECTED_HOPS, [low, high]);
        Tone::Began { code: pair.code(), ago: (hops + WINDOW_HOPS as u32) * HOP as u32 }
    }

    /// Follows the key that is down; says whether its tones are there.
    fn follow(&mut self, front: &Front, tables: &Tables, correlations: &[f32; BANK]) -> bool {
        let Some(down) = &mut self.down else { return false };
        let fit = tables.nominal(down.pair, correlations);
        if fit.low <= GONE * down.low || fit.high <= GONE * down.high {
            down.absent += 1;
            // Dead silence may be two packets that somebody lost.
            if down.absent >= ABSENT_MAX && !front.may_be_patch() {
                self.down = None;
            }
            return false;
        }
        if down.absent >= ABSENT_MAX && !down.goes_on(fit.phases(), front.clock()) {
            self.down = None;
            return false;
        }
        down.absent = 0;
        if fit.low > 0.5 * down.low && fit.high > 0.5 * down.high {
            down.heard = Heard { phases: fit.phases(), clock: front.clock() };
        }
        true
    }

    fn hit(&mut self, front: &Front, tables: &Tables, look: &Look, fit: &Fit, alone: bool) {
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
        search.alone += search.jump.hit(search.misses, is_pure(look, fit, alone));
        search.alone += u32::from(alone) + lost_hops;
        search.spoken_over += u32::from(!alone);
        search.age += 1 + search.misses + lost_hops;
        search.misses = 0;
        search.low = widen(search.low, fit.low);
        search.high = widen(search.high, fit.high);
        let Some(phases) = look.tuned.map(|(tuned, fit)| tables.phases(tuned, &fit)) else { return };
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

    fn miss(&mut self, look: Option<&Look>) {
        let Some(search) = &mut self.search else { return };
        let pair = 0.5 * WINDOW as f32 * (search.low[1] + search.high[1]);
        search.jump.loud &= look.is_some_and(|look| look.energy.band > LOUD * pair);
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
            jump: Jump { is_pure: is_pure(look, fit, alone), loud: true, ..Jump::default() },
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
    fn is_key(&self, coherence: f32) -> bool {
        let off_by = self.off_by();
        let is_off = off_by >= OFFSET_SPOKEN_OVER;
        let (points_min, unlike_max) =
            if is_off { (POINTS_OFF_MIN, UNLIKE_OFF_MAX) } else { (POINTS_MIN, UNLIKE_MAX) };
        if is_off && self.pair.is_sung() && self.unlike(0.0) > WAVER_OFF_SUNG_MAX {
            return false;
        }
        let counts = !is_off && coherence > SPOKEN_OVER_COHERENCE;
        let spoken_over = if counts { SPOKEN_OVER_POINTS } else { 0 };
        self.unlike(off_by) < unlike_max
            && self.alone >= ALONE_MIN
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

/// Whether tones of these squared amplitudes are loud enough, and of a twist that phones have.
pub fn is_twist_of_phones(low: f32, high: f32) -> bool {
    low > TONE_MIN && high > TONE_MIN && high < TWIST_HIGH_MAX * low && low < TWIST_LOW_MAX * high
}

/// Whether a window holds a key by the strict measure, and if so, whether alone.
fn strict(look: &Look) -> Option<(Fit, bool)> {
    let (_, fit) = look.tuned?;
    let is_pair = is_twist_of_phones(fit.low, fit.high);
    let alone = ALONE.hold(&fit, &look.energy) && is_noise(&fit, &look.energy, OTHER);
    (is_pair && (alone || SPOKEN_OVER.hold(&fit, &look.energy))).then_some((fit, alone))
}

fn widen([least, most]: [f32; 2], squared: f32) -> [f32; 2] {
    [least.min(squared), most.max(squared)]
}

/// Whether hardly anything but the pair is in its band.
fn is_pure(look: &Look, fit: &Fit, alone: bool) -> bool {
    alone && fit.energy > PURE * look.energy.band
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
