//! `tonewall demo`: everything at once, on this machine, with nothing to install.

use super::{fail, log, on_system, usage};
use crate::config::{Config, ConfigArgs};
use crate::system::System;
use crate::tenancy::{Overrides, Secrets, Tenants, load_with};
use clap::Args;
use serde::Serialize;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonewall_loadtest::customer::{Behaviour, Purchase, TestCard};
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::party::Keys;
use tonewall_loadtest::run::{CallRecord, LoadPlan, LoadReport, Route, run};
use tonewall_loadtest::sandbox::{SandboxGateway, SandboxOptions};
use tonewall_loadtest::voice::Press;
use tonewall_model::tenant::{NumberRoute, Tenant};

/// The tenant whose customer calls.
const TENANT: &str = "harbour";

/// Everything at once on this machine: tenants, gateway, a simulated PBX and customer.
#[derive(Args)]
pub(super) struct Demo {
    /// Place one call, take one payment, say how it went, and end.
    #[arg(long)]
    once: bool,
    /// Say it as one JSON object.
    #[arg(long)]
    json: bool,
    /// How the customer's phone reports keys: inband, 4733 or info.
    #[arg(long, default_value = "inband")]
    keys: String,
    /// Folder of the demo's tenants.
    #[arg(long, default_value = "tenants")]
    tenants: PathBuf,
    /// Folder for the ledger; without it the ledger is forgotten at the end.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Seed of the customer's voice and key times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Log level.
    #[arg(long, default_value = "warn")]
    log: String,
}

#[derive(Serialize)]
struct Told {
    call_id: Option<String>,
    route: Option<String>,
    secured_ms: Option<f64>,
    card: ToldCard,
    payment: ToldPayment,
    receipt: Option<()>,
    leak: ToldLeak,
    key_to_event_ms_p95: Option<f64>,
    supervisor: ToldSupervisor,
}

#[derive(Serialize)]
struct ToldCard {
    brand: Option<String>,
    last4: Option<String>,
    expiry: Option<String>,
}

#[derive(Serialize)]
struct ToldPayment {
    outcome: Option<String>,
    auth_code: Option<String>,
    attempt_id: Option<String>,
    amount_minor: i64,
    currency: String,
}

/// From listening to what reached the agent's RTP port; the control is the same listener on what
/// left the customer's, and is null unless it heard every key.
#[derive(Serialize)]
struct ToldLeak {
    digits_keyed: usize,
    digits_recovered: usize,
    residual_ms: f64,
    control_recovered: Option<usize>,
}

#[derive(Serialize)]
struct ToldSupervisor {
    crashed: u64,
}

impl Demo {
    pub(super) fn run(self) -> ExitCode {
        let keys = match self.keys.as_str() {
            "inband" => Keys::InBand,
            "4733" => Keys::Event,
            "info" => Keys::Info,
            _ => return usage("--keys has to be inband, 4733 or info"),
        };
        let scratch = self
            .data
            .clone()
            .unwrap_or_else(|| std::env::temp_dir().join(format!("tonewall-demo-{}", std::process::id())));
        let ran = on_system(async |runtime| self.play(runtime, keys, &scratch).await);
        if self.data.is_none() {
            let _ = std::fs::remove_dir_all(&scratch);
        }
        match ran {
            Ok(Ok(true)) => ExitCode::SUCCESS,
            Ok(Ok(false)) => ExitCode::FAILURE,
            Ok(Err(words)) => fail(&words),
            Err(error) => fail(&error.to_string()),
        }
    }

