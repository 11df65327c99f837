//! A plain DTMF decoder: blocks of 12.75 ms, eight Goertzel filters, two agreeing blocks for on and for off.

use crate::dtmf::{COLUMNS_HZ, KEYS, ROWS_HZ, SAMPLE_RATE};
use crate::g711::Law;

const BLOCK: usize = 102;
const LEVEL_MIN_DBM0: f32 = -40.0;
/// High over low may be at most 4 dB, low over high at most 8 dB (ITU-T Q.24, AT&T column).
const TWIST_RATIO: f32 = 2.511_9;
const REVERSE_TWIST_RATIO: f32 = 6.309_6;
/// A tone stands 8 dB over its group's others.
const GROUP_RATIO: f32 = 6.309_6;
/// The pair holds 82 % of the block's energy.
const SHARE_MIN: f32 = 0.82;

/// A press that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    /// Which key.
    pub key: char,
    /// First sample of the block in which it was sure.
    pub at: usize,
}

/// All presses in `sound` (16-bit units).
pub fn decode(sound: &[f32], law: Law) -> Vec<Press> {
    let level_min = law.amplitude(LEVEL_MIN_DBM0);
    let mut presses = Vec::new();
    let (mut last, mut reported): (Option<char>, Option<char>) = (None, None);
    for (number, block) in sound.chunks_exact(BLOCK).enumerate() {
        let key = name(block, level_min);
        if key == last && key != reported {
            reported = key;
            presses.extend(key.map(|key| Press { key, at: number * BLOCK }));
        }
        last = key;
    }
    presses
}

fn name(block: &[f32], level_min: f32) -> Option<char> {
    let energy: f32 = block.iter().map(|x| x * x).sum();
    let rows = ROWS_HZ.map(|hz| goertzel(block, hz));
    let columns = COLUMNS_HZ.map(|hz| goertzel(block, hz));
    let (row, low) = strongest(&rows)?;
    let (column, high) = strongest(&columns)?;
    // |X|² of a sine of amplitude a over N samples is (aN/2)².
    let floor = (level_min * BLOCK as f32 / 2.0).powi(2);
    let loud = low > floor && high > floor;
    let twist = high < low * TWIST_RATIO && low < high * REVERSE_TWIST_RATIO;
    let share = (low + high) * 2.0 / (BLOCK as f32 * energy) > SHARE_MIN;
    (loud && twist && share).then(|| KEYS[row * 4 + column])
}

fn strongest(group: &[f32; 4]) -> Option<(usize, f32)> {
    let best = (0..4).max_by(|a, b| group[*a].total_cmp(&group[*b]))?;
    let alone = (0..4).all(|other| other == best || group[other] * GROUP_RATIO < group[best]);
    alone.then_some((best, group[best]))
}

fn goertzel(block: &[f32], hz: f32) -> f32 {
    let coefficient = 2.0 * (std::f32::consts::TAU * hz / SAMPLE_RATE as f32).cos();
    let (mut one, mut two) = (0.0f32, 0.0f32);
    for x in block {
        let next = x + coefficient * one - two;
        two = one;
        one = next;
    }
    one * one + two * two - coefficient * one * two
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::Tone;
    use crate::rng::Rng;
    use crate::speech::Speech;

    #[test]
    fn hears_every_key_once() {
        let mut rng = Rng::new(4);
        for law in [Law::A, Law::Mu] {
            let mut sound = vec![0.0f32; 800];
            for key in KEYS {
                let tone = Tone::new(key, 400, law, -10.0, 0.0, &mut rng).expect("a key");
                sound.extend((0..800).map(|at| tone.sample(at)));
            }
            let heard: Vec<char> = decode(&sound, law).iter().map(|press| press.key).collect();
            assert_eq!(heard, KEYS);
        }
    }

    #[test]
    fn hears_nothing_in_speech() {
        for seed in 0..10 {
            let mut voice = Speech::new(seed, Law::A);
            let sound: Vec<f32> = (0..60 * SAMPLE_RATE).map(|_| voice.sample()).collect();
            assert_eq!(decode(&sound, Law::A), [], "seed {seed}");
        }
    }
}
