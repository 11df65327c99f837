//! Offer and answer for one G.711 audio stream (RFC 3264, RFC 8866).
//!
//! A line that may be secured carries PCMA or PCMU, nothing else: those are the codecs whose tones
//! can be masked in place. Offers of G.722, Opus or SRTP alone find no common codec (488); a mixed one
//! is answered with G.711 alone, so that nothing else is ever sent.

mod read;
mod write;

pub use read::read;
pub use write::{answer, offer};

use crate::dtmf::{EventPts, Law};
use std::net::SocketAddr;

/// What the other side sends and wants, read from its SDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where its RTP is to go.
    pub rtp: SocketAddr,
    /// Where its RTCP is to go.
    pub rtcp: SocketAddr,
    /// G.711 payload types in its order of preference.
    pub audio: Vec<(u8, Law)>,
    /// Payload types of telephone-event at 8,000 Hz (RFC 4733).
    pub events: Vec<u8>,
    /// Which way it wants media to flow, from its own point of view.
    pub direction: Direction,
    /// Length of its packets in ms, where it says so.
    pub ptime_ms: Option<u8>,
    /// Its media lines in order, to be answered one by one; `true` marks the one that is taken.
    pub lines: Vec<Line>,
}

/// One media line of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `audio`, `video` and so on.
    pub media: String,
    /// `RTP/AVP` and so on.
    pub proto: String,
    /// The formats, as they stood.
    pub formats: String,
    /// Whether this is the line that we take.
    pub taken: bool,
}

/// Direction attributes (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// It only sends: we are on hold.
    SendOnly,
    /// It only receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The same, seen from the other side: what an answer says (RFC 3264 §6.1).
    pub fn mirrored(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            same => same,
        }
    }
}

/// Why an SDP cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is no SDP, or it contradicts itself: 400.
    Malformed,
    /// Nothing in it is PCMA or PCMU over plain RTP: 488.
    NoCommonCodec,
    /// Its media address is a host name, multicast, broadcast or of another address family: 488.
    BadAddress,
}

impl Unusable {
    /// The status for it as an answer to INVITE (RFC 3261 §21.4).
    pub fn status(self) -> u16 {
        match self {
            Unusable::Malformed => 400,
            Unusable::NoCommonCodec | Unusable::BadAddress => 488,
        }
    }
}

/// Our side of a session: where we listen and which version of it this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// Where we take RTP; RTCP is one port higher.
    pub rtp: SocketAddr,
    /// Session id of the `o=` line: constant for a leg.
    pub session: u64,
    /// Rises by one with every change (RFC 3264 §8).
    pub version: u64,
}

/// What both sides settled on for a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Where RTP goes.
    pub rtp: SocketAddr,
    /// Where RTCP goes.
    pub rtcp: SocketAddr,
    /// Law of the audio.
    pub law: Law,
    /// Payload type of the audio.
    pub audio_pt: u8,
    /// Payload type of telephone-event that we send, where there is one: the first.
    pub event_pt: Option<u8>,
    /// Every one of them under which the other side's keys may come, four at most.
    pub event_pts: EventPts,
    /// Length of packets in ms.
    pub ptime_ms: u8,
}

/// Packet length where nobody says another (RFC 3551 §4.5).
const PTIME_MS: u8 = 20;

impl Remote {
    /// Settles on a law, the wanted one where the other side has it.
    pub fn settle(&self, wanted: Option<Law>) -> Settled {
        let first = self.audio.first().copied().unwrap_or((0, Law::Mu));
        let by_wish = wanted.and_then(|law| self.audio.iter().copied().find(|(_, own)| *own == law));
        let (audio_pt, law) = by_wish.unwrap_or(first);
        Settled {
            rtp: self.rtp,
            rtcp: self.rtcp,
            law,
            audio_pt,
            event_pt: self.events.first().copied(),
            event_pts: EventPts::new(&self.events),
            ptime_ms: self.ptime_ms.unwrap_or(PTIME_MS),
        }
    }

    /// The same of an answer to an offer of ours: events may also come under the type that we offered
    /// (RFC 3264 §6.1: each side sends with the types of the other).
    pub fn settle_answer(&self, wanted: Option<Law>) -> Settled {
        let ours = write::EVENT_PT;
        let is_free = !self.audio.iter().any(|(pt, _)| *pt == ours) && !self.events.contains(&ours);
        let events: Vec<u8> = self.events.iter().copied().chain(is_free.then_some(ours)).collect();
        let event_pts = if self.events.is_empty() { EventPts::default() } else { EventPts::new(&events) };
        Settled { event_pts, ..self.settle(wanted) }
    }
}

#[cfg(test)]
mod tests;
