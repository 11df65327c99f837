//! Nothing of a card stays but its face.

use serde_json::json;

use super::{Till, card, sale};
use crate::sandbox::TEST_CARDS;

/// Any seven digits in a row of any test card: one more than the first six that may be kept.
fn holds_a_card(text: &str) -> bool {
    TEST_CARDS.iter().any(|(number, ..)| (0..=number.len() - 7).any(|at| text.contains(&number[at..at + 7])))
}

#[test]
fn the_search_finds_a_planted_card() {
    for (number, ..) in TEST_CARDS {
        assert!(holds_a_card(&json!({"reference": format!("a{number}b")}).to_string()), "{number}");
    }
    assert!(!holds_a_card(r#"{"first6":"424242","last4":"4242","amount_minor":1250}"#));
}

#[tokio::test]
async fn neither_ledger_nor_answers_hold_a_number_or_a_code() {
    let till = Till::quick();
    let mut answers = Vec::new();
    for (place, (number, ..)) in TEST_CARDS.iter().enumerate() {
        let mut body = sale(&format!("r-{place}"), number);
        body["store_card"] = json!(true);
        body["card"]["cvc"] = json!(if number.len() == 15 { "9753" } else { "975" });
        body["amount_minor"] = json!(1);
        for _ in 0..2 {
            if let Ok(reply) =
                till.send("POST", "/v1/payments", Some(&format!("k-{place}")), Some(&body)).await
            {
                answers.push(reply.text);
            }
        }
        answers.push(till.get(&format!("/v1/payments?reference=r-{place}")).await.text);
    }
    answers.push(till.get("/_test/ledger").await.text);
    answers.push(till.get("/_test/faults").await.text);
    assert!(till.gateway.ledger().len() > 40 && answers.len() > 100);
    for answer in &answers {
        assert!(!holds_a_card(answer), "{answer}");
        assert!(
            !answer.contains("\"975\"") && !answer.contains("\"9753\"") && !answer.contains("\"cvc\":\"9"),
            "{answer}"
        );
    }
    let ledger = serde_json::to_value(till.gateway.ledger()).unwrap();
    for row in ledger.as_array().unwrap() {
        let fields: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(
            !fields.contains(&"number")
                && !fields.contains(&"first6")
                && row["last4"].as_str().unwrap().len() == 4
        );
    }
}

#[tokio::test]
async fn errors_repeat_nothing() {
    let till = Till::quick();
    let number = "4012888888881881";
    let mut bodies = Vec::new();
    for (field, value) in [
        ("number", json!([number])),
        ("number", json!(4_012_888_888_881_881_u64)),
        ("expiry_month", json!(number)),
        ("cvc", json!(number)),
        (number, json!(1)),
    ] {
        let mut body = sale("r-1", number);
        body["card"][field] = value;
        bodies.push(body);
    }
    let mut as_reference = sale(number, number);
    bodies.push(as_reference.clone());
    as_reference["channel"] = json!(number);
    bodies.push(as_reference);
    bodies.push(json!(number));
    bodies.push(json!({"card": card(number), "token": number}));
    for body in bodies {
        let reply = till.pay("k-1", &body).await;
        assert!(matches!(reply.status, 400 | 422), "{body}: {}", reply.text);
        assert!(!holds_a_card(&reply.text), "{}", reply.text);
    }
    for path in [format!("/v1/payments/{number}"), format!("/v1/payments?reference={number}")] {
        let reply = till.get(&path).await;
        assert!(matches!(reply.status, 404 | 422) && !holds_a_card(&reply.text), "{}", reply.text);
    }
}
