//! The CRM over real sockets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{CrmFault, SandboxCrm, SandboxCrmOptions};

struct Client {
    crm: SandboxCrm,
    http: reqwest::Client,
}

const TOKEN: &str = "crm-demo-token";

impl Client {
    fn new() -> Self {
        crate::api::init_tls();
        let options = SandboxCrmOptions {
            tenants: vec![("GBP".into(), TOKEN.into()), ("EUR".into(), "another-token".into())],
            seed: 7,
            ..SandboxCrmOptions::default()
        };
        println!("seed {}", options.seed);
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20));
        let crm = SandboxCrm::start(options).expect("a CRM");
        Self { crm, http: http.build().expect("a client") }
    }

    async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.crm.url())).bearer_auth(token);
        Self::read(request).await
    }

    async fn post(&self, key: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}/payments", self.crm.url())).bearer_auth(TOKEN);
        Self::read(request.header("idempotency-key", key).body(body.to_string())).await
    }

    async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON"))
    }

    async fn unpaid(&self, caller: &str) -> Vec<Value> {
        let (status, body) = self.get(TOKEN, &format!("/invoices?caller=%2B{caller}&status=unpaid")).await;
        assert_eq!(status, 200, "{body}");
        body["invoices"].as_array().expect("a list").clone()
    }
}

fn payment(invoice: &Value, amount: &str) -> Value {
    json!({
        "event": "ev_1", "account": invoice["account"], "amount": amount, "currency": "GBP",
        "auth_code": "A1B2C3", "reference": "at_1",
    })
}

#[tokio::test]
async fn an_invoice_is_found_by_number_and_by_account_and_paid_once() {
    let client = Client::new();
    let found = client.unpaid("447700900001").await;
    let invoice = &found[0];
    assert_eq!(invoice["account"], "INV-1001");
    for name in ["name", "amount", "currency", "due", "house_number", "postcode", "email"] {
        assert!(invoice[name].as_str().is_some_and(|text| !text.is_empty()), "{name} of {invoice}");
    }
    let (_, by_account) = client.get(TOKEN, "/invoices?account=inv-1001&status=unpaid").await;
    assert_eq!(&by_account["invoices"][0], invoice);
    let amount = invoice["amount"].as_str().expect("text");
    assert_eq!(client.post("k1", &payment(invoice, amount)).await.0, 201);
    assert_eq!(client.post("k1", &payment(invoice, amount)).await.0, 200);
    assert_eq!(client.post("k1", &payment(invoice, "1.00")).await.0, 409);
    assert_eq!(client.unpaid("447700900001").await.len(), found.len() - 1);
    let (_, paid) = client.get(TOKEN, "/invoices?account=INV-1001&status=paid").await;
    assert_eq!(paid["invoices"].as_array().map(Vec::len), Some(1));
    let posted = client.crm.payments(TOKEN);
    assert_eq!((posted.len(), posted[0].allocated, posted[0].auth_code.as_str()), (1, true, "A1B2C3"));
    assert!(client.crm.payments("another-token").is_empty());
}

#[tokio::test]
async fn a_new_number_gets_an_invoice_and_an_anonymous_one_does_not() {
    let client = Client::new();
    let first = client.unpaid("441632960123").await;
    assert!(!first.is_empty());
    assert_eq!(client.unpaid("441632960123").await, first, "the same when asked again");
    assert_eq!(client.crm.unpaid(TOKEN, "+441632960123").len(), first.len());
    assert!(client.unpaid("447700900999").await.is_empty());
    let (status, body) = client.get(TOKEN, "/invoices?caller=anonymous").await;
    assert_eq!((status, body["invoices"].as_array().map(Vec::len)), (200, Some(0)));
}

#[tokio::test]
async fn part_of_an_amount_leaves_the_rest_and_an_unknown_account_is_kept_apart() {
    let client = Client::new();
    let invoice = client.unpaid("447700900002").await.remove(0);
    assert_eq!(client.post("a", &payment(&invoice, "1.25")).await.0, 201);
    let rest = client.unpaid("447700900002").await.remove(0);
    let minor =
        |value: &Value| value["amount"].as_str().and_then(|text| text.replace('.', "").parse::<i64>().ok());
    assert_eq!(minor(&rest), minor(&invoice).map(|amount| amount - 125));
    assert_eq!(client.post("b", &payment(&json!({ "account": "NOBODY-1" }), "5.00")).await.0, 201);
    assert_eq!(
        client.crm.payments(TOKEN).iter().map(|posted| posted.allocated).collect::<Vec<_>>(),
        [true, false]
    );
}

#[tokio::test]
async fn tokens_paths_and_bodies_that_are_wrong() {
    let client = Client::new();
    assert_eq!(client.get("wrong", "/invoices?account=INV-1001").await.0, 401);
    assert_eq!(
        client.get("another-token", "/invoices?account=INV-1001").await.1["invoices"][0]["currency"],
        "EUR"
    );
    assert_eq!(client.get(TOKEN, "/invoices").await.0, 400);
    assert_eq!(client.get(TOKEN, "/invoices?caller=%2B447700900001&account=x").await.0, 400);
    assert_eq!(client.get(TOKEN, "/invoices?account=x&status=lost").await.0, 400);
    assert_eq!(client.get(TOKEN, "/payments").await.0, 405);
    assert_eq!(client.get(TOKEN, "/").await.0, 404);
    let invoice = json!({ "account": "INV-1001" });
    assert_eq!(client.post("", &payment(&invoice, "1.00")).await.0, 400);
    assert_eq!(client.post("k", &json!([1])).await.0, 400);
    assert_eq!(client.post("k", &payment(&invoice, "1.5")).await.0, 422);
    assert_eq!(client.post("k", &payment(&json!({ "account": "a\u{1}" }), "1.50")).await.0, 422);
    assert_eq!(client.post("k", &payment(&json!({ "account": "a".repeat(20_000) }), "1.50")).await.0, 413);
    let mut euros = payment(&invoice, "1.00");
    euros["currency"] = "EUR".into();
    assert_eq!(client.post("k", &euros).await.0, 422);
    assert!(client.crm.payments(TOKEN).is_empty());
    let none = SandboxCrmOptions { tenants: Vec::new(), ..SandboxCrmOptions::default() };
    assert!(SandboxCrm::start(none).is_err());
}

#[tokio::test]
async fn faults_on_wish() {
    let client = Client::new();
    client.crm.fail_next(CrmFault::Error500, 2);
    for status in [500, 500, 200] {
        assert_eq!(client.get(TOKEN, "/invoices?account=INV-1001").await.0, status);
    }
    client.crm.fail_next(CrmFault::Unauthorised, 1);
    assert_eq!(client.post("k", &payment(&json!({ "account": "INV-1001" }), "1.00")).await.0, 401);
    assert!(client.crm.payments(TOKEN).is_empty(), "nothing was done");
    client.crm.fail_next(CrmFault::Slow(300), 1);
    let started = Instant::now();
    assert_eq!(client.get(TOKEN, "/invoices?account=INV-1001").await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(300));
    client.crm.fail_next(CrmFault::Error500, 0);
    assert_eq!(client.get(TOKEN, "/invoices?account=INV-1001").await.0, 200);
}
