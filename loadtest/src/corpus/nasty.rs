//! Sound without a key that sounds like one: vowels and chimes built to be taken for keys.

use super::sound::{COLUMNS, RATE, ROWS, Resonator, below, level, normal, range};
use crate::rng::Rng;
use std::f64::consts::TAU;

/// Vowels built to simulate keys: gliding pulse trains (80–400 Hz) through two narrow resonators
/// near a row and a column frequency: up to 6 % off, 30 to 100 Hz wide. Calibrated on spandsp, not on
/// the product: it reports 52 to 70 digits an hour here, on the set this one follows 36 to 40.
pub fn stress_vowels(rng: &mut Rng, seconds: f64) -> Vec<f64> {
    let len = (seconds * RATE) as usize;
    let mut out = Vec::with_capacity(len + 8_000);
    while out.len() < len {
        let length = (range(rng, 0.15, 0.5) * RATE) as usize;
        let (from, to) = (range(rng, 80.0, 400.0), range(rng, 0.8, 1.25));
        let mut tract = [Resonator::default(); 2];
        for (resonator, group) in tract.iter_mut().zip([ROWS, COLUMNS]) {
            let hz = group[below(rng, 4)] * range(rng, 0.94, 1.06);
            resonator.tune(hz, range(rng, 30.0, 100.0));
        }
        let mut phase = 0.0f64;
        let mut piece: Vec<f64> = (0..length)
            .map(|n| {
                phase += from * (1.0 + (to - 1.0) * n as f64 / length as f64) / RATE;
                let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
                phase = phase.fract();
                // Side by side: in a row the lower one would swallow the upper one.
                let source = pulse + 0.002 * normal(rng);
                tract.iter_mut().map(|resonator| resonator.step(source)).sum()
            })
            .collect();
        level(&mut piece, range(rng, -26.0, -12.0));
        let fade = 160.min(length / 2);
        for n in 0..fade {
            let gain = n as f64 / fade as f64;
            piece[n] *= gain;
            piece[length - 1 - n] *= gain;
        }
        out.extend(piece);
        out.resize(out.len() + below(rng, 800), 0.0);
    }
    out.truncate(len);
    out
}

/// Steady pairs of 40–200 ms anywhere in 620–1,040 × 1,120–1,760 Hz, at least one tone 3.5 % or
/// more off every frequency of a key. spandsp reports 30 to 52 digits an hour, on the set this one
/// follows 60.
pub fn stress_chimes(rng: &mut Rng, seconds: f64) -> Vec<f64> {
    let len = (seconds * RATE) as usize;
    let mut out = Vec::with_capacity(len + 8_000);
    let is_off = |hz: f64, group: &[f64; 4]| group.iter().all(|key| (hz / key - 1.0).abs() >= 0.035);
    while out.len() < len {
        let (low, high) = (range(rng, 620.0, 1_040.0), range(rng, 1_120.0, 1_760.0));
        if !is_off(low, &ROWS) && !is_off(high, &COLUMNS) {
            continue;
        }
        let start = out.len();
        out.resize(start + (range(rng, 0.04, 0.2) * RATE) as usize, 0.0);
        let dbm0 = range(rng, -26.0, -6.0);
        for hz in [low, high] {
            let phase = range(rng, 0.0, TAU);
            super::sound::add_tone(&mut out[start..], hz, dbm0 + range(rng, -2.0, 2.0), phase);
        }
        let pause = (range(rng, 0.04, 0.2) * RATE) as usize;
        out.resize(out.len() + pause, 0.0);
    }
    out.truncate(len);
    out
}
