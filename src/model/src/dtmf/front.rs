//! The front end: filters, window energies and correlations with the eight tones, hop by hop.

use super::fit::{BANK, HOP, Tables, WINDOW, WINDOW_HOPS};

/// Second-order section, transposed direct form II: b0, b1, b2, a1, a2.
type Section = [f32; 5];

/// Elliptic, 34 dB under 490 Hz: takes dial tone (350, 425, 440 Hz), hum and the lower half of
/// speech away, so that a pair is compared with its own band. Passes 640 Hz up: 697 Hz − 3 %.
const HIGH_PASS: [Section; 2] = [
    [0.537_356_0, -1.061_524_4, 0.537_356_0, -1.067_041_8, 0.399_211_3],
    [1.0, -1.888_454_9, 1.0, -1.672_877_0, 0.894_826_1],
];

/// Elliptic, 30 dB above 2,300 Hz: two thirds of white noise go. Passes up to 1,760 Hz:
/// 1,633 Hz + 3 % and its side lobes.
const LOW_PASS: [Section; 2] = [
    [0.123_885_7, 0.175_544_5, 0.123_885_7, -0.595_462_0, 0.269_988_8],
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
    [1.0, -1.542_810_0, 1.0, -1.732_539_1, 0.897_785_7],
];

/// Two chains side by side: band (high pass, low pass) and voice (notches, low pass).
const CHAINS: [[Section; 2]; 4] = [
    [HIGH_PASS[0], DIAL_TONE_OUT[0]],
    [HIGH_PASS[1], DIAL_TONE_OUT[1]],
    [LOW_PASS[0], VOICE_PASS[0]],
    [LOW_PASS[1], VOICE_PASS[1]],
];

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

/// Filters and windows of one stream of samples.
pub struct Front {
    hum: [f32; 2],
    state: [[[f32; 2]; 2]; 4],
    /// The newest hop's correlations are at `hops % WINDOW_HOPS - 1`.
    correlations: [[f32; BANK]; WINDOW_HOPS],
    energies: [Energy; ENERGY_HOPS],
    past: [i16; PAST],
    past_len: usize,
    block: [f32; HOP],
    all: f32,
    voice: f32,
    dial: f32,
    filled: usize,
    /// Hops since the start or the last hole.
    hops: u32,
}

impl Front {
    pub fn new() -> Front {
        Front {
            hum: [0.0; 2],
            state: [[[0.0; 2]; 2]; 4],
            correlations: [[0.0; BANK]; WINDOW_HOPS],
            energies: [Energy::default(); ENERGY_HOPS],
            past: [0; PAST],
            past_len: 0,
            block: [0.0; HOP],
            all: 0.0,
            voice: 0.0,
            dial: 0.0,
            filled: 0,
            hops: 0,
        }
    }

    /// Samples are missing: windows start anew, the filters carry on.
    pub fn hole(&mut self) {
        (self.filled, self.hops, self.past_len) = (0, 0, 0);
        (self.all, self.voice, self.dial) = (0.0, 0.0, 0.0);
    }

    /// Whether a whole window has been heard.
    pub fn is_full(&self) -> bool {
        self.hops as usize >= WINDOW_HOPS
    }

    /// Hops since the start or the last hole.
    pub fn hops(&self) -> u32 {
        self.hops
    }

    /// Takes a sample; `true` at the end of a hop.
    pub fn push(&mut self, tables: &Tables, sample: f32) -> bool {
        let [b0, b1, b2, a1, a2] = HUM_OUT;
        let voice = b0 * sample + self.hum[0];
        self.hum = [b1 * sample - a1 * voice + self.hum[1], b2 * sample - a2 * voice];
        let mut lanes = [sample, voice];
        for (stage, (sections, state)) in CHAINS.iter().zip(&mut self.state).enumerate() {
            for lane in 0..2 {
                let [b0, b1, b2, a1, a2] = sections[lane];
                let x = lanes[lane];
                let y = b0 * x + state[0][lane];
                state[0][lane] = b1 * x - a1 * y + state[1][lane];
                state[1][lane] = b2 * x - a2 * y;
                lanes[lane] = y;
            }
            if stage == 1 {
                self.all += lanes[1] * lanes[1];
                self.dial += (voice - lanes[1]) * (voice - lanes[1]);
            }
        }
        self.voice += lanes[1] * lanes[1];
        self.block[self.filled] = lanes[0];
        self.filled += 1;
        if self.filled < HOP {
            return false;
        }
        self.close_hop(tables);
        true
    }

    fn close_hop(&mut self, tables: &Tables) {
        let mut sums = [0.0; BANK];
        let mut band = 0.0;
        for (sample, waves) in self.block.iter().zip(&tables.bank) {
            band += sample * sample;
            for (sum, wave) in sums.iter_mut().zip(waves) {
                *sum += sample * wave;
            }
        }
        self.correlations[self.hops as usize % WINDOW_HOPS] = sums;
        self.energies[self.hops as usize % ENERGY_HOPS] =
            Energy { band, all: self.all, voice: self.voice, dial: self.dial };
        if self.past_len + HOP > PAST {
            self.past.copy_within(self.past_len - (LOOK_BACK - HOP)..self.past_len, 0);
            self.past_len = LOOK_BACK - HOP;
        }
        for (place, sample) in self.past[self.past_len..].iter_mut().zip(&self.block) {
            // Filters overshoot: half scale keeps the loudest tones whole.
            *place = (0.5 * sample) as i16;
        }
        self.past_len += HOP;
        (self.all, self.voice, self.dial, self.filled) = (0.0, 0.0, 0.0, 0);
        self.hops = self.hops.wrapping_add(1).max(1);
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
