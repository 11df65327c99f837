//! Least-squares fits of a pair of tones to a window of samples.

use super::filters::Coefficients;
use std::f64::consts::TAU;
use std::sync::LazyLock;
use wide::f32x4;

/// Samples between two looks: 2.5 ms.
pub const HOP: usize = 20;
/// Hops in a window.
pub const WINDOW_HOPS: usize = 5;
/// Band samples in a hop: the band ends at 1,760 Hz, so every other sample will do.
pub const BAND_HOP: usize = HOP / 2;
/// Band samples in a window: 12.5 ms. Longer sees less in speech but later in a tone; at 15 ms a tone
/// of 20 ms is no longer sure to be seen, at 10 ms speech is muted three times as often.
pub const WINDOW: usize = BAND_HOP * WINDOW_HOPS;
/// The same with zeros behind it, up to a multiple of four.
pub const ROOM: usize = WINDOW.next_multiple_of(LANES);
/// Samples that are multiplied at once.
const LANES: usize = 4;
/// Tones of the keypad, rows first.
pub const TONES: usize = 8;
/// Correlations a window: the cosines of eight tones, then their sines.
pub const BANK: usize = 2 * TONES;

/// Rows, then columns, in Hz (ITU-T Q.23).
const TONES_HZ: [f64; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];

/// Where a tone may lie off its nominal frequency; between these a fit loses under 4 %.
const OFFSETS: [f64; 5] = [-0.026, -0.013, 0.0, 0.013, 0.026];
const PLACES: usize = OFFSETS.len();
/// The place of the nominal frequency.
const NOMINAL: usize = PLACES / 2;
/// Tuned frequencies of a group of four tones.
const TUNED: usize = 4 * PLACES;

/// RFC 4733 event code of each row and column.
const CODES: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];

/// Highest harmonic of a voice that is strong where the rows are, and how near its harmonics must
/// come to a row and a column to be taken for them, as a share of the column's frequency.
const HARMONIC_MAX: u32 = 7;
const HARMONIC_NEAR: f64 = 0.005;

/// Whether two harmonics of one voice are near a row and a column: 3 and 7 for A, 7 and 9 for *, 7 and
/// 11 for 4, 8 and #.
const SUNG: [[bool; 4]; 4] = {
    let mut sung = [[false; 4]; 4];
    let mut place = 0;
    while place < 16 {
        let (low, high) = (TONES_HZ[place / 4], TONES_HZ[4 + place % 4]);
        let mut harmonic = 1;
        while harmonic <= HARMONIC_MAX {
            let pitch = low / harmonic as f64;
            let off = high / pitch - ((high / pitch + 0.5) as u32) as f64;
            sung[place / 4][place % 4] |= off.abs() * pitch < HARMONIC_NEAR * high && pitch < PITCH_MAX_HZ;
            harmonic += 1;
        }
        place += 1;
    }
    sung
};

/// Pitch of the highest voices that talk.
const PITCH_MAX_HZ: f64 = 350.0;

/// A row and a column.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Pair {
    row: u8,
    column: u8,
}

impl Pair {
    /// RFC 4733 event code of the key.
    pub fn code(self) -> u8 {
        CODES[usize::from(self.row)][usize::from(self.column)]
    }

    /// Whether they have the row or the column in common: another tone beside one of a key's draws the fit
    /// to its neighbour.
    pub fn is_near(self, other: Pair) -> bool {
        self.row == other.row || self.column == other.column
    }

    /// Whether a voice that keeps its pitch makes nearly this pair.
    pub fn is_sung(self) -> bool {
        SUNG[usize::from(self.row)][usize::from(self.column)]
    }

    /// Nominal frequencies, in radians a hop.
    pub fn radians_per_hop(self) -> [f32; 2] {
        [self.row, self.column + 4]
            .map(|tone| (TAU * TONES_HZ[usize::from(tone)] * HOP as f64 / 8_000.0) as f32)
    }
}

/// A pair, each tone at one of five places around its nominal frequency.
#[derive(Clone, Copy)]
pub struct Tuned {
    /// Index of the row's tuned frequency: 5 × row + place.
    low: u8,
    high: u8,
}

/// How well a pair fits a window.
#[derive(Clone, Copy, Default)]
pub struct Fit {
    /// Energy that the pair explains, as a sum of squared samples.
    pub energy: f32,
    /// Squared amplitude of the low tone.
    pub low: f32,
    /// Squared amplitude of the high tone.
    pub high: f32,
    /// Cosine and sine amplitude of the low tone, then of the high one.
    amplitudes: [f32; 4],
}

