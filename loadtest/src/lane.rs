//! Received packets laid out as sound by RTP timestamp, and found again in what was sent.

use std::collections::HashMap;

use crate::g711::Law;
use crate::rtp::Packet;

/// A jump of more than this (60 s) starts a new lane: a lane is memory.
const JUMP_SAMPLES: i64 = 480_000;
/// Equal packets that have to agree on an offset.
const VOTES_MIN: usize = 8;

/// One stretch of sound of one source.
pub struct Lane {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Unwrapped timestamp of the first sample.
    pub start: i64,
    /// Linear sound, silence in the gaps.
    pub sound: Vec<f32>,
    /// Law of its first packet.
    pub law: Law,
    /// Audio packets in it: index into the packets, unwrapped timestamp.
    pub packets: Vec<(usize, i64)>,
}

/// Lays packets out. A second packet for a place that is taken goes to a further lane: both can be heard.
pub fn lay_out(packets: &[Packet]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut clocks: HashMap<u32, i64> = HashMap::new();
    let mut order: Vec<(usize, i64, Law)> = Vec::new();
    for (index, packet) in packets.iter().enumerate() {
        let Some(law) = Law::from_payload_type(packet.payload_type) else { continue };
        let clock = clocks.entry(packet.ssrc).or_insert_with(|| i64::from(packet.ts) + (1 << 32));
        // The nearest unwrapped value to the last one.
        *clock += i64::from(packet.ts.wrapping_sub(*clock as u32) as i32);
        order.push((index, *clock, law));
    }
    order.sort_by_key(|(index, ts, _)| (packets[*index].ssrc, *ts));
    for (index, ts, law) in order {
        let packet = &packets[index];
        let fits = |lane: &Lane| {
            let end = lane.start + lane.sound.len() as i64;
            lane.ssrc == packet.ssrc && lane.law == law && ts >= end && ts - end < JUMP_SAMPLES
        };
        let lane = match lanes.iter().position(fits) {
            Some(found) => &mut lanes[found],
            None => {
                lanes.push(Lane {
                    ssrc: packet.ssrc,
                    start: ts,
                    sound: Vec::new(),
                    law,
                    packets: Vec::new(),
                });
                match lanes.last_mut() {
                    Some(lane) => lane,
                    None => continue,
                }
            }
        };
        lane.sound.resize((ts - lane.start) as usize, 0.0);
        lane.sound.extend(packet.payload.iter().map(|code| f32::from(law.decode(*code))));
        lane.packets.push((index, ts));
    }
    lanes
}

/// Sent packets by content, to find where received ones come from.
pub struct Original<'a> {
    by_content: HashMap<(u8, &'a [u8]), usize>,
    sent: &'a [Packet],
}

impl Lane {
    /// The place in [`Lane::sound`] of a sent timestamp; may lie outside.
    pub fn place(&self, sent_ts: u32, offset: u32) -> i64 {
        i64::from(sent_ts.wrapping_add(offset).wrapping_sub(self.start as u32) as i32)
    }
}

impl<'a> Original<'a> {
    /// Takes in what was sent; packets that say the same (silence) prove nothing and are left out.
    pub fn new(sent: &'a [Packet]) -> Self {
        let mut by_content: HashMap<(u8, &[u8]), usize> = HashMap::new();
        let mut seen_twice: Vec<(u8, &[u8])> = Vec::new();
        for (index, packet) in sent.iter().enumerate() {
            let content = (packet.payload_type, &*packet.payload);
            if Law::from_payload_type(packet.payload_type).is_some()
                && by_content.insert(content, index).is_some()
            {
                seen_twice.push(content);
            }
        }
        for content in seen_twice {
            by_content.remove(&content);
        }
        Self { by_content, sent }
    }

    /// The sent packet with the same payload, untouched on its way.
    pub fn find(&self, packet: &Packet) -> Option<&'a Packet> {
        self.by_content.get(&(packet.payload_type, &*packet.payload)).map(|index| &self.sent[*index])
    }

    /// What to add (modulo 2³²) to a sent timestamp to get the lane's; the most frequent value among untouched packets.
    pub fn offset(&self, lane: &Lane, packets: &[Packet]) -> Option<u32> {
        let mut votes: HashMap<u32, usize> = HashMap::new();
        let mut all = 0;
        for (index, ts) in &lane.packets {
            if let Some(sent) = self.find(&packets[*index]) {
                *votes.entry((*ts as u32).wrapping_sub(sent.ts)).or_default() += 1;
                all += 1;
            }
        }
        let (offset, count) = votes.into_iter().max_by_key(|(offset, count)| (*count, *offset))?;
        (count >= VOTES_MIN && count * 2 > all).then_some(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::{Format, Talk, Voice};

    fn sent(frames: usize) -> Vec<Packet> {
        let mut voice = Voice::new(5, Format { law: Law::A, event_payload_type: None }, Talk::Speech);
        (0..frames).flat_map(|_| voice.frame()).collect()
    }

    #[test]
    fn gaps_are_silence_and_order_does_not_matter() {
        let mut packets = sent(10);
        packets.remove(4);
        packets.swap(1, 6);
        let lanes = lay_out(&packets);
        assert_eq!((lanes.len(), lanes[0].sound.len()), (1, 1_600));
        assert!(lanes[0].sound[640..800].iter().all(|x| *x == 0.0));
        assert!(lanes[0].sound[800..960].iter().any(|x| *x != 0.0));
    }

    #[test]
    fn the_timestamp_may_wrap() {
        let mut packets = sent(4);
        for (number, packet) in packets.iter_mut().enumerate() {
            packet.ts = (u32::MAX - 200).wrapping_add(160 * number as u32);
        }
        let lanes = lay_out(&packets);
        assert_eq!((lanes.len(), lanes[0].sound.len()), (1, 640));
    }

    #[test]
    fn a_second_packet_for_the_same_place_is_heard_too() {
        let mut packets = sent(6);
        packets.push(Packet { payload: vec![0x2a; 160].into(), ..packets[2].clone() });
        let lanes = lay_out(&packets);
        assert_eq!(lanes.len(), 2);
        assert_eq!(lanes.iter().map(|lane| lane.packets.len()).sum::<usize>(), 7);
    }

    #[test]
    fn the_offset_is_found_through_a_relay_that_renames_the_stream() {
        let original = sent(60);
        let relayed: Vec<Packet> = original
            .iter()
            .enumerate()
            .map(|(number, packet)| {
                let payload =
                    if (20..40).contains(&number) { vec![0xd5; 160].into() } else { packet.payload.clone() };
                Packet { ssrc: 99, ts: packet.ts.wrapping_add(4_321), payload, ..packet.clone() }
            })
            .collect();
        let lanes = lay_out(&relayed);
        let offset = Original::new(&original).offset(&lanes[0], &relayed).expect("40 equal packets");
        assert_eq!(offset, 4_321);
        let silent: Vec<Packet> = original
            .iter()
            .map(|packet| Packet { payload: vec![0xd5; 160].into(), ..packet.clone() })
            .collect();
        assert_eq!(Original::new(&original).offset(&lay_out(&silent)[0], &silent), None);
    }
}
