//! One SIP dialog of a call, as the rest of Tonewall sees it.

use super::info::{DialogKey, InfoInlet, InfoInlets};
use super::kpml;
use super::session::Session;
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver, TerminatedReason, TransactionHandle};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, HeadersExt, Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tracing::debug;

/// Events that a slow owner may leave waiting. An INVITE dialog brings a handful; more waiting
/// means that the owner is gone or sick.
pub(crate) const EVENTS_MAX: usize = 32;

/// How long ending a leg may take before we stop waiting for the peer's answer. The stack goes on
/// retransmitting; longer only keeps a call's resources.
const END_WAIT: Duration = Duration::from_secs(2);

/// What happens on a leg.
pub enum LegEvent {
    /// The peer rings; with a body it sends early media.
    Ringing,
    /// The peer answered with this SDP.
    Answered(Vec<u8>),
    /// The peer, or the network, refused.
    Failed(u16),
    /// The peer acknowledged our answer; after a late offer with its SDP answer.
    Confirmed(Option<Vec<u8>>),
    /// The peer proposes a change; without SDP it asks for an offer of ours.
    Offer(Option<Vec<u8>>, Reply),
    /// The SDP in the ACK of a re-INVITE that had asked for an offer of ours.
    LateAnswer(Vec<u8>),
    /// The leg is over.
    Ended(LegEnd),
}

/// Why a leg is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegEnd {
    /// The peer hung up.
    Bye,
    /// The caller gave up before the answer.
    Cancelled,
    /// Our answer was never acknowledged, or a session timer ran out.
    Silent,
    /// We ended it.
    Ours,
}

/// The one answer to an offer of the peer.
pub struct Reply(TransactionHandle);

impl Reply {
    /// Accepts with our SDP; without one for an UPDATE or re-INVITE that had none.
    pub async fn accept(self, sdp: Option<Vec<u8>>) {
        let _ = self.0.respond(StatusCode::OK, Some(vec![content_type()]), sdp).await;
    }

    /// Refuses; the session stays as it was (RFC 3261 §14.2).
    pub async fn refuse(self, code: u16) {
        let _ = self.0.reply(status(code)).await;
    }
}

/// A status code that this program chose.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from(code)
}

pub(crate) fn content_type() -> Header {
    Header::ContentType("application/sdp".into())
}

/// Why a request in the dialog failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegError {
    /// The dialog is not up, or another of our requests is in flight.
    NotNow,
    /// The peer refused with this status.
    Refused(u16),
    /// The request could not be sent, or nothing came back.
    Lost,
}

/// A handle to a leg; clones name the same one.
#[derive(Clone)]
pub struct Leg(pub(crate) Arc<LegCore>);

pub(crate) struct LegCore {
    pub dialog: InviteDialog,
    layer: Arc<DialogLayer>,
    inlets: InfoInlets,
    inlet: Arc<InfoInlet>,
    own: DialogKey,
    /// A request of ours that changes the session is in flight: theirs gets 491 (RFC 3261 §14.2).
    pub changing: AtomicBool,
    /// Highest CSeq that the peer used, to refuse older ones with 500 (RFC 3261 §12.2.2).
    pub peer_cseq: AtomicU32,
    pub session: Session,
    ended_by_us: AtomicBool,
    /// The caller hung up before its ACK: nobody waits for our 200 any more.
    pub hung_up: Arc<Notify>,
    /// The peer is to be asked for its keys.
    pub wants_kpml: Notify,
}

impl LegCore {
    /// Gives back what the stack holds for the dialog, which it never does by itself. Answers to
    /// retransmissions live on in its transactions.
    pub fn forget(&self) {
        self.inlets.close(&self.own);
        self.layer.remove_dialog(&self.dialog.id());
    }
}

impl Drop for LegCore {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Leg {
    pub(crate) fn new(
        dialog: InviteDialog,
        layer: Arc<DialogLayer>,
        inlets: InfoInlets,
        peer_cseq: u32,
        session: Session,
    ) -> Leg {
        let id = dialog.id();
        let own = DialogKey { call_id: id.call_id, our_tag: id.local_tag };
        let inlet = inlets.open(&own);
        Leg(Arc::new(LegCore {
            dialog,
            layer,
            inlets,
            inlet,
            own,
            changing: AtomicBool::new(false),
            peer_cseq: AtomicU32::new(peer_cseq),
            session,
            ended_by_us: AtomicBool::new(false),
            hung_up: Arc::default(),
            wants_kpml: Notify::new(),
        }))
    }

