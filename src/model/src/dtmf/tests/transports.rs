//! One press, one digit, however many transports bring it, late, lost or twice.

use super::sound::{COLUMNS, ROWS, Rng, add_noise, add_tone};
use super::wire::{EVENT_PT, SEQUENCE_0, TIMESTAMP_0, code, config, encode, packet};
use crate::dtmf::{EventPts, Law, Pipeline, PipelineConfig, Press, Transport};
use crate::tenant::MaskStyle;
use tonewall_secret::Key;

const LAW: Law = Law::A;
const PACKET_US: u64 = 20_000;
const RUNS: u64 = 200;

/// One thing that reaches the pipeline.
enum Arrival {
    Rtp(Vec<u8>),
    Signal(Transport, u8),
}

/// A key that is pressed: which, when, for how long, in ms.
#[derive(Clone, Copy)]
struct Stroke {
    code: u8,
    at_ms: f64,
    long_ms: f64,
}

/// The same key again and again, 50 ms on and 50 ms off.
fn tenths(code: u8, count: usize, from_ms: f64) -> Vec<Stroke> {
    (0..count).map(|n| Stroke { code, at_ms: from_ms + 100.0 * n as f64, long_ms: 50.0 }).collect()
}

/// What a leg sends of each press.
#[derive(Clone, Copy, Default)]
struct Ways {
    tones: bool,
    events: bool,
}

const TONES: Ways = Ways { tones: true, events: false };
const EVENTS: Ways = Ways { tones: false, events: true };
const BOTH: Ways = Ways { tones: true, events: true };
const NEITHER: Ways = Ways { tones: false, events: false };

/// The media of a leg: audio throughout, events beside it.
fn media(strokes: &[Stroke], ways: Ways, rng: &mut Rng) -> Vec<(u64, Arrival)> {
    let last_ms = strokes.last().map_or(0.0, |stroke| stroke.at_ms + stroke.long_ms);
    let mut sound = vec![0.0; (last_ms * 8.0) as usize + 4_000];
    add_noise(&mut sound, rng, -55.0);
    for stroke in strokes.iter().filter(|_| ways.tones) {
        let start = (stroke.at_ms * 8.0) as usize;
        let place = &mut sound[start..start + (stroke.long_ms * 8.0) as usize];
        let (row, column) = place_of(stroke.code);
        add_tone(place, ROWS[row], -10.0, rng.range(0.0, 6.0));
        add_tone(place, COLUMNS[column], -10.0, rng.range(0.0, 6.0));
    }
    let mut datagrams = Vec::new();
    for (index, payload) in encode(LAW, &sound).chunks_exact(160).enumerate() {
        let timestamp = TIMESTAMP_0.wrapping_add(index as u32 * 160);
        let at_us = (index as u64 + 1) * PACKET_US;
        datagrams.push((at_us, packet(8, 0, timestamp, index == 0, payload)));
    }
    for stroke in strokes.iter().filter(|_| ways.events) {
        datagrams.extend(event_of(stroke));
    }
    datagrams.sort_by_key(|(at_us, _)| *at_us);
    let number = |(index, (at_us, mut bytes)): (usize, (u64, Vec<u8>))| {
        let sequence = SEQUENCE_0.wrapping_add(index as u16);
        bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
        (at_us, Arrival::Rtp(bytes))
    };
    datagrams.into_iter().enumerate().map(number).collect()
}

/// A telephone-event as a phone sends it: an update each 20 ms, the end three times.
fn event_of(stroke: &Stroke) -> Vec<(u64, Vec<u8>)> {
    let start = TIMESTAMP_0.wrapping_add((stroke.at_ms * 8.0) as u32);
    let from_us = (stroke.at_ms * 1_000.0) as u64;
    let updates = (stroke.long_ms / 20.0) as u16 + 1;
    (1..=updates + 3)
        .map(|n| {
            let [high, low] = (n.min(updates + 1) * 160).to_be_bytes();
            let end = if n > updates { 0x8A } else { 0x0A };
            (
                from_us + u64::from(n.min(updates + 1)) * PACKET_US,
                packet(EVENT_PT, 0, start, n == 1, &[stroke.code, end, high, low]),
            )
        })
        .collect()
}

fn place_of(code: u8) -> (usize, usize) {
    let at = super::sound::CODES.iter().flatten().position(|own| *own == code).expect("a key");
    (at / 4, at % 4)
}

/// Reports by signalling, each so many ms after its press began; `None` is lost.
fn signals(
    transport: Transport,
    strokes: &[Stroke],
    mut late_ms: impl FnMut(usize) -> Option<f64>,
) -> Vec<(u64, Arrival)> {
    let report = |(n, stroke): (usize, &Stroke)| {
        let at_us = ((stroke.at_ms + late_ms(n)?).max(0.0) * 1_000.0) as u64;
        Some((at_us, Arrival::Signal(transport, stroke.code)))
    };
    strokes.iter().enumerate().filter_map(report).collect()
}

