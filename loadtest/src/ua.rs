//! A SIP user agent on one UDP socket: many dialogs, told apart by Call-ID and tags, caller and callee alike.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};

use crate::leg::{Dialog, End, Leg, LegState, SipError};
use crate::rng::Rng;
use crate::sdp::Sdp;
use crate::sip::{Message, uri_of};

/// First retransmission interval (RFC 3261 §17.1.1.1).
pub const T1: Duration = Duration::from_millis(500);
/// Longest retransmission interval.
pub const T2: Duration = Duration::from_secs(4);
/// A transaction's life: 64 × T1.
pub const TRANSACTION_LIFE: Duration = Duration::from_secs(32);
/// Calls that may wait to be looked at; more are refused with 503.
const INCOMING_MAX: usize = 1_024;
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// The socket and what is under way on it.
pub struct Socket {
    udp: UdpSocket,
    addr: SocketAddr,
    rng: Mutex<Rng>,
    pub(crate) table: Mutex<Table>,
    pub(crate) incoming: mpsc::Sender<Arc<Leg>>,
}

/// What is under way on a socket.
#[derive(Default)]
pub(crate) struct Table {
    waiting: HashMap<String, mpsc::Sender<Message>>,
    pub(crate) legs: HashMap<String, Vec<Arc<Leg>>>,
}

/// A user agent; dropping it closes the socket.
pub struct Ua {
    socket: Arc<Socket>,
    receiver: tokio::task::JoinHandle<()>,
}

/// An outgoing call.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Where the INVITE is sent.
    pub to: SocketAddr,
    /// User of the Request-URI and of To.
    pub dial: String,
    /// User of From and of P-Asserted-Identity.
    pub caller: String,
    /// Our offer.
    pub offer: Sdp,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
}

impl Ua {
    /// Binds the socket. The second half gets the incoming calls; drop it and they are refused with 503.
    pub async fn bind(addr: SocketAddr) -> std::io::Result<(Self, mpsc::Receiver<Arc<Leg>>)> {
        let udp = UdpSocket::bind(addr).await?;
        let addr = udp.local_addr()?;
        let (incoming, calls) = mpsc::channel(INCOMING_MAX);
        let socket = Arc::new(Socket {
            udp,
            addr,
            rng: Mutex::new(Rng::from_system()),
            table: Mutex::default(),
            incoming,
        });
        let receiver = tokio::spawn(receive(socket.clone()));
        Ok((Self { socket, receiver }, calls))
    }

    /// The bound address.
    pub fn addr(&self) -> SocketAddr {
        self.socket.addr
    }

    /// Starts a call; the leg reports its progress by state.
    pub fn invite(&self, invite: Invite) -> Arc<Leg> {
        let socket = &self.socket;
        let (call_id, local_tag) = (format!("{}@{}", socket.token(20), socket.addr.ip()), socket.token(10));
        let target = format!("sip:{}@{}", invite.dial, invite.to);
        let local_party = format!("<sip:{}@{}>", invite.caller, socket.addr);
        let remote_party = format!("<{target}>");
        let mut message = Message::request("INVITE", &target)
            .with("Via", socket.via())
            .with("Max-Forwards", "70")
            .with("From", format!("{local_party};tag={local_tag}"))
            .with("To", &remote_party)
            .with("Call-ID", &call_id)
            .with("CSeq", "1 INVITE")
            .with("Contact", socket.contact())
            .with("P-Asserted-Identity", &local_party)
            .with("Allow", ALLOW);
        for (name, value) in &invite.headers {
            message = message.with(name, value);
        }
        let message = message.with_body("application/sdp", invite.offer.to_text(1, 1));
        let dialog = Dialog {
            remote_tag: None,
            local_party,
            remote_party,
            target,
            routes: Vec::new(),
            peer: invite.to,
            cseq: 1,
            local_sdp: Some(invite.offer),
            sdp_version: 1,
            last_ack: None,
            keys: Vec::new(),
            requests: Vec::new(),
            answered: Default::default(),
        };
        let leg = socket.add_leg(message, call_id, local_tag, true, dialog, None);
        tokio::spawn(run_invite(leg.clone()));
        leg
    }

    /// Legs that have not ended.
    pub fn live_legs(&self) -> usize {
        let table = self.socket.table();
        table.legs.values().flatten().filter(|leg| leg.end().is_none()).count()
    }
}