    /// Where the keys arrive that the peer signals, by SIP INFO or KPML.
    pub fn info(&self) -> &Arc<InfoInlet> {
        &self.0.inlet
    }

    /// Rings (180) an incoming call.
    pub fn ring(&self) {
        if let Err(error) = self.0.dialog.ringing(None, None) {
            debug!(%error, "180 not sent");
        }
    }

    /// Answers an incoming call with our SDP.
    pub fn answer(&self, sdp: Vec<u8>) {
        let mut headers = vec![content_type()];
        headers.extend(self.0.session.answer_headers());
        self.0.session.sent(&sdp);
        if let Err(error) = self.0.dialog.accept(Some(headers), Some(sdp)) {
            debug!(%error, "200 not sent");
        }
    }

    /// Refuses an incoming call, with a reason in words for the caller's side.
    pub fn reject(&self, code: u16, words: Option<&str>) {
        let reason = words.map(|words| format!("SIP;cause={code};text=\"{words}\""));
        if let Err(error) = self.0.dialog.reject(Some(status(code)), reason) {
            debug!(%error, "refusal not sent");
        }
    }

    /// Offers the peer a change and returns its SDP answer.
    pub async fn reinvite(&self, sdp: Vec<u8>) -> Result<Vec<u8>, LegError> {
        if self.0.changing.swap(true, Ordering::AcqRel) {
            return Err(LegError::NotNow);
        }
        self.0.session.sent(&sdp);
        let response = self.0.dialog.reinvite(Some(vec![content_type()]), Some(sdp)).await;
        self.0.changing.store(false, Ordering::Release);
        match response {
            Ok(Some(response)) => answer_of(&response),
            Ok(None) => Err(LegError::NotNow),
            Err(_) => Err(LegError::Lost),
        }
    }

    /// Ends the leg as its state demands: BYE, CANCEL or a refusal. Ending twice is harmless.
    pub async fn end(&self, code: u16) {
        if self.0.ended_by_us.swap(true, Ordering::AcqRel) {
            return;
        }
        // After a 200 that is not acknowledged yet only a BYE may follow.
        if !self.0.dialog.state().waiting_ack() {
            self.0.dialog.reject(Some(status(code)), None).ok();
        }
        let ending = self.0.dialog.hangup();
        if tokio::time::timeout(END_WAIT, ending).await.is_err() {
            debug!("peer did not answer the end of its leg in time");
        }
    }

    /// Whether the dialog is over.
    pub fn is_over(&self) -> bool {
        self.0.dialog.state().is_terminated()
    }

