//! Every outcome that a bank can give, card by card, through whole calls: what the agent is told, what
//! the ledger has and what the gateway did agree.

use super::till::{card, charge, finish, key, order, paid, quick, row, secured, send, settle, stands};
use crate::support::{ServerPlan, World, harbour_call};
use futures_util::future::join_all;
use tonewall_loadtest::customer::TestCard;
use tonewall_loadtest::sandbox::{Behaviour, Decline, REFUSED_CODES, SandboxOptions, TEST_CARDS};
use tonewall_loadtest::stage::Stage;

const OTHER_CARD: &str = "did not accept this card";
const NOT_NOW: &str = "did not accept this payment now";
const TAKEN: &str = "The payment has been taken.";

/// State and words for a card that harbour takes; `None` where the gateway charges nothing and says
/// nothing, which takes its time and has a test of its own.
fn promised(behaviour: Behaviour) -> Option<(&'static str, &'static str)> {
    use Behaviour as B;
    let declined = |words| Some(("declined", words));
    match behaviour {
        B::Decline(
            Decline::GenericDecline | Decline::LostCard | Decline::StolenCard | Decline::Fraudulent,
        ) => declined(OTHER_CARD),
        B::Decline(Decline::InsufficientFunds | Decline::CardVelocityExceeded | Decline::ProcessingError) => {
            declined(NOT_NOW)
        }
        B::Decline(Decline::ExpiredCard) => declined("expiry date was not accepted"),
        B::Decline(Decline::IncorrectCvc) => declined("security code was not accepted"),
        B::Decline(Decline::CallIssuer) => declined("asks its customer to call it"),
        B::Decline(Decline::AuthenticationRequired) => declined("a telephone cannot do"),
        B::Held => Some(("held", "held for review")),
        B::Pending => Some(("pending", "will confirm the payment later")),
        B::Error500Before | B::HangBefore | B::ResetBefore | B::RateLimited => None,
        // The wire failures after a charge are healed by sending the same again under the same key.
        _ => Some(("approved", TAKEN)),
    }
}

/// The cards that harbour takes, as lots for one call each: declines with an approval as the last,
/// approvals, and those that leave the payment open.
fn lots() -> Vec<Vec<&'static str>> {
    // The digits of these that may be kept, side by side in a row, look like the middle of a card.
    const LOOK_ALIKE: [&str; 2] = ["4111111111111111", "4000008260000000"];
    let of = |state: &str| -> Vec<&'static str> {
        let brand = |pan: &str| {
            let taken = matches!(pan.as_bytes()[0], b'4' | b'5' | b'2') || pan.starts_with("37");
            taken && !LOOK_ALIKE.contains(&pan)
        };
        let fits = |b: Behaviour| promised(b).is_some_and(|(own, _)| own == state);
        TEST_CARDS.iter().filter(|(pan, b, _)| brand(pan) && fits(*b)).map(|(pan, ..)| *pan).collect()
    };
    let mut approved = of("approved");
    let mut lots: Vec<Vec<&str>> = of("declined").chunks(4).map(<[&str]>::to_vec).collect();
    for lot in &mut lots {
        lot.extend(approved.pop());
    }
    lots.extend(approved.chunks(5).map(<[&str]>::to_vec));
    lots.extend(of("held").into_iter().chain(of("pending")).map(|pan| vec![pan]));
    lots
}

fn behaviour(pan: &str) -> Behaviour {
    TEST_CARDS.iter().find(|(own, ..)| *own == pan).expect("a test card").1
}

/// One call, one lot. After a decline the same payment is tried again with the next card.
async fn one_call(world: &World, stage: &Stage, no: usize, lot: &[&str]) -> Vec<String> {
    let call = secured(stage, quick(harbour_call())).await;
    let (mut attempts, mut payments) = (Vec::new(), Vec::new());
    let mut round = 0;
    for pan in lot {
        let (state, words) = promised(behaviour(pan)).expect("a promise");
        let account = format!("LOT-{no}-{round}");
        let view = paid(&call, &order(&account), &card(pan)).await;
        let (attempt, say) =
            (view.payment.attempt_id.expect("an attempt"), view.payment.say.unwrap_or_default());
        assert_eq!(view.payment.state, state, "{pan}");
        assert!(say.contains(words), "{pan}: {say}");
        for never in ["lost", "stolen", "fraud", "pick up", "velocity"] {
            assert!(!say.to_lowercase().contains(never), "{pan}: {say}");
        }
        let row = row(stage, &attempt, state).await;
        assert_eq!((row["first6"].as_str(), row["last4"].as_str()), (pan.get(..6), pan.get(pan.len() - 4..)));
        assert_eq!(
            (row["account"].as_str(), row["amount_minor"].as_i64()),
            (Some(account.as_str()), Some(1_250))
        );
        let charge = charge(&world.gateway, &attempt).expect("the gateway knows it");
        assert_eq!(charge.times_charged, u32::from(state != "declined"), "{pan}");
        assert_eq!(charge.amount_minor, 1_250);
        let code = row["auth_code"].as_str();
        assert_eq!(code.is_some(), matches!(state, "approved" | "held"), "{pan}");
        assert_eq!(view.payment.auth_code.as_deref(), code);
        payments.push(row["payment_id"].as_str().expect("a payment").to_owned());
        attempts.push(attempt);
        round += usize::from(state != "declined");
    }
    one_payment_a_round(lot, &payments, &attempts);
    if promised(behaviour(lot[0])).is_some_and(|(state, _)| state == "pending") {
        // The bank confirms by itself, later.
        stands(&call, &attempts[0], &["approved"]).await;
    }
    call.hangup().await.expect("hung up");
    attempts
}

