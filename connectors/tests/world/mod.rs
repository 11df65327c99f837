//! A gateway that does what a script says, over real sockets, and the orders that are sent to it.

#![allow(dead_code, reason = "each test binary uses its part")]

use socket2::SockRef;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonewall_connectors::driver::{GatewayClient, Pace};
use tonewall_connectors::gateways::Order;
use tonewall_model::card::{Card, Expiry};
use tonewall_model::ids::AttemptId;
use tonewall_model::money::{Currency, Money};
use tonewall_model::tenant::{Brand, GatewayAccount, GatewayKind};
use tonewall_secret::{Entry, Key, Secret, wipe};

/// What the gateway does with one connection, once it has read the request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with that status and body.
    Answer(u16, String),
    /// Answers with a redirect to that URL.
    Redirect(String),
    /// Answers 200 and promises more than the body that it sends, then resets.
    Cut(String),
    /// Sends those bytes and closes.
    Bytes(Vec<u8>),
    /// Closes without an answer.
    Close,
    /// Resets without an answer.
    Reset,
    /// Resets, and listens no longer.
    ResetAndGo,
    /// Never answers.
    Stall,
    /// Sends the beginning of an answer, and never the rest.
    StallMidway,
}

/// One request as it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Request line and headers, lower case.
    pub head: String,
    /// Body; of something that is no HTTP, all of it.
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A gateway with a script: an act a connection, the last one for all that follow.
pub struct ScriptedGateway {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl ScriptedGateway {
    pub async fn start(script: impl IntoIterator<Item = Act>) -> ScriptedGateway {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(listener, script.into_iter().collect(), Arc::clone(&seen)));
        ScriptedGateway { address, seen, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while held").clone()
    }

    /// How many requests there were so far.
    pub fn seen_count(&self) -> usize {
        self.seen.lock().expect("no panic while held").len()
    }

    /// Wipes the requests that were kept, and tells how many there were.
    pub fn forget(&self) -> usize {
        let mut seen = self.seen.lock().expect("no panic while held");
        seen.iter_mut().for_each(|request| wipe::zero(&mut request.body));
        seen.drain(..).count()
    }
}

impl Drop for ScriptedGateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, mut script: VecDeque<Act>, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut stalled = Vec::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        let request = read_request(&mut stream).await;
        seen.lock().expect("no panic while held").push(request);
        let act = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        let act = act.expect("a script has an act");
        if matches!(act, Act::ResetAndGo) {
            drop(listener);
            return reset(stream);
        }
        stalled.extend(play(stream, act).await);
    }
}

/// Reads head and body into one buffer that is large enough never to move, and wipes it.
async fn read_request(stream: &mut TcpStream) -> Seen {
    let mut buffer = Box::new([0_u8; 16 * 1024]);
    let mut len = 0;
    let seen = loop {
        let text =
            String::from_utf8_lossy(&buffer[..buffer[..len].iter().position(|b| *b == b'{').unwrap_or(len)]);
        let head = text.to_lowercase();
        let head_len = head.find("\r\n\r\n").map(|end| end + 4);
        let complete = head_len.is_some_and(|head_len| {
            let body_len = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            len >= head_len + body_len.unwrap_or(0)
        });
        let no_http = len > 0 && !buffer[0].is_ascii_uppercase();
        if complete || no_http {
            break Seen { head: head.clone(), body: buffer[head_len.unwrap_or(0)..len].to_vec() };
        }
        match stream.read(&mut buffer[len..]).await {
            Ok(count) if count > 0 => len += count,
            _ => break Seen { head: head.clone(), body: Vec::new() },
        }
    };
    wipe::zero(&mut buffer[..]);
    wipe::scrub_registers();
    seen
}

/// Plays one act; a connection that has to stay open comes back.
async fn play(mut stream: TcpStream, act: Act) -> Option<TcpStream> {
    let answer = |status: u16, extra: &str, len: usize, body: &str| {
        format!("HTTP/1.1 {status} Status\r\nContent-Length: {len}\r\nConnection: close\r\n{extra}\r\n{body}")
    };
    let bytes = match &act {
        Act::Answer(status, body) => answer(*status, "", body.len(), body).into_bytes(),
        Act::Redirect(url) => answer(307, &format!("Location: {url}\r\n"), 0, "").into_bytes(),
        Act::Cut(body) => answer(200, "", 900, body).into_bytes(),
        Act::StallMidway => answer(200, "", 900, "{").into_bytes(),
        Act::Bytes(bytes) => bytes.clone(),
        Act::Close | Act::Reset | Act::ResetAndGo | Act::Stall => Vec::new(),
    };
    // A client that has heard enough may be gone before the end.
    let _ = stream.write_all(&bytes).await;
    match act {
        Act::Stall | Act::StallMidway => return Some(stream),
        Act::Reset | Act::Cut(_) => reset(stream),
        _ => drop(stream.shutdown().await),
    }
    None
}

fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a TCP socket");
}

/// A client with short waits.
pub fn client(change: impl FnOnce(&mut Pace)) -> GatewayClient {
    // A second installation in one process fails, and is not needed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut pace = Pace {
        back_off_first: Duration::from_millis(1),
        back_off_max: Duration::from_millis(8),
        tries_max: 4,
        ..Pace::default()
    };
    change(&mut pace);
    GatewayClient::new(pace).expect("a client")
}

/// A time-out that no test waits for.
pub const PATIENT: Duration = Duration::from_secs(30);

pub fn account(url: String, timeout: Duration) -> GatewayAccount {
    let (kind, secret) = (GatewayKind::Sandbox, Secret::new("sk_demo".to_owned()));
    GatewayAccount { kind, url, merchant: "demo".into(), secret, timeout }
}

pub fn order() -> Order {
    Order {
        attempt: AttemptId::from_random(0x1234_5678_9abc_def0_1234_5678_9abc_def0),
        amount: Money { minor: 1250, currency: Currency::GBP },
        account: "INV-1001".into(),
        agreement: None,
    }
}

/// A card of these digits, which may be made up as they are needed and need not be text anywhere.
pub fn card_of(number: impl Iterator<Item = char>) -> Card {
    let entry = |digits: &mut dyn Iterator<Item = char>| {
        let mut entry = Entry::new();
        for c in digits {
            assert!(entry.push(&Key::from_char(c).expect("a key")));
        }
        entry
    };
    let (pan, cvc) = (entry(&mut { number }).into_pan(), entry(&mut "123".chars()).into_cvc());
    Card { pan, expiry: Expiry { month: 3, year: 2031 }, cvc, brand: Brand::Visa, address: None }
}

/// The gateway's payment object for [`order`].
pub fn payment(status: &str, voided: bool) -> String {
    let decline = match status {
        "declined" => {
            r#"{"code":"lost_card","class":"never_retry","scheme_code":"41","advice":null,"message":"Lost"}"#
        }
        _ => "null",
    };
    format!(
        r#"{{"id":"pay_k3vq8m2x","reference":"{}","amount_minor":1250,"currency":"GBP","channel":"moto",
        "status":"{status}","auth_code":"482913","decline":{decline},
        "checks":{{"cvc":"match","house_number":"not_provided","postcode":"not_provided"}},
        "token":null,"network_transaction_id":null,"voided":{voided},"refunded_minor":0}}"#,
        order().attempt,
    )
}

/// The same of a payment that was declined with this code and class.
pub fn declined(code: &str, class: &str) -> String {
    payment("declined", false).replace("lost_card", code).replace("never_retry", class)
}

/// The gateway's refusal with that code.
pub fn refusal(code: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":"words","field":null}}}}"#)
}
