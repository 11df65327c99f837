//! The SIPp cases: call flows between two SIPps with Tonewall in the middle.
//!
//! Two independent sets of scenarios: one that may lie beside the checkout, and our own.

use super::program::{Program, bound, media_port};
use super::{beside, long, nothing_left, own, policy, world};
use crate::support::{World, free_address};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What SIPp says may take; each process also has limits of its own below this.
const RUN_MAX: Duration = Duration::from_secs(100);

/// Calls of an ordinary case.
const CALLS: u32 = 10;

/// One case: what the caller and the callee run.
struct Case {
    /// As docs/INTEROP.md numbers them.
    number: &'static str,
    caller: &'static str,
    callee: &'static str,
    /// Further arguments.
    caller_args: &'static [&'static str],
    callee_args: &'static [&'static str],
    calls: u32,
}

const fn case(number: &'static str, caller: &'static str, callee: &'static str) -> Case {
    Case { number, caller, callee, caller_args: &[], callee_args: &[], calls: CALLS }
}

/// What SIPp has built in.
const BUILT_IN: [&str; 2] = ["uac", "uas"];

/// The scenarios beside the checkout; where they name no callee, one of ours answers.
const BESIDE: &[Case] = &[
    case("1, 2", "uac_cancel", "uas_ring_cancelled"),
    case("3", "uac_cancel", "uas_cancel_crosses_200"),
    case("4", "uac_mid_dialog", "uas_takes_all"),
    Case { caller_args: &["-t", "t1"], ..case("4 TCP", "uac_mid_dialog", "uas_takes_all") },
    case("5", "uac_reinvite", "uas_reinvite"),
    case("6", "uac_refer", "uas_answers"),
    Case { callee_args: &["-d", "700"], calls: 5, ..case("7", "uac_early_info", "uas_answers") },
    case("8", "uac_bye_before_ack", "uas_answers"),
    case("9", "uac_reinvite_no_ack_bye", "uas_takes_all"),
    case("10", "uac_late_offer", "uas_answers"),
    Case { calls: 3, ..case("12", "uac_require_100rel", "") },
    case("13", "uac", "uas_407_md5"),
    case("14", "uac", "uas_407_md5_then_sha256"),
    case("15", "uac", "uas_407_sha256_then_md5"),
];

const MD5: &str =
    r#"Proxy-Authenticate: Digest realm="r.example", nonce="canary-nonce-7c1", algorithm=MD5, qop="auth""#;
const SHA256: &str = r#"Proxy-Authenticate: Digest realm="r.example", nonce="canary-nonce-7c1", algorithm=SHA-256, qop="auth""#;
const MD5_SHA256: &str = concat!(
    r#"Proxy-Authenticate: Digest realm="r.example", nonce="canary-nonce-7c1", algorithm=MD5, qop="auth""#,
    "\r\n",
    r#"Proxy-Authenticate: Digest realm="r.example", nonce="canary-nonce-7c2", algorithm=SHA-256, qop="auth""#
);
const SHA256_MD5: &str = concat!(
    r#"Proxy-Authenticate: Digest realm="r.example", nonce="canary-nonce-7c2", algorithm=SHA-256, qop="auth""#,
    "\r\n",
    r#"Proxy-Authenticate: Digest realm="r.example", nonce="canary-nonce-7c1", algorithm=MD5, qop="auth""#
);

/// Our own scenarios.
const OWN: &[Case] = &[
    case("1, 2", "uac_cancel", "uas_rings"),
    case("3", "uac_cancel", "uas_answer_crosses_cancel"),
    case("4", "uac_in_dialog", "uas_takes_all"),
    Case { caller_args: &["-t", "t1"], ..case("4 TCP", "uac_in_dialog", "uas_takes_all") },
    case("5", "uac_hold", "uas_hold"),
    case("6", "uac_refer", "uas_answers"),
    Case { callee_args: &["-d", "700"], calls: 5, ..case("7", "uac_info_early", "uas_answers") },
    // Without -nr SIPp would swallow a repeated 200, and the case could not fail.
    Case { caller_args: &["-nr"], ..case("8", "uac_bye_before_ack", "uas_answers") },
    case("9", "uac_bye_in_reinvite", "uas_takes_all"),
    case("10", "uac_late_offer", "uas_answers"),
    Case { calls: 3, ..case("12", "uac_require_100rel", "") },
    challenged("13", &["-key", "challenges", MD5, "-key", "algorithm", "MD5"]),
    challenged("14", &["-key", "challenges", MD5_SHA256, "-key", "algorithm", "MD5"]),
    challenged("15", &["-key", "challenges", SHA256_MD5, "-key", "algorithm", "MD5"]),
    Case {
        caller_args: &["-nr"],
        callee_args: &["-d", "1200"],
        ..case("18", "uac_repeat_invite", "uas_answers")
    },
    challenged("19", &["-key", "challenges", SHA256, "-key", "algorithm", "SHA-256"]),
];

