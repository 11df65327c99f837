//! The sixteen DTMF pairs (ITU-T Q.23) and a generator of key presses.

use crate::g711::Law;
use crate::rng::Rng;

/// Samples a second of every stream here.
pub const SAMPLE_RATE: u32 = 8_000;
/// Row frequencies, Hz.
pub const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// Column frequencies, Hz.
pub const COLUMNS_HZ: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// The key at row × 4 + column.
pub const KEYS: [char; 16] = ['1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D'];

const EDGE_SAMPLES: u32 = SAMPLE_RATE / 2_000;

/// The index of a key in [`KEYS`]; `None` for what is not on a keypad.
pub fn pair_of(key: char) -> Option<usize> {
    KEYS.iter().position(|known| *known == key.to_ascii_uppercase())
}

/// The RFC 4733 event code of a key (§3.2 table 3): digits, `*` 10, `#` 11, A–D 12–15.
pub fn event_of(key: char) -> Option<u8> {
    match key.to_ascii_uppercase() {
        digit @ '0'..='9' => Some(digit as u8 - b'0'),
        '*' => Some(10),
        '#' => Some(11),
        letter @ 'A'..='D' => Some(letter as u8 - b'A' + 12),
        _ => None,
    }
}

/// The key of an RFC 4733 event code; `None` for events that are no keys.
pub fn key_of_event(event: u8) -> Option<char> {
    match event {
        0..=9 => Some(char::from(b'0' + event)),
        10 => Some('*'),
        11 => Some('#'),
        12..=15 => Some(char::from(b'A' + event - 12)),
        _ => None,
    }
}

/// One key press as sound: two sines with random phases and 0.5 ms raised-cosine edges.
#[derive(Clone, Debug)]
pub struct Tone {
    low: Sine,
    high: Sine,
    samples: u32,
}

#[derive(Clone, Debug)]
struct Sine {
    amplitude: f32,
    step: f32,
    phase: f32,
}

impl Tone {
    /// A press of `key`, `samples` long, `dbm0` a tone; `twist_db` is high minus low, split evenly about `dbm0`.
    /// `None` for what is not on a keypad.
    pub fn new(key: char, samples: u32, law: Law, dbm0: f32, twist_db: f32, rng: &mut Rng) -> Option<Self> {
        let pair = pair_of(key)?;
        let mut sine = |hz: f32, level: f32| Sine {
            amplitude: law.amplitude(level),
            step: std::f32::consts::TAU * hz / SAMPLE_RATE as f32,
            phase: rng.unit() * std::f32::consts::TAU,
        };
        Some(Self {
            low: sine(ROWS_HZ[pair / 4], dbm0 - twist_db / 2.0),
            high: sine(COLUMNS_HZ[pair % 4], dbm0 + twist_db / 2.0),
            samples,
        })
    }

    /// Sample number `at` of the press; 0 outside it.
    pub fn sample(&self, at: u32) -> f32 {
        if at >= self.samples {
            return 0.0;
        }
        let edge = (at + 1).min(self.samples - at);
        let gain = if edge < EDGE_SAMPLES {
            0.5 - 0.5 * (std::f32::consts::PI * edge as f32 / EDGE_SAMPLES as f32).cos()
        } else {
            1.0
        };
        gain * (self.low.at(at) + self.high.at(at))
    }
}

impl Sine {
    fn at(&self, sample: u32) -> f32 {
        self.amplitude * (self.phase + self.step * sample as f32).sin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_keys_are_inverse() {
        for key in KEYS {
            assert_eq!(event_of(key).and_then(key_of_event), Some(key));
        }
        assert_eq!((event_of('x'), key_of_event(16), pair_of('x')), (None, None, None));
    }

    #[test]
    fn level_and_length_are_as_asked() {
        let mut rng = Rng::new(3);
        let tone = Tone::new('5', 8_000, Law::A, -10.0, 0.0, &mut rng).expect("5 is a key");
        let power = (0..8_000).map(|at| tone.sample(at).powi(2)).sum::<f32>() / 8_000.0;
        let expected = Law::A.amplitude(-10.0).powi(2);
        assert!((power / expected - 1.0).abs() < 0.02, "power {power} expected {expected}");
        assert_eq!(tone.sample(8_000), 0.0);
    }
}
