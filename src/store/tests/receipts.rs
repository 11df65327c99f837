//! Receipts: queued with their event or not at all, five an attempt, settled once.

use crate::world::*;
use tokio::task::JoinSet;
use tonewall_model::ids::ReceiptId;
use tonewall_model::payment::{AttemptState, News, Reversal};
use tonewall_store::{NewReceipt, ReceiptRow, ReceiptState, StoreError, StoreOptions, TenantStore};

fn queued_row(new: NewReceipt) -> ReceiptRow {
    ReceiptRow {
        call: call_id(1),
        id: new.id,
        attempt: new.attempt,
        kind: new.kind,
        address: new.address,
        agent: new.agent,
        state: ReceiptState::Queued,
        problem: None,
        tries: 0,
        created_at: new.now,
        tried_at: None,
        sent_at: None,
    }
}

/// Objects of undelivered `receipt.send` events.
async fn to_send(tenant: &TenantStore) -> Vec<String> {
    let events = tenant.outbox_pending(100).await.expect("read");
    events.into_iter().filter(|event| event.topic == "receipt.send").map(|event| event.object).collect()
}

#[tokio::test]
async fn a_receipt_is_queued_with_its_event_and_sent_once() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        let id = new_receipt(1, 1).id;
        assert_eq!(tenant.receipt(&id).await, Err(StoreError::NotFound));
        tenant.receipt_queue(new_receipt(1, 1)).await.expect("queued");
        tenant.receipt_queue(new_receipt(1, 1)).await.expect("the same again changes nothing");
        assert_eq!(tenant.receipt(&id).await, Ok(queued_row(new_receipt(1, 1))));
        assert_eq!(to_send(&tenant).await, [id.as_str()]);
        let events = tenant.outbox_pending(9).await.expect("read");
        let payload: serde_json::Value = serde_json::from_str(&events[1].payload).expect("JSON");
        assert_eq!(payload["receipt"], id.as_str());
        assert_eq!(
            (&payload["event"], &payload["topic"]),
            (&events[1].id.as_str().into(), &"receipt.send".into())
        );
        assert!(!events[1].payload.contains("example.org"), "the address stands in one place");
        assert_eq!(tenant.audit_verify().await, Ok(3));

        let problem = Some("The mail server cannot be reached.".to_owned());
        assert_eq!(tenant.receipt_tried(&id, problem.clone(), later(11)).await, Ok(true));
        let tried = tenant.receipt(&id).await.expect("there");
        assert_eq!((tried.state, tried.tries), (ReceiptState::Queued, 1));
        assert_eq!((tried.problem, tried.tried_at), (problem, Some(later(11))));
        assert_eq!(to_send(&tenant).await.len(), 1, "it will be tried again");
        assert_eq!(tenant.receipt_sent(&id, later(12)).await, Ok(true));
        assert_eq!(tenant.receipt_sent(&id, later(13)).await, Ok(false));
        assert_eq!(tenant.receipt_tried(&id, None, later(13)).await, Ok(false));
        assert_eq!(tenant.receipt_refused(&id, "late", later(13)).await, Ok(false));
        let sent = tenant.receipt(&id).await.expect("there");
        assert_eq!((sent.state, sent.tries, sent.sent_at), (ReceiptState::Sent, 2, Some(later(12))));
        assert_eq!(sent.problem, None);
        assert!(to_send(&tenant).await.is_empty());
        assert_eq!(tenant.audit_verify().await, Ok(4));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_refused_receipt_is_tried_no_more_unless_it_was_sent_after_all() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        let id = new_receipt(1, 1).id;
        tenant.receipt_queue(new_receipt(1, 1)).await.expect("queued");
        assert_eq!(tenant.receipt_refused(&id, "There is no such mailbox.", later(11)).await, Ok(true));
        assert_eq!(tenant.receipt_refused(&id, "again", later(12)).await, Ok(false));
        let refused = tenant.receipt(&id).await.expect("there");
        assert_eq!((refused.state, refused.sent_at), (ReceiptState::Refused, None));
        assert_eq!(refused.problem.as_deref(), Some("There is no such mailbox."));
        assert!(to_send(&tenant).await.is_empty());
        assert_invariants(&store).await;
        assert_eq!(tenant.receipt_sent(&id, later(13)).await, Ok(true), "a slow sender comes back");
        assert_eq!(tenant.receipt(&id).await.expect("there").state, ReceiptState::Sent);
        assert_eq!(tenant.receipt_sent(&ReceiptId::from_random(9), now()).await, Err(StoreError::NotFound));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn only_money_that_is_taken_has_a_receipt() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        let not = |state| Err(StoreError::NotApproved { state });
        assert_eq!(tenant.receipt_queue(new_receipt(1, 1)).await, not(AttemptState::Sending));
        tenant.conclude(&attempt_id(1), declined(), later(1)).await.expect("told");
        assert_eq!(tenant.receipt_queue(new_receipt(1, 1)).await, not(AttemptState::Declined));
        taken(&store, 2).await;
        tenant.receipt_queue(new_receipt(2, 2)).await.expect("queued");
        let refund = News::Reversed { how: Reversal::Refund, by: agent() };
        tenant.conclude(&attempt_id(2), refund, later(9)).await.expect("told");
        assert_eq!(tenant.receipt_queue(new_receipt(2, 3)).await, not(AttemptState::Refunded));
        assert_eq!(tenant.receipt_queue(new_receipt(7, 7)).await, Err(StoreError::NotFound));
        assert_invariants(&store).await;
        store.close().await;
    }
}

