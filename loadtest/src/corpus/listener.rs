//! The listener who wants the digits: fits each of the 16 pairs to any few ms of a digit's span.

use super::sound::{CODES, COLUMNS, Digit, RATE, ROWS, peak};
use std::f64::consts::TAU;

/// Samples around a digit in which the listener searches too: 5 ms.
const AROUND: usize = 40;

/// How long a piece the listener fits to, and what share of its energy must be explained.
pub struct Listener {
    len: usize,
    share_min: f64,
    /// Orthonormal bases, one a pair: four vectors of `len` samples.
    bases: Vec<Vec<f64>>,
}

impl Listener {
    /// 3 ms and 90 %: the patient one.
    pub fn patient() -> Listener {
        Listener::new(24, 0.9)
    }

    /// Any other one.
    pub fn new(len: usize, share_min: f64) -> Listener {
        let wave = |hz: f64, shift: f64| -> Vec<f64> {
            (0..len).map(|n| (TAU * (hz * n as f64 / RATE + shift)).sin()).collect()
        };
        let pair = |low: f64, high: f64| -> Vec<f64> {
            let mut basis: Vec<Vec<f64>> = Vec::new();
            for mut vector in [wave(low, 0.0), wave(low, 0.25), wave(high, 0.0), wave(high, 0.25)] {
                for known in &basis {
                    let along: f64 = vector.iter().zip(known).map(|(a, b)| a * b).sum();
                    vector.iter_mut().zip(known).for_each(|(a, b)| *a -= along * b);
                }
                let norm = vector.iter().map(|a| a * a).sum::<f64>().sqrt();
                vector.iter_mut().for_each(|a| *a /= norm);
                basis.push(vector);
            }
            basis.concat()
        };
        let bases = ROWS.iter().flat_map(|&low| COLUMNS.map(|high| pair(low, high))).collect();
        Listener { len, share_min, bases }
    }

    /// Whether the best-fitting piece of the digit's span ± 5 ms names the digit.
    pub fn names(&self, sound: &[f64], digit: &Digit) -> bool {
        self.best(sound, digit) == Some(digit.code)
    }

    /// What the best-fitting piece says.
    fn best(&self, sound: &[f64], digit: &Digit) -> Option<u8> {
        let from = digit.start.saturating_sub(AROUND);
        let to = (digit.end + AROUND).min(sound.len());
        let mut best = (self.share_min, None);
        for piece in sound.get(from..to)?.windows(self.len) {
            let energy: f64 = piece.iter().map(|s| s * s).sum();
            // −35 dBm0: the listener's own floor.
            if energy / self.len as f64 <= peak(-35.0).powi(2) / 2.0 {
                continue;
            }
            for (index, basis) in self.bases.iter().enumerate() {
                let fit = |vector: &[f64]| piece.iter().zip(vector).map(|(a, b)| a * b).sum::<f64>().powi(2);
                let share = basis.chunks_exact(self.len).map(fit).sum::<f64>() / energy;
                if share > best.0 {
                    best = (share, Some(CODES[index / 4][index % 4]));
                }
            }
        }
        best.1
    }
}
