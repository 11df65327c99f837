//! An independent ear on one stream that leaves a secured line.

use super::shared::EarWitness;
use tonewall_model::dtmf::{Law, LeakWatch};

/// Silence that is heard in place of a gap, however long: two of the ear's blocks, so that nothing
/// of before is left in the block that begins after it.
const GAP_SAMPLES: usize = 2 * LeakWatch::BLOCK_SAMPLES;

/// Where the next sample of a stream belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Next {
    stream: u32,
    law: Law,
    at: u32,
}

/// The ear of one stream, and one for what does not belong into its order.
///
/// A sample that comes after its successor was sent all the same. It is heard apart: laid between
/// the others it would break up a key that they hold.
#[derive(Default)]
pub(crate) struct Watch {
    ear: LeakWatch,
    stray: LeakWatch,
    next: Option<Next>,
    samples: u64,
    was_red: bool,
}

impl Watch {
    /// Hears samples of a stream, of which the first has the place `at` on the stream's clock;
    /// `true` when they turn the ear red.
    pub fn listen(&mut self, law: Law, stream: u32, at: u32, codes: &[u8]) -> bool {
        self.samples += codes.len() as u64;
        let after = Next { stream, law, at: at.wrapping_add(codes.len() as u32) };
        match self.next.filter(|next| (next.stream, next.law) == (stream, law)) {
            Some(next) if next.at == at => {
                self.ear.listen(law, codes);
                self.next = Some(after);
            }
            Some(next) if (at.wrapping_sub(next.at) as i32) < 0 => {
                rest(&mut self.stray);
                self.stray.listen(law, codes);
            }
            Some(_) | None => {
                rest(&mut self.ear);
                self.ear.listen(law, codes);
                self.next = Some(after);
            }
        }
        let is_red = self.ear.is_red() || self.stray.is_red();
        is_red && !std::mem::replace(&mut self.was_red, is_red)
    }

    /// The line is open: what comes next begins a new stretch.
    pub fn pause(&mut self) {
        self.next = None;
    }

    /// What has been heard so far.
    pub fn witness(&self) -> EarWitness {
        let (own, stray) = (self.ear.tally(), self.stray.tally());
        EarWitness {
            windows: self.samples / LeakWatch::STEP_SAMPLES as u64,
            is_red: self.was_red,
            tally: std::array::from_fn(|share| own[share] + stray[share]),
        }
    }
}

fn rest(ear: &mut LeakWatch) {
    ear.hear(std::iter::repeat_n(0.0, GAP_SAMPLES));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    /// 20 ms of key 5 as µ-law, at a place of its stream.
    fn packet(at: u32) -> Vec<u8> {
        let wave = |hz: f32, n: u32| (TAU * hz * n as f32 / 8_000.0).sin();
        (at..at + 160)
            .map(|n| Law::Mu.encode((4_000.0 * (wave(770.0, n) + wave(1_336.0, n))) as i16))
            .collect()
    }

    fn heard(packets: &[u32]) -> (bool, Watch) {
        let mut watch = Watch::default();
        watch.listen(Law::Mu, 7, 0, &[0xFF; 160]);
        let turned = packets.iter().filter(|at| watch.listen(Law::Mu, 7, **at, &packet(**at))).count();
        assert!(turned <= 1, "told once");
        (turned == 1, watch)
    }

    #[test]
    fn a_key_turns_it_red_once() {
        let (red, watch) = heard(&[160, 320, 480, 640]);
        assert!(red);
        let witness = watch.witness();
        assert!(witness.is_red && witness.windows == 800 / 64 && witness.tally[0] >= 1);
    }

    #[test]
    fn what_stands_apart_is_no_key_and_joins_nothing() {
        // 20 ms are less than the ear accuses for; neither the order nor a gap makes more of them.
        assert!(!heard(&[160]).0);
        assert!(!heard(&[160, 16_000, 32_000, 48_000]).0);
        assert!(!heard(&[16_000, 160, 8_000]).0);
    }

    #[test]
    fn a_key_is_heard_around_a_late_packet_and_in_a_late_one() {
        let mut watch = Watch::default();
        for at in [160, 320, 480, 640] {
            watch.listen(Law::Mu, 7, at, &packet(at));
            watch.listen(Law::Mu, 7, 0, &[0xFF; 160]);
        }
        assert!(watch.was_red);
        let mut late = Watch::default();
        late.listen(Law::Mu, 7, 80_000, &[0xFF; 160]);
        let whole = [packet(160), packet(320), packet(480)].concat();
        assert!(late.listen(Law::Mu, 7, 160, &whole));
    }

    #[test]
    fn a_pause_or_another_source_begins_anew() {
        let mut watch = Watch::default();
        for at in [160, 320, 480, 640] {
            watch.listen(Law::Mu, 7, at, &packet(at));
            watch.pause();
            watch.listen(Law::Mu, at, at, &[0xFF; 160]);
        }
        assert!(!watch.was_red);
    }
}
