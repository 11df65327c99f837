//! The independent ear: listens to what leaves a secured line and says whether a key was in it.
//!
//! It shares nothing with suspicion and detector but the frequencies: another window (16 ms, Hann),
//! another measure (the share of windowed energy in two bins), no filters. A red verdict is an
//! accusation, so it asks for what no voice does: a pair that is nearly all there is, begins at
//! once, and keeps its level and its frequencies for 40 ms; or three such that are a little less.
//!
//! It cannot see what is shorter: a residue of a few ms at the edge of each key names a key to a
//! patient listener and leaves this ear green, and so does a key under talk that is nearly as loud.
//! Those are what the leak benchmark listens for, key by key, knowing where they are.

use super::g711::{Law, PEAK_0DBM0};
use std::f32::consts::TAU;
use std::sync::LazyLock;

/// Samples in a block, and between two blocks: 16 and 8 ms.
const BLOCK: usize = 128;
const STEP: usize = 64;

const TONES_HZ: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];

/// Share of the energy that a pair must have in every block: one such is enough, or several.
/// A tone through G.711 has 0.998. From 0.85 on, keys of 50 ms are missed where they fall worst on the
/// blocks.
const SHARE_STRONG: f32 = 0.985;
const SHARE_WEAK: f32 = 0.845;

/// Shares by which sightings are counted, so that their rate can be extrapolated to the two above.
/// A sighting has at least the first.
pub const TALLY_SHARES: [f32; 5] = [0.45, 0.55, 0.65, SHARE_WEAK, SHARE_STRONG];

/// Blocks in a row: 40 ms, the shortest key that a receiver must take. A key of 50 ms has them
/// wherever the blocks fall; a fifth it may lack. Three would be sighted in talk twice as often.
const BLOCKS: u8 = 4;

/// How much a tone's squared amplitude may change from block to block: 1 dB.
const STEADY: f32 = 1.26;

/// Deviation of each tone from its frequency: 1.5 %, and the error of the measure.
const OFFSET_MAX: f32 = 0.018;

/// Ratio of squared amplitudes, high to low: +5 to −9 dB.
const TWIST_HIGH_MAX: f32 = 3.2;
const TWIST_LOW_MAX: f32 = 8.0;

/// How much the pair must have grown since the blocks before the first: 10 dB.
const GROWN: f32 = 10.0;

/// Lowest tone: −38 dBm0.
const TONE_MIN: f32 = PEAK_0DBM0 * PEAK_0DBM0 * 1.6e-4;

/// Weak sightings that make a red verdict, and within how many blocks: 10 s. A card number is
/// sixteen keys; a voice that sounds like a key once does not do so three times.
const WEAK_RED: u8 = 3;
const WEAK_BLOCKS: u32 = 10 * 8_000 / STEP as u32;

/// Hann window, and what each tone is correlated with.
struct Waves {
    window: [f32; BLOCK],
    tones: [[(f32, f32); BLOCK]; 8],
    /// Turns a squared correlation into a squared amplitude.
    gain: f32,
    /// Energy that a squared amplitude has in a window.
    energy: f32,
}

static WAVES: LazyLock<Box<Waves>> = LazyLock::new(|| {
    let window: [f32; BLOCK] =
        std::array::from_fn(|n| 0.5 - 0.5 * (TAU * (n as f32 + 0.5) / BLOCK as f32).cos());
    let tones = TONES_HZ.map(|hz| {
        std::array::from_fn(|n| {
            let (sine, cosine) = (TAU * hz * n as f32 / 8_000.0).sin_cos();
            (window[n] * cosine, -window[n] * sine)
        })
    });
    let sum: f32 = window.iter().sum();
    let squares: f32 = window.iter().map(|w| w * w).sum();
    Box::new(Waves { window, tones, gain: 4.0 / (sum * sum), energy: 0.5 * squares })
});

/// What one block holds.
#[derive(Clone, Copy, Default)]
struct Sight {
    row: u8,
    column: u8,
    /// Squared amplitudes of the two tones.
    squared: [f32; 2],
    phases: [f32; 2],
    share: f32,
    /// Squared amplitudes of all eight tones, for the blocks that follow.
    all: [f32; 8],
}

/// The ear of one stream.
pub struct LeakWatch {
    samples: [f32; BLOCK],
    filled: usize,
    last: Sight,
    /// The tones of the two blocks before it.
    before: [[f32; 8]; 2],
    /// Blocks in a row that may be one key, and their smallest share.
    run: u8,
    share: f32,
    block: u32,
    tally: [u32; TALLY_SHARES.len()],
    /// When the newest weak sightings were.
    recent: [Option<u32>; WEAK_RED as usize],
    red: bool,
}

impl Default for LeakWatch {
    fn default() -> LeakWatch {
        LeakWatch {
            samples: [0.0; BLOCK],
            filled: 0,
            last: Sight::default(),
            before: [[0.0; 8]; 2],
            run: 0,
            share: 1.0,
            block: 0,
            tally: [0; TALLY_SHARES.len()],
            recent: [None; WEAK_RED as usize],
            red: false,
        }
    }
}

