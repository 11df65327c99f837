//! A telephone of a few lines that sends what no well-behaved stack would: text over UDP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Longest wait for an answer: below the 32 s of a transaction, above any busy moment.
const ANSWER_MAX: Duration = Duration::from_secs(8);

/// A dialog as a caller, by hand.
pub(super) struct Phone {
    socket: UdpSocket,
    own: SocketAddr,
    sut: SocketAddr,
    pub(super) call_id: String,
    /// With its tag, once an answer gave one.
    pub(super) to: String,
    target: String,
}

impl Phone {
    /// A caller with a number of its own, who will call `user`.
    pub(super) async fn new(sut: SocketAddr, user: &str) -> Phone {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let own = socket.local_addr().expect("address");
        let target = format!("sip:{user}@{sut}");
        Phone {
            call_id: format!("phone-{}", own.port()),
            to: format!("<{target}>"),
            socket,
            own,
            sut,
            target,
        }
    }

    /// An SDP offer for a port where nobody listens, with these lines at its end.
    pub(super) fn offer(more: &str) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio 40000 RTP/AVP 8 0\r\na=ptime:20\r\n{more}"
        )
    }

    /// A whole request of this dialog; `extra` are header lines with their CR LF, Content-Type included.
    pub(super) fn request(&self, method: &str, cseq: u32, extra: &str, body: &str) -> String {
        let Phone { own, call_id, to, target, .. } = self;
        let user = "+447700900987";
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{call_id}-{cseq}-{method}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{own}>;tag=phone\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:{user}@{own}>\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// The INVITE of this dialog.
    pub(super) fn invite(&self, more: &str) -> String {
        self.request("INVITE", 1, "Content-Type: application/sdp\r\n", &Phone::offer(more))
    }

    /// Sends bytes.
    pub(super) async fn send(&self, bytes: impl AsRef<[u8]>) {
        self.socket.send_to(bytes.as_ref(), self.sut).await.expect("sent");
    }

    /// The next message, whatever it is.
    async fn message(&self, within: Duration) -> Option<String> {
        let mut buffer = vec![0; 65_535];
        let (len, _) = timeout(within, self.socket.recv_from(&mut buffer)).await.ok()?.ok()?;
        Some(String::from_utf8_lossy(&buffer[..len]).into_owned())
    }

    /// Status of the next response above `floor` to this CSeq line; other messages are passed over.
    pub(super) async fn status(&mut self, cseq: &str, floor: u16) -> Option<u16> {
        self.status_within(cseq, floor, ANSWER_MAX).await
    }

    /// As [`Phone::status`], with a wait of its own.
    pub(super) async fn status_within(&mut self, cseq: &str, floor: u16, within: Duration) -> Option<u16> {
        let until = Instant::now() + within;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let message = self.message(left).await?;
            let code = message.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
            let of = header(&message, "CSeq");
            if let (Some(code), true) = (code, of == Some(cseq))
                && code > floor
            {
                if let Some(to) = header(&message, "To").filter(|to| code < 300 && to.contains("tag=")) {
                    self.to = to.to_owned();
                }
                return Some(code);
            }
        }
        None
    }

    /// Sends a request of the dialog and gives its final status.
    pub(super) async fn ask(&mut self, method: &str, cseq: u32, extra: &str, body: &str) -> Option<u16> {
        self.send(self.request(method, cseq, extra, body)).await;
        self.status(&format!("{cseq} {method}"), 199).await
    }

    /// A key by SIP INFO.
    pub(super) async fn info(&mut self, cseq: u32, keys: &str) -> Option<u16> {
        let body = format!("Signal={keys}\r\nDuration=160\r\n");
        self.ask("INFO", cseq, "Content-Type: application/dtmf-relay\r\n", &body).await
    }

    /// Calls, and waits until it rings.
    pub(super) async fn ring(&mut self) -> Result<(), String> {
        self.send(self.invite("")).await;
        match self.status("1 INVITE", 100).await {
            Some(180 | 183) => Ok(()),
            other => Err(format!("no ringing but {other:?}")),
        }
    }

    /// Waits for the 200 and acknowledges it.
    pub(super) async fn answered(&mut self) -> Result<(), String> {
        match self.status("1 INVITE", 199).await {
            Some(200) => {
                self.send(self.request("ACK", 1, "", "")).await;
                Ok(())
            }
            other => Err(format!("no answer but {other:?}")),
        }
    }

    /// Hangs up.
    pub(super) async fn bye(&mut self, cseq: u32) -> Result<(), String> {
        match self.ask("BYE", cseq, "", "").await {
            Some(200) => Ok(()),
            other => Err(format!("BYE: {other:?}")),
        }
    }
}

/// Value of a header field of a message.
pub(super) fn header<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
