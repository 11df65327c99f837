//! The pipeline's promises, one by one.

use super::judge::Listener as FarListener;
use super::sound::{Rng, Train, add_noise, speech};
use super::wire::{
    EVENT_PT, OUT_EVENT_PT, Output, SEQUENCE_0, SSRC, Sent, TIMESTAMP_0, audio_pt, code, config, drive,
    encode, packet, packets,
};
use crate::dtmf::rtp::Header;
use crate::dtmf::{EventPts, Law, Pipeline, PipelineConfig, Press, Transport, Verdict};
use crate::tenant::MaskStyle;
use tonewall_secret::Key;

const LAW: Law = Law::A;

fn silent(sent: &Sent) -> bool {
    let (_, payload) = Header::read(&sent.bytes).expect("RTP");
    sent.bytes[payload].iter().all(|byte| *byte == LAW.silence())
}

fn header(sent: &Sent) -> Header {
    Header::read(&sent.bytes).expect("RTP").0
}

fn talk(seconds: f64) -> Vec<Sent> {
    packets(LAW, &encode(LAW, &speech(&mut Rng::new(1, "talk"), seconds, -20.0, -15.0)), 20)
}

/// A key held from `from` to `to`, in 20 ms packets, of `total`.
fn tone(key: usize, from: usize, to: usize, total: usize) -> Vec<Sent> {
    let train = Train { digits: 1, ..Train::new(1, (to - from) as f64 * 20.0, 0.0, -10.0) };
    let mut rng = Rng::new(key as u64, "tone");
    let sound = train.make(&mut rng);
    let digit = sound.truth[0];
    let mut samples = vec![0.0; total * 160];
    samples[from * 160..to * 160].copy_from_slice(&sound.samples[digit.start..digit.end]);
    packets(LAW, &encode(LAW, &samples), 20)
}

fn secured(style: MaskStyle) -> Pipeline {
    let mut pipeline = Pipeline::new(config(LAW, style, 20));
    pipeline.set_secured(true);
    pipeline
}

fn warm(pipeline: &mut Pipeline) {
    drive(pipeline, &packets(LAW, &[LAW.silence(); 480], 20)[..3]);
}

fn append(output: &mut Output, more: Output) {
    output.packets.extend(more.packets);
    output.presses.extend(more.presses);
}

#[test]
fn an_open_line_passes_at_once_and_maps_payload_types() {
    let mut pipeline =
        Pipeline::new(PipelineConfig { out_audio_pt: 120, ..config(LAW, MaskStyle::Tone, 20) });
    for sent in talk(1.0) {
        let mut left = Vec::new();
        let verdict = pipeline.packet(sent.at_us, &sent.bytes, &mut |b| left.push(b.to_vec()), &mut |_| ());
        assert_eq!(verdict, Verdict::Relayed);
        let mut mapped = sent.bytes.clone();
        mapped[1] = (mapped[1] & 0x80) | 120;
        assert_eq!(left, [mapped]);
    }
    assert_eq!(pipeline.next_timeout_us(), None);
}

#[test]
fn securing_in_mid_tone_masks_at_once_and_opening_in_mid_tone_only_after_it() {
    let sent = tone(5, 10, 60, 90);
    let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Silence, 20));
    let mut output = drive(&mut pipeline, &sent[..30]);
    assert!(!silent(&output.packets[20]), "an open line is not masked");
    pipeline.set_secured(true);
    append(&mut output, drive_on(&mut pipeline, &sent[30..50]));
    pipeline.set_secured(false);
    assert!(!pipeline.is_secured());
    append(&mut output, drive_on(&mut pipeline, &sent[50..]));
    assert_eq!(output.packets.len(), sent.len());
    assert!(output.packets[30..].iter().all(silent));
    assert_eq!(output.presses.len(), 1);
    let arrival = output.packets[89].at_us;
    assert_eq!(arrival, sent[89].at_us, "after the tone the line is open, without delay");
}

