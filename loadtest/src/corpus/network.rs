//! RTP around the product: packets in, a network between, what came out laid out by timestamp.

use super::sound::{RATE, below, range};
use crate::g711::Law;
use crate::rng::Rng;

/// Length of a plain RTP header (RFC 3550 §5.1).
const HEADER: usize = 12;
/// The first sequence number and timestamp lie near their wraps.
const SEQUENCE_0: u16 = 65_500;
const TIMESTAMP_0: u32 = u32::MAX - 30_000;
const SSRC: u32 = 0x1357_9BDF;

/// One RTP datagram, and when it arrives or leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Microseconds from the first sample sent.
    pub at_us: u64,
    /// The whole datagram.
    pub bytes: Vec<u8>,
}

/// What G.711 leaves of PCM.
pub fn coded(law: Law, pcm: &[i16]) -> Vec<u8> {
    pcm.iter().map(|sample| law.encode(*sample)).collect()
}

/// Decoded samples.
pub fn decoded(law: Law, codes: &[u8]) -> Vec<f64> {
    codes.iter().map(|code| f64::from(law.decode(*code))).collect()
}

/// Cuts coded sound into packets, each sent when its last sample is there.
pub fn packets(law: Law, codes: &[u8], ptime_ms: u8) -> Vec<Datagram> {
    let samples = usize::from(ptime_ms) * 8;
    let packet = |(index, payload): (usize, &[u8])| {
        let timestamp = TIMESTAMP_0.wrapping_add((index * samples) as u32);
        let mut bytes = vec![0x80, law.payload_type() | if index == 0 { 0x80 } else { 0 }];
        bytes.extend(SEQUENCE_0.wrapping_add(index as u16).to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(SSRC.to_be_bytes());
        bytes.extend(payload);
        Datagram { at_us: (index as u64 + 1) * u64::from(ptime_ms) * 1_000, bytes }
    };
    codes.chunks_exact(samples).enumerate().map(packet).collect()
}

/// What the network does to packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// Share of packets lost.
    pub loss: f64,
    /// Share of packets that arrive behind up to three others.
    pub reorder: f64,
    /// Largest extra delay of a packet, in ms, uniform.
    pub jitter_ms: f64,
}

impl Network {
    /// The packets as they arrive.
    pub fn carry(&self, rng: &mut Rng, sent: Vec<Datagram>) -> Vec<Datagram> {
        let step_us = sent.get(1).map_or(20_000, |second| second.at_us - sent[0].at_us);
        let mut arrived = Vec::with_capacity(sent.len());
        for mut packet in sent {
            let (lost, late, behind) = (range(rng, 0.0, 1.0), range(rng, 0.0, 1.0), range(rng, 0.0, 1.0));
            let places = 1 + below(rng, 3) as u64;
            if lost < self.loss {
                continue;
            }
            packet.at_us += (late * self.jitter_ms * 1_000.0) as u64;
            if behind < self.reorder {
                packet.at_us += step_us * places + 1;
            }
            arrived.push(packet);
        }
        arrived.sort_by_key(|packet| packet.at_us);
        arrived
    }
}

/// Place of a datagram's first sample in the sound that was sent, and its coded samples.
pub fn open(datagram: &Datagram) -> Option<(usize, &[u8])> {
    let stamp: [u8; 4] = datagram.bytes.get(4..8)?.try_into().ok()?;
    let at = u32::from_be_bytes(stamp).wrapping_sub(TIMESTAMP_0);
    Some((usize::try_from(at).ok()?, datagram.bytes.get(HEADER..)?))
}

/// Coded sound laid out by timestamp; gaps hold `fill`.
pub fn laid_out(datagrams: &[Datagram], len: usize, fill: u8) -> Vec<u8> {
    let mut sound = vec![fill; len];
    for datagram in datagrams {
        let Some((at, codes)) = open(datagram) else { continue };
        for (place, code) in sound.iter_mut().skip(at).zip(codes) {
            *place = *code;
        }
    }
    sound
}

/// The code word nearest to zero.
pub fn silence(law: Law) -> u8 {
    match law {
        Law::A => 0xD5,
        Law::Mu => 0xFF,
    }
}

/// Microseconds between a packet's arrival and its leaving, for every one that left.
pub fn delays_us(arrived: &[Datagram], left: &[Datagram]) -> Vec<u64> {
    let key = |datagram: &Datagram| datagram.bytes.get(2..8).map(<[u8]>::to_vec);
    let mut known = std::collections::HashMap::new();
    for datagram in arrived {
        known.entry(key(datagram)).or_insert(datagram.at_us);
    }
    left.iter().filter_map(|out| known.get(&key(out)).map(|at| out.at_us.saturating_sub(*at))).collect()
}

/// Samples in that many microseconds.
pub fn samples_at(at_us: u64) -> usize {
    (at_us as f64 * RATE / 1e6) as usize
}
