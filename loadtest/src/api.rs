//! Client of the product's HTTP API, as the agent's screen would use it.

use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

/// Longest wait for an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// An event stream that says nothing for this long (a heartbeat comes every second) is opened again.
const STREAM_SILENCE_MAX: Duration = Duration::from_secs(5);
const STREAM_TRIES_MAX: usize = 20;
const STREAM_PAUSE: Duration = Duration::from_millis(150);
const FRAME_BYTES_MAX: usize = 256 * 1024;
/// Frames with a new count of keys that are kept a call: more than anybody keys.
const COUNTS_MAX: usize = 4_096;

/// When a frame of the stream was read, and the presses that it showed.
pub type Count = (Instant, u32);

/// What a follower remembers of frames that nobody may have looked at in time.
#[derive(Default)]
struct Seen {
    counts: Vec<Count>,
    declines: usize,
    declined: Option<String>,
}

impl Seen {
    fn note(&mut self, read_at: Instant, view: &CallView) {
        if self.counts.len() < COUNTS_MAX && self.counts.last().is_none_or(|last| last.1 != view.keys) {
            self.counts.push((read_at, view.keys));
        }
        let payment = &view.payment;
        if matches!(payment.state.as_str(), "declined" | "rejected") && self.declined != payment.attempt_id {
            self.declined.clone_from(&payment.attempt_id);
            self.declines += 1;
        }
    }
}

/// Installs the TLS provider once for the process; harmless if another one is there.
pub fn init_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Err: the program that embeds us has chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Why a request did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The service refused it.
    Refused {
        /// HTTP status.
        status: u16,
        /// `error.code` of the body.
        code: String,
        /// `error.message` of the body.
        message: String,
    },
    /// No answer.
    Unreachable(String),
    /// An answer that is not what the API promises.
    Malformed(String),
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ApiError::Refused { status, code, message } => write!(f, "{status} {code}: {message}"),
            ApiError::Unreachable(why) => write!(f, "no answer: {why}"),
            ApiError::Malformed(why) => write!(f, "unexpected answer: {why}"),
        }
    }
}

impl std::error::Error for ApiError {}

/// What the agent sees of the keying.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CaptureView {
    /// `idle`, `open`, `complete`, `failed` or `cancelled`.
    pub state: String,
    /// The open field.
    pub field: Option<String>,
    /// Digits in it.
    pub filled: u32,
    /// Brand, once known.
    pub brand: Option<String>,
    /// Last four digits, once complete.
    pub last4: Option<String>,
    /// `MM/YY`, once complete.
    pub expiry: Option<String>,
    /// Digits of the code.
    pub cvc_filled: u32,
    /// Why a field was asked again.
    pub problem: Option<String>,
    /// Tries left for the field.
    pub tries_left: Option<u32>,
}

/// What the agent sees of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CardShown {
    /// Its brand.
    pub brand: String,
    /// Its last four digits.
    pub last4: String,
    /// Its expiry, `MM/YY`.
    pub expiry: String,
}

/// What the agent sees of the payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PaymentView {
    /// `none`, `sending`, `approved`, `declined`, `rejected`, `held`, `pending` or `unknown`.
    pub state: String,
    /// Id of the attempt.
    pub attempt_id: Option<String>,
    /// Authorisation code.
    pub auth_code: Option<String>,
    /// The card of the attempt.
    pub card: Option<CardShown>,
    /// Amount in minor units.
    pub amount_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Words for the agent.
    pub say: Option<String>,
}

impl PaymentView {
    /// Whether nothing more is expected to happen by itself during the call.
    pub fn is_final(&self) -> bool {
        !matches!(self.state.as_str(), "" | "none" | "sending")
    }
}