    /// Refuses a transfer that the peer asks for, in the way of RFC 3515: accepted first, then a
    /// final NOTIFY that says no. The library's own NOTIFY body is not a sipfrag.
    pub(crate) async fn refuse_refer(&self) {
        for (fragment, subscription) in [
            ("SIP/2.0 100 Trying\r\n", "active;expires=60"),
            ("SIP/2.0 603 Decline\r\n", "terminated;reason=rejected"),
        ] {
            let headers = vec![
                Header::Event("refer".into()),
                Header::SubscriptionState(subscription.into()),
                Header::ContentType("message/sipfrag;version=2.0".into()),
            ];
            let body = Some(fragment.as_bytes().to_vec());
            if self.0.dialog.request(Method::Notify, Some(headers), body).await.is_err() {
                return;
            }
        }
    }
}

fn answer_of(response: &Response) -> Result<Vec<u8>, LegError> {
    match u16::from(response.status_code.clone()) {
        200..=299 => Ok(response.body().clone()),
        code => Err(LegError::Refused(code)),
    }
}

/// Turns the stack's states of one dialog into events of the leg, until it is over.
pub(crate) async fn pump(leg: Leg, mut states: DialogStateReceiver, events: mpsc::Sender<LegEvent>) {
    let (mut confirmed, mut asked_for_offer) = (false, None);
    let is_client = leg.0.dialog.role() == rsipstack::transaction::key::TransactionRole::Client;
    while let Some(state) = states.recv().await {
        let event = match state {
            DialogState::Early(..) if is_client => LegEvent::Ringing,
            DialogState::Confirmed(_, response) if !confirmed => {
                confirmed = true;
                let event = match is_client {
                    true => LegEvent::Answered(response.body().clone()),
                    false => LegEvent::Confirmed(ack_body(&leg)),
                };
                if wants_kpml(&leg, &response, &event) {
                    leg.0.wants_kpml.notify_one();
                }
                event
            }
            DialogState::Confirmed(..) => match asked_for_offer.and_then(|cseq| ack_of(&leg, cseq)) {
                Some(answer) => {
                    asked_for_offer = None;
                    LegEvent::LateAnswer(answer)
                }
                None => continue,
            },
            DialogState::Updated(_, request, handle) => {
                leg.0.session.refreshed();
                if request.method == Method::Invite && request.body().is_empty() {
                    asked_for_offer = cseq(&request);
                }
                match change(&request, handle).await {
                    Some(event) => event,
                    None => continue,
                }
            }
            DialogState::Info(_, _, handle) | DialogState::Options(_, _, handle) => {
                let _ = handle.reply(StatusCode::OK).await;
                continue;
            }
            DialogState::Message(_, _, handle)
            | DialogState::Notify(_, _, handle)
            | DialogState::Refer(_, _, handle)
            | DialogState::Publish(_, _, handle) => {
                let _ = handle.reply(StatusCode::NotImplemented).await;
                continue;
            }
            DialogState::Terminated(_, reason) => match ended(&leg, &reason, confirmed) {
                Some(event) => {
                    let _ = events.send(event).await;
                    return;
                }
                None => return,
            },
            _ => continue,
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

/// Whether the peer that has just come up is to be asked for its keys, by its INVITE or its 200.
fn wants_kpml(leg: &Leg, response: &Response, event: &LegEvent) -> bool {
    let invite = leg.0.dialog.initial_request();
    match event {
        LegEvent::Answered(sdp) => kpml::is_wanted(&response.headers, sdp),
        LegEvent::Confirmed(Some(sdp)) => kpml::is_wanted(&invite.headers, sdp),
        _ => kpml::is_wanted(&invite.headers, invite.body()),
    }
}

/// A re-INVITE or UPDATE. An UPDATE without a body only refreshes the session (RFC 4028 §7.4).
async fn change(request: &Request, handle: TransactionHandle) -> Option<LegEvent> {
    let body = request.body();
    if body.is_empty() && request.method == Method::Update {
        let _ = handle.reply(StatusCode::OK).await;
        return None;
    }
    let offer = (!body.is_empty()).then(|| body.clone());
    Some(LegEvent::Offer(offer, Reply(handle)))
}

fn cseq(request: &Request) -> Option<u32> {
    request.cseq_header().and_then(|header| header.seq()).ok()
}

fn ack_body(leg: &Leg) -> Option<Vec<u8>> {
    ack_of(leg, cseq(&leg.0.dialog.initial_request())?)
}

/// The body of the ACK for the INVITE of this CSeq number: the stack keeps an older ACK until the
/// next one comes.
fn ack_of(leg: &Leg, invite: u32) -> Option<Vec<u8>> {
    let ack = leg.0.dialog.last_remote_ack()?;
    (cseq(&ack) == Some(invite) && !ack.body().is_empty()).then(|| ack.body().clone())
}

fn ended(leg: &Leg, reason: &TerminatedReason, confirmed: bool) -> Option<LegEvent> {
    if leg.0.ended_by_us.load(Ordering::Acquire) {
        return Some(LegEvent::Ended(LegEnd::Ours));
    }
    Some(match reason {
        TerminatedReason::UacBye | TerminatedReason::UasBye => LegEvent::Ended(LegEnd::Bye),
        TerminatedReason::UacCancel => LegEvent::Ended(LegEnd::Cancelled),
        TerminatedReason::UasOther(code) if !confirmed => LegEvent::Failed(u16::from(code.clone())),
        TerminatedReason::ProxyAuthRequired => LegEvent::Failed(407),
        TerminatedReason::UasBusy => LegEvent::Failed(486),
        TerminatedReason::UasDecline => LegEvent::Failed(603),
        _ => LegEvent::Ended(LegEnd::Silent),
    })
}
