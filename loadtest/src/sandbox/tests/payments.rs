//! Validation, agreements, tokens, secrets, paths.

use serde_json::{Value, json};

use super::{Till, card, sale};

const GOOD: &str = "4242424242424242";

#[tokio::test]
async fn bad_fields_are_named_and_nothing_is_charged() {
    let till = Till::quick();
    let cases: &[(&str, Value, u16, &str)] = &[
        ("/amount_minor", json!(0), 422, "invalid_amount"),
        ("/amount_minor", json!(100_000_000), 422, "invalid_amount"),
        ("/amount_minor", json!(12.5), 400, "invalid_json"),
        ("/amount_minor", json!("1250"), 400, "invalid_json"),
        ("/currency", json!("gbp"), 422, "invalid_currency"),
        ("/currency", json!("XTS"), 422, "currency_not_enabled"),
        ("/reference", json!(""), 422, "invalid_reference"),
        ("/reference", json!("a b"), 422, "invalid_reference"),
        ("/reference", json!(GOOD), 422, "invalid_reference"),
        ("/channel", json!("web"), 400, "invalid_json"),
        ("/channel", json!("recurring"), 422, "invalid_agreement"),
        ("/card", Value::Null, 422, "invalid_request"),
        ("/token", json!("tok_x"), 422, "invalid_request"),
        ("/colour", json!("red"), 400, "invalid_json"),
        ("/card/number", json!("4242424242424241"), 422, "invalid_number"),
        ("/card/number", json!("4242"), 422, "invalid_number"),
        ("/card/number", json!("4242 4242 4242 4242"), 422, "invalid_number"),
        ("/card/number", json!("30569309025904"), 422, "not_a_test_card"),
        ("/card/expiry_month", json!(13), 422, "invalid_expiry"),
        ("/card/expiry_month", json!(0), 422, "invalid_expiry"),
        ("/card/expiry_year", json!(30), 422, "invalid_expiry"),
        ("/card/cvc", json!("12"), 422, "invalid_cvc"),
        ("/card/cvc", json!("1234"), 422, "invalid_cvc"),
        ("/card/cvc", json!(123), 400, "invalid_json"),
        ("/address/house_number", json!("1234567"), 422, "invalid_address"),
        ("/address/postcode_digits", json!("TD15"), 422, "invalid_address"),
    ];
    for (pointer, value, status, code) in cases {
        let mut body = sale("r-1", GOOD);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value.clone();
        let reply = till.pay("k-1", &body).await;
        assert_eq!(
            (reply.status, reply.error().as_str()),
            (*status, *code),
            "{pointer} {value}: {}",
            reply.text
        );
        if *status == 422 {
            let field = reply.json()["error"]["field"].as_str().unwrap_or_default().to_owned();
            assert!(!field.is_empty() && !reply.text.contains(GOOD), "{pointer}: {}", reply.text);
        }
    }
    assert_eq!(till.gateway.ledger(), []);
}

#[tokio::test]
async fn an_expired_card_is_declined() {
    let till = Till::quick();
    let mut body = sale("r-1", GOOD);
    body["card"]["expiry_year"] = json!(2020);
    let paid = till.pay("k-1", &body).await.json();
    assert_eq!((&paid["status"], &paid["decline"]["code"]), (&json!("declined"), &json!("expired_card")));
}

#[tokio::test]
async fn what_is_not_given_is_not_checked() {
    let till = Till::quick();
    let mut body = sale("r-1", "4000000000000010");
    body["address"] = json!({"house_number": "12"});
    body["card"]["cvc"] = Value::Null;
    let checks = till.pay("k-1", &body).await.json()["checks"].clone();
    assert_eq!(
        checks,
        json!({"cvc": "not_provided", "house_number": "mismatch", "postcode": "not_provided"})
    );
}

