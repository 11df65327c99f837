//! Load tests against a product that masks, leaks, or does not answer.

use super::*;
use crate::fake::Fake;

/// Two customers who key `4111111111111111*1230*123*` through a product that masks, or does not.
async fn report(leaks: bool, behaviour: Behaviour) -> LoadReport {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let token = "t".to_owned();
    let config = StageConfig {
        sip: any,
        pbx_bind: any,
        carrier_bind: Some(any),
        api: String::new(),
        token: token.clone(),
        seed: 3,
    };
    let mut stage = Stage::open(config.clone()).await.expect("loopback sockets");
    let fake = Fake::start(stage.pbx_addr(), leaks).await;
    stage.config.sip = fake.sip;
    stage.api = crate::api::Api::new(&fake.api, &token).expect("a client");
    let plan = LoadPlan {
        calls: 2,
        rate_per_s: 20.0,
        keys: Keys::Event,
        press: Press { on_ms: 40, off_ms: 20, ..Press::default() },
        terminator: Some('*'),
        secs: 0.5,
        stay_secured_secs: 0.2,
        route: Route::OnDemand { dial: "100".into() },
        sip: fake.sip,
        pbx_bind: any,
        carrier_bind: Some(any),
        api: fake.api.clone(),
        token,
        law: Law::A,
        seed: 3,
        take_payment: true,
        card: TestCard::default(),
        purchase: Purchase::default(),
        receipt: None,
        behaviour,
    };
    run_on(stage, plan).await
}

#[tokio::test]
async fn a_product_that_masks_passes() {
    let report = report(false, Behaviour::Normal).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(
        (report.ok, report.digits_keyed, report.digits_recovered, report.control_recovered),
        (2, 52, 0, Some(52))
    );
    assert_eq!(report.payments.get("approved"), Some(&2));
    let keys = &report.key_to_event_ms;
    assert!(report.per_call.iter().all(|call| call.key_to_event_ms.len() == 26), "{report:?}");
    // The fake counts a key at its end, whose packet leaves 20 ms after the first one.
    assert!(keys.p50.is_some_and(|ms| (10.0..1_000.0).contains(&ms)), "{keys:?}");
    assert!(report.secured_ms.p50.is_some() && report.delay_ms.p99.is_some() && report.packets_sent > 100);
}

#[tokio::test]
async fn a_product_that_leaks_is_found_out() {
    let report = report(true, Behaviour::Normal).await;
    assert!(!report.is_clean());
    assert_eq!(
        (report.ok, report.leaking_calls, report.digits_recovered, report.control_recovered),
        (2, 2, 52, Some(52))
    );
}

#[tokio::test]
async fn a_customer_who_hangs_up_at_the_code_pays_nothing() {
    let report = report(false, Behaviour::HangsUpAtCode).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.digits_keyed, report.payments.len()), (2 * 22, 0));
}

#[tokio::test]
async fn a_product_that_does_not_answer_is_a_failure_with_a_reason() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = StageConfig {
        sip: any,
        pbx_bind: any,
        carrier_bind: Some(any),
        api: String::new(),
        token: String::new(),
        seed: 3,
    };
    let mut stage = Stage::open(config).await.expect("loopback sockets");
    let (refusing, calls) = crate::ua::Ua::bind(any).await.expect("loopback socket");
    drop(calls);
    stage.config.sip = refusing.addr();
    let plan = LoadPlan {
        calls: 1,
        rate_per_s: 1.0,
        keys: Keys::InBand,
        press: Press::default(),
        terminator: None,
        secs: 0.0,
        stay_secured_secs: 0.0,
        route: Route::InPath { dial: "100".into() },
        sip: refusing.addr(),
        pbx_bind: any,
        carrier_bind: Some(any),
        api: String::new(),
        token: String::new(),
        law: Law::Mu,
        seed: 3,
        take_payment: false,
        card: TestCard::default(),
        purchase: Purchase::default(),
        receipt: None,
        behaviour: Behaviour::Normal,
    };
    let report = run_on(stage, plan).await;
    assert!(!report.is_clean() && report.ok == 0);
    assert!(report.failed.keys().all(|why| why.contains("503")), "{:?}", report.failed);
}
