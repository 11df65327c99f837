//! What one call's failure does to the others (DESIGN §5): nothing.

use crate::support::{World, card, eventually, harbour_call};
use std::collections::HashMap;
use std::time::Duration;
use tonewall_loadtest::call::{CallPlan, SimCall};
use tonewall_loadtest::customer::{Behaviour, Purchase, TestCard, pay};
use tonewall_loadtest::party::Keys;
use tonewall_loadtest::sandbox::{Behaviour as Card, SandboxOptions, TEST_CARDS};
use tonewall_loadtest::stage::Stage;

/// Both legs of a dead call have ended by then: the watchdogs take 2 s and 5 s.
const END_MAX: Duration = Duration::from_secs(12);

/// Audio that arrived within this window still flows.
const FLOWING: Duration = Duration::from_millis(200);

fn plan() -> CallPlan {
    CallPlan { keys: Keys::InBand, ..harbour_call() }
}

async fn secured(stage: &Stage, keys: Keys) -> SimCall<'_> {
    let mut call = SimCall::start(stage, CallPlan { keys, ..plan() }).expect("call");
    call.wait_secured().await.expect("secured");
    call
}

async fn both_legs_end(call: &SimCall<'_>, what: &str) {
    call.customer()
        .leg
        .wait_end(END_MAX)
        .await
        .unwrap_or_else(|| panic!("{what}: customer's leg is still up"));
    let agent = call.agent().expect("agent");
    agent.leg.wait_end(END_MAX).await.unwrap_or_else(|| panic!("{what}: agent's leg is still up"));
}

fn seats(log: &str) -> HashMap<String, String> {
    let field = |line: &str, name: &str| {
        let rest = line.split(&format!("{name}=")).nth(1)?;
        Some(rest.split_whitespace().next()?.to_owned())
    };
    log.lines()
        .filter(|line| line.contains("call taken"))
        .filter_map(|line| Some((field(line, "call")?, field(line, "seat")?)))
        .collect()
}

/// How it went.
pub struct Contained {
    /// Calls in which a fault was set off; all of them ended.
    pub crashed: usize,
    /// Calls that shared the blocked thread and were ended politely.
    pub neighbours: usize,
    /// Calls that kept audio and state and took a payment afterwards.
    pub survived: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn four_ways_to_die_and_the_others_live() {
    let contained = four_ways_to_die().await;
    assert_eq!(contained.crashed, 4);
    assert_eq!(contained.neighbours + contained.survived, 5);
}

/// Nine live calls; a panic, a panic in a future, a hang and a blocked thread in four of them.
pub async fn four_ways_to_die() -> Contained {
    let mut world = World::new("containment");
    let stage = world.harbour().await;
    let panics = secured(&stage, Keys::InBand).await;
    let panics_in_future = secured(&stage, Keys::InBand).await;
    let hangs = secured(&stage, Keys::InBand).await;
    let blocks = secured(&stage, Keys::InBand).await;
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(secured(&stage, Keys::Event).await);
    }
    for (call, fault) in [
        (&panics, "fault-panic"),
        (&panics_in_future, "fault-panic-in-future"),
        (&hangs, "fault-hang"),
        (&blocks, "fault-block"),
    ] {
        // Whoever owns the line dies or goes deaf in the middle of this: nothing of it may pass, to
        // the end. A press on a leg that has ended meanwhile is an error, and means nothing here.
        let keying = call.press("411111*4111");
        let failing = async {
            let keyed = call.wait_view("a second key", END_MAX, |view| view.keys >= 2).await;
            // Answered with no content, which is no view: what counts is what happens to the call.
            let _ = call.command(fault).await;
            keyed
        };
        let (_, keyed) = tokio::join!(keying, failing);
        keyed.expect("keys are counted");
    }
    let mut crashed = 0;
    for (call, what) in
        [(&panics, "panic"), (&panics_in_future, "panic in a future"), (&hangs, "hang"), (&blocks, "block")]
    {
        both_legs_end(call, what).await;
        let view = stage.api.call(&call.id().expect("id")).await.expect("the tombstone answers");
        crashed += usize::from(view.ended_why.as_deref() == Some("crashed"));
        let heard = call.hear();
        assert_eq!(heard.digits_recovered, 0, "{what}: the mask was not shut: {heard:?}");
        assert_eq!(heard.control_recovered, Some(heard.digits_keyed), "{what}: the listener heard nothing");
    }
    let log = std::fs::read_to_string(world.folder.path.join("log.txt")).expect("log");
    let seats = seats(&log);
    let blocked_seat = &seats[&blocks.id().expect("id")];
    let (mut survived, mut neighbours) = (0, 0);
    for call in &others {
        if &seats[&call.id().expect("id")] == blocked_seat {
            both_legs_end(call, "neighbour of the blocked thread").await;
            neighbours += 1;
            continue;
        }
        assert!(call.agent_hears(FLOWING) > 0, "a healthy call lost its audio");
        assert!(call.customer_hears(FLOWING) > 0, "a healthy call lost its audio");
        let view = pay(call, &fresh_purchase(survived), &card(), Behaviour::Normal).await;
        assert_eq!(view.expect("payment").expect("paid").payment.state, "approved");
        call.hangup().await.expect("hung up");
        assert!(call.hear().is_clean());
        survived += 1;
    }
    assert!(survived > 0, "every other call sat on the blocked thread: {seats:?}");
    assert!(world.server.is_alive());
    world.sweep(&[(&card().pan, &card().cvc)]);
    Contained { crashed, neighbours, survived }
}

