//! What goes to the sandbox gateway, byte by byte, and what each of its answers means.

use super::*;
use crate::gateways::Agreement;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use tonewall_model::card::{Card, Expiry};
use tonewall_model::ids::AttemptId;
use tonewall_model::money::{Currency, Money};
use tonewall_model::payment::UnknownWhy;
use tonewall_model::tenant::{Brand, GatewayKind};
use tonewall_secret::{Entry, Key};

fn account(url: &str, secret: &str) -> GatewayAccount {
    GatewayAccount {
        kind: GatewayKind::Sandbox,
        url: url.into(),
        merchant: "demo".into(),
        secret: Secret::new(secret.into()),
        timeout: Duration::from_secs(1),
    }
}

fn order() -> Order {
    Order {
        attempt: AttemptId::from_random(0x1234_5678_9abc_def0_1234_5678_9abc_def0),
        amount: Money { minor: 1250, currency: Currency::GBP },
        account: "INV-1001".into(),
        agreement: None,
    }
}

fn card(number: &str, code: &str, address: Option<(&str, &str)>) -> Card {
    let entry = |digits: &str| {
        let mut entry = Entry::new();
        for c in digits.chars() {
            assert!(entry.push(&Key::from_char(c).expect("a key")));
        }
        entry
    };
    let address = address.map(|(house, postcode)| Address::parse(house, postcode).expect("short enough"));
    let expiry = Expiry { month: 3, year: 2031 };
    Card { pan: entry(number).into_pan(), expiry, cvc: entry(code).into_cvc(), brand: Brand::Visa, address }
}

fn sale(order: &Order, card: Card) -> Sealed {
    let (card, code) = card.part();
    Sandbox.sale(&account("http://127.0.0.1:9/", "sk_demo"), order, &card, code).expect("built")
}

fn show_head(head: &Head) -> String {
    let mut shown = format!("{:?} {}\n", head.method, head.url);
    for header in &head.headers {
        shown += &format!("{}: {}\n", header.name, header.value.expose());
    }
    shown
}

fn check_sale(order: &Order, card: Card, expected: Expect) {
    let sealed = sale(order, card);
    let body = sealed.body();
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok(), "the body is JSON");
    expected.assert_eq(&format!("{}{}", show_head(sealed.head()), String::from_utf8_lossy(&body)));
}

