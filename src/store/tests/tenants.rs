//! A tenant never sees or moves another's rows, even with the right id.

use crate::world::*;
use tonewall_model::ids::{CallId, TenantId};
use tonewall_store::{CallRecord, StoreError, StoreOptions};

fn record(number: u128) -> CallRecord {
    CallRecord {
        id: CallId::from_random(number),
        route: "on_demand".to_owned(),
        agent: Some(agent()),
        caller: Some("+447700900123".to_owned()),
        started_at: now(),
        secured_at: None,
        ended_at: None,
        ended_why: None,
        keys: 0,
        scope: None,
    }
}

#[tokio::test]
async fn foreign_ids_name_nothing() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let ours = begun(&store, new_attempt(1)).await;
        let theirs = store.tenant(&TenantId::parse("quayside").expect("a slug"));
        ours.record_call(record(1)).await.expect("written");
        ours.conclude(&attempt_id(1), approved("g-1"), later(1)).await.expect("told");
        let event = ours.outbox_pending(1).await.expect("read")[0].id.clone();

        assert_eq!(theirs.attempt(&attempt_id(1)).await, Err(StoreError::NotFound));
        let moved = theirs.conclude(&attempt_id(1), declined(), later(1)).await;
        assert_eq!(moved, Err(StoreError::NotFound));
        assert_eq!(theirs.entries(&attempt_id(1)).await, Ok(vec![]));
        assert_eq!(theirs.attempts_of_call(&record(1).id).await, Ok(vec![]));
        assert_eq!(theirs.call(&record(1).id).await, Err(StoreError::NotFound));
        assert_eq!(theirs.record_call(record(1)).await, Err(StoreError::NotFound));
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
async fn a_call_record_grows_with_its_call() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        tenant.record_call(record(1)).await.expect("written");
        assert_eq!(tenant.call(&record(1).id).await, Ok(record(1)));
        let ended = CallRecord {
            secured_at: Some(later(3)),
            ended_at: Some(later(60)),
            ended_why: Some("hang_up".to_owned()),
            keys: 23,
            scope: Some("out_of_scope".to_owned()),
            ..record(1)
        };
        tenant.record_call(ended.clone()).await.expect("written over");
        assert_eq!(tenant.call(&record(1).id).await, Ok(ended));
        assert_eq!(db.count("SELECT count(*) FROM call_record").await, 1);
        let mut long = record(2);
        long.route = "r".repeat(300);
        assert!(matches!(tenant.record_call(long).await, Err(StoreError::Invalid(_))));
        store.close().await;
    }
}
