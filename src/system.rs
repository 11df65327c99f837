//! The supervisor tree: what is started in which order, and how it is drained.

use crate::calls::{Arbiters, Desk, Front, Registry, Surroundings, beats};
use crate::config::Config;
use crate::tenancy::Tenants;
use crate::{jobs, web};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tonewall_connectors::driver::{GatewayClient, Pace};
use tonewall_store::{Store, StoreOptions};
use tonewall_telephony::media::{MediaOptions, MediaRuntime};
use tonewall_telephony::sip::{Incoming, SipEndpoint, SipOptions};
use tracing::{info, warn};

/// How often a drain looks whether the last call has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(100);

/// Time for the last BYEs and ledger rows of calls that the end of the grace cut off.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Why the system did not start; in words for an operator.
#[derive(Debug)]
pub struct NotStarted(String);

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn not(what: &str) -> impl FnOnce(&dyn fmt::Display) -> NotStarted + '_ {
    move |why| NotStarted(format!("{what}: {why}"))
}

/// The running system.
pub struct System {
    /// The way to its calls.
    pub desk: Desk,
    /// Where SIP is taken.
    pub sip: SocketAddr,
    /// Where HTTP is taken.
    pub http: SocketAddr,
    server: web::Server,
    around: Surroundings,
    grace: Duration,
}

impl System {
    /// Starts everything; on a thread of the actix system, with `runtime` for all that awaits.
    pub async fn start(
        config: &Config,
        tenants: Arc<Tenants>,
        runtime: Handle,
    ) -> Result<System, NotStarted> {
        let (store, sip, incoming) = signalling_and_ledger(config, &runtime).await?;
        let media = MediaRuntime::start(&MediaOptions {
            bind: config.media.bind,
            advertised: config.media.advertised,
            ports: config.media.ports.clone(),
            threads: config.media.threads,
        })
        .map_err(|error| not("media threads")(&error))?;
        let gateways = GatewayClient::new(Pace::default())
            .map_err(|_| NotStarted("HTTP client for gateways cannot be built".to_owned()))?;
        let registry = Arc::new(Registry::new(runtime.clone(), store.clone()));
        let arbiters = Arc::new(Arbiters::start(config.arbiters));
        let around = Surroundings {
            runtime: runtime.clone(),
            sip,
            media: Arc::new(media),
            store,
            gateways: Arc::new(gateways),
            tenants,
            registry: Arc::clone(&registry),
            arbiters: Arc::clone(&arbiters),
            calls_per_tenant_max: config.calls_per_tenant_max as usize,
        };
        let front = Front::start(around.clone());
        actix_rt::spawn(arbiters.watch(Arc::clone(&registry)));
        runtime.spawn(front.serve(incoming));
        runtime.spawn(beats(registry));
        runtime.spawn(jobs::resolve::run(around.clone()));
        let desk = Desk::new(around.clone());
        let server =
            web::start(config.http_listen, desk.clone()).map_err(|error| not("HTTP address")(&error))?;
        let http = server.address;
        let sip = around.sip.address();
        info!(%sip, %http, "tonewall is up");
        Ok(System { desk, sip, http, server, around, grace: config.drain_grace })
    }

    /// Drain, grace, end: no new call, live calls may finish, what is left is ended politely.
    pub async fn drain(self) {
        self.around.sip.drain();
        let live = || self.around.registry.live_total();
        info!(live = live(), "draining");
        let until = Instant::now() + self.grace;
        while live() > 0 && Instant::now() < until {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        if live() > 0 {
            warn!(live = live(), "grace is over: live calls are ended");
            self.around.registry.shutdown();
        }
        let until = Instant::now() + LAST_WORDS;
        while live() > 0 && Instant::now() < until {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        let gauges = self.around.sip.gauges();
        let (dialogs, transactions, finished) = (gauges.dialogs, gauges.transactions, gauges.finished);
        info!(dialogs, transactions, finished, "signalling at the end of the drain");
        self.server.stop().await;
        let store = self.around.store.clone();
        let _ = self.around.runtime.spawn(async move { store.close().await }).await;
        self.around.media.stop();
        self.around.sip.stop();
    }
}

/// The folder of a SQLite file; a PostgreSQL URL needs none.
fn make_folder(url: &str) -> std::io::Result<()> {
    let path = url.strip_prefix("sqlite://").map(|rest| rest.split('?').next().unwrap_or(rest));
    match path.and_then(|path| std::path::Path::new(path).parent()) {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

/// What lives on the multi-thread runtime has to be made there: its tasks must never sit on an
/// arbiter that a call can block.
async fn signalling_and_ledger(
    config: &Config,
    runtime: &Handle,
) -> Result<(Store, SipEndpoint, tokio::sync::mpsc::Receiver<Incoming>), NotStarted> {
    let url = config.database.url.expose().clone();
    let options =
        SipOptions { listen: config.sip.listen, advertised: config.sip.advertised, t1: config.sip.t1 };
    let started = runtime.spawn(async move {
        make_folder(&url).map_err(|error| not("folder of the database")(&error))?;
        tonewall_store::migrate(&url).await.map_err(|error| not("database")(&error))?;
        let store =
            Store::open(&url, StoreOptions::default()).await.map_err(|error| not("database")(&error))?;
        let interrupted = store
            .interrupted_to_unknown(OffsetDateTime::now_utc())
            .await
            .map_err(|error| not("attempts of the last run")(&error))?;
        if interrupted > 0 {
            warn!(interrupted, "attempts were under way when the last process ended: unknown until resolved");
        }
        let (sip, incoming) =
            SipEndpoint::start(options).await.map_err(|error| not("SIP address")(&error))?;
        Ok((store, sip, incoming))
    });
    started.await.unwrap_or_else(|_| Err(NotStarted("start-up task died".to_owned())))
}
