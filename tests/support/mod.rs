//! A world for a test: a sandbox gateway, a `tonewall serve` of its own with its own ledger, and a
//! stage of simulated customers and agents. Ends with the card sweep (DESIGN §6).

pub mod postgres;
mod server;
mod sweep;

pub use server::{Server, ServerPlan};
pub use sweep::Sweep;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tonewall_loadtest::call::CallPlan;
use tonewall_loadtest::crm::{SandboxCrm, SandboxCrmOptions};
use tonewall_loadtest::customer::TestCard;
use tonewall_loadtest::mailbox::Mailbox;
use tonewall_loadtest::sandbox::{SandboxGateway, SandboxOptions};
use tonewall_loadtest::stage::{Stage, StageConfig, caller_number};
use tonewall_store::{Store, StoreOptions};

/// Tokens and PINs of the demo tenants (tenants/*.toml).
pub const HARBOUR_TOKEN: &str = "harbour-demo-api-token";
pub const HARBOUR_DIAL: &str = "8500482913";
pub const NORTHWIND_TOKEN: &str = "northwind-demo-api-token";
pub const NORTHWIND_DIAL: &str = "+441134960200";

/// Longest wait for anything that the tests wait for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Everything a test needs; the folder and the processes go with it.
pub struct World {
    pub gateway: SandboxGateway,
    pub crm: SandboxCrm,
    pub mailbox: Mailbox,
    pub server: Server,
    pub pbx: SocketAddr,
    pub carrier: SocketAddr,
    pub folder: Folder,
    plan: ServerPlan,
}

impl World {
    /// A world with the demo's tenants and nothing unusual.
    pub fn new(name: &str) -> World {
        World::with(name, ServerPlan::default(), SandboxOptions::default())
    }

    /// A world with some things unusual.
    pub fn with(name: &str, plan: ServerPlan, options: SandboxOptions) -> World {
        init();
        let folder = Folder::new(name);
        let gateway =
            SandboxGateway::start(SandboxOptions { merchants: merchants(), ..options }).expect("gateway");
        let crm = SandboxCrm::start(crm_options()).expect("CRM");
        let mailbox = Mailbox::start().expect("mailbox");
        let (pbx, carrier) = (free_address(), free_address());
        let mut plan = ServerPlan {
            gateway: plan.gateway.clone().or(Some(gateway.url())),
            crm: plan.crm.clone().or(Some(crm.url())),
            ..plan
        };
        plan.set.splice(
            0..0,
            [
                format!("mail.smtp={}", mailbox.addr),
                "mail.tls=none".to_owned(),
                "mail.from=receipts@tonewall.example".to_owned(),
            ],
        );
        let server = Server::start(&folder.path, &plan, pbx, carrier);
        World { gateway, crm, mailbox, server, pbx, carrier, folder, plan }
    }

    /// Ends the server as a power cut would, and starts it again on the same ledger.
    pub fn cut_power(&mut self) {
        self.server.kill();
        self.server = Server::start(&self.folder.path, &self.plan, self.pbx, self.carrier);
    }

    /// Opens the ledger of the stopped server.
    pub async fn ledger(&mut self) -> Store {
        self.server.stop();
        let own = format!("sqlite://{}?mode=rwc", self.folder.path.join("tonewall.db").display());
        let url = self.plan.database.as_ref().unwrap_or(&own);
        Store::open(url, StoreOptions::default()).await.expect("the ledger opens")
    }

    /// What the server wrote so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path.join("log.txt")).expect("log")
    }

    /// Phones of harbour's customers and agents (Route 2).
    pub async fn harbour(&self) -> Stage {
        self.stage(self.pbx, HARBOUR_TOKEN).await
    }

    /// Phones of northwind's customers and agents (Route 1).
    pub async fn northwind(&self) -> Stage {
        self.stage(self.carrier, NORTHWIND_TOKEN).await
    }

    async fn stage(&self, pbx_bind: SocketAddr, token: &str) -> Stage {
        Stage::open(StageConfig {
            sip: self.server.sip,
            pbx_bind,
            carrier_bind: None,
            api: self.server.api(),
            token: token.to_owned(),
            seed: seed(),
        })
        .await
        .expect("stage")
    }

    /// The sweep of everything that this world wrote, for the card numbers and codes keyed in it.
    /// Fails the test on any hit, and when the planted canary is not found.
    pub fn sweep(&mut self, keyed: &[(&str, &str)]) {
        self.keep_live_files();
        let (hits, _) = self.swept(keyed);
        assert_eq!(hits, 0, "card data found");
    }

    /// Hits of the sweep, and canaries found by it; all canaries have to be found.
    pub fn swept(&mut self, keyed: &[(&str, &str)]) -> (usize, usize) {
        self.server.stop();
        let sweep = Sweep::of_folder(&self.folder.path);
        let hits = sweep.hits(keyed);
        if !hits.is_empty() {
            eprintln!("card data found: {hits:?}");
        }
        let canary = sweep.with_canary(keyed);
        assert_eq!(canary.found, canary.planted, "the sweep does not find its own canary: {canary:?}");
        (hits.len(), canary.found)
    }
}