/// A call as the agent sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CallView {
    /// Id of the call.
    pub id: String,
    /// `in_path` or `on_demand`.
    pub route: String,
    /// Name of the agent.
    pub agent: Option<String>,
    /// The customer's number.
    pub caller: Option<String>,
    /// `ringing`, `connected` or `ended`.
    pub state: String,
    /// Why it ended.
    pub ended_why: Option<String>,
    /// Whether the line is secured.
    pub secured: bool,
    /// How long securing took, as the service says.
    pub secured_ms: Option<u64>,
    /// Why nothing of the customer passes just now.
    pub unwell: Option<String>,
    /// Whether a key was heard leaving the secured line.
    pub leaked: bool,
    /// Whether repeats of a key count once.
    pub slow_keys: bool,
    /// Keying.
    pub capture: CaptureView,
    /// Payment.
    pub payment: PaymentView,
    /// Presses counted so far.
    pub keys: u32,
}

/// A client with one tenant's token; cheap to clone.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    /// A client for `base`, for example `http://127.0.0.1:8080`.
    pub fn new(base: &str, token: &str) -> Result<Self, ApiError> {
        init_tls();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| ApiError::Unreachable(error.to_string()))?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// Calls of this caller that have not ended.
    pub async fn live_calls(&self, caller: &str) -> Result<Vec<CallView>, ApiError> {
        #[derive(Deserialize)]
        struct Calls {
            calls: Vec<CallView>,
        }
        let path = format!("/v1/calls?caller={}", caller.replace('+', "%2B"));
        let calls: Calls = self.send(reqwest::Method::GET, &path, None).await?;
        Ok(calls.calls.into_iter().filter(|call| call.state != "ended").collect())
    }

    /// One call.
    pub async fn call(&self, id: &str) -> Result<CallView, ApiError> {
        self.send(reqwest::Method::GET, &format!("/v1/calls/{id}"), None).await
    }

    /// A command of a call: `secure`, `unsecure`, `take`, `more-time`, `cancel`, `hangup`.
    pub async fn command(&self, id: &str, command: &str) -> Result<CallView, ApiError> {
        self.send(reqwest::Method::POST, &format!("/v1/calls/{id}/{command}"), Some(json!({}))).await
    }

    /// Opens a payment, and with it the first field.
    pub async fn payment(
        &self,
        id: &str,
        account: &str,
        amount_minor: i64,
        currency: &str,
    ) -> Result<CallView, ApiError> {
        // Many simulated customers pay the same invoice: each says that it is meant.
        let body = json!({
            "account": account, "amount_minor": amount_minor, "currency": currency, "confirm": true,
        });
        self.send(reqwest::Method::POST, &format!("/v1/calls/{id}/payment"), Some(body)).await
    }

    /// Gives the address that the agent was told.
    pub async fn address(&self, id: &str, house_number: &str, postcode: &str) -> Result<CallView, ApiError> {
        let body = json!({ "house_number": house_number, "postcode": postcode });
        self.send(reqwest::Method::POST, &format!("/v1/calls/{id}/address"), Some(body)).await
    }

    /// Asks for a field again.
    pub async fn reask(&self, id: &str, field: &str) -> Result<CallView, ApiError> {
        self.send(reqwest::Method::POST, &format!("/v1/calls/{id}/reask"), Some(json!({ "field": field })))
            .await
    }

    /// A payment attempt, as the ledger has it.
    pub async fn attempt(&self, id: &str) -> Result<serde_json::Value, ApiError> {
        self.send(reqwest::Method::GET, &format!("/v1/attempts/{id}"), None).await
    }

    /// Follows a call by its event stream; falls back to asking while the stream is down.
    pub fn follow(&self, first: CallView) -> Follower {
        let (sender, views) = watch::channel(first);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (api, noted) = (self.clone(), seen.clone());
        let task = tokio::spawn(async move { api.run_stream(sender, &noted).await });
        Follower { views, seen, task }
    }

    async fn run_stream(self, views: watch::Sender<CallView>, seen: &Mutex<Seen>) {
        let id = views.borrow().id.clone();
        for _ in 0..STREAM_TRIES_MAX {
            let _ = self.read_stream(&id, &views, seen).await;
            if let Ok(view) = self.call(&id).await {
                views.send_replace(view);
            }
            if views.borrow().state == "ended" {
                return;
            }
            tokio::time::sleep(STREAM_PAUSE).await;
        }
    }

    async fn read_stream(
        &self,
        id: &str,
        views: &watch::Sender<CallView>,
        seen: &Mutex<Seen>,
    ) -> Result<(), ApiError> {
        let request = self.client.get(format!("{}/v1/calls/{id}/events", self.base)).bearer_auth(&self.token);
        let opened = tokio::time::timeout(REQUEST_TIMEOUT, request.send()).await;
        let mut response = opened.map_err(|_| unreachable_after())?.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(ApiError::Malformed(format!("event stream answered {}", response.status())));
        }
        let mut pending: Vec<u8> = Vec::new();
        loop {
            let chunk = tokio::time::timeout(STREAM_SILENCE_MAX, response.chunk()).await;
            let Some(chunk) = chunk.map_err(|_| unreachable_after())?.map_err(unreachable)? else {
                return Ok(());
            };
            let read_at = Instant::now();
            pending.extend_from_slice(&chunk);
            while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = pending.drain(..end + 2).collect();
                if let Some(view) = read_frame(&frame) {
                    locked(seen).note(read_at, &view);
                    views.send_replace(view);
                }
            }
            if pending.len() > FRAME_BYTES_MAX {
                return Err(ApiError::Malformed("a frame without an end".into()));
            }
        }
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<T, ApiError> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .timeout(REQUEST_TIMEOUT);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| ApiError::Malformed(error.to_string()));
        }
        let error: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let word = |name: &str| error["error"][name].as_str().unwrap_or_default().to_owned();
        Err(ApiError::Refused { status: status.as_u16(), code: word("code"), message: word("message") })
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unreachable(error: reqwest::Error) -> ApiError {
    ApiError::Unreachable(error.to_string())
}

