//! What a simulated person sends: speech, and key presses over it or instead of it, cut into 20 ms packets.

use std::collections::VecDeque;
use std::time::Instant;

use crate::dtmf::{SAMPLE_RATE, Tone, event_of};
use crate::g711::Law;
use crate::rng::Rng;
use crate::rtp::{Packet, TelephoneEvent};
use crate::speech::Speech;

/// Samples in a packet: 20 ms.
pub const FRAME_SAMPLES: u32 = SAMPLE_RATE / 50;
/// Presses that may wait.
const PRESSES_MAX: usize = 256;

/// How a press travels in the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// As sound.
    Tone,
    /// As RFC 4733 packets in place of sound.
    Event,
    /// As both at the same time, as some phones and gateways do.
    Both,
}

/// How keys are pressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Press {
    /// Length of a press, ms.
    pub on_ms: u32,
    /// Pause after it, ms.
    pub off_ms: u32,
    /// Level of each tone.
    pub level_dbm0: f32,
    /// High tone minus low tone, dB.
    pub twist_db: f32,
    /// Speech goes on this many dB under the press; `None`: the talker is silent meanwhile.
    pub speech_under_db: Option<f32>,
}

impl Default for Press {
    fn default() -> Self {
        Self { on_ms: 80, off_ms: 80, level_dbm0: -10.0, twist_db: 0.0, speech_under_db: Some(13.0) }
    }
}

/// Whether the person speaks between the presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// Speech.
    Speech,
    /// Room noise alone.
    Quiet,
}

/// A press that was put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// The key.
    pub key: char,
    /// How it was sent; `None` for SIP INFO alone.
    pub carrier: Option<Carrier>,
    /// RTP timestamp of its first sample in the sender's own stream.
    pub start_ts: u32,
    /// RTP timestamp after its last sample.
    pub end_ts: u32,
    /// When INFO alone was about to be sent; other presses have their packets.
    pub noted_at: Option<Instant>,
}

struct Scheduled {
    key: char,
    carrier: Carrier,
    start: u64,
    end: u64,
    tone: Option<Tone>,
    speech_gain: f32,
    volume: u8,
}

/// What the sender was told to use.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Coding law.
    pub law: Law,
    /// Payload type of telephone-event, if negotiated.
    pub event_payload_type: Option<u8>,
}

/// The sending half of a phone, without its socket: one call of [`Voice::frame`] each 20 ms.
pub struct Voice {
    format: Format,
    ssrc: u32,
    seq: u16,
    first_ts: u32,
    at: u64,
    started: bool,
    talk: Talk,
    speech: Speech,
    rng: Rng,
    presses: VecDeque<Scheduled>,
    free_from: u64,
    keyed: Vec<Keyed>,
}

impl Voice {
    /// A voice that depends on `seed` alone.
    pub fn new(seed: u64, format: Format, talk: Talk) -> Self {
        let mut rng = Rng::named(seed, "voice");
        Self {
            format,
            ssrc: rng.bits() as u32,
            seq: rng.bits() as u16,
            first_ts: rng.bits() as u32,
            at: 0,
            started: false,
            talk,
            speech: Speech::new(seed, format.law),
            rng,
            presses: VecDeque::new(),
            free_from: 0,
            keyed: Vec::new(),
        }
    }

    /// Goes on as another source (RFC 3550 §8.1), as a phone does whose call was moved: the stream is
    /// the same in all else.
    pub fn change_source(&mut self) {
        self.ssrc = self.ssrc.wrapping_add(1);
    }

    /// Samples sent so far.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// What was pressed so far, and what is about to be.
    pub fn keyed(&self) -> &[Keyed] {
        &self.keyed
    }

    /// Takes over what a session description said.
    pub fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// What is sent now.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Speech or silence from the next packet on.
    pub fn set_talk(&mut self, talk: Talk) {
        self.talk = talk;
    }

    /// Writes down a press that travelled in SIP alone.
    pub fn note_sip_key(&mut self, key: char) {
        let ts = self.ts_of(self.at);
        self.keyed.push(Keyed {
            key,
            carrier: None,
            start_ts: ts,
            end_ts: ts,
            noted_at: Some(Instant::now()),
        });
    }