impl World {
    /// Copies of the ledger with its write-ahead log, which a clean stop folds away.
    fn keep_live_files(&self) {
        let live = self.folder.path.join("live");
        std::fs::create_dir_all(&live).expect("folder");
        for name in ["tonewall.db", "tonewall.db-wal", "tonewall.db-shm"] {
            let file = self.folder.path.join(name);
            if file.exists() {
                std::fs::copy(&file, live.join(name)).expect("copied");
            }
        }
    }
}

/// One plan of a call to harbour's speed dial.
pub fn harbour_call() -> CallPlan {
    CallPlan { dial: HARBOUR_DIAL.into(), caller: fresh_caller(), ..CallPlan::default() }
}

/// One plan of a call to a number of northwind's.
pub fn northwind_call() -> CallPlan {
    CallPlan {
        dial: NORTHWIND_DIAL.into(),
        caller: fresh_caller(),
        secure_by_api: true,
        terminator: Some('#'),
        ..CallPlan::default()
    }
}

/// A published test card whose first six, last four and expiry, side by side in a row, do not make
/// up its own middle digits: the sweep must not find what may be stored.
pub fn card() -> TestCard {
    TestCard { pan: "4263970000005262".into(), expiry: "1230".into(), cvc: "907".into() }
}

/// The seed of every voice and key time; `tests/figures --seed` sets another one.
pub fn seed() -> u64 {
    std::env::var("TONEWALL_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(7)
}

/// A caller that no other call of this process has.
pub fn fresh_caller() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    caller_number(NEXT.fetch_add(1, Ordering::Relaxed) as usize)
}

/// The demo tenants' accounts at the gateway.
pub fn merchants() -> Vec<(String, String)> {
    [("harbour-moto", "harbour-demo-gateway-secret"), ("northwind-phone", "northwind-demo-gateway-secret")]
        .map(|(merchant, secret)| (merchant.to_owned(), secret.to_owned()))
        .to_vec()
}

/// Token of harbour at its CRM.
pub const HARBOUR_CRM_TOKEN: &str = "harbour-demo-crm-token";

fn crm_options() -> SandboxCrmOptions {
    let tenants = vec![("GBP".to_owned(), HARBOUR_CRM_TOKEN.to_owned())];
    SandboxCrmOptions { tenants, seed: seed(), ..SandboxCrmOptions::default() }
}

/// The TLS provider, once a process.
pub fn init() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        tonewall::cli::install_tls();
        tonewall_loadtest::api::init_tls();
    });
}

/// A folder of its own that goes with it.
pub struct Folder {
    pub path: PathBuf,
}

impl Folder {
    pub fn new(name: &str) -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique =
            format!("tonewall-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).expect("folder");
        Folder { path }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a failing test wrote is what one wants to read.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// An address that is free now for UDP and TCP alike.
///
/// Its port lies below those that the system gives to outgoing sockets: nothing takes it between this
/// look and the start of the program that is told to use it.
pub fn free_address() -> SocketAddr {
    const FIRST: u16 = 3_000;
    const PORTS: u16 = 6_900;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that start one after the other begin far apart.
    let own = (std::process::id().wrapping_mul(997) % u32::from(PORTS)) as u16;
    (0..PORTS)
        .map(|_| {
            let place = (own + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS) % PORTS;
            SocketAddr::from(([127, 0, 0, 1], FIRST + place))
        })
        .find(|address| UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok())
        .expect("a free port")
}

/// Waits until `done` says so; the deadline fails the test with `what`.
pub async fn eventually<T>(what: &str, mut done: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done().await {
            return value;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