fn secured() -> Pipeline {
    let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Silence, 20));
    pipeline.set_secured(true);
    pipeline
}

/// The presses that a line reports of all this, in order of arrival.
fn presses(pipeline: &mut Pipeline, parts: Vec<Vec<(u64, Arrival)>>) -> Vec<(u8, Transport)> {
    let mut arrivals: Vec<_> = parts.into_iter().flatten().collect();
    arrivals.sort_by_key(|(at_us, _)| *at_us);
    let mut found = Vec::new();
    for (at_us, arrival) in arrivals {
        let mut press = |press: Press| found.push((code(&press.key), press.transport));
        match arrival {
            Arrival::Rtp(bytes) => {
                pipeline.packet(at_us, &bytes, &mut |_| (), &mut press);
            }
            Arrival::Signal(transport, code) => {
                let key = Key::from_event(code).expect("a key");
                match transport {
                    Transport::Kpml => pipeline.kpml(at_us, key, &mut press),
                    _ => pipeline.info(at_us, key, &mut press),
                }
            }
        }
    }
    found
}

fn count(parts: Vec<Vec<(u64, Arrival)>>) -> usize {
    presses(&mut secured(), parts).len()
}

/// How INFO comes, given a run's dice: how late each of the reports is.
type Late = fn(&mut Rng, usize) -> Option<f64>;

#[test]
fn the_same_key_at_ten_a_second_is_neither_doubled_nor_lost() {
    let ways_late: [(&str, Late); 6] = [
        ("0 to 800 ms late, each its own", |rng, _| Some(rng.range(0.0, 800.0))),
        ("about 400 ms late", |rng, _| Some(rng.range(350.0, 450.0))),
        ("at once", |rng, _| Some(rng.range(0.0, 60.0))),
        ("every third lost", |rng, n| (n % 3 != 1).then(|| rng.range(0.0, 800.0))),
        ("in a burst", |_, n| Some(1_100.0 - 100.0 * n as f64)),
        ("before media", |rng, _| Some(rng.range(-200.0, -50.0))),
    ];
    for (ways, name_ways) in [(TONES, "tones"), (EVENTS, "events"), (BOTH, "events and tones")] {
        for (name_late, late) in ways_late {
            for keys in [2, 4] {
                for seed in 0..RUNS {
                    let mut rng = Rng::new(seed, name_late);
                    let strokes = tenths(1, keys, 300.0 + rng.range(0.0, 20.0));
                    let audio = media(&strokes, ways, &mut rng);
                    let info = signals(Transport::Info, &strokes, |n| late(&mut rng, n));
                    let found = count(vec![audio, info]);
                    assert_eq!(found, keys, "seed {seed}: {name_ways}, INFO {name_late}");
                }
            }
        }
    }
}

#[test]
fn info_and_kpml_of_one_press_are_one_digit() {
    for (ways, name) in [(NEITHER, "no media"), (TONES, "tones"), (BOTH, "events and tones")] {
        for keys in [1, 2, 4] {
            for seed in 0..RUNS / 4 {
                let mut rng = Rng::new(seed, name);
                let strokes = tenths(7, keys, 300.0);
                let audio = media(&strokes, ways, &mut rng);
                let info = signals(Transport::Info, &strokes, |_| Some(rng.range(0.0, 500.0)));
                let kpml = signals(Transport::Kpml, &strokes, |_| Some(rng.range(0.0, 500.0)));
                assert_eq!(count(vec![audio, info, kpml]), keys, "seed {seed}: {name}");
            }
        }
    }
}

#[test]
fn a_leg_with_kpml_alone_is_counted_from_kpml() {
    let strokes: Vec<Stroke> = [4, 4, 4, 1]
        .into_iter()
        .zip(0..)
        .map(|(code, n)| Stroke { code, at_ms: f64::from(n) * 300.0, long_ms: 50.0 })
        .collect();
    let found = presses(&mut secured(), vec![signals(Transport::Kpml, &strokes, |_| Some(0.0))]);
    assert_eq!(found, [4, 4, 4, 1].map(|code| (code, Transport::Kpml)));
}

