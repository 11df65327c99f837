//! `tonewall tenant check` and `tonewall config …`.

use super::usage;
use crate::config::{Config, ConfigArgs};
use crate::tenancy::{Secrets, load};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn tenants(folder: &Path) -> ExitCode {
    match load(folder, &Secrets::from_environment()) {
        Ok(tenants) => {
            for tenant in tenants {
                println!(
                    "{}: {}, {} agents, {} numbers",
                    tenant.id,
                    tenant.name,
                    tenant.agents.len(),
                    tenant.numbers.len()
                );
            }
            ExitCode::SUCCESS
        }
        Err(problems) => usage(problems),
    }
}

pub(super) fn config(layers: &ConfigArgs) -> ExitCode {
    match Config::load(layers, std::env::vars_os(), &Secrets::from_environment()) {
        Ok(_) => {
            println!("the configuration is right");
            ExitCode::SUCCESS
        }
        Err(problems) => usage(problems),
    }
}

pub(super) fn example() -> ExitCode {
    print!("{}", Config::example());
    ExitCode::SUCCESS
}
