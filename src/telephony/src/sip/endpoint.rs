//! The SIP endpoint: sockets, the stack, and the loop that brings requests to their leg.

use super::dial::Dial;
use super::info::InfoInlets;
use super::inspector::Challenges;
use super::kpml;
use super::leg::{EVENTS_MAX, Leg, LegEnd, LegEvent, pump};
use super::session::{self, MIN_SE_S, Session};
use super::{tcp, udp::GuardedSocket};
use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::Dialog;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, HeadersExt, Method, Request, StatusCode, ToTypedHeader, Uri};
use rsipstack::transaction::EndpointBuilder;
use rsipstack::transaction::endpoint::{EndpointInnerRef, EndpointOption};
use rsipstack::transaction::key::TransactionRole;
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipConnection, TransportLayer};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock, Weak};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// New calls that may wait for the call supervisor. More waiting than this is answered 503: a
/// caller hears at once that it has to go elsewhere.
const INCOMING_MAX: usize = 256;

/// Methods that we take, told in every 200 to OPTIONS.
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REFER, NOTIFY, PRACK";

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct SipOptions {
    /// Address for UDP and TCP; port 0 takes a free one for both.
    pub listen: SocketAddr,
    /// Address that peers are told, where it differs from the one listened on.
    pub advertised: Option<IpAddr>,
    /// RFC 3261 timer T1; 64 times it bounds every transaction.
    pub t1: Duration,
}

/// A call that comes in.
pub struct Incoming {
    /// Its leg.
    pub leg: Leg,
    /// What happens on it.
    pub events: mpsc::Receiver<LegEvent>,
    /// What it asks for.
    pub invite: Invite,
}

/// What an INVITE asks for, without SIP syntax.
pub struct Invite {
    /// Where it came from.
    pub source: SocketAddr,
    /// User part of the request URI.
    pub to: String,
    /// User part of From.
    pub from: String,
    /// User part of P-Asserted-Identity, which only trusted trunks may set (RFC 3325).
    pub asserted: Option<String>,
    /// SDP offer; `None` asks for one of ours.
    pub offer: Option<Vec<u8>>,
    /// Hops that are left.
    pub max_forwards: u8,
    /// When it was received.
    pub received: Instant,
}

/// The running endpoint; clones name the same one.
#[derive(Clone)]
pub struct SipEndpoint(pub(crate) Arc<EndpointCore>);

pub(crate) struct EndpointCore {
    pub layer: Arc<DialogLayer>,
    pub stack: EndpointInnerRef,
    pub inlets: InfoInlets,
    pub address: SocketAddr,
    pub advertised: IpAddr,
    legs: RwLock<HashMap<String, Weak<super::leg::LegCore>>>,
    draining: std::sync::atomic::AtomicBool,
    stop: CancellationToken,
}

/// What the endpoint holds right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipGauges {
    /// Dialogs in the stack.
    pub dialogs: usize,
    /// Running transactions.
    pub transactions: usize,
    /// Finished transactions that are kept for retransmissions.
    pub finished: usize,
}

