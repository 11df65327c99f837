//! When a secured line cannot be vouched for, and that ordinary life never says so.

use super::sound::{Rng, add_noise};
use super::wire::{
    EVENT_PT, Network, Output, SSRC, Sent, TIMESTAMP_0, audio_pt, config, drive, encode, packet, packets,
};
use crate::dtmf::rtp::Header;
use crate::dtmf::{EventPts, Law, Pipeline, PipelineConfig, Unwell};
use crate::tenant::MaskStyle;
use tonewall_secret::Key;

const LAW: Law = Law::A;

fn header(sent: &Sent) -> Header {
    Header::read(&sent.bytes).expect("RTP").0
}

fn silent(sent: &Sent) -> bool {
    sent.bytes[12..].iter().all(|byte| *byte == LAW.silence())
}

/// Noise, which is never silent and never a key.
fn noise(seconds: f64, ptime_ms: usize) -> Vec<Sent> {
    let mut sound = vec![0.0; (seconds * 8_000.0) as usize];
    add_noise(&mut sound, &mut Rng::new(4, "noise"), -20.0);
    packets(LAW, &encode(LAW, &sound), ptime_ms)
}

/// A secured line with an open field.
fn line(ptime_ms: usize) -> Pipeline {
    let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Silence, ptime_ms as u8));
    pipeline.set_secured(true);
    pipeline.set_field_open(true);
    pipeline
}

/// What a line's health comes to be, packet by packet, behind the first that warm the detector.
fn signs(pipeline: &mut Pipeline, arrivals: &[Sent]) -> Vec<Option<Unwell>> {
    let mut signs = Vec::new();
    for (index, sent) in arrivals.iter().enumerate() {
        pipeline.packet(sent.at_us, &sent.bytes, &mut |_| (), &mut |_| ());
        if index >= WARM_PACKETS {
            signs.push(pipeline.unwell());
        }
    }
    signs.dedup();
    signs
}

/// 40 ms of the shortest packets here.
const WARM_PACKETS: usize = 4;

const WELL: [Option<Unwell>; 1] = [None];

fn restamped(sent: &[Sent], edit: impl Fn(&mut Header)) -> Vec<Sent> {
    let one = |sent: &Sent| {
        let mut edited = sent.clone();
        let mut header = header(sent);
        edit(&mut header);
        edited.bytes[..12].copy_from_slice(&header.write());
        edited
    };
    sent.iter().map(one).collect()
}

/// Moves everything from `index` on by so much time, arrival and RTP time each.
fn moved(sent: &[Sent], index: usize, arrival_ms: i64, rtp_ms: i64) -> Vec<Sent> {
    let mut all = sent[..index].to_vec();
    for mut late in restamped(&sent[index..], |header| {
        header.timestamp = header.timestamp.wrapping_add((rtp_ms * 8) as u32);
    }) {
        late.at_us = late.at_us.saturating_add_signed(arrival_ms * 1_000);
        all.push(late);
    }
    all
}

#[test]
fn a_bad_network_is_no_sign_of_illness() {
    for ptime_ms in [10, 20, 30, 40, 60] {
        for (name, network) in [
            ("jitter", Network { jitter_ms: 60.0, ..Network::default() }),
            ("loss", Network { loss: 0.05, ..Network::default() }),
            ("reordering", Network { reorder: 0.2, ..Network::default() }),
            ("all of them", Network { loss: 0.05, reorder: 0.1, jitter_ms: 60.0 }),
        ] {
            let arrivals = network.carry(&mut Rng::new(2, name), noise(20.0, ptime_ms));
            assert_eq!(signs(&mut line(ptime_ms), &arrivals), WELL, "{name}, {ptime_ms} ms");
        }
    }
}

#[test]
fn a_stall_and_its_burst_are_no_sign_of_illness() {
    for ptime_ms in [10, 20, 30, 60] {
        let mut arrivals = noise(20.0, ptime_ms);
        for sent in &mut arrivals {
            // Every second the network stands still for 300 ms, then everything comes at once.
            let into_second = sent.at_us % 1_000_000;
            if (500_000..800_000).contains(&into_second) {
                sent.at_us += 800_000 - into_second;
            }
        }
        assert_eq!(signs(&mut line(ptime_ms), &arrivals), WELL, "{ptime_ms} ms");
    }
}

