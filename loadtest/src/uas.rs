//! The callee half of the user agent: what is done with requests, inside and outside dialogs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::leg::{Dialog, End, Leg, LegState, SipError};
use crate::sdp::Sdp;
use crate::sip::{Message, uri_of};
use crate::ua::{ALLOW, Socket, T1, T2, TRANSACTION_LIFE, transaction_key};

/// Deals with one request from the wire.
pub(crate) async fn request(socket: &Arc<Socket>, request: Message, from: SocketAddr) {
    let Some(call_id) = request.header("call-id").map(str::to_owned) else { return };
    let legs = socket.table().legs.get(&call_id).cloned().unwrap_or_default();
    let leg = match request.tag("to") {
        Some(tag) => legs.into_iter().find(|leg| leg.local_tag == tag),
        // An INVITE seen before, or the CANCEL of one: the caller's tag tells which.
        None => {
            legs.into_iter().find(|leg| !leg.caller_side && leg.invite.tag("from") == request.tag("from"))
        }
    };
    match (leg, request.method()) {
        (Some(leg), _) if leg.repeat_answer(&request, from).await => {}
        (Some(leg), "ACK") => leg.take_ack(&request),
        (Some(leg), "CANCEL") => leg.take_cancel(&request, from).await,
        (Some(leg), _) if request.tag("to").is_some() => leg.take(&request, from).await,
        (None, "INVITE") if request.tag("to").is_none() => ring_in(socket, request, from).await,
        (None, "OPTIONS") => {
            let answer = Message::response(&request, 200, "OK", Some("options")).with("Allow", ALLOW);
            socket.send(&answer.to_bytes(), from).await;
        }
        (_, "ACK") => {}
        _ => {
            let answer = Message::response(&request, 481, "Call/Transaction Does Not Exist", Some("none"));
            socket.send(&answer.to_bytes(), from).await;
        }
    }
}

/// A new call: 100 at once, then whoever listens decides.
async fn ring_in(socket: &Arc<Socket>, invite: Message, from: SocketAddr) {
    let local_tag = socket.token(10);
    let dialog = Dialog {
        remote_tag: invite.tag("from").map(str::to_owned),
        local_party: without_tag(invite.header("to").unwrap_or_default()),
        remote_party: without_tag(invite.header("from").unwrap_or_default()),
        target: invite.values("contact").first().map_or(String::new(), |contact| uri_of(contact).to_owned()),
        routes: invite.values("record-route"),
        peer: from,
        cseq: 1,
        local_sdp: None,
        sdp_version: 0,
        last_ack: None,
        keys: Vec::new(),
        requests: Vec::new(),
        answered: Default::default(),
    };
    let call_id = invite.header("call-id").unwrap_or_default().to_owned();
    let offer = Sdp::parse(&invite.body);
    let leg = socket.add_leg(invite.clone(), call_id, local_tag, false, dialog, offer);
    leg.answer_with(&invite, Message::response(&invite, 100, "Trying", None), from).await;
    if socket.incoming.try_send(leg.clone()).is_err() {
        let _ = leg.refuse(503, "Service Unavailable").await;
    }
}

fn without_tag(value: &str) -> String {
    match (value.find('>'), value.find(";tag=")) {
        (Some(end), _) => value[..=end].to_owned(),
        (None, Some(tag)) => value[..tag].to_owned(),
        (None, None) => value.to_owned(),
    }
}

impl Leg {
    /// 180 Ringing.
    pub async fn ring(&self) {
        let ringing = Message::response(&self.invite, 180, "Ringing", Some(&self.local_tag))
            .with("Contact", self.socket.contact());
        let peer = self.dialog().peer;
        self.advance(LegState::Ringing);
        self.answer_with(&self.invite, ringing, peer).await;
    }

    /// 200 with our session description, repeated until the ACK comes.
    pub async fn answer(self: &Arc<Self>, sdp: Sdp) -> Result<(), SipError> {
        if let LegState::Ended(end) = self.state() {
            return Err(SipError::Ended(end));
        }
        let invite = self.invite.clone();
        let peer = self.dialog().peer;
        self.accept(&invite, sdp, peer).await;
        self.advance(LegState::Up);
        Ok(())
    }

    /// Refuses the call.
    pub async fn refuse(&self, code: u16, reason: &str) -> Result<(), SipError> {
        let refusal = Message::response(&self.invite, code, reason, Some(&self.local_tag));
        let peer = self.dialog().peer;
        self.finish(End::Refused(code));
        self.answer_with(&self.invite, refusal, peer).await;
        Ok(())
    }

