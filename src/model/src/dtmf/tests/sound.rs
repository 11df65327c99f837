//! Generated sound, 8,000 samples a second, in 16-bit units. Everything comes from a seed.

use crate::dtmf::g711::PEAK_0DBM0;
use std::f64::consts::TAU;

pub const RATE: f64 = 8_000.0;
pub const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
pub const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// Event code of each row and column.
pub const CODES: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];

/// splitmix64: small, seeded, good enough for sound.
pub struct Rng(u64);

impl Rng {
    /// Content depends on seed and name only, so that one category can be made alone.
    pub fn new(seed: u64, name: &str) -> Rng {
        let hash = name
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ hash)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn sign(&mut self) -> f64 {
        if self.next() & 1 == 0 { 1.0 } else { -1.0 }
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.range(1e-12, 1.0).ln()).sqrt() * (TAU * self.range(0.0, 1.0)).cos()
    }
}

/// Peak of a sine of that level.
pub fn peak(dbm0: f64) -> f64 {
    f64::from(PEAK_0DBM0) * 10f64.powf(dbm0 / 20.0)
}

/// Root mean square of sound of that level.
pub fn rms(dbm0: f64) -> f64 {
    peak(dbm0) / 2f64.sqrt()
}

pub fn add(sound: &mut [f64], other: &[f64]) {
    for (a, b) in sound.iter_mut().zip(other) {
        *a += b;
    }
}

/// Adds a tone over the whole of `sound`, with 0.5 ms raised-cosine edges.
pub fn add_tone(sound: &mut [f64], hz: f64, dbm0: f64, phase: f64) {
    let len = sound.len();
    for (n, sample) in sound.iter_mut().enumerate() {
        let edge = (n + 1).min(len - n).min(4) as f64 / 4.0;
        let gain = 0.5 - 0.5 * (TAU / 2.0 * edge).cos();
        *sample += gain * peak(dbm0) * (TAU * hz * n as f64 / RATE + phase).sin();
    }
}

/// Adds white noise over 0–4 kHz.
pub fn add_noise(sound: &mut [f64], rng: &mut Rng, dbm0: f64) {
    for sample in sound {
        *sample += rms(dbm0) * rng.normal();
    }
}

/// How a train of digits sounds.
#[derive(Clone)]
pub struct Train {
    pub digits: usize,
    pub on_ms: f64,
    pub off_ms: f64,
    pub low_dbm0: f64,
    pub high_dbm0: f64,
    /// Both tones are off by this share, each with its own sign.
    pub off_low: f64,
    pub off_high: f64,
}

impl Train {
    pub fn new(digits: usize, on_ms: f64, off_ms: f64, dbm0: f64) -> Train {
        Train { digits, on_ms, off_ms, low_dbm0: dbm0, high_dbm0: dbm0, off_low: 0.0, off_high: 0.0 }
    }

    pub fn levels(self, low_dbm0: f64, high_dbm0: f64) -> Train {
        Train { low_dbm0, high_dbm0, ..self }
    }

    pub fn off(self, low: f64, high: f64) -> Train {
        Train { off_low: low, off_high: high, ..self }
    }

    /// The sound, and where its digits are. The first 16 run through all keys.
    pub fn make(&self, rng: &mut Rng) -> Sound {
        let ms = |ms: f64| (ms * RATE / 1000.0).round() as usize;
        let mut samples = vec![0.0; ms(400.0) + rng.below(160)];
        let mut truth = Vec::new();
        for index in 0..self.digits {
            let key = if index < 16 { index } else { rng.below(16) };
            let start = samples.len();
            samples.resize(start + ms(self.on_ms), 0.0);
            let (low, high) = (ROWS[key / 4], COLUMNS[key % 4]);
            let low = low * (1.0 + rng.sign() * self.off_low);
            let high = high * (1.0 + rng.sign() * self.off_high);
            let (phase_low, phase_high) = (rng.range(0.0, TAU), rng.range(0.0, TAU));
            add_tone(&mut samples[start..], low, self.low_dbm0, phase_low);
            add_tone(&mut samples[start..], high, self.high_dbm0, phase_high);
            truth.push(Digit { code: CODES[key / 4][key % 4], start, end: samples.len() });
            let more = if index % 4 == 3 { 30.0 } else { 2.0 };
            samples.resize(samples.len() + ms(self.off_ms + rng.range(0.0, more)), 0.0);
        }
        samples.resize(samples.len() + ms(400.0), 0.0);
        Sound { samples, truth }
    }
}

/// One digit in a sound.
#[derive(Clone, Copy)]
pub struct Digit {
    pub code: u8,
    pub start: usize,
    pub end: usize,
}

