//! What the hold costs, and that switching it costs nothing else.

use super::sound::{Rng, add_noise, speech};
use super::wire::{EVENT_PT, Network, Output, Sent, config, drive, encode, packet, packets};
use crate::dtmf::rtp::Header;
use crate::dtmf::{Law, Pipeline};
use crate::tenant::MaskStyle;
use std::collections::BTreeMap;

const LAW: Law = Law::A;

fn header(sent: &Sent) -> Header {
    Header::read(&sent.bytes).expect("RTP").0
}

fn noise(seconds: f64, ptime_ms: usize) -> Vec<Sent> {
    let mut sound = vec![0.0; (seconds * 8_000.0) as usize];
    add_noise(&mut sound, &mut Rng::new(4, "noise"), -25.0);
    packets(LAW, &encode(LAW, &sound), ptime_ms)
}

/// Added delay of each packet that left, in µs, least first.
fn delays_us(arrivals: &[Sent], output: &Output) -> Vec<u64> {
    let came: BTreeMap<u16, u64> = arrivals.iter().map(|sent| (header(sent).sequence, sent.at_us)).collect();
    let mut delays: Vec<u64> =
        output.packets.iter().map(|out| out.at_us - came[&header(out).sequence]).collect();
    delays.sort();
    delays
}

#[test]
fn a_secured_line_delays_by_one_packet_or_thirty_milliseconds_of_shorter_ones() {
    // (ptime, jitter, p50 at most, p99 at most), all in ms
    for (ptime_ms, jitter_ms, p50_ms, p99_ms) in [
        (10, 0.0, 30, 30),
        (20, 0.0, 20, 20),
        (30, 0.0, 30, 30),
        (40, 0.0, 40, 40),
        (60, 0.0, 60, 60),
        (10, 4.0, 31, 35),
        (20, 4.0, 21, 25),
        (30, 4.0, 31, 35),
        (40, 4.0, 41, 45),
        (20, 60.0, 25, 25),
    ] {
        let network = Network { jitter_ms, ..Network::default() };
        let mut arrivals = network.carry(&mut Rng::new(1, "jitter"), noise(60.0, ptime_ms));
        arrivals.sort_by_key(|sent| sent.at_us);
        let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Tone, ptime_ms as u8));
        pipeline.set_secured(true);
        let output = drive(&mut pipeline, &arrivals);
        let delays = delays_us(&arrivals, &output);
        let at = |share: usize| delays[delays.len() * share / 100] / 1_000;
        assert!(at(50) <= p50_ms && at(99) <= p99_ms, "{ptime_ms} ms: {} and {} ms", at(50), at(99));
        // Whatever comes when, nothing waits longer than its hold and the grace.
        let most_ms = delays.last().expect("packets") / 1_000;
        assert!(most_ms <= p50_ms.max(20) + 5, "{ptime_ms} ms, jitter {jitter_ms}: {most_ms} ms");
        // What it says of itself is what was seen, the grace left out.
        let told_ms = pipeline.stats().hold_ms_max;
        assert_eq!(told_ms, if ptime_ms == 10 { 30 } else { ptime_ms as u64 }, "jitter {jitter_ms}");
        assert!(
            (told_ms..=told_ms + 5).contains(&most_ms),
            "{ptime_ms} ms, jitter {jitter_ms}: {most_ms} ms"
        );
    }
}

#[test]
fn an_open_line_delays_nothing() {
    for ptime_ms in [10, 20, 30, 40, 60] {
        let arrivals = noise(3.0, ptime_ms);
        let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Tone, ptime_ms as u8));
        let output = drive(&mut pipeline, &arrivals);
        assert_eq!(output.packets.len(), arrivals.len());
        assert!(delays_us(&arrivals, &output).iter().all(|delay| *delay == 0));
    }
}

