//! What the corpus asks of whatever it judges.

use super::network::Datagram;
use crate::g711::Law;

/// What the far side is to hear in place of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A flat tone a key.
    Tone,
    /// Silence.
    Silence,
    /// Low noise.
    Comfort,
}

impl Style {
    /// All of them.
    pub const ALL: [Style; 3] = [Style::Tone, Style::Silence, Style::Comfort];
}

/// A report of a digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Samples that the detector had been given.
    pub at: usize,
    /// RFC 4733 event code.
    pub code: u8,
}

/// What came out of a secured line.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Datagrams, and when they left.
    pub datagrams: Vec<Datagram>,
    /// Digits reported; `at` counts from the first sample sent, by arrival time.
    pub reports: Vec<Report>,
}

/// Passes datagrams through one secured direction of a call: law, packet length in ms, style.
pub type Secure<'a> = dyn Fn(Law, u8, Style, &[Datagram]) -> Passed + 'a;

/// Sightings of the verdict's ear in PCM with at least each of some rising shares.
pub type Tally<'a> = dyn Fn(&[i16]) -> Vec<(f64, u32)> + 'a;

/// The product's own code, handed in by the caller.
pub struct Product<'a> {
    /// Passes datagrams through one secured direction of a call, its timers included.
    pub secure: &'a Secure<'a>,
    /// Detects digits in 8 kHz PCM.
    pub detect: &'a dyn Fn(&[i16]) -> Vec<Report>,
    /// Judges what left a secured line, as decoded samples; true is red: a key was heard.
    pub verdict: &'a dyn Fn(&[i16]) -> bool,
    /// Sightings of the verdict's ear with at least each of some rising shares; the last is red.
    pub tally: &'a Tally<'a>,
    /// Bytes of state that one direction of a call takes.
    pub state_bytes: usize,
}
