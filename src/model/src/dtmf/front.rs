//! The front end: filters, window energies and correlations with the eight tones, hop by hop.

use super::fit::{BAND_HOP, BANK, HOP, ROOM, TONES, Tables, WINDOW, WINDOW_HOPS};
use super::shares::PAIR_ENERGY_MIN;

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
    [0.956_605_5, -1.631_280_5, 0.956_605_5, -1.631_280_5, 0.913_211],
    [0.944_047_1, -1.469_81, 0.944_047_1, -1.469_81, 0.888_093_9],
];

/// Elliptic, 20 dB under 55 Hz: mains hum is no voice either.
const HUM_OUT: Section = [0.880_895_8, -1.759_360_1, 0.880_895_8, -1.747_424_2, 0.788_419_5];

/// Elliptic, 40 dB above 820 Hz, 20 dB at 697 Hz; passes up to 520 Hz.
const VOICE_PASS: [Section; 2] = [
    [0.024_951_5, 0.023_583_8, 0.024_951_5, -1.241_087_5, 0.468_264_4],
    [1.159_043_5, -0.647_196_5, 1.159_043_5, -1.217_302_8, 0.821_229_2],
];

/// Sections of a chain.
const SECTIONS: usize = 4;

/// 640–1,760 Hz, at 8,000 samples a second. A section works on what the one before it gave one
/// sample earlier, so that all four can be stepped at once.
const BAND_CHAIN: [Section; SECTIONS] = [HIGH_PASS[0], HIGH_PASS[1], LOW_PASS[0], LOW_PASS[1]];

/// 150–520 Hz without dial tone, at 4,000 samples a second, behind [`HUM_OUT`].
const VOICE_CHAIN: [Section; SECTIONS] = [DIAL_TONE_OUT[0], DIAL_TONE_OUT[1], VOICE_PASS[0], VOICE_PASS[1]];

/// See [`COEFFICIENTS`].
pub type Coefficients = [[[f32; SECTIONS]; 5]; 2];

/// The two chains' coefficients d0, d1, d2, a1, a2, each of all sections: d0 = b0, d1 = b1 − a1·b0,
/// d2 = b2 − a2·b0, so that the states need not wait for the output of the same sample.
pub const COEFFICIENTS: Coefficients = [turned(&BAND_CHAIN), turned(&VOICE_CHAIN)];

const fn turned(chain: &[Section; SECTIONS]) -> [[f32; SECTIONS]; 5] {
    let mut turned = [[0.0; SECTIONS]; 5];
    let mut section = 0;
    while section < SECTIONS {
        let [b0, b1, b2, a1, a2] = chain[section];
        let own = [b0, b1 - a1 * b0, b2 - a2 * b0, a1, a2];
        let mut place = 0;
        while place < 5 {
            turned[place][section] = own[place];
            place += 1;
        }
        section += 1;
    }
    turned
}

/// What a filter has to forget: 200 dB under the quietest code word.
const FADED: f32 = 1.0e-10;

/// What weighs a sample's whole energy as much as the band's: the pass bands ripple.
const WHOLE: f32 = 0.893;

/// Hops of half the time over which a dial tone must last to be one: 100 ms. No vowel keeps its
/// pitch for 200 ms where dial tone is; longer only takes longer to know a dial tone.
const DIAL_HOPS: u32 = 40;

/// Hops without a change that are a lost packet of 20 ms rather than a pause, which has 30 ms.
const PATCH_HOPS: std::ops::RangeInclusive<u32> = 6..=8;

/// Hops whose energies are kept: the window and what came before it.
const ENERGY_HOPS: usize = 16;

/// Samples of the band that can be looked back at: a window, and windows up to 25 ms before it.
pub const LOOK_BACK: usize = WINDOW + 10 * BAND_HOP;

/// Room for [`LOOK_BACK`] and five hops more, so that the past is moved every fifth hop only.
const PAST: usize = LOOK_BACK + 5 * BAND_HOP;

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

