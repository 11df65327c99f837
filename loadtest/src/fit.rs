//! Least-squares fit of DTMF pairs to a few milliseconds of sound: what a patient eavesdropper would do.

use crate::dtmf::{COLUMNS_HZ, ROWS_HZ, SAMPLE_RATE};

/// The cosine and sine of both tones of a pair.
const TERMS: usize = 4;

/// The best of the sixteen pairs for one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Index of the pair in [`crate::dtmf::KEYS`].
    pub pair: usize,
    /// Share of the window's energy that the pair explains, 0–1.
    pub share: f32,
    /// Mean square of the window.
    pub power: f32,
    /// Amplitude of the row tone.
    pub low: f32,
    /// Amplitude of the column tone.
    pub high: f32,
}

/// Sixteen pairs for windows of one length.
pub struct PairFit {
    len: usize,
    pairs: Vec<Basis>,
}

struct Basis {
    orthonormal: [Vec<f32>; TERMS],
    /// Lower triangle: term j of the pair = Σ r[j][i] × orthonormal[i].
    r: [[f32; TERMS]; TERMS],
}

impl PairFit {
    /// Pairs for windows of `len` samples, at least 8.
    pub fn new(len: usize) -> Self {
        let len = len.max(8);
        let pairs = (0..16).map(|pair| Basis::new(len, ROWS_HZ[pair / 4], COLUMNS_HZ[pair % 4])).collect();
        Self { len, pairs }
    }

    /// Samples in a window.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: a window has at least 8 samples.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The pair that explains most of `window`; `None` for silence and for a window of another length.
    pub fn best(&self, window: &[f32]) -> Option<Fit> {
        let energy: f32 = window.iter().map(|x| x * x).sum();
        if window.len() != self.len || energy <= 0.0 {
            return None;
        }
        let mut best = (0, 0.0, [0.0; TERMS]);
        for (index, basis) in self.pairs.iter().enumerate() {
            let parts = basis.project(window);
            let explained: f32 = parts.iter().map(|x| x * x).sum();
            if explained > best.1 {
                best = (index, explained, parts);
            }
        }
        let (low, high) = self.pairs[best.0].amplitudes(best.2);
        Some(Fit { pair: best.0, share: best.1 / energy, power: energy / self.len as f32, low, high })
    }

    /// The fit of one given pair.
    pub fn of(&self, pair: usize, window: &[f32]) -> Option<Fit> {
        let energy: f32 = window.iter().map(|x| x * x).sum();
        let basis = self.pairs.get(pair)?;
        if window.len() != self.len || energy <= 0.0 {
            return None;
        }
        let parts = basis.project(window);
        let explained: f32 = parts.iter().map(|x| x * x).sum();
        let (low, high) = basis.amplitudes(parts);
        Some(Fit { pair, share: explained / energy, power: energy / self.len as f32, low, high })
    }
}

impl Basis {
    /// Gram–Schmidt in double precision; over 3 ms the four terms are far from orthogonal.
    fn new(len: usize, low_hz: f32, high_hz: f32) -> Self {
        let step = |hz: f32| std::f64::consts::TAU * f64::from(hz) / f64::from(SAMPLE_RATE);
        let term = |number: usize, at: usize| {
            let angle = step(if number < 2 { low_hz } else { high_hz }) * at as f64;
            if number.is_multiple_of(2) { angle.cos() } else { angle.sin() }
        };
        let mut done: Vec<Vec<f64>> = Vec::with_capacity(TERMS);
        let mut r = [[0.0f32; TERMS]; TERMS];
        for (column, weights) in r.iter_mut().enumerate() {
            let mut vector: Vec<f64> = (0..len).map(|at| term(column, at)).collect();
            for (weight, earlier) in weights.iter_mut().zip(&done) {
                let dot: f64 = vector.iter().zip(earlier).map(|(a, b)| a * b).sum();
                *weight = dot as f32;
                vector.iter_mut().zip(earlier).for_each(|(x, e)| *x -= dot * e);
            }
            let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-9);
            weights[column] = norm as f32;
            vector.iter_mut().for_each(|x| *x /= norm);
            done.push(vector);
        }
        let mut vectors = done.into_iter().map(|vector| vector.into_iter().map(|x| x as f32).collect());
        let orthonormal = std::array::from_fn(|_| vectors.next().unwrap_or_default());
        Self { orthonormal, r }
    }

    fn project(&self, window: &[f32]) -> [f32; TERMS] {
        std::array::from_fn(|term| self.orthonormal[term].iter().zip(window).map(|(a, b)| a * b).sum())
    }

    /// Back-substitution, then the length of each tone's cosine and sine part.
    fn amplitudes(&self, parts: [f32; TERMS]) -> (f32, f32) {
        let mut weights = [0.0f32; TERMS];
        for row in (0..TERMS).rev() {
            let known: f32 = (row + 1..TERMS).map(|column| self.r[column][row] * weights[column]).sum();
            weights[row] = (parts[row] - known) / self.r[row][row];
        }
        (weights[0].hypot(weights[1]), weights[2].hypot(weights[3]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{KEYS, Tone};
    use crate::g711::Law;
    use crate::rng::Rng;

    #[test]
    fn every_pair_is_named_from_three_milliseconds() {
        let fit = PairFit::new(24);
        let mut rng = Rng::new(2);
        for (pair, key) in KEYS.into_iter().enumerate() {
            let tone = Tone::new(key, 400, Law::A, -10.0, 0.0, &mut rng).expect("a key");
            let window: Vec<f32> = (100..124).map(|at| tone.sample(at)).collect();
            let best = fit.best(&window).expect("not silent");
            assert_eq!(best.pair, pair, "key {key}");
            assert!(best.share > 0.999);
            let expected = Law::A.amplitude(-10.0);
            assert!(
                (best.low / expected - 1.0).abs() < 0.05 && (best.high / expected - 1.0).abs() < 0.05,
                "{best:?}"
            );
        }
    }

    #[test]
    fn silence_and_wrong_lengths_fit_nothing() {
        let fit = PairFit::new(24);
        assert_eq!(fit.best(&[0.0; 24]), None);
        assert_eq!(fit.best(&[1.0; 23]), None);
        assert_eq!(fit.of(16, &[1.0; 24]), None);
    }
}
