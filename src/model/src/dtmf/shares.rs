//! How much of what is heard a pair is: the measures that suspicion and detection share.

use super::filters::Energy;
use super::fit::{Fit, WINDOW};

/// Lowest pair that is a threat: −40 dBm0, 5 dB under what a listener needs.
pub const PAIR_ENERGY_MIN: f32 = WINDOW as f32 * 15_839.0 * 15_839.0 * 1.0e-4;

/// Largest ratio of squared amplitudes either way: 14 dB, for a twist of 12 and the error of a
/// short window.
const TWIST_MAX: f32 = 25.0;

/// Ratio of squared amplitudes that phones have, high to low, and the error of a short window:
/// +4 to −8 dB by ITU-T Q.24, and 2 dB.
const EVEN_HIGH_MAX: f32 = 4.0;
const EVEN_LOW_MAX: f32 = 10.0;

/// Other sound in the band, against sound above it, that noise explains: white noise has half as
/// much there, a voice ten times as much.
const NOISE: f32 = 1.2;

/// What a pair must have of the energy in its window.
pub struct Shares {
    /// Of the band, 640–1,760 Hz.
    pub band: f32,
    /// Against the voice below the band.
    pub voice: f32,
    /// Of everything but hum and dial tone.
    pub all: f32,
}

impl Shares {
    /// Whether a fit has them.
    pub fn hold(&self, fit: &Fit, energy: &Energy) -> bool {
        self.hold_energy(fit.energy, energy)
    }

    /// Whether a pair of this energy has them.
    pub fn hold_energy(&self, pair: f32, energy: &Energy) -> bool {
        pair > self.band * energy.band
            && pair > self.voice * (pair + energy.voice)
            && pair > self.all * energy.all
    }
}

/// Whether a pair is loud and even enough to tell anybody anything.
pub fn is_threat(fit: &Fit) -> bool {
    is_threat_within(fit, TWIST_MAX)
}

/// The same where a codec for voices may have drawn a tone down: 20 dB.
pub fn is_smeared_threat(fit: &Fit) -> bool {
    is_threat_within(fit, 100.0)
}

fn is_threat_within(fit: &Fit, twist_max: f32) -> bool {
    fit.energy > PAIR_ENERGY_MIN && fit.low < twist_max * fit.high && fit.high < twist_max * fit.low
}

/// Whether the twist is one that phones have.
pub fn is_even(fit: &Fit) -> bool {
    fit.high < EVEN_HIGH_MAX * fit.low && fit.low < EVEN_LOW_MAX * fit.high
}

/// Whether what the band holds beside the pair is little, as a share of the pair, or noise.
pub fn is_noise(fit: &Fit, energy: &Energy, little: f32) -> bool {
    energy.band - fit.energy < little * fit.energy + noise(energy)
}

/// The same with the voice below the band counted too, at `weight` times its energy.
pub fn is_noise_without_voice(fit: &Fit, energy: &Energy, little: f32, weight: f32) -> bool {
    energy.band - fit.energy + weight * energy.voice < little * fit.energy + noise(energy)
}

/// What noise explains of the band, judged by the sound above it.
fn noise(energy: &Energy) -> f32 {
    NOISE * (energy.all - energy.band - energy.voice).max(0.0)
}
