//! A tenant never sees or moves another's rows, even with the right id.

use crate::world::*;
use tonewall_model::payment::Means;
use tonewall_store::{GuardRow, StoreError, StoreOptions};

#[tokio::test]
async fn foreign_ids_name_nothing() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let ours = begun(&store, new_attempt(1)).await;
        let theirs = store.tenant(&quayside());
        ours.record_call(call_record(1)).await.expect("written");
        ours.conclude(&attempt_id(1), approved("g-1"), later(1)).await.expect("told");
        let event = ours.outbox_pending(1).await.expect("read")[0].id.clone();

        assert_eq!(theirs.attempt(&attempt_id(1)).await, Err(StoreError::NotFound));
        let moved = theirs.conclude(&attempt_id(1), declined(), later(1)).await;
        assert_eq!(moved, Err(StoreError::NotFound));
        assert_eq!(theirs.entries(&attempt_id(1)).await, Ok(vec![]));
        assert_eq!(theirs.attempts_of_call(&call_record(1).id).await, Ok(vec![]));
        assert_eq!(theirs.call(&call_record(1).id).await, Err(StoreError::NotFound));
        assert_eq!(theirs.record_call(call_record(1)).await, Err(StoreError::NotFound));
        assert_eq!(theirs.outbox_pending(9).await, Ok(vec![]));
        assert_eq!(theirs.outbox_lease(&event, later(2), later(9)).await, Ok(false));
        theirs.outbox_delivered(&event, later(2)).await.expect("nothing to mark");
        assert_eq!(theirs.audit_verify().await, Ok(0));

        assert_eq!(ours.outbox_pending(9).await.expect("read").len(), 1);
        theirs.begin_attempt(new_attempt(1)).await.expect_err("the id is taken");
        theirs.begin_attempt(new_attempt(2)).await.expect("their own");
        let mut same_account = new_attempt(3);
        same_account.account = new_attempt(2).account;
        ours.begin_attempt(same_account).await.expect("accounts are a tenant's own");
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn what_comes_after_an_attempt_is_its_tenants_alone() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let ours = taken(&store, 1).await;
        let theirs = store.tenant(&quayside());
        ours.record_call(call_record(1)).await.expect("written");
        ours.receipt_queue(new_receipt(1, 1)).await.expect("queued");
        ours.means_choose(choice(1, Means::Later, 5)).await.expect("chosen");
        ours.agreement_begin(new_agreement(1)).await.expect("made");
        let locked = GuardRow { failures: 6, first_at: now(), locked_until: Some(later(1_800)) };
        ours.sign_in_put("ada", Some(locked)).await.expect("written");

        let (call, receipt) = (call_id(1), new_receipt(1, 1).id);
        assert_eq!(theirs.receipt(&receipt).await, Err(StoreError::NotFound));
        assert_eq!(theirs.receipts_of_call(&call).await, Ok(vec![]));
        assert_eq!(theirs.receipt_queue(new_receipt(1, 2)).await, Err(StoreError::NotFound));
        assert_eq!(theirs.receipt_tried(&receipt, None, later(11)).await, Err(StoreError::NotFound));
        assert_eq!(theirs.receipt_sent(&receipt, later(11)).await, Err(StoreError::NotFound));
        assert_eq!(theirs.receipt_refused(&receipt, "no", later(11)).await, Err(StoreError::NotFound));
        assert_eq!(theirs.means_of_call(&call).await, Ok(None));
        assert_eq!(theirs.means_choose(choice(1, Means::Later, 6)).await, Err(StoreError::NotFound));
        assert_eq!(theirs.agreement_of_attempt(&attempt_id(1)).await, Ok(None));
        assert_eq!(theirs.agreement_begin(new_agreement(1)).await, Err(StoreError::NotFound));
        assert_eq!(theirs.sign_in_state("ada").await, Ok(None));
        theirs.sign_in_put("ada", None).await.expect("nothing to clear");
        assert_eq!(theirs.sign_in_swap("ada", Some(locked), None).await, Ok(false));
        assert_eq!(theirs.calls_unfinished(&agent(), now(), 9).await, Ok(vec![]));
        assert_eq!(theirs.call_wrap(&call, later(9)).await, Err(StoreError::NotFound));
        assert_eq!(theirs.call_unwrap(&call).await, Err(StoreError::NotFound));
        let amount = new_attempt(1).amount;
        assert_eq!(theirs.earlier_taken("INV-1", amount, now()).await, Ok(None));
        let event = ours.outbox_pending(9).await.expect("read")[0].id.clone();
        assert_eq!(theirs.outbox_defer(&event, later(99)).await, Ok(false));
        assert_eq!(theirs.audit_verify().await, Ok(0));

        assert_eq!(ours.sign_in_state("ada").await, Ok(Some(locked)));
        assert_eq!(ours.call(&call).await.expect("there").wrapped_at, None);
        assert_eq!(ours.receipt(&receipt).await.expect("there").tries, 0);
        assert_invariants(&store).await;
        store.close().await;
    }
}
