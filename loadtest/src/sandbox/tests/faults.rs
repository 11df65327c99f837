//! The twelve answers, forced and drawn, and the settings.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Till, sale};
use crate::sandbox::faults::SplitMix;
use crate::sandbox::{Fault, FaultMix, Faults, SandboxGateway, SandboxOptions};

const GOOD: &str = "4242424242424242";

/// Fault, HTTP status if the answer arrives whole, whether the card is charged.
const TWELVE: [(Fault, Option<u16>, u32); 12] = [
    (Fault::Ok, Some(200), 1),
    (Fault::Decline, Some(200), 0),
    (Fault::Slow, Some(200), 1),
    (Fault::TimeoutBefore, None, 0),
    (Fault::TimeoutAfter, None, 1),
    (Fault::ResetBefore, None, 0),
    (Fault::ResetAfter, None, 1),
    (Fault::E500Before, Some(500), 0),
    (Fault::E500After, Some(500), 1),
    (Fault::GarbageAfter, Some(200), 1),
    (Fault::TruncatedAfter, None, 1),
    (Fault::E429, Some(429), 0),
];

#[tokio::test]
async fn each_of_the_twelve_answers() {
    let till = Till::quick();
    for (fault, status, charged) in TWELVE {
        let reference = format!("{fault:?}");
        till.force(&[fault]);
        let reply = till.send("POST", "/v1/payments", Some(&reference), Some(&sale(&reference, GOOD))).await;
        assert_eq!(reply.as_ref().ok().map(|reply| reply.status), status, "{fault:?}");
        assert_eq!(till.times_charged(&reference), charged, "{fault:?}");
        let replay = till.pay(&reference, &sale(&reference, GOOD)).await;
        assert_eq!(replay.status, 200, "{fault:?}");
        let expected = if fault == Fault::Decline { 0 } else { 1 };
        assert_eq!(till.times_charged(&reference), expected, "{fault:?} after a replay");
    }
}

#[tokio::test]
async fn voids_and_refunds_fail_too_and_queries_do_not() {
    let till = Till::quick();
    let paid = till.paid("r-1", GOOD).await;
    let refund = format!("/v1/payments/{}/refund", paid["id"].as_str().unwrap());
    let body = json!({"amount_minor": 100, "reference": "rf-1"});
    till.force(&[Fault::ResetBefore, Fault::ResetAfter]);
    assert_eq!(till.get("/v1/payments?reference=r-1").await.status, 200);
    let refunded = || till.row("r-1").unwrap().refunded_minor;
    for expected in [0, 100] {
        assert!(till.send("POST", &refund, Some("f-1"), Some(&body)).await.is_err());
        assert_eq!(refunded(), expected);
    }
    assert!(till.post(&refund, "f-1", &body).await.is_replayed());
    assert_eq!(refunded(), 100);
}

#[test]
fn the_mix_is_drawn_by_its_weights() {
    let mut drawn: HashMap<String, u32> = HashMap::new();
    for point in 0..100 {
        *drawn.entry(format!("{:?}", FaultMix::HOSTILE.pick(point))).or_default() += 1;
    }
    let weights = [60, 5, 5, 5, 5, 4, 4, 3, 3, 2, 2, 2];
    for ((fault, ..), weight) in TWELVE.iter().zip(weights) {
        assert_eq!(drawn[&format!("{fault:?}")], weight, "{fault:?}");
    }
}

#[test]
fn a_seed_gives_the_same_faults_again() {
    let draws = |seed| {
        let mut random = SplitMix(seed);
        (0..64).map(|_| FaultMix::HOSTILE.pick(random.next())).collect::<Vec<_>>()
    };
    assert_eq!(draws(7), draws(7));
    assert_ne!(draws(7), draws(8));
}

#[tokio::test]
async fn settings_change_while_running() {
    let till = Till::quick();
    let put = async |body: Value| till.send("PUT", "/_test/faults", None, Some(&body)).await.unwrap();
    assert_eq!(put(json!({"mix": "default", "query_lag_ms": 5})).await.status, 200);
    assert_eq!((till.gateway.faults().mix, till.gateway.faults().query_lag_ms), (Some(FaultMix::HOSTILE), 5));
    assert_eq!(put(json!({"hang_ms": 7})).await.json()["query_lag_ms"], 5);
    assert_eq!(till.gateway.faults().mix, Some(FaultMix::HOSTILE));
    put(json!({"mix": {"e429": 1}, "next": ["e500_before"], "idempotency": false})).await;
    let faults = till.gateway.faults();
    assert_eq!(faults.mix, Some(FaultMix { e429: 1, ..FaultMix::default() }));
    assert_eq!((faults.next.as_slices().0, faults.idempotency), ([Fault::E500Before].as_slice(), false));
    assert_eq!(till.pay("k-1", &sale("r-1", GOOD)).await.status, 500);
    assert_eq!(till.pay("k-1", &sale("r-1", GOOD)).await.error(), "rate_limited");
    put(json!({"mix": null})).await;
    assert_eq!(till.pay("k-1", &sale("r-1", GOOD)).await.status, 200);
    assert_eq!(till.get("/_test/faults").await.json()["mix"], Value::Null);

    for (bad, status) in [
        (json!({"hang_ms": 120_001}), 422),
        (json!({"mix": {"ok": 0}}), 422),
        (json!({"mix": {"ok": 1_000_001}}), 422),
        (json!({"mix": {"weather": 1}}), 400),
        (json!({"mix": "worst"}), 400),
        (json!({"next": ["nothing"]}), 400),
        (json!({"next": vec!["ok"; 1_001]}), 422),
        (json!({"hang": 1}), 400),
    ] {
        let before = till.gateway.faults();
        assert_eq!(put(bad.clone()).await.status, status, "{bad}");
        assert_eq!(till.gateway.faults(), before);
    }
}

#[test]
fn options_out_of_bounds_are_refused() {
    let defaults = SandboxOptions::default;
    for options in [
        SandboxOptions { merchants: Vec::new(), ..defaults() },
        SandboxOptions { merchants: vec![("demo".to_owned(), String::new())], ..defaults() },
        SandboxOptions { hang_ms: 120_001, ..defaults() },
        SandboxOptions { fault_mix: Some(FaultMix::default()), ..defaults() },
    ] {
        let refused = SandboxGateway::start(options).err().map(|error| error.kind());
        assert_eq!(refused, Some(std::io::ErrorKind::InvalidInput));
    }
}

#[tokio::test]
async fn a_stopped_gateway_frees_its_port() {
    let till = Till::open(SandboxOptions { hang_ms: 120_000, ..SandboxOptions::default() });
    let (addr, client) = (till.gateway.addr, till.client.clone());
    till.force(&[Fault::TimeoutAfter]);
    let hanging = client
        .post(format!("http://{addr}/v1/payments"))
        .bearer_auth(&till.secret)
        .header("idempotency-key", "k-1")
        .header("content-type", "application/json")
        .body(sale("r-1", GOOD).to_string())
        .send();
    let hanging = tokio::spawn(hanging);
    super::until(|| async { till.times_charged("r-1") }, |times| *times == 1).await;
    till.gateway.stop();
    assert!(hanging.await.unwrap().is_err(), "a connection outlived the gateway");
    let again = SandboxGateway::start(SandboxOptions { listen: addr, ..SandboxOptions::default() }).unwrap();
    assert_eq!(again.addr, addr);
    assert!(again.set_faults(Faults { slow_ms: 120_001, ..again.faults() }).is_err());
}
