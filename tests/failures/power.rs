//! Power cuts: the process dies with an attempt under way, and whatever the gateway did, nobody is charged
//! twice and nothing that was charged is forgotten.

use super::till::{CODE, card, charge, finish, key, order, paid, quick, row, secured, send, settle, stands};
use crate::support::{ServerPlan, World, eventually, harbour_call};
use tonewall_loadtest::rng::Rng;
use tonewall_loadtest::sandbox::{FaultMix, SandboxOptions};
use tonewall_loadtest::screen::AgentScreen;
use tonewall_loadtest::stage::Stage;

const PAN: &str = "4242424242424242";

/// Starts a payment and returns once its row is in the ledger.
async fn under_way(stage: &Stage, account: &str, pan: &str) -> String {
    let call = secured(stage, quick(harbour_call())).await;
    key(&call, &order(account), &card(pan)).await.expect("keyed");
    let attempt = send(&call).await;
    eventually("a row", async || stage.api.attempt(&attempt).await.ok()).await;
    attempt
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_charge_it_is_unknown_and_then_resolved() {
    let options = SandboxOptions { hang_ms: 8_000, query_lag_ms: 8_000, ..SandboxOptions::default() };
    let mut world = World::with("killed", ServerPlan::default(), options);
    let (stage, charged) = (world.harbour().await, "4000000000000259");
    let attempt = under_way(&stage, "KILL-1", charged).await;
    eventually("the charge", async || charge(&world.gateway, &attempt)).await;
    drop(stage);
    world.cut_power();
    let stage = world.harbour().await;
    row(&stage, &attempt, "unknown").await;
    // Somebody calls again for the same account: it is not sent, and the agent is told why.
    let call = secured(&stage, quick(harbour_call())).await;
    let view = paid(&call, &order("KILL-1"), &card(PAN)).await;
    assert_eq!(view.payment.state, "rejected");
    let say = view.payment.say.unwrap_or_default();
    assert!(say.contains("not settled yet") && say.contains("Do not take it again"), "{say}");
    assert_eq!(charge(&world.gateway, view.payment.attempt_id.as_deref().expect("an attempt")), None);
    call.hangup().await.expect("hung up");
    let row = row(&stage, &attempt, "approved").await;
    assert!(row["auth_code"].is_string());
    world.sweep(&[(charged, CODE), (PAN, CODE)]);
    settle(&mut world, "harbour", &[attempt]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drained_in_the_middle_of_a_payment_it_is_resolved_by_the_next_process() {
    let options = SandboxOptions { slow_ms: 6_000, ..SandboxOptions::default() };
    let mut world = World::with("drained", ServerPlan::default(), options);
    let (stage, slow) = (world.harbour().await, "4000000000000077");
    let attempt = under_way(&stage, "DRAINED-1", slow).await;
    drop(stage);
    world.server.stop();
    world.cut_power();
    let stage = world.harbour().await;
    row(&stage, &attempt, "approved").await;
    world.sweep(&[(slow, CODE)]);
    settle(&mut world, "harbour", &[attempt]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_after_the_wrap_up_is_still_on_the_screen_when_only_rows_are_left() {
    let mut world = World::new("wrapped");
    let stage = world.harbour().await;
    let ada = async |world: &World| {
        let signed_in = AgentScreen::sign_in(&world.server.api(), "ada@harbour", "harbour-ada-demo").await;
        signed_in.expect("signed in")
    };
    let screen = ada(&world).await;
    let call = secured(&stage, quick(harbour_call())).await;
    let id = call.id().expect("listed");
    let first = paid(&call, &order("WRAP-1"), &card(PAN)).await;
    screen.act(&id, "wrap_up", &[]).await.expect("wrapped up");
    let (bad, second) = (card("4000000000000127"), order("WRAP-2"));
    let fields = [("account", "WRAP-2"), ("amount", "12.50")];
    screen.act(&id, "collect", &fields).await.expect("asked for");
    // The screen's answer may be there before the phone's side of the test has the news.
    call.wait_field("pan").await.expect("a field");
    finish(&call, &second, &bad).await.expect("keyed");
    let declined = send(&call).await;
    stands(&call, &declined, &["declined"]).await;
    row(&stage, &declined, "declined").await;
    drop(call);
    drop(stage);
    world.cut_power();
    let shown = ada(&world).await.screen("").await.expect("a screen");
    assert_eq!((&shown["call"]["id"], &shown["stage"]), (&id.as_str().into(), &"declined".into()), "{shown}");
    world.sweep(&[(PAN, CODE), (&bad.pan, CODE)]);
    settle(&mut world, "harbour", &[first.payment.attempt_id.expect("an attempt"), declined]).await;
}

/// Kills of one world; `TONEWALL_KILLS` sets how many there are in all.
fn kills() -> u32 {
    std::env::var("TONEWALL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// As many payments as kills, each killed at a random moment after it was taken.
async fn killed_again_and_again(seed: u64, kills: u32) {
    let mut rng = Rng::named(seed, "kills");
    let plan = ServerPlan {
        manifests: vec![("timeout_s = 30".to_owned(), "timeout_s = 2".to_owned())],
        ..ServerPlan::default()
    };
    // Half of the answers are bad, and the worst ones weigh most.
    let mix = FaultMix { ok: 40, timeout_after: 15, reset_after: 15, slow: 10, ..FaultMix::HOSTILE };
    let options = SandboxOptions {
        seed,
        fault_mix: Some(mix),
        query_lag_ms: 1_000,
        hang_ms: 1_500,
        ..SandboxOptions::default()
    };
    let mut world = World::with("kills", plan, options);
    let mut attempts = Vec::new();
    for kill in 0..kills {
        let stage = world.harbour().await;
        attempts.push(under_way(&stage, &format!("KILLS-{kill}"), PAN).await);
        let moment = std::time::Duration::from_millis(rng.bits() % 1_200);
        println!("seed {seed}, kill {kill} after {moment:?}");
        // The moment is the test's own input: there is no event to wait for.
        tokio::time::sleep(moment).await;
        drop(stage);
        world.cut_power();
    }
    let stage = world.harbour().await;
    for attempt in &attempts {
        eventually("an end", async || {
            let row = stage.api.attempt(attempt).await.ok()?;
            matches!(row["state"].as_str()?, "approved" | "declined" | "rejected" | "not_charged")
                .then_some(())
        })
        .await;
    }
    drop(stage);
    world.sweep(&[(PAN, CODE)]);
    settle(&mut world, "harbour", &attempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_charges_once_or_not_at_all() {
    let each = kills().div_ceil(3);
    tokio::join!(
        killed_again_and_again(11, each),
        killed_again_and_again(12, each),
        killed_again_and_again(13, each)
    );
}
