//! A dial tone of the tenant's own under the keys.

use super::judge::Listener;
use super::sound::{Rng, Sound, Train, add_tone};
use super::wire::{Output, config, decode, drive, encode, packets};
use crate::dtmf::{Law, Pipeline};
use crate::tenant::MaskStyle;

const LAW: Law = Law::A;

/// Two tones under keys of −10 dBm0.
fn keys(hz: [u16; 2], dbm0: f64) -> Sound {
    let mut sound = Train::new(64, 50.0, 50.0, -10.0).make(&mut Rng::new(5, "own dial tone"));
    add_tone(&mut sound.samples, f64::from(hz[0]), dbm0, 0.3);
    add_tone(&mut sound.samples, f64::from(hz[1]), dbm0, 1.1);
    sound
}

fn play(pipeline: &mut Pipeline, sound: &Sound) -> Output {
    drive(pipeline, &packets(LAW, &encode(LAW, &sound.samples), 20))
}

fn codes(sound: &Sound) -> Vec<u8> {
    sound.truth.iter().map(|digit| digit.code).collect()
}

fn reported(output: &Output) -> Vec<u8> {
    output.presses.iter().map(|press| press.1).collect()
}

#[test]
fn keys_over_a_dial_tone_of_the_tenants_own_are_reported_and_leave_nothing_to_name() {
    let sound = keys([400, 450], -15.0);
    let mut own = config(LAW, MaskStyle::Silence, 20);
    own.dial_tone_hz = Some([400, 450]);
    let mut pipeline = Pipeline::new(own);
    pipeline.set_secured(true);
    let output = play(&mut pipeline, &sound);
    assert_eq!(reported(&output), codes(&sound));
    let listener = Listener::patient();
    let named = |side: &[f64]| sound.truth.iter().filter(|digit| listener.names(side, digit)).count();
    let control = named(&decode(LAW, &encode(LAW, &sound.samples)));
    assert!(control * 100 >= 64 * 98, "control: {control} of 64");
    assert_eq!(named(&output.sound(LAW, sound.samples.len())), 0);
}

#[test]
fn a_dial_tone_that_came_with_a_new_negotiation_is_taken_out_too() {
    let sound = keys([300, 400], -8.0);
    let plain = config(LAW, MaskStyle::Silence, 20);
    let mut own = plain.clone();
    own.dial_tone_hz = Some([300, 400]);
    let without = reported(&play(&mut Pipeline::new(plain.clone()), &sound)).len();
    assert!(without < 64, "nothing to show: {without} are reported without the notches");
    let mut pipeline = Pipeline::new(plain);
    pipeline.reconfigure(own);
    assert_eq!(reported(&play(&mut pipeline, &sound)), codes(&sound));
}

/// Up there it would take the keypad's own rows away.
#[test]
fn a_dial_tone_among_the_keys_is_left_in() {
    let sound = Train::new(32, 50.0, 50.0, -10.0).make(&mut Rng::new(6, "dial tone too high"));
    let mut high = config(LAW, MaskStyle::Silence, 20);
    high.dial_tone_hz = Some([770, 852]);
    let mut pipeline = Pipeline::new(high);
    pipeline.set_secured(true);
    assert_eq!(reported(&play(&mut pipeline, &sound)), codes(&sound));
}
