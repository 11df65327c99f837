//! Command line of the load test and of the sandbox gateway.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tonewall_loadtest::cli::Load;
use tonewall_loadtest::sandbox;

/// Simulated customers, PBX and agents against a running service.
#[derive(Parser)]
#[command(name = "loadtest", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    load: Load,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the sandbox payment gateway.
    Sandbox {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Sandbox { listen }) => {
            match sandbox::serve(listen, sandbox::SandboxOptions::default()).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("sandbox on {listen}: {error}");
                    ExitCode::FAILURE
                }
            }
        }
        None => cli.load.run().await,
    }
}
