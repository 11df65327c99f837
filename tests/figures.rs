//! The figures of one area as one JSON object: the same code in the tests (short) and under
//! `tests/figures NAME` (whole, release build, the binary as it ships).
//!
//! A figure whose goal is 0 carries its control from the same run, and is null if that fails.

use crate::browser::{self, Scenario};
use crate::calls::containment;
use crate::interop;
use crate::mask::mask_figures;
use crate::support::{ServerPlan, World, card, harbour_call, seed};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tonewall_loadtest::call::{CallPlan, SimCall};
use tonewall_loadtest::customer::{Behaviour, Purchase, pay};
use tonewall_loadtest::party::Keys;
use tonewall_loadtest::sandbox::SandboxOptions;
use tonewall_loadtest::stage::Stage;

/// How large a run is.
struct Size {
    secured_calls: usize,
    memory_calls: usize,
    calls_a_second: u64,
    settle: Duration,
    idle: Duration,
}

const SHORT: Size = Size {
    secured_calls: 5,
    memory_calls: 10,
    calls_a_second: 10,
    settle: Duration::from_secs(2),
    idle: Duration::from_secs(2),
};

const WHOLE: Size = Size {
    secured_calls: 40,
    memory_calls: 200,
    calls_a_second: 10,
    settle: Duration::from_secs(40),
    idle: Duration::from_secs(10),
};

/// What `tests/figures` says: the area, and that this is the whole run.
fn asked_for() -> Option<String> {
    std::env::var("TONEWALL_TEST_FIGURES").ok()
}