/// Sound, and the digits in it.
#[derive(Clone)]
pub struct Sound {
    pub samples: Vec<f64>,
    pub truth: Vec<Digit>,
}

/// An echo of the sound itself.
pub fn add_echo(sound: &mut [f64], db: f64, delay_ms: f64) {
    let delay = (delay_ms * RATE / 1000.0) as usize;
    let gain = 10f64.powf(db / 20.0);
    for n in (delay..sound.len()).rev() {
        sound[n] += gain * sound[n - delay];
    }
}

/// A two-pole resonator (Klatt 1980), unity gain at 0 Hz.
#[derive(Clone, Copy, Default)]
struct Resonator {
    a: f64,
    b: f64,
    c: f64,
    y: [f64; 2],
}

impl Resonator {
    fn tune(&mut self, hz: f64, bandwidth: f64) {
        self.c = -(-TAU * bandwidth / RATE).exp();
        self.b = 2.0 * (-TAU / 2.0 * bandwidth / RATE).exp() * (TAU * hz / RATE).cos();
        self.a = 1.0 - self.b - self.c;
    }

    fn step(&mut self, x: f64) -> f64 {
        let y = self.a * x + self.b * self.y[0] + self.c * self.y[1];
        self.y = [y, self.y[0]];
        y
    }
}

/// F1–F3 of vowels and of sounds like them (Peterson and Barney 1952, and nasals, liquids).
const VOICED: [[f64; 3]; 13] = [
    [270.0, 2290.0, 3010.0],
    [390.0, 1990.0, 2550.0],
    [530.0, 1840.0, 2480.0],
    [660.0, 1720.0, 2410.0],
    [730.0, 1090.0, 2440.0],
    [570.0, 840.0, 2410.0],
    [440.0, 1020.0, 2240.0],
    [300.0, 870.0, 2240.0],
    [640.0, 1190.0, 2390.0],
    [490.0, 1350.0, 1690.0],
    [280.0, 1100.0, 2200.0],
    [350.0, 1200.0, 2600.0],
    [560.0, 1480.0, 2520.0],
];

/// Rise and fall of a phrase: 10 ms.
const EDGE: usize = 80;

/// Speech-like sound: a voice that changes every few seconds, formants that glide, pitch that
/// falls and wavers, fricatives, stops and pauses.
pub fn speech(rng: &mut Rng, seconds: f64, low_dbm0: f64, high_dbm0: f64) -> Vec<f64> {
    let len = (seconds * RATE) as usize;
    let mut out = Vec::with_capacity(len + 40_000);
    while out.len() < len {
        let mut talk = phrase(rng);
        telephone_band(&mut talk);
        // Nor does a phrase: sound that breaks off into digital silence is somebody's lost packet.
        let len = talk.len();
        for n in 0..EDGE {
            let gain = n as f64 / EDGE as f64;
            talk[n] *= gain;
            talk[len - 1 - n] *= gain;
        }
        let power = talk.iter().map(|s| s * s).sum::<f64>() / talk.len() as f64;
        let gain = rms(rng.range(low_dbm0, high_dbm0)) / power.sqrt().max(1e-9);
        out.extend(talk.iter().map(|s| s * gain));
        out.resize(out.len() + rng.below(4_000), 0.0);
    }
    out.truncate(len);
    out
}

