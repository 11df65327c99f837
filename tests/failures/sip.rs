//! SIP as bytes: callers that no phone would be, from addresses that no trunk has.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for a final answer.
const FINAL_MAX: Duration = Duration::from_secs(10);

/// An offer that Tonewall takes.
pub const GOOD_OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";

/// A final answer.
#[derive(Debug)]
pub struct Final {
    pub code: u16,
    pub text: String,
}

/// A socket that speaks what it is told.
pub struct Wire {
    socket: UdpSocket,
    addr: SocketAddr,
}

impl Wire {
    pub fn bind(ip: &str) -> Wire {
        let socket = UdpSocket::bind((ip.parse::<IpAddr>().expect("address"), 0)).expect("socket");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("time-out");
        let addr = socket.local_addr().expect("address");
        Wire { socket, addr }
    }

    /// An INVITE, without waiting; gives its Call-ID.
    pub fn invite(&self, to: SocketAddr, dial: &str, caller: &str, body: &[u8]) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let no = NEXT.fetch_add(1, Ordering::Relaxed);
        let (own, call_id) = (self.addr, format!("wire-{no}-{}", self.addr.port()));
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let head = format!(
            "INVITE sip:{dial}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bKw{no}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{caller}@{own}>;tag=w{no}\r\nTo: <sip:{dial}@{to}>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\nContact: <sip:{own}>\r\n\
             P-Asserted-Identity: <sip:{caller}@{own}>\r\n{kind}Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.socket.send_to(&[head.as_bytes(), body].concat(), to).expect("sent");
        call_id
    }

    /// The final answer to a call; acknowledged, and hung up where it was taken.
    pub fn answer(&self, to: SocketAddr, dial: &str, call_id: &str) -> Final {
        let until = Instant::now() + FINAL_MAX;
        let mut bytes = [0; 8_192];
        loop {
            assert!(Instant::now() < until, "no final answer to {call_id}");
            let Ok((len, _)) = self.socket.recv_from(&mut bytes) else { continue };
            let text = String::from_utf8_lossy(&bytes[..len]).into_owned();
            let code: u16 = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
            if !text.contains(call_id) || code < 200 || !text.contains("INVITE") {
                continue;
            }
            self.follow_up("ACK", 1, to, dial, &text);
            if code < 300 {
                self.follow_up("BYE", 2, to, dial, &text);
            }
            return Final { code, text };
        }
    }

    /// One call, up to its final answer.
    pub fn call(&self, to: SocketAddr, dial: &str, caller: &str, body: &[u8]) -> Final {
        let call_id = self.invite(to, dial, caller, body);
        self.answer(to, dial, &call_id)
    }

    fn follow_up(&self, method: &str, cseq: u32, to: SocketAddr, dial: &str, answer: &str) {
        let code_is_2xx = answer.starts_with("SIP/2.0 2");
        let line = |name: &str| {
            let found = answer.lines().find(|line| line.to_lowercase().starts_with(name));
            found.unwrap_or_default().trim_end().to_owned()
        };
        // The ACK of a refusal belongs to the INVITE's own transaction (RFC 3261 §17.1.1.3).
        let via = match code_is_2xx {
            true => format!(
                "Via: SIP/2.0/UDP {};rport;branch=z9hG4bK{method}{cseq}{}",
                self.addr,
                line("call-id").len()
            ),
            false => line("via:"),
        };
        let text = format!(
            "{method} sip:{dial}@{to} SIP/2.0\r\n{via}\r\nMax-Forwards: 70\r\n{}\r\n{}\r\n{}\r\n\
             CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
            line("from:"),
            line("to:"),
            line("call-id:")
        );
        let _ = self.socket.send_to(text.as_bytes(), to);
    }
}
