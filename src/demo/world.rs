//! Everything that the demo consists of: the outside parties, and the product among them.

use super::{Controls, Director};
use crate::cli::write_key;
use crate::config::{Config, ConfigArgs};
use crate::system::System;
use crate::tenancy::{Overrides, Secrets, Tenants, load_with};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tonewall_loadtest::crm::{SandboxCrm, SandboxCrmOptions};
use tonewall_loadtest::mailbox::Mailbox;
use tonewall_loadtest::sandbox::{SandboxGateway, SandboxOptions};
use tonewall_model::ids::TenantId;
use tonewall_model::tenant::{Crm, Tenant};

/// Number of the first invoice of a ledger that is new.
const FIRST_ACCOUNT: u32 = 1_001;

/// Where pages and API are, where SIP is, and where metrics are, if nobody else is there.
const HTTP_PORT: u16 = 8080;
const SIP_PORT: u16 = 5060;
const METRICS_PORT: u16 = 9464;

/// How a demo is set up.
pub struct Plan<'a> {
    /// Folder of manifests.
    pub tenants: &'a Path,
    /// Folder of the ledger.
    pub data: &'a Path,
    /// Whether the well-known ports are taken where they are free; else any.
    pub known_ports: bool,
    /// How long live calls may go on when it ends, seconds.
    pub grace_s: u32,
    /// Seed of voices, key times and invented customers.
    pub seed: u64,
}

/// A running demo.
pub struct World {
    /// The product.
    pub system: System,
    /// Its tenants.
    pub tenants: Vec<Arc<Tenant>>,
    /// Where each tenant's simulated PBX is.
    pub pbx: BTreeMap<TenantId, SocketAddr>,
    /// The sandbox CRM.
    pub crm: Option<SandboxCrm>,
    /// The mailbox.
    pub mailbox: Arc<Mailbox>,
    /// What pages may ask of it.
    pub controls: Controls,
    gateway: SandboxGateway,
    wanted: Option<tokio::sync::mpsc::Receiver<super::Wanted>>,
    seed: u64,
}

impl World {
    /// Starts all of it; on a thread of the actix system, with `runtime` for all that awaits.
    ///
    /// # Errors
    /// In words for a person.
    pub async fn start(plan: &Plan<'_>, config: &Config, runtime: &Handle) -> Result<World, String> {
        let secrets = Secrets::from_environment();
        let tenants =
            load_with(plan.tenants, &secrets, &Overrides::default()).map_err(|error| error.to_string())?;
        let mut pbx = BTreeMap::new();
        for tenant in &tenants {
            pbx.insert(tenant.id.clone(), free_udp().map_err(not("port of a simulated PBX"))?);
        }
        let merchants =
            tenants.iter().map(|t| (t.gateway.merchant.clone(), t.gateway.secret.expose().clone()));
        let gateway = SandboxGateway::start(SandboxOptions {
            merchants: merchants.collect(),
            seed: plan.seed,
            ..SandboxOptions::default()
        })
        .map_err(not("sandbox gateway"))?;
        let crm = crm(&tenants, plan)?;
        let mailbox = config.mail.as_ref().map(|mail| mail.port).unwrap_or_default();
        let mailbox = Mailbox::listen(loopback(mailbox)).map_err(not("mailbox"))?;
        let trunks = tenants.iter().flat_map(|tenant| {
            let address = pbx[&tenant.id];
            let name = |trunk: &str| (tenant.id.as_str().to_owned(), trunk.to_owned());
            tenant.trunks.iter().map(move |trunk| (name(&trunk.id), address))
        });
        let overrides = Overrides {
            trunk_address: trunks.collect(),
            gateway_url: Some(gateway.url()),
            crm_url: crm.as_ref().map(SandboxCrm::url),
        };
        let tenants = load_with(plan.tenants, &secrets, &overrides).map_err(|error| error.to_string())?;
        let mailbox = Arc::new(mailbox);
        let (controls, wanted) = Controls::new(Arc::clone(&mailbox));
        let shown = Arc::new(Tenants::new(tenants.clone()));
        let system = System::start_with(config, shown, runtime.clone(), Some(controls.clone()))
            .await
            .map_err(|error| error.to_string())?;
        let wanted = Some(wanted);
        Ok(World { system, tenants, pbx, crm, mailbox, controls, gateway, wanted, seed: plan.seed })
    }

    /// Base URL of pages and API.
    pub fn url(&self) -> String {
        format!("http://{}", self.system.http)
    }

    /// One of its tenants.
    pub fn tenant(&self, slug: &str) -> Option<&Arc<Tenant>> {
        self.tenants.iter().find(|tenant| tenant.id.as_str() == slug)
    }