fn phrase(rng: &mut Rng) -> Vec<f64> {
    let pitch = if rng.below(2) == 0 { rng.range(90.0, 140.0) } else { rng.range(150.0, 180.0) };
    let tract = rng.range(0.92, 1.18);
    let breath = rng.range(0.01, 0.05);
    let mut resonators = [Resonator::default(); 4];
    let mut noise = Resonator::default();
    let mut glottis = [0.0f64; 3];
    let mut formants = [500.0, 1500.0, 2500.0];
    let (mut phase, mut out) = (0.0f64, Vec::new());
    let total = 8_000 + rng.below(16_000);
    let (mut jitter, mut voice, mut hissing) = (1.0, 0.0, 0.0);
    while out.len() < total {
        let kind = rng.below(10);
        let targets = [0, 1].map(|_| VOICED[rng.below(VOICED.len())].map(|hz| hz * tract));
        let voiced = kind < 7;
        let samples = rng.range(40.0, if voiced { 180.0 } else { 110.0 }) * 8.0;
        let hiss = rng.range(1_500.0, 3_800.0);
        let loud = rng.range(0.35, 1.0);
        for n in 0..samples as usize {
            let place = n as f64 / samples;
            // Diphthongs and transitions: a formant is seldom at rest.
            for (formant, target) in formants.iter_mut().zip(targets[usize::from(place > 0.5)]) {
                *formant += (target - *formant) * 0.004;
            }
            let seconds = out.len() as f64 / RATE;
            let melody = 1.12 - 0.25 * out.len() as f64 / total as f64 + 0.08 * (TAU * 3.1 * seconds).sin();
            phase += pitch * melody * jitter / RATE;
            let pulse = if phase >= 1.0 { 1.0 + 0.06 * rng.normal() } else { 0.0 };
            if phase >= 1.0 {
                // Jitter and shimmer of a healthy voice: about one per cent, half a decibel.
                jitter = 1.0 + 0.012 * rng.normal();
            }
            phase = phase.fract();
            // Two real poles give the glottal pulse's fall of 12 dB an octave; the difference is lip radiation.
            glottis[0] = 0.96 * glottis[0] + pulse;
            glottis[1] = 0.94 * glottis[1] + glottis[0];
            let flow = glottis[1] - glottis[2];
            glottis[2] = glottis[1];
            // A voice runs through its vowels; it neither starts nor stops in a millisecond.
            voice += (if voiced { loud } else { 0.0 } - voice) * 0.008;
            hissing += (if kind == 7 || kind == 8 { loud } else { 0.0 } - hissing) * 0.02;
            let mut sound = (flow + breath * rng.normal()) * voice;
            if n % 16 == 0 {
                for (index, resonator) in resonators.iter_mut().enumerate() {
                    let hz = if index < 3 { formants[index] } else { 3_400.0 };
                    resonator.tune(hz, [110.0, 150.0, 190.0, 260.0][index]);
                }
                noise.tune(hiss, 700.0);
            }
            for resonator in &mut resonators {
                sound = resonator.step(sound);
            }
            out.push(sound + noise.step(0.05 * hissing * rng.normal()));
        }
    }
    out
}

/// 250–3,450 Hz, as the telephone leaves it.
pub fn telephone_band(sound: &mut [f64]) {
    for (hz, high_pass) in [(250.0, true), (3_450.0, false)] {
        biquad(sound, hz, high_pass);
    }
}

/// A second-order Butterworth section (bilinear transform).
fn biquad(sound: &mut [f64], hz: f64, high_pass: bool) {
    let w = TAU * hz / RATE;
    let alpha = w.sin() / 2f64.sqrt();
    let gain = if high_pass { (1.0 + w.cos()) / 2.0 } else { (1.0 - w.cos()) / 2.0 };
    let b1 = if high_pass { -2.0 * gain } else { 2.0 * gain };
    let (a0, a1, a2) = (1.0 + alpha, -2.0 * w.cos(), 1.0 - alpha);
    let (mut x, mut y) = ([0.0; 2], [0.0; 2]);
    for sample in sound {
        let out = (gain * *sample + b1 * x[0] + gain * x[1] - a1 * y[0] - a2 * y[1]) / a0;
        x = [*sample, x[0]];
        y = [out, y[0]];
        *sample = out;
    }
}

/// Music-like sound: plucked strings, organ chords, bells, whistles.
pub fn music(rng: &mut Rng, seconds: f64) -> Vec<f64> {
    let len = (seconds * RATE) as usize;
    let mut out = vec![0.0; len];
    let mut at = 0;
    while at < len {
        let length = (rng.range(0.1, 0.6) * RATE) as usize;
        let kind = rng.below(4);
        let notes = [2, 3, 1, 1][kind];
        for _ in 0..notes {
            let hz = 110.0 * 2f64.powf(rng.below(40) as f64 / 12.0);
            let level = rng.range(-20.0, -9.0);
            let overtones: &[(f64, f64)] = match kind {
                0 => &[(1.0, 0.0), (2.0, -4.0), (3.0, -8.0), (4.0, -12.0), (5.0, -16.0)],
                1 => &[(1.0, 0.0), (2.0, -3.0), (4.0, -6.0)],
                2 => &[(1.0, 0.0), (2.76, -6.0), (5.4, -12.0)],
                _ => &[(1.0, 0.0)],
            };
            for (factor, db) in overtones {
                let phase = rng.range(0.0, TAU);
                let decay = if kind == 0 || kind == 2 { 1.0 / rng.range(800.0, 4_000.0) } else { 0.0 };
                for n in 0..length.min(len - at) {
                    let vibrato = if kind == 3 { 3.0 * (TAU * 5.5 * n as f64 / RATE).sin() } else { 0.0 };
                    let angle = TAU * hz * factor * n as f64 / RATE + phase + vibrato;
                    let edge = ((n + 1) as f64 / 40.0).min(1.0);
                    if hz * factor < 3_600.0 {
                        out[at + n] += edge * peak(level + db) * (-decay * n as f64).exp() * angle.sin();
                    }
                }
            }
        }
        at += length;
    }
    out
}