/// Like [`drive`], but leaves what is held in the hold.
fn drive_on(pipeline: &mut Pipeline, arrivals: &[Sent]) -> Output {
    let mut output = Output::default();
    for arrival in arrivals {
        let (packets, presses) = (&mut output.packets, &mut output.presses);
        let at_us = arrival.at_us;
        pipeline.packet(
            at_us,
            &arrival.bytes,
            &mut |b| packets.push(Sent { at_us, bytes: b.to_vec() }),
            &mut |press: Press| presses.push((at_us, code(&press.key), press.transport)),
        );
    }
    output
}

#[test]
fn what_is_around_a_gap_or_late_leaves_muted() {
    let sent = talk(2.0);
    let mut pipeline = secured(MaskStyle::Silence);
    drive_on(&mut pipeline, &sent[..60]);
    // 60 is lost, then 62 comes before 61.
    let order = [61, 63, 62, 64, 65, 66];
    let arrivals: Vec<Sent> =
        order.iter().map(|index| Sent { at_us: 1_300_000, ..sent[*index].clone() }).collect();
    let output = drive_on(&mut pipeline, &arrivals);
    let heard = |index: usize| {
        let sequence = header(&sent[index]).sequence;
        let out = output.packets.iter().find(|out| header(out).sequence == sequence).expect("it left");
        !silent(out)
    };
    assert_eq!([59, 61, 62, 63, 64, 65].map(heard), [false, false, false, false, true, true]);
    let stats = pipeline.stats();
    assert_eq!((stats.late, stats.holes), (1, 2));
}

#[test]
fn a_key_that_ends_in_a_lost_packet_is_one_press_and_the_line_is_heard_again() {
    // 25 ms of a tone are heard, the other 20 ms are lost; what is left is noise.
    let sound = Train::new(1, 45.0, 0.0, -10.0).make(&mut Rng::new(8, "lost end"));
    let digit = sound.truth[0];
    let mut samples = vec![0.0; 120 * 160];
    samples[1_720..1_720 + 360].copy_from_slice(&sound.samples[digit.start..digit.end]);
    add_noise(&mut samples, &mut Rng::new(9, "line"), -50.0);
    let mut sent = packets(LAW, &encode(LAW, &samples), 20);
    sent.remove(12);
    let mut pipeline = secured(MaskStyle::Silence);
    let output = drive(&mut pipeline, &sent);
    assert_eq!(output.presses.len(), 1);
    assert!(output.packets[10..13].iter().all(silent));
    let heard = output.packets[18..].iter().filter(|sent| !silent(sent)).count();
    assert!(
        heard + 8 >= output.packets.len() - 18,
        "{heard} of {} packets are heard",
        output.packets.len() - 18
    );
}

fn event_packet(sequence: u16, start: u32, marker: bool, code: u8, end: bool, duration: u16) -> Vec<u8> {
    let [high, low] = duration.to_be_bytes();
    packet(EVENT_PT, sequence, start, marker, &[code, if end { 0x8A } else { 0x0A }, high, low])
}

/// A key as RFC 4733 sends it: an update each 20 ms, the end three times.
fn event(first: u16, start: u32, code: u8, updates: u16) -> Vec<Vec<u8>> {
    let last = updates + 1;
    (1..=last + 2)
        .map(|n| event_packet(first.wrapping_add(n - 1), start, n == 1, code, n >= last, n.min(last) * 160))
        .collect()
}

fn feed(pipeline: &mut Pipeline, from_us: u64, datagrams: &[Vec<u8>]) -> Output {
    let arrival =
        |(n, bytes): (usize, &Vec<u8>)| Sent { at_us: from_us + 20_000 * n as u64, bytes: bytes.clone() };
    let arrivals: Vec<Sent> = datagrams.iter().enumerate().map(arrival).collect();
    drive(pipeline, &arrivals)
}