#[test]
fn sales() {
    check_sale(
        &order(),
        card("4242424242424242", "123", None),
        expect![[r#"
        Post http://127.0.0.1:9/v1/payments
        authorization: Bearer sk_demo
        idempotency-key: at_gqqsbd2fp2d41rvvwn6h
        content-type: application/json
        {"reference":"at_gqqsbd2fp2d41rvvwn6h","amount_minor":1250,"currency":"GBP","channel":"moto","card":{"number":"4242424242424242","expiry_month":3,"expiry_year":2031,"cvc":"123"}}"#]],
    );
    let address = Some(("12\"\\", "TD15 9EN"));
    check_sale(
        &order(),
        card("378282246310005", "1234", address),
        expect![[r#"
        Post http://127.0.0.1:9/v1/payments
        authorization: Bearer sk_demo
        idempotency-key: at_gqqsbd2fp2d41rvvwn6h
        content-type: application/json
        {"reference":"at_gqqsbd2fp2d41rvvwn6h","amount_minor":1250,"currency":"GBP","channel":"moto","card":{"number":"378282246310005","expiry_month":3,"expiry_year":2031,"cvc":"1234"},"address":{"house_number":"12\"\\","postcode_digits":"159"}}"#]],
    );
    let first = Order { agreement: Some(Reason::Instalment), ..order() };
    check_sale(
        &first,
        card("6771798021000008", "123", Some(("", "TD15 9EN"))),
        expect![[r#"
        Post http://127.0.0.1:9/v1/payments
        authorization: Bearer sk_demo
        idempotency-key: at_gqqsbd2fp2d41rvvwn6h
        content-type: application/json
        {"reference":"at_gqqsbd2fp2d41rvvwn6h","amount_minor":1250,"currency":"GBP","channel":"moto","card":{"number":"6771798021000008","expiry_month":3,"expiry_year":2031,"cvc":"123"},"address":{"postcode_digits":"159"},"store_card":true,"agreement":{"initiator":"cardholder","reason":"instalment","network_transaction_id":null}}"#]],
    );
}

#[test]
fn only_such_parts_of_an_address_as_the_gateway_takes() {
    let sent = |house, postcode| {
        let sealed = sale(&order(), card("4242424242424242", "123", Some((house, postcode))));
        let body: serde_json::Value = serde_json::from_slice(&sealed.body()).expect("JSON");
        body.get("address").map_or("none".to_owned(), |address| address.to_string())
    };
    let cases = [
        ("12a", "TD15 9EN", r#"{"house_number":"12a","postcode_digits":"159"}"#),
        ("Flat 12", "TD", r#"{"house_number":"12"}"#),
        ("Rose Cottage", "9999999999", "none"),
        ("Rose Cottage", "1", r#"{"postcode_digits":"1"}"#),
        ("", "", "none"),
    ];
    for (house, postcode, expected) in cases {
        assert_eq!(sent(house, postcode), expected, "{house:?} {postcode:?}");
    }
}

fn check_request(ask: &Ask<'_>, expected: Expect) {
    let shown = match Sandbox.request(&account("https://gateway.example/base/", "sk_demo"), &order(), ask) {
        Ok(request) => format!("{}{}", show_head(&request.head), String::from_utf8_lossy(&request.body)),
        Err(refuse) => format!("{refuse:?}"),
    };
    expected.assert_eq(&shown);
}

#[test]
fn requests_without_a_card() {
    let token = Secret::new("tok_\"quoted\"".to_owned());
    let agreement = Agreement { reason: Reason::Recurring, network_transaction_id: "NTIabc".into() };
    check_request(
        &Ask::Charge { token: &token, agreement: &agreement },
        expect![[r#"
        Post https://gateway.example/base/v1/payments
        authorization: Bearer sk_demo
        idempotency-key: at_gqqsbd2fp2d41rvvwn6h
        content-type: application/json
        {"agreement":{"initiator":"merchant","network_transaction_id":"NTIabc","reason":"recurring"},"amount_minor":1250,"channel":"recurring","currency":"GBP","reference":"at_gqqsbd2fp2d41rvvwn6h","token":"tok_\"quoted\""}"#]],
    );
    check_request(
        &Ask::Find,
        expect![[r#"
        Get https://gateway.example/base/v1/payments?reference=at_gqqsbd2fp2d41rvvwn6h
        authorization: Bearer sk_demo
    "#]],
    );
    check_request(
        &Ask::Void { gateway_ref: "pay_abc" },
        expect![[r#"
        Post https://gateway.example/base/v1/payments/pay_abc/void
        authorization: Bearer sk_demo
        content-type: application/json
        {}"#]],
    );
    check_request(&Ask::Void { gateway_ref: "pay_abc/../x" }, expect!["GatewayRef"]);
    check_request(&Ask::Void { gateway_ref: "abc" }, expect!["GatewayRef"]);
    let pounds = |minor| Money { minor, currency: Currency::GBP };
    let refund = |reference, amount| Ask::Refund { gateway_ref: "pay_abc", reference, amount };
    check_request(
        &refund("rf_1", pounds(500)),
        expect![[r#"
        Post https://gateway.example/base/v1/payments/pay_abc/refund
        authorization: Bearer sk_demo
        idempotency-key: rf_1
        content-type: application/json
        {"amount_minor":500,"reference":"rf_1"}"#]],
    );
    check_request(&refund("rf 1", pounds(500)), expect!["Reference"]);
    let dollars = Money { minor: 500, currency: Currency::parse("USD").expect("known") };
    check_request(&refund("rf_1", dollars), expect!["Currency"]);
}

#[test]
fn an_account_that_cannot_be_asked_is_refused() {
    let refused = |url, secret| Sandbox.request(&account(url, secret), &order(), &Ask::Find).err();
    assert_eq!(refused("https://gateway.example", "sk"), None);
    for url in ["https://a@gateway.example", "https://gateway.example?x=", "https://gateway.example#x"] {
        assert_eq!(refused(url, "sk"), Some(Refuse::Url), "{url}");
    }
    for secret in ["", "two words", "line\r\nX-Other: 1"] {
        assert_eq!(refused("https://gateway.example", secret), Some(Refuse::Credential), "{secret:?}");
    }
}

/// The answer of an approved sale with the fields of `change` in place of its own.
fn payment(change: serde_json::Value) -> serde_json::Value {
    let mut payment = json!({
        "id": "pay_k3vq8m2xw7bnc4td", "reference": order().attempt.as_str(), "amount_minor": 1250,
        "currency": "GBP", "channel": "moto", "status": "approved", "auth_code": "482913", "decline": null,
        "checks": {"cvc": "match", "house_number": "mismatch", "postcode": "not_provided"},
        "card": {"brand": "visa", "first6": "424242", "last4": "4242", "expiry": "03/31"},
        "token": null, "network_transaction_id": null, "voided": false, "refunded_minor": 0,
    });
    let (Some(fields), Some(changes)) = (payment.as_object_mut(), change.as_object()) else {
        panic!("both are objects");
    };
    fields.extend(changes.clone());
    payment
}

fn raw(status: u16, body: impl ToString) -> Raw {
    Raw { status, body: body.to_string().into_bytes() }
}

/// One line a reading.
fn show<T: std::fmt::Debug>(readings: impl IntoIterator<Item = T>) -> String {
    readings.into_iter().map(|reading| format!("{reading:?}\n")).collect()
}

fn refusal(code: &str) -> String {
    json!({"error": {"code": code, "message": "4242424242424242 is stolen", "field": null}}).to_string()
}

fn decline(code: &str, class: &str) -> serde_json::Value {
    payment(json!({"status": "declined", "auth_code": null, "decline": {
        "code": code, "class": class, "scheme_code": "41", "advice": "do_not_try_again",
        "message": "Card reported lost: 4242424242424242",
    }}))
}

#[test]
fn approvals_and_declines() {
    let answers = [
        payment(json!({})),
        payment(json!({"token": "tok_a", "network_transaction_id": "NTIa", "status": "held"})),
        payment(json!({"status": "pending", "auth_code": null})),
        decline("lost_card", "never_retry"),
        decline("incorrect_cvc", "fix_data"),
        decline("4242 4242 4242 4242", "new class"),
    ];
    let read = answers.map(|body| Sandbox.read_sale(&order(), &raw(200, body)));
    expect![[r####################"
        Done(Approved(Approval { auth_code: "482913", gateway_ref: "pay_k3vq8m2xw7bnc4td", network_transaction_id: None, token: None, checks: Checks { cvc: Match, house_number: Mismatch, postcode: NotProvided } }))
        Done(Held(Approval { auth_code: "482913", gateway_ref: "pay_k3vq8m2xw7bnc4td", network_transaction_id: Some("NTIa"), token: Some("tok_a"), checks: Checks { cvc: Match, house_number: Mismatch, postcode: NotProvided } }))
        Done(Pending { gateway_ref: "pay_k3vq8m2xw7bnc4td" })
        Done(Declined(Decline { class: NeverRetry, scheme_code: Some("41"), advice: Some("do_not_try_again"), gateway_code: "lost_card", say: "The bank did not accept this card. Please ask for another card." }))
        Done(Declined(Decline { class: FixData, scheme_code: Some("41"), advice: Some("do_not_try_again"), gateway_code: "incorrect_cvc", say: "The security code was not accepted. Please ask for it again." }))
        Done(Declined(Decline { class: TryOtherCard, scheme_code: Some("41"), advice: Some("do_not_try_again"), gateway_code: "###################", say: "The bank did not accept this card. Please ask for another card." }))
    "####################]].assert_eq(&show(read));
}

#[test]
fn a_wrong_echo_is_unknown() {
    for (field, value) in [
        ("reference", json!("at_00000000000000000001")),
        ("amount_minor", json!(1251)),
        ("currency", json!("USD")),
        ("voided", json!(true)),
    ] {
        for status in ["approved", "declined", "held", "pending"] {
            let body = payment(json!({field: value, "status": status}));
            let expected = Reading::Done(Outcome::Unknown(UnknownWhy::EchoMismatch));
            assert_eq!(Sandbox.read_sale(&order(), &raw(200, body)), expected, "{field} {status}");
        }
    }
}

#[test]
fn an_answer_that_makes_no_sense_is_unclear() {
    let whole = payment(json!({})).to_string();
    let senseless = [
        String::new(),
        "<html>".into(),
        whole[..whole.len() - 1].into(),
        whole.clone() + "x",
        whole.replacen("1250", "1250.0", 1),
        whole.replacen("{", "{\"amount_minor\":1250,", 1),
        payment(json!({"auth_code": null})).to_string(),
        payment(json!({"auth_code": "4242424242424242"})).to_string(),
        payment(json!({"id": "4242424242424242"})).to_string(),
        payment(json!({"status": "declined"})).to_string(),
        payment(json!({"status": "refunded"})).to_string(),
        decline("x", "y").to_string().replace("declined", "approved"),
    ];
    let bad_utf8 = whole.replacen("visa", "v\u{e9}", 1).into_bytes().into_iter().filter(|byte| *byte != 0xc3);
    let read = Sandbox.read_sale(&order(), &Raw { status: 200, body: bad_utf8.collect() });
    assert_eq!(read, Reading::Unclear(UnknownWhy::Unreadable), "bad UTF-8 in a field that is skipped");
    for body in senseless {
        let read = Sandbox.read_sale(&order(), &raw(200, &body));
        assert_eq!(read, Reading::Unclear(UnknownWhy::Unreadable), "{body}");
    }
    for status in [100, 201, 204, 302, 307, 600] {
        let read = Sandbox.read_sale(&order(), &raw(status, &whole));
        assert!(matches!(read, Reading::Unclear(_)), "{status}");
    }
}

#[test]
fn refusals() {
    let answers = [
        (422, refusal("invalid_number")),
        (422, refusal("invalid_cvc")),
        (401, refusal("unauthorised")),
        (403, refusal("anything")),
        (400, refusal("invalid_json")),
        (400, refusal("a_new_code")),
        (403, "<html>blocked".into()),
        (409, refusal("in_progress")),
        (409, refusal("duplicate_reference")),
        (422, refusal("idempotency_mismatch")),
        (429, refusal("rate_limited")),
        (429, "slow down".into()),
        (500, refusal("internal")),
        (503, refusal("capacity")),
        (500, payment(json!({})).to_string()),
    ];
    let read = answers.map(|(status, body)| Sandbox.read_sale(&order(), &raw(status, body)));
    expect![[r#"
        Done(Rejected { code: "invalid_number", say: "The card number was not accepted. Nothing was charged. Please ask for it again." })
        Done(Rejected { code: "invalid_cvc", say: "The security code was not accepted. Please ask for it again." })
        Done(Rejected { code: "unauthorised", say: "The payment was not accepted by the payment system. Nothing was charged. Please tell your team lead." })
        Done(Rejected { code: "anything", say: "The payment was not accepted by the payment system. Nothing was charged. Please tell your team lead." })
        Done(Rejected { code: "invalid_json", say: "The payment was not accepted by the payment system. Nothing was charged. Please tell your team lead." })
        Unclear(Unreadable)
        Unclear(Unreadable)
        Unclear(TimedOut)
        Done(Unknown(EchoMismatch))
        Done(Unknown(EchoMismatch))
        Untouched { code: "rate_limited" }
        Unclear(Unreadable)
        Unclear(ServerError)
        Unclear(ServerError)
        Unclear(ServerError)
    "#]].assert_eq(&show(read));
}

#[test]
fn finding_an_attempt() {
    let list = |payments: &[serde_json::Value]| json!({"payments": payments}).to_string();
    let good = payment(json!({}));
    let answers = [
        (200, list(std::slice::from_ref(&good))),
        (200, list(&[decline("x", "retry_later")])),
        (200, list(&[payment(json!({"voided": true}))])),
        (200, list(&[payment(json!({"amount_minor": 1}))])),
        (200, list(&[payment(json!({"amount_minor": 1, "voided": true}))])),
        (200, list(&[good.clone(), good])),
        (200, list(&[])),
        (404, refusal("not_found")),
        (404, "no such page".into()),
        (401, refusal("unauthorised")),
        (429, refusal("rate_limited")),
        (500, refusal("internal")),
    ];
    let read = answers.map(|(status, body)| Sandbox.read_find(&order(), &raw(status, body)));
    expect![[r#"
        Done(Found(Approved(Approval { auth_code: "482913", gateway_ref: "pay_k3vq8m2xw7bnc4td", network_transaction_id: None, token: None, checks: Checks { cvc: Match, house_number: Mismatch, postcode: NotProvided } })))
        Done(Found(Declined(Decline { class: RetryLater, scheme_code: Some("41"), advice: Some("do_not_try_again"), gateway_code: "x", say: "The bank did not accept this payment now. Please ask for another card, or try again later." })))
        Done(Voided)
        Done(Unclear(EchoMismatch))
        Done(Unclear(EchoMismatch))
        Done(Unclear(EchoMismatch))
        Unclear(Unreadable)
        Done(NotFound)
        Unclear(Unreadable)
        Done(Unclear(Unreadable))
        Untouched { code: "rate_limited" }
        Unclear(ServerError)
    "#]].assert_eq(&show(read));
}

#[test]
fn voids() {
    let answers = [
        (200, payment(json!({"voided": true})).to_string()),
        (200, payment(json!({})).to_string()),
        (200, payment(json!({"voided": true, "amount_minor": 1})).to_string()),
        (422, refusal("invalid_state")),
        (404, refusal("not_found")),
        (500, refusal("internal")),
    ];
    let ask = Ask::Void { gateway_ref: "pay_a" };
    let read = answers.map(|(status, body)| Sandbox.read_undo(&order(), &ask, &raw(status, body)));
    expect![[r#"
        Done(Done { gateway_ref: "pay_k3vq8m2xw7bnc4td" })
        Unclear(Unreadable)
        Done(Unclear(EchoMismatch))
        Done(Refused { code: "invalid_state", say: "The payment cannot be undone as it stands. Please tell your team lead." })
        Done(NotFound)
        Unclear(ServerError)
    "#]].assert_eq(&show(read));
}

#[test]
fn refunds() {
    let given = |minor| {
        json!({"id": "ref_p", "payment_id": "pay_a", "reference": "rf_1", "amount_minor": minor,
            "currency": "GBP", "status": "refunded", "refunded_minor": 500, "remaining_minor": 750})
    };
    let answers = [
        (200, given(500).to_string()),
        (200, given(501).to_string()),
        (422, refusal("over_refund")),
        (422, refusal("idempotency_mismatch")),
        (429, refusal("rate_limited")),
    ];
    let amount = Money { minor: 500, currency: Currency::GBP };
    let ask = Ask::Refund { gateway_ref: "pay_a", reference: "rf_1", amount };
    let read = answers.map(|(status, body)| Sandbox.read_undo(&order(), &ask, &raw(status, body)));
    expect![[r#"
        Done(Done { gateway_ref: "ref_p" })
        Done(Unclear(EchoMismatch))
        Done(Refused { code: "over_refund", say: "The payment cannot be undone as it stands. Please tell your team lead." })
        Done(Unclear(EchoMismatch))
        Untouched { code: "rate_limited" }
    "#]].assert_eq(&show(read));
}

/// Whether an answer carries everything that an approval needs, judged apart from the connector.
fn echoes_well(body: &[u8]) -> bool {
    let Ok(payment) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
    payment["reference"] == order().attempt.as_str()
        && payment["amount_minor"] == 1250
        && payment["currency"] == "GBP"
        && payment["voided"] == false
}

/// A good answer with some bytes changed, one field replaced, or cut short.
fn nearly_good() -> impl Strategy<Value = Vec<u8>> {
    let whole = payment(json!({})).to_string().into_bytes();
    let len = whole.len();
    let fields = prop::sample::select(vec![
        "id",
        "reference",
        "amount_minor",
        "currency",
        "status",
        "auth_code",
        "decline",
        "checks",
        "voided",
    ]);
    let values = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(1250.5)),
        Just(json!("approved")),
        Just(json!([])),
        "[ -~]{0,30}".prop_map(|text| json!(text)),
    ];
    prop_oneof![
        (prop::collection::vec((0..len, any::<u8>()), 1..4), Just(whole.clone())).prop_map(
            |(edits, mut body)| {
                edits.into_iter().for_each(|(place, byte)| body[place] = byte);
                body
            }
        ),
        (0..len).prop_map(move |cut| whole[..cut].to_vec()),
        (fields, values).prop_map(|(field, value)| payment(json!({field: value})).to_string().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn arbitrary_answers_never_panic_and_never_approve(
        status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let raw = Raw { status, body };
        let approved = matches!(Sandbox.read_sale(&order(), &raw), Reading::Done(Outcome::Approved(_)));
        prop_assert!(!approved);
        let found = matches!(Sandbox.read_find(&order(), &raw), Reading::Done(Resolution::Found(_)));
        prop_assert!(!found);
        let undone = Sandbox.read_undo(&order(), &Ask::Void { gateway_ref: "pay_a" }, &raw);
        let undone = matches!(undone, Reading::Done(Undo::Done { .. }));
        prop_assert!(!undone);
    }

    #[test]
    fn nearly_good_answers_approve_only_with_a_right_echo(
        status in prop_oneof![4 => Just(200_u16), 1 => any::<u16>()], body in nearly_good(),
    ) {
        let echoes = status == 200 && echoes_well(&body);
        let raw = Raw { status, body };
        match Sandbox.read_sale(&order(), &raw) {
            Reading::Done(Outcome::Approved(approval)) => {
                prop_assert!(echoes, "approved without an echo");
                prop_assert!(!approval.auth_code.is_empty() && !approval.gateway_ref.is_empty());
            }
            Reading::Done(Outcome::Declined(_)) => prop_assert!(echoes, "declined without an echo"),
            _ => {}
        }
        if status >= 500 {
            let read = Sandbox.read_sale(&order(), &raw);
            prop_assert_eq!(read, Reading::Unclear(UnknownWhy::ServerError));
        }
    }

    #[test]
    fn nothing_that_a_gateway_says_reaches_the_agent(code in "[ -~]{0,60}", class in "[a-z_]{0,12}") {
        let body = decline(&code, &class).to_string().into_bytes();
        if let Reading::Done(Outcome::Declined(decline)) = Sandbox.read_sale(&order(), &Raw { status: 200, body }) {
            for word in ["lost", "stolen", "fraud", "reported"] {
                prop_assert!(!decline.say.to_lowercase().contains(word));
            }
        }
    }
}
