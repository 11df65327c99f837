//! The filters in front of the ear, and how much sound each of them lets through.
//!
//! A chain of second-order sections is computed as their sum (partial fractions): no section waits
//! for another, and what four of them do becomes one vector instruction.

use super::fit::BAND_HOP;
use std::f64::consts::TAU;

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
const HUM_OUT: Biquad = [0.880_895_8, -1.759_360_1, 0.880_895_8, -1.747_424_2, 0.788_419_5];

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

    /// The chain's output, from its input and its poles' two newest outputs.
    fn output(&self, input: f32, newest: &Lanes, older: &Lanes) -> f32 {
        let mut parts = [0.0; LANES];
        for k in 0..LANES {
            parts[k] = self.newest[k] * newest[k] + self.older[k] * older[k];
        }
        self.direct * input + ((parts[0] + parts[1]) + (parts[2] + parts[3]))
    }
}

fn times(x: (f64, f64), y: (f64, f64)) -> (f64, f64) {
    (x.0 * y.0 - x.1 * y.1, x.0 * y.1 + x.1 * y.0)
}

fn over(x: (f64, f64), y: (f64, f64)) -> (f64, f64) {
    let (real, imaginary) = times(x, (y.0, -y.1));
    let square = y.0 * y.0 + y.1 * y.1;
    (real / square, imaginary / square)
}

/// One sample through a section, direct form II.
fn step([b0, b1, b2, a1, a2]: &Biquad, [newest, older]: &mut Memory, sample: f32) -> f32 {
    let pole = (sample - a2 * *older) - a1 * *newest;
    let out = (b0 * pole + b2 * *older) + b1 * *newest;
    (*newest, *older) = (pole, *newest);
    out
}

/// Samples through a section.
fn through(section: &Biquad, memory: &mut Memory, samples: &mut [f32]) {
    for sample in samples {
        *sample = step(section, memory, *sample);
    }
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
    pub fn hop(&mut self, coefficients: &Coefficients, samples: &[f32], band: &mut [f32]) -> Energy {
        let mut humless = [0.0; BAND_HOP];
        let mut energy = self.band(coefficients, samples, band, &mut humless);
        let mut clean = humless;
        if let Some(own) = &self.own {
            for (section, memory) in own.iter().zip(&mut self.own_memory) {
                through(section, memory, &mut clean);
            }
        }
        let left = self.voice(coefficients, &clean, &humless, &mut energy);
        // Per sample of the band, of which there are half as many.
        energy.all = (WHOLE * (energy.all + left)).max(0.0);
        energy.dial *= WHOLE;
        energy
    }

    /// Fills `out` with every other sample of the band, and `humless` with what is below it and is no
    /// hum, at half the rate too. Says the energy of the band, and of all without what is below it.
    fn band(
        &mut self,
        coefficients: &Coefficients,
        samples: &[f32],
        out: &mut [f32],
        humless: &mut [f32; BAND_HOP],
    ) -> Energy {
        let [a1, a2, both, product] = &coefficients.band_poles;
        // Local copies stay in registers; through `self` every sample would wait for the last store.
        let [mut newest, mut older] = self.band;
        let mut hum = self.hum;
        let mut energy = Energy::default();
        for ((pair, out), humless) in samples.chunks_exact(2).zip(out).zip(humless) {
            let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
            for k in 0..LANES {
                first[k] = (pair[0] - a2[k] * older[k]) - a1[k] * newest[k];
            }
            for k in 0..LANES {
                second[k] = ((pair[1] - a1[k] * pair[0]) + product[k] * older[k]) + both[k] * newest[k];
            }
            *out = coefficients.band.output(pair[1], &second, &first);
            energy.band += *out * *out;
            (newest, older) = (second, first);
            let half = 0.5 * (pair[0] + pair[1]);
            energy.all += 0.5 * (pair[0] * pair[0] + pair[1] * pair[1]) - half * half;
            *humless = step(&HUM_OUT, &mut hum, half);
        }
        self.band = [newest, older];
        self.hum = hum;
        energy
    }

    /// Measures what is below the band; says what the notches left of it.
    fn voice(
        &mut self,
        coefficients: &Coefficients,
        clean: &[f32; BAND_HOP],
        humless: &[f32; BAND_HOP],
        energy: &mut Energy,
    ) -> f32 {
        let [a1, a2] = &coefficients.voice_poles;
        let [mut newest, mut older] = self.voice;
        let mut left = 0.0;
        for (input, humless) in clean.iter().zip(humless) {
            let mut poles = [0.0; LANES];
            for k in 0..LANES {
                poles[k] = (input - a2[k] * older[k]) - a1[k] * newest[k];
            }
            (older, newest) = (newest, poles);
            let notched = coefficients.notched.output(*input, &newest, &older);
            let voice = coefficients.voice.output(*input, &newest, &older);
            left += notched * notched;
            energy.voice += voice * voice;
            energy.dial += (humless - notched) * (humless - notched);
        }
        self.voice = [newest, older];
        left
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