impl SipEndpoint {
    /// Opens the sockets and serves them on the runtime it is called from.
    pub async fn start(options: SipOptions) -> io::Result<(SipEndpoint, mpsc::Receiver<Incoming>)> {
        let (udp, listener) = bind_both(options.listen).await?;
        let address = udp.local_addr()?;
        let advertised = options.advertised.unwrap_or(address.ip());
        let (stop, inlets) = (CancellationToken::new(), InfoInlets::default());
        let layer = TransportLayer::new(stop.child_token());
        let socket = Arc::new(GuardedSocket::new(udp, inlets.clone()));
        let external = SocketAddr::new(advertised, address.port());
        let connection = UdpConnection::from_socket(socket, Some(external), Some(stop.child_token()))
            .await
            .map_err(io::Error::other)?;
        layer.add_transport(SipConnection::Udp(connection));
        let mut builder = EndpointBuilder::new();
        builder
            .with_user_agent("Tonewall")
            .with_transport_layer(layer)
            .with_cancel_token(stop.clone())
            .with_inspector(Box::new(Challenges))
            .with_option(EndpointOption {
                t1: options.t1,
                t1x64: options.t1 * 64,
                callid_suffix: Some("tonewall".to_owned()),
                ..EndpointOption::default()
            });
        let stack = builder.build();
        let transactions = stack.incoming_transactions().map_err(io::Error::other)?;
        let (serving, accepting) = (stack.inner.clone(), stack.inner.clone());
        tokio::spawn(tcp::accept_loop(listener, accepting, inlets.clone(), stop.child_token()));
        tokio::spawn(async move {
            if let Err(error) = serving.serve().await {
                warn!(%error, "SIP endpoint stopped");
            }
        });
        let core = EndpointCore {
            layer: Arc::new(DialogLayer::new(stack.inner.clone())),
            stack: stack.inner,
            inlets,
            address,
            advertised,
            legs: RwLock::default(),
            draining: false.into(),
            stop,
        };
        let endpoint = SipEndpoint(Arc::new(core));
        let (sender, receiver) = mpsc::channel(INCOMING_MAX);
        tokio::spawn(incoming_loop(endpoint.clone(), transactions, sender));
        Ok((endpoint, receiver))
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Takes no new call from now on: INVITE and OPTIONS get 503, so that an edge goes elsewhere.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// Whether no new call is taken any more.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Closes the sockets.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Counts for metrics and leftover tests.
    pub fn gauges(&self) -> SipGauges {
        SipGauges {
            dialogs: self.0.layer.len(),
            transactions: self.0.stack.transactions.len(),
            finished: self.0.stack.finished_transactions.len(),
        }
    }

    /// Places a call; its events come on the receiver.
    pub fn dial(&self, dial: Dial) -> Result<(Leg, mpsc::Receiver<LegEvent>), super::dial::BadTarget> {
        super::dial::dial(self, dial)
    }

    pub(crate) fn remember(&self, leg: &Leg) {
        if let Ok(mut legs) = self.0.legs.write() {
            legs.retain(|_, leg| leg.strong_count() > 0);
            legs.insert(leg.0.dialog.id().call_id, Arc::downgrade(&leg.0));
        }
    }

    fn leg(&self, id: &DialogId) -> Option<Leg> {
        let legs = self.0.legs.read().ok()?;
        legs.get(&id.call_id)?.upgrade().map(Leg)
    }

    pub(crate) fn contact(&self) -> Option<Uri> {
        Uri::try_from(
            format!("sip:tonewall@{}", SocketAddr::new(self.0.advertised, self.0.address.port())).as_str(),
        )
        .ok()
    }
}

/// UDP and TCP on one port: peers and the stack's own Via take them to be the same.
async fn bind_both(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    const TRIES: usize = 16;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let udp = UdpSocket::bind(listen).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(listener) => return Ok((udp, listener)),
            Err(error) => last = error,
        }
        if listen.port() != 0 {
            break;
        }
    }
    Err(last)
}

type Transactions = rsipstack::transaction::TransactionReceiver;

async fn incoming_loop(endpoint: SipEndpoint, mut transactions: Transactions, calls: mpsc::Sender<Incoming>) {
    while let Some(tx) = transactions.recv().await {
        let received = Instant::now();
        let has_to_tag = tx.original.to_header().is_ok_and(|to| matches!(to.tag(), Ok(Some(_))));
        match (&tx.original.method, has_to_tag) {
            (Method::Invite, false) => new_call(&endpoint, tx, &calls, received).await,
            (Method::Ack, _) => {}
            (_, true) => {
                tokio::spawn(in_dialog(endpoint.clone(), tx));
            }
            (_, false) => {
                tokio::spawn(out_of_dialog(endpoint.clone(), tx));
            }
        }
    }
}

async fn out_of_dialog(endpoint: SipEndpoint, mut tx: Transaction) {
    let draining = endpoint.0.draining.load(Ordering::Acquire);
    let replied = match tx.original.method {
        Method::Options if draining => tx.reply(StatusCode::ServiceUnavailable).await,
        Method::Options => {
            let headers = vec![
                Header::Allow(ALLOW.into()),
                Header::Accept("application/sdp".into()),
                Header::Supported("timer".into()),
            ];
            tx.reply_with(StatusCode::OK, headers, None).await
        }
        Method::Refer | Method::Notify => tx.reply(StatusCode::Forbidden).await,
        _ => tx.reply(StatusCode::CallTransactionDoesNotExist).await,
    };
    if let Err(error) = replied {
        debug!(%error, "answer not sent");
    }
}