#[test]
fn switching_the_hold_loses_repeats_and_renumbers_nothing() {
    for ptime_ms in [10, 20, 30, 40] {
        let sound = speech(&mut Rng::new(1, "talk"), 6.0, -20.0, -15.0);
        let sent = packets(LAW, &encode(LAW, &sound), ptime_ms);
        let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Tone, ptime_ms as u8));
        let mut output = Output::default();
        let hold = if ptime_ms < 20 { 30usize.div_ceil(ptime_ms) } else { 1 };
        for (part, packets) in sent.chunks(sent.len() / 6).enumerate() {
            pipeline.set_secured(part % 2 == 1);
            for packet in packets {
                pipeline.packet(
                    packet.at_us,
                    &packet.bytes,
                    &mut |b| output.packets.push(Sent { at_us: packet.at_us, bytes: b.to_vec() }),
                    &mut |_| (),
                );
            }
            let late = if part % 2 == 1 { hold } else { 0 };
            let so_far = (sent.len() / 6 * (part + 1)).min(sent.len());
            assert_eq!(output.packets.len(), so_far - late, "{ptime_ms} ms, part {part}");
        }
        let headers = |packets: &[Sent]| packets.iter().map(header).collect::<Vec<_>>();
        assert_eq!(headers(&output.packets), headers(&sent)[..output.packets.len()], "{ptime_ms} ms");
        let same = output.packets.iter().zip(&sent).filter(|(out, sent)| out.bytes == sent.bytes).count();
        assert!(same * 100 >= sent.len() * 95, "{ptime_ms} ms: {same} of {} unchanged", sent.len());
    }
}

/// Over a bad network, between keys and fields, at any moment: as many packets leave as came, each
/// once, with its own number and time.
#[test]
fn switching_at_any_moment_loses_and_repeats_nothing() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed, "switching");
        let ptime_ms = [10, 20, 30, 40][rng.below(4)];
        let network = Network { loss: 0.03, reorder: 0.05, jitter_ms: 30.0 };
        let mut arrivals = network.carry(&mut rng, noise(10.0, ptime_ms));
        // Now and then an event instead of audio.
        for sent in arrivals.iter_mut().filter(|sent| header(sent).sequence.is_multiple_of(50)) {
            let own = header(sent);
            sent.bytes = packet(EVENT_PT, own.sequence, own.timestamp, true, &[5, 0x8A, 0, 160]);
        }
        let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Closed, ptime_ms as u8));
        let mut left: Vec<Header> = Vec::new();
        let mut keep = |bytes: &[u8]| left.push(Header::read(bytes).expect("RTP").0);
        for sent in &arrivals {
            while let Some(due_us) = pipeline.next_timeout_us().filter(|due_us| *due_us < sent.at_us) {
                pipeline.timer(due_us, &mut keep);
            }
            match rng.below(40) {
                0 => pipeline.set_secured(true),
                1 => pipeline.set_secured(false),
                2 => pipeline.set_field_open(rng.below(2) == 0),
                _ => {}
            }
            pipeline.packet(sent.at_us, &sent.bytes, &mut keep, &mut |_| ());
        }
        while let Some(due_us) = pipeline.next_timeout_us() {
            pipeline.timer(due_us, &mut keep);
        }
        let numbered = |header: &Header| header.sequence;
        let mut came: Vec<u16> = arrivals.iter().map(|sent| header(sent).sequence).collect();
        let mut went: Vec<u16> = left.iter().map(numbered).collect();
        came.sort();
        went.sort();
        assert_eq!(came, went, "seed {seed}");
        for sent in &arrivals {
            let own = header(sent);
            let out = left.iter().find(|out| out.sequence == own.sequence).expect("it left");
            assert!(out.ssrc == own.ssrc && (out.timestamp == own.timestamp || own.payload_type == EVENT_PT));
        }
    }
}

#[test]
fn a_packet_without_a_successor_leaves_muted_when_its_time_is_over() {
    let sent = noise(2.0, 20);
    let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Silence, 20));
    pipeline.set_secured(true);
    for sent in &sent[..50] {
        pipeline.packet(sent.at_us, &sent.bytes, &mut |_| (), &mut |_| ());
    }
    let due = sent[49].at_us + 25_000;
    assert_eq!(pipeline.next_timeout_us(), Some(due));
    let mut left = Vec::new();
    pipeline.timer(due - 1, &mut |b| left.push(b.to_vec()));
    assert!(left.is_empty());
    pipeline.timer(due, &mut |b| left.push(b.to_vec()));
    let left = Sent { at_us: due, bytes: left.remove(0) };
    assert!(left.bytes[12..].iter().all(|code| *code == LAW.silence()));
    assert_eq!(header(&left).sequence, header(&sent[49]).sequence);
    assert_eq!((pipeline.next_timeout_us(), pipeline.stats().expired), (None, 1));
}
