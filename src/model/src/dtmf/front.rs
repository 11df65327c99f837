//! The front end: filters, window energies and correlations with the eight tones, hop by hop.

use super::fit::{BANK, HOP, Tables, WINDOW, WINDOW_HOPS};

/// Second-order section, transposed direct form II: b0, b1, b2, a1, a2.
type Section = [f32; 5];

/// What a section remembers.
type State = [f32; 2];

/// One sample through a section.
fn step([b0, b1, b2, a1, a2]: &Section, state: &mut State, x: f32) -> f32 {
    let y = b0 * x + state[0];
    *state = [(b1 * x + state[1]) - a1 * y, b2 * x - a2 * y];
    y
}

/// Elliptic, 34 dB under 490 Hz: takes dial tone (350, 425, 440 Hz), hum and the lower half of
/// speech away, so that a pair is compared with its own band. Passes 640 Hz up: 697 Hz − 3 %.
const HIGH_PASS: [Section; 2] = [
    [0.537_356, -1.061_524_4, 0.537_356, -1.067_041_8, 0.399_211_3],
    [1.0, -1.888_454_9, 1.0, -1.672_877, 0.894_826_1],
];

/// Elliptic, 30 dB above 2,300 Hz: two thirds of white noise go. Passes up to 1,760 Hz:
/// 1,633 Hz + 3 % and its side lobes.
const LOW_PASS: [Section; 2] = [
    [0.123_885_7, 0.175_544_5, 0.123_885_7, -0.595_462, 0.269_988_8],
    [1.0, 0.285_814_6, 1.0, -0.289_644_6, 0.809_164_8],
];

/// Notches at 350 and 432 Hz, 60 and 80 Hz wide: what is left below the band is a voice.
const DIAL_TONE_OUT: [Section; 2] = [
    [0.976_976_3, -1.880_591_9, 0.976_976_3, -1.880_591_9, 0.953_952_6],
    [0.969_531_3, -1.828_517_6, 0.969_531_3, -1.828_517_6, 0.939_062_5],
];

/// Elliptic, 20 dB under 55 Hz: mains hum is no voice either.
const HUM_OUT: Section = [0.888_508_3, -1.776_403_7, 0.888_508_3, -1.876_536_9, 0.887_436_8];

/// Elliptic, 40 dB above 820 Hz, 20 dB at 697 Hz; passes up to 520 Hz.
const VOICE_PASS: [Section; 2] = [
    [0.013_917_8, -0.006_121_7, 0.013_917_8, -1.625_120_6, 0.688_756_5],
    [1.0, -1.542_81, 1.0, -1.732_539, 0.897_785_7],
];

/// Sections that run side by side: four of the band's chain, four of the voice's.
const SECTIONS: usize = 8;

/// Both chains, section by section; a section works on what the one before it gave one sample
/// earlier, so that all eight can be stepped at once.
const CHAINS: [Section; SECTIONS] = [
    HIGH_PASS[0],
    HIGH_PASS[1],
    LOW_PASS[0],
    LOW_PASS[1],
    DIAL_TONE_OUT[0],
    DIAL_TONE_OUT[1],
    VOICE_PASS[0],
    VOICE_PASS[1],
];

/// The chains' coefficients b0, b1, b2, a1, a2, each of all sections.
const COEFFICIENTS: [[f32; SECTIONS]; 5] = {
    let mut turned = [[0.0; SECTIONS]; 5];
    let mut section = 0;
    while section < SECTIONS {
        let mut place = 0;
        while place < 5 {
            turned[place][section] = CHAINS[section][place];
            place += 1;
        }
        section += 1;
    }
    turned
};

/// What a filter has to forget: 200 dB under the quietest code word.
const FADED: f32 = 1.0e-10;

/// Where the band comes out, sound without hum and dial tone, and the voice.
const BAND_OUT: usize = 3;
const ALL_OUT: usize = 5;
const VOICE_OUT: usize = 7;

/// Hops of half the time over which a dial tone must last to be one: 100 ms. No vowel keeps its
/// pitch for 200 ms where dial tone is; longer only takes longer to know a dial tone.
const DIAL_HOPS: u32 = 40;

/// Hops whose energies are kept: the window and what came before it.
const ENERGY_HOPS: usize = 16;

/// Samples of the band that can be looked back at: a window, and windows up to 25 ms before it.
pub const LOOK_BACK: usize = WINDOW + 200;

/// Room for [`LOOK_BACK`] and 100 more, so that the past is moved every fifth hop only.
const PAST: usize = LOOK_BACK + 100;

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

/// What the filters remember.
#[derive(Clone, Copy, Default)]
struct Filters {
    hum: State,
    /// The newest sample without hum.
    unhummed: f32,
    out: [f32; SECTIONS],
    first: [f32; SECTIONS],
    second: [f32; SECTIONS],
}

/// Filters and windows of one stream of samples.
pub struct Front {
    filters: Filters,
    /// The newest hop's correlations are at `hops % WINDOW_HOPS - 1`.
    correlations: [[f32; BANK]; WINDOW_HOPS],
    energies: [Energy; ENERGY_HOPS],
    past: [i16; PAST],
    past_len: usize,
    block: [f32; HOP],
    /// Least dial energy of a window in this and in the last 100 ms; all there is, until known.
    dial_least: [f32; 2],
    filled: usize,
    /// Hops since the start or the last hole.
    hops: u32,
}

impl Front {
    pub fn new() -> Front {
        Front {
            filters: Filters::default(),
            correlations: [[0.0; BANK]; WINDOW_HOPS],
            energies: [Energy::default(); ENERGY_HOPS],
            past: [0; PAST],
            past_len: 0,
            block: [0.0; HOP],
            dial_least: [f32::MAX; 2],
            filled: 0,
            hops: 0,
        }
    }

