//! The supervisor tree: what is started in which order, and how it is drained.

use crate::calls::{Arbiters, Desk, Front, Registry, Surroundings, beats, prepare_taps};
use crate::config::{Config, Mail};
use crate::demo::Controls;
use crate::events::Events;
use crate::evidence::{self, Recorder};
use crate::jobs::outbox::{self, Outbox};
use crate::letters::Letters;
use crate::metrics::Metrics;
use crate::screen::{self, Screens};
use crate::tenancy::Tenants;
use crate::web::operators::{self, Operators};
use crate::{jobs, web};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tonewall_connectors::driver::{GatewayClient, Pace};
use tonewall_connectors::mail::{MailConfig, MailTls, Mailer};
use tonewall_secret::Secret;
use tonewall_store::{Store, StoreOptions};
use tonewall_telephony::media::{MediaOptions, MediaRuntime};
use tonewall_telephony::sip::{Incoming, SipEndpoint, SipOptions};
use tracing::{info, warn};

/// How often a drain looks whether the last call has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(100);

/// Time for the last BYEs and ledger rows of calls that the end of the grace cut off.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Time for deliveries under way. One that takes longer is left: its lease runs out, and the next
/// process delivers it again under the same id.
const DELIVERIES_MAX: Duration = Duration::from_secs(5);

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
    /// Where metrics and health are told.
    pub metrics: SocketAddr,
    server: web::Server,
    metrics_server: Operators,
    deliveries: Deliveries,
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
        System::start_with(config, tenants, runtime, None).await
    }

    /// The same, with the demo's customers and mailbox on its pages.
    pub async fn start_with(
        config: &Config,
        tenants: Arc<Tenants>,
        runtime: Handle,
        controls: Option<Controls>,
    ) -> Result<System, NotStarted> {
        // What a wrong set-up would stop comes first: no call is taken that has to be dropped again.
        let letters = Arc::new(Letters::new().map_err(|error| not("letters")(&error))?);
        let mailer = config.mail.as_ref().map(mailer).transpose()?.map(Arc::new);
        if let Some(folder) = &config.tap_folder {
            let tenants = tenants.snapshot();
            prepare_taps(folder, tenants.tenants().iter().map(AsRef::as_ref))
                .map_err(|error| not("folder of taps")(&error))?;
        }
        let (around, incoming) = surroundings(config, tenants, runtime.clone()).await?;
        let desk = Desk::new(around.clone());
        let screens = Screens::new(desk.clone(), screen::Options { mail_on: mailer.is_some() });
        let options = web::Options {
            secure_cookies: config.http.secure_cookies,
            trusted_proxies: config.http.trusted_proxies.clone(),
        };
        let letters_shown = Arc::clone(&letters);
        let parts = web::Parts { desk: desk.clone(), screens, letters: letters_shown, controls, options };
        let (server, metrics_server) = servers(config, parts).await?;
        let deliveries = Deliveries::start(&around, letters, mailer);
        let front = Front::start(around.clone());
        actix_rt::spawn(Arc::clone(&around.arbiters).watch(Arc::clone(&around.registry)));
        runtime.spawn(beats(Arc::clone(&around.registry)));
        runtime.spawn(jobs::resolve::run(around.clone()));
        runtime.spawn(jobs::evidence::run(Arc::clone(around.registry.evidence())));
        runtime.spawn(front.serve(incoming));
        let (sip, http, metrics) = (around.sip.address(), server.address, metrics_server.address);
        info!(%sip, %http, %metrics, "tonewall is up");
        let grace = config.drain_grace;
        Ok(System { desk, sip, http, metrics, server, metrics_server, deliveries, around, grace })
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
        let evidence = || self.around.registry.evidence().waiting();
        let until = Instant::now() + LAST_WORDS;
        while (live() > 0 || evidence() > 0) && Instant::now() < until {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        if evidence() > 0 {
            warn!(records = evidence(), "evidence is left to the next process, which has not seen the calls");
        }
        let gauges = self.around.sip.gauges();
        let (dialogs, transactions, finished) = (gauges.dialogs, gauges.transactions, gauges.finished);
        info!(dialogs, transactions, finished, "signalling at the end of the drain");
        self.server.stop().await;
        self.deliveries.stop().await;
        // Last of what listens: whoever drains the node watches here what is left.
        self.metrics_server.stop().await;
        let store = self.around.store.clone();
        let _ = self.around.runtime.spawn(async move { store.close().await }).await;
        self.around.media.stop();
        self.around.sip.stop();
    }
}

/// The job that delivers what the ledger has written down for others.
struct Deliveries {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Deliveries {
    fn start(around: &Surroundings, letters: Arc<Letters>, mailer: Option<Arc<Mailer>>) -> Deliveries {
        let (stop, stopped) = watch::channel(false);
        let outbox = Outbox {
            store: around.store.clone(),
            tenants: Arc::clone(&around.tenants),
            letters,
            mailer,
            events: Arc::clone(&around.events),
            metrics: around.metrics.clone(),
            stop: stopped,
        };
        Deliveries { stop, task: around.runtime.spawn(outbox::run(outbox)) }
    }

