//! The filters in front of the ear, and how much sound each of them lets through.
//!
//! A chain of second-order sections is computed as their sum (partial fractions): no section waits
//! for another, and what four of them do becomes one vector instruction.

use super::fit::{BAND_HOP, HOP};
use std::f64::consts::TAU;
use wide::f32x4;

/// Second-order section: b0, b1, b2, a1, a2.
type Section = [f64; 5];

/// Elliptic, 34 dB under 490 Hz: takes dial tone (350, 425, 440 Hz), hum and the lower half of
/// speech away, so that a pair is compared with its own band. Passes 640 Hz up: 697 Hz − 3 %.
/// Then elliptic, 30 dB above 2,300 Hz: two thirds of white noise go. Passes up to 1,760 Hz:
/// 1,633 Hz + 3 % and its side lobes. At 8,000 samples a second.
const BAND_PASS: [Section; LANES] = [
    [0.537_356, -1.061_524_4, 0.537_356, -1.067_041_8, 0.399_211_3],
    [1.0, -1.888_454_9, 1.0, -1.672_877, 0.894_826_1],
    [0.123_885_7, 0.175_544_5, 0.123_885_7, -0.595_462, 0.269_988_8],
    [1.0, 0.285_814_6, 1.0, -0.289_644_6, 0.809_164_8],
];

/// Notches at 350 and 432 Hz, 60 and 80 Hz wide: what is left below the band is a voice. Then
/// elliptic, 40 dB above 820 Hz, 20 dB at 697 Hz; passes up to 520 Hz. At 4,000 samples a second.
const VOICE_PASS: [Section; LANES] = [
    [0.956_605_5, -1.631_280_5, 0.956_605_5, -1.631_280_5, 0.913_211],
    [0.944_047_1, -1.469_81, 0.944_047_1, -1.469_81, 0.888_093_9],
    [0.024_951_5, 0.023_583_8, 0.024_951_5, -1.241_087_5, 0.468_264_4],
    [1.159_043_5, -0.647_196_5, 1.159_043_5, -1.217_302_8, 0.821_229_2],
];

/// Sections of the voice's chain that are notches.
const NOTCHES: usize = 2;

/// Elliptic, 20 dB under 55 Hz: mains hum is no voice either.
/// b0 and b2, b1, a1, a2.
const HUM_OUT: [f32; 4] = [0.880_895_8, -1.759_360_1, -1.747_424_2, 0.788_419_5];

/// Width of the notches for a dial tone of the tenant's own, and where one may be: higher up it
/// would take a key's row away.
const OWN_WIDTH_HZ: f64 = 60.0;
const OWN_HZ: std::ops::RangeInclusive<u16> = 200..=520;

/// Samples a second below the band.
const LOW_RATE: f64 = 4_000.0;

/// What weighs a sample's whole energy as much as the band's: the pass bands ripple.
const WHOLE: f32 = 0.893;

/// What a filter has to forget: 200 dB under the quietest code word.
const FADED: f32 = 1.0e-10;

/// Sections of a chain.
const LANES: usize = 4;

/// Samples of a hop at half the rate, and zeros up to a multiple of the lanes.
const PADDED: usize = BAND_HOP.next_multiple_of(LANES);

/// The same, four by four. Explicit lanes: left to itself the compiler mixes what belongs to different
/// samples into one vector, which takes half as long again.
type Quads = [f32x4; QUADS];
const QUADS: usize = PADDED / LANES;

/// Something of each section.
type Lanes = [f32; LANES];

/// A section that is computed by itself: b0, b1, b2, a1, a2.
type Biquad = [f32; 5];

/// What such a section remembers.
type Memory = [f32; 2];

/// Energies of a stretch of sound, each a sum of squared samples.
#[derive(Clone, Copy, Default)]
pub struct Energy {
    /// 640–1,760 Hz.
    pub band: f32,
    /// Everything but hum and dial tone.
    pub all: f32,
    /// 150–520 Hz, but no dial tone.
    pub voice: f32,
    /// What the notches took: dial tone, and any harmonic that lies there.
    pub dial: f32,
}

