//! Non-interference: what is keyed cannot be told from what leaves.
//!
//! Two calls differ only in the sound of their true tone spans, which the generator labels: keys,
//! levels and twist. Loss, jitter and reordering are the same for both. Where the keys are, they
//! leave byte-identical sound, and the masks are of one length within a packet. The flat tone is
//! bound to the moment at which a press is reported, and that may differ by a packet with the
//! level: so each call is also compared with a third one that is given those moments and no sound.
//!
//! A mask has two edges, and each may fall into the packet before or behind for a hop's difference: a
//! length that differs by two is both at once.

use super::sound::{COLUMNS, ROWS, Rng, add_noise, add_tone};
use super::wire::{Network, Output, Sent, TIMESTAMP_0, config, drive, encode, packets};
use crate::dtmf::rtp::Header;
use crate::dtmf::{Law, Pipeline};
use crate::tenant::MaskStyle;
use tonewall_secret::Key;

const PAIRS: u64 = 600;

/// Masks in a thousand whose edges may both lie in another packet: measured are 0.4 of 62,000.
const BOTH_EDGES_IN_1000_MAX: f64 = 1.0;
const PTIMES_MS: [usize; 3] = [10, 20, 30];
const LAWS: [Law; 2] = [Law::A, Law::Mu];
const STYLES: [MaskStyle; 4] = [MaskStyle::Silence, MaskStyle::Comfort, MaskStyle::Tone, MaskStyle::Closed];
const NETWORKS: [Network; 4] = [
    Network { loss: 0.0, reorder: 0.0, jitter_ms: 0.0 },
    Network { loss: 0.03, reorder: 0.0, jitter_ms: 0.0 },
    Network { loss: 0.0, reorder: 0.05, jitter_ms: 3.0 },
    Network { loss: 0.02, reorder: 0.03, jitter_ms: 30.0 },
];

/// What two calls have in common.
struct Setting {
    seed: u64,
    law: Law,
    ptime_ms: usize,
    style: MaskStyle,
    network: Network,
    /// The sound round the keys, and their spans in samples.
    noise: Vec<f64>,
    spans: Vec<(usize, usize)>,
}

impl Setting {
    fn new(seed: u64) -> Setting {
        let mut rng = Rng::new(seed, "secrecy");
        let mut spans = Vec::new();
        let mut at = 4_000 + rng.below(160);
        for _ in 0..12 {
            let len = 400 + rng.below(500);
            spans.push((at, at + len));
            at += len + 500 + rng.below(1_500);
        }
        let mut noise = vec![0.0; at + 4_000];
        add_noise(&mut noise, &mut rng, -50.0);
        Setting {
            seed,
            law: LAWS[rng.below(2)],
            ptime_ms: PTIMES_MS[rng.below(3)],
            style: STYLES[seed as usize % 4],
            network: NETWORKS[seed as usize / 4 % 4],
            noise,
            spans,
        }
    }

    /// A call with keys of its own in the spans, of a level and a twist of their own.
    fn call(&self, name: &str) -> Vec<Sent> {
        let mut rng = Rng::new(self.seed, name);
        let mut sound = self.noise.clone();
        for &(start, end) in &self.spans {
            let key = rng.below(16);
            let dbm0 = rng.range(-20.0, -6.0);
            let (low, high) = (rng.range(0.0, 6.0), rng.range(0.0, 6.0));
            add_tone(&mut sound[start..end], ROWS[key / 4], dbm0, low);
            add_tone(&mut sound[start..end], COLUMNS[key % 4], dbm0 + rng.range(-4.0, 2.0), high);
        }
        let sent = packets(self.law, &encode(self.law, &sound), self.ptime_ms);
        // The network's dice are the same for both.
        self.network.carry(&mut Rng::new(self.seed, "network"), sent)
    }

    fn pipeline(&self, style: MaskStyle, secured: bool) -> Pipeline {
        let mut pipeline = Pipeline::new(config(self.law, style, self.ptime_ms as u8));
        pipeline.set_secured(secured);
        pipeline.set_field_open(style == MaskStyle::Closed);
        pipeline
    }

    /// Whether presses are heard.
    fn is_flat(&self) -> bool {
        matches!(self.style, MaskStyle::Tone | MaskStyle::Closed)
    }

    /// What leaves when the same packets come without any sound, and presses are told of by
    /// signalling at the moments at which `heard` reported them.
    fn deaf(&self, arrived: &[Sent], heard: &Output) -> Output {
        let style = if self.is_flat() { MaskStyle::Closed } else { self.style };
        let mut pipeline = self.pipeline(style, true);
        if !self.is_flat() {
            pipeline.shut();
        }
        let mut output = Output::default();
        let mut moments = heard.presses.iter().map(|press| press.0).peekable();
        for sent in arrived {
            let at_us = sent.at_us;
            let mut bytes = sent.bytes.clone();
            bytes[12..].fill(self.law.silence());
            let mut keep = |bytes: &[u8]| output.packets.push(Sent { at_us, bytes: bytes.to_vec() });
            while let Some(due_us) = pipeline.next_timeout_us().filter(|due_us| *due_us < at_us) {
                pipeline.timer(due_us, &mut keep);
            }
            let mut codes = (0..16).cycle();
            while moments.next_if(|moment| *moment == at_us).is_some() {
                // Another key each time, so that none is the echo of another.
                let key = codes.next().and_then(Key::from_event).expect("a key");
                pipeline.info(at_us, key, &mut |_| ());
            }
            pipeline.packet(at_us, &bytes, &mut keep, &mut |_| ());
        }
        while let Some(due_us) = pipeline.next_timeout_us() {
            pipeline.timer(due_us, &mut |bytes| {
                output.packets.push(Sent { at_us: due_us, bytes: bytes.to_vec() });
            });
        }
        output
    }
}