    /// The token with which a tenant's CRM is asked.
    pub fn crm_token(tenant: &Tenant) -> Option<&str> {
        match &tenant.crm {
            Crm::Rest { token, .. } => Some(token.expose()),
            Crm::None => None,
        }
    }

    /// Opens the simulated phones and has the customers call that pages ask for.
    ///
    /// # Errors
    /// In words for a person; also when it was done before.
    pub async fn direct(&mut self) -> Result<Director, String> {
        let wanted = self.wanted.take().ok_or("the customers are being directed already")?;
        Director::start(&self.tenants, &self.pbx, &self.system, self.seed, wanted).await
    }

    /// Ends it: the product first, so that its last words find somebody.
    pub async fn end(self) {
        self.system.drain().await;
        self.gateway.stop();
    }
}

fn crm(tenants: &[Arc<Tenant>], plan: &Plan<'_>) -> Result<Option<SandboxCrm>, String> {
    let accounts = tenants
        .iter()
        .filter_map(|tenant| Some((tenant.currency.code().to_owned(), World::crm_token(tenant)?.to_owned())));
    let accounts: Vec<_> = accounts.collect();
    if accounts.is_empty() {
        return Ok(None);
    }
    let first_account = first_account(plan.data.join(LEDGER).exists());
    let options = SandboxCrmOptions {
        tenants: accounts,
        seed: plan.seed,
        first_account,
        ..SandboxCrmOptions::default()
    };
    SandboxCrm::start(options).map(Some).map_err(not("sandbox CRM"))
}

/// The ledger remembers what was paid in earlier runs, the sandbox CRM does not: a number by the
/// minute keeps its invoices from looking paid already.
fn first_account(ledger_is_old: bool) -> u32 {
    let minutes =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 60) % 80_000;
    if ledger_is_old { 10_000 + u32::try_from(minutes).unwrap_or(0) } else { FIRST_ACCOUNT }
}

/// The ledger's file in the data folder.
const LEDGER: &str = "tonewall.db";

/// The key file in the data folder.
const EVIDENCE_KEY: &str = "evidence.key";

/// The configuration of a demo: of `serve`, with everything on this machine.
///
/// # Errors
/// In words for a person.
pub fn config(plan: &Plan<'_>, log: &str) -> Result<Config, String> {
    std::fs::create_dir_all(plan.data).map_err(not("folder of the ledger"))?;
    let port = |known: u16| match plan.known_ports && is_free(known) {
        true => known,
        false => 0,
    };
    let mail = free_tcp().map_err(not("port of the mailbox"))?;
    let set = vec![
        format!("sip.listen={}", loopback(port(SIP_PORT))),
        format!("http.listen={}", loopback(port(HTTP_PORT))),
        format!("metrics.listen={}", loopback(port(METRICS_PORT))),
        format!("mail.smtp={mail}"),
        "mail.tls=none".to_owned(),
        "mail.from=receipts@tonewall.example".to_owned(),
        format!("database.url=sqlite://{}?mode=rwc", plan.data.join(LEDGER).display()),
        format!("evidence.key=file:{}", evidence_key(plan.data)?.display()),
        format!("drain.grace_s={}", plan.grace_s),
        format!("log.level={log}"),
    ];
    let layers = ConfigArgs { config: None, set };
    Config::load(&layers, std::iter::empty(), &Secrets::from_environment())
        .map_err(|problems| problems.to_string())
}

/// The key that signs the demo's evidence; made when the ledger's folder has none.
fn evidence_key(data: &Path) -> Result<PathBuf, String> {
    let path = std::path::absolute(data.join(EVIDENCE_KEY)).map_err(not("folder of the ledger"))?;
    if !path.exists() {
        write_key(&path).map_err(|words| format!("key for evidence: {words}"))?;
    }
    Ok(path)
}

fn not(what: &str) -> impl FnOnce(std::io::Error) -> String + '_ {
    move |error| format!("{what}: {error}")
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Nobody listens there now, over TCP or UDP.
fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok() && UdpSocket::bind(loopback(port)).is_ok()
}

/// A port that is free now; who asked for it takes it a moment later.
fn free_udp() -> std::io::Result<SocketAddr> {
    UdpSocket::bind(loopback(0))?.local_addr()
}

fn free_tcp() -> std::io::Result<SocketAddr> {
    TcpListener::bind(loopback(0))?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invoices_of_a_later_run_have_other_numbers() {
        assert_eq!(first_account(false), FIRST_ACCOUNT);
        assert!((10_000..90_000).contains(&first_account(true)));
    }
}