impl LeakWatch {
    /// Samples that are judged at a time, and those by which the next ones are later.
    pub const BLOCK_SAMPLES: usize = BLOCK;
    /// See [`LeakWatch::BLOCK_SAMPLES`].
    pub const STEP_SAMPLES: usize = STEP;

    /// Listens to coded samples that left the line.
    pub fn listen(&mut self, law: Law, codes: &[u8]) {
        let linear = law.table();
        self.hear(codes.iter().map(|code| linear[usize::from(*code)]));
    }

    /// Listens to 16-bit samples.
    pub fn hear(&mut self, samples: impl Iterator<Item = f32>) {
        for sample in samples {
            self.samples[self.filled] = sample;
            self.filled += 1;
            if self.filled == BLOCK {
                self.judge();
                self.samples.copy_within(STEP.., 0);
                self.filled = BLOCK - STEP;
            }
        }
    }

    /// Whether a key was heard: never green again.
    pub fn is_red(&self) -> bool {
        self.red
    }

    /// Sightings so far with at least each of [`TALLY_SHARES`]. Only the last two make a verdict.
    pub fn tally(&self) -> [u32; TALLY_SHARES.len()] {
        self.tally
    }

    fn judge(&mut self) {
        self.block = self.block.wrapping_add(1);
        let Some(sight) = look(&self.samples) else {
            self.run = 0;
            (self.before, self.last) = ([self.last.all, self.before[0]], Sight::default());
            return;
        };
        if sight.share < TALLY_SHARES[0] {
            self.run = 0;
        } else if self.run > 0 && goes_on(&self.last, &sight) {
            self.run = self.run.saturating_add(1);
            self.share = self.share.min(sight.share);
        } else {
            // The block just before overlaps the onset, and the one before that may; the third does not.
            let pair = |all: &[f32; 8]| all[usize::from(sight.row)] + all[usize::from(sight.column) + 4];
            let before = pair(&self.before[0]).min(pair(&self.before[1]));
            let is_new = pair(&sight.all) > GROWN * before;
            (self.run, self.share) = (u8::from(is_new), sight.share);
        }
        if self.run == BLOCKS {
            self.sighted();
        }
        (self.before, self.last) = ([self.last.all, self.before[0]], sight);
    }

    fn sighted(&mut self) {
        for (count, share) in self.tally.iter_mut().zip(TALLY_SHARES) {
            *count += u32::from(self.share >= share);
        }
        self.red |= self.share >= SHARE_STRONG;
        if self.share < SHARE_WEAK {
            return;
        }
        self.recent.rotate_left(1);
        self.recent[usize::from(WEAK_RED) - 1] = Some(self.block);
        let oldest = self.recent[0].map(|block| self.block.wrapping_sub(block));
        self.red |= oldest.is_some_and(|ago| ago <= WEAK_BLOCKS);
    }
}

/// Looks at a block; `None` if no pair is there at all.
fn look(samples: &[f32; BLOCK]) -> Option<Sight> {
    let waves = &**WAVES;
    let energy: f32 = samples.iter().zip(&waves.window).map(|(s, w)| (s * w) * (s * w)).sum();
    if energy < 2.0 * TONE_MIN * waves.energy {
        return None;
    }
    let mut parts = [(0.0f32, 0.0f32); 8];
    for (part, wave) in parts.iter_mut().zip(&waves.tones) {
        for (sample, (cosine, sine)) in samples.iter().zip(wave) {
            part.0 += sample * cosine;
            part.1 += sample * sine;
        }
    }
    let all = parts.map(|(c, s)| waves.gain * (c * c + s * s));
    let loudest = |from: usize| {
        (from..from + 4).fold(from, |best, tone| if all[tone] > all[best] { tone } else { best })
    };
    let (row, column) = (loudest(0), loudest(4));
    let squared = [all[row], all[column]];
    let phases = [row, column].map(|tone| parts[tone].1.atan2(parts[tone].0));
    let is_pair = squared[0] > TONE_MIN
        && squared[1] > TONE_MIN
        && squared[1] < TWIST_HIGH_MAX * squared[0]
        && squared[0] < TWIST_LOW_MAX * squared[1];
    let share = if is_pair { (squared[0] + squared[1]) * waves.energy / energy } else { 0.0 };
    Some(Sight { row: row as u8, column: (column - 4) as u8, squared, phases, share, all })
}

/// Whether a block holds the same tones as the one before it, unchanged.
fn goes_on(before: &Sight, now: &Sight) -> bool {
    let tones = [usize::from(now.row), usize::from(now.column) + 4];
    (before.row, before.column) == (now.row, now.column)
        && (0..2).all(|place| {
            let (was, is) = (before.squared[place], now.squared[place]);
            let advance = TAU * TONES_HZ[tones[place]] * STEP as f32 / 8_000.0;
            let drift = now.phases[place] - before.phases[place] - advance;
            let drift = (drift + TAU / 2.0).rem_euclid(TAU) - TAU / 2.0;
            is < STEADY * was && was < STEADY * is && (drift / advance).abs() < OFFSET_MAX
        })
}
