//! rtpengine's userspace relay on loopback: the plain set in real time through its masks of tones.
//!
//! It is a program beside ours, asked over its `ng` protocol (bencoded dictionaries behind a cookie).

use crate::support::{Folder, free_address};
use serde_json::{Value, json};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tonewall_loadtest::corpus::leak::{Source, plain};
use tonewall_loadtest::corpus::listener::Listener;
use tonewall_loadtest::corpus::network::{coded, packets, silence};
use tonewall_loadtest::corpus::sound::{Digit, Sound, add_noise, pcm};
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::rng::Rng;

/// Figure, and the delay buffer in ms of `block DTMF` with silence; `None`: nothing is blocked, the control.
const MODES: [(&str, Option<u16>); 4] = [
    ("rtpengine_unblocked_named", None),
    ("rtpengine_silence_named", Some(0)),
    ("rtpengine_delay_60_named", Some(60)),
    ("rtpengine_delay_80_named", Some(80)),
];

/// Each source begins with a second of noise, by which both sides are aligned, and 200 ms of silence.
const NOISE: usize = 8_000;
const LEAD: usize = NOISE + 1_600;

/// Time for what is delayed to come out, in packets.
const AFTER: usize = 50;

/// Keys of the plain set that the 3 ms listener names behind each mask of rtpengine; null where the
/// control names under 98 % or a source could not be aligned. `None` where rtpengine is missing.
pub fn rtpengine(seed: u64) -> Option<Value> {
    let daemon = Daemon::start()?;
    let sources: Vec<Played> = plain().iter().map(|source| Played::new(seed, source)).collect();
    let keys: usize = sources.iter().map(|source| source.truth.len()).sum();
    let mut figures = json!({ "rtpengine": daemon.version(), "rtpengine_digits": keys });
    let mut is_heard = true;
    for (name, buffer_ms) in MODES {
        let named: Option<usize> = daemon.named(&sources, buffer_ms).into_iter().sum();
        is_heard &= buffer_ms.is_some() || named.is_some_and(|named| 100 * named >= 98 * keys);
        figures[name] = json!(named.filter(|_| is_heard));
    }
    Some(figures)
}

/// Keys of each source that are named behind rtpengine; `None` for one that could not be aligned, and for
/// all where rtpengine is missing.
pub fn named_behind(seed: u64, sources: &[&Source], buffer_ms: Option<u16>) -> Option<Vec<Option<usize>>> {
    let daemon = Daemon::start()?;
    let sources: Vec<Played> = sources.iter().map(|source| Played::new(seed, source)).collect();
    Some(daemon.named(&sources, buffer_ms))
}

/// A source as it is sent.
struct Played {
    law: Law,
    sent: Vec<f64>,
    datagrams: Vec<Vec<u8>>,
    truth: Vec<Digit>,
}

impl Played {
    fn new(seed: u64, source: &Source) -> Played {
        let mut rng = Rng::named(seed, &source.name);
        let mut keyed = source.train.make(&mut rng);
        (source.spoil)(&mut keyed, &source.train, &mut rng);
        let mut sound = Sound { samples: vec![0.0; LEAD], truth: Vec::new() };
        add_noise(&mut sound.samples[..NOISE], &mut rng, -20.0);
        sound.samples.extend(keyed.samples);
        let codes = coded(source.law, &pcm(&sound.samples));
        let moved = |digit: &Digit| Digit { start: digit.start + LEAD, end: digit.end + LEAD, ..*digit };
        Played {
            law: source.law,
            sent: codes.iter().map(|code| f64::from(source.law.decode(*code))).collect(),
            datagrams: packets(source.law, &codes, 20).into_iter().map(|packet| packet.bytes).collect(),
            truth: keyed.truth.iter().map(moved).collect(),
        }
    }

    /// What came out, laid out by RTP time, and moved to where it was sent; `None` without likeness.
    fn aligned(&self, received: &[Vec<u8>]) -> Option<Vec<f64>> {
        let stamp = |packet: &[u8]| packet.get(4..8)?.try_into().ok().map(u32::from_be_bytes);
        let first = stamp(received.first()?)?;
        let mut far = vec![f64::from(self.law.decode(silence(self.law))); self.sent.len() + LEAD];
        for packet in received {
            let Some(at) = stamp(packet).map(|at| at.wrapping_sub(first) as usize) else { continue };
            for (place, code) in far.iter_mut().skip(at).zip(packet.get(12..).unwrap_or_default()) {
                *place = f64::from(self.law.decode(*code));
            }
        }
        // A fifth of a second of the noise, looked for up to 300 ms later and 200 ms earlier.
        let (piece, at) = (&self.sent[2_000..3_600], 2_000);
        let likeness = |from: usize| {
            let there = &far[from..from + piece.len()];
            let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            product(piece, there) / (product(piece, piece) * product(there, there)).sqrt().max(1.0)
        };
        let best =
            (at - 1_600..at + 2_400).map(|from| (from, likeness(from))).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let moved = best.0 as isize - at as isize;
        let sample = |n: usize| n.checked_add_signed(moved).and_then(|n| far.get(n)).copied().unwrap_or(0.0);
        (best.1 > 0.5).then(|| (0..self.sent.len()).map(sample).collect())
    }
}

/// One call through the relay: where its customer sends, and what its agent hears.
struct Call {
    customer: UdpSocket,
    agent: UdpSocket,
    heard: Vec<Vec<u8>>,
}

