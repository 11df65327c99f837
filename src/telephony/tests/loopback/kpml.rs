//! Keys by KPML over real SIP: who is asked for them, and where they go.

use super::phone::DEADLINE;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use tonewall_model::dtmf::Transport;
use tonewall_telephony::sip::{Incoming, LegEvent, SipEndpoint, SipOptions};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n";

/// A caller who writes SIP by hand.
struct Caller {
    socket: UdpSocket,
    to: SocketAddr,
    our_tag: String,
    kept: VecDeque<String>,
}

impl Caller {
    async fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.to).await.expect("sent");
    }

    /// The next message that starts so; others are kept.
    async fn next(&mut self, start: &str) -> String {
        if let Some(at) = self.kept.iter().position(|text| text.starts_with(start)) {
            return self.kept.remove(at).expect("it is there");
        }
        let mut buffer = vec![0; 4_096];
        loop {
            let received = timeout(DEADLINE, self.socket.recv(&mut buffer)).await;
            let len = received.expect("an answer in time").expect("a datagram");
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            if text.starts_with(start) {
                return text;
            }
            self.kept.push_back(text);
        }
    }

    fn request(&self, method: &str, cseq: u32, branch: u32, fields: &str, body: &str) -> String {
        let (own, to, tag) = (self.socket.local_addr().expect("bound"), self.to, &self.our_tag);
        let len = body.len();
        format!(
            "{method} sip:8500@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{branch}\r\n\
             From: <sip:caller@{own}>;tag=c\r\nTo: <sip:8500@{to}>{tag}\r\nCall-ID: kpml-{own}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:caller@{own}>\r\nMax-Forwards: 70\r\n{fields}\
             Content-Length: {len}\r\n\r\n{body}"
        )
    }

    /// Calls, is answered, and acknowledges.
    async fn call(&mut self, fields: &str, incoming: &mut tokio::sync::mpsc::Receiver<Incoming>) -> Incoming {
        let fields = format!("{fields}Content-Type: application/sdp\r\n");
        self.send(&self.request("INVITE", 1, 1, &fields, SDP)).await;
        let mut call = timeout(DEADLINE, incoming.recv()).await.expect("in time").expect("a call");
        call.leg.answer(SDP.as_bytes().to_vec());
        let answer = self.next("SIP/2.0 200").await;
        let to = field(&answer, "To").expect("To");
        self.our_tag = format!(";tag={}", to.split_once("tag=").expect("a tag").1);
        self.send(&self.request("ACK", 1, 2, "", "")).await;
        let confirmed = async { while !matches!(call.events.recv().await, Some(LegEvent::Confirmed(_))) {} };
        timeout(DEADLINE, confirmed).await.expect("confirmed in time");
        call
    }
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

async fn endpoint() -> (SipEndpoint, tokio::sync::mpsc::Receiver<Incoming>, Caller) {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = SipOptions { listen, advertised: None, t1: Duration::from_millis(500) };
    let (endpoint, incoming) = SipEndpoint::start(options).await.expect("an endpoint");
    let socket = UdpSocket::bind(listen).await.expect("a port");
    let caller = Caller { socket, to: endpoint.address(), our_tag: String::new(), kept: VecDeque::new() };
    (endpoint, incoming, caller)
}

fn answer(request: &str, fields: &str) -> String {
    let lines = request.lines().take_while(|line| !line.is_empty());
    let echoed = lines.filter(|line| {
        ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name))
    });
    let echoed: String = echoed.map(|line| format!("{line}\r\n")).collect();
    format!("SIP/2.0 200 OK\r\n{echoed}{fields}Content-Length: 0\r\n\r\n")
}

fn report(digits: &str) -> (String, String) {
    let fields = "Event: kpml\r\nSubscription-State: active;expires=3600\r\n\
        Content-Type: application/kpml-response+xml\r\n";
    let body =
        format!("<kpml-response version=\"1.0\" code=\"200\" text=\"OK\" digits=\"{digits}\" tag=\"key\"/>");
    (fields.to_owned(), body)
}

#[tokio::test]
async fn a_peer_without_events_that_knows_kpml_is_asked_and_its_reports_are_taken() {
    let (endpoint, mut incoming, mut caller) = endpoint().await;
    let call = caller.call("Allow-Events: refer, kpml\r\n", &mut incoming).await;
    let subscribe = caller.next("SUBSCRIBE").await;
    assert_eq!(field(&subscribe, "Event"), Some("kpml"));
    assert_eq!(field(&subscribe, "Content-Type"), Some("application/kpml-request+xml"));
    assert!(subscribe.contains("<regex tag=\"key\">[x*#ABCD]</regex>"), "{subscribe}");
    caller.send(&answer(&subscribe, "Expires: 3600\r\n")).await;
    let (fields, body) = report("12*");
    for _ in 0..2 {
        caller.send(&caller.request("NOTIFY", 2, 3, &fields, &body)).await;
    }
    let reply = caller.next("SIP/2.0 200").await;
    assert_eq!(field(&reply, "CSeq"), Some("2 NOTIFY"));
    let taken: Vec<Transport> = std::iter::from_fn(|| call.leg.info().take()).map(|(by, _)| by).collect();
    assert_eq!(taken, [Transport::Kpml; 3], "once, though it came twice");
    endpoint.stop();
}

#[tokio::test]
async fn nobody_else_is_asked_and_nobody_may_ask() {
    let (endpoint, mut incoming, mut caller) = endpoint().await;
    let call = caller.call("Allow-Events: refer\r\n", &mut incoming).await;
    let fields = "Event: kpml\r\nExpires: 60\r\n";
    caller.send(&caller.request("SUBSCRIBE", 2, 3, fields, "")).await;
    assert!(caller.next("SIP/2.0 489").await.contains("Allow-Events: refer"));
    // A report that nobody asked for is taken all the same: the digits are the customer's.
    let (fields, body) = report("7");
    caller.send(&caller.request("NOTIFY", 3, 4, &fields, &body)).await;
    caller.next("SIP/2.0 200").await;
    assert!(call.leg.info().take().is_some());
    // Of another package it is refused, and nothing was ever asked of this peer.
    caller
        .send(&caller.request("NOTIFY", 4, 5, "Event: presence\r\nSubscription-State: active\r\n", ""))
        .await;
    caller.next("SIP/2.0 481").await;
    assert!(!caller.kept.iter().any(|text| text.starts_with("SUBSCRIBE")));
    endpoint.stop();
}
