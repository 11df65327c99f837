//! What a pipeline says of its work: numbers and reasons, never a digit.

use super::Transport;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Passed on at once, only its payload type mapped: the line is open.
    Relayed,
    /// Waits for its successor to be judged.
    Held,
    /// Will leave, or has left, without its own sound.
    Masked,
    /// A telephone-event or comfort noise; silence takes its place.
    Replaced,
    /// Older than a packet before it; left as silence on a secured line.
    Late,
    /// Seen before; dropped on a secured line.
    Duplicate,
    /// More than 60 ms of audio: left as silence on a secured line; or over an MTU: dropped.
    TooLong,
    /// No RTP (RFC 3550 §5.1); dropped.
    NotRtp,
    /// A payload type that was not negotiated; dropped.
    UnknownPayloadType,
    /// The mask is shut: left as silence.
    Shut,
}

/// Counts of one pipeline since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams given to [`super::Pipeline::packet`].
    pub packets_in: u64,
    /// Packets that left.
    pub packets_out: u64,
    /// Packets in which, or right after which, a tone was suspected.
    pub masked: u64,
    /// Packets that left without their own sound, for whatever reason.
    pub muted: u64,
    /// Telephone-event and comfort noise packets that were replaced by silence.
    pub replaced: u64,
    /// Packets that left muted because what follows did not come in time.
    pub expired: u64,
    /// Packets older than one before them.
    pub late: u64,
    /// Packets seen before.
    pub duplicate: u64,
    /// Packets over 60 ms of audio, or over an MTU.
    pub too_long: u64,
    /// Datagrams that were no RTP.
    pub not_rtp: u64,
    /// Packets of a payload type that was not negotiated.
    pub unknown_payload_type: u64,
    /// Times that suspicion rose.
    pub suspicions: u64,
    /// Presses that came first as a tone.
    pub presses_in_band: u64,
    /// Presses that came first as a telephone-event.
    pub presses_event: u64,
    /// Presses that came first as SIP INFO.
    pub presses_info: u64,
    /// Presses that came first as a KPML report.
    pub presses_kpml: u64,
    /// Holes in the audio: lost packets, or time that the sender left out.
    pub holes: u64,
    /// Longest time, ms, for which a packet of a secured line had to wait for what follows it, by its
    /// length; 0 if none had to. What comes late makes it up to 5 ms more.
    pub hold_ms_max: u64,
}

impl Stats {
    pub(super) fn count(&mut self, transport: Transport) {
        match transport {
            Transport::InBand => self.presses_in_band += 1,
            Transport::Event => self.presses_event += 1,
            Transport::Info => self.presses_info += 1,
            Transport::Kpml => self.presses_kpml += 1,
        }
    }
}
