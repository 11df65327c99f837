//! Seeded speech-like sound: it has pitch, formants, syllables, hiss and pauses, and says nothing.

use crate::dtmf::SAMPLE_RATE;
use crate::g711::Law;
use crate::rng::Rng;

const RATE_HZ: f32 = SAMPLE_RATE as f32;
/// Level while a syllable sounds.
const LEVEL_DBM0: f32 = -22.0;
/// Room noise under everything: it makes every packet different, so that two packets can be told apart.
const FLOOR_DBM0: f32 = -52.0;

/// A second-order section in direct form I.
#[derive(Clone, Debug, Default)]
struct Biquad {
    b: [f32; 3],
    a: [f32; 2],
    x: [f32; 2],
    y: [f32; 2],
}

impl Biquad {
    fn resonator(hz: f32, bandwidth_hz: f32) -> Self {
        let radius = (-std::f32::consts::PI * bandwidth_hz / RATE_HZ).exp();
        let a1 = -2.0 * radius * (std::f32::consts::TAU * hz / RATE_HZ).cos();
        Self { b: [1.0 - radius, 0.0, 0.0], a: [a1, radius * radius], ..Self::default() }
    }

    /// Butterworth sections by the bilinear transform.
    fn butterworth(hz: f32, high_pass: bool) -> Self {
        let k = (std::f32::consts::PI * hz / RATE_HZ).tan();
        let norm = 1.0 / (1.0 + std::f32::consts::SQRT_2 * k + k * k);
        let b = if high_pass {
            [norm, -2.0 * norm, norm]
        } else {
            [k * k * norm, 2.0 * k * k * norm, k * k * norm]
        };
        let a = [2.0 * (k * k - 1.0) * norm, (1.0 - std::f32::consts::SQRT_2 * k + k * k) * norm];
        Self { b, a, ..Self::default() }
    }

    fn run(&mut self, x: f32) -> f32 {
        let y = self.b[0] * x + self.b[1] * self.x[0] + self.b[2] * self.x[1]
            - self.a[0] * self.y[0]
            - self.a[1] * self.y[1];
        self.x = [x, self.x[0]];
        self.y = [y, self.y[0]];
        y
    }

