//! Non-interference: what is keyed cannot be told from what leaves.
//!
//! Two calls differ only in the sound of their true tone spans, which the generator labels; loss
//! and reordering are the same for both. Where the keys are, they leave byte-identical sound, and
//! the masks are of one length within a packet.

use super::sound::{COLUMNS, Digit, ROWS, Rng, add_noise, add_tone};
use super::wire::{Network, Sent, TIMESTAMP_0, config, drive, encode, packets};
use crate::dtmf::rtp::Header;
use crate::dtmf::{Law, Pipeline};
use crate::tenant::MaskStyle;

const PTIMES_MS: [usize; 4] = [10, 20, 30, 40];

/// Spans of twelve keys, and the sound around them, the same for every choice of keys.
fn background(rng: &mut Rng) -> (Vec<f64>, Vec<(usize, usize)>) {
    let mut spans = Vec::new();
    let mut at = 4_000 + rng.below(160);
    for _ in 0..12 {
        let len = 400 + rng.below(500);
        spans.push((at, at + len));
        at += len + 500 + rng.below(1_500);
    }
    let mut sound = vec![0.0; at + 4_000];
    add_noise(&mut sound, rng, -50.0);
    (sound, spans)
}

/// The call with these keys in the spans; level and twist are its own, too.
fn call(background: &[f64], spans: &[(usize, usize)], rng: &mut Rng) -> (Vec<f64>, Vec<Digit>) {
    let mut sound = background.to_vec();
    let mut truth = Vec::new();
    for &(start, end) in spans {
        let key = rng.below(16);
        let dbm0 = rng.range(-20.0, -6.0);
        let (low, high) = (rng.range(0.0, 6.0), rng.range(0.0, 6.0));
        add_tone(&mut sound[start..end], ROWS[key / 4], dbm0, low);
        add_tone(&mut sound[start..end], COLUMNS[key % 4], dbm0 + rng.range(-4.0, 2.0), high);
        truth.push(Digit { code: 0, start, end });
    }
    (sound, truth)
}

/// What leaves, by first sample: whether it is the sender's own sound, and the bytes.
fn leaves(law: Law, ptime_ms: usize, arrived: &[Sent]) -> Vec<(usize, bool, Vec<u8>)> {
    let mut pipeline = Pipeline::new(config(law, MaskStyle::Silence, ptime_ms as u8));
    pipeline.set_secured(true);
    let own = |out: &Sent, header: &Header, payload: &[u8]| {
        arrived.iter().any(|sent| {
            let (came, range) = Header::read(&sent.bytes).expect("RTP");
            came.timestamp == header.timestamp && &sent.bytes[range] == payload && !out.bytes.is_empty()
        })
    };
    let mut all: Vec<_> = drive(&mut pipeline, arrived)
        .packets
        .iter()
        .map(|out| {
            let (header, range) = Header::read(&out.bytes).expect("RTP");
            let payload = &out.bytes[range];
            let at = header.timestamp.wrapping_sub(TIMESTAMP_0) as usize;
            (at, own(out, &header, payload), payload.to_vec())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn two_calls_that_differ_in_their_keys_alone_leave_the_same_sound() {
    for seed in 0..12u64 {
        let mut rng = Rng::new(seed, "secrecy");
        let law = [Law::A, Law::Mu][seed as usize % 2];
        let ptime_ms = PTIMES_MS[seed as usize / 2 % 4];
        let (noise, spans) = background(&mut rng);
        let network = [
            Network::default(),
            Network { loss: 0.03, ..Network::default() },
            Network { reorder: 0.05, ..Network::default() },
        ][seed as usize % 3];
        let [one, other] = ["one", "other"].map(|name| {
            let (sound, truth) = call(&noise, &spans, &mut Rng::new(seed, name));
            let sent = packets(law, &encode(law, &sound), ptime_ms);
            // The network's dice are the same for both.
            (leaves(law, ptime_ms, &network.carry(&mut Rng::new(seed, "network"), sent)), truth)
        });
        assert_eq!(one.0.len(), other.0.len(), "seed {seed}: as many packets");
        let samples = ptime_ms * 8;
        for Digit { start, end, .. } in &one.1 {
            let within = |at: usize| at < *end && at + samples > *start;
            let mut lengths = [0usize; 2];
            for (mine, theirs) in one.0.iter().zip(&other.0) {
                assert_eq!(mine.0, theirs.0, "seed {seed}: the same packets");
                let near = mine.0 + 2 * samples + 480 > *start && mine.0 < *end + 480 + samples;
                lengths[0] += usize::from(near && !mine.1);
                lengths[1] += usize::from(near && !theirs.1);
                if within(mine.0) {
                    assert_eq!(mine.2, theirs.2, "seed {seed}: byte for byte at {}", mine.0);
                }
            }
            let apart = lengths[0].abs_diff(lengths[1]);
            assert!(apart <= 1, "seed {seed}: {lengths:?} packets masked at {start}");
        }
    }
}

/// The property is worth something only if it fails without a mask.
#[test]
fn an_open_line_tells_the_two_calls_apart() {
    let mut rng = Rng::new(1, "secrecy");
    let (noise, spans) = background(&mut rng);
    let [one, other] = ["one", "other"].map(|name| {
        let (sound, _) = call(&noise, &spans, &mut Rng::new(1, name));
        let mut pipeline = Pipeline::new(config(Law::A, MaskStyle::Silence, 20));
        let out = drive(&mut pipeline, &packets(Law::A, &encode(Law::A, &sound), 20));
        out.packets.into_iter().map(|sent| sent.bytes).collect::<Vec<_>>()
    });
    assert_ne!(one, other);
}