fn fresh_purchase(number: usize) -> Purchase {
    Purchase { account: format!("INV-S{number}"), ..Purchase::default() }
}

fn card_that(behaviour: Card) -> TestCard {
    let (pan, ..) = TEST_CARDS.iter().find(|(_, own, _)| *own == behaviour).expect("a card for it");
    TestCard { pan: (*pan).to_owned(), ..card() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_under_way_outlives_its_call() {
    let options = SandboxOptions { slow_ms: 3_000, ..SandboxOptions::default() };
    let mut world = World::with("outlives", Default::default(), options);
    let stage = world.harbour().await;
    let card = card_that(Card::Slow);
    let call = secured(&stage, Keys::Event).await;
    let purchase = Purchase::default();
    call.open_payment(&purchase.account, purchase.amount_minor, &purchase.currency).await.expect("opened");
    call.address("12", "TD15 9EN").await.expect("address");
    for (field, digits) in [("pan", &card.pan), ("expiry", &card.expiry), ("cvc", &card.cvc)] {
        call.key_field(field, digits).await.expect(field);
    }
    let view = call.take().await.expect("taken");
    assert_eq!(view.payment.state, "sending");
    let attempt = view.payment.attempt_id.expect("attempt");
    let _ = call.command("fault-panic").await;
    both_legs_end(&call, "panic while a payment is under way").await;
    assert!(world.gateway.ledger().iter().all(|charge| charge.times_charged <= 1));
    let row = eventually("the attempt to be approved", async || {
        let row = stage.api.attempt(&attempt).await.ok()?;
        (row["state"] == "approved").then_some(row)
    })
    .await;
    assert_eq!(row["last4"], card.pan[card.pan.len() - 4..]);
    assert_eq!(world.gateway.ledger().len(), 1);
    world.sweep(&[(&card.pan, &card.cvc)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_task_that_dies_leaves_an_unknown_attempt() {
    let mut world = World::new("task-dies");
    let stage = world.harbour().await;
    let call = secured(&stage, Keys::Event).await;
    let _ = call.command("fault-payment-panic").await;
    let card = card();
    let view =
        pay(&call, &Purchase::default(), &card, Behaviour::Normal).await.expect("payment").expect("a view");
    assert_eq!(view.payment.state, "unknown");
    assert!(view.payment.say.expect("words").contains("Do not take it again"));
    let attempt = view.payment.attempt_id.expect("attempt");
    assert_eq!(stage.api.attempt(&attempt).await.expect("row")["state"], "unknown");
    // Nobody may try again while it is unknown.
    assert!(call.open_payment("INV-1001", 1_250, "GBP").await.is_err());
    assert!(world.gateway.ledger().is_empty(), "nothing was sent");
    call.hangup().await.expect("hung up");
    world.sweep(&[(&card.pan, &card.cvc)]);
}