fn unreachable_after() -> ApiError {
    ApiError::Unreachable("timed out".into())
}

/// The view in one server-sent event; `None` for comments and other events.
fn read_frame(frame: &[u8]) -> Option<CallView> {
    let text = std::str::from_utf8(frame).ok()?;
    let data: String =
        text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
    serde_json::from_str(&data).ok()
}

/// The last known view of a call; stops following when dropped.
pub struct Follower {
    views: watch::Receiver<CallView>,
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Follower {
    /// The view now.
    pub fn view(&self) -> CallView {
        self.views.borrow().clone()
    }

    /// Every view from now on; a slow reader sees the last one only.
    pub fn views(&self) -> watch::Receiver<CallView> {
        self.views.clone()
    }

    /// Each frame of the stream that showed another count of presses than the one before, in order.
    pub fn counts(&self) -> Vec<Count> {
        locked(&self.seen).counts.clone()
    }

    /// Attempts that a frame showed as declined or rejected.
    pub fn declines(&self) -> usize {
        locked(&self.seen).declines
    }

    /// Waits until a view satisfies `wanted`; `Err` carries the view at the deadline.
    pub async fn wait(
        &self,
        within: Duration,
        wanted: impl Fn(&CallView) -> bool,
    ) -> Result<CallView, Box<CallView>> {
        let mut views = self.views.clone();
        let found = tokio::time::timeout(within, views.wait_for(|view| wanted(view))).await;
        match found {
            Ok(Ok(view)) => Ok(view.clone()),
            _ => Err(Box::new(self.view())),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_comments() {
        let frame = b"event: call\ndata: {\"id\":\"cl_1\",\"state\":\"connected\",\"capture\":{\"state\":\"open\",\"field\":\"pan\"}}\n\n";
        let view = read_frame(frame).expect("a view");
        assert_eq!((view.id.as_str(), view.capture.field.as_deref()), ("cl_1", Some("pan")));
        assert_eq!(read_frame(b": hb\n\n"), None);
        assert_eq!(read_frame(&[0xff, b'\n', b'\n']), None);
    }

    #[test]
    fn only_an_outcome_is_final() {
        let payment = |state: &str| PaymentView { state: state.into(), ..PaymentView::default() };
        assert!(["none", "sending", ""].iter().all(|state| !payment(state).is_final()));
        assert!(
            ["approved", "declined", "rejected", "held", "pending", "unknown"]
                .iter()
                .all(|state| payment(state).is_final())
        );
    }
}