/// What the sections of a chain remember, and what they gave last.
#[derive(Clone, Copy, Default)]
struct Chain {
    out: [f32; SECTIONS],
    first: [f32; SECTIONS],
    second: [f32; SECTIONS],
}

impl Chain {
    /// One sample through all sections; says what each was given.
    fn step(&mut self, [d0, d1, d2, a1, a2]: &[[f32; SECTIONS]; 5], sample: f32) -> [f32; SECTIONS] {
        let Chain { out, first, second } = self;
        let x = [sample, out[0], out[1], out[2]];
        let known = *first;
        // One loop each: so they become vector instructions.
        for k in 0..SECTIONS {
            out[k] = d0[k] * x[k] + known[k];
        }
        for k in 0..SECTIONS {
            first[k] = (d1[k] * x[k] + second[k]) - a1[k] * known[k];
        }
        for k in 0..SECTIONS {
            second[k] = d2[k] * x[k] - a2[k] * known[k];
        }
        x
    }

    /// In digital silence the states fade into denormal numbers, which cost a hundred times more.
    fn forget(&mut self) {
        for memory in self.first.iter_mut().chain(&mut self.second) {
            if memory.abs() < FADED {
                *memory = 0.0;
            }
        }
    }
}

/// What the filters remember.
#[derive(Clone, Copy, Default)]
struct Filters {
    hum: State,
    band: Chain,
    voice: Chain,
}

/// Filters and windows of one stream of samples.
pub struct Front {
    filters: Filters,
    /// The newest hop's correlations are at `hops % WINDOW_HOPS - 1`.
    correlations: [[f32; BANK]; WINDOW_HOPS],
    energies: [Energy; ENERGY_HOPS],
    /// Every other sample of the band.
    past: [f32; PAST],
    past_len: usize,
    block: [f32; HOP],
    /// Least dial energy of a window in this and in the last 100 ms; all there is, until known.
    dial_least: [f32; 2],
    filled: usize,
    /// Hops since the start or the last hole.
    hops: u32,
    /// Hops without a change, and how loud the one before them was.
    dead_hops: u32,
    was_dead: u32,
    alive: f32,
}

