//! Each test card does what the table says.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Till, sale};
use crate::sandbox::cards::luhn_holds;
use crate::sandbox::{Behaviour, TEST_CARDS};

#[test]
fn the_table_holds_valid_numbers_once_each() {
    let numbers: HashSet<_> = TEST_CARDS.iter().map(|card| card.0).collect();
    assert_eq!(numbers.len(), TEST_CARDS.len());
    for (number, ..) in TEST_CARDS {
        assert!(luhn_holds(number) && (12..=19).contains(&number.len()), "{number}");
    }
    assert!(!luhn_holds("4242424242424241"));
}

#[test]
fn luhn_catches_every_single_wrong_digit() {
    let good = "4012888888881881";
    for place in 0..good.len() {
        for digit in b'0'..=b'9' {
            let mut bytes = good.as_bytes().to_vec();
            bytes[place] = digit;
            let number = String::from_utf8(bytes).unwrap();
            assert_eq!(luhn_holds(&number), number == good, "{number}");
        }
    }
}

/// Status and checks (cvc, house number, postcode) of a card that is answered properly.
fn expected(behaviour: Behaviour) -> Option<(&'static str, [&'static str; 3])> {
    const GOOD: [&str; 3] = ["match", "match", "match"];
    Some(match behaviour {
        Behaviour::Approve | Behaviour::ApproveThenDeclineToken | Behaviour::Slow => ("approved", GOOD),
        Behaviour::Decline(crate::sandbox::Decline::IncorrectCvc) => {
            ("declined", ["mismatch", "match", "match"])
        }
        Behaviour::Decline(_) => ("declined", GOOD),
        Behaviour::Held => ("held", GOOD),
        Behaviour::Pending => ("pending", GOOD),
        Behaviour::CvcMismatch => ("approved", ["mismatch", "match", "match"]),
        Behaviour::AddressMismatch => ("approved", ["match", "mismatch", "mismatch"]),
        Behaviour::HouseNumberMismatch => ("approved", ["match", "mismatch", "match"]),
        Behaviour::PostcodeMismatch => ("approved", ["match", "match", "mismatch"]),
        Behaviour::AddressNotChecked => ("approved", ["match", "not_checked", "not_checked"]),
        _ => return None,
    })
}

#[tokio::test]
async fn cards_that_are_answered_properly() {
    let till = Till::quick();
    for (place, (number, behaviour, _)) in TEST_CARDS.iter().enumerate() {
        let Some((status, checks)) = expected(*behaviour) else { continue };
        let reference = format!("card-{place}");
        let paid = till.paid(&reference, number).await;
        assert_eq!(paid["status"], status, "{number}");
        assert_eq!(
            paid["checks"],
            json!({"cvc": checks[0], "house_number": checks[1], "postcode": checks[2]})
        );
        assert_eq!(paid["card"]["last4"], number[number.len() - 4..], "{number}");
        assert_eq!(paid["card"]["expiry"], "12/90");
        let has_code = matches!(status, "approved" | "held");
        assert_eq!(paid["auth_code"].as_str().map(str::len), has_code.then_some(6), "{number}");
        assert_eq!(paid["decline"].is_object(), status == "declined", "{number}");
        let charged = u32::from(status != "declined");
        assert_eq!(till.times_charged(&reference), charged, "{number}");
    }
}

#[tokio::test]
async fn cards_that_are_not_answered_properly() {
    let till = Till::quick();
    for (place, (number, behaviour, _)) in TEST_CARDS.iter().enumerate() {
        let (charged, status) = match behaviour {
            Behaviour::HangAfter | Behaviour::ResetAfter | Behaviour::TruncatedAfter => (true, None),
            Behaviour::HangBefore | Behaviour::ResetBefore => (false, None),
            Behaviour::Error500After => (true, Some(500)),
            Behaviour::Error500Before => (false, Some(500)),
            Behaviour::RateLimited => (false, Some(429)),
            Behaviour::GarbageAfter => (true, Some(200)),
            _ => continue,
        };
        let (reference, key) = (format!("bad-{place}"), format!("key-{place}"));
        let body = sale(&reference, number);
        let first = till.send("POST", "/v1/payments", Some(&key), Some(&body)).await;
        assert_eq!(first.as_ref().ok().map(|reply| reply.status), status, "{number}");
        if let Ok(reply) = &first {
            let is_payment =
                serde_json::from_str::<Value>(&reply.text).is_ok_and(|json| json["id"].is_string());
            assert!(!is_payment, "{number}: {}", reply.text);
        }
        assert_eq!(till.times_charged(&reference), u32::from(charged), "{number}");
        if charged {
            let replay = till.pay(&key, &body).await;
            assert!(replay.is_replayed(), "{number}");
            assert_eq!((replay.status, &replay.json()["status"]), (200, &json!("approved")), "{number}");
            assert_eq!(till.times_charged(&reference), 1, "{number}");
        }
    }
}

#[tokio::test]
async fn every_decline_class_can_be_had() {
    let till = Till::quick();
    let cards = till.get("/v1/test-cards").await.json()["cards"].clone();
    let mut classes = HashSet::new();
    for (place, card) in cards.as_array().unwrap().iter().enumerate() {
        if card["behaviour"].is_object() {
            let paid = till.paid(&format!("class-{place}"), card["number"].as_str().unwrap()).await;
            assert_eq!(paid["decline"]["code"], card["behaviour"]["decline"]);
            classes.insert(paid["decline"]["class"].as_str().unwrap().to_owned());
        }
    }
    let all = ["fix_data", "try_other_card", "retry_later", "never_retry", "call_issuer", "needs_sca"];
    assert_eq!(classes, all.map(str::to_owned).into());
}

#[tokio::test]
async fn a_pending_payment_is_approved_in_time() {
    let till = Till::quick();
    let set =
        |pending_ms| till.gateway.set_faults(crate::sandbox::Faults { pending_ms, ..till.gateway.faults() });
    set(120_000).unwrap();
    let id = till.paid("p-1", "4000000000000093").await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/payments/{id}");
    assert_eq!(till.get(&path).await.json()["status"], "pending");
    set(0).unwrap();
    let later = till.get(&path).await.json();
    assert_eq!((&later["status"], later["auth_code"].is_string()), (&json!("approved"), true));
}

#[tokio::test]
async fn brands_follow_the_number() {
    let till = Till::quick();
    for (number, brand) in [
        ("4111111111111111", "visa"),
        ("2223003122003222", "mastercard"),
        ("371449635398431", "amex"),
        ("3566002020360505", "jcb"),
        ("36227206271667", "diners"),
        ("3056930009020004", "diners"),
        ("6011000990139424", "discover"),
        ("6200000000000005", "unionpay"),
        ("6771798021000008", "maestro"),
    ] {
        assert_eq!(till.paid(&format!("r-{number:.6}{brand}"), number).await["card"]["brand"], brand);
    }
}
