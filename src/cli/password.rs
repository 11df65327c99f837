//! `tonewall password`: the hash of a password for a manifest.

use super::{fail, usage};
use crate::tenancy::{NoHash, hash_password};
use std::io::Read;
use std::process::ExitCode;
use tonewall_secret::Secret;

/// Longest input in bytes that is looked at; the longest password has 512.
const INPUT_BYTES_MAX: u64 = 1024;

/// Reads one line from standard input, so that the password stands in no list of processes and in no
/// history of a shell, and prints its hash.
pub(super) fn run() -> ExitCode {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut text = String::with_capacity(INPUT_BYTES_MAX as usize);
    if let Err(error) = std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_string(&mut text) {
        return fail(&format!("the password cannot be read: {error}"));
    }
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    match hash_password(&Secret::new(text)) {
        Ok(hash) => {
            println!("{hash}");
            ExitCode::SUCCESS
        }
        Err(error @ NoHash::Unfit) => usage(format!("tonewall: {error}")),
        Err(error @ NoHash::System) => fail(&error.to_string()),
    }
}