/// A decline and the card after it are one payment with two attempts; what follows an approval is
/// another payment.
fn one_payment_a_round(lot: &[&str], payments: &[String], attempts: &[String]) {
    for at in 1..lot.len() {
        let declined = promised(behaviour(lot[at - 1])).is_some_and(|(state, _)| state == "declined");
        assert_eq!(payments[at] == payments[at - 1], declined, "{}", lot[at]);
        assert!(!attempts[..at].contains(&attempts[at]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_test_card_ends_as_promised_everywhere() {
    let options =
        SandboxOptions { slow_ms: 1_000, pending_ms: 1_500, hang_ms: 400, ..SandboxOptions::default() };
    let mut world = World::with("outcomes", ServerPlan::default(), options);
    let stage = world.harbour().await;
    let lots = lots();
    assert_eq!(lots.iter().flatten().count(), 36, "{lots:?}");
    let calls = lots.iter().enumerate().map(|(no, lot)| one_call(&world, &stage, no, lot));
    let attempts: Vec<String> = join_all(calls).await.concat();
    let cards: Vec<_> = lots.iter().flatten().map(|pan| card(pan)).collect();
    let keyed: Vec<(&str, &str)> = cards.iter().map(|card| (card.pan.as_str(), card.cvc.as_str())).collect();
    world.sweep(&keyed);
    settle(&mut world, "harbour", &attempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_decline_another_card_is_keyed_from_its_number_on() {
    let mut world = World::new("again");
    let stage = world.harbour().await;
    let call = secured(&stage, quick(harbour_call())).await;
    let (bad, good) = (card("4000000000000127"), card("4242424242424242"));
    let first = key(&call, &order("INV-7"), &bad).await.expect("keyed");
    assert_eq!(first, ["pan", "expiry", "cvc", "address"]);
    let attempt = send(&call).await;
    let view = stands(&call, &attempt, &["declined"]).await;
    assert_eq!(
        (view.capture.cvc_filled, view.capture.last4.as_deref()),
        (0, Some("0127")),
        "the code is gone"
    );
    let error = call.command("take").await.expect_err("there is no card to take");
    assert!(error.to_string().contains("409 not_complete"), "{error}");
    let view = call.open_payment("INV-7", 1_250, "GBP").await.expect("opened");
    assert_eq!((view.capture.last4, view.capture.expiry), (None, None), "the card is gone");
    let again = finish(&call, &order("INV-7"), &good).await.expect("keyed");
    assert_eq!(again, ["pan", "expiry", "cvc"], "code and all, but not the address");
    let second = send(&call).await;
    assert_ne!(second, attempt);
    stands(&call, &second, &["approved"]).await;
    let error = call.open_payment("INV-7", 1_250, "GBP").await.expect_err("taken before");
    assert!(error.to_string().contains("409 already_taken"), "{error}");
    world.sweep(&[(&bad.pan, &bad.cvc), (&good.pan, &good.cvc)]);
    settle(&mut world, "harbour", &[attempt, second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_wrong_code_the_code_alone_is_keyed_again() {
    let mut world = World::new("code-again");
    let stage = world.harbour().await;
    let call = secured(&stage, quick(harbour_call())).await;
    let right = card("4242424242424242");
    let wrong = TestCard { cvc: REFUSED_CODES[0].to_owned(), ..right.clone() };
    key(&call, &order("INV-8"), &wrong).await.expect("keyed");
    let first = send(&call).await;
    let capture = stands(&call, &first, &["declined"]).await.capture;
    assert_eq!((capture.state.as_str(), capture.field, capture.cvc_filled), ("idle", None, 0));
    assert_eq!((capture.last4.as_deref(), capture.expiry.as_deref()), (Some("4242"), Some("12/30")));
    let id = call.id().expect("id");
    for _ in 0..2 {
        // Neither what is kept nor a field that is asked for makes a card.
        let error = call.command("take").await.expect_err("there is no code");
        assert!(error.to_string().contains("409 not_complete"), "{error}");
        let view = stage.api.reask(&id, "cvc").await.expect("asked again");
        assert_eq!((view.capture.state.as_str(), view.capture.field.as_deref()), ("open", Some("cvc")));
    }
    let again = finish(&call, &order("INV-8"), &right).await.expect("keyed");
    assert_eq!(again, ["cvc"], "neither number, expiry nor address");
    let second = send(&call).await;
    let view = stands(&call, &second, &["approved"]).await;
    assert_eq!((view.capture.last4, view.capture.cvc_filled), (None, 0), "nothing is kept of an approval");
    let (no, yes) = (row(&stage, &first, "declined").await, row(&stage, &second, "approved").await);
    assert_eq!(no["payment_id"], yes["payment_id"], "one payment, two attempts");
    assert_eq!((&no["last4"], &no["expiry"]), (&yes["last4"], &yes["expiry"]));
    let charged = |attempt| charge(&world.gateway, attempt).expect("the gateway knows it").times_charged;
    assert_eq!((charged(&first), charged(&second)), (0, 1));
    call.hangup().await.expect("hung up");
    world.sweep(&[(&right.pan, &right.cvc), (&wrong.pan, &wrong.cvc)]);
    settle(&mut world, "harbour", &[first, second]).await;
}