impl Drop for Ua {
    fn drop(&mut self) {
        self.receiver.abort();
        // Legs hold the socket and the table holds the legs: break the ring.
        self.socket.table().legs.clear();
    }
}

/// Methods that this user agent understands.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY";

impl Socket {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn token(&self, len: usize) -> String {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).token(len)
    }

    pub(crate) fn via(&self) -> String {
        format!("SIP/2.0/UDP {};rport;branch=z9hG4bK{}", self.addr, self.token(16))
    }

    pub(crate) fn contact(&self) -> String {
        format!("<sip:{}>", self.addr)
    }

    pub(crate) async fn send(&self, bytes: &[u8], to: SocketAddr) {
        // A refused datagram looks like a lost one: retransmission and deadlines deal with both.
        let _ = self.udp.send_to(bytes, to).await;
    }

    pub(crate) fn add_leg(
        self: &Arc<Self>,
        invite: Message,
        call_id: String,
        local_tag: String,
        caller_side: bool,
        dialog: Dialog,
        remote_sdp: Option<Sdp>,
    ) -> Arc<Leg> {
        let leg = Arc::new(Leg {
            socket: self.clone(),
            invite,
            call_id: call_id.clone(),
            local_tag,
            caller_side,
            dialog: Mutex::new(dialog),
            state: watch::Sender::new(LegState::Calling),
            remote_sdp: watch::Sender::new(remote_sdp),
            acked_cseq: watch::Sender::new(0),
            heard_of: watch::Sender::new(false),
            started: Instant::now(),
        });
        let mut table = self.table();
        prune(&mut table);
        table.legs.entry(call_id).or_default().push(leg.clone());
        leg
    }

    /// Sends a request until a final answer comes; provisional answers slow the retransmission down.
    pub(crate) async fn request(&self, to: SocketAddr, request: &Message) -> Result<Message, SipError> {
        let mut answers = self.expect(request);
        let bytes = request.to_bytes();
        let deadline = tokio::time::Instant::now() + TRANSACTION_LIFE;
        let mut interval = T1;
        let mut provisional = false;
        self.send(&bytes, to).await;
        loop {
            let next = (tokio::time::Instant::now() + interval).min(deadline);
            match tokio::time::timeout_at(next, answers.recv()).await {
                Ok(Some(answer)) if answer.code().unwrap_or(0) >= 200 => {
                    self.forget(request);
                    return Ok(answer);
                }
                Ok(Some(_)) => provisional = true,
                Ok(None) => return Err(SipError::TimedOut),
                Err(_) if tokio::time::Instant::now() >= deadline => {
                    self.forget(request);
                    return Err(SipError::TimedOut);
                }
                Err(_) => {
                    // An INVITE is not repeated once it was heard of (§17.1.1.2); others go on slowly (§17.1.2.2).
                    if !(provisional && request.method() == "INVITE") {
                        self.send(&bytes, to).await;
                    }
                    interval = (interval * 2).min(T2);
                }
            }
        }
    }

    /// Registers a transaction and gives its answers.
    pub(crate) fn expect(&self, request: &Message) -> mpsc::Receiver<Message> {
        let (answer, answers) = mpsc::channel(16);
        self.table().waiting.insert(transaction_key(request), answer);
        answers
    }

    pub(crate) fn forget(&self, request: &Message) {
        self.table().waiting.remove(&transaction_key(request));
    }

    /// Hands an answer to its transaction; gives it back if nobody waits for it.
    fn deliver(&self, answer: Message) -> Option<Message> {
        let waiting = self.table().waiting.get(&transaction_key(&answer)).cloned();
        let Some(sender) = waiting else { return Some(answer) };
        // A full queue means 16 unread answers to one request: the surplus is repetition.
        let _ = sender.try_send(answer);
        None
    }
}

/// Legs kept after their end, so that late retransmissions still find them.
const LEGS_MAX: usize = 8_192;

fn prune(table: &mut Table) {
    if table.legs.len() >= LEGS_MAX {
        table.legs.retain(|_, legs| legs.iter().any(|leg| leg.end().is_none()));
    }
}

/// A transaction is its branch and its method (§17.1.3).
pub(crate) fn transaction_key(message: &Message) -> String {
    format!("{} {}", message.branch().unwrap_or_default(), message.method())
}