impl Front {
    pub fn new() -> Front {
        Front {
            filters: Filters::default(),
            correlations: [[0.0; BANK]; WINDOW_HOPS],
            energies: [Energy::default(); ENERGY_HOPS],
            past: [0.0; PAST],
            past_len: 0,
            block: [0.0; HOP],
            dial_least: [f32::MAX; 2],
            filled: 0,
            hops: 0,
            dead_hops: 0,
            was_dead: 0,
            alive: 0.0,
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

    /// Takes coded samples up to the end of the hop; says how many, and whether the hop is complete.
    pub fn take<C: Copy>(
        &mut self,
        tables: &Tables,
        linear: impl Fn(C) -> f32,
        codes: &[C],
    ) -> (usize, bool) {
        let room = &mut self.block[self.filled..];
        let taken = room.len().min(codes.len());
        for (sample, code) in room.iter_mut().zip(codes) {
            *sample = linear(*code);
        }
        self.filled += taken;
        if self.filled < HOP {
            return (taken, false);
        }
        self.close_hop(tables);
        (taken, true)
    }

    /// Whether the newest hop follows a lost packet that somebody filled with silence: sound that
    /// broke off for 20 ms. Then what was heard before is to be joined to what is heard now.
    pub fn patched(&mut self) -> Option<u32> {
        let is_dead = self.dead_hops > 0;
        (!is_dead && PATCH_HOPS.contains(&self.was_dead) && self.alive > PAIR_ENERGY_MIN / WINDOW_HOPS as f32)
            .then(|| self.was_dead * HOP as u32)
    }

    fn close_hop(&mut self, tables: &Tables) {
        let first = self.block[0];
        if self.block.iter().all(|sample| *sample == first) {
            (self.dead_hops, self.was_dead) = (self.dead_hops + 1, 0);
        } else {
            (self.dead_hops, self.was_dead) = (0, self.dead_hops);
        }
        if self.past_len + BAND_HOP > PAST {
            self.past.copy_within(self.past_len - (LOOK_BACK - BAND_HOP)..self.past_len, 0);
            self.past_len = LOOK_BACK - BAND_HOP;
        }
        let energy = self.filter(&tables.filters);
        let mut sums = [0.0; BANK];
        let place = &mut self.past[self.past_len..][..BAND_HOP];
        for ((sample, place), waves) in self.block.chunks_exact(2).zip(place).zip(&tables.bank) {
            *place = sample[1];
            for (sum, wave) in sums.iter_mut().zip(waves) {
                *sum += sample[1] * wave;
            }
        }
        self.past_len += BAND_HOP;
        self.correlations[self.hops as usize % WINDOW_HOPS] = sums;
        self.energies[self.hops as usize % ENERGY_HOPS] = energy;
        if self.dead_hops == 0 && self.was_dead == 0 {
            self.alive = energy.band;
        }
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
    fn filter(&mut self, [band_pass, voice_pass]: &Coefficients) -> Energy {
        // Local copies stay in registers; through `self` every sample would wait for the last store.
        let Filters { mut hum, mut band, mut voice } = self.filters;
        let (mut energy, mut low) = (Energy::default(), 0.0);
        // What each section of the voice's chain gives, and what it takes away.
        let (mut given, mut taken) = ([0.0; SECTIONS], [0.0; SECTIONS]);
        for pair in self.block.chunks_exact_mut(2) {
            energy.all += pair[0] * pair[0] + pair[1] * pair[1];
            let half = 0.5 * (pair[0] + pair[1]);
            low += half * half;
            band.step(band_pass, pair[0]);
            band.step(band_pass, pair[1]);
            pair[1] = band.out[SECTIONS - 1];
            energy.band += pair[1] * pair[1];
            let x = voice.step(voice_pass, step(&HUM_OUT, &mut hum, half));
            for k in 0..SECTIONS {
                let lost = x[k] - voice.out[k];
                given[k] += voice.out[k] * voice.out[k];
                taken[k] += lost * lost;
            }
        }
        band.forget();
        voice.forget();
        for memory in &mut hum {
            if memory.abs() < FADED {
                *memory = 0.0;
            }
        }
        self.filters = Filters { hum, band, voice };
        // Per sample of the band, of which there are half as many.
        energy.all = (WHOLE * (0.5 * energy.all - (low - given[1]))).max(0.0);
        energy.voice = given[SECTIONS - 1];
        energy.dial = WHOLE * (taken[0] + taken[1]);
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
        let (mut cosines, mut sines) = ([0.0; TONES], [0.0; TONES]);
        for (place, [c, s]) in tables.turns.iter().enumerate() {
            let part = &self.correlations[(self.hops as usize + place) % WINDOW_HOPS];
            let (cosine, sine) = (&part[..TONES], &part[TONES..]);
            for tone in 0..TONES {
                cosines[tone] += cosine[tone] * c[tone] - sine[tone] * s[tone];
            }
            for tone in 0..TONES {
                sines[tone] += sine[tone] * c[tone] + cosine[tone] * s[tone];
            }
        }
        let mut both = [0.0; BANK];
        both[..TONES].copy_from_slice(&cosines);
        both[TONES..].copy_from_slice(&sines);
        both
    }

    /// The band's samples in the window that ended `ago` hops ago; `None` before there were any.
    pub fn window(&self, ago: usize) -> Option<[f32; ROOM]> {
        let end = self.past_len.checked_sub(ago * BAND_HOP)?;
        let start = end.checked_sub(WINDOW)?;
        let mut window = [0.0; ROOM];
        window[..WINDOW].copy_from_slice(&self.past[start..end]);
        Some(window)
    }
}