#[test]
fn a_silence_that_is_left_out_is_no_sign_of_illness() {
    for marked in [false, true] {
        let mut arrivals = noise(6.0, 20);
        for (index, gap_ms) in [(100, 10_000), (120, 1_000), (160, 200), (200, 61)] {
            // Phones round the gap as they like, and jitter comes on top.
            arrivals = moved(&arrivals, index, gap_ms, gap_ms + 35);
            if marked {
                arrivals[index].bytes[1] |= 0x80;
            }
        }
        assert_eq!(signs(&mut line(20), &arrivals), WELL, "marker {marked}");
    }
}

#[test]
fn a_clock_that_is_a_little_off_is_no_sign_of_illness() {
    for per_mille in [-1i64, 1] {
        let mut arrivals = noise(150.0, 20);
        for sent in &mut arrivals {
            let off_us = i64::try_from(sent.at_us).expect("a call is short") * per_mille / 1_000;
            sent.at_us = sent.at_us.saturating_add_signed(off_us);
        }
        assert_eq!(signs(&mut line(20), &arrivals), WELL, "{per_mille} per mille");
    }
}

#[test]
fn telephone_events_are_no_sign_of_illness() {
    // Audio stops for each event, as most phones do, or goes on beside it.
    for beside in [false, true] {
        let (mut arrivals, mut sequence) = (Vec::new(), 0u16);
        for (index, sent) in noise(10.0, 20).into_iter().enumerate() {
            let place = index % 25;
            let mut all = Vec::new();
            if place >= 10 {
                let start = header(&sent).timestamp.wrapping_sub((place as u32 - 10) * 160);
                let updates = if place == 24 { 3 } else { 1 };
                let [high, low] = ((place as u16 - 9) * 160).to_be_bytes();
                let end = if place == 24 { 0x8A } else { 0x0A };
                all.extend((0..updates).map(|_| packet(EVENT_PT, 0, start, false, &[5, end, high, low])));
            }
            if place < 10 || beside {
                all.push(sent.bytes.clone());
            }
            for mut bytes in all {
                bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
                sequence = sequence.wrapping_add(1);
                arrivals.push(Sent { at_us: sent.at_us, bytes });
            }
        }
        assert_eq!(signs(&mut line(20), &arrivals), WELL, "beside {beside}");
    }
}

#[test]
fn changes_while_no_field_is_open_are_no_sign_of_illness() {
    let sent = noise(6.0, 20);
    let mut pipeline = line(20);
    pipeline.set_field_open(false);
    assert_eq!(signs(&mut pipeline, &sent[..100]), WELL);
    pipeline.reconfigure(PipelineConfig {
        event_pts: EventPts::new(&[110]),
        ..config(LAW, MaskStyle::Silence, 20)
    });
    // With the re-INVITE the sender starts its clock anew.
    let later = moved(&sent, 100, 0, 77_777);
    assert_eq!(signs(&mut pipeline, &later[100..150]), WELL);
    let other = restamped(&later[150..], |header| header.ssrc = 9);
    let mut muted = Vec::new();
    for sent in &other {
        let mut out = |bytes: &[u8]| muted.push(silent(&Sent { at_us: 0, bytes: bytes.to_vec() }));
        pipeline.packet(sent.at_us, &sent.bytes, &mut out, &mut |_| ());
        assert_eq!(pipeline.unwell(), None);
    }
    assert!(muted[..3].iter().all(|muted| *muted) && !muted[3..].iter().any(|muted| *muted), "{muted:?}");
}

/// What happens to a line, and what it is then said to have.
struct Case {
    name: &'static str,
    unwell: Unwell,
    /// Packets that come after the first hundred; the trouble is over within the first of them.
    then: fn(&[Sent]) -> Vec<Sent>,
    change: fn(&mut Pipeline),
}

fn event_pts(pipeline: &mut Pipeline) {
    pipeline.reconfigure(PipelineConfig {
        event_pts: EventPts::new(&[110]),
        ..config(LAW, MaskStyle::Silence, 20)
    });
}

fn cases() -> Vec<Case> {
    let plain: fn(&[Sent]) -> Vec<Sent> = |sent| sent[100..].to_vec();
    let nothing: fn(&mut Pipeline) = |_| ();
    vec![
        Case {
            name: "an hour ahead",
            unwell: Unwell::Clock,
            then: |sent| moved(sent, 100, 0, 3_600_000)[100..].to_vec(),
            change: nothing,
        },
        Case {
            name: "300 ms ahead",
            unwell: Unwell::Clock,
            then: |sent| moved(sent, 100, 0, 300)[100..].to_vec(),
            change: nothing,
        },
        Case {
            name: "a second back, though marked",
            unwell: Unwell::Clock,
            then: |sent| {
                let mut back = moved(sent, 100, 0, -1_000)[100..].to_vec();
                back[0].bytes[1] |= 0x80;
                back
            },
            change: nothing,
        },
        Case { name: "other event types", unwell: Unwell::Coding, then: plain, change: event_pts },
        Case {
            name: "another source",
            unwell: Unwell::Source,
            then: |sent| restamped(&sent[100..], |header| header.ssrc = SSRC ^ 1),
            change: nothing,
        },
        Case {
            name: "filters without numbers",
            unwell: Unwell::Detector,
            then: plain,
            change: |pipeline| pipeline.poison(),
        },
    ]
}

