//! Pairs of UDP ports for legs: RTP on an even one, RTCP on the next (RFC 3550 §11).

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports of the system that another program may hold are skipped; more tries than this in a row
/// mean that the range is full.
const TRIES_MAX: u32 = 512;

/// The range that media may use, and where the search goes on.
pub(crate) struct Ports {
    bind: IpAddr,
    first: u16,
    pairs: u16,
    next: AtomicU16,
}

impl Ports {
    pub fn new(bind: IpAddr, range: &RangeInclusive<u16>) -> Ports {
        let first = range.start().next_multiple_of(2);
        let pairs = (range.end().saturating_sub(first).saturating_add(1)) / 2;
        Ports { bind, first, pairs, next: AtomicU16::new(0) }
    }

    /// Opens the next free pair. Round robin, so that a stray packet for an ended call does not
    /// find a new one on its port.
    pub fn open(&self) -> io::Result<(UdpSocket, UdpSocket)> {
        let full = || io::Error::new(io::ErrorKind::AddrInUse, "no free pair of media ports");
        if self.pairs == 0 {
            return Err(full());
        }
        for _ in 0..TRIES_MAX.min(u32::from(self.pairs)) {
            let pair = self.next.fetch_add(1, Ordering::Relaxed) % self.pairs;
            let port = self.first + pair * 2;
            let bound = |port| UdpSocket::bind(SocketAddr::new(self.bind, port));
            if let (Ok(rtp), Ok(rtcp)) = (bound(port), bound(port + 1)) {
                rtp.set_nonblocking(true)?;
                rtcp.set_nonblocking(true)?;
                return Ok((rtp, rtcp));
            }
        }
        Err(full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_even_and_odd_and_the_range_ends() {
        let ports = Ports::new(IpAddr::from([127, 0, 0, 1]), &(28_401..=28_408));
        let mut open = Vec::new();
        while let Ok((rtp, rtcp)) = ports.open() {
            let (a, b) = (rtp.local_addr().expect("port").port(), rtcp.local_addr().expect("port").port());
            assert!(a % 2 == 0 && b == a + 1 && (28_402..=28_408).contains(&b.saturating_sub(1)));
            open.push((rtp, rtcp));
            assert!(open.len() <= 4);
        }
        assert_eq!(open.len(), 3, "28,402 to 28,407");
    }
}
