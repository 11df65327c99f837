//! Gateways that are down, slow, or lie about what they did.

use super::till::{card, charge, key, order, paid, quick, row, secured, send, settle, stands, stored};
use crate::support::{ServerPlan, World, eventually, free_address, harbour_call, merchants, northwind_call};
use futures_util::future::join_all;
use std::collections::VecDeque;
use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc;
use tonewall_loadtest::sandbox::{Fault, Faults, SandboxGateway, SandboxOptions};
use tonewall_loadtest::stage::Stage;

/// Harbour waits two seconds for an answer, northwind one: what is not found later is soon believed.
fn impatient() -> ServerPlan {
    let shorter = |from: &str, to: &str| (format!("timeout_s = {from}"), format!("timeout_s = {to}"));
    ServerPlan { manifests: vec![shorter("30", "2"), shorter("20", "1")], ..ServerPlan::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_down_charged_nothing_and_the_next_try_works() {
    let address = free_address();
    let plan = ServerPlan { gateway: Some(format!("http://{address}")), ..ServerPlan::default() };
    let mut world = World::with("down", plan, SandboxOptions::default());
    let stage = world.harbour().await;
    let card = card("4242424242424242");
    let call = secured(&stage, quick(harbour_call())).await;
    let view = paid(&call, &order("DOWN-1"), &card).await;
    assert_eq!(view.payment.state, "rejected");
    let say = view.payment.say.unwrap_or_default();
    assert!(say.contains("could not be reached. Nothing was charged. Please try again."), "{say}");
    let first = view.payment.attempt_id.expect("an attempt");
    row(&stage, &first, "rejected").await;
    let options = SandboxOptions { listen: address, merchants: merchants(), ..SandboxOptions::default() };
    world.gateway = SandboxGateway::start(options).expect("the gateway comes up");
    let view = paid(&call, &order("DOWN-1"), &card).await;
    assert_eq!(view.payment.state, "approved");
    let second = view.payment.attempt_id.expect("an attempt");
    assert_eq!(charge(&world.gateway, &first), None);
    assert_eq!(charge(&world.gateway, &second).expect("charged").times_charged, 1);
    let of = async |attempt: &str| stage.api.attempt(attempt).await.expect("a row")["payment_id"].clone();
    assert_eq!(of(&first).await, of(&second).await, "one payment");
    world.sweep(&[(&card.pan, &card.cvc)]);
    settle(&mut world, "harbour", &[first, second]).await;
}

/// Ten tries bring no answer, the last of them charges, and for a while the gateway denies it.
#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_knows_nothing_is_sent_again_and_then_it_resolves_itself() {
    let options = SandboxOptions { query_lag_ms: 3_500, ..SandboxOptions::default() };
    let mut world = World::with("unknown", impatient(), options);
    let mut next = VecDeque::from(vec![Fault::ResetBefore; 9]);
    next.push_back(Fault::ResetAfter);
    world.gateway.set_faults(Faults { next, ..world.gateway.faults() }).expect("faults");
    let stage = world.harbour().await;
    let card = card("4242424242424242");
    let call = secured(&stage, quick(harbour_call())).await;
    key(&call, &order("DOUBT-1"), &card).await.expect("keyed");
    let attempt = send(&call).await;
    let unresolved = async || {
        let take = call.command("take").await.expect_err("not again").to_string();
        let same = call.open_payment("DOUBT-1", 1_250, "GBP").await.expect_err("not again").to_string();
        let other = call.open_payment("OTHER-1", 99, "GBP").await.expect_err("not now").to_string();
        for error in [take, same, other] {
            assert!(error.contains("409 unresolved"), "{error}");
        }
    };
    unresolved().await;
    let view = stands(&call, &attempt, &["unknown"]).await;
    let say = view.payment.say.unwrap_or_default();
    assert!(say.contains("Do not take it again"), "{say}");
    unresolved().await;
    assert_eq!(charge(&world.gateway, &attempt).expect("charged").times_charged, 1);
    let view = stands(&call, &attempt, &["approved", "not_charged", "review"]).await;
    assert_eq!(view.payment.state, "approved", "\"not found\" was believed too early");
    assert!(view.payment.auth_code.is_some());
    row(&stage, &attempt, "approved").await;
    let error = call.open_payment("DOUBT-1", 1_250, "GBP").await.expect_err("taken").to_string();
    assert!(error.contains("409 already_taken"), "{error}");
    world.sweep(&[(&card.pan, &card.cvc)]);
    settle(&mut world, "harbour", &[attempt]).await;
}

async fn not_charged(stage: &Stage, pan: &str) -> (String, &'static str) {
    let call = secured(stage, quick(harbour_call())).await;
    let account = format!("NO-{}", &pan[pan.len() - 4..]);
    key(&call, &order(&account), &card(pan)).await.expect("keyed");
    let attempt = send(&call).await;
    let state = if pan == "4000000000003220" { "rejected" } else { "not_charged" };
    let view = stands(&call, &attempt, &[state]).await;
    let say = view.payment.say.unwrap_or_default();
    assert!(say.contains("Nothing was"), "{pan}: {say}");
    // It may be taken now, and is.
    let view = paid(&call, &order(&account), &card("5555555555554444")).await;
    assert_eq!(view.payment.state, "approved", "{pan}");
    call.hangup().await.expect("hung up");
    (attempt, state)
}

/// The gateway's own patience has to run out first, hence the length of this test.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_certainly_not_charged_may_be_taken_again() {
    let options = SandboxOptions { hang_ms: 300, ..SandboxOptions::default() };
    let mut world = World::with("not-charged", impatient(), options);
    let stage = world.harbour().await;
    let pans = ["4000000000005126", "4009830000001985", "4000000000003055", "4000000000003220"];
    let attempts = join_all(pans.map(|pan| not_charged(&stage, pan))).await;
    let cards: Vec<_> = pans.iter().chain(&["5555555555554444"]).map(|pan| card(pan)).collect();
    let keyed: Vec<_> = cards.iter().map(|card| (card.pan.as_str(), card.cvc.as_str())).collect();
    world.sweep(&keyed);
    assert_eq!(world.gateway.ledger().iter().filter(|charge| charge.times_charged == 1).count(), 4);
    let store = world.ledger().await;
    for (attempt, state) in &attempts {
        assert_eq!(stored(&store, "harbour", attempt).await.state.as_str(), *state);
        assert_eq!(charge(&world.gateway, attempt), None);
    }
    let broken = tonewall_store::check_invariants(&store).await.expect("checked");
    assert!(broken.is_empty(), "{broken:?}");
}

