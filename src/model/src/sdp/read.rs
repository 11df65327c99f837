//! Reading what the other side sent.

use super::{Direction, Line, Remote, Unusable};
use crate::dtmf::Law;
use sdp_types::{Connection, Media, Session};
use std::net::{IpAddr, SocketAddr};

/// Longest SDP that is read: real ones have a few hundred bytes.
const BYTES_MAX: usize = 16_384;

/// Most media lines.
const LINES_MAX: usize = 16;

/// Reads an offer or an answer.
pub fn read(sdp: &[u8]) -> Result<Remote, Unusable> {
    if sdp.len() > BYTES_MAX {
        return Err(Unusable::Malformed);
    }
    let session = Session::parse(&with_plain_origin(sdp)).map_err(|_| Unusable::Malformed)?;
    if session.medias.is_empty() || session.medias.len() > LINES_MAX {
        return Err(Unusable::Malformed);
    }
    let taken = session.medias.iter().position(|media| usable(media) && !laws(media).is_empty());
    let Some(taken) = taken else { return Err(Unusable::NoCommonCodec) };
    let media = &session.medias[taken];
    let address = address(media.connections.first().or(session.connection.as_ref()))?;
    let on_hold = address.is_unspecified();
    Ok(Remote {
        rtp: SocketAddr::new(address, media.port),
        rtcp: SocketAddr::new(address, rtcp_port(media)),
        audio: laws(media),
        events: events(media),
        // RFC 2543's way to hold a call.
        direction: if on_hold { Direction::Inactive } else { direction(&session, media) },
        ptime_ms: attribute(media, "ptime")
            .and_then(|value| value.parse().ok())
            .filter(|ms| (5..=60).contains(ms)),
        lines: session.medias.iter().enumerate().map(|(index, media)| line(media, index == taken)).collect(),
    })
}

/// The parser refuses a space in the user name of `o=` and a version beyond 64 bits, both of which
/// real phones send. Nothing of that line is needed.
fn with_plain_origin(sdp: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(sdp.len() + 32);
    for line in sdp.split_inclusive(|b| *b == b'\n') {
        match line.starts_with(b"o=") {
            true => out.extend_from_slice(b"o=- 0 0 IN IP4 0.0.0.0\r\n"),
            false => out.extend_from_slice(line),
        }
    }
    out
}

fn usable(media: &Media) -> bool {
    media.media == "audio" && media.port != 0 && matches!(media.proto.as_str(), "RTP/AVP" | "RTP/AVPF")
}

fn payload_types(media: &Media) -> impl Iterator<Item = u8> + '_ {
    media.fmt.split_ascii_whitespace().filter_map(|format| format.parse::<u8>().ok()).filter(|pt| *pt < 128)
}

/// Static payload types need no rtpmap (RFC 3551 §6); one that is there wins.
fn laws(media: &Media) -> Vec<(u8, Law)> {
    let law = |pt: u8| match rtpmap(media, pt) {
        Some(map) if is_map(map, "PCMU") => Some(Law::Mu),
        Some(map) if is_map(map, "PCMA") => Some(Law::A),
        Some(_) => None,
        None if pt == 0 => Some(Law::Mu),
        None if pt == 8 => Some(Law::A),
        None => None,
    };
    payload_types(media).filter_map(|pt| Some((pt, law(pt)?))).collect()
}

fn events(media: &Media) -> Vec<u8> {
    let is_event = |pt: &u8| rtpmap(media, *pt).is_some_and(|map| is_map(map, "telephone-event"));
    payload_types(media).filter(is_event).take(4).collect()
}

fn is_map(map: &str, name: &str) -> bool {
    let mut parts = map.split('/');
    parts.next().is_some_and(|own| own.eq_ignore_ascii_case(name)) && parts.next() == Some("8000")
}

fn rtpmap(media: &Media, pt: u8) -> Option<&str> {
    media.attributes.iter().filter(|a| a.attribute == "rtpmap").find_map(|a| {
        let (own, map) = a.value.as_deref()?.split_once(' ')?;
        (own.parse() == Ok(pt)).then(|| map.trim())
    })
}

fn attribute<'m>(media: &'m Media, name: &str) -> Option<&'m str> {
    media.attributes.iter().find(|a| a.attribute == name)?.value.as_deref().map(str::trim)
}

fn direction(session: &Session, media: &Media) -> Direction {
    let all = media.attributes.iter().chain(&session.attributes);
    all.filter(|a| a.value.is_none())
        .find_map(|a| match a.attribute.as_str() {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        })
        .unwrap_or_default()
}

/// `a=rtcp:` (RFC 3605) or the port above.
fn rtcp_port(media: &Media) -> u16 {
    let said = attribute(media, "rtcp").and_then(|value| value.split(' ').next()?.parse().ok());
    said.unwrap_or(media.port.wrapping_add(1))
}

/// A host that can be sent to: no name to look up (a caller must not choose whom we ask), no group.
fn address(connection: Option<&Connection>) -> Result<IpAddr, Unusable> {
    let connection = connection.ok_or(Unusable::Malformed)?;
    let text = connection.connection_address.as_str();
    let address: IpAddr = text.parse().map_err(|_| Unusable::BadAddress)?;
    let reachable = match address {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(_) => false,
    };
    if reachable { Ok(address) } else { Err(Unusable::BadAddress) }
}

fn line(media: &Media, taken: bool) -> Line {
    Line { media: media.media.clone(), proto: media.proto.clone(), formats: media.fmt.clone(), taken }
}
