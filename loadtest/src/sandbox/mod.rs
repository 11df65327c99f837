//! The sandbox payment gateway: a real HTTP server that moves no money, keeps no card, and fails in every way that a
//! real gateway does.
//!
//! It exists because gateways' own sandboxes answer well. A payment page that has never met a reset after the charge, a
//! hang, half an answer or a 500 that charged will one day charge twice. Here each of these has a test card, and a
//! weighted mix of all twelve can be switched on.
//!
//! - Merchants: `POST /v1/payments`, `GET /v1/payments?reference=`, void, refund, tokens; see [`TEST_CARDS`].
//! - Testers: `GET /_test/ledger` says how often each reference was really charged, `PUT /_test/faults` changes the
//!   weather.
//!
//! After an answer it holds of a card brand, first six, last four and expiry; of a request a keyed digest.

mod answer;
mod cards;
mod faults;
mod gateway;
mod idempotency;
mod ledger;
mod order;
mod payment;
mod routes;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

#[cfg(test)]
pub(crate) use cards::luhn_holds;
pub use cards::{Behaviour, Decline, DeclineBody, REFUSED_CODES, TEST_CARDS};
pub use faults::{Fault, FaultMix, Faults};
pub use ledger::{Charge, Status};
pub use order::Channel;

use crate::served::{self, OwnThread};
use gateway::Gateway;

/// Most merchants.
const MERCHANTS_MAX: usize = 1_000;

/// How to start a gateway.
#[derive(Clone)]
pub struct SandboxOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// (merchant id, secret), 1 to 1,000 of them.
    pub merchants: Vec<(String, String)>,
    /// Seeds the draws of `fault_mix`; ids are random whatever the seed.
    pub seed: u64,
    /// A payment younger than this is not found by its reference. At most 120,000, as all times here.
    pub query_lag_ms: u64,
    /// Whether idempotency keys and unique references are enforced.
    pub idempotency: bool,
    /// How long the slow test card takes.
    pub slow_ms: u64,
    /// How long a connection without an answer is held.
    pub hang_ms: u64,
    /// When a pending payment becomes approved.
    pub pending_ms: u64,
    /// Weights of the twelve answers; `None`: no chaos, the cards alone decide.
    pub fault_mix: Option<FaultMix>,
}

impl Default for SandboxOptions {
    /// A free loopback port, merchant `demo` with secret `sk_sandbox_demo`, no chaos.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            merchants: vec![("demo".to_owned(), "sk_sandbox_demo".to_owned())],
            seed: 1,
            query_lag_ms: 0,
            idempotency: true,
            slow_ms: 1_500,
            hang_ms: 1_000,
            pending_ms: 2_000,
            fault_mix: None,
        }
    }
}

impl SandboxOptions {
    fn gateway(&self) -> io::Result<Arc<Gateway>> {
        let bad = |words: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, words.to_owned()));
        if !(1..=MERCHANTS_MAX).contains(&self.merchants.len()) {
            return bad("a sandbox gateway needs 1 to 1000 merchants");
        }
        if self.merchants.iter().any(|(id, secret)| id.is_empty() || secret.is_empty()) {
            return bad("a merchant needs an id and a secret");
        }
        let faults = Faults {
            mix: self.fault_mix,
            next: std::collections::VecDeque::new(),
            query_lag_ms: self.query_lag_ms,
            slow_ms: self.slow_ms,
            hang_ms: self.hang_ms,
            pending_ms: self.pending_ms,
            idempotency: self.idempotency,
        };
        check_faults(&faults)?;
        Ok(Arc::new(Gateway::new(&self.merchants, self.seed, faults)?))
    }
}

fn check_faults(faults: &Faults) -> io::Result<()> {
    match faults.invalid_field() {
        None => Ok(()),
        Some(field) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("sandbox gateway: {field} is out of bounds"),
        )),
    }
}

/// A gateway on a thread of its own. Dropping it stops it.
pub struct SandboxGateway {
    /// Where it listens; the real port if 0 was asked for.
    pub addr: SocketAddr,
    gateway: Arc<Gateway>,
    _server: OwnThread,
}

impl SandboxGateway {
    /// Listens and serves. Returns once connections are accepted.
    ///
    /// # Errors
    /// `InvalidInput` for options out of bounds; whatever binding the address, or starting a thread, gives.
    pub fn start(options: SandboxOptions) -> io::Result<Self> {
        let gateway = options.gateway()?;
        let served = Arc::clone(&gateway);
        let (addr, server) =
            served::serve("sandbox-gateway", options.listen, |listener| server::accept(listener, served))?;
        Ok(Self { addr, gateway, _server: server })
    }

    /// `http://address:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What was really charged: one row for each merchant and reference, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<Charge> {
        self.gateway.charges()
    }

    /// The settings in force.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.gateway.lock().faults.clone()
    }

    /// Changes the settings, from the next request on.
    ///
    /// # Errors
    /// `InvalidInput` if a setting is out of bounds; nothing is changed then.
    pub fn set_faults(&self, faults: Faults) -> io::Result<()> {
        check_faults(&faults)?;
        self.gateway.lock().faults = faults;
        Ok(())
    }

    /// Stops serving: open connections are closed, the port is free when this returns.
    pub fn stop(self) {
        drop(self);
    }
}

/// Serves on the caller's runtime until the future is dropped; for the command line.
///
/// # Errors
/// As [`SandboxGateway::start`]. `listen` takes the place of the address in `options`.
pub async fn serve(listen: SocketAddr, options: SandboxOptions) -> io::Result<()> {
    let gateway = options.gateway()?;
    let listener = TcpListener::bind(listen).await?;
    match server::accept(listener, gateway).await {}
}
