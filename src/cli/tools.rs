//! Thin shells: `migrate`, `call`, `sandbox`.

use super::{fail, on_runtime};
use clap::Args;
use std::net::SocketAddr;
use std::process::ExitCode;
use tonewall_loadtest::cli::Load;
use tonewall_loadtest::sandbox::{self, SandboxOptions};

/// A simulated customer, PBX and agent against a running `serve`.
#[derive(Args)]
pub(super) struct Call {
    #[command(flatten)]
    load: Load,
}

impl Call {
    pub(super) fn run(self) -> ExitCode {
        on_runtime(async move { self.load.run().await })
    }
}

pub(super) fn migrate(url: &str) -> ExitCode {
    on_runtime(async {
        match tonewall_store::migrate(url).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("database: {error}")),
        }
    })
}

pub(super) fn sandbox(listen: SocketAddr) -> ExitCode {
    on_runtime(async move {
        match sandbox::serve(listen, SandboxOptions::default()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("sandbox on {listen}: {error}")),
        }
    })
}
