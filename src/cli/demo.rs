//! `tonewall demo`: everything at once, on this machine, with nothing to install.

use super::{fail, log, on_system, usage};
use crate::demo::{PlaceCall, Plan, World, config, once};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tonewall_loadtest::party::Keys;
use tonewall_model::tenant::{NumberRoute, Tenant};

/// The tenant whose customer calls.
const TENANT: &str = "harbour";

/// Lines that may wait while a call is placed.
const LINES_MAX: usize = 4;

/// Everything at once on this machine: tenants, gateway, a simulated PBX and customer.
#[derive(Args)]
pub(super) struct Demo {
    /// Place one call, take one payment, say how it went, and end.
    #[arg(long)]
    once: bool,
    /// Say it as one JSON object; without --once: where everything is.
    #[arg(long)]
    json: bool,
    /// How the customer's phone reports keys with --once: inband, 4733 or info.
    #[arg(long, default_value = "inband")]
    keys: String,
    /// Folder of the demo's tenants.
    #[arg(long, default_value = "tenants")]
    tenants: PathBuf,
    /// Folder for the ledger [default: data; with --once: none].
    #[arg(long, conflicts_with = "ephemeral")]
    data: Option<PathBuf>,
    /// Forget the ledger at the end.
    #[arg(long)]
    ephemeral: bool,
    /// Seed of voices, key times and invented customers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Log level. The default leaves out what a demo does on purpose: ending live calls at once.
    #[arg(long, default_value = "warn,rsipstack=error,tonewall::system=error")]
    log: String,
}

/// Where everything is, for a program.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    http: String,
    sip: String,
    metrics: String,
    smtp: String,
}

impl Demo {
    pub(super) fn run(self) -> ExitCode {
        let keys = match self.keys.as_str() {
            "inband" => Keys::InBand,
            "4733" => Keys::Event,
            "info" => Keys::Info,
            _ => return usage("--keys has to be inband, 4733 or info"),
        };
        let forgotten = self.data.is_none() && (self.ephemeral || self.once);
        let folder = match &self.data {
            Some(folder) => folder.clone(),
            None if forgotten => std::env::temp_dir().join(format!("tonewall-demo-{}", std::process::id())),
            None => PathBuf::from("data"),
        };
        let ran = on_system(async |runtime| match self.once {
            true => self.once(runtime, keys, &folder).await,
            false => self.stay(runtime, &folder, forgotten).await,
        });
        if forgotten {
            let _ = std::fs::remove_dir_all(&folder);
        }
        match ran {
            Ok(Ok(true)) => ExitCode::SUCCESS,
            Ok(Ok(false)) => ExitCode::FAILURE,
            Ok(Err(words)) => fail(&words),
            Err(error) => fail(&error.to_string()),
        }
    }

    async fn world(
        &self,
        runtime: &tokio::runtime::Handle,
        folder: &Path,
        grace_s: u32,
    ) -> Result<World, String> {
        let known_ports = !self.once;
        let plan = Plan { tenants: &self.tenants, data: folder, known_ports, grace_s, seed: self.seed };
        let config = config(&plan, &self.log)?;
        log::start(&config.log);
        World::start(&plan, &config, runtime).await
    }

    /// One call; whether everything held.
    async fn once(&self, runtime: tokio::runtime::Handle, keys: Keys, folder: &Path) -> Result<bool, String> {
        let world = self.world(&runtime, folder, 2).await?;
        let told = once::play(&world, TENANT, keys, self.seed, &runtime).await;
        world.end().await;
        let told = told?;
        match (self.json, serde_json::to_string(&told)) {
            (true, Ok(line)) => println!("{line}"),
            _ => println!("{}", told.lines().join("\n")),
        }
        for complaint in &told.complaints {
            eprintln!("tonewall: {complaint}");
        }
        Ok(told.complaints.is_empty())
    }