    async fn accept(self: &Arc<Self>, invite: &Message, sdp: Sdp, peer: SocketAddr) {
        let text = self.publish(&sdp);
        let ok = Message::response(invite, 200, "OK", Some(&self.local_tag))
            .with("Contact", self.socket.contact())
            .with("Allow", ALLOW)
            .with_body("application/sdp", text);
        self.answer_with(invite, ok.clone(), peer).await;
        if invite.method() == "INVITE" {
            tokio::spawn(repeat_until_ack(self.clone(), ok.to_bytes(), invite.cseq(), peer));
        }
    }

    /// Sends an answer and keeps it for repeated requests.
    async fn answer_with(&self, request: &Message, answer: Message, to: SocketAddr) {
        let bytes = answer.to_bytes();
        self.remember(transaction_key(request), bytes.clone());
        self.socket.send(&bytes, to).await;
    }

    async fn repeat_answer(&self, request: &Message, from: SocketAddr) -> bool {
        let key = transaction_key(request);
        let known = self
            .dialog()
            .answered
            .iter()
            .find(|(answered, _)| *answered == key)
            .map(|(_, bytes)| bytes.clone());
        let Some(bytes) = known.filter(|_| request.method() != "ACK") else { return false };
        self.socket.send(&bytes, from).await;
        true
    }

    fn take_ack(&self, ack: &Message) {
        self.acked_cseq.send_replace(ack.cseq());
        // A late offer: the answer comes in the ACK.
        if let Some(sdp) = Sdp::parse(&ack.body) {
            self.remote_sdp.send_replace(Some(sdp));
        }
    }

    async fn take_cancel(&self, cancel: &Message, from: SocketAddr) {
        self.note(cancel);
        self.answer_with(cancel, Message::response(cancel, 200, "OK", Some(&self.local_tag)), from).await;
        if matches!(self.state(), LegState::Calling | LegState::Ringing) {
            self.finish(End::Cancelled);
            let terminated =
                Message::response(&self.invite, 487, "Request Terminated", Some(&self.local_tag));
            self.answer_with(&self.invite, terminated, from).await;
        }
    }

    /// A request within the dialog.
    async fn take(self: &Arc<Self>, request: &Message, from: SocketAddr) {
        self.note(request);
        let plain = |code, reason| Message::response(request, code, reason, Some(&self.local_tag));
        match request.method() {
            "BYE" => {
                self.finish(End::ByeReceived);
                self.answer_with(request, plain(200, "OK"), from).await;
            }
            "INVITE" | "UPDATE" => self.take_offer(request, from).await,
            "INFO" | "OPTIONS" | "NOTIFY" => {
                self.answer_with(request, plain(200, "OK").with("Allow", ALLOW), from).await
            }
            _ => self.answer_with(request, plain(405, "Method Not Allowed").with("Allow", ALLOW), from).await,
        }
    }

    async fn take_offer(self: &Arc<Self>, request: &Message, from: SocketAddr) {
        if let Some(contact) = request.values("contact").first() {
            self.dialog().target = uri_of(contact).to_owned();
        }
        let Some(ours) = self.local_sdp() else {
            return self
                .answer_with(
                    request,
                    Message::response(request, 491, "Request Pending", Some(&self.local_tag)),
                    from,
                )
                .await;
        };
        let sdp = match Sdp::parse(&request.body) {
            Some(offer) => {
                let answer = Sdp::answer(&offer, ours.rtp, ours.event_payload_type.is_some());
                self.remote_sdp.send_replace(Some(offer));
                answer
            }
            None => Some(ours),
        };
        match sdp {
            Some(sdp) => self.accept(request, sdp, from).await,
            None => {
                let refusal = Message::response(request, 488, "Not Acceptable Here", Some(&self.local_tag));
                self.answer_with(request, refusal, from).await;
            }
        }
    }
}

/// §13.3.1.4: T1 doubling to T2, until the ACK or 64 × T1.
async fn repeat_until_ack(leg: Arc<Leg>, bytes: Vec<u8>, cseq: u32, peer: SocketAddr) {
    let mut acked = leg.acked_cseq.subscribe();
    let deadline = tokio::time::Instant::now() + TRANSACTION_LIFE;
    let mut interval: Duration = T1;
    while tokio::time::Instant::now() < deadline && leg.end().is_none() {
        if tokio::time::timeout(interval, acked.wait_for(|seen| *seen == cseq)).await.is_ok() {
            return;
        }
        leg.socket.send(&bytes, peer).await;
        interval = (interval * 2).min(T2);
    }
    // A 2xx without an ACK ends the dialog (§13.3.1.4).
    let _ = leg.hangup().await;
}
