//! Who notices what goes wrong on a secured line.

use super::phone::{DEADLINE, talk};
use super::tones::{keyed, named, noise};
use super::world::World;
use std::time::Instant;
use tonewall_model::dtmf::Unwell;
use tonewall_telephony::media::MediaNote;

#[test]
fn a_planted_leak_turns_the_ear_red_and_is_told_once() {
    let mut world = World::new(None).secured();
    world.handle.plant_leak().expect("a thread that turns");
    let sound = keyed("42639708");
    talk([&mut world.customer, &mut world.agent], [&sound, &noise(100, 300)]);
    assert_eq!(named(&world.agent.heard()).len(), 8, "the leak is one");
    assert!(world.witness().to_agent.is_red);
    assert_eq!(world.notes(|note| *note == MediaNote::Leaked), 1);
}

#[test]
fn keys_on_an_open_line_accuse_nobody() {
    let mut world = World::new(None);
    talk([&mut world.customer, &mut world.agent], [&keyed("4263"), &noise(100, 300)]);
    assert_eq!(named(&world.agent.heard()).len(), 4, "an open line is not masked");
    let witness = world.witness();
    let heard = witness.to_agent;
    assert_eq!((heard.windows, heard.is_red, witness.hold_ms_max), (0, false, 0));
    assert_eq!(world.notes(|note| *note == MediaNote::Leaked), 0);
}

#[test]
fn a_flood_is_told_mutes_and_ends() {
    let mut world = World::new(None).secured();
    let loud = super::tones::coded(world.customer.law, &noise(20, 20_000));
    for _ in 0..600 {
        world.customer.say(&loud);
    }
    world.note(|note| *note == MediaNote::Health(Some(Unwell::Storm)));
    assert!(world.witness().counts.unwell >= 1);
    let until = Instant::now() + DEADLINE;
    assert!(world.agent.hear(until, |got| !got.is_empty()));
    // Whatever came of the flood after it was told is mute.
    assert!(world.agent.got.last().is_some_and(|packet| packet[12..].iter().all(|code| *code == 0xD5)));
    world.agent.got.clear();
    let told = world.told.len();
    talk([&mut world.customer, &mut world.agent], [&noise(3_000, 3_000), &[]]);
    world.notes(|_| true);
    assert!(world.told[told..].contains(&MediaNote::Health(None)), "it ends");
    assert!(world.agent.heard().iter().any(|sample| sample.unsigned_abs() > 200), "talk passes again");
}

#[test]
fn another_source_in_mid_field_is_told_and_mutes() {
    let mut world = World::new(None).secured();
    world.handle.field(true).expect("a thread that turns");
    talk([&mut world.customer, &mut world.agent], [&noise(300, 3_000), &[]]);
    assert_eq!(world.witness().counts.unwell, 0, "how every call begins is no fault");
    world.customer.sent.ssrc = 0xBAD;
    world.agent.got.clear();
    talk([&mut world.customer, &mut world.agent], [&noise(300, 3_000), &[]]);
    world.note(|note| *note == MediaNote::Health(Some(Unwell::Source)));
    let of_the_other = world.agent.got.iter().filter(|packet| packet[8..12] == [0, 0, 0x0B, 0xAD]);
    assert!(of_the_other.clone().count() > 10);
    assert!(of_the_other.flat_map(|packet| &packet[12..]).all(|code| *code == 0xD5));
    assert_eq!(world.witness().counts.unwell, 1);
}

/// The owner must not wait for the next packet, which may never come.
#[test]
fn what_is_wrong_with_a_line_is_told_as_it_is_secured() {
    let mut world = World::new(None);
    world.handle.field(true).expect("a thread that turns");
    talk([&mut world.customer, &mut world.agent], [&noise(100, 3_000), &[]]);
    world.customer.sent.ssrc = 0xBAD;
    talk([&mut world.customer, &mut world.agent], [&noise(100, 3_000), &[]]);
    assert_eq!(
        world.notes(|note| matches!(note, MediaNote::Health(_))),
        0,
        "an open line is vouched for by nobody"
    );
    world.handle.secure(true).expect("a thread that turns");
    world.note(|note| *note == MediaNote::Health(Some(Unwell::Source)));
}
