//! What of keys reaches the other side.

use super::phone::{DEADLINE, EVENT_PT, talk};
use super::tones::{keyed, named, noise};
use super::world::World;
use std::collections::BTreeSet;
use std::time::Instant;
use tonewall_model::dtmf::rtp::Header;
use tonewall_telephony::media::{KeysOf, MediaNote};

const CARD: &str = "4263970000005262";

fn digits(text: &str) -> BTreeSet<char> {
    text.chars().collect()
}

fn taken(world: &World, of: KeysOf) -> usize {
    std::iter::from_fn(|| world.handle.take_key(of)).count()
}

#[test]
fn no_key_of_the_customer_reaches_the_agent_of_a_secured_line() {
    let mut world = World::new(None).secured();
    let sound = keyed(CARD);
    assert_eq!(named(&sound), digits(CARD), "control");
    talk([&mut world.customer, &mut world.agent], [&sound, &noise(500, 300)]);
    let heard = world.agent.heard();
    assert!(heard.len() >= sound.len() - 320, "{} of {} samples", heard.len(), sound.len());
    assert_eq!(named(&heard), digits(""));
    assert_eq!(taken(&world, KeysOf::Customer), CARD.len());
    let witness = world.witness();
    assert_eq!(witness.transports, [CARD.len() as u64, 0, 0, 0]);
    let windows = (heard.len() / 64) as u64;
    assert!(!witness.to_agent.is_red && (windows - 2..=windows).contains(&witness.to_agent.windows));
    assert_eq!((witness.tap, witness.counts.refused, witness.hold_ms_max), (None, 0, 20));
}

#[test]
fn keys_of_the_agent_and_echo_of_the_customers_stop_at_a_secured_line() {
    let mut world = World::new(None);
    let sound = keyed("159");
    talk([&mut world.customer, &mut world.agent], [&noise(500, 300), &sound]);
    assert_eq!(named(&world.customer.heard()), digits("159"), "an open line relays");
    world.customer.got.clear();
    world.handle.secure(true).expect("a thread that turns");
    talk([&mut world.customer, &mut world.agent], [&noise(500, 300), &sound]);
    let heard = world.customer.heard();
    assert!(heard.len() >= sound.len() - 320 && named(&heard).is_empty());
    assert_eq!(world.notes(|note| *note == MediaNote::AgentKey), 6, "both times they are the agent's keys");
    assert_eq!((taken(&world, KeysOf::Agent), taken(&world, KeysOf::Customer)), (6, 0));
    assert_eq!(world.witness().transports, [0; 4]);
}

#[test]
fn telephone_events_of_either_side_cross_an_open_line_alone() {
    let mut world = World::new(None);
    let event = [5, 10, 0, 160];
    let until = || Instant::now() + DEADLINE;
    let types = |got: &[Vec<u8>]| -> Vec<u8> {
        got.iter().filter_map(|packet| Some(Header::read(packet)?.0.payload_type)).collect()
    };
    world.customer.send(EVENT_PT, &event);
    world.agent.send(EVENT_PT, &event);
    assert!(world.agent.hear(until(), |got| types(got) == [EVENT_PT]), "open");
    assert!(world.customer.hear(until(), |got| types(got) == [EVENT_PT]), "open");
    world.handle.secure(true).expect("a thread that turns");
    world.customer.sent.timestamp = 80_000;
    world.agent.sent.timestamp = 80_000;
    for phone in [&mut world.customer, &mut world.agent] {
        phone.got.clear();
        for _ in 0..3 {
            phone.send(EVENT_PT, &event);
        }
    }
    // Each is replaced by silent audio, the last one when its time is up.
    let silent = |got: &[Vec<u8>]| got.len() == 3 && got.iter().all(|p| p[12..].iter().all(|c| *c == 0xD5));
    assert!(world.agent.hear(until(), silent) && types(&world.agent.got) == [8; 3]);
    assert!(world.customer.hear(until(), silent) && types(&world.customer.got) == [8; 3]);
    assert_eq!(taken(&world, KeysOf::Customer), 2, "one on each line");
}

#[test]
fn towards_the_customer_a_secured_line_is_one_packet_late_and_no_more() {
    let mut world = World::new(None).secured();
    let until = Instant::now() + DEADLINE;
    for packet in 0..50_usize {
        world.agent.say(&[0xD5; 160]);
        // The packet before leaves as this one comes, and not when a third does.
        assert!(world.customer.hear(until, |got| got.len() >= packet), "packet {packet}");
    }
}

#[test]
fn before_the_answer_nothing_crosses() {
    let mut world = World::before_the_answer(None);
    talk([&mut world.customer, &mut world.agent], [&keyed("1"), &keyed("2")]);
    assert_eq!((world.customer.got.len(), world.agent.got.len()), (0, 0));
    let counts = world.witness().counts;
    assert_eq!((counts.to_agent, counts.agent_packets), (0, 0));
    assert!(counts.strangers > 0, "the agent's early media was there, and not taken");
}

#[test]
fn a_line_whose_owner_is_gone_is_silent_towards_the_agent_and_masked_the_other_way() {
    let World { runtime: _runtime, handle, mut customer, mut agent, .. } = World::new(None);
    let control = handle.control();
    drop(handle);
    assert!(control.is_shut());
    talk([&mut customer, &mut agent], [&keyed("123"), &keyed("456")]);
    assert!(agent.got.iter().all(|packet| packet[12..].iter().all(|code| *code == 0xD5)));
    assert!(!agent.got.is_empty() && named(&customer.heard()).is_empty());
}
