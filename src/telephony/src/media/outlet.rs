//! Where a direction of a call leaves: the last look at a packet, the socket, the ear, the tap.

use super::control::Side;
use super::leg::MediaLeg;
use super::shared::Shared;
use super::tap::Feed;
use tonewall_model::dtmf::rtp::{HEADER_LEN, Header};

/// First byte of an RTP packet without padding, extension and CSRC list.
const PLAIN: u8 = 0x80;

/// Longest packet that leaves.
const DATAGRAM_BYTES_MAX: usize = 1_500;

/// How the line is as a packet leaves.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub now_us: u64,
    pub secured: bool,
    /// Nothing of the packet's own sound may be heard.
    pub mute: bool,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It is on its way.
    Sent,
    /// There is nobody to send it to, the system did not take it, or it may not leave.
    Unsent,
}

/// Sends a packet of the pipeline that comes from `from` to the other leg. `heard` gets header and
/// payload of audio exactly as they were sent.
///
/// While the line is secured only plain audio of the payload type that was settled leaves. The
/// pipeline makes nothing else; this is the second lock.
pub(crate) fn send(
    line: Line,
    (from, to): (Side, &MediaLeg),
    shared: &Shared,
    tap: &mut Option<Feed>,
    packet: &[u8],
    heard: &mut dyn FnMut(&Header, &[u8]),
) -> Left {
    let (Some(settled), Some(target)) = (to.settled, to.source.target()) else { return Left::Unsent };
    let Some((header, payload)) = Header::read(packet) else { return refused(shared) };
    let is_audio = header.payload_type == settled.audio_pt;
    if packet.len() > DATAGRAM_BYTES_MAX || line.secured && !(is_audio && packet[0] == PLAIN) {
        return refused(shared);
    }
    // Filled for a mute line only: most packets of a call leave without it.
    let mut silent;
    let packet = if line.mute {
        silent = [settled.law.silence(); DATAGRAM_BYTES_MAX];
        silent[..HEADER_LEN].copy_from_slice(&packet[..HEADER_LEN]);
        &silent[..packet.len()]
    } else {
        packet
    };
    if to.rtp.send_to(packet, target).is_err() {
        return Left::Unsent;
    }
    if is_audio {
        let payload = &packet[payload];
        heard(&header, payload);
        if let Some(tap) = tap {
            tap.take(line.now_us, from, line.secured, settled.law, &header, payload);
        }
    }
    Left::Sent
}

fn refused(shared: &Shared) -> Left {
    shared.count(|own| &own.refused);
    Left::Unsent
}
