//! The command line: one file a command.

mod check;
mod demo;
mod dtmf;
mod evidence;
mod log;
mod mask;
mod password;
mod ready;
mod recording;
mod serve;
mod tools;
mod wav;

use clap::{Parser, Subcommand};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code for a configuration that cannot be used (`EX_USAGE` of sysexits).
const EX_USAGE: u8 = 64;

/// Exit code for a file whose content cannot be used (`EX_DATAERR` of sysexits).
const EX_DATAERR: u8 = 65;

/// Card payments by keypad on live phone calls, without a digit reaching agent, recording or systems.
#[derive(Parser)]
#[command(name = "tonewall", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take calls.
    Serve(serve::Serve),
    /// Everything at once on this machine: tenants, gateway, a simulated PBX and customer.
    Demo(demo::Demo),
    /// Bring the database to this version's tables.
    Migrate {
        /// sqlite:// or postgres:// URL.
        #[arg(long)]
        database: String,
    },
    /// Manifests of organisations.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Reads an agent's password from standard input and prints its hash for a manifest.
    Password,
    /// The configuration of `serve`.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// What was observed of calls: keys, exports, and whether they hold.
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    /// A simulated customer, PBX and agent against a running `serve`.
    Call(Box<tools::Call>),
    /// The sandbox payment gateway alone.
    Sandbox {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
        /// Folder of tenants whose merchants it knows.
        #[arg(long, default_value = "tenants")]
        tenants: PathBuf,
    },
    /// Prints a line `file samples_given digit` for each key in 8 kHz mono WAV files.
    Dtmf {
        /// PCM of 8 or 16 bits, A-law or µ-law.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Passes a G.711 stream through a secured line; input and output are of equal length.
    Mask(mask::Mask),
}

#[derive(Subcommand)]
enum TenantCommand {
    /// Checks every manifest of a folder and says all that is wrong.
    Check {
        /// The folder.
        #[arg(default_value = "tenants")]
        folder: PathBuf,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Checks a configuration file with the environment and says all that is wrong.
    Check(crate::config::ConfigArgs),
    /// Prints a configuration file with every key and its default.
    Example,
}

pub(crate) use evidence::write_key;

/// The one TLS provider, before anything can open a connection. Installing it twice is harmless.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Carries a command out.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Migrate { database } => tools::migrate(&database),
        Command::Tenant(TenantCommand::Check { folder }) => check::tenants(&folder),
        Command::Password => password::run(),
        Command::Config(ConfigCommand::Check(layers)) => check::config(&layers),
        Command::Config(ConfigCommand::Example) => check::example(),
        Command::Evidence(evidence) => evidence.run(),
        Command::Call(call) => call.run(),
        Command::Sandbox { listen, tenants } => tools::sandbox(listen, &tenants),
        Command::Dtmf { files } => dtmf::run(&files),
        Command::Mask(mask) => mask.run(),
    }
}

/// Runs `work` on this thread's actix system, with a multi-thread runtime beside it for all that
/// awaits away from the arbiters.
fn on_system<T>(work: impl AsyncFnOnce(tokio::runtime::Handle) -> T) -> Result<T, std::io::Error> {
    /// Signalling, HTTP clients and the ledger's pool: two cores' worth.
    const WORKERS: usize = 2;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("tonewall-io")
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    let done = actix_rt::System::new().block_on(work(handle));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    Ok(done)
}

/// Runs `work` on a runtime of its own: commands that need no actor.
fn on_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => fail(&format!("no runtime: {error}")),
    }
}

fn fail(words: &str) -> ExitCode {
    eprintln!("tonewall: {words}");
    ExitCode::FAILURE
}

fn usage(problems: impl std::fmt::Display) -> ExitCode {
    eprintln!("{problems}");
    ExitCode::from(EX_USAGE)
}
