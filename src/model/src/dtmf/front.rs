//! The front end: filters, window energies and correlations with the eight tones, hop by hop.

use super::filters::{Energy, Filters};
use super::fit::{BAND_HOP, BANK, HOP, ROOM, TONES, Tables, WINDOW, WINDOW_HOPS};
use super::shares::PAIR_ENERGY_MIN;
use std::ops::RangeInclusive;

/// Hops of half the time over which a dial tone must last to be one: 100 ms. No vowel keeps its
/// pitch for 200 ms where dial tone is; longer only takes longer to know a dial tone.
const DIAL_HOPS: u32 = 40;

/// Hops without a change that are a lost packet of 20 ms rather than a pause, which has 30 ms.
const PATCH_HOPS: RangeInclusive<u32> = 6..=8;

/// Hops without a change after which sound has broken off, 5 ms. Larger finds out only after the packet
/// has left.
const CUT_HOPS: u32 = 2;

/// How far sound must be from rest within [`EDGE`] samples of it to have broken off or into it, and
/// not to have faded: the peak of a tone of −36 dBm0. Smaller takes more voices for it.
const SUDDEN: f32 = 350.0;
const EDGE: usize = 4;

/// Share of all sound, and energy against the voice below, that the band has on the loud side of such an
/// edge if a key was cut there; the edge itself scatters some. Smaller takes more voices for it.
const SCRAP_SHARE: f32 = 0.65;
const SCRAP_VOICE: f32 = 4.0;

/// How much louder it must be than what lies on its other side, 20 dB, and how long it may be: from
/// 17.5 ms on it is judged as any sound.
const SCRAP_OVER_QUIET: f32 = 100.0;
const SCRAP_HOPS: usize = 9;

/// How much louder than each of the hops before it, but for the newest two, a burst is: 25 dB.
const BURST: f32 = 300.0;
const BURST_HOPS: std::ops::Range<usize> = 4..12;

/// Hops without a change that are two lost packets, or a pause: what follows has to tell.
const DOUBTFUL_HOPS: RangeInclusive<u32> = 14..=16;

/// Hops whose energies are kept: the window and what came before it.
const ENERGY_HOPS: usize = 16;

/// Hops that can be looked back: 25 ms.
pub const LOOK_BACK_HOPS: usize = 10;

/// Samples of the band that are kept for it: a window, and windows up to 25 ms before it.
const LOOK_BACK: usize = WINDOW + LOOK_BACK_HOPS * BAND_HOP;

/// Room for [`LOOK_BACK`] and two hops more, so that the past is moved every other hop only.
const PAST: usize = LOOK_BACK + 2 * BAND_HOP;

/// Filters and windows of one stream of samples.
pub struct Front {
    filters: Filters,
    /// The oldest hop's correlations are at `hops % WINDOW_HOPS`.
    correlations: [[f32; BANK]; WINDOW_HOPS],
    /// How many of the window's hops, oldest first, have been correlated: it is done when wanted.
    correlated: u32,
    energies: [Energy; ENERGY_HOPS],
    /// Energies of the newest window.
    newest: Energy,
    /// Every other sample of the band.
    past: [f32; PAST],
    past_len: usize,
    block: [f32; HOP],
    /// Least dial energy of a window in this and in the last 100 ms; all there is, until known.
    dial_least: [f32; 2],
    filled: usize,
    /// Hops since the start or the last hole.
    hops: u32,
    clock: u32,
    /// Hops without a change, and how loud the one before them was.
    dead_hops: u32,
    was_dead: u32,
    alive: f32,
    /// How far from rest the last samples were before it.
    broke_off: f32,
    /// Hops since sound broke into silence; 0 if that is long ago.
    woke: usize,
}

impl Front {
    pub fn new() -> Front {
        Front {
            filters: Filters::default(),
            correlations: [[0.0; BANK]; WINDOW_HOPS],
            correlated: 0,
            energies: [Energy::default(); ENERGY_HOPS],
            newest: Energy::default(),
            past: [0.0; PAST],
            past_len: 0,
            block: [0.0; HOP],
            dial_least: [f32::MAX; 2],
            filled: 0,
            hops: 0,
            clock: 0,
            dead_hops: 0,
            was_dead: 0,
            alive: 0.0,
            broke_off: 0.0,
            woke: 0,
        }
    }