    /// New coefficients, old memory: a glide, not a click.
    fn retune(&mut self, to: Biquad) {
        self.b = to.b;
        self.a = to.a;
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sound {
    Vowel,
    Hiss,
    Pause,
}

/// An endless voice, 250–3450 Hz, about −22 dBm0 while it speaks.
#[derive(Clone, Debug)]
pub struct Speech {
    rng: Rng,
    sound: Sound,
    left: u32,
    length: u32,
    pitch_hz: f32,
    glide: f32,
    phase: f32,
    formants: [Biquad; 3],
    hiss: Biquad,
    band: [Biquad; 3],
    vowel_gain: f32,
    gain: f32,
    floor: f32,
}

impl Speech {
    /// A voice that depends on `seed` alone; its level is set for `law`.
    pub fn new(seed: u64, law: Law) -> Self {
        let mut voice = Self {
            rng: Rng::named(seed, "speech"),
            sound: Sound::Pause,
            left: 0,
            length: 1,
            pitch_hz: 120.0,
            glide: 1.0,
            phase: 0.0,
            formants: Default::default(),
            hiss: Biquad::resonator(2_700.0, 900.0),
            band: [
                Biquad::butterworth(250.0, true),
                Biquad::butterworth(3_450.0, false),
                Biquad::butterworth(3_450.0, false),
            ],
            vowel_gain: 1.0,
            gain: 1.0,
            floor: law.amplitude(FLOOR_DBM0),
        };
        voice.gain = voice.calibrate(law);
        voice
    }

    /// The gain that brings two seconds of this very voice, pauses left out, to the wanted level.
    fn calibrate(&self, law: Law) -> f32 {
        let mut trial = self.clone();
        trial.floor = 0.0;
        let (mut energy, mut count) = (0.0f32, 0u32);
        for _ in 0..2 * SAMPLE_RATE {
            let sample = trial.sample();
            if trial.sound != Sound::Pause {
                energy += sample * sample;
                count += 1;
            }
        }
        let rms = (energy / count.max(1) as f32).sqrt();
        let wanted = law.amplitude(LEVEL_DBM0) / std::f32::consts::SQRT_2;
        if rms > 0.0 { wanted / rms } else { 1.0 }
    }

    /// The next sample, in 16-bit units, room noise included.
    pub fn sample(&mut self) -> f32 {
        if self.left == 0 {
            self.next_sound();
        }
        let at = (self.length - self.left) as f32 / self.length as f32;
        self.left -= 1;
        let envelope = (std::f32::consts::PI * at).sin().max(0.0).sqrt();
        let source = match self.sound {
            Sound::Vowel => self.glottis() * envelope,
            Sound::Hiss => {
                let noise = self.rng.between(-1.0, 1.0);
                0.15 * self.hiss.run(noise) * envelope
            }
            Sound::Pause => 0.0,
        };
        let voiced = self.vowel_gain * self.mouth(source);
        let raw = if self.sound == Sound::Hiss { source } else { voiced };
        let banded = self.band.iter_mut().fold(raw, |x, section| section.run(x));
        banded * self.gain + self.room()
    }

    /// The room alone: what is left of the voice while a key is pressed instead of speech.
    pub fn room(&mut self) -> f32 {
        self.rng.between(-1.0, 1.0) * self.floor
    }

    fn mouth(&mut self, source: f32) -> f32 {
        self.formants.iter_mut().map(|formant| formant.run(source)).sum()
    }

    /// Formants far from the pitch's strong harmonics make a vowel 20 dB softer: talkers make up for it, and so do we.
    fn level_vowel(&mut self) {
        const TRIAL_SAMPLES: usize = 320;
        let mut trial = self.clone();
        let sound: Vec<f32> = (0..TRIAL_SAMPLES).map(|_| trial.glottis()).collect();
        let energy: f32 = sound.into_iter().map(|source| trial.banded_mouth(source).powi(2)).sum();
        self.vowel_gain = 0.25 / (energy / TRIAL_SAMPLES as f32).sqrt().max(1e-3);
    }

    fn banded_mouth(&mut self, source: f32) -> f32 {
        let raw = self.mouth(source);
        self.band.iter_mut().fold(raw, |x, section| section.run(x))
    }

    fn glottis(&mut self) -> f32 {
        self.pitch_hz = (self.pitch_hz * self.glide).clamp(80.0, 300.0);
        self.phase += self.pitch_hz / RATE_HZ;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
        }
        // A rounded opening and a sharp closing, as in Rosenberg's pulse.
        if self.phase < 0.6 { (std::f32::consts::PI * self.phase / 0.6).sin() } else { -0.4 }
    }

    fn next_sound(&mut self) {
        let draw = self.rng.unit();
        let (sound, low_ms, high_ms) = match self.sound {
            Sound::Pause => (Sound::Vowel, 120.0, 320.0),
            _ if draw < 0.55 => (Sound::Vowel, 120.0, 320.0),
            _ if draw < 0.80 => (Sound::Hiss, 50.0, 130.0),
            _ => (Sound::Pause, 80.0, 450.0),
        };
        self.sound = sound;
        self.length = (self.rng.between(low_ms, high_ms) * RATE_HZ / 1_000.0) as u32;
        self.left = self.length;
        if sound == Sound::Vowel {
            self.pitch_hz = self.rng.between(90.0, 240.0);
            self.glide = self.rng.between(0.999_94, 1.000_05);
            let ranges = [(300.0, 850.0, 90.0), (900.0, 2_200.0, 130.0), (2_300.0, 3_000.0, 190.0)];
            for (formant, (low, high, bandwidth)) in self.formants.iter_mut().zip(ranges) {
                formant.retune(Biquad::resonator(self.rng.between(low, high), bandwidth));
            }
            self.level_vowel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seed: u64, law: Law, seconds: u32) -> Vec<f32> {
        let mut voice = Speech::new(seed, law);
        (0..seconds * SAMPLE_RATE).map(|_| voice.sample()).collect()
    }

    #[test]
    fn same_seed_same_voice() {
        assert_eq!(seconds(5, Law::A, 1), seconds(5, Law::A, 1));
        assert_ne!(seconds(5, Law::A, 1), seconds(6, Law::A, 1));
    }

    #[test]
    fn level_is_that_of_a_telephone_talker_and_never_clips() {
        for seed in 0..8 {
            let sound = seconds(seed, Law::Mu, 10);
            let rms = (sound.iter().map(|x| x * x).sum::<f32>() / sound.len() as f32).sqrt();
            let full = Law::Mu.amplitude(0.0) / std::f32::consts::SQRT_2;
            let dbm0 = 20.0 * (rms / full).log10();
            assert!((-30.0..-18.0).contains(&dbm0), "seed {seed}: {dbm0} dBm0");
            assert!(sound.iter().all(|x| x.abs() < 32_000.0), "seed {seed} clips");
        }
    }

    #[test]
    fn it_pauses_and_it_speaks() {
        let sound = seconds(9, Law::A, 20);
        let loud = Law::A.amplitude(-40.0);
        let frames: Vec<bool> = sound.chunks(160).map(|frame| frame.iter().any(|x| x.abs() > loud)).collect();
        let active = frames.iter().filter(|x| **x).count() as f32 / frames.len() as f32;
        assert!((0.5..0.97).contains(&active), "active {active}");
    }
}
