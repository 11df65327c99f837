//! Writing our own.

use super::{Direction, Local, Remote, Settled};
use crate::dtmf::Law;
use std::fmt::Write;

/// Payload type of telephone-event in our own offers: what most of the world uses.
pub(super) const EVENT_PT: u8 = 101;

/// Our offer: the given laws in order, and telephone-event.
pub fn offer(local: Local, laws: &[Law], direction: Direction) -> Vec<u8> {
    let audio: Vec<(u8, Law)> = laws.iter().map(|law| (static_pt(*law), *law)).collect();
    let mut out = head(local);
    out.push_str(&audio_line(local, &audio, Some(EVENT_PT), None, direction));
    out.into_bytes()
}

/// Our answer: the settled codec on the line that was taken, every other line refused (RFC 3264 §6).
pub fn answer(local: Local, remote: &Remote, settled: &Settled, direction: Direction) -> Vec<u8> {
    let mut out = head(local);
    for line in &remote.lines {
        match line.taken {
            true => {
                let audio = [(settled.audio_pt, settled.law)];
                let ptime = remote.ptime_ms;
                out.push_str(&audio_line(local, &audio, settled.event_pt, ptime, direction));
            }
            false => {
                let _ = write!(out, "m={} 0 {} {}\r\n", line.media, line.proto, line.formats);
            }
        }
    }
    out.into_bytes()
}

fn static_pt(law: Law) -> u8 {
    match law {
        Law::Mu => 0,
        Law::A => 8,
    }
}

fn head(local: Local) -> String {
    let Local { rtp, session, version } = local;
    let ip = rtp.ip();
    format!("v=0\r\no=- {session} {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n")
}

fn audio_line(
    local: Local,
    audio: &[(u8, Law)],
    event_pt: Option<u8>,
    ptime_ms: Option<u8>,
    direction: Direction,
) -> String {
    let formats = audio.iter().map(|(pt, _)| *pt).chain(event_pt);
    let formats: Vec<String> = formats.map(|pt| pt.to_string()).collect();
    let mut out = format!("m=audio {} RTP/AVP {}\r\n", local.rtp.port(), formats.join(" "));
    for (pt, law) in audio {
        let name = match law {
            Law::Mu => "PCMU",
            Law::A => "PCMA",
        };
        let _ = write!(out, "a=rtpmap:{pt} {name}/8000\r\n");
    }
    if let Some(pt) = event_pt {
        let _ = write!(out, "a=rtpmap:{pt} telephone-event/8000\r\na=fmtp:{pt} 0-16\r\n");
    }
    if let Some(ms) = ptime_ms {
        let _ = write!(out, "a=ptime:{ms}\r\n");
    }
    let _ = write!(out, "a={}\r\n", direction.as_str());
    out
}