const fn challenged(number: &'static str, callee_args: &'static [&'static str]) -> Case {
    Case { callee_args, ..case(number, "uac", "uas_challenge") }
}

/// What takes as long as timers say: run with short ones.
const TIMED: Case = Case { calls: 2, ..case("11", "uac_no_ack", "uas_answers") };

/// Many calls, by what SIPp has built in: 10 % of its packets lost, and TCP.
///
/// A SIPp that lost its ACK and its BYE takes the next 200 to its INVITE for the one to its BYE and is
/// content; only 64×T1 ends the call of the callee, who has to wait for longer than that.
fn bulk() -> Vec<Case> {
    let (lossy, tcp) = if long() { (300, 600) } else { (60, 60) };
    let built_in = |number, caller_args, calls| Case { caller_args, calls, ..case(number, "uac", "uas") };
    let patient: &[&str] = &["-recv_timeout", "45000"];
    let lost = &["-lost", "10", "-r", "20", "-l", "100"];
    vec![
        Case { callee_args: patient, ..built_in("16", lost, lossy) },
        built_in("17 one socket", &["-t", "t1", "-r", "200", "-l", "200"], tcp),
        built_in("17 a socket each", &["-t", "tn", "-max_socket", "700", "-r", "200", "-l", "200"], tcp),
    ]
}

/// Runs a case with the scenarios of `folder`, and of ours where it has none of that name.
async fn run(world: &World, folder: &Path, case: &Case) -> Result<(), String> {
    let place = world.folder.path.join("sipp").join(case.number.replace([',', ' '], "_"));
    std::fs::create_dir_all(&place).expect("folder");
    let calls = case.calls.to_string();
    let mut callee = None;
    if !case.callee.is_empty() {
        let mut command = sipp(folder, case.callee, world.carrier.port());
        command.args(["-recv_timeout", "15000", "-m", &calls]).args(case.callee_args);
        callee = Some(Program::start("callee", &place, &mut command));
        bound(world.carrier).await;
    }
    let mut command = sipp(folder, case.caller, free_address().port());
    command.arg(world.server.sip.to_string()).args(["-key", "caller", "+447700900123"]);
    command.args(["-r", "10", "-l", "50", "-m", &calls]).args(case.caller_args);
    let mut caller = Program::start("caller", &place, &mut command);
    caller.done(RUN_MAX).await?;
    match &mut callee {
        Some(callee) => callee.done(RUN_MAX).await,
        None => Ok(()),
    }
}

/// SIPp with a scenario of a folder, of ours, or built in.
pub(super) fn sipp(folder: &Path, scenario: &str, port: u16) -> Command {
    let mut command = Command::new("sipp");
    command.args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin", "-trace_err"]);
    command.args(["-timeout", "90", "-timeout_error", "-p", &port.to_string()]);
    command.args(["-mp", &media_port().to_string()]);
    match BUILT_IN.contains(&scenario) {
        true => command.args(["-sn", scenario]),
        false => command.arg("-sf").arg(file(folder, scenario)),
    };
    command
}

fn file(folder: &Path, scenario: &str) -> PathBuf {
    let name = format!("{scenario}.xml");
    [folder.join(&name), own("sipp").join(&name)].into_iter().find(|file| file.is_file()).expect("a scenario")
}

/// Passed and failed cases.
#[derive(Default)]
pub(super) struct Score {
    passed: usize,
    failed: Vec<String>,
}

impl Score {
    pub(super) fn count(&mut self, case: &str, result: Result<(), String>) {
        match result {
            Ok(()) => {
                println!("passed: {case}");
                self.passed += 1;
            }
            Err(why) => {
                println!("FAILED: {case}: {why}");
                self.failed.push(format!("{case}: {why}"));
            }
        }
    }
}

/// Every case of docs/INTEROP.md: how many passed and how many failed.
pub async fn run_cases() -> (usize, usize) {
    let mut score = Score::default();
    run_all(&mut score).await;
    (score.passed, score.failed.len())
}

async fn run_all(score: &mut Score) {
    let mut world = world("sipp", &[]);
    let mut sets = vec![("own", own("sipp"), OWN)];
    match beside("sipp") {
        Some(folder) => {
            println!("SIPp scenarios: those beside the checkout, and our own");
            sets.insert(0, ("beside", folder, BESIDE));
        }
        None => println!("SIPp scenarios: our own; ../shared/sipp is not there"),
    }
    for (set, folder, cases) in &sets {
        for case in *cases {
            score.count(&format!("{set} {}", case.number), run(&world, folder, case).await);
        }
    }
    for case in bulk() {
        score.count(case.number, run(&world, &own("sipp"), &case).await);
    }
    policy::run_cases(&world, score).await;
    score.count("28 nothing left over", nothing_left(&mut world));
    run_timed(&sets, score).await;
}

async fn run_timed(sets: &[(&str, PathBuf, &[Case])], score: &mut Score) {
    let mut world = world("sipp-timers", &["sip.t1_ms=100"]);
    for (set, folder, _) in sets {
        score.count(&format!("{set} 11"), run(&world, folder, &TIMED).await);
    }
    score.count("28 nothing left over, short timers", nothing_left(&mut world));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_cases() {
    let mut score = Score::default();
    run_all(&mut score).await;
    let Score { passed, failed } = score;
    println!("SIPP_CASES {{\"passed\":{passed},\"failed\":{}}}", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
}
