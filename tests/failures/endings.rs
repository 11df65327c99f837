//! How calls end when somebody does not play along: busy, refused, hung up at the worst moment, drained.

use super::sip::{GOOD_OFFER, Wire};
use super::till::{card, charge, key, order, quick, row, secured, send, settle};
use crate::support::{
    HARBOUR_DIAL, ServerPlan, World, eventually, fresh_caller, harbour_call, northwind_call,
};
use tonewall_loadtest::agent::Answer;
use tonewall_loadtest::call::{CallError, STEP_MAX, SimCall};
use tonewall_loadtest::leg::{End, SipError};
use tonewall_loadtest::sandbox::SandboxOptions;
use tonewall_loadtest::stage::Stage;

/// How a call of this caller ended, as the API tells it.
async fn ended_why(stage: &Stage, id: &str, state: &str) -> String {
    eventually("the end of the call", async || {
        let view = stage.api.call(id).await.ok()?;
        (view.state == "ended" && view.payment.state == state).then_some(view.ended_why?)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_does_not_answer() {
    let mut world = World::new("busy");
    // Route 1: the customer hears what the agent's phone said.
    let stage = world.northwind().await;
    for code in [486, 480, 603, 404] {
        stage.agents.set_answer(Answer::Refuse(code));
        let call = SimCall::start(&stage, northwind_call()).expect("call");
        let refused = call.wait_answered(STEP_MAX).await;
        assert_eq!(refused, Err(CallError::Customer(SipError::Refused(code))));
    }
    drop(stage);
    // Route 2: the customer is answered already. A busy phone is rung again, a refusal is final.
    let stage = world.harbour().await;
    stage.agents.set_answer(Answer::Refuse(603));
    let mut call = SimCall::start(&stage, harbour_call()).expect("call");
    // Only what was answered ends with a BYE.
    let end = call.customer().leg.wait_end(STEP_MAX).await;
    eventually("a ring", async || (stage.agents.rung() >= 1).then_some(())).await;
    assert_eq!((end, stage.agents.rung()), (Some(End::ByeReceived), 1));
    stage.agents.set_answer(Answer::Refuse(486));
    call = SimCall::start(&stage, harbour_call()).expect("call");
    let view = call.find(STEP_MAX).await.expect("listed");
    eventually("four rings", async || (stage.agents.rung() >= 5).then_some(())).await;
    let end = call.customer().leg.wait_end(STEP_MAX).await;
    assert_eq!((end, stage.agents.rung()), (Some(End::ByeReceived), 5), "four tries");
    assert_eq!(ended_why(&stage, &view.id, "none").await, "agent_unreachable");
    // A phone that becomes free in time takes the call.
    call = SimCall::start(&stage, harbour_call()).expect("call");
    eventually("a ring", async || (stage.agents.rung() >= 6).then_some(())).await;
    stage.agents.set_answer(Answer::AtOnce);
    call.wait_secured().await.expect("secured at the second try");
    call.hangup().await.expect("hung up");
    world.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_hangs_up_at_the_worst_moment() {
    let options = SandboxOptions { slow_ms: 2_500, ..SandboxOptions::default() };
    let mut world = World::with("hangups", ServerPlan::default(), options);
    let stage = world.northwind().await;
    stage.agents.set_answer(Answer::Never);
    let mut call = SimCall::start(&stage, northwind_call()).expect("call");
    call.wait_ringing(STEP_MAX).await.expect("rings");
    let id = call.find(STEP_MAX).await.expect("listed").id;
    call.customer().leg.hangup().await.expect("cancelled");
    let agent = call.agent().expect("agent").leg.wait_end(STEP_MAX).await;
    assert_eq!(agent, Some(End::Cancelled), "the agent's phone stops ringing");
    assert_eq!(ended_why(&stage, &id, "none").await, "customer_hung_up");
    drop(call);
    drop(stage);
    let stage = world.harbour().await;
    let card = card("4000000000000077");
    // In the middle of the card number.
    let call = secured(&stage, quick(harbour_call())).await;
    let id = call.id().expect("id");
    call.open_payment("MID-1", 500, "GBP").await.expect("open");
    call.press(&card.pan[..9]).await.expect("keyed");
    call.hangup().await.expect("hung up");
    assert_eq!(ended_why(&stage, &id, "none").await, "customer_hung_up");
    let error = stage.api.command(&id, "take").await.expect_err("it has ended");
    assert!(error.to_string().contains("410 call_ended"), "{error}");
    // While the bank is thinking: the payment is brought to its end, and written down.
    let call = secured(&stage, quick(harbour_call())).await;
    let id = call.id().expect("id");
    key(&call, &order("MID-2"), &card).await.expect("keyed");
    let attempt = send(&call).await;
    row(&stage, &attempt, "sending").await;
    call.hangup().await.expect("hung up");
    assert_eq!(stage.api.attempt(&attempt).await.expect("a row")["state"], "sending");
    row(&stage, &attempt, "approved").await;
    assert_eq!(ended_why(&stage, &id, "approved").await, "customer_hung_up", "and the screen hears of it");
    world.sweep(&[(&card.pan, &card.cvc)]);
    settle(&mut world, "harbour", &[attempt]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_hangs_up_takes_the_call_along_but_not_the_payment() {
    let options = SandboxOptions { slow_ms: 2_000, ..SandboxOptions::default() };
    let mut world = World::with("agent-hangs-up", ServerPlan::default(), options);
    let stage = world.harbour().await;
    let card = card("4000000000000077");
    let call = secured(&stage, quick(harbour_call())).await;
    let id = call.id().expect("id");
    key(&call, &order("GONE-1"), &card).await.expect("keyed");
    let attempt = send(&call).await;
    row(&stage, &attempt, "sending").await;
    call.agent_hangup().await.expect("hung up");
    row(&stage, &attempt, "approved").await;
    assert_eq!(ended_why(&stage, &id, "approved").await, "agent_hung_up");
    world.sweep(&[(&card.pan, &card.cvc)]);
    settle(&mut world, "harbour", &[attempt]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_takes_no_new_call_and_ends_the_live_ones_politely() {
    let plan = ServerPlan { set: vec!["drain.grace_s=4".to_owned()], ..ServerPlan::default() };
    let mut world = World::with("drain", plan, SandboxOptions::default());
    let stage = world.harbour().await;
    let card = card("4242424242424242");
    let call = secured(&stage, quick(harbour_call())).await;
    world.server.ask_to_end();
    let (sip, wire) = (world.server.sip, Wire::bind("127.0.0.1"));
    eventually("new calls to be refused", async || {
        (wire.call(sip, HARBOUR_DIAL, &fresh_caller(), GOOD_OFFER.as_bytes()).code == 503).then_some(())
    })
    .await;
    // The live call goes on, payment and all.
    let view = super::till::paid(&call, &order("DRAIN-1"), &card).await;
    assert_eq!(view.payment.state, "approved");
    let attempt = view.payment.attempt_id.expect("an attempt");
    assert_eq!(charge(&world.gateway, &attempt).expect("charged").times_charged, 1);
    // The grace is over: both legs get their BYE.
    let end = call.customer().leg.wait_end(STEP_MAX).await;
    let agent = call.agent().expect("agent").leg.wait_end(STEP_MAX).await;
    assert_eq!((end, agent), (Some(End::ByeReceived), Some(End::ByeReceived)));
    eventually("the end of the process", async || (!world.server.is_alive()).then_some(())).await;
    assert!(world.log().contains("why=\"shutdown\""), "{}", world.log());
    world.sweep(&[(&card.pan, &card.cvc)]);
    settle(&mut world, "harbour", &[attempt]).await;
}
