//! A product to judge, for tests: relays calls, understands telephone-event alone, and can be told to leak.
//! It asks for a card as the real one does, and declines what the sandbox gateway would decline.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;

use crate::dtmf::key_of_event;
use crate::g711::Law;
use crate::leg::{Leg, LegState};
use crate::rtp::{Packet, TelephoneEvent};
use crate::sandbox::{REFUSED_CODES, luhn_holds};
use crate::sdp::{Direction, Sdp};
use crate::ua::{Invite, Ua};

/// Fields in the order in which they open.
const FIELDS: [&str; 3] = ["pan", "expiry", "cvc"];
const LIFE_MAX: Duration = Duration::from_secs(60);

/// A running product.
pub struct Fake {
    pub sip: SocketAddr,
    pub api: String,
    calls: Calls,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// The card that it declines.
pub const DECLINED_PAN: &str = "4000000000000002";
const TRIES: u32 = 3;

#[derive(Clone, Default)]
struct Call {
    id: String,
    ended: bool,
    secured: bool,
    payment: &'static str,
    attempts: u32,
    /// Index into FIELDS while one is open; FIELDS.len() when complete.
    field: Option<usize>,
    keyed: [String; 3],
    tries_left: u32,
    problem: Option<&'static str>,
    keys: u32,
    /// Every field that was ended, with its digits.
    log: Vec<(&'static str, String)>,
}

type Calls = Arc<Mutex<HashMap<String, watch::Sender<Call>>>>;

struct Setup {
    pbx: SocketAddr,
    leaks: bool,
    calls: Calls,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Fake {
    /// Starts it in front of `pbx`; a leaking one passes telephone-events on.
    pub async fn start(pbx: SocketAddr, leaks: bool) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (ua, mut incoming) = Ua::bind(any).await.expect("SIP socket");
        let http = TcpListener::bind(any).await.expect("HTTP socket");
        let (sip, api) = (ua.addr(), format!("http://{}", http.local_addr().expect("bound")));
        let setup = Arc::new(Setup { pbx, leaks, calls: Calls::default() });
        let (calls, bridging) = (setup.calls.clone(), setup.clone());
        let serve = tokio::spawn(async move {
            while let Ok((stream, _)) = http.accept().await {
                tokio::spawn(answer_http(stream, calls.clone()));
            }
        });
        let take = tokio::spawn(async move {
            while let Some(leg) = incoming.recv().await {
                let b = Ua::bind(any).await.expect("a socket for the other leg").0;
                tokio::spawn(bridge(leg, b, bridging.clone()));
            }
            drop(ua);
        });
        Self { sip, api, calls: setup.calls.clone(), tasks: vec![serve, take] }
    }

