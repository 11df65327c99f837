//! The independent ear, and the two doors.

use super::judge::Listener;
use super::sound::{Rng, Train, add, speech};
use super::wire::{code, decode, encode};
use crate::dtmf::{Law, LeakWatch, mask_g711, scan};
use crate::tenant::MaskStyle;

fn watch(law: Law, codes: &[u8]) -> LeakWatch {
    let mut watch = LeakWatch::default();
    watch.listen(law, codes);
    watch
}

fn keys(digits: usize) -> super::sound::Sound {
    let mut rng = Rng::new(6, "verdict");
    let mut sound = Train::new(digits, 50.0, 500.0, -10.0).make(&mut rng);
    let talk = speech(&mut rng, sound.samples.len() as f64 / 8_000.0, -27.0, -27.0);
    add(&mut sound.samples, &talk);
    sound
}

#[test]
fn a_planted_leak_is_found_and_a_masked_line_is_green() {
    for law in [Law::A, Law::Mu] {
        let sound = keys(32);
        let sent = encode(law, &sound.samples);
        let mut heard = mask_g711(&sent, law, 20, MaskStyle::Tone);
        assert_eq!(heard.len(), sent.len());
        assert!(!watch(law, &heard).is_red(), "{law:?}: the mask holds");
        for digit in &sound.truth[10..14] {
            heard[digit.start..digit.end].copy_from_slice(&sent[digit.start..digit.end]);
        }
        assert!(watch(law, &heard).is_red(), "{law:?}: four keys were planted");
    }
}

/// An autodialler's keys may all fall alike on its blocks.
#[test]
fn wherever_keys_fall_on_its_blocks_they_are_found() {
    let sound = Train::new(1, 50.0, 50.0, -10.0).make(&mut Rng::new(6, "phase"));
    let key = &sound.samples[sound.truth[0].start..sound.truth[0].end];
    for period in [800, 960, 1_280] {
        for phase in 0..64 {
            let mut line = vec![0.0; 800 + phase];
            for _ in 0..4 {
                line.extend(key);
                line.resize(line.len() + period - key.len(), 0.0);
            }
            assert!(watch(Law::A, &encode(Law::A, &line)).is_red(), "every {period}, at {phase}");
        }
    }
}

/// What it cannot see, so that nobody takes green for more than it is: 3 ms name a key to a patient
/// listener.
#[test]
fn a_residue_of_3_ms_a_key_is_too_short_for_it() {
    let sound = keys(16);
    let sent = encode(Law::A, &sound.samples);
    let mut heard = mask_g711(&sent, Law::A, 20, MaskStyle::Silence);
    for digit in &sound.truth {
        heard[digit.start..digit.start + 24].copy_from_slice(&sent[digit.start..digit.start + 24]);
    }
    assert!(!watch(Law::A, &heard).is_red());
    let far = decode(Law::A, &heard);
    let named = sound.truth.iter().filter(|digit| Listener::patient().names(&far, digit)).count();
    assert!(named >= 12, "{named} of 16: the residue is one that tells");
}

#[test]
fn talk_and_silence_are_green() {
    let talk = speech(&mut Rng::new(4, "green"), 300.0, -26.0, -12.0);
    for law in [Law::A, Law::Mu] {
        assert!(!watch(law, &encode(law, &talk)).is_red());
        assert!(!watch(law, &[law.silence(); 8_000]).is_red());
    }
}

#[test]
fn the_scan_finds_each_key_once_wherever_the_sound_is_cut() {
    let sound = keys(32);
    let pcm: Vec<i16> = sound.samples.iter().map(|s| s.round() as i16).collect();
    let mut found = Vec::new();
    scan(&pcm, &mut |at, key| found.push((at, code(&key))));
    assert_eq!(found.len(), 32);
    for ((at, code), digit) in found.iter().zip(&sound.truth) {
        assert!(*code == digit.code && digit.start < *at && *at < digit.end + 640, "{at}");
    }
    scan(&[], &mut |_, _| panic!("nothing to find"));
}

#[test]
fn the_mask_door_keeps_the_length_of_any_input() {
    for len in [0, 1, 159, 160, 161, 1_000, 8_001] {
        for ptime_ms in [0, 10, 20, 30, 40, 60, 255] {
            let sent = vec![Law::Mu.encode(9_000); len];
            let heard = mask_g711(&sent, Law::Mu, ptime_ms, MaskStyle::Silence);
            assert_eq!(heard.len(), len);
        }
    }
    let sound = keys(4);
    let heard = decode(Law::A, &mask_g711(&encode(Law::A, &sound.samples), Law::A, 20, MaskStyle::Silence));
    for digit in &sound.truth {
        assert!(heard[digit.start..digit.end].iter().all(|sample| sample.abs() < 16.0));
    }
}