/// What left, by first sample.
fn laid_out(output: &Output) -> Vec<(usize, &[u8])> {
    let place =
        |sent: &'_ Sent| Header::read(&sent.bytes).expect("RTP").0.timestamp.wrapping_sub(TIMESTAMP_0);
    let mut all: Vec<_> =
        output.packets.iter().map(|sent| (place(sent) as usize, &sent.bytes[12..])).collect();
    all.sort();
    all
}

/// Whether what left in the tone spans is the same.
fn same_in_spans(setting: &Setting, one: &Output, other: &Output) -> Result<(), String> {
    let samples = setting.ptime_ms * 8;
    let (one, other) = (laid_out(one), laid_out(other));
    if one.len() != other.len() {
        return Err(format!("{} and {} packets", one.len(), other.len()));
    }
    for ((at, mine), (at_other, theirs)) in one.iter().zip(&other) {
        let in_span = setting.spans.iter().any(|(start, end)| at < end && at + samples > *start);
        if at != at_other || (in_span && mine != theirs) {
            return Err(format!("at sample {at}"));
        }
    }
    Ok(())
}

/// Packets round each span that left without their own sound.
fn masked(setting: &Setting, arrived: &[Sent], output: &Output) -> Vec<usize> {
    let samples = setting.ptime_ms * 8;
    let came = Output { packets: arrived.to_vec(), ..Output::default() };
    let (came, left) = (laid_out(&came), laid_out(output));
    let near =
        |at: usize, (start, end): (usize, usize)| at + 2 * samples + 480 > start && at < end + 480 + samples;
    let one =
        |span: &(usize, usize)| left.iter().filter(|own| near(own.0, *span) && !came.contains(own)).count();
    setting.spans.iter().map(one).collect()
}

/// What is known of a pair that holds.
struct Held {
    /// Whether presses came at the same moments.
    same_moments: bool,
    /// Masks of which both edges lie in another packet.
    both_edges: usize,
}

/// The property for one pair.
fn check(setting: &Setting, secured: bool) -> Result<Held, String> {
    let calls = ["one", "other"].map(|name| setting.call(name));
    let outputs = [0, 1].map(|n| drive(&mut setting.pipeline(setting.style, secured), &calls[n]));
    for n in 0..2 {
        same_in_spans(setting, &outputs[n], &setting.deaf(&calls[n], &outputs[n]))
            .map_err(|error| format!("call {n} against none: {error}"))?;
    }
    let moments = [0, 1].map(|n| outputs[n].presses.iter().map(|press| press.0).collect::<Vec<_>>());
    let same_moments = moments[0] == moments[1];
    if !same_moments && setting.is_flat() {
        return Ok(Held { same_moments, both_edges: 0 });
    }
    same_in_spans(setting, &outputs[0], &outputs[1])?;
    let lengths = [0, 1].map(|n| masked(setting, &calls[n], &outputs[n]));
    let apart: Vec<_> = lengths[0].iter().zip(&lengths[1]).map(|(one, other)| one.abs_diff(*other)).collect();
    if apart.iter().any(|packets| *packets > 2) {
        return Err(format!("masks of {:?} and {:?} packets", lengths[0], lengths[1]));
    }
    let both_edges = apart.iter().filter(|packets| **packets == 2).count();
    Ok(Held { same_moments, both_edges })
}

#[test]
fn two_calls_that_differ_in_their_keys_alone_leave_the_same_sound() {
    let (mut same, mut compared, mut both_edges) = (0, 0, 0);
    for seed in 0..PAIRS {
        let setting = Setting::new(seed);
        let held = check(&setting, true).unwrap_or_else(|error| {
            panic!("seed {seed}: {:?}, {:?}, {} ms: {error}", setting.law, setting.style, setting.ptime_ms)
        });
        same += u64::from(held.same_moments);
        compared += if held.same_moments || !setting.is_flat() { setting.spans.len() } else { 0 };
        both_edges += held.both_edges;
    }
    println!("{PAIRS} pairs, presses at the same moments in {same}; of {compared} masks {both_edges} by two");
    assert!(same > PAIRS / 2 && compared > 4_000, "{same} pairs, {compared} masks");
    let in_1000 = both_edges as f64 * 1e3 / compared as f64;
    assert!(in_1000 <= BOTH_EDGES_IN_1000_MAX, "{both_edges} of {compared} masks");
}

/// The property is worth something only if it fails without a mask.
#[test]
fn an_open_line_tells_the_two_calls_apart() {
    for seed in 0..72 {
        assert!(check(&Setting::new(seed), false).is_err(), "seed {seed}");
    }
}
