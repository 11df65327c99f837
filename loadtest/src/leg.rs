//! One dialog of the simulated phones: its identifiers, its state, what it was sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::sdp::Sdp;
use crate::sip::{Message, address_of, uri_of, user_of};
use crate::ua::{Socket, T1};

/// How a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other side sent BYE.
    ByeReceived,
    /// We sent BYE.
    ByeSent,
    /// The INVITE was cancelled, by whichever side sent it.
    Cancelled,
    /// The INVITE was refused with this status code.
    Refused(u16),
    /// Nothing came back in time.
    TimedOut,
}

/// Life of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegState {
    /// INVITE sent or received, no 18x yet.
    Calling,
    /// 18x sent or received.
    Ringing,
    /// 200 sent or received.
    Up,
    /// Over.
    Ended(End),
}

/// Why a SIP step did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SipError {
    /// No final answer in time.
    TimedOut,
    /// A final answer that is no success.
    Refused(u16),
    /// The leg had ended.
    Ended(End),
    /// The answer held no usable audio.
    NoAudio,
    /// The socket refused to send.
    Socket(std::io::ErrorKind),
}

impl std::fmt::Display for SipError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SipError::TimedOut => write!(f, "no final answer in time"),
            SipError::Refused(code) => write!(f, "refused with {code}"),
            SipError::Ended(end) => write!(f, "the leg had ended: {end:?}"),
            SipError::NoAudio => write!(f, "no usable audio in the session description"),
            SipError::Socket(kind) => write!(f, "socket: {kind}"),
        }
    }
}

impl std::error::Error for SipError {}

/// A key report that arrived in SIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipKey {
    /// When.
    pub at: Instant,
    /// The keys named in the body (dtmf-relay, dtmf or KPML), in order.
    pub keys: String,
}

/// One call leg; cheap to share.
pub struct Leg {
    pub(crate) socket: Arc<Socket>,
    pub(crate) invite: Message,
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
    pub(crate) caller_side: bool,
    pub(crate) dialog: Mutex<Dialog>,
    pub(crate) state: watch::Sender<LegState>,
    pub(crate) remote_sdp: watch::Sender<Option<Sdp>>,
    pub(crate) acked_cseq: watch::Sender<u32>,
    pub(crate) heard_of: watch::Sender<bool>,
    pub(crate) started: Instant,
}

#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) remote_tag: Option<String>,
    pub(crate) local_party: String,
    pub(crate) remote_party: String,
    pub(crate) target: String,
    pub(crate) routes: Vec<String>,
    pub(crate) peer: SocketAddr,
    pub(crate) cseq: u32,
    pub(crate) local_sdp: Option<Sdp>,
    pub(crate) sdp_version: u64,
    pub(crate) last_ack: Option<(u32, Vec<u8>)>,
    pub(crate) keys: Vec<SipKey>,
    pub(crate) requests: Vec<String>,
    /// Last answers by branch and method: a repeated request gets the same bytes again.
    pub(crate) answered: VecDeque<(String, Vec<u8>)>,
}

/// Answers, key reports and request names kept a leg.
const KEPT_MAX: usize = 512;

impl Leg {
    pub(crate) fn dialog(&self) -> MutexGuard<'_, Dialog> {
        self.dialog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The address of our side.
    pub fn local_ip(&self) -> std::net::IpAddr {
        self.socket.addr().ip()
    }

    /// When the INVITE was first sent, or received.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The INVITE that made this leg.
    pub fn invite(&self) -> &Message {
        &self.invite
    }

    /// The state now.
    pub fn state(&self) -> LegState {
        *self.state.borrow()
    }

