//! Asking a CRM and telling it, over real sockets, with CRMs that misbehave.

mod world;

use std::time::Duration;
use tonewall_connectors::crm::{CrmClient, CrmError, INVOICES_MAX, Paid};
use tonewall_model::ids::EventId;
use tonewall_model::money::{Currency, Money};
use tonewall_model::tenant::Crm;
use tonewall_secret::Secret;
use world::{Act, PATIENT, ScriptedGateway};

/// Long enough for an answer over loopback on a busy machine, short enough to be waited for.
const SHORT: Duration = Duration::from_millis(400);

fn client(url: String, timeout: Duration) -> CrmClient {
    // A second installation in one process fails, and is not needed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let crm = Crm::Rest { url, token: Secret::new("tok_demo".to_owned()) };
    CrmClient::new(&crm).expect("a client").with_timeout(timeout)
}

fn invoices(name: &str) -> String {
    format!(r#"{{"invoices":[{{"account":"INV-1001","name":"{name}","amount":"12.50","currency":"GBP"}}]}}"#)
}

fn paid() -> Paid {
    Paid {
        account: "INV-1001".into(),
        amount: Money { minor: 1250, currency: Currency::GBP },
        auth_code: "408432".into(),
        reference: "at_00000000000000000001".into(),
    }
}

#[tokio::test]
async fn what_a_caller_owes() {
    let crm = ScriptedGateway::start([Act::Answer(200, invoices("Zoe"))]).await;
    let client = client(crm.url(), PATIENT);
    let found = client.unpaid_of_caller("+447700900123").await.expect("an answer");
    assert_eq!((found.len(), found[0].amount.minor, found[0].name.as_str()), (1, 1250, "Zoe"));
    client.unpaid_of_account("INV-1001").await.expect("an answer");
    let seen = crm.seen();
    assert!(seen[0].head.starts_with("get /invoices?caller=%2b447700900123&status=unpaid http/1.1\r\n"));
    assert!(seen[1].head.starts_with("get /invoices?account=inv-1001&status=unpaid http/1.1\r\n"));
    assert_eq!(seen[0].header("authorization"), Some("bearer tok_demo"));
}

#[tokio::test]
async fn a_card_number_does_not_leave_and_does_not_come_in() {
    let crm = ScriptedGateway::start([Act::Answer(200, invoices("Zoe 4111 1111 1111 1111"))]).await;
    let client = client(crm.url(), PATIENT);
    assert_eq!(client.unpaid_of_account("4111 1111 1111 1111").await, Err(CrmError::NotAsked));
    assert_eq!(crm.seen_count(), 0);
    let found = client.unpaid_of_account("INV-1001").await.expect("an answer");
    assert_eq!(found[0].name, "Zoe ###################");
}

#[tokio::test]
async fn crms_that_misbehave_give_an_error_and_nothing_else() {
    let huge = invoices(&"x".repeat(300_000));
    let many = vec![r#"{"account":"A","amount":"1","currency":"GBP"}"#; 4_000].join(",");
    let cases = [
        (Act::Stall, SHORT, CrmError::NoAnswer),
        (Act::StallMidway, SHORT, CrmError::NoAnswer),
        (Act::Close, PATIENT, CrmError::NoAnswer),
        (Act::Reset, PATIENT, CrmError::NoAnswer),
        (Act::Bytes(b"220 mail.example ESMTP\r\n".to_vec()), PATIENT, CrmError::NoAnswer),
        (Act::Cut(invoices("Zoe")), PATIENT, CrmError::Unreadable),
        (Act::Answer(200, huge), PATIENT, CrmError::Unreadable),
        (Act::Answer(200, "<html>Sign in</html>".into()), PATIENT, CrmError::Unreadable),
        (Act::Answer(200, "[".repeat(200_000)), PATIENT, CrmError::Unreadable),
        (Act::Answer(401, invoices("Zoe")), PATIENT, CrmError::Unauthorised),
        (Act::Answer(500, invoices("Zoe")), PATIENT, CrmError::Status(500)),
        (Act::Redirect("http://127.0.0.1:1/elsewhere".into()), PATIENT, CrmError::Status(307)),
    ];
    for (act, timeout, expected) in cases {
        let crm = ScriptedGateway::start([act.clone()]).await;
        let found = client(crm.url(), timeout).unpaid_of_caller("+447700900123").await;
        assert_eq!(found, Err(expected), "{:.80}", format!("{act:?}"));
        assert_eq!(crm.seen_count(), 1, "asked once, not sent elsewhere");
    }
    let crm = ScriptedGateway::start([Act::Answer(200, format!(r#"{{"invoices":[{many}]}}"#))]).await;
    let found = client(crm.url(), PATIENT).unpaid_of_caller("+447700900123").await.expect("an answer");
    assert_eq!(found.len(), INVOICES_MAX);
}

#[tokio::test]
async fn nothing_listens_and_nothing_may_be_asked() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let found = client(format!("http://{free}"), PATIENT).unpaid_of_caller("+447700900123").await;
    assert_eq!(found, Err(CrmError::NotReached));
    for url in ["http://crm.example", "http://10.0.0.1", "ftp://127.0.0.1", "127.0.0.1"] {
        let found = client(url.into(), PATIENT).unpaid_of_caller("+447700900123").await;
        assert!(matches!(found, Err(CrmError::SetUp(_))), "{url}");
    }
    assert!(matches!(CrmClient::new(&Crm::None), Err(CrmError::NoCrm)));
}

#[tokio::test]
async fn a_payment_told_twice_carries_the_same_event() {
    let acts = [Act::Close, Act::Answer(201, "{}".into()), Act::Answer(200, String::new())];
    let crm = ScriptedGateway::start(acts).await;
    let (client, event) = (client(crm.url(), PATIENT), EventId::from_random(9));
    let first = client.record_payment(&event, &paid()).await.expect_err("it hung up");
    assert!(first.is_passing());
    assert_eq!(client.record_payment(&event, &paid()).await, Ok(()));
    assert_eq!(client.record_payment(&event, &paid()).await, Ok(()));
    let seen = crm.seen();
    assert!(seen.iter().all(|request| request.header("idempotency-key") == Some(event.as_str())));
    assert!(seen.iter().all(|request| request.body == seen[0].body));
    assert!(seen[0].head.starts_with("post /payments http/1.1\r\n"));
}

#[tokio::test]
async fn a_crm_that_will_not_have_a_payment_is_not_asked_for_ever() {
    for (status, passing) in [(422, false), (409, false), (401, true), (503, true), (404, true)] {
        let crm = ScriptedGateway::start([Act::Answer(status, "{}".into())]).await;
        let told = client(crm.url(), PATIENT).record_payment(&EventId::from_random(9), &paid()).await;
        assert_eq!(told.map_err(|error| error.is_passing()), Err(passing), "{status}");
    }
}
