//! `tonewall serve`.

use super::{fail, log, on_system, ready, usage};
use crate::config::{Config, ConfigArgs};
use crate::system::System;
use crate::tenancy::{Secrets, Tenants, load, suits};
use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Take calls.
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    layers: ConfigArgs,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let secrets = Secrets::from_environment();
        let config = match Config::load(&self.layers, std::env::vars_os(), &secrets) {
            Ok(config) => config,
            Err(problems) => return usage(problems),
        };
        let tenants = match load(&config.tenants_dir, &secrets) {
            Ok(tenants) => tenants,
            Err(problems) => return usage(problems),
        };
        if let Err(problems) = suits(&tenants, config.tap_folder.as_deref()) {
            return usage(problems);
        }
        let tenants = Arc::new(Tenants::new(tenants));
        log::start(&config.log);
        let served = on_system(async |runtime| {
            let system = System::start(&config, tenants, runtime).await.map_err(|error| error.to_string())?;
            ready::tell(&system);
            wait_for_the_end().await.map_err(|error| error.to_string())?;
            system.drain().await;
            Ok::<(), String>(())
        });
        match served {
            Ok(Ok(())) => ExitCode::SUCCESS,
            Ok(Err(words)) => fail(&words),
            Err(error) => fail(&error.to_string()),
        }
    }
}

/// SIGTERM or SIGINT.
async fn wait_for_the_end() -> std::io::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}