#[test]
fn an_unwell_line_is_mute_from_that_packet_on_for_a_second() {
    let sent = noise(4.0, 20);
    for case in cases() {
        let mut pipeline = line(20);
        let mut out = Vec::new();
        let mut keep = |bytes: &[u8]| out.push(Sent { at_us: 0, bytes: bytes.to_vec() });
        for sent in &sent[..100] {
            pipeline.packet(sent.at_us, &sent.bytes, &mut keep, &mut |_| ());
        }
        assert_eq!(pipeline.unwell(), None, "{}", case.name);
        (case.change)(&mut pipeline);
        let then = (case.then)(&sent);
        let mut well_after = None;
        for (index, sent) in then.iter().enumerate() {
            pipeline.packet(sent.at_us, &sent.bytes, &mut keep, &mut |_| ());
            match pipeline.unwell() {
                Some(unwell) => assert_eq!((unwell, well_after), (case.unwell, None), "{}", case.name),
                None => well_after = well_after.or(Some(index)),
            }
        }
        let well_after = well_after.unwrap_or_else(|| panic!("{}: for good", case.name));
        assert!((50..=51).contains(&well_after), "{}: {well_after} packets", case.name);
        // Ninety-nine left before, one of the old was held.
        let muted = out[99..].iter().take_while(|sent| silent(sent)).count();
        assert!((51..=52).contains(&muted), "{}: {muted} packets muted", case.name);
        assert!(!out[3..99].iter().any(silent) && !out[99 + muted..].iter().any(silent), "{}", case.name);
    }
}

#[test]
fn another_coding_in_an_open_field_is_told_as_such() {
    let mut pipeline = line(20);
    signs(&mut pipeline, &noise(2.0, 20));
    pipeline.reconfigure(config(LAW, MaskStyle::Tone, 20));
    assert_eq!(pipeline.unwell(), None, "the same coding");
    pipeline.reconfigure(PipelineConfig { audio_pt: 0, ..config(Law::Mu, MaskStyle::Silence, 20) });
    assert_eq!(pipeline.unwell(), Some(Unwell::Coding));
    pipeline.set_field_open(false);
    assert_eq!(pipeline.unwell(), Some(Unwell::Coding), "closing the field heals nothing");
}

#[test]
fn a_detector_that_has_heard_nothing_or_another_coding_lets_nothing_pass_and_is_not_unwell() {
    let sent = noise(1.0, 20);
    let mut pipeline = line(20);
    let muted = |pipeline: &mut Pipeline, sent: &[Sent]| {
        let mut out = Vec::new();
        for sent in sent {
            let mut keep = |bytes: &[u8]| out.push(Sent { at_us: 0, bytes: bytes.to_vec() });
            pipeline.packet(sent.at_us, &sent.bytes, &mut keep, &mut |_| ());
            assert_eq!(pipeline.unwell(), None);
        }
        out.iter().take_while(|sent| silent(sent)).count()
    };
    assert_eq!(muted(&mut pipeline, &sent[..25]), 2);
    pipeline.set_field_open(false);
    pipeline.reconfigure(config(Law::Mu, MaskStyle::Silence, 20));
    assert_eq!(
        muted(&mut pipeline, &sent[25..]),
        0,
        "the other law alone: packets of the old type are dropped"
    );
}

