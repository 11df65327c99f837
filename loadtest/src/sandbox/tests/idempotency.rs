//! One key, one charge.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Till, sale, until};
use crate::sandbox::{FaultMix, SandboxOptions};

const SLOW: &str = "4000000000000077";
const GOOD: &str = "4242424242424242";

#[tokio::test]
async fn the_same_request_is_answered_from_store() {
    let till = Till::quick();
    let first = till.pay("k-1", &sale("r-1", GOOD)).await;
    let again = till.pay("k-1", &sale("r-1", GOOD)).await;
    assert_eq!((first.status, first.is_replayed()), (200, false));
    assert_eq!((again.status, again.is_replayed()), (200, true));
    assert_eq!(first.text, again.text);
    assert_eq!(till.times_charged("r-1"), 1);
}

#[tokio::test]
async fn another_body_or_path_under_the_same_key_is_refused() {
    let till = Till::quick();
    let paid = till.pay("k-1", &sale("r-1", GOOD)).await.json();
    let mut other = sale("r-1", GOOD);
    other["amount_minor"] = json!(1251);
    let refused = till.pay("k-1", &other).await;
    assert_eq!((refused.status, refused.error().as_str()), (422, "idempotency_mismatch"));
    let refund = format!("/v1/payments/{}/refund", paid["id"].as_str().unwrap());
    let refused = till.post(&refund, "k-1", &sale("r-1", GOOD)).await;
    assert_eq!((refused.status, refused.error().as_str()), (422, "idempotency_mismatch"));
    assert_eq!(till.row("r-1").unwrap().net_minor, 1250);
}

#[tokio::test]
async fn a_key_in_use_is_in_progress() {
    let till = Till::open(SandboxOptions { slow_ms: 120_000, ..SandboxOptions::default() });
    let body = sale("r-1", SLOW);
    let mut first = TcpStream::connect(till.gateway.addr).await.unwrap();
    first.write_all(&till.raw_payment("k-1", &body)).await.unwrap();
    till.begun("k-1").await;
    let busy = till.pay("k-1", &body).await;
    assert_eq!((busy.status, busy.error().as_str()), (409, "in_progress"));
    assert_eq!(busy.headers["retry-after"], "1");
    assert_eq!(till.times_charged("r-1"), 0);
}

#[tokio::test]
async fn a_key_belongs_to_its_merchant() {
    let merchants = ["one", "two"].map(|name| (name.to_owned(), format!("secret-{name}"))).to_vec();
    let mut till = Till::open(SandboxOptions { merchants, ..SandboxOptions::default() });
    let first = till.pay("k-1", &sale("r-1", GOOD)).await;
    till.secret = "secret-two".to_owned();
    let second = till.pay("k-1", &sale("r-1", GOOD)).await;
    assert_eq!((second.status, second.is_replayed()), (200, false));
    assert_ne!(first.json()["id"], second.json()["id"]);
    let path = format!("/v1/payments/{}", first.json()["id"].as_str().unwrap());
    assert_eq!(till.get(&path).await.status, 404);
    assert_eq!(till.gateway.ledger().len(), 2);
}

#[tokio::test]
async fn a_refused_request_frees_its_key() {
    let till = Till::quick();
    let mut bad = sale("r-1", GOOD);
    bad["amount_minor"] = json!(0);
    assert_eq!(till.pay("k-1", &bad).await.status, 422);
    assert_eq!(till.pay("k-1", &sale("r-1", GOOD)).await.status, 200);
}

#[tokio::test]
async fn a_reference_is_used_once() {
    let till = Till::quick();
    till.paid("r-1", "4000000000000002").await;
    let refused = till.pay("k-2", &sale("r-1", GOOD)).await;
    assert_eq!((refused.status, refused.error().as_str()), (409, "duplicate_reference"));
    assert_eq!(till.times_charged("r-1"), 0);
}

#[tokio::test]
async fn keys_are_needed_and_checked() {
    let till = Till::quick();
    let body = sale("r-1", GOOD);
    let none = till.send("POST", "/v1/payments", None, Some(&body)).await.unwrap();
    assert_eq!((none.status, none.error().as_str()), (400, "missing_idempotency_key"));
    for key in ["", "a b", &"k".repeat(65)] {
        let bad = till.pay(key, &body).await;
        assert_eq!((bad.status, bad.error().as_str()), (400, "invalid_idempotency_key"), "{key}");
    }
    assert_eq!(till.pay(&"k".repeat(64), &body).await.status, 200);
}

#[tokio::test]
async fn work_goes_on_when_the_client_leaves() {
    let till = Till::open(SandboxOptions { slow_ms: 500, ..SandboxOptions::default() });
    let body = sale("r-1", SLOW);
    let mut hasty = TcpStream::connect(till.gateway.addr).await.unwrap();
    hasty.write_all(&till.raw_payment("k-1", &body)).await.unwrap();
    till.begun("k-1").await;
    drop(hasty);
    let answer = until(|| till.pay("k-1", &body), |reply| reply.status == 200).await;
    assert!(answer.is_replayed(), "the first request was dropped with its client");
    assert_eq!(till.times_charged("r-1"), 1);
}

/// Sends until a payment comes back, as a client that holds the card does; every answer is believed but an unclear one.
async fn insist(till: &Till, reference: &str, key: impl Fn(usize) -> String) -> String {
    let body = sale(reference, GOOD);
    for attempt in 0..60 {
        let Ok(reply) = till.send("POST", "/v1/payments", Some(&key(attempt)), Some(&body)).await else {
            continue;
        };
        let json: serde_json::Value = serde_json::from_str(&reply.text).unwrap_or_default();
        if let (200, Some(status)) = (reply.status, json["status"].as_str()) {
            return status.to_owned();
        }
    }
    panic!("no answer in 60 attempts");
}

fn hostile(idempotency: bool) -> Till {
    let fault_mix = Some(FaultMix::HOSTILE);
    Till::open(SandboxOptions { idempotency, hang_ms: 20, seed: 7, fault_mix, ..SandboxOptions::default() })
}

#[tokio::test]
async fn no_double_charge_in_any_weather_with_a_key() {
    let till = hostile(true);
    for number in 0..150 {
        let reference = format!("r-{number}");
        let status = insist(&till, &reference, |_| format!("k-{number}")).await;
        assert_eq!(till.times_charged(&reference), u32::from(status == "approved"), "{reference}");
    }
    assert_eq!(till.gateway.ledger().len(), 150);
}

/// The control of the test above: the weather is such that without keys there are double charges.
#[tokio::test]
async fn double_charges_without_keys() {
    let till = hostile(false);
    for number in 0..150 {
        insist(&till, &format!("r-{number}"), |attempt| format!("k-{number}-{attempt}")).await;
    }
    let doubles = till.gateway.ledger().iter().filter(|charge| charge.times_charged > 1).count();
    assert!(doubles > 5, "{doubles} double charges");
}

#[tokio::test]
async fn a_crowd_with_one_key_is_charged_once() {
    let till = std::sync::Arc::new(Till::quick());
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let till = std::sync::Arc::clone(&till);
        crowd.spawn(async move { till.pay("k-1", &sale("r-1", SLOW)).await });
    }
    let replies = crowd.join_all().await;
    let first = replies.iter().filter(|reply| reply.status == 200 && !reply.is_replayed()).count();
    assert_eq!((first, till.times_charged("r-1")), (1, 1));
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 409)));
}
