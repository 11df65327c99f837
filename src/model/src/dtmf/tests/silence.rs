//! Silence that a sender leaves out (RFC 3389, DTX): no leak behind it, and little talk lost.

use super::judge::Listener;
use super::sound::{Digit, Rng, Train, add_noise};
use super::wire::{Output, Sent, TIMESTAMP_0, config, decode, drive, encode, packet, packets};
use crate::dtmf::rtp::Header;
use crate::dtmf::{Law, Pipeline, PipelineConfig};
use crate::tenant::MaskStyle;

const LAW: Law = Law::Mu;

/// How a sender leaves silence out.
#[derive(Clone, Copy, Debug)]
struct Dtx {
    /// Comfort noise as the silence begins, of this payload type.
    noise_pt: Option<u8>,
    /// And again each 200 ms.
    repeated: bool,
    /// A marker bit as the talk goes on.
    marked: bool,
}

const SENDERS: [Dtx; 5] = [
    Dtx { noise_pt: None, repeated: false, marked: false },
    Dtx { noise_pt: None, repeated: false, marked: true },
    Dtx { noise_pt: Some(13), repeated: false, marked: true },
    Dtx { noise_pt: Some(13), repeated: true, marked: false },
    Dtx { noise_pt: Some(19), repeated: true, marked: true },
];

/// Sends talk, but for the packets wholly within the gaps (in samples).
fn suppress(sound: &[f64], ptime_ms: usize, gaps: &[(usize, usize)], dtx: Dtx) -> Vec<Sent> {
    let mut sent: Vec<Sent> = Vec::new();
    let mut since_noise_ms = None;
    for (index, mut one) in packets(LAW, &encode(LAW, sound), ptime_ms).into_iter().enumerate() {
        let (from, to) = (index * ptime_ms * 8, (index + 1) * ptime_ms * 8);
        let is_gap = gaps.iter().any(|gap| gap.0 <= from && to <= gap.1);
        let timestamp = TIMESTAMP_0.wrapping_add(from as u32);
        let is_due = since_noise_ms.is_none_or(|ms| dtx.repeated && ms >= 200);
        if !is_gap {
            one.bytes[1] |= if dtx.marked && since_noise_ms.is_some() { 0x80 } else { 0 };
            since_noise_ms = None;
            sent.push(one);
            continue;
        }
        since_noise_ms = Some(since_noise_ms.unwrap_or(0) + ptime_ms);
        if let Some(noise_pt) = dtx.noise_pt.filter(|_| is_due) {
            since_noise_ms = Some(ptime_ms);
            sent.push(Sent { at_us: one.at_us, bytes: packet(noise_pt, 0, timestamp, false, &[0x40]) });
        }
    }
    for (index, one) in sent.iter_mut().enumerate() {
        one.bytes[2..4].copy_from_slice(&(65_530u16.wrapping_add(index as u16)).to_be_bytes());
    }
    sent
}

fn secured(ptime_ms: usize) -> Pipeline {
    let mut pipeline = Pipeline::new(config(LAW, MaskStyle::Silence, ptime_ms as u8));
    pipeline.set_secured(true);
    pipeline
}