async fn receive(socket: Arc<Socket>) {
    let mut buffer = vec![0u8; DATAGRAM_BYTES_MAX];
    loop {
        // ICMP errors of earlier sends surface here; the socket stays good.
        let Ok((len, from)) = socket.udp.recv_from(&mut buffer).await else { continue };
        let Some(message) = Message::parse(&buffer[..len]) else { continue };
        if message.code().is_none() {
            crate::uas::request(&socket, message, from).await;
        } else if let Some(stray) = socket.deliver(message) {
            acknowledge_again(&socket, &stray).await;
        }
    }
}

/// A 2xx that nobody waits for is a retransmission: its ACK was lost.
async fn acknowledge_again(socket: &Arc<Socket>, answer: &Message) {
    if answer.method() != "INVITE" || !matches!(answer.code(), Some(200..=299)) {
        return;
    }
    let Some(call_id) = answer.header("call-id") else { return };
    let leg = socket
        .table()
        .legs
        .get(call_id)
        .and_then(|legs| legs.iter().find(|leg| answer.tag("from") == Some(&leg.local_tag)).cloned());
    let Some(leg) = leg else { return };
    let last_ack = leg.dialog().last_ack.clone();
    if let Some((cseq, bytes)) = last_ack
        && cseq == answer.cseq()
    {
        socket.send(&bytes, leg.destination()).await;
    }
}

/// The INVITE transaction of an outgoing call, from the first byte to the ACK.
async fn run_invite(leg: Arc<Leg>) {
    let socket = leg.socket.clone();
    let mut answers = socket.expect(&leg.invite);
    let bytes = leg.invite.to_bytes();
    let peer = leg.dialog().peer;
    let mut deadline = tokio::time::Instant::now() + TRANSACTION_LIFE;
    let mut interval = T1;
    let mut heard = false;
    socket.send(&bytes, peer).await;
    loop {
        let next = if heard { deadline } else { (tokio::time::Instant::now() + interval).min(deadline) };
        match tokio::time::timeout_at(next, answers.recv()).await {
            Ok(Some(answer)) => {
                let code = answer.code().unwrap_or(0);
                if code >= 200 {
                    conclude_invite(&leg, &answer).await;
                    break;
                }
                if !heard {
                    heard = true;
                    // Ringing may last: timer C of a proxy, 3 minutes (§16.6).
                    deadline = tokio::time::Instant::now() + Duration::from_secs(180);
                }
                leg.heard_of.send_replace(true);
                if code > 100 {
                    leg.advance(LegState::Ringing);
                }
            }
            Ok(None) => break,
            Err(_) if tokio::time::Instant::now() >= deadline => {
                leg.finish(End::TimedOut);
                break;
            }
            Err(_) if leg.end().is_some() => break,
            Err(_) => {
                socket.send(&bytes, peer).await;
                interval *= 2;
            }
        }
    }
    // Retransmitted refusals still have to be acknowledged for a while; a repeated 2xx finds its ACK in the dialog.
    let linger = tokio::time::Instant::now() + T2;
    while leg.state() != LegState::Up
        && let Ok(Some(answer)) = tokio::time::timeout_at(linger, answers.recv()).await
    {
        if answer.code().unwrap_or(0) >= 200 {
            leg.acknowledge(&leg.invite, &answer).await;
        }
    }
    socket.forget(&leg.invite);
}

async fn conclude_invite(leg: &Arc<Leg>, answer: &Message) {
    let code = answer.code().unwrap_or(0);
    if code >= 300 {
        leg.acknowledge(&leg.invite, answer).await;
        leg.finish(if code == 487 { End::Cancelled } else { End::Refused(code) });
        return;
    }
    {
        let mut dialog = leg.dialog();
        dialog.remote_tag = answer.tag("to").map(str::to_owned);
        dialog.routes = answer.values("record-route");
        // The caller's route set is the Record-Route list in reverse (§12.1.2).
        dialog.routes.reverse();
        if let Some(contact) = answer.values("contact").first() {
            dialog.target = uri_of(contact).to_owned();
        }
    }
    leg.acknowledge(&leg.invite, answer).await;
    leg.remote_sdp.send_replace(Sdp::parse(&answer.body));
    leg.advance(LegState::Up);
}
