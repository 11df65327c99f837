//! The agent's side of a payment, step by step, and the agreement of all who keep its books.

use crate::support::{World, eventually};
use tonewall_loadtest::api::CallView;
use tonewall_loadtest::call::{CallError, CallPlan, OUTCOME_MAX, STEP_MAX, SimCall};
use tonewall_loadtest::customer::{Purchase, TestCard};
use tonewall_loadtest::party::Keys;
use tonewall_loadtest::sandbox::{Charge, SandboxGateway};
use tonewall_loadtest::stage::Stage;
use tonewall_loadtest::voice::Press;
use tonewall_model::ids::{AttemptId, TenantId};
use tonewall_store::{AttemptRow, Store, check_invariants};

/// A code that lies around nowhere by chance.
pub const CODE: &str = "739";

/// Keys by SIP INFO, as fast as a phone can.
pub fn quick(plan: CallPlan) -> CallPlan {
    CallPlan { keys: Keys::Info, press: Press { on_ms: 40, off_ms: 40, ..Press::default() }, ..plan }
}

pub fn card(pan: &str) -> TestCard {
    // American Express has four digits.
    let cvc = if pan.len() == 15 { "7391" } else { CODE };
    TestCard { pan: pan.to_owned(), cvc: cvc.to_owned(), ..TestCard::default() }
}

pub fn order(account: &str) -> Purchase {
    Purchase { account: account.to_owned(), ..Purchase::default() }
}

/// A call that is up and secured.
pub async fn secured(stage: &Stage, plan: CallPlan) -> SimCall<'_> {
    let mut call = SimCall::start(stage, plan).expect("call");
    call.wait_secured().await.expect("secured");
    call
}

/// Opens a payment and keys what is asked for, until the card is complete. Gives the fields keyed.
pub async fn key(call: &SimCall<'_>, order: &Purchase, card: &TestCard) -> Result<Vec<String>, CallError> {
    call.open_payment(&order.account, order.amount_minor, &order.currency).await?;
    finish(call, order, card).await
}

/// Keys what is asked for by a payment that is open.
pub async fn finish(call: &SimCall<'_>, order: &Purchase, card: &TestCard) -> Result<Vec<String>, CallError> {
    const STEPS_MAX: usize = 8;
    let mut view = call.view().ok_or(CallError::NotListed)?;
    let mut keyed = Vec::new();
    for _ in 0..STEPS_MAX {
        let Some(field) = view.capture.field.clone() else { break };
        keyed.push(field.clone());
        view = match field.as_str() {
            "pan" => call.key_field("pan", &card.pan).await?,
            "expiry" => call.key_field("expiry", &card.expiry).await?,
            "cvc" => call.key_field("cvc", &card.cvc).await?,
            _ => {
                call.address(&order.address.0, &order.address.1).await?;
                let moved = |view: &CallView| view.capture.field.as_ref() != Some(&field);
                call.wait_view("the end of the address", STEP_MAX, moved).await?
            }
        };
    }
    call.wait_view("a complete card", STEP_MAX, |view| view.capture.state == "complete").await?;
    Ok(keyed)
}

/// Takes the payment and gives the attempt's id.
pub async fn send(call: &SimCall<'_>) -> String {
    let view = call.command("take").await.expect("taken");
    view.payment.attempt_id.expect("an attempt")
}

/// Waits until the attempt stands somewhere that `wanted` accepts.
pub async fn stands(call: &SimCall<'_>, attempt: &str, wanted: &[&str]) -> CallView {
    let there = |view: &CallView| {
        view.payment.attempt_id.as_deref() == Some(attempt) && wanted.contains(&view.payment.state.as_str())
    };
    let view = call.wait_view("a state of the payment", OUTCOME_MAX, there).await;
    view.unwrap_or_else(|error| panic!("{wanted:?}: {error}"))
}

/// A whole payment up to its outcome.
pub async fn paid(call: &SimCall<'_>, order: &Purchase, card: &TestCard) -> CallView {
    key(call, order, card).await.expect("keyed");
    let attempt = send(call).await;
    let known = ["approved", "declined", "rejected", "held", "pending", "unknown", "not_charged", "review"];
    stands(call, &attempt, &known).await
}

/// The attempt as the API tells it from the ledger, once it stands in `state`.
pub async fn row(stage: &Stage, attempt: &str, state: &str) -> serde_json::Value {
    eventually(&format!("attempt {attempt} {state}"), async || {
        stage.api.attempt(attempt).await.ok().filter(|row| row["state"] == state)
    })
    .await
}

/// What the gateway did for an attempt.
pub fn charge(gateway: &SandboxGateway, attempt: &str) -> Option<Charge> {
    gateway.ledger().into_iter().find(|charge| charge.reference == attempt)
}

/// An attempt of a stopped server, as its ledger has it.
pub async fn stored(store: &Store, tenant: &str, attempt: &str) -> AttemptRow {
    let tenant = TenantId::parse(tenant).expect("a tenant");
    store.tenant(&tenant).attempt(&AttemptId::parse(attempt).expect("an id")).await.expect("a row")
}

/// Stops the server; every invariant holds, and of all attempts none is double (charged twice), lost
/// (charged but not so in the ledger) or a ghost (paid in the ledger, not charged).
pub async fn settle(world: &mut World, tenant: &str, attempts: &[String]) {
    let store = world.ledger().await;
    let broken = check_invariants(&store).await.expect("checked");
    assert!(broken.is_empty(), "{broken:?}");
    for charge in world.gateway.ledger() {
        assert!(charge.times_charged <= 1, "double: {charge:?}");
        assert!(attempts.contains(&charge.reference), "an attempt that nobody made: {charge:?}");
    }
    for attempt in attempts {
        let state = stored(&store, tenant, attempt).await.state.as_str();
        let charged = charge(&world.gateway, attempt).map_or(0, |charge| charge.times_charged);
        let paid = matches!(state, "approved" | "held" | "pending");
        let open = matches!(state, "unknown" | "review" | "sending");
        assert!(open || paid == (charged == 1), "{attempt} is {state} and was charged {charged} times");
    }
    store.close().await;
}