impl Energy {
    /// Adds another stretch.
    pub fn add(&mut self, other: &Energy) {
        self.band += other.band;
        self.all += other.all;
        self.voice += other.voice;
        self.dial += other.dial;
    }
}

/// A chain as a sum: of the input, and of each section's poles driven by it.
struct Sum {
    direct: f32,
    newest: Lanes,
    older: Lanes,
}

/// Coefficients of all filters: the same for every call.
pub struct Coefficients {
    /// Poles of the band's chain: a1, a2, and a1² − a2, a1·a2 for two samples at once.
    band_poles: [Lanes; 4],
    band: Sum,
    voice_poles: [Lanes; 2],
    voice: Sum,
    /// The voice's notches alone, on the same poles.
    notched: Sum,
}

impl Coefficients {
    /// Works them out.
    pub fn new() -> Coefficients {
        let poles = |chain: &[Section; LANES], of: fn(f64, f64) -> f64| -> Lanes {
            chain.map(|section| of(section[3], section[4]) as f32)
        };
        Coefficients {
            band_poles: [
                poles(&BAND_PASS, |a1, _| a1),
                poles(&BAND_PASS, |_, a2| a2),
                poles(&BAND_PASS, |a1, a2| a1 * a1 - a2),
                poles(&BAND_PASS, |a1, a2| a1 * a2),
            ],
            band: Sum::of(&BAND_PASS),
            voice_poles: [poles(&VOICE_PASS, |a1, _| a1), poles(&VOICE_PASS, |_, a2| a2)],
            voice: Sum::of(&VOICE_PASS),
            notched: Sum::of(&VOICE_PASS[..NOTCHES]),
        }
    }
}

impl Sum {
    /// Partial fractions of a chain whose poles are complex and all different.
    fn of(chain: &[Section]) -> Sum {
        let mut sum = Sum { direct: 1.0, newest: [0.0; LANES], older: [0.0; LANES] };
        let mut direct = 1.0;
        for (place, own) in chain.iter().enumerate() {
            direct *= own[2] / own[4];
            // A root of 1 + a1·z + a2·z², z being the delay of one sample.
            let root = (-own[3] / (2.0 * own[4]), (own[4] - own[3] * own[3] / 4.0).sqrt() / own[4]);
            let at_root = |[c0, c1, c2]: [f64; 3]| {
                let square = (root.0 * root.0 - root.1 * root.1, 2.0 * root.0 * root.1);
                (c0 + c1 * root.0 + c2 * square.0, c1 * root.1 + c2 * square.1)
            };
            let mut value = (1.0, 0.0);
            for (other, section) in chain.iter().enumerate() {
                let [b0, b1, b2, a1, a2] = *section;
                value = times(value, at_root([b0, b1, b2]));
                if other != place {
                    value = over(value, at_root([1.0, a1, a2]));
                }
            }
            let older = value.1 / root.1;
            sum.older[place] = older as f32;
            sum.newest[place] = (value.0 - older * root.0) as f32;
        }
        sum.direct = direct as f32;
        sum
    }
}

/// Values, four by four.
fn quads(values: &[f32; PADDED]) -> Quads {
    let mut quads = [f32x4::ZERO; QUADS];
    for (quad, values) in quads.iter_mut().zip(values.as_chunks().0) {
        *quad = f32x4::new(*values);
    }
    quads
}

/// Quads, value by value.
fn flat(quads: &Quads) -> [f32; PADDED] {
    let mut flat = [0.0; PADDED];
    for (values, quad) in flat.as_chunks_mut().0.iter_mut().zip(quads) {
        *values = quad.to_array();
    }
    flat
}