    /// Appends a press after those that wait; tones start anywhere within a packet. Gives the sample number at which
    /// its pause is over, or `None` for an unknown key or a full queue.
    pub fn press(&mut self, key: char, carrier: Carrier, press: &Press) -> Option<u64> {
        if self.presses.len() >= PRESSES_MAX || event_of(key).is_none() {
            return None;
        }
        let samples = |ms: u32| u64::from(ms) * u64::from(SAMPLE_RATE) / 1_000;
        let earliest = self.free_from.max(self.at);
        let start = match carrier {
            Carrier::Tone => earliest + u64::from(self.rng.below(FRAME_SAMPLES)),
            Carrier::Event | Carrier::Both => earliest.next_multiple_of(u64::from(FRAME_SAMPLES)),
        };
        let mut length = samples(press.on_ms).max(1);
        if carrier != Carrier::Tone {
            length = length.next_multiple_of(u64::from(FRAME_SAMPLES));
        }
        let tone = match carrier {
            Carrier::Event => None,
            Carrier::Tone | Carrier::Both => Some(Tone::new(
                key,
                length as u32,
                self.format.law,
                press.level_dbm0,
                press.twist_db,
                &mut self.rng,
            )?),
        };
        // Both tones together are 3 dB over one; speech stands at −22 dBm0.
        let speech_gain = press
            .speech_under_db
            .map_or(0.0, |under| 10f32.powf((press.level_dbm0 + 3.0 - under + 22.0) / 20.0));
        let end = start + length;
        self.presses.push_back(Scheduled {
            key,
            carrier,
            start,
            end,
            tone,
            speech_gain,
            volume: (-press.level_dbm0).clamp(0.0, 63.0) as u8,
        });
        self.free_from = end + samples(press.off_ms);
        self.keyed.push(Keyed {
            key,
            carrier: Some(carrier),
            start_ts: self.ts_of(start),
            end_ts: self.ts_of(end),
            noted_at: None,
        });
        Some(self.free_from)
    }

    /// The packets of the next 20 ms: one of sound, or the ones of an event, or both.
    pub fn frame(&mut self) -> Vec<Packet> {
        let (start, end) = (self.at, self.at + u64::from(FRAME_SAMPLES));
        let mut packets = Vec::with_capacity(4);
        let event = self
            .presses
            .iter()
            .position(|press| press.carrier != Carrier::Tone && press.start <= start && end <= press.end);
        let instead = event.is_some_and(|index| self.presses[index].carrier == Carrier::Event);
        let sound = self.sound(instead);
        if !instead {
            let marker = !std::mem::replace(&mut self.started, true);
            let payload_type = self.format.law.payload_type();
            packets.push(self.packet(marker, payload_type, self.ts_of(start), sound));
        }
        if let Some(index) = event {
            self.event_packets(index, end, &mut packets);
        }
        self.at = end;
        while self.presses.front().is_some_and(|press| press.end <= end) {
            self.presses.pop_front();
        }
        packets
    }

    fn sound(&mut self, unheard: bool) -> Box<[u8]> {
        let mut payload = Vec::with_capacity(FRAME_SAMPLES as usize);
        for at in self.at..self.at + u64::from(FRAME_SAMPLES) {
            // The voice runs on under everything, so that its pauses do not depend on the keys.
            let voice = self.speech.sample();
            let room = self.speech.room();
            let background = if self.talk == Talk::Speech { voice } else { room };
            let pressed = self.presses.iter().find(|press| press.start <= at && at < press.end);
            let sample = match pressed {
                Some(press) => {
                    let under = if self.talk == Talk::Speech { voice * press.speech_gain } else { 0.0 };
                    let tone = press.tone.as_ref().map_or(0.0, |tone| tone.sample((at - press.start) as u32));
                    tone + under + room
                }
                None => background,
            };
            if !unheard {
                payload.push(self.format.law.encode(sample.round().clamp(-32_768.0, 32_767.0) as i16));
            }
        }
        payload.into()
    }