/// A door that opens and never says a word; tells of every visitor.
fn silent_gateway() -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let (told, visitors) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut first = [0];
            if stream.read(&mut first).is_ok_and(|len| len == 1) && told.send(()).is_err() {
                return;
            }
            held.push(stream);
        }
    });
    (url, visitors)
}

async fn lost(stage: &Stage, plan: tonewall_loadtest::call::CallPlan, account: &str) -> String {
    let call = secured(stage, quick(plan)).await;
    key(&call, &order(account), &card("4242424242424242")).await.expect("keyed");
    // Nobody will ever tell what became of this one.
    let _ = stage.api.command(&call.id().expect("id"), "fault-payment-panic").await;
    let attempt = send(&call).await;
    row(stage, &attempt, "unknown").await;
    call.hangup().await.expect("hung up");
    attempt
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenants_silent_gateway_does_not_keep_anothers_from_its_answer() {
    let (url, visitors) = silent_gateway();
    let address = free_address();
    let mut plan = impatient();
    plan.manifests.retain(|(from, _)| from != "timeout_s = 30");
    let old = format!("url = \"http://{address}\"\nmerchant = \"harbour-moto\"");
    plan.manifests.push((old, format!("url = \"{url}\"\nmerchant = \"harbour-moto\"")));
    let options = SandboxOptions { listen: address, ..SandboxOptions::default() };
    let mut world = World::with("starved", plan, options);
    let stage = world.harbour().await;
    let stuck = lost(&stage, harbour_call(), "STUCK-1").await;
    eventually("a question to the silent gateway", async || visitors.try_recv().ok()).await;
    drop(stage);
    let stage = world.northwind().await;
    let attempt = lost(&stage, northwind_call(), "STARVED-1").await;
    let began = std::time::Instant::now();
    row(&stage, &attempt, "not_charged").await;
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    world.sweep(&[("4242424242424242", super::till::CODE)]);
    let store = world.ledger().await;
    assert_eq!(stored(&store, "harbour", &stuck).await.state.as_str(), "unknown");
}