/// Outputs of a chain, from its input: of each, the sum of the sections' parts and of the input's own.
fn across(parts: &[f32x4; PADDED], direct: f32, input: &Quads) -> Quads {
    let mut outs = *input;
    for (out, parts) in outs.iter_mut().zip(parts.as_chunks().0) {
        let [a, b, c, d] = f32x4::transpose(*parts);
        *out = f32x4::splat(direct) * *out + ((a + b) + (c + d));
    }
    outs
}

/// Sum of the squares.
fn squares(quads: Quads) -> f32 {
    let mut sums = f32x4::ZERO;
    for quad in quads {
        sums += quad * quad;
    }
    let [a, b, c, d] = sums.to_array();
    (a + b) + (c + d)
}

fn times(x: (f64, f64), y: (f64, f64)) -> (f64, f64) {
    (x.0 * y.0 - x.1 * y.1, x.0 * y.1 + x.1 * y.0)
}

fn over(x: (f64, f64), y: (f64, f64)) -> (f64, f64) {
    let (real, imaginary) = times(x, (y.0, -y.1));
    let square = y.0 * y.0 + y.1 * y.1;
    (real / square, imaginary / square)
}

/// Samples through a section, direct form II.
fn through([b0, b1, b2, a1, a2]: &Biquad, memory: &mut Memory, samples: &mut [f32]) {
    let [mut newest, mut older] = *memory;
    for sample in samples {
        let pole = (*sample - a2 * older) - a1 * newest;
        *sample = (b0 * pole + b2 * older) + b1 * newest;
        (newest, older) = (pole, newest);
    }
    *memory = [newest, older];
}

/// What the filters of one stream remember.
#[derive(Clone, Copy, Default)]
pub struct Filters {
    /// Outputs of the poles one and two samples ago.
    band: [Lanes; 2],
    voice: [Lanes; 2],
    hum: Memory,
    /// Notches for a dial tone of the tenant's own, and what they remember.
    own: Option<[Biquad; 2]>,
    own_memory: [Memory; 2],
}

impl Filters {
    /// Takes a dial tone of the tenant's own out too; one that is no lower than the keypad's rows is
    /// left in.
    pub fn set_dial_tone(&mut self, hz: Option<[u16; 2]>) {
        let hz = hz.filter(|hz| hz.iter().all(|hz| OWN_HZ.contains(hz)));
        self.own = hz.map(|hz| hz.map(|hz| notch(f64::from(hz))));
        self.own_memory = [[0.0; 2]; 2];
    }

    /// Keeps the dial tone that is taken out, and forgets the rest.
    pub fn restart(&mut self) {
        *self = Filters { own: self.own, ..Filters::default() };
    }

    /// A hop of samples: `band` gets every other sample of the band.
    pub fn hop(
        &mut self,
        coefficients: &Coefficients,
        samples: &[f32; HOP],
        band: &mut [f32; BAND_HOP],
    ) -> Energy {
        let (mut even, mut odd) = ([0.0; PADDED], [0.0; PADDED]);
        for n in 0..BAND_HOP {
            (even[n], odd[n]) = (samples[2 * n], samples[2 * n + 1]);
        }
        let (even, odd) = (quads(&even), quads(&odd));
        let outs = self.band(coefficients, samples, &odd);
        band.copy_from_slice(&flat(&outs)[..BAND_HOP]);
        let (mut half, mut other_half) = (even, even);
        for n in 0..QUADS {
            half[n] = 0.5 * (even[n] + odd[n]);
            other_half[n] = 0.5 * (even[n] - odd[n]);
        }
        let humless = self.humless(&flat(&half));
        let mut clean = humless;
        if let Some(own) = &self.own {
            for (section, memory) in own.iter().zip(&mut self.own_memory) {
                through(section, memory, &mut clean[..BAND_HOP]);
            }
        }
        let (voice, notched) = self.voice(coefficients, &clean);
        let mut dial = quads(&humless);
        for n in 0..QUADS {
            dial[n] -= notched[n];
        }
        Energy {
            band: squares(outs),
            voice: squares(voice),
            // Per sample of the band, of which there are half as many.
            all: WHOLE * (squares(other_half) + squares(notched)),
            dial: WHOLE * squares(dial),
        }
    }

