//! Tones, noise and what lines do to them: sound as 16-bit units in `f64`, 8,000 samples a second.

use crate::rng::Rng;
use std::f64::consts::TAU;

/// Samples a second.
pub const RATE: f64 = 8_000.0;
/// Row frequencies in Hz (ITU-T Q.23).
pub const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
/// Column frequencies in Hz.
pub const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// RFC 4733 event code of each row and column.
pub const CODES: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];

/// Peak of a sine at 0 dBm0 (ITU-T G.711: 3.14 and 3.17 dB under a full-scale sine).
const PEAK_0DBM0: f64 = 22_400.0;

/// Uniform in `[low, high)`.
pub fn range(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * (rng.bits() >> 11) as f64 / (1u64 << 53) as f64
}

/// Uniform in `0..n`.
pub fn below(rng: &mut Rng, n: usize) -> usize {
    (rng.bits() % n.max(1) as u64) as usize
}

/// Normal, variance 1 (Box and Muller).
pub fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * range(rng, 1e-12, 1.0).ln()).sqrt() * (TAU * range(rng, 0.0, 1.0)).cos()
}

fn sign(rng: &mut Rng) -> f64 {
    if rng.bits() & 1 == 0 { 1.0 } else { -1.0 }
}

/// Samples in that many milliseconds.
pub fn samples(ms: f64) -> usize {
    (ms * RATE / 1000.0).round() as usize
}

/// Peak of a sine of that level.
pub fn peak(dbm0: f64) -> f64 {
    PEAK_0DBM0 * 10f64.powf(dbm0 / 20.0)
}

/// Root mean square of sound of that level.
pub fn rms(dbm0: f64) -> f64 {
    peak(dbm0) / 2f64.sqrt()
}

/// Adds `other` sample by sample, up to the shorter of both.
pub fn add(sound: &mut [f64], other: &[f64]) {
    for (a, b) in sound.iter_mut().zip(other) {
        *a += b;
    }
}

/// Scales sound to a mean level.
pub fn level(sound: &mut [f64], dbm0: f64) {
    let power = sound.iter().map(|s| s * s).sum::<f64>() / sound.len().max(1) as f64;
    let gain = rms(dbm0) / power.sqrt().max(1e-9);
    sound.iter_mut().for_each(|s| *s *= gain);
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
        *sample += rms(dbm0) * normal(rng);
    }
}

/// Adds an echo of the sound itself.
pub fn add_echo(sound: &mut [f64], db: f64, delay_ms: f64) {
    let delay = samples(delay_ms);
    let gain = 10f64.powf(db / 20.0);
    for n in (delay..sound.len()).rev() {
        sound[n] += gain * sound[n - delay];
    }
}

/// One digit in a sound.
#[derive(Clone, Copy, Debug)]
pub struct Digit {
    /// RFC 4733 event code.
    pub code: u8,
    /// First sample.
    pub start: usize,
    /// First sample after it.
    pub end: usize,
}

/// Sound, and the digits in it.
#[derive(Clone, Debug, Default)]
pub struct Sound {
    /// 16-bit units.
    pub samples: Vec<f64>,
    /// In order of time.
    pub truth: Vec<Digit>,
}

impl Sound {
    /// Rounded and clipped to 16 bits.
    pub fn pcm(&self) -> Vec<i16> {
        pcm(&self.samples)
    }
}

