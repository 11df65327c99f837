use super::*;
use expect_test::{Expect, expect};

fn account() -> Account {
    Account { url: "https://crm.example/api/".into(), token: Secret::new("tok_1".into()) }
}

fn raw(status: u16, body: &str) -> Raw {
    Raw { status, body: body.as_bytes().to_vec() }
}

fn one(fields: &str) -> String {
    format!(r#"{{"invoices":[{{"account":"INV-1001","amount":"12.50","currency":"GBP"{fields}}}]}}"#)
}

fn event() -> EventId {
    EventId::from_random(7)
}

#[test]
fn questions() {
    let asked = |by, value: &str| find(&account(), by, value).map(|request| request.head.url);
    let check = |by, value: &str, expected: Expect| match asked(by, value) {
        Ok(url) => expected.assert_eq(&url),
        Err(error) => expected.assert_eq(&error.to_string()),
    };
    check(
        "caller",
        "+447700900123",
        expect!["https://crm.example/api/invoices?caller=%2B447700900123&status=unpaid"],
    );
    check(
        "account",
        " INV 1&x=\u{e9}#/.. ",
        expect!["https://crm.example/api/invoices?account=INV+1%26x%3D%C3%A9%23%2F..&status=unpaid"],
    );
    let not_asked = "there is nothing that the CRM may be asked for";
    for value in ["", "  ", "a\nb", "4111 1111 1111 1111", &"x".repeat(65)] {
        assert_eq!(asked("account", value).map_err(|error| error.to_string()), Err(not_asked.to_owned()));
    }
}

#[test]
fn set_ups_that_cannot_be_used() {
    for (url, token) in [
        ("https://crm.example/?a=b", "tok"),
        ("https://user@crm.example", "tok"),
        ("crm.example", "tok"),
        ("https://crm.example", ""),
        ("https://crm.example", "a\r\nb: c"),
    ] {
        let account = Account { url: url.into(), token: Secret::new(token.into()) };
        let asked = find(&account, "account", "INV-1");
        assert!(matches!(asked, Err(CrmError::SetUp(_))), "{url} {token:?}");
    }
}

#[test]
fn a_payment_is_told_with_its_event() {
    let amount = Money { minor: 123_405, currency: Currency::GBP };
    let paid = Paid {
        account: "INV-\"1\"".into(),
        amount,
        auth_code: "408432".into(),
        reference: "at_00000000000000000001".into(),
    };
    let request = record(&account(), &event(), &paid).expect("a request");
    assert_eq!(request.head.url, "https://crm.example/api/payments");
    let headers = request.head.headers.iter().map(|h| format!("{}: {}\n", h.name, h.value.expose()));
    expect![[r#"
        authorization: Bearer tok_1
        idempotency-key: ev_70000000000000000000
        content-type: application/json
    "#]]
    .assert_eq(&headers.collect::<String>());
    expect![[r#"{"account":"INV-\"1\"","amount":"1234.05","auth_code":"408432","currency":"GBP","event":"ev_70000000000000000000","reference":"at_00000000000000000001"}"#]]
        .assert_eq(&String::from_utf8_lossy(&request.body));
    let yen = Money { minor: 500, currency: Currency::parse("JPY").expect("known") };
    assert_eq!(decimal(yen), "500");
}

#[test]
fn invoices_as_they_come() {
    let check = |fields: &str, expected: Expect| {
        let found = read_found(&raw(200, &one(fields))).expect("one line");
        expected.assert_eq(&format!("{:?}", found.invoices[0]));
    };
    check(
        r#","name":"Zo\u00eb Lind","due":"2026-12-01","house_number":"12a","postcode":"SW1A 1AA","email":"zoe@example.org""#,
        expect![[
            r#"Invoice { account: "INV-1001", name: "Zoë Lind", amount: Money { minor: 1250, currency: GBP }, due: Some("2026-12-01"), house_number: "12a", postcode: "SW1A 1AA", email: "zoe@example.org" }"#
        ]],
    );
    check(
        r#","name":null,"due":"soon","house_number":"","postcode":"\u202eSW1\u0000","email":"not an address","new_field":{"a":[1]}"#,
        expect![[
            r#"Invoice { account: "INV-1001", name: "", amount: Money { minor: 1250, currency: GBP }, due: None, house_number: "", postcode: "SW1", email: "" }"#
        ]],
    );
    check(
        r#","name":"card 4111-1111-1111-1111 on file","email":"4111111111111111@example.org""#,
        expect![[
            r#"Invoice { account: "INV-1001", name: "card ################### on file", amount: Money { minor: 1250, currency: GBP }, due: None, house_number: "", postcode: "", email: "" }"#
        ]],
    );
}

#[test]
fn amounts_are_exact_or_not_used() {
    let amount = |text: &str, currency: &str| {
        let body = one("").replace("\"12.50\"", text).replace("GBP", currency);
        read_found(&raw(200, &body)).map(|found| found.invoices[0].amount.minor)
    };
    assert_eq!(amount("\"5.10\"", "GBP"), Ok(510));
    assert_eq!(amount("\"1,234.50\"", "GBP"), Ok(123_450));
    assert_eq!(amount("7", "GBP"), Ok(700));
    assert_eq!(amount("\"500\"", "JPY"), Ok(500));
    for bad in ["12.5", "\"-1\"", "0", "\"0.00\"", "\"1.005\"", "\"1e3\"", "null", "\"\"", "\"NaN\"", "1e400"]
    {
        assert_eq!(amount(bad, "GBP"), Err(CrmError::Unreadable), "{bad}");
    }
    assert_eq!(amount("\"1\"", "QQQ"), Err(CrmError::Unreadable));
}

#[test]
fn bad_lines_do_not_hide_good_ones() {
    let good = r#"{"account":"A","amount":"1","currency":"GBP"}"#;
    let bad = [r#"{"account":"4111111111111111","amount":"1","currency":"GBP"}"#, "7", "{}", "null"];
    let body = format!(r#"{{"invoices":[{},{good},{}]}}"#, bad[..2].join(","), bad[2..].join(","));
    let found = read_found(&raw(200, &body)).expect("readable");
    assert_eq!((found.invoices.len(), found.unusable), (1, 4));
    let many = vec![good; 300].join(",");
    let found = read_found(&raw(200, &format!(r#"{{"invoices":[{many}]}}"#))).expect("readable");
    assert_eq!(found.invoices.len(), INVOICES_MAX);
    assert!(read_found(&raw(200, r#"{"invoices":[]}"#)).expect("readable").invoices.is_empty());
    assert!(read_found(&raw(404, "no such caller")).expect("readable").invoices.is_empty());
}

#[test]
fn answers_that_are_none() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in ["", "null", "[]", "{}", "<html>", r#"{"invoices":{}}"#, r#"{"invoices":[{}]}"#, &deep] {
        assert!(
            matches!(read_found(&raw(200, body)), Err(CrmError::Unreadable)),
            "{}",
            &body[..body.len().min(20)]
        );
    }
    let not_utf8 = Raw { status: 200, body: b"{\"invoices\":[\"\xff\"]}".to_vec() };
    assert!(matches!(read_found(&not_utf8), Err(CrmError::Unreadable)));
    for (status, expected) in [
        (401, CrmError::Unauthorised),
        (403, CrmError::Unauthorised),
        (302, CrmError::Status(302)),
        (204, CrmError::Status(204)),
        (429, CrmError::Status(429)),
        (500, CrmError::Status(500)),
    ] {
        assert_eq!(read_found(&raw(status, "")).map(|found| found.unusable), Err(expected));
    }
}

#[test]
fn what_a_write_back_may_hear() {
    for status in [200, 201, 204] {
        assert_eq!(read_recorded(&raw(status, "")), Ok(()));
    }
    for (status, passing) in
        [(400, false), (409, false), (422, false), (401, true), (404, true), (307, true), (503, true)]
    {
        let error = read_recorded(&raw(status, "")).expect_err("not recorded");
        assert_eq!(error.is_passing(), passing, "{status}: {error}");
    }
}