impl Fit {
    /// Cosine and sine amplitude of the low tone, then of the high one.
    pub fn amplitudes(&self) -> [f32; 4] {
        self.amplitudes
    }

    /// Phases of both tones at the window's first sample, in radians.
    pub fn phases(&self) -> [f32; 2] {
        let [a, b, c, d] = self.amplitudes;
        // A·cos + B·sin = R·cos(ωn + φ) with φ = −atan2(B, A).
        [-b.atan2(a), -d.atan2(c)]
    }
}

/// Waves and inverse Gram matrices: the same for every call.
pub struct Tables {
    /// Cosine and sine of the eight tones over a hop.
    pub bank: [[f32; BANK]; BAND_HOP],
    /// Coefficients of the front end's filters.
    pub filters: Coefficients,
    /// Cosine and sine of each tone's phase at each hop of a window.
    pub turns: [[[f32; TONES]; 2]; WINDOW_HOPS],
    /// Cosine and sine of each tuned frequency over a window.
    waves: [[[f32; ROOM]; 2]; 2 * TUNED],
    /// How far each tuned frequency turns from a window's first sample to its middle, in radians.
    half_turns: [f32; 2 * TUNED],
    /// Inverse Gram matrix of each tuned row with each tuned column.
    inverse: [[[[f32; 4]; 4]; TUNED]; TUNED],
}

/// The tables, built at first use.
pub static TABLES: LazyLock<Box<Tables>> = LazyLock::new(|| Box::new(Tables::build()));

impl Tables {
    fn build() -> Tables {
        let angle = |hz: f64, n: usize| TAU * hz * n as f64 / 8_000.0;
        let tuned_hz = |index: usize| TONES_HZ[index / PLACES] * (1.0 + OFFSETS[index % PLACES]);
        let wave = |index: usize, part: usize| -> [f64; WINDOW] {
            std::array::from_fn(|n| {
                let (sine, cosine) = angle(tuned_hz(index), 2 * n).sin_cos();
                [cosine, sine][part]
            })
        };
        let mut tables = Tables {
            bank: std::array::from_fn(|n| {
                std::array::from_fn(|place| {
                    let (sine, cosine) = angle(TONES_HZ[place % TONES], 2 * n).sin_cos();
                    [cosine, sine][place / TONES] as f32
                })
            }),
            turns: std::array::from_fn(|hop| {
                let turn = |tone: usize| angle(TONES_HZ[tone], hop * HOP).sin_cos();
                [
                    std::array::from_fn(|tone| turn(tone).1 as f32),
                    std::array::from_fn(|tone| turn(tone).0 as f32),
                ]
            }),
            waves: std::array::from_fn(|index| {
                [0, 1].map(|part| {
                    let wave = wave(index, part);
                    std::array::from_fn(|n| wave.get(n).map_or(0.0, |x| *x as f32))
                })
            }),
            filters: Coefficients::new(),
            half_turns: std::array::from_fn(|index| angle(tuned_hz(index), WINDOW - 1) as f32),
            inverse: [[[[0.0; 4]; 4]; TUNED]; TUNED],
        };
        for low in 0..TUNED {
            for high in 0..TUNED {
                let waves = [wave(low, 0), wave(low, 1), wave(high + TUNED, 0), wave(high + TUNED, 1)];
                tables.inverse[low][high] = inverse_gram(&waves);
            }
        }
        tables
    }

    /// Cosine and sine of the turn of a pair's tones in a hop.
    pub fn hop_turns(&self, pair: Pair) -> [[f32; 2]; 2] {
        let [cosines, sines] = &self.turns[1];
        [pair.row, pair.column + 4].map(|tone| [cosines[usize::from(tone)], sines[usize::from(tone)]])
    }

    /// The pair whose tones correlate best, at nominal frequencies, and its fit.
    pub fn best(&self, correlations: &[f32; BANK]) -> (Pair, Fit) {
        let power = |tone: usize| correlations[tone].powi(2) + correlations[tone + TONES].powi(2);
        let loudest = |first: usize| {
            (first..first + 4).fold(first, |best, tone| if power(tone) > power(best) { tone } else { best })
        };
        let pair = Pair { row: loudest(0) as u8, column: (loudest(4) - 4) as u8 };
        (pair, self.nominal(pair, correlations))
    }

    /// The fit of a pair at nominal frequencies.
    pub fn nominal(&self, pair: Pair, correlations: &[f32; BANK]) -> Fit {
        let (row, column) = (usize::from(pair.row), usize::from(pair.column));
        let [low, high] = [row, column + 4].map(|tone| [correlations[tone], correlations[tone + TONES]]);
        let vector = [low[0], low[1], high[0], high[1]];
        solve(&self.inverse[PLACES * row + NOMINAL][PLACES * column + NOMINAL], vector)
    }

