//! What foreign bytes must never do, as bodies that a fuzzer and a seeded test run alike.
//!
//! Each takes any bytes for a script and panics if a promise is broken: that nothing panics, that
//! no sound of a key leaves a secured line, that no more leaves than came, and that nothing waits
//! for ever. A pipeline is a value of fixed size without a heap, so there is nothing that grows.

use super::g711::Law;
use super::rtp::{HEADER_LEN, Header};
use super::{EventPts, Pipeline, PipelineConfig, Press};
use crate::sdp::{self, Direction, Local};
use crate::tenant::MaskStyle;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use tonewall_secret::Key;

const SSRC: u32 = 0x1357_9BDF;
const AUDIO_PT: u8 = 8;
const EVENT_PT: u8 = 101;

/// Samples of a packet of the key that is held, and how many of them there are.
const SAMPLES: usize = 160;
const PACKETS: usize = 50;

/// Longest datagram of a script: more than an MTU.
const DATAGRAM_MAX: usize = 2_000;

/// Equal bytes in a row, of a key and of what left in its place, that are chance: 1 ms.
const CHANCE: usize = 8;

/// A second of a key in A-law: 770 and 1,336 Hz at −10 dBm0 each.
static TONE: LazyLock<[u8; SAMPLES * PACKETS]> = LazyLock::new(|| {
    let wave = |hz: f32, n: usize| (std::f32::consts::TAU * hz * n as f32 / 8_000.0).sin();
    std::array::from_fn(|n| Law::A.encode((7_080.0 * (wave(770.0, n) + wave(1_336.0, n))) as i16))
});

fn tone(index: usize) -> &'static [u8] {
    &TONE[index * SAMPLES..][..SAMPLES]
}

/// A script, byte by byte; behind its end there are zeros.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn long(&mut self) -> u32 {
        u32::from(self.word()) << 16 | u32::from(self.word())
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    /// A datagram of any length; what is long repeats itself.
    fn datagram(&mut self) -> Vec<u8> {
        let len = usize::from(self.word()) % (DATAGRAM_MAX + 1);
        let pattern = self.bytes(len.min(24));
        pattern.iter().copied().cycle().take(len).collect()
    }
}

/// A secured line under test, and what is known of it.
struct Line {
    pipeline: Pipeline,
    now_us: u64,
    secured: bool,
    given: u64,
    left: u64,
}

impl Line {
    fn new() -> Line {
        let mut pipeline = Pipeline::new(config(0));
        pipeline.set_secured(true);
        Line { pipeline, now_us: 0, secured: true, given: 0, left: 0 }
    }

    fn packet(&mut self, datagram: &[u8]) {
        self.given += 1;
        let (left, secured) = (&mut self.left, self.secured);
        let mut presses = 0;
        self.pipeline.packet(self.now_us, datagram, &mut |out| judge(out, secured, left), &mut |_: Press| {
            presses += 1;
        });
        assert!(presses <= 1 + datagram.len() / 4, "{presses} presses in a datagram of {}", datagram.len());
        assert!(self.left <= self.given, "{} came, {} left", self.given, self.left);
    }

    fn wait(&mut self, us: u64) {
        self.now_us += us;
        let (left, secured) = (&mut self.left, self.secured);
        self.pipeline.timer(self.now_us, &mut |out| judge(out, secured, left));
        let due_us = self.pipeline.next_timeout_us();
        assert!(due_us.is_none_or(|due_us| due_us > self.now_us), "nothing is overdue");
    }

    /// The end of a script: whatever waits leaves, and nothing is left.
    fn end(mut self) {
        self.wait(1_000_000);
        assert_eq!(self.pipeline.next_timeout_us(), None);
        let stats = self.pipeline.stats();
        assert_eq!((stats.packets_in, stats.packets_out), (self.given, self.left));
        assert!(self.left <= self.given, "{} came, {} left", self.given, self.left);
    }
}

/// A packet left: it is RTP, and on a secured line none of the key's sound is in it.
fn judge(out: &[u8], secured: bool, left: &mut u64) {
    *left += 1;
    let Some((header, payload)) = Header::read(out) else { panic!("what leaves is RTP") };
    let index = header.timestamp as usize / SAMPLES;
    if !secured || index >= PACKETS || !(header.timestamp as usize).is_multiple_of(SAMPLES) {
        return;
    }
    let mut run = 0;
    for (sent, own) in out[payload].iter().zip(tone(index)) {
        run = if sent == own { run + 1 } else { 0 };
        assert!(run <= CHANCE, "packet {index} of the key was heard");
    }
}