    /// What was keyed on the call of `caller`, field by field.
    pub fn log(&self, caller: &str) -> Vec<(&'static str, String)> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.get(caller).map(|call| call.borrow().log.clone()).unwrap_or_default()
    }
}

async fn bridge(a: Arc<Leg>, ua: Ua, setup: Arc<Setup>) {
    let local = || UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
    let (socket_a, socket_b) =
        (Arc::new(local().await.expect("port")), Arc::new(local().await.expect("port")));
    let sdp = |socket: &UdpSocket| Sdp {
        rtp: socket.local_addr().expect("bound"),
        laws: vec![Law::A],
        event_payload_type: Some(101),
        direction: Direction::SendRecv,
    };
    let offer = sdp(&socket_b);
    let b = ua.invite(Invite {
        to: setup.pbx,
        dial: "ada".into(),
        caller: a.caller().into(),
        offer,
        headers: Vec::new(),
    });
    b.wait_up(LIFE_MAX).await.expect("the agent answers");
    let call = Call {
        id: format!("cl_{}", a.caller().trim_start_matches('+')),
        secured: true,
        payment: "none",
        ..Call::default()
    };
    let call = watch::Sender::new(call);
    setup.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(a.caller().to_owned(), call.clone());
    a.answer(sdp(&socket_a)).await.expect("the customer is still there");
    let remote = |leg: &Leg| leg.remote_sdp().borrow().as_ref().expect("negotiated").rtp;
    let (to_a, to_b) = (remote(&a), remote(&b));
    let relays = [
        tokio::spawn(relay(socket_a.clone(), socket_b.clone(), to_b, Some((call.clone(), setup.leaks)))),
        tokio::spawn(relay(socket_b, socket_a, to_a, None)),
    ];
    let over = |state| matches!(state, LegState::Ended(_));
    let mut commands = call.subscribe();
    tokio::select! {
        _ = commands.wait_for(|call| call.ended) => {}
        _ = a.wait(LIFE_MAX, over) => {}
        _ = b.wait(LIFE_MAX, over) => {}
    }
    call.send_modify(|call| call.ended = true);
    let _ = tokio::join!(a.hangup(), b.hangup());
    relays.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Passes packets on; counts keys of the customer, and keeps them back unless it leaks.
async fn relay(
    from: Arc<UdpSocket>,
    through: Arc<UdpSocket>,
    to: SocketAddr,
    keys: Option<(watch::Sender<Call>, bool)>,
) {
    let mut buffer = [0u8; 2_048];
    let mut last = None;
    while let Ok((len, _)) = from.recv_from(&mut buffer).await {
        let packet =
            Packet::parse(&buffer[..len], Instant::now()).filter(|packet| packet.payload_type == 101);
        if let (Some(packet), Some((call, leaks))) = (&packet, &keys) {
            let event = TelephoneEvent::parse(&packet.payload).expect("an event");
            // At the end, so that a field closes after its last key.
            if event.end && last.replace(packet.ts) != Some(packet.ts) {
                call.send_modify(|call| call.take_key(key_of_event(event.event).expect("a key")));
            }
            if !leaks {
                continue;
            }
        }
        let _ = through.send_to(&buffer[..len], to).await;
    }
}

impl Call {
    fn take_key(&mut self, key: char) {
        self.keys += 1;
        let Some(field) = self.field.filter(|field| *field < FIELDS.len()) else { return };
        if key != '*' {
            self.keyed[field].push(key);
            return;
        }
        self.log.push((FIELDS[field], self.keyed[field].clone()));
        if field == 0 && !luhn_holds(&self.keyed[0]) {
            self.keyed[0].clear();
            (self.problem, self.tries_left) = (Some("check_digit"), self.tries_left - 1);
            return;
        }
        (self.problem, self.tries_left) = (None, TRIES);
        self.field = Some(self.keyed.iter().position(String::is_empty).unwrap_or(FIELDS.len()));
    }

    fn command(&mut self, command: &str, body: &serde_json::Value) {
        match command {
            "payment" => {
                self.keyed = Default::default();
                (self.field, self.tries_left, self.payment) = (Some(0), TRIES, "none");
            }
            "reask" => {
                let field = FIELDS.iter().position(|name| body["field"] == *name).expect("a field");
                self.keyed[field].clear();
                (self.field, self.tries_left) = (Some(field), TRIES);
            }
            "take" => {
                self.attempts += 1;
                let refused =
                    REFUSED_CODES.contains(&self.keyed[2].as_str()) || self.keyed[0] == DECLINED_PAN;
                self.payment = if refused { "declined" } else { "approved" };
                self.keyed[2].clear();
            }
            "hangup" => self.ended = true,
            _ => {}
        }
    }

    fn view(&self) -> serde_json::Value {
        let capture = match self.field {
            None => "idle",
            Some(field) if field < FIELDS.len() => "open",
            Some(_) => "complete",
        };
        let field =
            self.field.and_then(|field| FIELDS.get(field).map(|name| (*name, self.keyed[field].len())));
        json!({
            "id": self.id, "route": "on_demand", "state": if self.ended { "ended" } else { "connected" },
            "secured": self.secured, "keys": self.keys,
            "capture": {
                "state": capture, "field": field.map(|field| field.0), "filled": field.map_or(0, |field| field.1),
                "problem": self.problem, "tries_left": self.tries_left,
            },
            "payment": {
                "state": self.payment, "auth_code": "A1",
                "attempt_id": (self.attempts > 0).then(|| format!("at_{}", self.attempts)),
            },
        })
    }
}

/// Head and body of a request.
async fn read_request(stream: &mut TcpStream) -> Option<(String, serde_json::Value)> {
    let mut request = Vec::new();
    let mut buffer = [0u8; 4_096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(len) if len > 0 => request.extend_from_slice(&buffer[..len]),
            _ => return None,
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), serde_json::from_str(body).unwrap_or_default()));
        }
    }
}

async fn answer_http(mut stream: TcpStream, calls: Calls) {
    let Some((head, body)) = read_request(&mut stream).await else { return };
    let target = head.split_whitespace().nth(1).unwrap_or_default().replace("%2B", "+");
    let all = calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(caller) = target.strip_prefix("/v1/calls?caller=") {
        let found: Vec<_> = all.get(caller).map(|call| call.borrow().view()).into_iter().collect();
        return respond(stream, 200, &json!({ "calls": found })).await;
    }
    let mut parts = target.trim_start_matches("/v1/calls/").split('/');
    let (id, command) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Some(call) = all.into_values().find(|call| call.borrow().id == id) else {
        return respond(stream, 404, &json!({ "error": { "code": "no_call", "message": "no such call" } }))
            .await;
    };
    match command {
        "events" => return stream_events(stream, call).await,
        _ => call.send_modify(|call| call.command(command, &body)),
    }
    let view = call.borrow().view();
    respond(stream, 200, &view).await;
}

async fn respond(mut stream: TcpStream, status: u16, body: &serde_json::Value) {
    let body = body.to_string();
    let text =
        format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn stream_events(mut stream: TcpStream, call: watch::Sender<Call>) {
    let mut changes = call.subscribe();
    let _ = stream
        .write_all(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        .await;
    loop {
        let frame = format!(": hb\n\nevent: call\ndata: {}\n\n", changes.borrow_and_update().view());
        if stream.write_all(frame.as_bytes()).await.is_err() || changes.changed().await.is_err() {
            return;
        }
    }
}
