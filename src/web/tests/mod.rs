//! The screen's HTTP as browsers see it: the real server over a real store and the demo's manifests.

mod demo;
mod desk;
mod pages;
mod sign_in;

use super::{Options, Parts, Server, open};
use crate::calls::{Arbiters, Desk, Registry, Surroundings};
use crate::demo::Controls;
use crate::events::Events;
use crate::evidence::Recorder;
use crate::letters::Letters;
use crate::metrics::Metrics;
use crate::screen::{self, Screens};
use crate::tenancy::{Secrets, Tenants, tests::Folder};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tonewall_connectors::driver::{GatewayClient, Pace};
use tonewall_store::{Store, StoreOptions};
use tonewall_telephony::media::{MediaOptions, MediaRuntime};
use tonewall_telephony::sip::{SipEndpoint, SipOptions};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

const ADA: (&str, &str) = ("ada@harbour", "harbour-ada-demo");
const CLEO: (&str, &str) = ("cleo@northwind", "northwind-cleo-demo");

/// A server of its own, and what stands behind it.
struct World {
    server: Server,
    desk: Desk,
    _folder: Folder,
}

impl World {
    /// What a metric without labels stands at, as it is scraped.
    async fn metric(&self, name: &str) -> String {
        let text = self.desk.around().metrics.text(self.desk.around()).await.expect("metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.expect("a metric of this name").to_owned()
    }

    async fn new(name: &str) -> World {
        World::with(name, Options::default()).await
    }

    async fn with(name: &str, options: Options) -> World {
        World::of(name, options, None).await
    }

    async fn demo(name: &str, controls: Controls) -> World {
        World::of(name, Options::default(), Some(controls)).await
    }

    async fn of(name: &str, options: Options, controls: Option<Controls>) -> World {
        crate::cli::install_tls();
        let folder = Folder::new(name);
        let desk = desk(&folder).await;
        let parts = Parts {
            screens: Screens::new(desk.clone(), screen::Options { mail_on: true }),
            letters: Arc::new(Letters::new().expect("letters")),
            desk: desk.clone(),
            controls,
            options,
        };
        let server = open(local(), parts).expect("server");
        World { server, desk, _folder: folder }
    }

    fn browser(&self) -> Browser {
        Browser { address: self.server.address, cookies: BTreeMap::new(), extra: Vec::new() }
    }

    async fn signed_in(&self, (name, password): (&str, &str)) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(name, password).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/desk")), "{}", answer.body);
        browser
    }
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A desk with the repository's tenants and no call.
async fn desk(folder: &Folder) -> Desk {
    desk_reading_on(Handle::current(), folder).await
}

/// The same with its rows read on this runtime; where that does not run, none ever come.
pub(super) async fn desk_reading_on(runtime: Handle, folder: &Folder) -> Desk {
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("tonewall.db").display());
    tonewall_store::migrate(&url).await.expect("migrated");
    let store = Store::open(&url, StoreOptions::default()).await.expect("store");
    let sip = SipOptions { listen: local(), advertised: None, t1: Duration::from_millis(500) };
    let (sip, _) = SipEndpoint::start(sip).await.expect("SIP");
    let media = MediaOptions { bind: local().ip(), advertised: None, ports: 30_000..=30_003, threads: 1 };
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants");
    let tenants = crate::tenancy::load(&manifests, &Secrets::only_given()).expect("manifests");
    let (events, metrics) = (Arc::new(Events::new()), Metrics::new());
    let evidence = Recorder::unsigned(&store, &runtime, &metrics);
    let registry =
        Registry::new(runtime.clone(), store.clone(), Arc::clone(&events), metrics.clone(), evidence);
    Desk::new(Surroundings {
        runtime,
        sip,
        media: Arc::new(MediaRuntime::start(&media).expect("media")),
        store,
        gateways: Arc::new(GatewayClient::new(Pace::default()).expect("client")),
        tenants: Arc::new(Tenants::new(tenants)),
        registry: Arc::new(registry),
        events,
        metrics,
        arbiters: Arc::new(Arbiters::start(1)),
        calls_per_tenant_max: 10,
        tap_folder: None,
    })
}

#[test]
fn connections_leave_descriptors_to_calls() {
    let cases =
        [(None, 1_000), (Some(1_048_576), 1_000), (Some(4_096), 1_000), (Some(1_024), 256), (Some(1), 1)];
    for (descriptors, expected) in cases {
        assert_eq!(super::connections_per_worker(descriptors), expected, "{descriptors:?}");
    }
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn read(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if chunked { dechunked(body) } else { body.to_owned() };
        Answer { status, headers, body }
    }

    /// The value of the form's token in the page.
    fn csrf(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").expect("a form with a token");
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

fn dechunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        let Some(chunk) = rest.get(..length).filter(|chunk| !chunk.is_empty()) else { break };
        whole.push_str(chunk);
        body = rest[length..].trim_start_matches("\r\n");
    }
    whole
}

/// As a template writes it.
fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('\'', "&#x27;").replace('"', "&quot;")
}

/// A browser with its cookies.
#[derive(Clone)]
struct Browser {
    address: SocketAddr,
    cookies: BTreeMap<String, String>,
    extra: Vec<(&'static str, String)>,
}

impl Browser {
    /// With one more header from now on.
    fn with(mut self, name: &'static str, value: &str) -> Browser {
        self.extra.retain(|(own, _)| *own != name);
        self.extra.push((name, value.to_owned()));
        self
    }

    /// As a module asks, and not as a person's click does.
    fn json(self) -> Browser {
        self.with("Accept", "application/json")
    }

    async fn connect(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        let has = |name: &str| self.extra.iter().any(|(own, _)| *own == name);
        if !has("Accept") {
            head.push_str("Accept: text/html,application/xhtml+xml\r\n");
        }
        if method == "POST" && !has("Content-Type") {
            head.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        head.push_str(&format!("Cookie: {}\r\nContent-Length: {}\r\n", cookies.join("; "), body.len()));
        self.extra.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.expect("sent");
        stream
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = self.connect(method, path, body).await;
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
        read.expect("an answer in time").expect("an answer");
        let answer = Answer::read(&String::from_utf8_lossy(&bytes));
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = value.split_once('=').expect("a cookie");
            match rest.split(';').next().unwrap_or_default() {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// A form with the token of the page at `page`.
    async fn post(&mut self, page: &str, path: &str, fields: &str) -> Answer {
        let csrf = self.clone().with("Accept", "text/html").get(page).await.csrf();
        self.send("POST", path, &format!("csrf={csrf}&{fields}")).await
    }

    async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let csrf = self.get("/sign-in").await.csrf();
        let name = name.replace('@', "%40").replace(' ', "+");
        self.send("POST", "/sign-in", &format!("csrf={csrf}&name={name}&password={password}")).await
    }
}
