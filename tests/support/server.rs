//! `tonewall serve` as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// What is unusual about a server.
#[derive(Clone, Default)]
pub struct ServerPlan {
    /// `--set` arguments.
    pub set: Vec<String>,
    /// Replacements in the tenants' manifests.
    pub manifests: Vec<(String, String)>,
    /// Base URL of the gateway; `None` is the world's own.
    pub gateway: Option<String>,
    /// Base URL of the CRM; `None` is the world's own.
    pub crm: Option<String>,
    /// Database URL; `None` is a SQLite file in the folder.
    pub database: Option<String>,
    /// Another program than the one built with the tests.
    pub binary: Option<PathBuf>,
}

/// The running server.
pub struct Server {
    child: Child,
    /// Held, so that the server never writes into a closed pipe.
    _out: BufReader<ChildStdout>,
    pub sip: SocketAddr,
    pub http: SocketAddr,
    pub metrics: SocketAddr,
}

impl Server {
    /// Starts it and waits until it says that it is ready.
    pub fn start(folder: &Path, plan: &ServerPlan, pbx: SocketAddr, carrier: SocketAddr) -> Server {
        let tenants = folder.join("tenants");
        write_manifests(&tenants, plan, pbx, carrier);
        let log =
            std::fs::File::options().create(true).append(true).open(folder.join("log.txt")).expect("log");
        let database = plan
            .database
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}?mode=rwc", folder.join("tonewall.db").display()));
        let built = PathBuf::from(env!("CARGO_BIN_EXE_tonewall"));
        let mut command = Command::new(plan.binary.as_ref().unwrap_or(&built));
        // For the tests, not for the server, which knows no such key.
        command.env_remove("TONEWALL_KILLS");
        command.arg("serve");
        let defaults = [
            "sip.listen=127.0.0.1:0".to_owned(),
            "http.listen=127.0.0.1:0".to_owned(),
            "metrics.listen=127.0.0.1:0".to_owned(),
            format!("database.url={database}"),
            format!("tenants.dir={}", tenants.display()),
            format!("media.ports={}", media_ports()),
            "log.level=debug".to_owned(),
            "drain.grace_s=0".to_owned(),
        ];
        for set in defaults.iter().chain(&plan.set) {
            command.arg("--set").arg(set);
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).stdin(Stdio::null()).spawn().expect("serve");
        let mut out = BufReader::new(child.stdout.take().expect("stdout"));
        let mut line = String::new();
        out.read_line(&mut line).expect("ready line");
        let ready: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("serve did not start: {}", log_of(folder)));
        let address = |key: &str| ready[key].as_str().and_then(|text| text.parse().ok()).expect("address");
        Server { sip: address("sip"), http: address("http"), metrics: address("metrics"), child, _out: out }
    }

    /// Base URL of the API.
    pub fn api(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to drain and end.
    pub fn ask_to_end(&self) {
        let _ = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
    }

    /// Ends it politely, and waits.
    pub fn stop(&mut self) {
        if !self.is_alive() {
            return;
        }
        self.ask_to_end();
        let until = Instant::now() + Duration::from_secs(15);
        while self.is_alive() {
            if Instant::now() > until {
                self.kill();
                panic!("serve did not drain in time");
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log.txt")).unwrap_or_default()
}

/// The demo's manifests with this world's addresses in them.
fn write_manifests(into: &Path, plan: &ServerPlan, pbx: SocketAddr, carrier: SocketAddr) {
    std::fs::create_dir_all(into).expect("tenants folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants");
    for entry in std::fs::read_dir(from).expect("tenants").flatten() {
        if entry.path().extension().is_none_or(|kind| kind != "toml") {
            std::fs::copy(entry.path(), into.join(entry.file_name())).expect("logo");
            continue;
        }
        let mut text = std::fs::read_to_string(entry.path()).expect("manifest");
        text =
            text.replace("127.0.0.1:5099", &pbx.to_string()).replace("127.0.0.1:5098", &carrier.to_string());
        if let Some(gateway) = &plan.gateway {
            text = text.replace("http://127.0.0.1:8090", gateway);
        }
        if let Some(crm) = &plan.crm {
            text = text.replace("http://127.0.0.1:8091", crm);
        }
        for (old, new) in &plan.manifests {
            text = text.replace(old, new);
        }
        text = text.replace("calls_per_s_max = 10", "calls_per_s_max = 500");
        std::fs::write(into.join(entry.file_name()), text).expect("manifest");
    }
}

/// A range of media ports that other tests of this process do not use at the same time.
fn media_ports() -> String {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const PORTS: u16 = 1_600;
    let first = 20_000 + (NEXT.fetch_add(1, Ordering::Relaxed) % 20) * PORTS;
    format!("{first}-{}", first + PORTS - 1)
}