    /// The best fit of a pair whose tones may be up to 3 % off.
    pub fn tuned(&self, pair: Pair, window: &[f32; ROOM]) -> (Tuned, Fit) {
        let ((low, low_part), (high, high_part)) = (
            self.tune(PLACES * usize::from(pair.row), window),
            self.tune(TUNED + PLACES * usize::from(pair.column), window),
        );
        let vector = [low_part[0], low_part[1], high_part[0], high_part[1]];
        let fit = solve(&self.inverse[low][high - TUNED], vector);
        (Tuned { low: low as u8, high: (high - TUNED) as u8 }, fit)
    }

    /// The place from `first` on that correlates best.
    fn tune(&self, first: usize, window: &[f32; ROOM]) -> (usize, [f32; 2]) {
        let power = |part: &[f32; 2]| part[0].powi(2) + part[1].powi(2);
        let mut best = (first, self.correlate(first, window));
        for index in first + 1..first + PLACES {
            let part = self.correlate(index, window);
            if power(&part) > power(&best.1) {
                best = (index, part);
            }
        }
        best
    }

    /// Phases of both tones in the middle of the window, in radians: there they are right even if the
    /// frequencies are not quite.
    pub fn phases(&self, tuned: Tuned, fit: &Fit) -> [f32; 2] {
        let [low, high] = fit.phases();
        [
            low + self.half_turns[usize::from(tuned.low)],
            high + self.half_turns[TUNED + usize::from(tuned.high)],
        ]
    }

    /// The fit of a pair at frequencies that have been found before.
    pub fn again(&self, tuned: Tuned, window: &[f32; ROOM]) -> Fit {
        let (low, high) = (usize::from(tuned.low), usize::from(tuned.high));
        let ([a, b], [c, d]) = (self.correlate(low, window), self.correlate(TUNED + high, window));
        solve(&self.inverse[low][high], [a, b, c, d])
    }

    /// The fit of a pair at nominal frequencies to samples of the past.
    pub fn nominal_again(&self, pair: Pair, window: &[f32; ROOM]) -> Fit {
        let tuned = Tuned {
            low: (PLACES * usize::from(pair.row) + NOMINAL) as u8,
            high: (PLACES * usize::from(pair.column) + NOMINAL) as u8,
        };
        self.again(tuned, window)
    }

    fn correlate(&self, index: usize, window: &[f32; ROOM]) -> [f32; 2] {
        self.waves[index].each_ref().map(|wave| product(window, wave))
    }
}

/// Sum of products.
fn product(window: &[f32; ROOM], wave: &[f32; ROOM]) -> f32 {
    let mut sums = f32x4::ZERO;
    for (window, wave) in window.as_chunks().0.iter().zip(wave.as_chunks().0) {
        sums += f32x4::new(*window) * f32x4::new(*wave);
    }
    let [a, b, c, d] = sums.to_array();
    (a + b) + (c + d)
}

fn solve(inverse: &[[f32; 4]; 4], vector: [f32; 4]) -> Fit {
    let dot =
        |row: &[f32; 4]| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2] + row[3] * vector[3];
    let amplitudes = inverse.each_ref().map(dot);
    let [a, b, c, d] = amplitudes;
    Fit { energy: dot(&amplitudes), low: a * a + b * b, high: c * c + d * d, amplitudes }
}

/// Inverse of the Gram matrix of four waves, by Gauss-Jordan; it is symmetric and far from
/// singular (tones of a pair are 268 Hz apart at least), so no pivoting is needed.
fn inverse_gram(waves: &[[f64; WINDOW]; 4]) -> [[f32; 4]; 4] {
    let mut left: [[f64; 4]; 4] = std::array::from_fn(|i| {
        std::array::from_fn(|k| waves[i].iter().zip(&waves[k]).map(|(a, b)| a * b).sum())
    });
    let mut right: [[f64; 4]; 4] =
        std::array::from_fn(|i| std::array::from_fn(|k| f64::from(u8::from(i == k))));
    for pivot in 0..4 {
        let scale = 1.0 / left[pivot][pivot];
        left[pivot] = left[pivot].map(|x| x * scale);
        right[pivot] = right[pivot].map(|x| x * scale);
        for row in (0..4).filter(|row| *row != pivot) {
            let factor = left[row][pivot];
            for column in 0..4 {
                left[row][column] -= factor * left[pivot][column];
                right[row][column] -= factor * right[pivot][column];
            }
        }
    }
    right.map(|row| row.map(|x| x as f32))
}
