//! The tap of a call, written by a real runtime.

use super::phone::talk;
use super::tones::{keyed, named, noise};
use super::world::World;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tonewall_telephony::media::MediaNote;

/// A path in a folder of the test's own, which does not exist yet.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tap-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    folder.join("CALL.wav")
}

/// Both channels of a file whose header is true.
fn channels(path: &Path) -> [Vec<i16>; 2] {
    let bytes = std::fs::read(path).expect("a tap");
    let size = u32::from_le_bytes(bytes[40..44].try_into().expect("four")) as usize;
    assert_eq!((&bytes[..4], size), (&b"RIFF"[..], bytes.len() - 44));
    let channel = |at: usize| {
        bytes[44..].chunks_exact(4).map(|frame| i16::from_le_bytes([frame[at], frame[at + 1]])).collect()
    };
    [channel(0), channel(2)]
}

fn onset(channel: &[i16]) -> usize {
    channel.iter().position(|sample| sample.unsigned_abs() > 3_000).expect("a loud sample")
}

#[test]
fn the_tap_of_a_secured_line_holds_both_sides_and_no_key() {
    let path = scratch("masked");
    let mut world = World::new(Some(path.clone())).secured();
    let quiet = noise(300, 300);
    let card = "378282246310005";
    let customer = [quiet.clone(), noise(200, 30_000), keyed(card)].concat();
    let agent = [quiet, noise(200, 30_000), keyed("147")].concat();
    let control: BTreeSet<char> = card.chars().collect();
    assert_eq!(named(&customer), control, "control");
    talk([&mut world.customer, &mut world.agent], [&customer, &agent]);
    let control = world.handle.control();
    world.handle.close();
    world.runtime.stop();
    let [left, right] = channels(&path);
    for (side, channel, said) in [("left", &left, &customer), ("right", &right, &agent)] {
        assert!(named(channel).is_empty(), "{side}");
        assert!(channel.len() >= said.len() - 320, "{side}: {} of {}", channel.len(), said.len());
    }
    // Said at the same moment: what may lie between is jitter.
    assert!(onset(&left).abs_diff(onset(&right)) < 800, "{} {}", onset(&left), onset(&right));
    let heard = control.witness();
    let tap = heard.tap.expect("a tap");
    assert!(!tap.is_red && tap.windows > heard.to_agent.windows, "{tap:?}");
    assert_eq!(heard.counts.tap_dropped, 0);
}

#[test]
fn a_leak_is_in_the_tap_and_its_ear_hears_it() {
    let path = scratch("leak");
    let mut world = World::new(Some(path.clone())).secured();
    world.handle.plant_leak().expect("a thread that turns");
    talk([&mut world.customer, &mut world.agent], [&keyed("42639708"), &noise(1_000, 300)]);
    let control = world.handle.control();
    world.runtime.stop();
    assert_eq!(named(&channels(&path)[0]).len(), 8);
    assert!(control.witness().tap.is_some_and(|tap| tap.is_red));
    assert_eq!(world.notes(|note| *note == MediaNote::Leaked), 1, "once for both ears");
}

#[test]
fn an_open_line_is_tapped_as_the_agent_hears_it() {
    let path = scratch("open");
    let mut world = World::new(Some(path.clone()));
    talk([&mut world.customer, &mut world.agent], [&keyed("4263"), &[]]);
    let control = world.handle.control();
    world.runtime.stop();
    let [left, right] = channels(&path);
    assert_eq!(named(&left).len(), 4);
    assert!(right.iter().all(|sample| *sample == 0));
    assert!(control.witness().tap.is_some_and(|tap| tap.windows == 0 && !tap.is_red));
}

#[test]
fn a_tap_that_cannot_be_made_takes_nothing_from_the_call() {
    let path = scratch("there");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, b"somebody's").expect("a file");
    let mut world = World::new(Some(path.clone())).secured();
    talk([&mut world.customer, &mut world.agent], [&keyed("4"), &[]]);
    assert!(!world.agent.got.is_empty());
    let control = world.handle.control();
    world.runtime.stop();
    assert!(control.witness().counts.tap_dropped > 0);
    assert_eq!(std::fs::read(&path).expect("a file"), b"somebody's");
}