#[test]
fn events_are_replaced_without_a_gap_and_pressed_once() {
    let mut pipeline = secured(MaskStyle::Silence);
    warm(&mut pipeline);
    let start = TIMESTAMP_0.wrapping_add(480);
    let output = feed(&mut pipeline, 100_000, &event(SEQUENCE_0 + 3, start, 7, 4));
    assert_eq!(output.presses, [(100_000, 7, Transport::Event)]);
    let headers: Vec<Header> = output.packets.iter().map(header).collect();
    for (n, header) in headers.iter().enumerate() {
        assert_eq!((header.payload_type, header.sequence), (audio_pt(LAW), SEQUENCE_0 + 3 + n as u16));
        let duration = (n as u32 + 1).min(5) * 160;
        assert_eq!(header.timestamp, start.wrapping_add(duration - 160));
    }
    assert!(output.packets.iter().all(silent) && headers.len() == 7);
    assert_eq!(pipeline.stats().replaced, 7);
}

#[test]
fn an_event_counts_from_its_first_packet_whatever_is_lost() {
    let whole = event(9, 8_000, 3, 4);
    for (name, kept) in [("end", 0..5), ("start", 3..7), ("all but one", 6..7)] {
        let mut pipeline = secured(MaskStyle::Silence);
        assert_eq!(feed(&mut pipeline, 0, &whole[kept]).presses.len(), 1, "{name} lost");
    }
    let mut pipeline = secured(MaskStyle::Silence);
    let mut twice = whole;
    twice.extend(event(16, 9_600, 3, 4));
    assert_eq!(feed(&mut pipeline, 0, &twice).presses.len(), 2, "the same key twice");
}

#[test]
fn a_long_event_in_segments_is_one_press() {
    let mut pipeline = secured(MaskStyle::Silence);
    let mut datagrams = Vec::new();
    let mut sequence = 0u16;
    for segment in 0..3u32 {
        let start = 1_000 + segment * 0xFFFF;
        for duration in (160..=0xFFFFu32).step_by(1_600).chain([0xFFFF]) {
            datagrams.push(event_packet(sequence, start, sequence == 0, 8, false, duration as u16));
            sequence += 1;
        }
    }
    assert_eq!(feed(&mut pipeline, 0, &datagrams).presses.len(), 1);
}

#[test]
fn events_on_an_open_line_are_mapped_or_replaced() {
    for (out_event_pt, expected) in [(Some(OUT_EVENT_PT), OUT_EVENT_PT), (None, audio_pt(LAW))] {
        let mut pipeline = Pipeline::new(PipelineConfig { out_event_pt, ..config(LAW, MaskStyle::Tone, 20) });
        let output = feed(&mut pipeline, 0, &event(1, 8_000, 3, 2));
        assert_eq!((output.packets.len(), output.presses.len()), (5, 1));
        for (n, packet) in output.packets.iter().enumerate() {
            assert_eq!((header(packet).payload_type, packet.at_us), (expected, 20_000 * n as u64));
        }
    }
}

#[test]
fn every_negotiated_event_type_is_suppressed_and_unknown_types_are_dropped() {
    let mut pipeline = secured(MaskStyle::Silence);
    let second = packet(97, 5, 800, true, &[4, 10, 0, 160]);
    let unknown = packet(110, 6, 960, false, &[4, 10, 0, 160]);
    let output = feed(&mut pipeline, 0, &[second, unknown]);
    assert_eq!((output.presses.len(), output.packets.len()), (1, 1));
    assert!(silent(&output.packets[0]));
    assert_eq!(pipeline.stats().unknown_payload_type, 1);
    // After a re-INVITE another payload type carries events; on a secured line the old ones still do.
    let config = PipelineConfig { event_pts: EventPts::new(&[110]), ..config(LAW, MaskStyle::Silence, 20) };
    pipeline.reconfigure(config);
    let later =
        [packet(110, 7, 16_000, true, &[4, 10, 0, 160]), packet(97, 8, 16_800, true, &[4, 10, 0, 160])];
    let output = feed(&mut pipeline, 2_000_000, &later);
    assert_eq!((output.presses.len(), output.packets.len()), (2, 2));
    assert!(output.packets.iter().all(silent));
    pipeline.set_secured(false);
    drive_on(&mut pipeline, &talk(3.0));
    let old = packet(97, 90, 99_000, true, &[4, 10, 0, 160]);
    assert!(feed(&mut pipeline, 4_000_000, &[old]).packets.is_empty(), "an open line forgets them");
}