#[test]
fn a_storm_mutes_until_a_second_after_it() {
    /// A storm's packets beside the stream, for half a second.
    type Storm = fn(&Sent) -> Vec<u8>;
    let storms: [(&str, Storm); 3] = [
        ("one packet many times", |sent| sent.bytes.clone()),
        ("garbage", |_| vec![0; 40]),
        ("a type of which nobody spoke", |sent| packet(99, 0, header(sent).timestamp, false, &[1; 160])),
    ];
    for (name, storm) in storms {
        let mut pipeline = line(20);
        let sent = noise(4.0, 20);
        assert_eq!(signs(&mut pipeline, &sent[..100]), WELL);
        let mut out = Vec::new();
        let mut well_from = None;
        for (index, sent) in sent[100..].iter().enumerate() {
            let more = if index < 25 { vec![storm(sent); 20] } else { Vec::new() };
            for bytes in std::iter::once(&sent.bytes).chain(&more) {
                let mut keep = |bytes: &[u8]| out.push((index, bytes.to_vec()));
                pipeline.packet(sent.at_us, bytes, &mut keep, &mut |_| ());
            }
            if pipeline.unwell().is_none() && index >= 25 {
                well_from = well_from.or(Some(index));
            }
        }
        assert!(well_from.is_some_and(|index| (74..=76).contains(&index)), "{name}: {well_from:?}");
        let heard = |(_, bytes): &&(usize, Vec<u8>)| !silent(&Sent { at_us: 0, bytes: bytes.clone() });
        let during = out.iter().filter(|(index, _)| (5..75).contains(index)).filter(heard).count();
        assert_eq!(during, 0, "{name}");
    }
}

/// Three times the audio that time holds, packet by packet in order.
#[test]
fn a_stream_at_three_times_its_rate_is_a_storm() {
    let mut pipeline = line(20);
    let mut sent = noise(10.0, 20);
    assert_eq!(signs(&mut pipeline, &sent[..100]), WELL);
    for (index, sent) in sent[100..].iter_mut().enumerate() {
        sent.at_us = 2_000_000 + index as u64 * 6_600;
    }
    let first = sent[100..].iter().position(|sent| {
        pipeline.packet(sent.at_us, &sent.bytes, &mut |_| (), &mut |_| ());
        pipeline.unwell() == Some(Unwell::Storm)
    });
    let after_ms = first.map(|index| index * 66 / 10);
    assert!(after_ms.is_some_and(|ms| ms <= 250), "{after_ms:?} ms");
}

#[test]
fn what_is_pressed_while_the_line_is_unwell_is_no_press_and_later_neither() {
    let sent = noise(4.0, 20);
    let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Tone, 20));
    pipeline.set_secured(true);
    pipeline.set_field_open(true);
    signs(&mut pipeline, &sent[..100]);
    event_pts(&mut pipeline);
    let at_us = sent[100].at_us;
    let start = header(&sent[100]).timestamp;
    let event = packet(110, header(&sent[100]).sequence, start, true, &[7, 10, 0, 160]);
    let mut presses = 0;
    let mut out = Output::default();
    let mut keep = |bytes: &[u8]| out.packets.push(Sent { at_us, bytes: bytes.to_vec() });
    pipeline.packet(at_us, &event, &mut keep, &mut |_| presses += 1);
    pipeline.info(at_us, Key::from_event(4).expect("a key"), &mut |_| presses += 1);
    pipeline.kpml(at_us, Key::from_event(5).expect("a key"), &mut |_| presses += 1);
    for sent in &sent[101..150] {
        pipeline.packet(sent.at_us, &sent.bytes, &mut keep, &mut |_| presses += 1);
    }
    assert_eq!((presses, pipeline.stats().presses_event), (0, 0));
    for sent in &sent[150..170] {
        pipeline.packet(sent.at_us, &sent.bytes, &mut |_| (), &mut |_| presses += 1);
    }
    assert_eq!(pipeline.unwell(), None);
    // The echo of the press that was none.
    pipeline.info(sent[170].at_us, Key::from_event(7).expect("a key"), &mut |_| presses += 1);
    assert_eq!(presses, 0);
    assert!(out.packets.iter().all(silent), "no flat tone either");
    pipeline.info(sent[170].at_us, Key::from_event(9).expect("a key"), &mut |_| presses += 1);
    assert_eq!(presses, 1, "well again");
}

#[test]
fn an_open_line_passes_and_reports_whatever_its_health() {
    let sent = noise(1.0, 20);
    let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Silence, 20));
    drive(&mut pipeline, &sent);
    let jump =
        packet(audio_pt(LAW), header(&sent[49]).sequence.wrapping_add(1), TIMESTAMP_0, false, &[1; 160]);
    let mut left = Vec::new();
    pipeline.packet(1_020_000, &jump, &mut |bytes| left.push(bytes.to_vec()), &mut |_| ());
    assert_eq!((pipeline.unwell(), left), (Some(Unwell::Clock), vec![jump]));
    let mut presses = 0;
    pipeline.info(1_030_000, Key::from_event(1).expect("a key"), &mut |_| presses += 1);
    assert_eq!(presses, 1);
}