    /// How it ended; `None` while it lives.
    pub fn end(&self) -> Option<End> {
        match self.state() {
            LegState::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// The last session description of the other side; changes with every re-INVITE.
    pub fn remote_sdp(&self) -> watch::Receiver<Option<Sdp>> {
        self.remote_sdp.subscribe()
    }

    /// Who calls: the users of P-Asserted-Identity and of From; empty where there is none.
    pub fn callers(&self) -> [&str; 2] {
        ["p-asserted-identity", "from"]
            .map(|name| self.invite.header(name).map_or("", |value| user_of(uri_of(value))))
    }

    /// Who calls: the user of P-Asserted-Identity, else of From.
    pub fn caller(&self) -> &str {
        let [asserted, from] = self.callers();
        if asserted.is_empty() { from } else { asserted }
    }

    /// The user of the Request-URI: the number or extension that was dialled.
    pub fn dialled(&self) -> &str {
        match &self.invite.start {
            crate::sip::Start::Request { uri, .. } => user_of(uri),
            crate::sip::Start::Response { .. } => "",
        }
    }

    /// Keys that arrived in SIP INFO, NOTIFY or any other request of this dialog.
    pub fn keys_heard(&self) -> Vec<SipKey> {
        self.dialog().keys.clone()
    }

    /// Methods of the requests received in this dialog, in order (re-INVITE appears as `INVITE`).
    pub fn requests(&self) -> Vec<String> {
        self.dialog().requests.clone()
    }

    /// Waits until `wanted` holds; `Err` carries the state at the deadline.
    pub async fn wait(
        &self,
        within: Duration,
        wanted: impl Fn(LegState) -> bool,
    ) -> Result<LegState, LegState> {
        let mut states = self.state.subscribe();
        let held = tokio::time::timeout(within, states.wait_for(|state| wanted(*state))).await;
        match held {
            Ok(Ok(state)) => Ok(*state),
            _ => Err(self.state()),
        }
    }

    /// Waits until the leg is answered.
    pub async fn wait_up(&self, within: Duration) -> Result<(), SipError> {
        match self.wait(within, |state| matches!(state, LegState::Up | LegState::Ended(_))).await {
            Ok(LegState::Ended(End::Refused(code))) => Err(SipError::Refused(code)),
            Ok(LegState::Ended(end)) => Err(SipError::Ended(end)),
            Ok(_) => Ok(()),
            Err(_) => Err(SipError::TimedOut),
        }
    }

    /// Waits until the leg is over.
    pub async fn wait_end(&self, within: Duration) -> Option<End> {
        let _ = self.wait(within, |state| matches!(state, LegState::Ended(_))).await;
        self.end()
    }

    /// Hangs up: BYE when answered, CANCEL or 603 before. Does nothing when already over.
    pub async fn hangup(&self) -> Result<(), SipError> {
        match self.state() {
            LegState::Ended(_) => Ok(()),
            LegState::Up => self.bye().await,
            LegState::Calling | LegState::Ringing if self.caller_side => self.cancel().await,
            LegState::Calling | LegState::Ringing => self.refuse(603, "Decline").await,
        }
    }

    /// Reports a key by SIP INFO (`application/dtmf-relay`).
    pub async fn info_key(&self, key: char, duration_ms: u32) -> Result<(), SipError> {
        let body = format!("Signal={key}\r\nDuration={duration_ms}\r\n");
        let info = self.request("INFO").with_body("application/dtmf-relay", body);
        match self.transact(info).await? {
            200..=299 => Ok(()),
            code => Err(SipError::Refused(code)),
        }
    }

    /// Changes the session (hold, another address, other payload types) by re-INVITE; the answer is returned
    /// and published by [`Leg::remote_sdp`].
    pub async fn reinvite(&self, offer: Sdp) -> Result<Sdp, SipError> {
        let text = self.publish(&offer);
        let invite =
            self.request("INVITE").with("Contact", self.socket.contact()).with_body("application/sdp", text);
        let answer = self.socket.request(self.destination(), &invite).await?;
        self.acknowledge(&invite, &answer).await;
        match answer.code() {
            Some(200..=299) => {
                let sdp = Sdp::parse(&answer.body).ok_or(SipError::NoAudio)?;
                self.remote_sdp.send_replace(Some(sdp.clone()));
                Ok(sdp)
            }
            code => Err(SipError::Refused(code.unwrap_or(0))),
        }
    }

    /// Our session description as last sent.
    pub fn local_sdp(&self) -> Option<Sdp> {
        self.dialog().local_sdp.clone()
    }

    pub(crate) fn finish(&self, end: End) {
        self.state.send_if_modified(|state| {
            let live = !matches!(state, LegState::Ended(_));
            if live {
                *state = LegState::Ended(end);
            }
            live
        });
    }

    pub(crate) fn advance(&self, to: LegState) {
        self.state.send_if_modified(|state| {
            let live = !matches!(state, LegState::Ended(_)) && *state != to;
            if live {
                *state = to;
            }
            live
        });
    }

    /// Stores `sdp` as ours and gives its text with the next version.
    pub(crate) fn publish(&self, sdp: &Sdp) -> String {
        let mut dialog = self.dialog();
        dialog.sdp_version += 1;
        dialog.local_sdp = Some(sdp.clone());
        sdp.to_text(1, dialog.sdp_version)
    }

    /// A request within the dialog, CSeq taken.
    pub(crate) fn request(&self, method: &str) -> Message {
        let mut dialog = self.dialog();
        if method != "ACK" {
            dialog.cseq += 1;
        }
        let to = match &dialog.remote_tag {
            Some(tag) => format!("{};tag={tag}", dialog.remote_party),
            None => dialog.remote_party.clone(),
        };
        let mut request = Message::request(method, &dialog.target)
            .with("Via", self.socket.via())
            .with("Max-Forwards", "70")
            .with("From", format!("{};tag={}", dialog.local_party, self.local_tag))
            .with("To", to)
            .with("Call-ID", &self.call_id)
            .with("CSeq", format!("{} {method}", dialog.cseq));
        for route in &dialog.routes {
            request = request.with("Route", route);
        }
        request
    }

    /// Where requests of this dialog go: the first route, else the target, else where the peer sent from.
    pub(crate) fn destination(&self) -> SocketAddr {
        let dialog = self.dialog();
        let next = dialog.routes.first().map_or(dialog.target.as_str(), |route| uri_of(route));
        address_of(next).unwrap_or(dialog.peer)
    }

    /// ACK for any final answer to an INVITE: a 2xx gets a new branch and the route set, others the INVITE's own.
    pub(crate) async fn acknowledge(&self, invite: &Message, answer: &Message) {
        let success = matches!(answer.code(), Some(200..=299));
        let (ack, to) = if success {
            let mut ack = self.request("ACK");
            set_header(&mut ack, "CSeq", format!("{} ACK", answer.cseq()));
            (ack, self.destination())
        } else {
            let uri = match &invite.start {
                crate::sip::Start::Request { uri, .. } => uri.clone(),
                crate::sip::Start::Response { .. } => String::new(),
            };
            let mut ack = Message::request("ACK", &uri);
            for name in ["via", "max-forwards", "from", "call-id", "route"] {
                ack.headers.extend(
                    invite.headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).cloned(),
                );
            }
            ack = ack
                .with("To", answer.header("to").unwrap_or_default())
                .with("CSeq", format!("{} ACK", invite.cseq()));
            let peer = self.dialog().peer;
            (ack, peer)
        };
        let bytes = ack.to_bytes();
        if success {
            self.dialog().last_ack = Some((answer.cseq(), bytes.clone()));
        }
        self.socket.send(&bytes, to).await;
    }

    async fn transact(&self, request: Message) -> Result<u16, SipError> {
        let answer = self.socket.request(self.destination(), &request).await?;
        Ok(answer.code().unwrap_or(0))
    }

    /// CANCEL of our unanswered INVITE (RFC 3261 §9.1): same branch, same CSeq number.
    async fn cancel(&self) -> Result<(), SipError> {
        let uri = match &self.invite.start {
            crate::sip::Start::Request { uri, .. } => uri.clone(),
            crate::sip::Start::Response { .. } => String::new(),
        };
        let mut cancel = Message::request("CANCEL", &uri);
        for name in ["via", "max-forwards", "from", "to", "call-id"] {
            cancel.headers.extend(
                self.invite.headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).cloned(),
            );
        }
        let cancel = cancel.with("CSeq", format!("{} CANCEL", self.invite.cseq()));
        // A CANCEL may not go out before a provisional answer has come in.
        let mut heard_of = self.heard_of.subscribe();
        if tokio::time::timeout(8 * T1, heard_of.wait_for(|heard| *heard)).await.is_err() {
            self.finish(End::TimedOut);
            return Err(SipError::TimedOut);
        }
        let peer = self.dialog().peer;
        self.socket.request(peer, &cancel).await?;
        let settled = |state| matches!(state, LegState::Up | LegState::Ended(_));
        match self.wait(Duration::from_secs(8), settled).await {
            // The answer crossed our CANCEL (§15): hang up.
            Ok(LegState::Up) => self.bye().await,
            Ok(_) => Ok(()),
            Err(_) => Err(SipError::TimedOut),
        }
    }