#[test]
fn one_press_on_two_transports_is_one_digit() {
    // The gateway sends the tone and, 30 ms later and stamped 30 ms late, the event.
    let audio = tone(0, 10, 15, 40);
    let start = TIMESTAMP_0.wrapping_add(10 * 160 + 240);
    let mut arrivals = Vec::new();
    let mut sequence = SEQUENCE_0;
    for (index, sent) in audio.iter().enumerate() {
        let mut both = vec![sent.bytes.clone()];
        if (12..17).contains(&index) {
            let duration = (index as u16 - 11) * 160;
            both.push(event_packet(0, start, index == 12, 1, index == 16, duration));
        }
        for mut bytes in both {
            bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
            arrivals.push(Sent { at_us: sent.at_us, bytes });
            sequence = sequence.wrapping_add(1);
        }
    }
    let mut pipeline = secured(MaskStyle::Silence);
    let output = drive(&mut pipeline, &arrivals);
    assert_eq!(output.presses.len(), 1);
    assert!(output.packets.iter().all(silent), "neither tone nor event is heard");
    // The same by INFO: an echo each time, at first by order, then because it always was one.
    let mut presses = 0;
    for at_us in [1_000_000, 5_000_000] {
        pipeline.info(at_us, Key::from_event(1).expect("a key"), &mut |_| presses += 1);
    }
    assert_eq!(presses, 1, "the second INFO has no press to belong to, and INFO is no known echo yet");
}

#[test]
fn a_leg_with_info_alone_is_counted_from_info() {
    let mut pipeline = secured(MaskStyle::Silence);
    let mut presses = Vec::new();
    for (n, digit) in [4u8, 4, 4, 1].into_iter().enumerate() {
        let key = Key::from_event(digit).expect("a key");
        pipeline
            .info(n as u64 * 300_000, key, &mut |press| presses.push((code(&press.key), press.transport)));
    }
    let info = Transport::Info;
    assert_eq!(presses, [(4, info), (4, info), (4, info), (1, info)]);
}

#[test]
fn a_shut_line_lets_silence_out_and_nothing_opens_it() {
    let sent = talk(1.0);
    let mut pipeline = secured(MaskStyle::Silence);
    drive_on(&mut pipeline, &sent[..20]);
    pipeline.shut();
    pipeline.set_secured(false);
    pipeline.reconfigure(config(LAW, MaskStyle::Tone, 20));
    let output = drive(&mut pipeline, &sent[20..]);
    assert!(pipeline.is_secured());
    assert_eq!(output.packets.len(), sent.len() - 19);
    assert!(output.packets.iter().all(silent));
    assert!(feed(&mut pipeline, 9_000_000, &event(900, 1, 3, 2)).presses.is_empty());
}

