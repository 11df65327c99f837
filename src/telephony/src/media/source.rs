//! Whose packets are taken (DESIGN §8; "the first source wins" is the RTPbleed hole).

use std::net::{IpAddr, SocketAddr};

/// Equal packets that a peer behind NAT has to send before its port is believed.
const PROOF_PACKETS: u8 = 3;

/// Packets a second that a port takes: 20 ms audio brings 50, 10 ms 100, an event burst a few more.
/// A higher cap lets a flood through; a lower one cuts 5 ms packets off.
const RATE_MAX: u32 = 200;

/// Whether a packet is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It comes from the other side of this leg.
    Taken,
    /// It comes from somebody else.
    Stranger,
    /// It is one too many this second.
    OverRate,
}

/// The accepted source of one socket.
pub(crate) struct Source {
    accepted: Option<SocketAddr>,
    nat: Option<IpAddr>,
    candidate: Option<(SocketAddr, u32, u8)>,
    second: u64,
    in_second: u32,
}

impl Source {
    pub fn new() -> Source {
        Source { accepted: None, nat: None, candidate: None, second: 0, in_second: 0 }
    }

    /// Starts anew after offer and answer: `nat` is the signalling peer, where its trunk says so.
    pub fn expect(&mut self, sdp: SocketAddr, nat: Option<IpAddr>) {
        if self.accepted == Some(sdp) && self.nat == nat {
            return;
        }
        *self = Source { accepted: Some(sdp), nat, ..Source::new() };
    }

    /// Where packets to this peer go.
    pub fn target(&self) -> Option<SocketAddr> {
        self.accepted.filter(|address| !address.ip().is_unspecified() && address.port() != 0)
    }

    /// Judges a packet; `ssrc` is that of a well-formed one with a negotiated payload type.
    pub fn admit(&mut self, now_us: u64, from: SocketAddr, ssrc: Option<u32>) -> Admission {
        if self.accepted != Some(from) && !self.proven(from, ssrc) {
            return Admission::Stranger;
        }
        let second = now_us / 1_000_000;
        if second != self.second {
            (self.second, self.in_second) = (second, 0);
        }
        self.in_second += 1;
        if self.in_second > RATE_MAX { Admission::OverRate } else { Admission::Taken }
    }

    /// A peer behind NAT: its signalling address, any port, three equal packets; once.
    fn proven(&mut self, from: SocketAddr, ssrc: Option<u32>) -> bool {
        let (Some(nat), Some(ssrc)) = (self.nat, ssrc) else { return false };
        if from.ip() != nat {
            return false;
        }
        let seen = match self.candidate {
            Some((address, own, seen)) if address == from && own == ssrc => seen + 1,
            _ => 1,
        };
        self.candidate = Some((from, ssrc, seen));
        if seen < PROOF_PACKETS {
            return false;
        }
        // Never again without a new offer: a stranger at the same address stays one.
        (self.accepted, self.nat) = (Some(from), None);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("address")
    }

    #[test]
    fn only_the_address_of_the_sdp_is_taken() {
        let mut source = Source::new();
        source.expect(at("10.0.0.1:4000"), None);
        let mut admit = |from: &str| source.admit(0, at(from), Some(7));
        assert_eq!(admit("10.0.0.1:4000"), Admission::Taken);
        assert_eq!(admit("10.0.0.1:4002"), Admission::Stranger);
        assert_eq!(admit("10.0.0.2:4000"), Admission::Stranger);
    }

    #[test]
    fn behind_nat_three_equal_packets_prove_a_port_and_then_it_stays() {
        let mut source = Source::new();
        source.expect(at("192.168.1.5:4000"), Some(at("10.0.0.1:0").ip()));
        let mut admit = |from: &str, ssrc| source.admit(0, at(from), ssrc);
        assert_eq!(admit("10.0.0.1:9", Some(1)), Admission::Stranger);
        assert_eq!(admit("10.0.0.1:9", Some(2)), Admission::Stranger);
        assert_eq!(admit("10.0.0.1:9", Some(2)), Admission::Stranger);
        assert_eq!(admit("10.0.0.9:9", Some(2)), Admission::Stranger);
        assert_eq!(admit("10.0.0.1:9", Some(2)), Admission::Taken);
        for _ in 0..5 {
            assert_eq!(admit("10.0.0.1:11", Some(2)), Admission::Stranger);
        }
        assert_eq!(source.target(), Some(at("10.0.0.1:9")));
    }

    #[test]
    fn a_flood_is_capped_by_the_second() {
        let mut source = Source::new();
        source.expect(at("10.0.0.1:4000"), None);
        let mut taken = |second: u64| {
            let all = (0..500).map(|n| source.admit(second * 1_000_000 + n, at("10.0.0.1:4000"), Some(7)));
            all.filter(|a| *a == Admission::Taken).count()
        };
        assert_eq!((taken(1), taken(2)), (200, 200));
    }
}
