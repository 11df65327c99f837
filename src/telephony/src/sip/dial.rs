//! Placing a call.

use super::endpoint::{SipEndpoint, run_leg};
use super::leg::{EVENTS_MAX, Leg, LegEvent};
use super::session::Session;
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::{Header, Transport, Uri};
use rsipstack::transport::SipAddr;
use std::net::SocketAddr;
use tokio::sync::mpsc;

/// A call to place.
pub struct Dial {
    /// User part of the request URI.
    pub to: String,
    /// Where it is sent.
    pub address: SocketAddr,
    /// Over TCP instead of UDP.
    pub tcp: bool,
    /// User part of From and of P-Asserted-Identity: who calls.
    pub from: String,
    /// SDP offer; an INVITE without one is never sent.
    pub offer: Vec<u8>,
    /// User name and password, where the peer challenges.
    pub credential: Option<(String, String)>,
    /// Hops that are left for it.
    pub max_forwards: u8,
    /// Asks the phone to answer by itself (an agent who is rung back).
    pub auto_answer: bool,
}

/// A user part or address that makes no SIP URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTarget;

/// What may stand in a user part without escaping (RFC 3261 §25.1, less `;` `?` and `/`).
fn user_ok(user: &str) -> bool {
    const MARKS: &str = "-_.!~*'()&=+$,#";
    !user.is_empty() && user.chars().all(|c| c.is_ascii_alphanumeric() || MARKS.contains(c))
}

/// A number of the keypad may hold `#`, which a URI has to escape.
fn escaped(user: &str) -> String {
    user.replace('#', "%23")
}

pub(crate) fn dial(endpoint: &SipEndpoint, dial: Dial) -> Result<(Leg, mpsc::Receiver<LegEvent>), BadTarget> {
    let from_user = if user_ok(&dial.from) { escaped(&dial.from) } else { "anonymous".to_owned() };
    if !user_ok(&dial.to) {
        return Err(BadTarget);
    }
    let uri = |text: String| Uri::try_from(text.as_str()).map_err(|_| BadTarget);
    let own = SocketAddr::new(endpoint.0.advertised, endpoint.0.address.port());
    let (transport, parameter) = match dial.tcp {
        true => (Transport::Tcp, ";transport=tcp"),
        false => (Transport::Udp, ""),
    };
    let mut headers = vec![
        Header::MaxForwards(dial.max_forwards.to_string().into()),
        Header::PAssertedIdentity(format!("<sip:{from_user}@{own}>").into()),
        Header::Allow("INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE".into()),
    ];
    if dial.auto_answer {
        // Three dialects of the same wish (RFC 5373; Call-Info as most desk phones read it).
        headers.push(Header::Other(
            "Alert-Info".to_owned(),
            "<http://127.0.0.1>;info=alert-autoanswer".to_owned(),
        ));
        headers.push(Header::CallInfo("<sip:127.0.0.1>;answer-after=0".into()));
        headers.push(Header::Other("Answer-Mode".to_owned(), "Auto".to_owned()));
    }
    let option = InviteOption {
        caller: uri(format!("sip:{from_user}@{own}"))?,
        callee: uri(format!("sip:{}@{}{parameter}", escaped(&dial.to), dial.address))?,
        destination: Some(SipAddr { r#type: Some(transport), addr: dial.address.into() }),
        content_type: Some("application/sdp".to_owned()),
        offer: Some(dial.offer.clone()),
        contact: endpoint.contact().ok_or(BadTarget)?,
        credential: dial.credential.map(|(username, password)| Credential {
            username,
            password,
            realm: None,
            auth_username: None,
        }),
        headers: Some(headers),
        ..InviteOption::default()
    };
    let (states, state_events) = endpoint.0.layer.new_dialog_state_channel();
    let (dialog, invite) = endpoint.0.layer.do_invite_async(option, states).map_err(|_| BadTarget)?;
    let session = Session::none();
    session.sent(&dial.offer);
    let leg = Leg::new(dialog, endpoint.0.layer.clone(), endpoint.0.inlets.clone(), 0, session);
    endpoint.remember(&leg);
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(run_leg(leg.clone(), state_events, sender.clone()));
    tokio::spawn(async move {
        // Without any final response the stack reports no state: the network was silent.
        if !matches!(invite.await, Ok(Ok((_, Some(_))))) {
            let _ = sender.send(LegEvent::Failed(408)).await;
        }
    });
    Ok((leg, events))
}