    async fn bye(&self) -> Result<(), SipError> {
        let bye = self.request("BYE");
        self.finish(End::ByeSent);
        match self.transact(bye).await? {
            // 481 and 408 end a dialog as well (§12.2.1.2).
            200..=299 | 408 | 481 => Ok(()),
            code => Err(SipError::Refused(code)),
        }
    }

    /// Remembers the answer so that a retransmitted request gets it again.
    pub(crate) fn remember(&self, key: String, bytes: Vec<u8>) {
        let mut dialog = self.dialog();
        dialog.answered.retain(|(known, _)| *known != key);
        if dialog.answered.len() >= 32 {
            dialog.answered.pop_front();
        }
        dialog.answered.push_back((key, bytes));
    }

    /// Writes down what a request said.
    pub(crate) fn note(&self, request: &Message) {
        let mut dialog = self.dialog();
        if dialog.requests.len() < KEPT_MAX {
            dialog.requests.push(request.method().to_owned());
        }
        let keys = keys_in(request);
        if !keys.is_empty() && dialog.keys.len() < KEPT_MAX {
            dialog.keys.push(SipKey { at: Instant::now(), keys });
        }
    }
}

pub(crate) fn set_header(message: &mut Message, name: &str, value: String) {
    if let Some(field) = message.headers.iter_mut().find(|(field, _)| field.eq_ignore_ascii_case(name)) {
        field.1 = value;
    }
}