impl Call {
    fn drain(&mut self) {
        let mut datagram = [0; 1_500];
        while let Ok(len) = self.agent.recv(&mut datagram) {
            self.heard.push(datagram[..len].to_vec());
        }
    }
}

/// A running rtpengine; it ends with this.
struct Daemon {
    child: Child,
    control: UdpSocket,
    _folder: Folder,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    fn start() -> Option<Daemon> {
        let folder = Folder::new("rtpengine");
        let ng = free_address();
        let child = Command::new("rtpengine")
            .args(["--table=-1", "--interface=127.0.0.1", "--foreground", "--log-stderr", "--log-level=3"])
            .args(["--port-min=46000", "--port-max=47999", "--delete-delay=0"])
            .arg(format!("--listen-ng={ng}"))
            .arg(format!("--pidfile={}", folder.path.join("pid").display()))
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let control = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
        control.connect(ng).expect("an address");
        control.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let daemon = Daemon { child, control, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        while daemon.ask(&[("command", "ping")]).is_none() {
            assert!(Instant::now() < deadline, "rtpengine is started and does not answer");
        }
        Some(daemon)
    }

    fn version(&self) -> Option<String> {
        let output = Command::new("rtpengine").arg("--version").output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).split("ersion: ").nth(1).map(|version| version.trim().to_owned())
    }

    /// Sends a dictionary of texts; a text that is a number goes as one. `None`: no answer came in time.
    fn ask(&self, fields: &[(&str, &str)]) -> Option<String> {
        let cookie = format!("c{}", Rng::from_system().bits());
        let text = |text: &str| format!("{}:{text}", text.len());
        let value = |of: &str| of.parse::<u16>().map_or_else(|_| text(of), |number| format!("i{number}e"));
        let pairs: String = fields.iter().map(|(key, of)| text(key) + &value(of)).collect();
        // Refused while nobody listens yet.
        self.control.send(format!("{cookie} d{pairs}e").as_bytes()).ok()?;
        let mut reply = [0; 16_384];
        let len = self.control.recv(&mut reply).ok()?;
        String::from_utf8_lossy(&reply[..len]).strip_prefix(&format!("{cookie} ")).map(str::to_owned)
    }

    /// Asks for what has to succeed.
    fn told(&self, fields: &[(&str, &str)]) -> String {
        let reply = self.ask(fields).expect("rtpengine answers");
        assert!(reply.contains("6:result2:ok"), "{fields:?}: {reply}");
        reply
    }

    fn named(&self, sources: &[Played], buffer_ms: Option<u16>) -> Vec<Option<usize>> {
        let mut calls: Vec<Call> = sources
            .iter()
            .enumerate()
            .map(|(number, source)| self.call(number, source.law, buffer_ms))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(play(sources, &mut calls));
        for number in 0..calls.len() {
            self.told(&[("call-id", &call_id(number, buffer_ms)), ("command", "delete"), ("from-tag", "a")]);
        }
        let listener = Listener::patient();
        let named = |(source, call): (&Played, &Call)| {
            let far = source.aligned(&call.heard)?;
            Some(source.truth.iter().filter(|digit| listener.names(&far, digit)).count())
        };
        sources.iter().zip(&calls).map(named).collect()
    }

    fn call(&self, number: usize, law: Law, buffer_ms: Option<u16>) -> Call {
        let socket = || {
            let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
            socket.set_nonblocking(true).expect("non-blocking");
            socket
        };
        let (customer, agent) = (socket(), socket());
        let id = call_id(number, buffer_ms);
        let sdp = |socket: &UdpSocket| {
            let port = socket.local_addr().expect("bound").port();
            let media = format!("m=audio {port} RTP/AVP {}\r\na=ptime:20\r\n", law.payload_type());
            format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}")
        };
        let offer = [("call-id", &*id), ("command", "offer"), ("from-tag", "a"), ("sdp", &sdp(&customer))];
        self.told(&offer);
        let (from, answer) = (("from-tag", "a"), ("command", "answer"));
        let reply = self.told(&[("call-id", &id), answer, from, ("sdp", &sdp(&agent)), ("to-tag", "b")]);
        let port = reply.split("m=audio ").nth(1).and_then(|rest| rest.split(' ').next());
        let port: u16 = port.and_then(|port| port.parse().ok()).expect("a port");
        customer.connect(("127.0.0.1", port)).expect("connected");
        if let Some(buffer_ms) = buffer_ms {
            let buffer_ms = buffer_ms.to_string();
            let security = ("DTMF-security", "silence");
            let block =
                [security, ("call-id", &*id), ("command", "block DTMF"), ("delay-buffer", &*buffer_ms), from];
            self.told(&block);
        }
        Call { customer, agent, heard: Vec::new() }
    }
}

fn call_id(number: usize, buffer_ms: Option<u16>) -> String {
    format!("plain-{number}-{buffer_ms:?}")
}

/// Sends all sources at once in real time, one packet each every 20 ms.
async fn play(sources: &[Played], calls: &mut [Call]) {
    let longest = sources.iter().map(|source| source.datagrams.len()).max().unwrap_or(0);
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for index in 0..longest + AFTER {
        pace.tick().await;
        for (source, call) in sources.iter().zip(&mut *calls) {
            if let Some(datagram) = source.datagrams.get(index) {
                let sent = call.customer.send(datagram);
                assert!(sent.is_ok(), "{sent:?}");
            }
            call.drain();
        }
    }
}