    /// Samples are missing: windows start anew, the filters carry on.
    pub fn hole(&mut self) {
        (self.filled, self.hops, self.past_len) = (0, 0, 0);
    }

    /// Whether a whole window has been heard.
    pub fn is_full(&self) -> bool {
        self.hops as usize >= WINDOW_HOPS
    }

    /// Hops since the start or the last hole.
    pub fn hops(&self) -> u32 {
        self.hops
    }

    /// Takes code words up to the end of the hop; says how many, and whether the hop is complete.
    pub fn take(&mut self, tables: &Tables, linear: &[f32; 256], codes: &[u8]) -> (usize, bool) {
        let room = &mut self.block[self.filled..];
        let taken = room.len().min(codes.len());
        for (sample, code) in room.iter_mut().zip(codes) {
            *sample = linear[usize::from(*code)];
        }
        self.filled += taken;
        if self.filled < HOP {
            return (taken, false);
        }
        self.close_hop(tables);
        (taken, true)
    }

    fn close_hop(&mut self, tables: &Tables) {
        let energy = self.filter();
        let mut sums = [0.0; BANK];
        for (sample, waves) in self.block.iter().zip(&tables.bank) {
            for (sum, wave) in sums.iter_mut().zip(waves) {
                *sum += sample * wave;
            }
        }
        self.correlations[self.hops as usize % WINDOW_HOPS] = sums;
        self.energies[self.hops as usize % ENERGY_HOPS] = energy;
        if self.past_len + HOP > PAST {
            self.past.copy_within(self.past_len - (LOOK_BACK - HOP)..self.past_len, 0);
            self.past_len = LOOK_BACK - HOP;
        }
        for (place, sample) in self.past[self.past_len..].iter_mut().zip(&self.block) {
            // Filters overshoot: half scale keeps the loudest tones whole.
            *place = (0.5 * sample) as i16;
        }
        self.past_len += HOP;
        self.filled = 0;
        self.hops = self.hops.wrapping_add(1).max(1);
        if self.is_full() {
            if self.hops.is_multiple_of(DIAL_HOPS) {
                self.dial_least = [f32::MAX, self.dial_least[0]];
            }
            self.dial_least[0] = self.dial_least[0].min(self.energy(0).dial);
        }
    }

    /// Turns the hop's samples into those of the band, and measures what there was.
    fn filter(&mut self) -> Energy {
        let mut energy = Energy::default();
        // Local copies stay in registers; through `self` every sample would wait for the last store.
        let Filters { mut hum, mut unhummed, mut out, mut first, mut second } = self.filters;
        let [b0, b1, b2, a1, a2] = &COEFFICIENTS;
        for sample in &mut self.block {
            let before = unhummed;
            unhummed = step(&HUM_OUT, &mut hum, *sample);
            let x = [*sample, out[0], out[1], out[2], unhummed, out[4], out[5], out[6]];
            for k in 0..SECTIONS {
                out[k] = b0[k] * x[k] + first[k];
            }
            for k in 0..SECTIONS {
                first[k] = (b1[k] * x[k] + second[k]) - a1[k] * out[k];
                second[k] = b2[k] * x[k] - a2[k] * out[k];
            }
            energy.band += out[BAND_OUT] * out[BAND_OUT];
            energy.all += out[ALL_OUT] * out[ALL_OUT];
            energy.voice += out[VOICE_OUT] * out[VOICE_OUT];
            energy.dial += (before - out[ALL_OUT]) * (before - out[ALL_OUT]);
            *sample = out[BAND_OUT];
        }
        // In digital silence the states fade into denormal numbers, which cost a hundred times more.
        for memory in first.iter_mut().chain(&mut second).chain(&mut hum) {
            if memory.abs() < FADED {
                *memory = 0.0;
            }
        }
        self.filters = Filters { hum, unhummed, out, first, second };
        energy
    }

    /// Energy that a window has of a steady dial tone.
    pub fn dial_tone(&self) -> f32 {
        self.dial_least[0].min(self.dial_least[1])
    }

    /// Energies of the window that ended `ago` hops ago.
    pub fn energy(&self, ago: usize) -> Energy {
        let mut sum = Energy::default();
        for back in ago + 1..=ago + WINDOW_HOPS {
            let hop = self.energies[(self.hops as usize).wrapping_sub(back) % ENERGY_HOPS];
            sum.band += hop.band;
            sum.all += hop.all;
            sum.voice += hop.voice;
            sum.dial += hop.dial;
        }
        sum
    }

    /// Correlations of the window with cosine and sine of the eight tones, from its first sample.
    pub fn correlations(&self, tables: &Tables) -> [f32; BANK] {
        let mut sums = [0.0; BANK];
        for (place, turns) in tables.turns.iter().enumerate() {
            let part = &self.correlations[(self.hops as usize + place) % WINDOW_HOPS];
            for tone in 0..BANK / 2 {
                let (cosine, sine) = (part[2 * tone], part[2 * tone + 1]);
                let (c, s) = turns[tone];
                sums[2 * tone] += cosine * c - sine * s;
                sums[2 * tone + 1] += sine * c + cosine * s;
            }
        }
        sums
    }

    /// The band's samples in the window that ended `ago` hops ago; `None` before there were any.
    pub fn window(&self, ago: usize) -> Option<[f32; WINDOW]> {
        let end = self.past_len.checked_sub(ago * HOP)?;
        let start = end.checked_sub(WINDOW)?;
        let mut window = [0.0; WINDOW];
        for (sample, past) in window.iter_mut().zip(&self.past[start..end]) {
            *sample = 2.0 * f32::from(*past);
        }
        Some(window)
    }
}