#[tokio::test]
async fn an_agreement_from_first_to_later_payment() {
    let till = Till::quick();
    let mut first = sale("first", GOOD);
    first["store_card"] = json!(true);
    first["agreement"] = json!({"initiator": "cardholder", "reason": "recurring"});
    let paid = till.pay("k-1", &first).await.json();
    let (token, network_id) = (paid["token"].clone(), paid["network_transaction_id"].clone());
    assert!(token.as_str().unwrap().starts_with("tok_") && network_id.as_str().unwrap().starts_with("NTI"));

    let later = |reference: &str, agreement: Value| {
        json!({"reference": reference, "amount_minor": 500, "currency": "GBP", "channel": "recurring",
               "token": token, "agreement": agreement})
    };
    let good = json!({"initiator": "merchant", "reason": "recurring", "network_transaction_id": network_id});
    let paid = till.pay("k-2", &later("later", good)).await.json();
    assert_eq!((&paid["status"], &paid["token"]), (&json!("approved"), &token));
    assert_eq!(paid["checks"]["cvc"], "not_provided");

    for bad in [
        json!({"initiator": "cardholder", "reason": "recurring", "network_transaction_id": network_id}),
        json!({"initiator": "merchant", "reason": "recurring"}),
        json!({"initiator": "merchant", "reason": "recurring", "network_transaction_id": ""}),
    ] {
        assert_eq!(till.pay("k-3", &later("bad", bad)).await.error(), "invalid_agreement");
    }
    let mut keyed = sale("keyed", GOOD);
    keyed["channel"] = json!("recurring");
    keyed["agreement"] =
        json!({"initiator": "merchant", "reason": "recurring", "network_transaction_id": network_id});
    let refused = till.pay("k-4", &keyed).await;
    assert_eq!(
        (refused.error().as_str(), &refused.json()["error"]["field"]),
        ("invalid_agreement", &json!("card.cvc"))
    );
}

#[tokio::test]
async fn a_stored_card_may_go_bad() {
    let till = Till::quick();
    let mut first = sale("first", "4000000000000341");
    first["store_card"] = json!(true);
    let paid = till.pay("k-1", &first).await.json();
    assert_eq!(paid["status"], "approved");
    let mut by_token = sale("second", GOOD);
    by_token["card"] = Value::Null;
    by_token["token"] = paid["token"].clone();
    assert_eq!(till.pay("k-2", &by_token).await.json()["decline"]["code"], "generic_decline");
}

#[tokio::test]
async fn tokens_are_made_charged_and_forgotten() {
    let till = Till::quick();
    let mut without_cvc = card(GOOD);
    without_cvc.as_object_mut().unwrap().remove("cvc");
    let made =
        till.send("POST", "/v1/tokens", None, Some(&json!({"card": without_cvc}))).await.unwrap().json();
    assert_eq!(
        made["card"],
        json!({"brand": "visa", "first6": "424242", "last4": "4242", "expiry": "12/90"})
    );
    let refused = till.send("POST", "/v1/tokens", None, Some(&json!({"card": card(GOOD)}))).await.unwrap();
    assert_eq!((refused.status, refused.error().as_str()), (422, "invalid_cvc"));

    let by_token = |reference: &str| json!({"reference": reference, "amount_minor": 1, "currency": "EUR", "channel": "moto", "token": made["token"]});
    assert_eq!(till.pay("k-1", &by_token("r-1")).await.json()["status"], "approved");
    let path = format!("/v1/tokens/{}", made["token"].as_str().unwrap());
    assert_eq!(till.send("DELETE", &path, None, None).await.unwrap().status, 204);
    assert_eq!(till.send("DELETE", &path, None, None).await.unwrap().status, 404);
    assert_eq!(till.pay("k-2", &by_token("r-2")).await.error(), "unknown_token");
}

#[tokio::test]
async fn secrets_and_paths() {
    let mut till = Till::quick();
    assert_eq!(till.get("/v1/ping").await.json(), json!({"ok": true, "merchant": "demo"}));
    for (method, path, status) in [
        ("DELETE", "/v1/payments", 405),
        ("GET", "/v1/payments/x/refund", 405),
        ("GET", "/v1/payments", 400),
        ("GET", "/v1/payments/pay_none", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/", 404),
        ("POST", "/_test/ledger", 405),
        ("GET", "/_test/nothing", 404),
    ] {
        assert_eq!(till.send(method, path, None, None).await.unwrap().status, status, "{method} {path}");
    }
    till.secret = "wrong".to_owned();
    assert_eq!(till.get("/v1/ping").await.status, 401);
    assert_eq!(till.pay("k-1", &sale("r-1", GOOD)).await.error(), "unauthorised");
    assert_eq!(till.get("/v1/test-cards").await.status, 200);
}
