//! Keys as tones, and a decoder that shares nothing with what it judges.

use std::collections::BTreeSet;
use std::f32::consts::TAU;
use tonewall_model::dtmf::Law;

const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: &[u8; 16] = b"123A456B789C*0#D";

/// Samples that the decoder looks at: 12.5 ms, every 2.5 ms.
const BLOCK: usize = 100;
const STEP: usize = 20;

/// Share of a block's energy that a pair must have to be named.
const SHARE: f32 = 0.8;

/// `on_ms` of a key, each tone at −8 dBm0.
pub fn key(key: char, on_ms: usize) -> Vec<i16> {
    let place = KEYS.iter().position(|own| char::from(*own) == key).expect("a key");
    let (row, column) = (ROWS_HZ[place / 4], COLUMNS_HZ[place % 4]);
    let wave = |hz: f32, n: usize| (TAU * hz * n as f32 / 8_000.0).sin();
    (0..on_ms * 8).map(|n| (8_900.0 * (wave(row, n) + wave(column, n))) as i16).collect()
}

/// `ms` of low noise, the same each time: what a line sounds like.
pub fn noise(ms: usize, peak: i16) -> Vec<i16> {
    let mut state = 0x2545_F491_u32;
    let mut smooth = 0_i32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        smooth += (i32::from((state >> 16) as i16) - smooth) / 4;
        (smooth * i32::from(peak) / 32_768) as i16
    };
    (0..ms * 8).map(|_| next()).collect()
}

/// A number keyed at 80 ms on and 70 to 89 ms off, no pause like the one before, with half a second of
/// line noise around it.
pub fn keyed(digits: &str) -> Vec<i16> {
    let press = |(at, digit): (usize, char)| [key(digit, 80), noise(70 + at * 7 % 20, 300)].concat();
    let presses = digits.chars().enumerate().flat_map(press);
    let mut sound = noise(500, 300);
    sound.extend(presses);
    sound.extend(noise(500, 300));
    sound
}

/// Samples as they are on the wire and back.
pub fn coded(law: Law, sound: &[i16]) -> Vec<u8> {
    sound.iter().map(|sample| law.encode(*sample)).collect()
}

/// The keys that any block names.
pub fn named(sound: &[i16]) -> BTreeSet<char> {
    let blocks = sound.windows(BLOCK).step_by(STEP);
    blocks.filter_map(name).collect()
}

fn name(block: &[i16]) -> Option<char> {
    let energy: f32 = block.iter().map(|sample| f32::from(*sample).powi(2)).sum();
    let floor = 100.0 * 100.0 * block.len() as f32;
    let powers = |tones: [f32; 4]| tones.map(|hz| goertzel(block, hz));
    let loudest = |powers: [f32; 4]| {
        (0..4).map(|at| (at, powers[at])).max_by(|a, b| a.1.total_cmp(&b.1)).expect("four tones")
    };
    let ((row, low), (column, high)) = (loudest(powers(ROWS_HZ)), loudest(powers(COLUMNS_HZ)));
    // A tone of amplitude a has a power of (a n / 2)² here and an energy of a² n / 2.
    let pair = (low + high) * 2.0 / block.len() as f32;
    let both = low < 20.0 * high && high < 20.0 * low;
    (energy > floor && both && pair > SHARE * energy).then(|| char::from(KEYS[row * 4 + column]))
}

/// Power of a block at a frequency.
fn goertzel(block: &[i16], hz: f32) -> f32 {
    let coefficient = 2.0 * (TAU * hz / 8_000.0).cos();
    let (last, before) = block.iter().fold((0.0_f32, 0.0_f32), |(last, before), sample| {
        (f32::from(*sample) + coefficient * last - before, last)
    });
    last * last + before * before - coefficient * last * before
}
