//! RTP around a pipeline: packets in, a network between, what came out laid out by timestamp.

use super::sound::Rng;
use crate::dtmf::rtp::Header;
use crate::dtmf::{EventPts, Law, Pipeline, PipelineConfig, Press, Transport};
use crate::tenant::MaskStyle;
use tonewall_secret::Key;

pub const EVENT_PT: u8 = 101;
pub const OUT_EVENT_PT: u8 = 96;
pub const SSRC: u32 = 0x1357_9BDF;

pub fn audio_pt(law: Law) -> u8 {
    match law {
        Law::A => 8,
        Law::Mu => 0,
    }
}

pub fn config(law: Law, style: MaskStyle, ptime_ms: u8) -> PipelineConfig {
    PipelineConfig {
        law,
        audio_pt: audio_pt(law),
        event_pts: EventPts::new(&[EVENT_PT, 97]),
        out_audio_pt: audio_pt(law),
        out_event_pt: Some(OUT_EVENT_PT),
        style,
        dial_tone_hz: None,
        ptime_ms,
    }
}

pub fn encode(law: Law, sound: &[f64]) -> Vec<u8> {
    sound.iter().map(|s| law.encode(s.round().clamp(-32_768.0, 32_767.0) as i16)).collect()
}

pub fn decode(law: Law, payload: &[u8]) -> Vec<f64> {
    payload.iter().map(|code| f64::from(law.decode(*code))).collect()
}

pub fn packet(payload_type: u8, sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
    let header = Header { marker, payload_type, sequence, timestamp, ssrc: SSRC };
    [&header.write()[..], payload].concat()
}

/// One packet on its way.
#[derive(Clone)]
pub struct Sent {
    pub at_us: u64,
    pub bytes: Vec<u8>,
}

/// Cuts coded sound into packets; sequence and timestamp start near their wraps.
pub fn packets(law: Law, coded: &[u8], ptime_ms: usize) -> Vec<Sent> {
    let samples = ptime_ms * 8;
    coded
        .chunks_exact(samples)
        .enumerate()
        .map(|(index, payload)| Sent {
            at_us: (index as u64 + 1) * ptime_ms as u64 * 1_000,
            bytes: packet(
                audio_pt(law),
                SEQUENCE_0.wrapping_add(index as u16),
                TIMESTAMP_0.wrapping_add((index * samples) as u32),
                index == 0,
                payload,
            ),
        })
        .collect()
}

pub const SEQUENCE_0: u16 = 65_500;
pub const TIMESTAMP_0: u32 = u32::MAX - 30_000;

/// What the network does.
#[derive(Clone, Copy, Default)]
pub struct Network {
    /// Share of packets lost.
    pub loss: f64,
    /// Share of packets that arrive behind up to three others.
    pub reorder: f64,
    /// Largest extra delay of a packet, in ms.
    pub jitter_ms: f64,
}

impl Network {
    pub fn carry(&self, rng: &mut Rng, sent: Vec<Sent>) -> Vec<Sent> {
        let step_us = sent.get(1).map_or(20_000, |second| second.at_us - sent[0].at_us);
        let mut arrived = Vec::new();
        for mut packet in sent {
            if rng.range(0.0, 1.0) < self.loss {
                continue;
            }
            packet.at_us += (rng.range(0.0, 1.0) * self.jitter_ms * 1_000.0) as u64;
            if rng.range(0.0, 1.0) < self.reorder {
                packet.at_us += step_us * (1 + rng.below(3) as u64) + 1;
            }
            arrived.push(packet);
        }
        arrived.sort_by_key(|packet| packet.at_us);
        arrived
    }
}

/// What came out of a pipeline.
#[derive(Default)]
pub struct Output {
    pub packets: Vec<Sent>,
    /// When each press was reported, and what it was.
    pub presses: Vec<(u64, u8, Transport)>,
}

impl Output {
    /// The sound, laid out by timestamp from [`TIMESTAMP_0`]; gaps are silence.
    pub fn sound(&self, law: Law, len: usize) -> Vec<f64> {
        let mut sound = vec![0.0; len];
        for sent in &self.packets {
            let (header, payload) = Header::read(&sent.bytes).expect("what leaves is RTP");
            let at = header.timestamp.wrapping_sub(TIMESTAMP_0) as usize;
            for (place, sample) in sound.iter_mut().skip(at).zip(decode(law, &sent.bytes[payload])) {
                *place = sample;
            }
        }
        sound
    }
}

/// The event code of a key: only a test may look.
pub fn code(key: &Key) -> u8 {
    (0..16).find(|code| Key::from_event(*code).is_some_and(|other| other.same_as(key))).expect("a key")
}

/// Drives a pipeline through time, its timer included.
pub fn drive(pipeline: &mut Pipeline, arrivals: &[Sent]) -> Output {
    let mut output = Output::default();
    let run_timer = |pipeline: &mut Pipeline, until_us: u64, output: &mut Output| {
        while let Some(at_us) = pipeline.next_timeout_us().filter(|at_us| *at_us <= until_us) {
            pipeline.timer(at_us, &mut |bytes| output.packets.push(Sent { at_us, bytes: bytes.to_vec() }));
        }
    };
    for arrival in arrivals {
        let at_us = arrival.at_us;
        run_timer(pipeline, at_us.saturating_sub(1), &mut output);
        let (packets, presses) = (&mut output.packets, &mut output.presses);
        pipeline.packet(
            at_us,
            &arrival.bytes,
            &mut |bytes| packets.push(Sent { at_us, bytes: bytes.to_vec() }),
            &mut |press: Press| presses.push((at_us, code(&press.key), press.transport)),
        );
    }
    run_timer(pipeline, u64::MAX, &mut output);
    output
}

/// Plays sound through a secured pipeline over a perfect network.
pub fn play(law: Law, style: MaskStyle, ptime_ms: usize, sound: &[f64]) -> Output {
    let mut pipeline = Pipeline::new(config(law, style, ptime_ms as u8));
    pipeline.set_secured(true);
    drive(&mut pipeline, &packets(law, &encode(law, sound), ptime_ms))
}
