//! Finding out what happened, and undoing it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Till, sale, until};
use crate::sandbox::{Faults, SandboxOptions};

const GOOD: &str = "4242424242424242";

fn id_of(paid: &Value) -> String {
    paid["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_query_by_reference_lags() {
    let till = Till::open(SandboxOptions { query_lag_ms: 120_000, ..SandboxOptions::default() });
    let paid = till.paid("r-1", GOOD).await;
    let by_reference = "/v1/payments?reference=r-1";
    assert_eq!(till.get(by_reference).await.status, 404);
    assert_eq!(till.get(&format!("/v1/payments/{}", id_of(&paid))).await.json(), paid);
    till.gateway.set_faults(Faults { query_lag_ms: 0, ..till.gateway.faults() }).unwrap();
    assert_eq!(till.get(by_reference).await.json(), json!({"payments": [paid]}));
    assert_eq!(till.get("/v1/payments?reference=r-2").await.status, 404);
}

#[tokio::test]
async fn the_lag_is_as_long_as_it_says() {
    let till = Till::open(SandboxOptions { query_lag_ms: 300, ..SandboxOptions::default() });
    let sent = Instant::now();
    till.paid("r-1", GOOD).await;
    let found = until(|| till.get("/v1/payments?reference=r-1"), |reply| reply.status == 200).await;
    assert!(sent.elapsed() >= Duration::from_millis(300));
    assert_eq!(found.json()["payments"][0]["status"], "approved");
}

#[tokio::test]
async fn a_charge_without_an_answer_is_found_and_undone() {
    let till = Till::quick();
    let body = sale("r-1", "4000000000002685");
    assert!(till.send("POST", "/v1/payments", Some("k-1"), Some(&body)).await.is_err());
    let found = till.get("/v1/payments?reference=r-1").await.json();
    assert_eq!(found["payments"][0]["status"], "approved");
    let voided =
        till.send("POST", "/v1/payments/void-by-reference", None, Some(&json!({"reference": "r-1"}))).await;
    assert_eq!(voided.unwrap().json()["payments"][0]["voided"], true);
    let row = till.row("r-1").unwrap();
    assert_eq!((row.times_charged, row.voided, row.net_minor), (1, true, 0));
}

#[tokio::test]
async fn void_by_reference_lags_and_is_all_or_none() {
    let till = Till::open(SandboxOptions { query_lag_ms: 120_000, ..SandboxOptions::default() });
    till.paid("good", GOOD).await;
    till.paid("declined", "4000000000000002").await;
    let undo = async |reference: &str| {
        let body = json!({"reference": reference});
        till.send("POST", "/v1/payments/void-by-reference", None, Some(&body)).await.unwrap().status
    };
    assert_eq!(undo("good").await, 404);
    till.gateway.set_faults(Faults { query_lag_ms: 0, ..till.gateway.faults() }).unwrap();
    assert_eq!([undo("good").await, undo("declined").await, undo("other").await], [200, 422, 404]);
}

#[tokio::test]
async fn a_void_may_be_repeated_and_ends_refunds() {
    let till = Till::quick();
    for (reference, number, status) in [
        ("approved", GOOD, 200),
        ("held", "4000000000009235", 200),
        ("pending", "4000000000000093", 200),
        ("declined", "4000000000000002", 422),
    ] {
        let id = id_of(&till.paid(reference, number).await);
        for _ in 0..2 {
            let void = till.send("POST", &format!("/v1/payments/{id}/void"), None, None).await.unwrap();
            assert_eq!(void.status, status, "{reference}");
        }
        assert_eq!(till.row(reference).unwrap().net_minor, 0);
        let body = json!({"amount_minor": 1, "reference": "rf-1"});
        let refund = till.post(&format!("/v1/payments/{id}/refund"), &format!("rf-{reference}"), &body).await;
        assert_eq!((refund.status, refund.error().as_str()), (422, "invalid_state"), "{reference}");
    }
}

#[tokio::test]
async fn refunds_add_up_to_the_amount_at_most() {
    let till = Till::quick();
    let id = id_of(&till.paid("r-1", GOOD).await);
    let refund = async |key: &str, reference: &str, amount_minor: i64| {
        let body = json!({"amount_minor": amount_minor, "reference": reference});
        till.post(&format!("/v1/payments/{id}/refund"), key, &body).await
    };
    let first = refund("f-1", "rf-1", 500).await.json();
    assert_eq!((&first["refunded_minor"], &first["remaining_minor"]), (&json!(500), &json!(750)));
    assert_eq!(refund("f-1", "rf-1", 500).await.json(), first);
    assert_eq!(refund("f-2", "rf-1", 500).await.error(), "duplicate_reference");
    assert_eq!(refund("f-3", "rf-2", 751).await.error(), "over_refund");
    assert_eq!(refund("f-3", "rf-2", 0).await.error(), "invalid_amount");
    assert_eq!(refund("f-3", "rf-2", 750).await.json()["remaining_minor"], 0);
    assert_eq!(refund("f-4", "rf-3", 1).await.error(), "over_refund");
    let void = till.send("POST", &format!("/v1/payments/{id}/void"), None, None).await.unwrap();
    assert_eq!(void.error(), "invalid_state");
    let row = till.row("r-1").unwrap();
    assert_eq!((row.refunded_minor, row.net_minor), (1250, 0));
}

#[tokio::test]
async fn held_and_pending_money_cannot_be_refunded() {
    let till = Till::quick();
    for (reference, number) in [("held", "4000000000009235"), ("pending", "4000000000000093")] {
        let id = id_of(&till.paid(reference, number).await);
        let body = json!({"amount_minor": 1, "reference": "rf-1"});
        let refused =
            till.post(&format!("/v1/payments/{id}/refund"), &format!("rf-{reference}"), &body).await;
        assert_eq!(refused.error(), "invalid_state", "{reference}");
    }
}

#[tokio::test]
async fn an_emptied_ledger_has_forgotten_everything() {
    let till = Till::quick();
    till.paid("r-1", GOOD).await;
    assert_eq!(till.get("/_test/ledger").await.json()["times_charged"], 1);
    assert_eq!(till.send("DELETE", "/_test/ledger", None, None).await.unwrap().status, 204);
    let empty = till.get("/_test/ledger").await.json();
    assert_eq!(empty, json!({"charges": [], "times_charged": 0, "net_minor": 0}));
    let again = till.pay("key-r-1", &sale("r-1", GOOD)).await;
    assert_eq!((again.status, again.is_replayed()), (200, false));
}
