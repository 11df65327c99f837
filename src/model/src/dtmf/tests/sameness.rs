//! What is heard in place of a key: the same for every key in level, length and timing.

use super::judge::Listener;
use super::sound::{COLUMNS, Digit, ROWS, Rng, Train, add_noise, add_tone};
use super::wire::{EVENT_PT, Sent, TIMESTAMP_0, config, decode, drive, encode, packet, packets, play};
use crate::dtmf::{Law, Pipeline};
use crate::tenant::MaskStyle;

const STYLES: [MaskStyle; 4] = [MaskStyle::Tone, MaskStyle::Silence, MaskStyle::Comfort, MaskStyle::Closed];
const SILENT: usize = 3_200;

/// How a key is pressed.
#[derive(Clone, Copy, Debug)]
struct Pressed {
    law: Law,
    ptime_ms: usize,
    /// Samples from the start of a packet to the start of the key.
    into: usize,
    samples: usize,
    style: MaskStyle,
}

/// What leaves, and when.
type Leaves = Vec<(u64, Vec<u8>)>;

/// What comes and what leaves, packet by packet, when this key is pressed so.
fn masked(pressed: Pressed, key: usize) -> (Vec<Sent>, Leaves) {
    let Pressed { law, ptime_ms, into, samples, style } = pressed;
    let mut sound = vec![0.0; 2 * SILENT + 1_000];
    add_noise(&mut sound, &mut Rng::new(1, "line"), -60.0);
    let start = SILENT / (ptime_ms * 8) * (ptime_ms * 8) + into;
    add_tone(&mut sound[start..start + samples], ROWS[key / 4], -10.0, 1.0);
    add_tone(&mut sound[start..start + samples], COLUMNS[key % 4], -10.0, 2.0);
    let mut pipeline = Pipeline::new(config(law, style, ptime_ms as u8));
    pipeline.set_secured(true);
    pipeline.set_field_open(style == MaskStyle::Closed);
    let came = packets(law, &encode(law, &sound), ptime_ms);
    let output = drive(&mut pipeline, &came);
    assert_eq!(output.presses.len(), 1, "{pressed:?}, key {key}");
    (came, output.packets.into_iter().map(|sent| (sent.at_us, sent.bytes)).collect())
}

/// First and last packet of the mask behind the warm-up and before the end of the call, where the
/// flat tone starts, and the samples of that tone.
fn heard_of(law: Law, came: &[Sent], left: &Leaves) -> ([usize; 3], Vec<u8>) {
    let own = |n: &usize| came[*n].bytes != left[*n].1;
    let first = (8..came.len()).find(own).expect("a mask");
    let last = (first..came.len() - 4).rfind(own).expect("a mask");
    let all: Vec<u8> = left.iter().flat_map(|(_, bytes)| bytes[12..].to_vec()).collect();
    let loud = |code: &u8| law.decode(*code).abs() > 300;
    let Some(from) = all.iter().position(loud) else { return ([first, last, 0], Vec::new()) };
    let until = all.iter().rposition(loud).expect("a loud sample");
    ([first, last, from / (left[0].1.len() - 12)], all[from..=until].to_vec())
}

/// Whatever the key: the mask is silence and, sample for sample, the same flat tone. Nine in ten
/// times everything that leaves is the same to the byte. A key that begins or ends within 3 ms of
/// where a packet is cut may be suspected or recognised a hop earlier than another one: then mask
/// or flat tone lie a packet apart.
#[test]
fn every_key_leaves_the_same_sound() {
    let (mut all, mut same) = (0, 0);
    for (law, ptime_ms, step) in [(Law::A, 10, 6), (Law::Mu, 20, 8), (Law::A, 30, 20)] {
        for into in (0..ptime_ms * 8).step_by(step) {
            for style in STYLES {
                let pressed = Pressed { law, ptime_ms, into, samples: 480, style };
                let (came, reference) = masked(pressed, 0);
                let (edges, tone) = heard_of(law, &came, &reference);
                for key in 1..16 {
                    let (came, left) = masked(pressed, key);
                    let (own_edges, own_tone) = heard_of(law, &came, &left);
                    assert!(own_tone == tone, "{pressed:?}, key {key}: another sound");
                    assert!(
                        edges.iter().zip(&own_edges).all(|(one, other)| one.abs_diff(*other) <= 1),
                        "{pressed:?}, key {key}: {edges:?} and {own_edges:?}"
                    );
                    all += 1;
                    same += usize::from(left == reference);
                }
            }
        }
    }
    println!("{same} of {all} leave the same bytes");
    assert!(same * 100 >= all * 90, "{same} of {all}");
}