    /// Every other sample of the band, and zeros.
    fn band(&mut self, coefficients: &Coefficients, samples: &[f32; HOP], odd: &Quads) -> Quads {
        let [a1, a2, both, product] = coefficients.band_poles.map(f32x4::new);
        let sum = &coefficients.band;
        let (of_newest, of_older) = (f32x4::new(sum.newest), f32x4::new(sum.older));
        let [mut newest, mut older] = self.band.map(f32x4::new);
        let mut parts = [f32x4::ZERO; PADDED];
        for n in 0..BAND_HOP {
            let [first, second] = [samples[2 * n], samples[2 * n + 1]].map(f32x4::splat);
            let between = (first - a2 * older) - a1 * newest;
            newest = ((second - a1 * first) + product * older) + both * newest;
            older = between;
            parts[n] = of_newest * newest + of_older * older;
        }
        self.band = [newest.to_array(), older.to_array()];
        across(&parts, sum.direct, odd)
    }

    /// Samples without hum.
    fn humless(&mut self, samples: &[f32; PADDED]) -> [f32; PADDED] {
        let [b0, b1, a1, a2] = HUM_OUT;
        let mut poles = [0.0; PADDED + 2];
        (poles[0], poles[1]) = (self.hum[1], self.hum[0]);
        for n in 0..BAND_HOP {
            poles[n + 2] = (samples[n] - a2 * poles[n]) - a1 * poles[n + 1];
        }
        self.hum = [poles[BAND_HOP + 1], poles[BAND_HOP]];
        let mut out = [0.0; PADDED];
        for n in 0..BAND_HOP {
            out[n] = b0 * (poles[n] + poles[n + 2]) + b1 * poles[n + 1];
        }
        out
    }

    /// What is below the band, and what the notches left of it.
    fn voice(&mut self, coefficients: &Coefficients, clean: &[f32; PADDED]) -> (Quads, Quads) {
        let [a1, a2] = coefficients.voice_poles.map(f32x4::new);
        let (all, notches) = (&coefficients.voice, &coefficients.notched);
        let all_of = [all.newest, all.older].map(f32x4::new);
        let notches_of = [notches.newest, notches.older].map(f32x4::new);
        let [mut newest, mut older] = self.voice.map(f32x4::new);
        let (mut voice, mut notched) = ([f32x4::ZERO; PADDED], [f32x4::ZERO; PADDED]);
        for n in 0..BAND_HOP {
            (newest, older) = ((f32x4::splat(clean[n]) - a2 * older) - a1 * newest, newest);
            voice[n] = all_of[0] * newest + all_of[1] * older;
            notched[n] = notches_of[0] * newest + notches_of[1] * older;
        }
        self.voice = [newest.to_array(), older.to_array()];
        let clean = quads(clean);
        (across(&voice, all.direct, &clean), across(&notched, notches.direct, &clean))
    }

    /// In digital silence what is remembered fades into denormal numbers, which cost a hundred times
    /// more.
    pub fn forget(&mut self) {
        let lanes = self.band.iter_mut().chain(&mut self.voice).flatten();
        for memory in lanes.chain(&mut self.hum).chain(self.own_memory.iter_mut().flatten()) {
            if memory.abs() < FADED {
                *memory = 0.0;
            }
        }
    }
}

/// A notch below the band.
fn notch(hz: f64) -> Biquad {
    let half_width = (TAU / 2.0 * OWN_WIDTH_HZ / LOW_RATE).tan();
    let a2 = (1.0 - half_width) / (1.0 + half_width);
    let b0 = (1.0 + a2) / 2.0;
    let b1 = -(1.0 + a2) * (TAU * hz / LOW_RATE).cos();
    [b0, b1, b0, b1, a2].map(|x| x as f32)
}

// A hop fills its share of the band.
const _: () = assert!(2 * BAND_HOP == super::fit::HOP);