    /// Stays up until it is told to end; Enter places a call.
    async fn stay(
        &self,
        runtime: tokio::runtime::Handle,
        folder: &Path,
        forgotten: bool,
    ) -> Result<bool, String> {
        let told = |error: std::io::Error| error.to_string();
        let (mut term, mut int) =
            (signal(SignalKind::terminate()).map_err(told)?, signal(SignalKind::interrupt()).map_err(told)?);
        let mut world = self.world(&runtime, folder, 0).await?;
        let director = world.direct().await?;
        self.greet(&world, folder, forgotten)?;
        let mut lines = lines_typed();
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = int.recv() => break,
                Some(()) = lines.recv() => match place(&world) {
                    Ok(words) => println!("{words}"),
                    Err(words) => println!("No call was placed. {words}"),
                },
            }
        }
        world.end().await;
        drop(director);
        Ok(true)
    }

    fn greet(&self, world: &World, folder: &Path, forgotten: bool) -> Result<(), String> {
        if self.json {
            let ready = Ready {
                ready: true,
                http: world.system.http.to_string(),
                sip: world.system.sip.to_string(),
                metrics: world.system.metrics.to_string(),
                smtp: world.mailbox.addr.to_string(),
            };
            println!("{}", serde_json::to_string(&ready).map_err(|error| error.to_string())?);
            return Ok(());
        }
        let kept = match forgotten {
            true => "forgotten at the end".to_owned(),
            false => format!("kept in {}; --ephemeral keeps nothing", folder.display()),
        };
        for line in greeting(world, &kept) {
            println!("{line}");
        }
        Ok(())
    }
}

/// What a person reads first; at most twelve lines.
fn greeting(world: &World, kept: &str) -> Vec<String> {
    let url = world.url();
    let mut lines = vec![format!("Tonewall demo   {url}")];
    for tenant in &world.tenants {
        let Some(agent) = tenant.agents.first() else { continue };
        let name = format!("{}@{}", agent.id, tenant.id);
        lines.push(format!("Sign in         {name}   password {}", once::password(tenant, &agent.id.0)));
    }
    lines.push("Place a call    on the page after signing in; Enter places one here".to_owned());
    if let Some(dial) = world.tenant(TENANT).and_then(|tenant| speed_dial(tenant)) {
        lines.push(format!("Speed dial      {dial}, which the simulated PBX dials for you"));
    }
    lines.extend([
        "Test cards      4263970000005262 approved, 4000000000009995 declined; 12/30, any code but 200"
            .to_owned(),
        format!("Receipts        {url}/dev/mail"),
        format!("SIP             {} for phones of this machine", world.system.sip),
        format!("Metrics         http://{}/metrics", world.system.metrics),
        format!("Data            {kept}"),
        "Ctrl-C ends it.".to_owned(),
    ]);
    lines
}

fn speed_dial(tenant: &Tenant) -> Option<String> {
    let number = tenant.numbers.iter().find(|number| matches!(number.route, NumberRoute::OnDemand { .. }))?;
    let agent = tenant.agents.first()?;
    Some(format!("{} and {}'s PIN {}", number.number, agent.name, agent.pin.expose()))
}

/// A call for the first agent of the demo's tenant.
fn place(world: &World) -> Result<String, String> {
    let tenant = world.tenant(TENANT).ok_or("The demo's organisation is missing.")?;
    let agent = tenant.agents.first().ok_or("The demo's organisation has no agent.")?;
    let wanted = PlaceCall {
        tenant: tenant.id.clone(),
        agent: agent.id.clone(),
        behaviour: String::new(),
        card: String::new(),
        caller: None,
    };
    world.controls.place(wanted).map_err(|why| why.to_string())?;
    Ok(format!("A customer is calling {}: see {}/desk", agent.name, world.url()))
}

/// One message for each line that is typed. The end of the input ends nothing: a demo in the
/// background has none.
fn lines_typed() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(LINES_MAX);
    // A thread of its own that nobody waits for: reading a terminal cannot be interrupted.
    let reading = std::thread::Builder::new().name("tonewall-keys".to_owned()).spawn(move || {
        let mut line = String::new();
        while matches!(std::io::stdin().read_line(&mut line), Ok(1..)) {
            line.clear();
            if sender.blocking_send(()).is_err() {
                return;
            }
        }
    });
    drop(reading);
    receiver
}