    async fn stop(self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(DELIVERIES_MAX, self.task).await.is_err() {
            warn!("deliveries under way are left to the next process");
        }
    }
}

fn mailer(mail: &Mail) -> Result<Mailer, NotStarted> {
    let credentials = mail.credentials.as_ref();
    let config = MailConfig {
        host: mail.host.clone(),
        port: mail.port,
        tls: if mail.tls { MailTls::Required } else { MailTls::None },
        credentials: credentials.map(|(name, word)| (name.clone(), Secret::new(word.expose().clone()))),
        from: mail.from.clone(),
    };
    Mailer::new(config).map_err(|error| not("mail")(&error))
}

/// Everything that a call needs; nothing takes a call yet.
async fn surroundings(
    config: &Config,
    tenants: Arc<Tenants>,
    runtime: Handle,
) -> Result<(Surroundings, mpsc::Receiver<Incoming>), NotStarted> {
    let media = MediaRuntime::start(&MediaOptions {
        bind: config.media.bind,
        advertised: config.media.advertised,
        ports: config.media.ports.clone(),
        threads: config.media.threads,
    })
    .map_err(|error| not("media threads")(&error))?;
    let gateways = GatewayClient::new(Pace::default())
        .map_err(|_| NotStarted("HTTP client for gateways cannot be built".to_owned()))?;
    let (store, sip, incoming) = signalling_and_ledger(config, &runtime).await?;
    let (events, metrics) = (Arc::new(Events::new()), Metrics::new());
    let evidence = recorder(config, &tenants, &store, &runtime, &metrics).await;
    let registry =
        Registry::new(runtime.clone(), store.clone(), Arc::clone(&events), metrics.clone(), evidence);
    let around = Surroundings {
        runtime,
        sip,
        media: Arc::new(media),
        store,
        gateways: Arc::new(gateways),
        tenants,
        registry: Arc::new(registry),
        events,
        metrics,
        arbiters: Arc::new(Arbiters::start(config.arbiters)),
        calls_per_tenant_max: config.calls_per_tenant_max as usize,
        tap_folder: config.tap_folder.as_deref().map(Arc::from),
    };
    Ok((around, incoming))
}

/// Where evidence goes. What the last process owed is recorded before a call is taken.
async fn recorder(
    config: &Config,
    tenants: &Tenants,
    store: &Store,
    runtime: &Handle,
    metrics: &Metrics,
) -> Arc<Recorder> {
    let hashes = evidence::hashes(config, tenants.snapshot().tenants());
    let key = config.evidence_key.clone();
    match &key {
        Some(key) => info!(key = key.public().id(), "evidence is signed"),
        None => warn!("evidence is not signed: evidence.key is not set"),
    }
    let recorder = Arc::new(Recorder::new(store.clone(), runtime.clone(), metrics.clone(), key, hashes));
    let first = Arc::clone(&recorder);
    let owed = runtime.spawn(async move { first.record_owed(true).await }).await;
    match owed {
        Ok(Ok(0)) => {}
        Ok(Ok(calls)) => warn!(calls, "calls were up when the last process ended: their evidence says so"),
        Ok(Err(error)) => warn!(%error, "evidence that is owed is recorded later"),
        Err(_) => warn!("evidence that is owed is recorded later"),
    }
    recorder
}

/// Both servers, or none: where the second has no address, the first does not stay behind.
async fn servers(config: &Config, parts: web::Parts) -> Result<(web::Server, Operators), NotStarted> {
    let desk = parts.desk.clone();
    let server = web::open(config.http.listen, parts).map_err(|error| not("HTTP address")(&error))?;
    match operators::open(config.metrics_listen, desk) {
        Ok(metrics) => Ok((server, metrics)),
        Err(error) => {
            server.stop().await;
            Err(not("address of metrics")(&error))
        }
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
) -> Result<(Store, SipEndpoint, mpsc::Receiver<Incoming>), NotStarted> {
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
        let calls = store
            .close_interrupted_calls(OffsetDateTime::now_utc())
            .await
            .map_err(|error| not("calls of the last run")(&error))?;
        if calls > 0 {
            warn!(calls, "calls were up when the last process ended: closed in their records");
        }
        if interrupted > 0 {
            warn!(interrupted, "attempts were under way when the last process ended: unknown until resolved");
        }
        let (sip, incoming) =
            SipEndpoint::start(options).await.map_err(|error| not("SIP address")(&error))?;
        Ok((store, sip, incoming))
    });
    started.await.unwrap_or_else(|_| Err(NotStarted("start-up task died".to_owned())))
}
