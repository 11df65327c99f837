//! Programs that nobody here wrote, against a real `tonewall serve`: SIPp, baresip, and the SIP
//! torture messages. docs/INTEROP.md tells what was run against what.
//!
//! `TONEWALL_TEST_INTEROP=long` gives the long forms: every call count and every mutation that the
//! bars name; without it the counts are smaller and everything else is the same.

mod baresip;
mod mail;
mod payment;
mod phone;
mod policy;
mod program;
pub mod sipp;
mod torture;

use crate::support::{Server, ServerPlan, World};
use std::path::PathBuf;
use tonewall_loadtest::customer::TestCard;
use tonewall_loadtest::sandbox::SandboxOptions;

/// The number that SIPp calls when it is told none.
const SERVICE: &str = "service";

/// Digest password of the trunk; nobody but the trunk may ever see it.
const PASSWORD: &str = "interop-trunk-canary-password";

/// The card of these tests. Not the one of all ones: there, the six and four digits that may be kept
/// lie side by side in a row of the ledger and look like its middle.
fn card() -> TestCard {
    TestCard { pan: "4242424242424242".to_owned(), ..TestCard::default() }
}

/// Whether the long forms were asked for.
fn long() -> bool {
    std::env::var("TONEWALL_TEST_INTEROP").is_ok_and(|form| form == "long")
}

/// A folder of material that may lie beside the checkout.
fn beside(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    folder.is_dir().then_some(folder)
}

/// A folder of ours.
fn own(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// A world in which a call to [`SERVICE`] goes on to the carrier's address, which may challenge.
fn world(name: &str, set: &[&str]) -> World {
    let plan = ServerPlan {
        set: set.iter().map(|set| (*set).to_owned()).collect(),
        manifests: vec![
            ("\"+441134960201\"".to_owned(), format!("\"{SERVICE}\"")),
            ("peers = [\"127.0.0.1\"]".to_owned(), "peers = [\"127.0.0.1\", \"127.0.0.99\"]".to_owned()),
            (
                "role = \"carrier_edge\"".to_owned(),
                format!(
                    "role = \"carrier_edge\"\ncalls_per_s_max = 900\ncredential = {{ username = \"tonewall\", password = \"{PASSWORD}\" }}"
                ),
            ),
        ],
        ..ServerPlan::default()
    };
    World::with(name, plan, SandboxOptions::default())
}

/// What the server has written so far.
fn log(world: &World) -> String {
    std::fs::read_to_string(world.folder.path.join("log.txt")).expect("log")
}

/// Ends the server: nothing in it died, and no error was logged.
fn nothing_died(world: &mut World) -> Result<(), String> {
    Server::stop(&mut world.server);
    let log = log(world);
    match log.lines().find(|line| line.contains("panicked") || line.contains("ERROR")) {
        Some(line) => Err(format!("in the log: {line}")),
        None => Ok(()),
    }
}

/// Ends the server, and reads from its last words that no dialog is left. Transactions live on for as
/// long as a peer may retransmit (RFC 3261 §17).
fn nothing_left(world: &mut World) -> Result<(), String> {
    nothing_died(world)?;
    let log = log(world);
    let words = log.lines().rev().find(|line| line.contains("signalling at the end"));
    let words = words.ok_or("no last words")?;
    match words.contains("dialogs=0") {
        true => Ok(()),
        false => Err(format!("left over: {words}")),
    }
}
