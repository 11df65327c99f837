//! Thin shells: `migrate`, `call`, `sandbox`.

use super::{fail, on_runtime, usage};
use crate::tenancy::{Secrets, load};
use clap::Args;
use std::net::SocketAddr;
use std::path::Path;
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

/// The sandbox gateway, with the merchants of the tenants of a folder besides its own.
pub(super) fn sandbox(listen: SocketAddr, tenants: &Path) -> ExitCode {
    let mut options = SandboxOptions::default();
    if tenants.is_dir() {
        match load(tenants, &Secrets::from_environment()) {
            Ok(tenants) => options.merchants.extend(
                tenants.iter().map(|t| (t.gateway.merchant.clone(), t.gateway.secret.expose().clone())),
            ),
            Err(problems) => return usage(problems),
        }
    }
    on_runtime(async move {
        match sandbox::serve(listen, options).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("sandbox on {listen}: {error}")),
        }
    })
}