/// A key at any place right behind a gap, from its very first sample on, is neither heard nor lost.
#[test]
fn a_key_right_behind_a_silence_is_masked_from_its_first_packet() {
    let far = Listener::patient();
    for dtx in SENDERS {
        for ptime_ms in [10, 20, 30, 40] {
            for gap_ms in [100, 1_000, 4_000] {
                let train = Train::new(1, 60.0, 0.0, -10.0).make(&mut Rng::new(gap_ms as u64, "behind"));
                let tone = &train.samples[train.truth[0].start..train.truth[0].end];
                let start = 4_800 + gap_ms * 8;
                // The key begins with the packet, or somewhere in it.
                for into in [0, 40, 75, 180, 250, 330] {
                    let mut sound = vec![0.0; start + 4_800];
                    add_noise(&mut sound, &mut Rng::new(2, "line"), -50.0);
                    sound[start + into..start + into + tone.len()].copy_from_slice(tone);
                    let digit =
                        Digit { start: start + into, end: start + into + tone.len(), ..train.truth[0] };
                    let arrivals = suppress(&sound, ptime_ms, &[(4_800, start)], dtx);
                    let output = drive(&mut secured(ptime_ms), &arrivals);
                    let name = format!("{dtx:?}, {ptime_ms} ms, {gap_ms} ms gap, {into} samples in");
                    let heard = output.sound(LAW, sound.len());
                    assert!(!far.names(&heard, &digit), "{name}");
                    let own = decode(LAW, &encode(LAW, &sound));
                    assert!(far.names(&own, &digit), "the control: {name}");
                    let leaked =
                        (digit.start..digit.end).filter(|n| heard[*n] == own[*n] && own[*n].abs() > 300.0);
                    assert_eq!(leaked.count(), 0, "{name}");
                    assert_eq!(output.presses.len(), 1, "{name}");
                }
            }
        }
    }
}

/// How much of a talk spurt is muted at its beginning, in ms.
fn muted_ms(arrivals: &[Sent], output: &Output, from_us: u64) -> u64 {
    let spurt: Vec<&Sent> = arrivals.iter().filter(|sent| sent.at_us > from_us).collect();
    let own = |sent: &&Sent| {
        let header = Header::read(&sent.bytes).expect("RTP").0;
        let left = output
            .packets
            .iter()
            .find(|out| Header::read(&out.bytes).expect("RTP").0.sequence == header.sequence);
        left.is_some_and(|left| left.bytes[12..] == sent.bytes[12..])
    };
    let muted = spurt.iter().position(own).expect("the spurt is heard");
    spurt[..muted].iter().map(|sent| (sent.bytes.len() as u64 - 12) / 8).sum()
}

/// The warm-up of the detector: 30 ms in whole packets, which is one of 30, 40 or 60 ms.
#[test]
fn a_talk_spurt_behind_a_silence_loses_its_warm_up() {
    for dtx in SENDERS {
        for (ptime_ms, expected_ms) in [(10, 30), (20, 40), (30, 30), (40, 40), (60, 60)] {
            let mut talk = vec![0.0; 24_000];
            add_noise(&mut talk, &mut Rng::new(3, "talk"), -25.0);
            let arrivals = suppress(&talk, ptime_ms, &[(8_000, 16_320)], dtx);
            let output = drive(&mut secured(ptime_ms), &arrivals);
            let lost_ms = muted_ms(&arrivals, &output, 16_320 / 8 * 1_000);
            assert_eq!(lost_ms, expected_ms, "{dtx:?}, {ptime_ms} ms: {lost_ms} ms");
        }
    }
}

#[test]
fn comfort_noise_passes_an_open_line_and_is_silence_on_a_secured_one() {
    for payload_type in [13, 19] {
        let noise = packet(payload_type, 77, 4_000, false, &[0x40]);
        let arrival = [Sent { at_us: 20_000, bytes: noise.clone() }];
        let mut open = Pipeline::new(config(LAW, MaskStyle::Tone, 20));
        assert_eq!(drive(&mut open, &arrival).packets[0].bytes, noise);
        let output = drive(&mut secured(20), &arrival);
        let (header, payload) = Header::read(&output.packets[0].bytes).expect("RTP");
        assert_eq!((header.payload_type, payload.len()), (0, 160));
        assert!(output.packets[0].bytes[payload].iter().all(|code| *code == LAW.silence()));
    }
    // As anything else of which nobody spoke, a dynamic type is dropped: no answer of ours names one.
    let dynamic = [Sent { at_us: 20_000, bytes: packet(118, 77, 4_000, false, &[0x40]) }];
    let config = PipelineConfig { ..config(LAW, MaskStyle::Tone, 20) };
    assert!(drive(&mut Pipeline::new(config), &dynamic).packets.is_empty());
}