/// At once, so that PostgreSQL's transactions overlap.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_attempt_has_five_receipts_whoever_asks() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions { tries_max: 60, ..StoreOptions::default() }).await;
        let tenant = taken(&store, 1).await;
        taken(&store, 2).await;
        let mut tasks = JoinSet::new();
        for number in 1..=24 {
            let tenant = tenant.clone();
            tasks.spawn(async move { tenant.receipt_queue(new_receipt(1, number)).await });
        }
        let results = tasks.join_all().await;
        let queued = results.iter().filter(|result| result.is_ok()).count();
        let too_many = results.iter().filter(|result| **result == Err(StoreError::TooMany)).count();
        assert_eq!((queued, too_many), (5, 19), "{results:?}");
        let rows = tenant.receipts_of_call(&call_id(1)).await.expect("read");
        assert_eq!(rows.len(), 5);
        assert_eq!(to_send(&tenant).await.len(), 5);
        let known =
            NewReceipt { id: rows[0].id.clone(), address: rows[0].address.clone(), ..new_receipt(1, 1) };
        tenant.receipt_queue(known.clone()).await.expect("one of the five");
        let other = NewReceipt { address: "other@example.org".to_owned(), ..known };
        assert!(matches!(tenant.receipt_queue(other).await, Err(StoreError::Invalid(_))));
        tenant.receipt_queue(new_receipt(2, 99)).await.expect("another attempt has its own five");
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_no_receipt_is_refused() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        type Spoil = fn(&mut NewReceipt);
        let spoils: [Spoil; 9] = [
            |new| new.address = "4111111111111111@example.org".to_owned(),
            |new| new.address = "5555-5555-5555-4444@example.org".to_owned(),
            // Inside a longer run only the attempt's own card is known for certain.
            |new| new.address = "994111111111111111@example.org".to_owned(),
            |new| new.address = "nobody".to_owned(),
            |new| new.address = "@example.org".to_owned(),
            |new| new.address = "a b@example.org".to_owned(),
            |new| new.address = "a@example.org\r\nBcc: b@example.org".to_owned(),
            |new| new.address = format!("{}@example.org", "a".repeat(250)),
            |new| new.kind = "refund".to_owned(),
        ];
        for (number, spoil) in (1..).zip(spoils) {
            let mut new = new_receipt(1, number);
            spoil(&mut new);
            let refused = tenant.receipt_queue(new).await;
            assert!(matches!(refused, Err(StoreError::Invalid(_))), "{number}: {refused:?}");
        }
        assert_eq!(db.count("SELECT count(*) FROM receipt").await, 0);
        assert_eq!(db.count("SELECT count(*) FROM outbox WHERE topic = 'receipt.send'").await, 0);
        assert_invariants(&store).await;
        store.close().await;
    }
}