async fn new_call(
    endpoint: &SipEndpoint,
    mut tx: Transaction,
    calls: &mpsc::Sender<Incoming>,
    received: Instant,
) {
    let refusal = match (endpoint.0.draining.load(Ordering::Acquire), calls.capacity()) {
        (true, _) | (_, 0) => Some((StatusCode::ServiceUnavailable, Vec::new())),
        _ => None,
    };
    let session = match (refusal, Session::asked_by(&tx.original)) {
        (None, Ok(session)) => session,
        (None, Err(session::TooSmall)) => {
            let headers = vec![Header::MinSE(MIN_SE_S.to_string().into())];
            return finish_refusal(tx, StatusCode::SessionIntervalTooSmall, headers);
        }
        (Some((code, headers)), _) => return finish_refusal(tx, code, headers),
    };
    let Some(invite) = read_invite(&tx, received) else {
        return finish_refusal(tx, StatusCode::BadRequest, Vec::new());
    };
    let (states, state_events) = endpoint.0.layer.new_dialog_state_channel();
    let made = endpoint.0.layer.get_or_create_server_invite(&tx, states, None, endpoint.contact());
    let Ok(dialog) = made else {
        return finish_refusal(tx, StatusCode::BadRequest, Vec::new());
    };
    let cseq = tx.original.cseq_header().and_then(|c| c.seq()).unwrap_or(0);
    let leg = Leg::new(dialog.clone(), endpoint.0.layer.clone(), endpoint.0.inlets.clone(), cseq, session);
    endpoint.remember(&leg);
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(run_leg(leg.clone(), state_events, sender));
    let hung_up = Arc::clone(&leg.0.hung_up);
    tokio::spawn(async move {
        let mut dialog = dialog;
        tokio::select! {
            handled = dialog.handle(&mut tx) => if let Err(error) = handled {
                debug!(%error, "INVITE transaction ended");
            },
            // The stack would repeat the 200 to a caller who has hung up, until 64 times T1.
            () = hung_up.notified() => {}
        }
    });
    if calls.try_send(Incoming { leg: leg.clone(), events, invite }).is_err() {
        leg.reject(503, None);
    }
}

/// A refusal of an INVITE has to live until its ACK, in a task of its own.
fn finish_refusal(mut tx: Transaction, code: StatusCode, headers: Vec<Header>) {
    tokio::spawn(async move {
        if tx.reply_with(code, headers, None).await.is_ok() {
            while tx.receive().await.is_some() {}
        }
    });
}

/// Pumps a leg's states and watches its session timer.
pub(crate) async fn run_leg(
    leg: Leg,
    states: rsipstack::dialog::dialog::DialogStateReceiver,
    events: mpsc::Sender<LegEvent>,
) {
    let watched = leg.clone();
    tokio::select! {
        () = pump(leg, states, events.clone()) => {}
        () = kpml::follow(&watched) => {}
        () = session::expiry(&watched) => {
            watched.end(408).await;
            let _ = events.send(LegEvent::Ended(LegEnd::Silent)).await;
        }
    }
    // The tombstone of a call keeps its legs for a minute; the stack need not.
    if watched.is_over() {
        watched.0.forget();
    }
}

fn read_invite(tx: &Transaction, received: Instant) -> Option<Invite> {
    let request = &tx.original;
    let source = tx.connection.as_ref()?.get_remote_addr()?.get_socketaddr().ok()?;
    let user = |uri: &Uri| uri.user().map(str::to_owned).unwrap_or_default();
    let asserted = request.headers.iter().find_map(|header| match header {
        Header::PAssertedIdentity(value) => user_of(value.value()),
        _ => None,
    });
    let offer = request.body();
    Some(Invite {
        source,
        to: match request.uri.user() {
            Some(to) => to.to_owned(),
            None => request.uri.host().to_string(),
        },
        from: request.from_header().ok()?.typed().map(|from| user(&from.uri)).ok()?,
        asserted,
        offer: (!offer.is_empty()).then(|| offer.clone()),
        max_forwards: max_forwards(request),
        received,
    })
}