#[test]
fn another_source_or_coding_is_mute_until_the_detector_is_warm() {
    let sent = talk(3.0);
    let heard = |output: &Output| output.packets.iter().position(|sent| !silent(sent));
    let mut pipeline = secured(MaskStyle::Silence);
    let output = drive_on(&mut pipeline, &sent[..50]);
    assert!(heard(&output).is_some_and(|first| first >= 2), "a call starts cold");
    let mut other = sent[50..100].to_vec();
    for packet in &mut other {
        packet.bytes[8..12].copy_from_slice(&(SSRC ^ 1).to_be_bytes());
    }
    let output = drive_on(&mut pipeline, &other);
    // One packet of the old source is still held.
    assert!(heard(&output).is_some_and(|first| first >= 3), "another source");
    pipeline.reconfigure(PipelineConfig { audio_pt: 0, ..config(Law::Mu, MaskStyle::Silence, 20) });
    let mut recoded = sent[100..].to_vec();
    for packet in &mut recoded {
        packet.bytes[8..12].copy_from_slice(&(SSRC ^ 1).to_be_bytes());
        packet.bytes[1] &= 0x80;
    }
    let output = drive_on(&mut pipeline, &recoded);
    let muted = |sent: &Sent| sent.bytes[12..].iter().all(|byte| *byte == Law::Mu.silence());
    assert!(output.packets[..3].iter().all(muted) && !output.packets.iter().all(muted), "another coding");
}

#[test]
fn what_is_too_long_repeated_or_no_rtp_is_told_apart() {
    let mut pipeline = secured(MaskStyle::Silence);
    warm(&mut pipeline);
    let base = TIMESTAMP_0.wrapping_add(480);
    let long = packet(audio_pt(LAW), SEQUENCE_0 + 3, base, false, &[0x11; 800]);
    let next = packet(audio_pt(LAW), SEQUENCE_0 + 4, base.wrapping_add(800), false, &[0x11; 160]);
    let mut left = Vec::new();
    let mut judge =
        |bytes: &[u8]| pipeline.packet(80_000, bytes, &mut |b| left.push(b.to_vec()), &mut |_| ());
    assert_eq!(judge(&long), Verdict::TooLong);
    assert!(matches!(judge(&next), Verdict::Held | Verdict::Masked));
    assert_eq!(judge(&next), Verdict::Duplicate);
    assert_eq!(judge(&[0x80; 5]), Verdict::NotRtp);
    assert_eq!(judge(&vec![0x80; 1_600]), Verdict::TooLong);
    assert_eq!(left.len(), 1);
    assert!(left[0].len() == 812 && left[0][12..].iter().all(|byte| *byte == LAW.silence()));
}

/// The agent's direction is a pipeline, too: a keypad code secures the line, events reach the
/// customer while it is open, and on a secured line an echo of the customer's keys does not.
#[test]
fn a_pipeline_serves_the_agents_direction() {
    let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Silence, 20));
    let sound = Train::new(16, 60.0, 60.0, -10.0).make(&mut Rng::new(6, "agent"));
    let sent = packets(LAW, &encode(LAW, &sound.samples), 20);
    let open = drive(&mut pipeline, &sent);
    let codes: Vec<u8> = open.presses.iter().map(|press| press.1).collect();
    assert_eq!(codes, sound.truth.iter().map(|digit| digit.code).collect::<Vec<_>>());
    assert!(open.packets.iter().zip(&sent).all(|(out, sent)| out.bytes == sent.bytes), "nothing is changed");
    let next = header(&sent[sent.len() - 1]);
    let star = event(next.sequence + 1, next.timestamp.wrapping_add(160), 10, 2);
    let relayed = feed(&mut pipeline, 9_000_000, &star);
    assert_eq!((relayed.presses.len(), relayed.packets.len()), (1, star.len()));
    assert!(relayed.packets.iter().all(|out| header(out).payload_type == OUT_EVENT_PT));
    pipeline.set_secured(true);
    let mut echo = sent.clone();
    for (n, packet) in echo.iter_mut().enumerate() {
        packet.at_us += 10_000_000;
        packet.bytes[2..4].copy_from_slice(&(n as u16).to_be_bytes());
        packet.bytes[8..12].copy_from_slice(&(SSRC ^ 1).to_be_bytes());
    }
    let secured = drive(&mut pipeline, &echo);
    assert_eq!(secured.presses.len(), 16, "the agent's keys are reported; whose they are, the caller knows");
    let far = FarListener::patient();
    let heard = secured.sound(LAW, sound.samples.len());
    assert!(sound.truth.iter().all(|digit| !far.names(&heard, digit)));
}
