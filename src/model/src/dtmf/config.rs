//! What a pipeline has to know of the call.

use super::g711::Law;
use super::hold::PACKET_SAMPLES_MAX;
use crate::tenant::MaskStyle;

/// Payload types of telephone-event with an 8,000 Hz clock: four at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventPts {
    list: [u8; 4],
    len: u8,
}

impl EventPts {
    /// The first four of `payload_types`.
    pub fn new(payload_types: &[u8]) -> EventPts {
        let mut list = [0; 4];
        let len = payload_types.len().min(list.len());
        list[..len].copy_from_slice(&payload_types[..len]);
        EventPts { list, len: len as u8 }
    }

    /// These and, as far as there is room, `others`.
    pub(super) fn and(&self, others: &EventPts) -> EventPts {
        let mut both = *self;
        for payload_type in &others.list[..usize::from(others.len)] {
            let room = both.list.get_mut(usize::from(both.len));
            if let Some(place) = room.filter(|_| !self.contains(*payload_type)) {
                *place = *payload_type;
                both.len += 1;
            }
        }
        both
    }

    /// Whether packets of this type are telephone-events.
    pub fn contains(&self, payload_type: u8) -> bool {
        self.list[..usize::from(self.len)].contains(&payload_type)
    }
}

/// What offer and answer agreed on for the two legs, and the tenant's choice of mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineConfig {
    /// Coding of both legs.
    pub law: Law,
    /// Payload type of audio that comes in.
    pub audio_pt: u8,
    /// Payload types of telephone-events that come in.
    pub event_pts: EventPts,
    /// Payload type of audio that goes out.
    pub out_audio_pt: u8,
    /// Payload type of telephone-events that go out; `None`: the other side takes none, and they
    /// are replaced by silence on an open line too.
    pub out_event_pt: Option<u8>,
    /// What the other side hears in place of a key.
    pub style: MaskStyle,
    /// A dial tone of the tenant's own network, Hz, that is taken out before anything is judged; the
    /// usual ones (350 and 440, 425) are in any case.
    pub dial_tone_hz: Option<[u16; 2]>,
    /// Packet length, for packets that stand in for events.
    pub ptime_ms: u8,
}

impl PipelineConfig {
    /// Whether the detector cannot carry on from `other` to this.
    pub(super) fn hears_otherwise(&self, other: &PipelineConfig) -> bool {
        self.law != other.law || self.audio_pt != other.audio_pt
    }

    /// Whether what comes in is told apart by other payload types.
    pub(super) fn is_coded_otherwise(&self, other: &PipelineConfig) -> bool {
        self.hears_otherwise(other) || self.event_pts != other.event_pts
    }

    /// Samples of a packet that stands in for one without audio.
    pub(super) fn stand_in_samples(&self) -> usize {
        (usize::from(self.ptime_ms) * 8).clamp(40, PACKET_SAMPLES_MAX)
    }
}