/// The user part of a name-addr or URI as text.
fn user_of(value: &str) -> Option<String> {
    let uri = value.split_once('<').map_or(value, |(_, rest)| rest);
    let rest = uri.split_once(':')?.1;
    let user = rest.split(['@', '>', ';']).next()?;
    (!user.is_empty()).then(|| user.to_owned())
}

fn max_forwards(request: &Request) -> u8 {
    request
        .headers
        .iter()
        .find_map(|header| match header {
            Header::MaxForwards(value) => value.value().trim().parse().ok(),
            _ => None,
        })
        .unwrap_or(70)
}

async fn in_dialog(endpoint: SipEndpoint, mut tx: Transaction) {
    let replied = match endpoint.0.layer.match_dialog(&tx) {
        Some(Dialog::Invite(dialog)) => leg_request(&endpoint, dialog, &mut tx).await,
        _ => tx.reply(StatusCode::CallTransactionDoesNotExist).await,
    };
    if let Err(error) = replied {
        debug!(%error, "in-dialog request not handled");
    }
}

async fn leg_request(
    endpoint: &SipEndpoint,
    mut dialog: InviteDialog,
    tx: &mut Transaction,
) -> Result<(), rsipstack::Error> {
    let Some(leg) = endpoint.leg(&dialog.id()) else {
        return tx.reply(StatusCode::CallTransactionDoesNotExist).await;
    };
    let cseq = tx.original.cseq_header().and_then(|c| c.seq()).unwrap_or(0);
    let ordinary = !matches!(tx.original.method, Method::Ack | Method::Cancel | Method::PRack);
    if ordinary && leg.0.peer_cseq.fetch_max(cseq, Ordering::AcqRel) > cseq {
        return tx.reply(StatusCode::ServerInternalError).await;
    }
    let confirmed = dialog.state().is_confirmed();
    match tx.original.method {
        Method::Invite | Method::Update if leg.0.changing.load(Ordering::Acquire) => {
            tx.reply(StatusCode::RequestPending).await
        }
        // The stack's own handling lets the NOTIFY overtake the 202.
        Method::Refer if confirmed => {
            tx.reply(StatusCode::Accepted).await?;
            leg.refuse_refer().await;
            Ok(())
        }
        // Its keys have been taken on the way in.
        Method::Notify if is_about_keys(&tx.original) => tx.reply(StatusCode::OK).await,
        Method::Notify => tx.reply(StatusCode::CallTransactionDoesNotExist).await,
        _ if confirmed => dialog.handle(tx).await,
        _ => early(&leg, dialog, tx).await,
    }
}

fn is_about_keys(notify: &Request) -> bool {
    let names =
        |header: &Header| matches!(header, Header::Event(value) if kpml::names_package(value.value()));
    notify.headers.iter().any(names)
}

/// Requests before the ACK: the stack answers only INVITE, PRACK, ACK and BYE as a server, and
/// nothing at all as a client. Digits of an INFO have been taken on the way in.
async fn early(leg: &Leg, mut dialog: InviteDialog, tx: &mut Transaction) -> Result<(), rsipstack::Error> {
    match tx.original.method {
        Method::Info | Method::Options => tx.reply(StatusCode::OK).await,
        Method::Update if tx.original.body().is_empty() => tx.reply(StatusCode::OK).await,
        // An offer before the session is up would need an answer now (RFC 3311 §5.2).
        Method::Update => {
            let retry = vec![Header::RetryAfter("2".into())];
            tx.reply_with(StatusCode::ServerInternalError, retry, None).await
        }
        Method::Refer => tx.reply(StatusCode::RequestPending).await,
        Method::Bye if dialog.role() == TransactionRole::Client => {
            tx.reply(StatusCode::OK).await?;
            leg.end(487).await;
            Ok(())
        }
        Method::Bye => {
            let handled = dialog.handle(tx).await;
            leg.0.hung_up.notify_one();
            handled
        }
        Method::Invite | Method::PRack | Method::Ack => dialog.handle(tx).await,
        _ => tx.reply(StatusCode::NotImplemented).await,
    }
}
