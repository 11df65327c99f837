//! The gateway over real sockets.

mod cards;
mod faults;
mod idempotency;
mod payments;
mod recovery;
mod residue;
mod wire;

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{Charge, Fault, SandboxGateway, SandboxOptions};

/// Longest wait for anything that must happen.
const DEADLINE: Duration = Duration::from_secs(20);

/// An answer as a client sees it.
struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn error(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    fn is_replayed(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }
}

/// A gateway and a merchant of it.
struct Till {
    gateway: SandboxGateway,
    client: reqwest::Client,
    secret: String,
}

impl Till {
    fn open(options: SandboxOptions) -> Self {
        // Refused if another test was first: one provider is as good as the other.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(DEADLINE)
            .build()
            .unwrap();
        let secret = options.merchants[0].1.clone();
        Self { gateway: SandboxGateway::start(options).unwrap(), client, secret }
    }

    fn quick() -> Self {
        Self::open(SandboxOptions { slow_ms: 20, hang_ms: 20, ..SandboxOptions::default() })
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply, reqwest::Error> {
        let url = format!("{}{path}", self.gateway.url());
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(&self.secret);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Reply { status, headers, text: response.text().await? })
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None, None).await.unwrap()
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.send("POST", path, Some(key), Some(body)).await.unwrap()
    }

    async fn pay(&self, key: &str, body: &Value) -> Reply {
        self.post("/v1/payments", key, body).await
    }

    /// Pays and insists on 200.
    async fn paid(&self, reference: &str, number: &str) -> Value {
        let reply = self.pay(&format!("key-{reference}"), &sale(reference, number)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// A payment as bytes, for tests that hold the socket themselves.
    fn raw_payment(&self, key: &str, body: &Value) -> Vec<u8> {
        let (secret, body) = (&self.secret, body.to_string());
        let head = format!(
            "POST /v1/payments HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {secret}\r\n\
             Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        (head + &body).into_bytes()
    }

    /// Waits until a request with this key is being worked on. The probe is invalid: it never does anything itself.
    async fn begun(&self, key: &str) {
        let mut probe = sale("probe", "4242424242424242");
        probe["amount_minor"] = json!(0);
        until(|| self.pay(key, &probe), |reply| reply.error() == "idempotency_mismatch").await;
    }

    fn row(&self, reference: &str) -> Option<Charge> {
        self.gateway.ledger().into_iter().find(|charge| charge.reference == reference)
    }

    fn times_charged(&self, reference: &str) -> u32 {
        self.row(reference).map_or(0, |charge| charge.times_charged)
    }

    fn force(&self, next: &[Fault]) {
        let mut faults = self.gateway.faults();
        faults.next = next.iter().copied().collect();
        self.gateway.set_faults(faults).unwrap();
    }
}

fn card(number: &str) -> Value {
    let cvc = if number.len() == 15 { "1234" } else { "123" };
    json!({"number": number, "expiry_month": 12, "expiry_year": 2090, "cvc": cvc})
}

fn sale(reference: &str, number: &str) -> Value {
    json!({
        "reference": reference, "amount_minor": 1250, "currency": "GBP", "channel": "moto", "card": card(number),
        "address": {"house_number": "12", "postcode_digits": "159"},
    })
}

/// Until the deadline, asks again until `done` is content.
async fn until<T, F: Future<Output = T>>(mut ask: impl FnMut() -> F, done: impl Fn(&T) -> bool) -> T {
    let start = Instant::now();
    loop {
        let answer = ask().await;
        if done(&answer) {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "did not happen in time");
        tokio::task::yield_now().await;
    }
}