/// A leg that had INFO alone, and from some moment on tones or events as well.
#[test]
fn media_that_appears_behind_info_alone_is_counted_once() {
    for ways in [TONES, EVENTS, BOTH] {
        for pause_ms in [1_000.0, 1_500.0, 3_000.0] {
            for late_ms in [0.0, 150.0, 300.0] {
                let silent = [Stroke { code: 3, at_ms: 300.0, long_ms: 60.0 }];
                let mut loud = silent.to_vec();
                for n in 0..4 {
                    loud.push(Stroke {
                        code: 3,
                        at_ms: 300.0 + pause_ms + 500.0 * f64::from(n),
                        long_ms: 60.0,
                    });
                }
                let audio = media(&loud[1..], ways, &mut Rng::new(1, "appears"));
                let info = signals(Transport::Info, &loud, |_| Some(late_ms));
                assert_eq!(count(vec![audio, info]), 5, "{pause_ms} ms pause, {late_ms} ms late");
                // And if INFO falls silent when media appears.
                let audio = media(&loud[1..], ways, &mut Rng::new(1, "appears"));
                let info = signals(Transport::Info, &silent, |_| Some(0.0));
                assert_eq!(count(vec![audio, info]), 5, "{pause_ms} ms pause, INFO falls silent");
            }
        }
    }
}

/// Whatever payload type events have, and whenever that changes.
#[test]
fn events_of_every_dynamic_type_are_presses_and_never_leave() {
    let event = |payload_type: u8, sequence: u16, start: u32, code: u8, end: bool| {
        packet(payload_type, sequence, start, !end, &[code, if end { 0x8A } else { 0x0A }, 1, 64])
    };
    for payload_type in 96..128u8 {
        let mut pipeline = Pipeline::new(PipelineConfig {
            event_pts: EventPts::new(&[payload_type]),
            ..config(LAW, MaskStyle::Silence, 20)
        });
        pipeline.set_secured(true);
        // In the middle of the key, the types are negotiated anew; its end still has the old one.
        let other = if payload_type == 127 { 96 } else { payload_type + 1 };
        let mut left = Vec::new();
        let mut found = 0;
        let mut step = |pipeline: &mut Pipeline, at_us: u64, bytes: Vec<u8>| {
            pipeline.packet(at_us, &bytes, &mut |out| left.push(out.to_vec()), &mut |_| found += 1);
        };
        step(&mut pipeline, 20_000, event(payload_type, 1, 8_000, 5, false));
        pipeline.reconfigure(PipelineConfig {
            event_pts: EventPts::new(&[other]),
            ..config(LAW, MaskStyle::Silence, 20)
        });
        step(&mut pipeline, 40_000, event(payload_type, 2, 8_000, 5, true));
        step(&mut pipeline, 60_000, event(payload_type, 3, 8_000, 5, true));
        step(&mut pipeline, 200_000, event(other, 4, 9_600, 5, false));
        pipeline.timer(1_000_000, &mut |out| left.push(out.to_vec()));
        assert_eq!((found, left.len()), (2, 4), "{payload_type}");
        let fill = |out: &Vec<u8>| out[1] & 0x7F == 8 && out[12..].iter().all(|code| *code == LAW.silence());
        assert!(left.iter().all(fill), "{payload_type}");
    }
}

