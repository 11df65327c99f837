//! The verdict on one call: what the agent's port heard, its control, delay, loss, and the moment of the first sound.

use std::collections::HashMap;
use std::time::Instant;

use crate::api::Count;
use crate::g711::Law;
use crate::lane::{Original, lay_out};
use crate::latency::key_to_event_ms;
use crate::leg::SipKey;
use crate::listen::{Hearing, Reached, keyed_and_sent, listen};
use crate::peer::Recording;
use crate::rtp::Packet;
use crate::voice::Keyed;

/// Everything a verdict rests on; independent of sockets, so it can be judged after the call.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// When the customer's INVITE was first sent.
    pub invited_at: Instant,
    /// What the customer's socket sent.
    pub sent: Recording,
    /// What the customer pressed.
    pub keyed: Vec<Keyed>,
    /// Keys that the customer reported by INFO.
    pub sip_keys_sent: Vec<SipKey>,
    /// What reached the agent's socket.
    pub received: Recording,
    /// Keys in SIP on the agent's leg.
    pub sip_keys_received: Vec<SipKey>,
    /// Payload types of telephone-event on the customer's leg.
    pub customer_event_types: Vec<u8>,
    /// Payload types of telephone-event on the agent's leg.
    pub agent_event_types: Vec<u8>,
    /// Frames of the event stream with a new count of presses.
    pub counts: Vec<Count>,
}

/// What was heard on the agent's side.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Heard {
    /// Presses that left the customer's phone.
    pub digits_keyed: usize,
    /// Presses that a listener on the agent's side named; must be 0 on a secured line.
    pub digits_recovered: usize,
    /// Milliseconds of the presses' own tones on the agent's side.
    pub residual_ms: f64,
    /// The same listener on the customer's side: all presses, or nothing, because then the figures above prove nothing.
    pub control_recovered: Option<usize>,
    /// First INVITE sent → first audio packet of the customer received by the agent.
    pub secured_ms: Option<f64>,
    /// Audio packets of the customer between the first and the last that arrived.
    pub packets_sent: usize,
    /// Of these, not arrived.
    pub packets_lost: usize,
    /// Packets that the record had no room for: not listened to.
    pub packets_unheard: u64,
    /// Details of the agent's side.
    pub agent: Hearing,
    /// Details of the control.
    pub control: Hearing,
    /// Delay of every matched packet, ms.
    #[serde(skip)]
    pub delays_ms: Vec<f32>,
}

impl Heard {
    /// Nothing was named, nothing of the tones came through, nothing escaped the listener, and the listener can hear.
    pub fn is_clean(&self) -> bool {
        self.digits_recovered == 0
            && self.residual_ms == 0.0
            && self.packets_unheard == 0
            && self.control_recovered == Some(self.digits_keyed)
            && (self.digits_keyed == 0 || self.agent.aligned || self.agent.is_silent())
    }
}

impl Evidence {
    /// Listens to both sides.
    pub fn judge(&self) -> Heard {
        let keyed = keyed_and_sent(&self.sent, &self.keyed);
        let agent_side = Reached {
            packets: &self.received.packets,
            sip_keys: &self.sip_keys_received,
            event_payload_types: &self.agent_event_types,
        };
        let control_side = Reached {
            packets: &self.sent.packets,
            sip_keys: &self.sip_keys_sent,
            event_payload_types: &self.customer_event_types,
        };
        let agent = listen(agent_side, &self.sent.packets, &keyed);
        let control = listen(control_side, &self.sent.packets, &keyed);
        let mut heard = Heard {
            digits_keyed: keyed.len(),
            digits_recovered: agent.recovered,
            residual_ms: agent.residual_ms,
            control_recovered: Some(control.recovered).filter(|recovered| *recovered == keyed.len()),
            packets_unheard: self.unheard(),
            agent,
            control,
            ..Heard::default()
        };
        self.follow_packets(&mut heard);
        heard
    }

    /// Milliseconds from the beginning of each press at the customer's socket to the frame that first counted it.
    pub fn key_to_event_ms(&self) -> Vec<f64> {
        key_to_event_ms(&self.sent.packets, &self.keyed, &self.counts)
    }

    /// What no listener can have understood: lost to the record, no RTP, or coded in a way that we do not read.
    fn unheard(&self) -> u64 {
        const COMFORT_NOISE: u8 = 13;
        let readable = |packet: &&Packet| {
            Law::from_payload_type(packet.payload_type).is_some()
                || packet.payload_type == COMFORT_NOISE
                || packet.payload.len() == 4
                || self.agent_event_types.contains(&packet.payload_type)
        };
        let unreadable = self.received.packets.iter().filter(|packet| !readable(packet)).count();
        self.received.unheard + self.sent.unheard + self.received.malformed + unreadable as u64
    }

    /// Delay, loss and the first arrival, by RTP timestamp.
    fn follow_packets(&self, heard: &mut Heard) {
        let (sent, received) = (&self.sent.packets, &self.received.packets);
        let audio: Vec<usize> = (0..sent.len())
            .filter(|index| Law::from_payload_type(sent[*index].payload_type).is_some())
            .collect();
        let by_ts: HashMap<u32, usize> =
            audio.iter().enumerate().map(|(order, index)| (sent[*index].ts, order)).collect();
        let original = Original::new(sent);
        let mut arrived = vec![false; audio.len()];
        let mut first: Option<Instant> = None;
        for lane in lay_out(received) {
            let Some(offset) = original.offset(&lane, received) else { continue };
            for (index, ts) in &lane.packets {
                let Some(order) = by_ts.get(&(*ts as u32).wrapping_sub(offset)) else { continue };
                let (there, here) = (&sent[audio[*order]], &received[*index]);
                arrived[*order] = true;
                heard.delays_ms.push(here.at.saturating_duration_since(there.at).as_secs_f32() * 1_000.0);
                first = Some(first.map_or(here.at, |first| first.min(here.at)));
            }
        }
        heard.secured_ms =
            first.map(|at| at.saturating_duration_since(self.invited_at).as_secs_f64() * 1_000.0);
        if let (Some(from), Some(to)) =
            (arrived.iter().position(|got| *got), arrived.iter().rposition(|got| *got))
        {
            heard.packets_sent = to - from + 1;
            heard.packets_lost = arrived[from..=to].iter().filter(|got| !**got).count();
        }
    }
}

/// Percentile by nearest rank; `None` without values. `share` is 0–1.
pub fn percentile(values: &mut [f32], share: f32) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    let rank = (share * values.len() as f32).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_nearest_rank() {
        let mut values: Vec<f32> = (1..=100).rev().map(|x| x as f32).collect();
        assert_eq!(
            (percentile(&mut values, 0.5), percentile(&mut values, 0.99), percentile(&mut values, 1.0)),
            (Some(50.0), Some(99.0), Some(100.0))
        );
        assert_eq!((percentile(&mut [], 0.5), percentile(&mut [7.0], 0.0)), (None, Some(7.0)));
    }
}