/// Rounded and clipped to 16 bits.
pub fn pcm(sound: &[f64]) -> Vec<i16> {
    sound.iter().map(|s| s.round().clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// How a train of digits sounds.
#[derive(Clone, Debug)]
pub struct Train {
    /// How many; the first 16 run through all keys, then at random.
    pub digits: usize,
    /// Length of a digit; up to `on_more_ms` longer at random.
    pub on_ms: f64,
    /// See `on_ms`.
    pub on_more_ms: f64,
    /// Pause; 0–2 ms more, every fourth 0–30 ms, and 0–`off_more_ms`.
    pub off_ms: f64,
    /// See `off_ms`.
    pub off_more_ms: f64,
    /// Level of the low tone, and how much more both may have at random.
    pub low_dbm0: f64,
    /// Level of the high tone.
    pub high_dbm0: f64,
    /// Both tones are louder by up to this, at random.
    pub louder_db: f64,
    /// The low tone is off by this share, its sign at random.
    pub off_low: f64,
    /// The same for the high tone.
    pub off_high: f64,
}

impl Train {
    /// `digits` digits at nominal frequencies, both tones alike.
    pub fn new(digits: usize, on_ms: f64, off_ms: f64, dbm0: f64) -> Train {
        Train {
            digits,
            on_ms,
            on_more_ms: 0.0,
            off_ms,
            off_more_ms: 0.0,
            low_dbm0: dbm0,
            high_dbm0: dbm0,
            louder_db: 0.0,
            off_low: 0.0,
            off_high: 0.0,
        }
    }

    /// With these levels of the low and the high tone.
    pub fn levels(self, low_dbm0: f64, high_dbm0: f64) -> Train {
        Train { low_dbm0, high_dbm0, ..self }
    }

    /// With tones off by these shares.
    pub fn off(self, low: f64, high: f64) -> Train {
        Train { off_low: low, off_high: high, ..self }
    }

    /// The sound: 400 ms of silence, the digits, 400 ms of silence.
    pub fn make(&self, rng: &mut Rng) -> Sound {
        let mut sound = vec![0.0; samples(400.0) + below(rng, 160)];
        let mut truth = Vec::new();
        for index in 0..self.digits {
            let key = if index < 16 { index } else { below(rng, 16) };
            let start = sound.len();
            sound.resize(start + samples(self.on_ms + range(rng, 0.0, self.on_more_ms)), 0.0);
            let louder = range(rng, 0.0, self.louder_db);
            let tones = [
                (ROWS[key / 4], self.off_low, self.low_dbm0),
                (COLUMNS[key % 4], self.off_high, self.high_dbm0),
            ];
            for (hz, off, dbm0) in tones {
                let hz = hz * (1.0 + sign(rng) * off);
                let phase = range(rng, 0.0, TAU);
                add_tone(&mut sound[start..], hz, dbm0 + louder, phase);
            }
            truth.push(Digit { code: CODES[key / 4][key % 4], start, end: sound.len() });
            let more = if index % 4 == 3 { 30.0 } else { 2.0 };
            let pause = self.off_ms + range(rng, 0.0, more) + range(rng, 0.0, self.off_more_ms);
            sound.resize(sound.len() + samples(pause), 0.0);
        }
        sound.resize(sound.len() + samples(400.0), 0.0);
        Sound { samples: sound, truth }
    }
}

/// A two-pole resonator (Klatt 1980), unity gain at 0 Hz.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resonator {
    a: f64,
    b: f64,
    c: f64,
    y: [f64; 2],
}

impl Resonator {
    /// Sets centre and bandwidth; what it remembers stays, so that formants may glide.
    pub fn tune(&mut self, hz: f64, bandwidth: f64) {
        self.c = -(-TAU * bandwidth / RATE).exp();
        self.b = 2.0 * (-TAU / 2.0 * bandwidth / RATE).exp() * (TAU * hz / RATE).cos();
        self.a = 1.0 - self.b - self.c;
    }

    /// One sample through it.
    pub fn step(&mut self, x: f64) -> f64 {
        let y = self.a * x + self.b * self.y[0] + self.c * self.y[1];
        self.y = [y, self.y[0]];
        y
    }
}

/// 250–3,450 Hz, as the telephone leaves it.
pub fn telephone_band(sound: &mut [f64]) {
    for (hz, high_pass) in [(250.0, true), (3_450.0, false)] {
        butterworth(sound, hz, high_pass);
    }
}

/// A second-order Butterworth section (bilinear transform).
fn butterworth(sound: &mut [f64], hz: f64, high_pass: bool) {
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

/// Another rate by windowed-sinc interpolation (Blackman window, 16 zero crossings a side).
pub fn resample(sound: &[f64], from_hz: f64, to_hz: f64) -> Vec<f64> {
    let step = from_hz / to_hz;
    let cut = (to_hz / from_hz).min(1.0) * 0.95;
    let reach = 16.0 / cut;
    let len = (sound.len() as f64 / step) as usize;
    // Coefficients at 512 places between two samples are near enough: the error is 60 dB down.
    const PLACES: usize = 512;
    let taps = 2 * reach.ceil() as usize;
    let table: Vec<f64> = (0..PLACES * taps)
        .map(|index| {
            let at = (index % taps) as f64 - (taps / 2 - 1) as f64 - (index / taps) as f64 / PLACES as f64;
            let sinc =
                if at.abs() < 1e-9 { 1.0 } else { (TAU / 2.0 * cut * at).sin() / (TAU / 2.0 * cut * at) };
            let place = (at / reach).abs().min(1.0) * TAU / 2.0;
            cut * sinc * (0.42 + 0.5 * place.cos() + 0.08 * (2.0 * place).cos())
        })
        .collect();
    (0..len)
        .map(|n| {
            let at = n as f64 * step;
            let place = ((at.fract() * PLACES as f64) as usize).min(PLACES - 1);
            let first = at as isize - (taps as isize / 2 - 1);
            let row = &table[place * taps..(place + 1) * taps];
            match usize::try_from(first).ok().and_then(|first| sound.get(first..first + taps)) {
                Some(piece) => row.iter().zip(piece).map(|(c, s)| c * s).sum(),
                None => 0.0,
            }
        })
        .collect()
}
