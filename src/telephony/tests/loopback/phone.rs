//! A telephone of the test: its own sockets, stream and memory of what it heard.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use tonewall_model::dtmf::rtp::{HEADER_LEN, Header};
use tonewall_model::dtmf::{EventPts, Law};
use tonewall_model::sdp::Settled;

/// Samples of a packet: 20 ms.
pub const PACKET: usize = 160;

/// Payload type of telephone-events.
pub const EVENT_PT: u8 = 101;

/// How long a test waits for what has to come.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// One side of a call.
pub struct Phone {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    /// Where its RTP goes; RTCP goes to the next port.
    pub to: SocketAddr,
    pub law: Law,
    pub sent: Header,
    /// Every datagram that came to the RTP socket.
    pub got: Vec<Vec<u8>>,
}

impl Phone {
    pub fn new(law: Law, ssrc: u32) -> Phone {
        let bind = || UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let payload_type = if law == Law::A { 8 } else { 0 };
        let sent = Header { marker: false, payload_type, sequence: 0, timestamp: 0, ssrc };
        let (rtp, rtcp) = (bind(), bind());
        Phone { to: rtp.local_addr().expect("bound"), rtp, rtcp, law, sent, got: Vec::new() }
    }

    /// What offer and answer settle on with it.
    pub fn settled(&self) -> Settled {
        let address = |socket: &UdpSocket| socket.local_addr().expect("bound");
        Settled {
            rtp: address(&self.rtp),
            rtcp: address(&self.rtcp),
            law: self.law,
            audio_pt: self.sent.payload_type,
            event_pt: Some(EVENT_PT),
            event_pts: EventPts::new(&[EVENT_PT]),
            ptime_ms: 20,
        }
    }

    /// Sends the next packet of its stream.
    pub fn say(&mut self, codes: &[u8]) {
        self.send(self.sent.payload_type, codes);
        self.sent.timestamp = self.sent.timestamp.wrapping_add(codes.len() as u32);
    }

    /// Sends a packet of a payload type, at the time where its stream is.
    pub fn send(&mut self, payload_type: u8, payload: &[u8]) {
        let header = Header { payload_type, ..self.sent };
        let datagram = [&header.write()[..], payload].concat();
        self.rtp.send_to(&datagram, self.to).expect("sent");
        self.sent.sequence = self.sent.sequence.wrapping_add(1);
    }

    /// Where its RTCP goes.
    pub fn rtcp_to(&self) -> SocketAddr {
        SocketAddr::new(self.to.ip(), self.to.port() + 1)
    }

    /// Hears what comes until `until`, or until `enough` says so.
    pub fn hear(&mut self, until: Instant, mut enough: impl FnMut(&[Vec<u8>]) -> bool) -> bool {
        let mut buffer = [0; 2_048];
        while !enough(&self.got) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.rtp.set_read_timeout(Some(left)).expect("a time-out");
            if let Ok(len) = self.rtp.recv(&mut buffer) {
                self.got.push(buffer[..len].to_vec());
            }
        }
        true
    }

    /// The audio that it got, laid out by RTP time.
    pub fn heard(&self) -> Vec<i16> {
        let mut sound = Vec::new();
        let mut zero = None;
        for datagram in &self.got {
            let Some((header, payload)) = Header::read(datagram) else { panic!("no RTP") };
            if header.payload_type != self.sent.payload_type {
                continue;
            }
            let at = header.timestamp.wrapping_sub(*zero.get_or_insert(header.timestamp)) as usize;
            let samples = datagram[payload].iter().map(|code| self.law.decode(*code));
            assert!(at < 8_000 * 60, "a timestamp far away");
            sound.resize(sound.len().max(at + datagram.len() - HEADER_LEN), 0);
            sound.splice(at..at + samples.len(), samples);
        }
        sound
    }
}

/// Both phones say their sound packet by packet in real time and hear what comes meanwhile.
pub fn talk(phones: [&mut Phone; 2], sounds: [&[i16]; 2]) {
    let [first, second] = phones;
    let packets = sounds.iter().map(|sound| sound.len().div_ceil(PACKET)).max().unwrap_or_default();
    let start = Instant::now();
    for packet in 0..packets {
        for (phone, sound) in [(&mut *first, sounds[0]), (&mut *second, sounds[1])] {
            let part = sound.chunks(PACKET).nth(packet).unwrap_or_default();
            let codes: Vec<u8> = part.iter().map(|sample| phone.law.encode(*sample)).collect();
            if !codes.is_empty() {
                phone.say(&codes);
            }
        }
        let next = start + Duration::from_millis(20) * (packet as u32 + 1);
        let half = next - Duration::from_millis(10);
        first.hear(half, |_| false);
        second.hear(next, |_| false);
    }
    let last = Instant::now() + Duration::from_millis(100);
    first.hear(last, |_| false);
    second.hear(last + Duration::from_millis(20), |_| false);
}
