//! A tenant's `closed` field: nothing of the customer passes while it is open.

use super::sound::{Rng, Sound, Train, add_noise, music, speech};
use super::wire::{
    EVENT_PT, Network, Output, SEQUENCE_0, Sent, TIMESTAMP_0, config, decode, encode, packet, packets,
};
use crate::dtmf::rtp::Header;
use crate::dtmf::{Law, Pipeline};
use crate::tenant::MaskStyle;

const SECONDS: f64 = 4.0;

/// Drives a secured line; the field is open from `open` to `closed`, in µs.
fn run(law: Law, ptime_ms: usize, style: MaskStyle, field: (u64, u64), arrivals: &[Sent]) -> Output {
    let mut pipeline = Pipeline::new(config(law, style, ptime_ms as u8));
    pipeline.set_secured(true);
    let mut output = Output::default();
    for sent in arrivals {
        let at_us = sent.at_us;
        pipeline.set_field_open((field.0..field.1).contains(&at_us));
        let (packets, presses) = (&mut output.packets, &mut output.presses);
        let mut keep = |bytes: &[u8]| packets.push(Sent { at_us, bytes: bytes.to_vec() });
        while let Some(due_us) = pipeline.next_timeout_us().filter(|due_us| *due_us < at_us) {
            pipeline.timer(due_us, &mut keep);
        }
        pipeline.packet(at_us, &sent.bytes, &mut keep, &mut |press| {
            presses.push((at_us, super::wire::code(&press.key), press.transport));
        });
    }
    output
}

fn bytes(output: &Output) -> Vec<(u64, Vec<u8>)> {
    output.packets.iter().map(|sent| (sent.at_us, sent.bytes.clone())).collect()
}

/// Sounds of one length without a key in them.
fn sounds() -> Vec<Vec<f64>> {
    let len = (SECONDS * 8_000.0) as usize;
    let mut noise = vec![0.0; len];
    add_noise(&mut noise, &mut Rng::new(1, "noise"), -15.0);
    vec![
        vec![0.0; len],
        noise,
        speech(&mut Rng::new(1, "talk"), SECONDS, -15.0, -10.0),
        speech(&mut Rng::new(2, "other talk"), SECONDS, -25.0, -20.0),
        music(&mut Rng::new(3, "music"), SECONDS),
    ]
}

#[test]
fn what_leaves_a_closed_field_does_not_depend_on_what_comes_in() {
    let networks = [Network::default(), Network { loss: 0.05, reorder: 0.05, jitter_ms: 40.0 }];
    for (law, ptime_ms) in [(Law::A, 20), (Law::Mu, 10), (Law::A, 30)] {
        for network in networks {
            let outputs: Vec<_> = sounds()
                .iter()
                .map(|sound| {
                    let sent = packets(law, &encode(law, sound), ptime_ms);
                    let arrivals = network.carry(&mut Rng::new(6, "network"), sent);
                    let output = run(law, ptime_ms, MaskStyle::Closed, (0, u64::MAX), &arrivals);
                    assert!(output.presses.is_empty());
                    bytes(&output)
                })
                .collect();
            assert!(outputs.windows(2).all(|two| two[0] == two[1]), "{law:?}, {ptime_ms} ms");
            // The control: in any other style the talk is heard.
            let sent = packets(law, &encode(law, &sounds()[2]), ptime_ms);
            let arrivals = network.carry(&mut Rng::new(6, "network"), sent);
            let open = run(law, ptime_ms, MaskStyle::Tone, (0, u64::MAX), &arrivals);
            assert_ne!(bytes(&open), outputs[2], "{law:?}, {ptime_ms} ms");
        }
    }
}

