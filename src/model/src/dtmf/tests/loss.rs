//! Packets that get lost inside a tone: one press stays one press.

use super::sound::{Rng, Train};
use super::wire::{config, drive, encode, packets, play};
use crate::dtmf::{Law, Pipeline};
use crate::tenant::MaskStyle;

/// Keys of 120 ms; of each, one or two packets in a row are lost, anywhere in it.
fn reports(seed: u64, lost: usize) -> (Vec<u8>, Vec<u8>) {
    let law = if seed.is_multiple_of(2) { Law::A } else { Law::Mu };
    let mut rng = Rng::new(seed, "lost inside");
    let sound = Train::new(32, 120.0, 100.0, -12.0).make(&mut rng);
    let mut sent: Vec<_> = packets(law, &encode(law, &sound.samples), 20).into_iter().map(Some).collect();
    for digit in &sound.truth {
        let (first, last) = (digit.start.div_ceil(160), digit.end / 160);
        let at = first + rng.below(last - first + 1 - lost);
        sent[at..at + lost].fill_with(|| None);
    }
    let arrived: Vec<_> = sent.into_iter().flatten().collect();
    let output = drive(&mut Pipeline::new(config(law, MaskStyle::Silence, 20)), &arrived);
    (output.presses.iter().map(|press| press.1).collect(), sound.truth.iter().map(|d| d.code).collect())
}

#[test]
fn a_tone_with_one_or_two_packets_lost_is_one_press() {
    for lost in [1, 2] {
        for seed in 0..8 {
            let (reported, pressed) = reports(seed, lost);
            assert_eq!(reported, pressed, "{lost} lost, seed {seed}");
        }
    }
}

/// Where somebody has put silence in place of the lost packets, the tone comes back in step; a new
/// press of the same key would begin anywhere.
#[test]
fn silence_of_two_packets_inside_a_tone_is_bridged_and_a_pause_is_not() {
    for seed in 0..16 {
        let mut rng = Rng::new(seed, "patched");
        let mut sound = Train::new(16, 110.0, 100.0, -12.0).make(&mut rng);
        for digit in &sound.truth {
            // From 22.5 ms on: the key is recognised before, while or after it breaks off.
            let at = digit.start + 180 + rng.below(digit.end - digit.start - 320 - 360);
            sound.samples[at..at + 320].fill(0.0);
        }
        let sent = packets(Law::A, &encode(Law::A, &sound.samples), 20);
        let output = drive(&mut Pipeline::new(config(Law::A, MaskStyle::Silence, 20)), &sent);
        let reported: Vec<u8> = output.presses.iter().map(|press| press.1).collect();
        let pressed: Vec<u8> = sound.truth.iter().map(|digit| digit.code).collect();
        assert_eq!(reported, pressed, "seed {seed}");
    }
}

/// Where somebody has repeated the packet before a lost one, more softly, a key of 50 ms falls into three
/// pieces, none of which is long enough: without a look at their joints, four in ten are heard.
#[test]
fn most_short_keys_with_a_repeated_packet_inside_are_one_press() {
    let (mut taken, mut pressed) = (0, 0);
    for seed in 0..16 {
        let mut rng = Rng::new(seed, "repeated");
        let mut sound = Train::new(16, 50.0, 70.0, -12.0).make(&mut rng);
        for digit in &sound.truth {
            let at = digit.start + 40 + rng.below(160);
            for n in at..at + 160 {
                sound.samples[n] = 0.8 * sound.samples[n - 160];
            }
        }
        let output = play(Law::A, MaskStyle::Silence, 20, &sound.samples);
        assert!(output.presses.len() <= sound.truth.len(), "seed {seed}: a press is none or one");
        let codes: Vec<u8> = sound.truth.iter().map(|digit| digit.code).collect();
        pressed += codes.len();
        taken += in_order(&output.presses.iter().map(|press| press.1).collect::<Vec<_>>(), &codes);
    }
    assert!(taken * 100 >= pressed * 55, "{taken} of {pressed}");
}

/// How many of the reported are found among the pressed, in their order.
fn in_order(reported: &[u8], pressed: &[u8]) -> usize {
    let mut rest = pressed.iter();
    reported.iter().filter(|code| rest.any(|own| own == *code)).count()
}
