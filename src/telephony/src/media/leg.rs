//! One leg of a call: its two sockets, whose packets it takes, and where its own go.

use super::shared::Shared;
use super::source::{Admission, Source};
use mio::net::UdpSocket;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tonewall_model::dtmf::{EventPts, rtp};
use tonewall_model::sdp::Settled;

/// One leg's sockets and what was settled for it.
pub(crate) struct MediaLeg {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    pub source: Source,
    pub rtcp_source: Source,
    pub settled: Option<Settled>,
}

impl MediaLeg {
    pub fn new(rtp: UdpSocket, rtcp: UdpSocket) -> MediaLeg {
        MediaLeg { rtp, rtcp, source: Source::new(), rtcp_source: Source::new(), settled: None }
    }

    pub fn settle(&mut self, settled: Settled, nat: Option<IpAddr>) {
        self.source.expect(settled.rtp, nat);
        self.rtcp_source.expect(settled.rtcp, nat);
        self.settled = Some(settled);
    }

    /// Payload types of telephone-events that this leg may send.
    pub fn event_pts(&self) -> EventPts {
        self.settled.map(|settled| settled.event_pts).unwrap_or_default()
    }

    fn expects(&self, payload_type: u8) -> bool {
        self.settled.is_some_and(|s| s.audio_pt == payload_type || s.event_pts.contains(payload_type))
    }

    /// Judges the source of an RTP packet, and counts one that is not taken.
    pub fn admit(&mut self, shared: &Shared, now_us: u64, from: SocketAddr, packet: &[u8]) -> Admission {
        let known = rtp::Header::read(packet).filter(|(header, _)| self.expects(header.payload_type));
        let admission = self.source.admit(now_us, from, known.map(|(header, _)| header.ssrc));
        match admission {
            Admission::Taken => {}
            Admission::Stranger => shared.count(|own| &own.strangers),
            Admission::OverRate => shared.count(|own| &own.over_rate),
        }
        admission
    }
}

/// The next datagram of a socket; `None` when none waits.
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    const ERRORS_MAX: usize = 8;
    for _ in 0..ERRORS_MAX {
        match socket.recv_from(buffer) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            // The ICMP answer to an earlier packet of ours; the next call has the next datagram.
            Err(_) => {}
        }
    }
    None
}