/// The binary as it ships; the one that is built with the tests can also set faults off.
fn shipped() -> Option<PathBuf> {
    std::env::var_os("TONEWALL_TEST_BINARY").map(PathBuf::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn path() {
    let whole = asked_for().is_some_and(|name| name == "path");
    let size = if whole { WHOLE } else { SHORT };
    let figures = path_figures(&size).await;
    println!("FIGURES {figures}");
    assert_eq!(figures["sweep_hits"], 0);
    assert!(figures["sweep_control_hits"].as_u64() > Some(0));
    assert!(figures["secured_ms"].as_f64().is_some_and(|ms| ms <= 300.0), "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn screen() {
    let whole = asked_for().is_some_and(|name| name == "screen");
    let figures = screen_figures(if whole { 6 } else { 1 }).await;
    println!("FIGURES {figures}");
    for (goal_is_nought, control) in [
        ("axe_violations", "axe_control_violations"),
        ("csp_reports", "csp_control_reports"),
        ("wire_digit_hits", "wire_control_hits"),
    ] {
        assert_eq!(figures[goal_is_nought], 0, "{figures}");
        assert!(figures[control].as_f64() > Some(0.0), "{control} of {figures}");
    }
    assert_eq!(figures["receipt_sent"], true, "{figures}");
}

#[test]
fn mask() {
    let whole = asked_for().is_some_and(|name| name == "mask");
    let figures = mask_figures(seed(), whole);
    println!("FIGURES {figures}");
    // The whole form reports; here is what no change may break.
    if whole {
        return;
    }
    let has_sox = !figures["missing"].as_array().is_some_and(|all| all.contains(&json!("sox")));
    for (goal_is_nought, needs_sox) in [("plain_named", false), ("hard_named", true), ("doubled", true)] {
        if has_sox || !needs_sox {
            assert_eq!(figures[goal_is_nought], 0, "{goal_is_nought} of {figures}");
        }
    }
    assert_eq!(figures["planted_leak_found"], true, "{figures}");
    assert!(figures["control_plain_named_pct"].as_f64() >= Some(98.0), "{figures}");
    assert!(figures["state_bytes_per_leg"].as_u64().is_some_and(|bytes| bytes <= 4_096), "{figures}");
}

/// Latency on the screen's own stream and page, what the wire holds, and axe over every page.
async fn screen_figures(calls: usize) -> Value {
    let plan = ServerPlan { binary: shipped(), set: vec!["log.level=info".into()], ..ServerPlan::default() };
    let mut world = World::with("figures-screen", plan, SandboxOptions::default());
    let mut figures = browser::direct(
        &Scenario::named("figures").with("TONEWALL_FIGURES_CALLS", &calls.to_string()),
        &mut world,
    )
    .await;
    world.sweep(&[(&card().pan, &card().cvc)]);
    let pages = browser::play("pages", &[card()]).await;
    for key in ["axe_pages", "axe_violations", "axe_control_violations"] {
        figures[key] = pages[key].clone();
    }
    figures["seed"] = json!(seed());
    figures
}

async fn path_figures(size: &Size) -> Value {
    let (idle_rss_mib, secured_ms, memory_kib_per_call, sweep) = one_server(size).await;
    let contained = containment::four_ways_to_die().await;
    // In the tests the cases run as tests of their own: not run here is null, not 0.
    let sipp = match asked_for() {
        Some(_) => Some(interop::sipp::run_cases().await),
        None => None,
    };
    let binary = shipped().unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_tonewall")));
    let binary_bytes = std::fs::metadata(binary).map(|meta| meta.len()).unwrap_or(0);
    let (hits, control) = sweep;
    json!({
        "crashed_calls": contained.crashed,
        "ended_with_a_blocked_neighbour": contained.neighbours,
        "surviving_calls": contained.survived,
        "secured_ms": secured_ms,
        "memory_kib_per_call": memory_kib_per_call,
        "idle_rss_mib": idle_rss_mib,
        "sweep_hits": (control > 0).then_some(hits),
        "sweep_control_hits": control,
        "sipp_cases_passed": sipp.map(|(passed, _)| passed),
        "sipp_cases_failed": sipp.map(|(_, failed)| failed),
        "seed": seed(),
        "binary_mib": binary_bytes as f64 / f64::from(1 << 20),
    })
}

/// Idle memory, time to secure, memory a call and the sweep, all of one server.
async fn one_server(size: &Size) -> (f64, f64, f64, (usize, usize)) {
    let plan = ServerPlan { binary: shipped(), set: vec!["log.level=info".into()], ..ServerPlan::default() };
    let mut world = World::with("figures", plan, SandboxOptions::default());
    tokio::time::sleep(size.idle).await;
    let idle_mib = rss_kib(world.server.pid()) / 1024.0;
    let stage = world.harbour().await;
    let secured = secured_ms(&stage, size.secured_calls).await;
    let memory = memory_kib(&world, &stage, size).await;
    drop(stage);
    let sweep = world.swept(&[(&card().pan, &card().cvc)]);
    (idle_mib, secured, memory, sweep)
}

/// First INVITE sent → first packet of the customer at the agent's port: 95th percentile, ms. Each
/// call also takes a payment, so that there is something to sweep for.
async fn secured_ms(stage: &Stage, calls: usize) -> f64 {
    let mut all = Vec::new();
    for number in 0..calls {
        let call = start(stage, Keys::Event).await;
        if number < 3 {
            let purchase = Purchase { account: format!("INV-F{number}"), ..Purchase::default() };
            let paid = pay(&call, &purchase, &card(), Behaviour::Normal).await.expect("payment");
            assert_eq!(paid.expect("paid").payment.state, "approved");
        }
        call.wait_audio(Duration::from_secs(5)).await.expect("audio");
        call.hangup().await.expect("hung up");
        // A machine that stands still can lose the recorder a packet; most calls have to be on record.
        all.extend(call.hear().secured_ms);
    }
    assert!(all.len() * 2 > calls, "only {} of {calls} calls on record", all.len());
    all.sort_by(f64::total_cmp);
    all[(all.len() * 95).div_ceil(100) - 1]
}

async fn start(stage: &Stage, keys: Keys) -> SimCall<'_> {
    let mut call = SimCall::start(stage, CallPlan { keys, ..harbour_call() }).expect("call");
    call.wait_secured().await.expect("secured");
    call
}

/// Growth of the resident set over many secured calls, some time after set-up, KiB a call.
async fn memory_kib(world: &World, stage: &Stage, size: &Size) -> f64 {
    let before = rss_kib(world.server.pid());
    let mut calls = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(1_000 / size.calls_a_second));
    for _ in 0..size.memory_calls {
        pace.tick().await;
        calls.push(start(stage, Keys::Event).await);
    }
    tokio::time::sleep(size.settle).await;
    let after = rss_kib(world.server.pid());
    for call in &calls {
        assert!(call.agent_hears(Duration::from_millis(500)) > 0, "a call fell silent");
    }
    for call in &calls {
        call.hangup().await.expect("hung up");
    }
    (after - before) / size.memory_calls as f64
}

/// Resident set of a process, KiB.
fn rss_kib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("KiB")
}