/// One of the ways a line may be negotiated; with A-law in half of them, which the key has.
fn config(choice: u8) -> PipelineConfig {
    let (law, audio_pt) = if choice & 1 == 0 { (Law::A, AUDIO_PT) } else { (Law::Mu, 0) };
    let styles = [MaskStyle::Silence, MaskStyle::Tone, MaskStyle::Comfort, MaskStyle::Closed];
    PipelineConfig {
        law,
        audio_pt,
        event_pts: EventPts::new(&[[EVENT_PT, 97], [96, 127]][usize::from(choice >> 1 & 1)]),
        out_audio_pt: audio_pt,
        out_event_pt: (choice & 4 == 0).then_some(EVENT_PT),
        style: styles[usize::from(choice >> 3 & 3)],
        dial_tone_hz: None,
        ptime_ms: choice >> 2,
    }
}

/// Datagrams of any kind and order, changes of everything that can change, and amidst them a key.
pub fn rtp(data: &[u8]) {
    let mut script = Script(data);
    let mut line = Line::new();
    let mut index = 0;
    while !script.0.is_empty() {
        let step = script.byte();
        line.wait(u64::from(step >> 4) * 2_500);
        match step & 0x0F {
            0..=5 => {
                // Mostly in order: where there are gaps all the time, nothing passes anyway.
                let choice = usize::from(script.byte());
                index = if choice < 200 { index + 1 } else { choice } % PACKETS;
                line.packet(&packet(AUDIO_PT, index as u16, (index * SAMPLES) as u32, tone(index)));
            }
            6 | 7 => line.packet(&script.datagram()),
            8 => {
                let mut datagram = script.datagram();
                if let [first, ..] = &mut datagram[..] {
                    *first = 0x80 | *first & 0x3F;
                }
                line.packet(&datagram);
            }
            9 => {
                let (sequence, timestamp) = (script.word(), script.long());
                let payload_type = [EVENT_PT, 97, 96, 13, 19][usize::from(script.byte() % 5)];
                let len = script.byte().into();
                line.packet(&packet(payload_type, sequence, timestamp, &script.bytes(len)));
            }
            10 => line.pipeline.reconfigure(config(script.byte())),
            11 => line.pipeline.set_field_open(script.byte() & 1 == 0),
            12 => line.pipeline.set_slow_keys(script.byte() & 1 == 0),
            13 => {
                line.secured = script.byte() & 3 != 0;
                line.pipeline.set_secured(line.secured);
            }
            14 => {
                let Some(key) = Key::from_event(script.byte() & 0x0F) else { continue };
                match script.byte() & 1 {
                    0 => line.pipeline.info(line.now_us, key, &mut |_| ()),
                    _ => line.pipeline.kpml(line.now_us, key, &mut |_| ()),
                }
            }
            _ => line.wait(u64::from(script.word()) * 1_000),
        }
    }
    line.end();
}

/// Telephone-events of any payload, in any order, on a secured line: none of them leaves.
pub fn telephone_event(data: &[u8]) {
    let mut script = Script(data);
    let mut line = Line::new();
    let (mut sequence, mut timestamp) = (0u16, 0u32);
    while !script.0.is_empty() {
        let step = script.byte();
        line.wait(u64::from(step >> 4) * 5_000);
        sequence = sequence.wrapping_add(u16::from(step & 3));
        timestamp = timestamp.wrapping_add(u32::from(script.word()));
        let len = usize::from(step >> 2 & 3) * 4 + usize::from(script.byte() % 4);
        let payload = script.bytes(len);
        let mut left = Vec::new();
        let datagram = packet(EVENT_PT, sequence, timestamp, &payload);
        line.given += 1;
        line.pipeline.packet(line.now_us, &datagram, &mut |out| left.push(out.to_vec()), &mut |_| ());
        for out in left {
            judge(&out, true, &mut line.left);
            let silence = out[HEADER_LEN..].iter().all(|code| *code == Law::A.silence());
            assert!(out[1] & 0x7F == AUDIO_PT && silence, "an event left");
        }
    }
    line.end();
}

/// Any SDP: read, settled, answered. An answer of ours can be read and says what was settled.
pub fn sdp(data: &[u8]) {
    let Ok(remote) = sdp::read(data) else { return };
    let rtp = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 40_000);
    let local = Local { rtp, session: 1, version: 1 };
    for law in [None, Some(Law::A), Some(Law::Mu)] {
        let settled = remote.settle(law);
        let answer = sdp::answer(local, &remote, &settled, Direction::SendRecv);
        let Ok(own) = sdp::read(&answer) else { panic!("our own answer cannot be read") };
        assert!(own.rtp == rtp && own.audio == [(settled.audio_pt, settled.law)], "another answer");
        assert_eq!(own.events, settled.event_pt.into_iter().collect::<Vec<_>>());
    }
}

fn packet(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header { marker: false, payload_type, sequence, timestamp, ssrc: SSRC };
    [&header.write()[..], payload].concat()
}