/// What a phone sends, and the keys that are to be counted of it.
type Told = (&'static str, Vec<Vec<u8>>, Vec<u8>);

/// Packets of events that a network or a phone left out, joined or spread.
#[test]
fn events_are_counted_by_what_can_be_known_of_them() {
    let stroke = |code: u8, at_ms: f64| Stroke { code, at_ms, long_ms: 60.0 };
    let block = |code: u8, end: bool, duration: u16| {
        let [high, low] = duration.to_be_bytes();
        [code, if end { 0x8A } else { 0x0A }, high, low]
    };
    let joined = [block(1, true, 400), block(2, false, 160)].concat();
    let one =
        |code: u8, at: u32, marker: bool, end: bool| packet(EVENT_PT, 0, at, marker, &block(code, end, 160));
    let cases: Vec<Told> = vec![
        ("two in one packet", vec![packet(EVENT_PT, 0, 800, true, &joined)], vec![1, 2]),
        (
            "all three ends lost, then another key",
            vec![one(1, 800, true, false), one(2, 1_600, true, false)],
            vec![1, 2],
        ),
        (
            "all three ends lost, then the same key",
            vec![one(1, 800, true, false), one(1, 1_600, true, false)],
            vec![1, 1],
        ),
        ("no marker either", vec![one(1, 800, false, false), one(1, 1_600, false, false)], vec![1, 1]),
        (
            "the start lost",
            event_of(&stroke(6, 100.0))[2..].iter().map(|sent| sent.1.clone()).collect(),
            vec![6],
        ),
        (
            "the ends lost",
            event_of(&stroke(6, 100.0))[..3].iter().map(|sent| sent.1.clone()).collect(),
            vec![6],
        ),
        (
            "one end alone",
            event_of(&stroke(6, 100.0))[5..6].iter().map(|sent| sent.1.clone()).collect(),
            vec![6],
        ),
        ("no key", vec![one(16, 800, true, false), one(200, 8_000, true, true)], vec![]),
        ("cut short", vec![packet(EVENT_PT, 0, 800, true, &[5, 10, 0])], vec![]),
    ];
    for (name, datagrams, expected) in cases {
        let arrivals = datagrams.into_iter().zip(1u16..).map(|(mut bytes, n)| {
            bytes[2..4].copy_from_slice(&n.to_be_bytes());
            (u64::from(n) * PACKET_US, Arrival::Rtp(bytes))
        });
        let found = presses(&mut secured(), vec![arrivals.collect()]);
        assert_eq!(found.iter().map(|press| press.0).collect::<Vec<_>>(), expected, "{name}");
        assert!(found.iter().all(|press| press.1 == Transport::Event), "{name}");
    }
}

/// Ten seconds of one key: the duration runs over, and the event goes on in segments.
#[test]
fn a_key_held_for_ten_seconds_is_one_press_by_every_transport() {
    let strokes = [Stroke { code: 8, at_ms: 300.0, long_ms: 10_000.0 }];
    let mut segments = Vec::new();
    for n in 1..=500u32 {
        let elapsed = n * 160;
        let (segment, duration) = (elapsed / 0xFFFF, elapsed % 0xFFFF);
        let start = TIMESTAMP_0.wrapping_add(2_400 + segment * 0xFFFF);
        let [high, low] = (duration as u16).to_be_bytes();
        let bytes = packet(EVENT_PT, 0, start, n == 1, &[8, 0x0A, high, low]);
        segments.push((300_000 + u64::from(n) * PACKET_US + 1, bytes));
    }
    let mut all: Vec<(u64, Vec<u8>)> = media(&strokes, TONES, &mut Rng::new(1, "held"))
        .into_iter()
        .filter_map(|(at_us, arrival)| match arrival {
            Arrival::Rtp(bytes) => Some((at_us, bytes)),
            Arrival::Signal(..) => None,
        })
        .chain(segments)
        .collect();
    all.sort_by_key(|(at_us, _)| *at_us);
    let number = |(n, (at_us, mut bytes)): (usize, (u64, Vec<u8>))| {
        bytes[2..4].copy_from_slice(&(n as u16).to_be_bytes());
        (at_us, Arrival::Rtp(bytes))
    };
    let rtp = all.into_iter().enumerate().map(number).collect();
    let info = signals(Transport::Info, &strokes, |_| Some(10_100.0));
    assert_eq!(count(vec![rtp, info]), 1);
}

#[test]
fn slow_keys_merge_a_key_that_comes_again_within_400_ms() {
    // (pause in ms, presses with slow keys)
    for (pause_ms, merged) in [(100.0, true), (250.0, true), (400.0, true), (500.0, false), (700.0, false)] {
        for (ways, info, name) in [
            (TONES, false, "tones"),
            (EVENTS, false, "events"),
            (BOTH, false, "events and tones"),
            (NEITHER, true, "INFO"),
        ] {
            for slow in [false, true] {
                let strokes: Vec<Stroke> = (0..3)
                    .map(|n| Stroke {
                        code: 2,
                        at_ms: 300.0 + (80.0 + pause_ms) * f64::from(n),
                        long_ms: 80.0,
                    })
                    .collect();
                let mut pipeline = secured();
                pipeline.set_slow_keys(slow);
                let audio = media(&strokes, ways, &mut Rng::new(1, name));
                // INFO has no end: it is sent at the end of a press, and the next one's end is later.
                let sent = if info { &strokes[..] } else { &[] };
                let reports = signals(Transport::Info, sent, |n| Some(-80.0 * n as f64));
                let found = presses(&mut pipeline, vec![audio, reports]);
                let expected = if slow && merged { 1 } else { 3 };
                assert_eq!(found.len(), expected, "{name}, slow {slow}, pause {pause_ms} ms");
            }
        }
    }
}

#[test]
fn slow_keys_leave_other_keys_and_what_lies_between_alone() {
    let stroke = |code: u8, at_ms: f64| Stroke { code, at_ms, long_ms: 80.0 };
    let strokes = [stroke(1, 300.0), stroke(2, 460.0), stroke(1, 620.0), stroke(1, 800.0), stroke(3, 960.0)];
    for ways in [TONES, EVENTS, BOTH] {
        let mut pipeline = secured();
        pipeline.set_slow_keys(true);
        let audio = media(&strokes, ways, &mut Rng::new(1, "between"));
        // INFO repeats all of them, and is late.
        let info = signals(Transport::Info, &strokes, |_| Some(500.0));
        let codes: Vec<u8> = presses(&mut pipeline, vec![audio, info]).iter().map(|press| press.0).collect();
        assert_eq!(codes, [1, 2, 1, 3]);
    }
}