#[test]
fn what_is_heard_is_sixty_milliseconds_of_a_flat_tone_or_nothing_and_names_no_key() {
    let law = Law::A;
    for style in STYLES {
        let pressed = Pressed { law, ptime_ms: 20, into: 0, samples: 800, style };
        let bytes: Vec<u8> =
            masked(pressed, 5).1.iter().flat_map(|(_, bytes)| bytes[12..].to_vec()).collect();
        let heard = decode(law, &bytes);
        let far = Listener::patient();
        let all = |code| Digit { code, start: 40, end: heard.len() - 40 };
        assert!((0..16).all(|code| !far.names(&heard, &all(code))), "{style:?}");
        let loud = heard.iter().filter(|sample| sample.abs() > 300.0).count();
        match style {
            MaskStyle::Tone | MaskStyle::Closed => assert!((400..=480).contains(&loud), "{loud} samples"),
            MaskStyle::Silence | MaskStyle::Comfort => assert_eq!(loud, 0, "{style:?}"),
        }
    }
}

/// The same by telephone-event, of which each packet names its key.
#[test]
fn every_event_leaves_the_same_bytes() {
    let law = Law::Mu;
    for style in STYLES {
        let leaves = |code: u8| {
            let mut pipeline = Pipeline::new(config(law, style, 20));
            pipeline.set_secured(true);
            let quiet = packets(law, &[law.silence(); 1_600], 20);
            let event = (1..=8u16).map(|n| {
                let [high, low] = (n.min(6) * 160).to_be_bytes();
                let end = if n >= 6 { 0x8A } else { 0x0A };
                let sequence = super::wire::SEQUENCE_0.wrapping_add(9 + n);
                let start = TIMESTAMP_0.wrapping_add(1_600);
                Sent {
                    at_us: 200_000 + u64::from(n) * 20_000,
                    bytes: packet(EVENT_PT, sequence, start, n == 1, &[code, end, high, low]),
                }
            });
            let arrivals: Vec<Sent> = quiet.into_iter().chain(event).collect();
            let output = drive(&mut pipeline, &arrivals);
            assert_eq!(output.presses.len(), 1);
            output.packets.into_iter().map(|sent| (sent.at_us, sent.bytes)).collect::<Vec<_>>()
        };
        let reference = leaves(0);
        assert!((1..16).all(|code| leaves(code) == reference), "{style:?}");
    }
}

#[test]
fn fast_keys_are_heard_one_by_one() {
    let sound = Train::new(12, 40.0, 40.0, -10.0).make(&mut Rng::new(2, "fast"));
    let output = play(Law::A, MaskStyle::Tone, 20, &sound.samples);
    assert_eq!(output.presses.len(), 12);
    let heard = output.sound(Law::A, sound.samples.len());
    let loud: Vec<bool> =
        heard.chunks(80).map(|part| part.iter().any(|sample| sample.abs() > 300.0)).collect();
    let starts = loud.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    assert_eq!(starts, 12);
}

/// The comfort noise depends on nothing but the RTP timestamp, and is no tone.
#[test]
fn comfort_noise_is_noise() {
    let law = Law::Mu;
    let mut pipeline = Pipeline::new(config(law, MaskStyle::Comfort, 20));
    pipeline.shut();
    let output = drive(&mut pipeline, &packets(law, &vec![law.silence(); 80_000], 20));
    let heard = output.sound(law, 80_000);
    let power = heard.iter().map(|sample| sample * sample).sum::<f64>() / 80_000.0;
    assert!((50.0..1_500.0).contains(&power), "{power}: about -66 dBm0");
    for lag in 1..200 {
        let along: f64 = heard.windows(lag + 1).map(|part| part[0] * part[lag]).sum::<f64>() / 80_000.0;
        assert!(along.abs() < 0.03 * power, "{along} of {power} at a lag of {lag}");
    }
}