/// The keys that a body reports: `Signal=5` (dtmf-relay), `5` (dtmf), `digits="5"` (RFC 4730).
pub(crate) fn keys_in(request: &Message) -> String {
    let kind = request.header("content-type").unwrap_or("").to_ascii_lowercase();
    let text = String::from_utf8_lossy(&request.body);
    let named = |line: &str| {
        line.split_once('=')
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("signal"))
            .map(|(_, key)| key.to_owned())
    };
    let raw = if kind.starts_with("application/kpml") {
        text.split("digits=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("").to_owned()
    } else if kind.starts_with("application/dtmf-relay") {
        text.lines().find_map(named).unwrap_or_default()
    } else if kind.starts_with("application/dtmf") {
        text.into_owned()
    } else {
        text.lines().find_map(named).unwrap_or_default()
    };
    raw.chars().filter(|key| crate::dtmf::pair_of(*key).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_body_format() {
        let case =
            |kind: &str, body: &str| keys_in(&Message::request("INFO", "sip:a@b").with_body(kind, body));
        assert_eq!(case("application/dtmf-relay", "Signal= 5\r\nDuration=160\r\n"), "5");
        assert_eq!(case("application/dtmf", "#"), "#");
        assert_eq!(
            case(
                "application/kpml-response+xml",
                "<kpml-response version=\"1.0\" code=\"200\" digits=\"4*\"/>"
            ),
            "4*"
        );
        assert_eq!(case("text/plain", "signal=7"), "7");
        assert_eq!(case("application/sdp", "v=0\r\nm=audio 1 RTP/AVP 0"), "");
    }
}