/// A press is a flat tone, whatever was said or keyed round it.
#[test]
fn a_closed_field_tells_that_a_key_was_pressed_and_no_more() {
    let law = Law::A;
    let [one, other] = [(5u8, 1), (9u8, 3)].map(|(code, sound)| {
        let sent = packets(law, &encode(law, &sounds()[sound]), 20);
        let mut sequence = SEQUENCE_0;
        let mut arrivals = Vec::new();
        for (index, sent) in sent.iter().enumerate() {
            let mut all = vec![sent.bytes.clone()];
            if index == 100 {
                let start = TIMESTAMP_0.wrapping_add(100 * 160);
                all.push(packet(EVENT_PT, 0, start, true, &[code, 0x8A, 0, 160]));
            }
            for mut bytes in all {
                bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
                sequence = sequence.wrapping_add(1);
                arrivals.push(Sent { at_us: sent.at_us, bytes });
            }
        }
        let output = run(law, 20, MaskStyle::Closed, (0, u64::MAX), &arrivals);
        assert_eq!(output.presses.len(), 1);
        bytes(&output)
    });
    assert_eq!(one, other);
    let loud = |(_, bytes): &(u64, Vec<u8>)| {
        decode(law, &bytes[12..]).iter().filter(|sample| sample.abs() > 300.0).count()
    };
    let heard: usize = one.iter().map(loud).sum();
    assert!((400..=480).contains(&heard), "60 ms of tone: {heard} samples");
}

#[test]
fn a_closed_field_begins_with_what_waits_and_ends_with_the_next_packet() {
    let law = Law::A;
    let mut noise = vec![0.0; 16_000];
    add_noise(&mut noise, &mut Rng::new(1, "noise"), -15.0);
    let arrivals = packets(law, &encode(law, &noise), 20);
    // Packets 40 to 59 come while the field is open; 39 waits when it opens.
    let field = (arrivals[40].at_us, arrivals[60].at_us);
    let silent = |sent: &Sent| sent.bytes[12..].iter().all(|byte| *byte == law.silence());
    let output = run(law, 20, MaskStyle::Closed, field, &arrivals);
    let muted: Vec<usize> = (3..99).filter(|index| silent(&output.packets[*index])).collect();
    assert_eq!(muted, (39..60).collect::<Vec<_>>());
    let headers: Vec<Header> =
        output.packets.iter().map(|sent| Header::read(&sent.bytes).expect("RTP").0).collect();
    let sent: Vec<Header> = arrivals.iter().map(|sent| Header::read(&sent.bytes).expect("RTP").0).collect();
    assert_eq!(headers, sent[..99], "nothing is lost, repeated or renumbered");
    for style in [MaskStyle::Tone, MaskStyle::Silence, MaskStyle::Comfort] {
        let output = run(law, 20, style, field, &arrivals);
        assert!(!output.packets[3..99].iter().any(silent), "{style:?} closes nothing");
    }
}

/// Outside a field, and where it opens while a key is down, the line is masked as ever.
#[test]
fn a_key_across_the_edge_of_a_closed_field_is_masked_and_counted() {
    let law = Law::Mu;
    let Sound { samples, truth } = Train::new(1, 400.0, 0.0, -10.0).make(&mut Rng::new(9, "held"));
    let arrivals = packets(law, &encode(law, &samples), 20);
    let middle_us = (truth[0].start + truth[0].end) as u64 / 2 * 125;
    for field in [(0, middle_us), (middle_us, u64::MAX)] {
        let output = run(law, 20, MaskStyle::Closed, field, &arrivals);
        assert_eq!(output.presses.len(), 1);
        let heard = output.sound(law, samples.len());
        let sent = decode(law, &encode(law, &samples));
        let own = (truth[0].start..truth[0].end).filter(|n| heard[*n] == sent[*n] && sent[*n].abs() > 200.0);
        assert!(own.count() < 20, "single samples of flat tone and key may be equal");
    }
}

/// While a field is open the line is not opened, whatever order the two changes come in.
#[test]
fn a_line_stays_closed_until_its_field_is() {
    let law = Law::A;
    let mut noise = vec![0.0; 16_000];
    add_noise(&mut noise, &mut Rng::new(1, "noise"), -15.0);
    let arrivals = packets(law, &encode(law, &noise), 20);
    let mut pipeline = Pipeline::new(config(law, MaskStyle::Closed, 20));
    pipeline.set_secured(true);
    pipeline.set_field_open(true);
    let mut last = Vec::new();
    for (index, sent) in arrivals.iter().enumerate() {
        match index {
            40 => pipeline.set_secured(false),
            60 => pipeline.set_field_open(false),
            _ => {}
        }
        pipeline.packet(sent.at_us, &sent.bytes, &mut |bytes| last = bytes.to_vec(), &mut |_| ());
        assert_eq!(last == sent.bytes, index >= 60, "packet {index}");
    }
}
