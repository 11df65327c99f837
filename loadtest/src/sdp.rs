//! The little SDP (RFC 8866) that a telephone call needs: one audio stream, G.711 and telephone-event.

use std::net::{IpAddr, SocketAddr};

use crate::g711::Law;

/// Which way audio flows, seen from the side that wrote the SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// Only from the writer.
    SendOnly,
    /// Only to the writer.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// What the answerer writes (RFC 3264 §6.1).
    fn answered(self) -> Self {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            same => same,
        }
    }
}

/// One side's audio stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdp {
    /// Where this side wants its RTP.
    pub rtp: SocketAddr,
    /// Laws in order of preference.
    pub laws: Vec<Law>,
    /// Payload type of telephone-event, if offered.
    pub event_payload_type: Option<u8>,
    /// Direction attribute; `sendrecv` if absent.
    pub direction: Direction,
}

impl Sdp {
    /// Reads a session description; `None` without a usable audio stream.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut address: Option<IpAddr> = None;
        let mut media: Option<(u16, Vec<u8>)> = None;
        let mut maps: Vec<(u8, String)> = Vec::new();
        let mut direction = Direction::SendRecv;
        for line in text.lines().map(str::trim_end) {
            let (kind, value) = line.split_once('=')?;
            match kind {
                "m" if media.is_some() => break,
                "m" => media = Some(parse_media(value)?),
                "c" => address = value.split_whitespace().nth(2)?.parse().ok(),
                "a" => match value {
                    "sendrecv" => direction = Direction::SendRecv,
                    "sendonly" => direction = Direction::SendOnly,
                    "recvonly" => direction = Direction::RecvOnly,
                    "inactive" => direction = Direction::Inactive,
                    other => maps.extend(parse_rtpmap(other)),
                },
                _ => {}
            }
        }
        let (port, types) = media?;
        let event = |payload_type: &u8| {
            maps.iter().any(|(mapped, name)| mapped == payload_type && name == "telephone-event/8000")
        };
        Some(Self {
            rtp: SocketAddr::new(address?, port),
            laws: types.iter().filter_map(|payload_type| Law::from_payload_type(*payload_type)).collect(),
            event_payload_type: types.iter().copied().find(event),
            direction,
        })
    }

    /// The session description as text; `version` grows with every change (RFC 3264 §8).
    pub fn to_text(&self, session: u64, version: u64) -> String {
        use std::fmt::Write as _;
        let ip = self.rtp.ip();
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let mut types: Vec<String> = self.laws.iter().map(|law| law.payload_type().to_string()).collect();
        types.extend(self.event_payload_type.map(|payload_type| payload_type.to_string()));
        let mut text = format!(
            "v=0\r\no=- {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP {}\r\n",
            self.rtp.port(),
            types.join(" ")
        );
        for law in &self.laws {
            let _ = write!(text, "a=rtpmap:{} {}/8000\r\n", law.payload_type(), law.name());
        }
        if let Some(payload_type) = self.event_payload_type {
            let _ = write!(
                text,
                "a=rtpmap:{payload_type} telephone-event/8000\r\na=fmtp:{payload_type} 0-16\r\n"
            );
        }
        let _ = write!(text, "a=ptime:20\r\na={}\r\n", self.direction.name());
        text
    }

    /// The answer to `offer` from a side that listens on `rtp`: the offered laws that we know in the offerer's order,
    /// telephone-event if offered and wanted. `None` when no law is shared.
    pub fn answer(offer: &Sdp, rtp: SocketAddr, events: bool) -> Option<Self> {
        if offer.laws.is_empty() {
            return None;
        }
        Some(Self {
            rtp,
            laws: offer.laws.clone(),
            event_payload_type: offer.event_payload_type.filter(|_| events),
            direction: offer.direction.answered(),
        })
    }
}

fn parse_media(value: &str) -> Option<(u16, Vec<u8>)> {
    let mut words = value.split_whitespace();
    if words.next()? != "audio" {
        return None;
    }
    let port = words.next()?.split('/').next()?.parse().ok()?;
    words.next()?;
    Some((port, words.filter_map(|word| word.parse().ok()).collect()))
}

fn parse_rtpmap(attribute: &str) -> Option<(u8, String)> {
    let (payload_type, name) = attribute.strip_prefix("rtpmap:")?.split_once(' ')?;
    Some((payload_type.parse().ok()?, name.trim().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Sdp {
        Sdp {
            rtp: "127.0.0.1:4000".parse().expect("address"),
            laws: vec![Law::A, Law::Mu],
            event_payload_type: Some(96),
            direction: Direction::SendRecv,
        }
    }

    #[test]
    fn round_trip() {
        assert_eq!(Sdp::parse(offer().to_text(1, 1).as_bytes()), Some(offer()));
    }

    #[test]
    fn answer_mirrors_direction_and_payload_type() {
        let held = Sdp { direction: Direction::SendOnly, ..offer() };
        let answer =
            Sdp::answer(&held, "127.0.0.1:5000".parse().expect("address"), true).expect("a law is shared");
        assert_eq!((answer.direction, answer.event_payload_type), (Direction::RecvOnly, Some(96)));
        assert_eq!(Sdp::answer(&held, answer.rtp, false).expect("a law is shared").event_payload_type, None);
    }

    #[test]
    fn rubbish_is_refused() {
        for body in
            ["", "v=0", "v=0\r\nm=audio x RTP/AVP 0\r\n", "v=0\r\nm=video 9 RTP/AVP 0\r\n", "nonsense\r\n"]
        {
            assert_eq!(Sdp::parse(body.as_bytes()), None, "{body:?}");
        }
        assert_eq!(Sdp::parse(&[0xff, 0xfe]), None);
    }
}