    /// Forgets all but the dial tone that is taken out.
    pub fn restart(&mut self) {
        let mut filters = self.filters;
        filters.restart();
        *self = Front { filters, ..Front::new() };
    }

    /// Takes a dial tone of the tenant's own out too.
    pub fn set_dial_tone(&mut self, hz: Option<[u16; 2]>) {
        self.filters.set_dial_tone(hz);
    }

    /// Samples are missing: windows start anew, the filters carry on.
    pub fn hole(&mut self) {
        (self.filled, self.hops, self.past_len, self.correlated) = (0, 0, 0, 0);
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

    /// Whether the newest hop follows silence that somebody put in place of lost packets, sound that
    /// broke off and came back; and for how many samples what was heard on both sides is surely one
    /// sound: 0 for 40 ms, which may be a pause as well.
    pub fn patched(&self) -> Option<u32> {
        let is_over = self.dead_hops == 0 && self.alive > PAIR_ENERGY_MIN / WINDOW_HOPS as f32;
        let lost = if PATCH_HOPS.contains(&self.was_dead) { self.was_dead * HOP as u32 } else { 0 };
        (is_over && (lost > 0 || DOUBTFUL_HOPS.contains(&self.was_dead))).then_some(lost)
    }

    /// Whether sound has just broken off, or into silence: somebody may have put silence in place of a
    /// lost packet, and left of a key a few milliseconds, too few to be suspicious of.
    pub fn is_broken(&self) -> bool {
        let is_cut = self.dead_hops == CUT_HOPS && self.broke_off > SUDDEN;
        (is_cut && self.is_scrap(2..=5, 10..=12)) || (self.woke > 2 && self.is_scrap(2..=self.woke, 1..=1))
    }

    /// Whether what was heard in these hops lay mostly where the keys are, as a voice does not, and
    /// next to nothing in one of those: what lasts longer is judged as any sound. Loud enough, too: one
    /// hop has what a whole window must have of a pair.
    fn is_scrap(&self, hops: RangeInclusive<usize>, quiet: RangeInclusive<usize>) -> bool {
        let (mut sum, mut loudest) = (Energy::default(), 0.0f32);
        for back in hops {
            let energy = self.hop_energy(back);
            loudest = loudest.max(energy.band);
            sum.add(&energy);
        }
        loudest > PAIR_ENERGY_MIN
            && sum.band > SCRAP_SHARE * sum.all
            && sum.band > SCRAP_VOICE * sum.voice
            && quiet.into_iter().any(|back| loudest > SCRAP_OVER_QUIET * self.hop_energy(back).band)
    }

    /// Whether sound has just begun out of quiet, as a key does between two keys and a voice within
    /// talk does not.
    pub fn has_burst(&self) -> bool {
        let now = self.hop_energy(1).all;
        // Before the first sound everything is a burst.
        let is_heard = self.clock as usize >= BURST_HOPS.end && now > PAIR_ENERGY_MIN / WINDOW_HOPS as f32;
        is_heard && BURST_HOPS.into_iter().all(|back| now > BURST * self.hop_energy(back).all)
    }

    /// Whether nothing has changed for so short that a tone may come out on the other side.
    pub fn may_be_patch(&self) -> bool {
        (1..=*DOUBTFUL_HOPS.end()).contains(&self.dead_hops)
    }

    /// Hops since the start, holes or not.
    pub fn clock(&self) -> u32 {
        self.clock
    }

    fn close_hop(&mut self, tables: &Tables) {
        self.meet_silence();
        if self.past_len + BAND_HOP > PAST {
            self.past.copy_within(self.past_len - (LOOK_BACK - BAND_HOP)..self.past_len, 0);
            self.past_len = LOOK_BACK - BAND_HOP;
        }
        let Some(band) = self.past[self.past_len..].first_chunk_mut() else { return };
        let energy = self.filters.hop(&tables.filters, &self.block, band);
        if self.dead_hops > 0 {
            self.filters.forget();
        }
        self.past_len += BAND_HOP;
        self.correlated = self.correlated.saturating_sub(1);
        self.energies[self.clock as usize % ENERGY_HOPS] = energy;
        if self.dead_hops == 0 && self.was_dead == 0 {
            self.alive = energy.band;
        }
        self.filled = 0;
        self.hops = self.hops.wrapping_add(1).max(1);
        self.clock = self.clock.wrapping_add(1);
        self.newest = self.energy_before(0);
        if self.is_full() {
            if self.hops.is_multiple_of(DIAL_HOPS) {
                self.dial_least = [f32::MAX, self.dial_least[0]];
            }
            self.dial_least[0] = self.dial_least[0].min(self.newest.dial);
        }
    }

    /// Follows stretches without a change, and how suddenly they begin and end.
    fn meet_silence(&mut self) {
        let (first, last) = (self.block[0], self.block[HOP - 1]);
        let furthest = |rest: f32, edge: &mut dyn Iterator<Item = &f32>| {
            let moving = edge.skip_while(|sample| **sample == rest).take(EDGE);
            moving.fold(0.0, |most: f32, sample| most.max((sample - rest).abs()))
        };
        self.woke = if (1..SCRAP_HOPS).contains(&self.woke) { self.woke + 1 } else { 0 };
        if first == last && self.block.iter().all(|sample| *sample == first) {
            (self.dead_hops, self.was_dead) = (self.dead_hops + 1, 0);
            return;
        }
        (self.dead_hops, self.was_dead) = (0, self.dead_hops);
        if self.was_dead >= CUT_HOPS && furthest(first, &mut self.block.iter()) > SUDDEN {
            self.woke = 1;
        }
        // Where silence begins with the next hop its value is not known yet; it is hardly above rest.
        let rest = if self.block[HOP - 2] == last { last } else { 0.0 };
        self.broke_off = furthest(rest, &mut self.block.iter().rev());
    }

    /// Energy that a window has of a steady dial tone.
    pub fn dial_tone(&self) -> f32 {
        self.dial_least[0].min(self.dial_least[1])
    }

    /// Energies of the newest window.
    pub fn energy(&self) -> &Energy {
        &self.newest
    }

    /// Energies of the window that ended `ago` hops ago.
    pub fn energy_before(&self, ago: usize) -> Energy {
        let mut sum = Energy::default();
        for back in ago + 1..=ago + WINDOW_HOPS {
            sum.add(&self.hop_energy(back));
        }
        sum
    }

    /// Energies of the hop that began `back` hops ago.
    fn hop_energy(&self, back: usize) -> Energy {
        self.energies[(self.clock as usize).wrapping_sub(back) % ENERGY_HOPS]
    }

    /// Correlations of the window with cosine and sine of the eight tones, from its first sample.
    pub fn correlations(&mut self, tables: &Tables) -> [f32; BANK] {
        for back in self.correlated as usize..WINDOW_HOPS {
            self.correlate(tables, back);
        }
        self.correlated = WINDOW_HOPS as u32;
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

    /// Correlates the hop that is the `index`th of the window, in the order in which they went missing.
    fn correlate(&mut self, tables: &Tables, index: usize) {
        let hop = (self.hops as usize + index) % WINDOW_HOPS;
        let start = self.past_len - (WINDOW_HOPS - index) * BAND_HOP;
        let mut sums = [0.0; BANK];
        for (sample, waves) in self.past[start..][..BAND_HOP].iter().zip(&tables.bank) {
            for (sum, wave) in sums.iter_mut().zip(waves) {
                *sum += sample * wave;
            }
        }
        self.correlations[hop] = sums;
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

#[cfg(test)]
mod tests {
    use super::super::fit::TABLES;
    use super::*;

    /// Plays hops of a 1,000 Hz tone of so much amplitude; says whether a burst was heard in any.
    fn play(front: &mut Front, hops: usize, amplitude: f32) -> bool {
        let mut burst = false;
        for _ in 0..hops {
            let wave: Vec<f32> = (0..HOP)
                .map(|n| amplitude * (std::f32::consts::TAU * n as f32 / 8.0).sin() + n as f32 % 2.0)
                .collect();
            front.take(&TABLES, |sample: f32| sample, &wave);
            burst |= front.has_burst();
        }
        burst
    }

    #[test]
    fn a_burst_is_told_by_the_hops_before_it_on_either_side_of_a_hole() {
        for before_hole in 20..40 {
            let mut front = Front::new();
            play(&mut front, before_hole, 4_000.0);
            front.hole();
            assert!(!play(&mut front, 40, 4_000.0), "{before_hole}: sound that goes on");
            assert!(!play(&mut front, 40, 40.0), "{before_hole}: sound that fades");
            assert!(play(&mut front, 3, 4_000.0), "{before_hole}: sound out of quiet");
        }
    }
}