    async fn play(
        &self,
        runtime: tokio::runtime::Handle,
        keys: Keys,
        folder: &std::path::Path,
    ) -> Result<bool, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        std::fs::create_dir_all(folder).map_err(|error| words(&error))?;
        let pbx = free_port().map_err(|error| words(&error))?;
        let gateway_options = SandboxOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            merchants: Vec::new(),
            ..SandboxOptions::default()
        };
        let tenants = self.tenants(pbx, None)?;
        let merchants =
            tenants.iter().map(|t| (t.gateway.merchant.clone(), t.gateway.secret.expose().clone()));
        let gateway =
            SandboxGateway::start(SandboxOptions { merchants: merchants.collect(), ..gateway_options })
                .map_err(|error| words(&error))?;
        let tenants = self.tenants(pbx, Some(format!("http://{}", gateway.addr)))?;
        let config = self.config(folder)?;
        log::start(&config.log);
        let system = System::start(&config, Arc::new(Tenants::new(tenants.clone())), runtime.clone())
            .await
            .map_err(|error| words(&error))?;
        if !self.once {
            println!("SIP {}, API http://{}, gateway {}", system.sip, system.http, gateway.url());
            println!("Enter places a call, end of input or Ctrl-C ends.");
        }
        let mut good = true;
        let mut number = 0;
        while number == 0 || (!self.once && another_is_wanted(&runtime).await) {
            let mut plan = self.plan(&tenants, &system, pbx, keys)?;
            number += 1;
            plan.purchase.account = format!("INV-{}", 1_000 + number);
            good &= self.call(&runtime, &system, plan).await?;
        }
        system.drain().await;
        gateway.stop();
        Ok(good)
    }

    /// One call with one payment; whether everything held.
    async fn call(
        &self,
        runtime: &tokio::runtime::Handle,
        system: &System,
        plan: LoadPlan,
    ) -> Result<bool, String> {
        let purchase = plan.purchase.clone();
        let report = runtime.spawn(async move { run(plan).await }).await;
        let report = report.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let crashed = system.desk.around().registry.totals.crashed.load(Ordering::Relaxed);
        self.tell(&report, &purchase, crashed);
        Ok(report.is_clean() && crashed == 0 && approved(&report))
    }

    fn tenants(&self, pbx: SocketAddr, gateway: Option<String>) -> Result<Vec<Arc<Tenant>>, String> {
        let mut overrides = Overrides { gateway_url: gateway, ..Overrides::default() };
        overrides.trunk_address.insert((TENANT.to_owned(), "pbx".to_owned()), pbx);
        load_with(&self.tenants, &Secrets::from_environment(), &overrides).map_err(|p| p.to_string())
    }

    fn plan(
        &self,
        tenants: &[Arc<Tenant>],
        system: &System,
        pbx: SocketAddr,
        keys: Keys,
    ) -> Result<LoadPlan, String> {
        let tenant = tenants.iter().find(|t| t.id.as_str() == TENANT).ok_or("the demo tenant is missing")?;
        let number = tenant.numbers.iter().find(|n| matches!(n.route, NumberRoute::OnDemand { .. }));
        let (Some(number), Some(agent)) = (number, tenant.agents.first()) else {
            return Err("the demo tenant has no number or no agent".to_owned());
        };
        Ok(LoadPlan {
            calls: 1,
            rate_per_s: 1.0,
            keys,
            press: Press::default(),
            terminator: Some('*'),
            secs: 1.0,
            stay_secured_secs: 0.5,
            route: Route::OnDemand { dial: format!("{}{}", number.number, agent.pin.expose()) },
            sip: system.sip,
            pbx_bind: pbx,
            carrier_bind: None,
            api: format!("http://{}", system.http),
            token: tenant.api_token.expose().clone(),
            law: Law::A,
            seed: self.seed,
            take_payment: true,
            card: TestCard::default(),
            purchase: Purchase::default(),
            behaviour: Behaviour::Normal,
        })
    }

    fn tell(&self, report: &LoadReport, purchase: &Purchase, crashed: u64) {
        let none = CallRecord::default();
        let call = report.per_call.first().unwrap_or(&none);
        let told = Told {
            call_id: call.call_id.clone(),
            route: call.route.clone(),
            secured_ms: call.heard.secured_ms,
            card: ToldCard {
                brand: call.brand.clone(),
                last4: call.last4.clone(),
                expiry: call.expiry.clone(),
            },
            payment: ToldPayment {
                outcome: call.outcome.clone(),
                auth_code: call.auth_code.clone(),
                attempt_id: call.attempt_id.clone(),
                amount_minor: purchase.amount_minor,
                currency: purchase.currency.clone(),
            },
            receipt: None,
            leak: ToldLeak {
                digits_keyed: report.digits_keyed,
                digits_recovered: report.digits_recovered,
                residual_ms: report.residual_ms,
                control_recovered: report.control_recovered,
            },
            key_to_event_ms_p95: None,
            supervisor: ToldSupervisor { crashed },
        };
        if let Some(why) = &call.failed {
            eprintln!("tonewall: the call failed: {why}");
        }
        match (self.json, serde_json::to_string(&told)) {
            (true, Ok(line)) => println!("{line}"),
            _ => print_plain(&told),
        }
    }
}

/// Waits for a line on standard input; `false` at its end, or when the process is told to end.
async fn another_is_wanted(runtime: &tokio::runtime::Handle) -> bool {
    let line = runtime.spawn_blocking(|| {
        let mut line = String::new();
        matches!(std::io::stdin().read_line(&mut line), Ok(1..))
    });
    tokio::select! {
        wanted = line => wanted.unwrap_or(false),
        _ = tokio::signal::ctrl_c() => false,
    }
}

fn approved(report: &LoadReport) -> bool {
    report.per_call.iter().all(|call| call.outcome.as_deref() == Some("approved"))
}

fn print_plain(told: &Told) {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.0}"));
    println!("call      {} ({})", text(&told.call_id), text(&told.route));
    println!("secured   after {} ms", number(told.secured_ms));
    println!(
        "card      {} ending {}, {}",
        text(&told.card.brand),
        text(&told.card.last4),
        text(&told.card.expiry)
    );
    println!("payment   {}, code {}", text(&told.payment.outcome), text(&told.payment.auth_code));
    println!(
        "leak      {} keys pressed, {} recovered at the agent's port, control {}",
        told.leak.digits_keyed,
        told.leak.digits_recovered,
        told.leak.control_recovered.map_or("failed".to_owned(), |n| n.to_string())
    );
}

impl Demo {
    fn config(&self, folder: &std::path::Path) -> Result<Config, String> {
        let set = vec![
            "sip.listen=127.0.0.1:0".to_owned(),
            "http.listen=127.0.0.1:0".to_owned(),
            format!("database.url=sqlite://{}/tonewall.db?mode=rwc", folder.display()),
            "drain.grace_s=2".to_owned(),
            format!("log.level={}", self.log),
        ];
        let layers = ConfigArgs { config: None, set };
        Config::load(&layers, std::iter::empty(), &Secrets::from_environment())
            .map_err(|problems| problems.to_string())
    }
}

/// A port that is free now; the simulated PBX takes it a moment later.
fn free_port() -> std::io::Result<SocketAddr> {
    UdpSocket::bind(("127.0.0.1", 0))?.local_addr()
}