    /// RFC 4733 §2.5.1: marker on the first packet, growing duration, a fixed timestamp, the end three times.
    fn event_packets(&mut self, index: usize, end: u64, packets: &mut Vec<Packet>) {
        let Some(payload_type) = self.format.event_payload_type else { return };
        let press = &self.presses[index];
        let (Some(event), volume, press_start, press_end) =
            (event_of(press.key), press.volume, press.start, press.end)
        else {
            return;
        };
        let last = end >= press_end;
        let duration = (end - press_start).min(u64::from(u16::MAX)) as u16;
        let payload = TelephoneEvent { event, end: last, volume, duration }.to_payload();
        let first = self.at == press_start;
        for _ in 0..if last { 3 } else { 1 } {
            packets.push(self.packet(
                first && duration == FRAME_SAMPLES as u16 && !last,
                payload_type,
                self.ts_of(press_start),
                payload.clone(),
            ));
        }
    }

    fn packet(&mut self, marker: bool, payload_type: u8, ts: u32, payload: Box<[u8]>) -> Packet {
        let seq = self.seq;
        self.seq = self.seq.wrapping_add(1);
        Packet { at: Instant::now(), marker, payload_type, seq, ts, ssrc: self.ssrc, payload }
    }

    fn ts_of(&self, at: u64) -> u32 {
        self.first_ts.wrapping_add(at as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(law: Law) -> Voice {
        Voice::new(11, Format { law, event_payload_type: Some(97) }, Talk::Speech)
    }

    #[test]
    fn packets_are_continuous() {
        let mut voice = voice(Law::A);
        let packets: Vec<Packet> = (0..50).flat_map(|_| voice.frame()).collect();
        assert!(packets[0].marker && packets.len() == 50);
        for pair in packets.windows(2) {
            assert_eq!(pair[1].seq, pair[0].seq.wrapping_add(1));
            assert_eq!(pair[1].ts, pair[0].ts.wrapping_add(160));
            assert_eq!((pair[1].payload.len(), pair[1].payload_type, pair[1].marker), (160, 8, false));
        }
    }

    #[test]
    fn an_event_grows_keeps_its_timestamp_and_ends_three_times() {
        let mut voice = voice(Law::Mu);
        let press = Press { on_ms: 60, ..Press::default() };
        voice.press('9', Carrier::Event, &press).expect("queued");
        let packets: Vec<Packet> = (0..4).flat_map(|_| voice.frame()).collect();
        let events: Vec<TelephoneEvent> = packets
            .iter()
            .filter(|packet| packet.payload_type == 97)
            .filter_map(|packet| TelephoneEvent::parse(&packet.payload))
            .collect();
        assert_eq!(events.iter().map(|event| event.duration).collect::<Vec<_>>(), [160, 320, 480, 480, 480]);
        assert_eq!(
            events.iter().map(|event| event.end).collect::<Vec<_>>(),
            [false, false, true, true, true]
        );
        assert!(events.iter().all(|event| event.event == 9));
        let timestamps: Vec<u32> =
            packets.iter().filter(|packet| packet.payload_type == 97).map(|packet| packet.ts).collect();
        assert!(timestamps.iter().all(|ts| *ts == timestamps[0]) && packets[0].marker && !packets[1].marker);
        assert_eq!(packets.len(), 6, "three frames of events alone, then sound");
    }

    #[test]
    fn both_sends_sound_and_events() {
        let mut voice = voice(Law::A);
        voice.press('1', Carrier::Both, &Press { on_ms: 40, ..Press::default() }).expect("queued");
        let packets: Vec<Packet> = (0..2).flat_map(|_| voice.frame()).collect();
        assert_eq!(packets.iter().filter(|packet| packet.payload_type == 8).count(), 2);
        assert_eq!(packets.iter().filter(|packet| packet.payload_type == 97).count(), 4);
    }

    #[test]
    fn unknown_keys_and_a_full_queue_are_refused() {
        let mut voice = voice(Law::A);
        assert_eq!(voice.press('x', Carrier::Tone, &Press::default()), None);
        let taken = (0..300).filter(|_| voice.press('1', Carrier::Tone, &Press::default()).is_some()).count();
        assert_eq!(taken, PRESSES_MAX);
    }
}
