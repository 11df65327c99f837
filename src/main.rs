//! argv → configuration → system → drain.

#![forbid(unsafe_code)]

use clap::Parser;
use std::process::ExitCode;
use tonewall::cli::{Cli, run};

/// Every block is wiped before it is freed: it catches the copies that libraries make of a card.
#[global_allocator]
static HEAP: tonewall_secret::wipe::Wiping = tonewall_secret::wipe::Wiping;

fn main() -> ExitCode {
    tonewall::cli::install_tls();
    tonewall::harden::no_dumps();
    tonewall::harden::quiet_panics();
    run(Cli::parse())
}
