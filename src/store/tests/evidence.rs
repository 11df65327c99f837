//! Records of evidence: one a call, one chain a tenant, and what is found when somebody tampers.

use crate::world::*;
use sea_orm::ConnectionTrait;
use std::sync::Arc;
use tokio::task::JoinSet;
use tonewall_store::{
    BrokenAt, CallRecord, NewEvidence, Sealed, StoreError, StoreOptions, TenantStore, check_invariants,
};

async fn filled(tenant: &TenantStore) {
    for number in 1..=5 {
        assert_eq!(tenant.evidence_append(new_evidence(number)).await, Ok(true));
    }
}

#[tokio::test]
async fn a_call_has_one_record_and_the_first_stays() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        assert_eq!(tenant.evidence(&call_id(1)).await, Err(StoreError::NotFound));
        filled(&tenant).await;
        let again = NewEvidence { now: later(500), ..new_evidence(2) };
        assert_eq!(tenant.evidence_append(again).await, Ok(false));
        let second = tenant.evidence(&call_id(2)).await.expect("there");
        assert_eq!((second.seq, second.created_at), (2, later(90)));
        let chain = tenant.evidence_chain(1, 9).await.expect("read");
        assert_eq!(chain.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(chain[0].previous_sha256, "");
        assert!(chain.windows(2).all(|two| two[1].previous_sha256 == two[0].sha256));
        assert_eq!(tenant.evidence_chain(4, 1).await.expect("read"), chain[3..4]);
        assert_eq!(tenant.evidence_verify().await, Ok(5));
        // A neighbour has none of it, and begins a chain of its own.
        let other = store.tenant(&quayside());
        assert_eq!(other.evidence(&call_id(2)).await, Err(StoreError::NotFound));
        assert_eq!((other.evidence_chain(1, 9).await, other.evidence_verify().await), (Ok(vec![]), Ok(0)));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_calls_that_end_at_once_make_one_chain() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions { tries_max: 60, ..StoreOptions::default() }).await;
        let mut tasks = JoinSet::new();
        for number in 1..=60 {
            // Each call ends twice: only one of the two is written.
            for _ in 0..2 {
                let tenant = store.tenant(&harbour());
                tasks.spawn(async move { tenant.evidence_append(new_evidence(number)).await.expect("told") });
            }
        }
        let written = tasks.join_all().await.into_iter().filter(|written| *written).count();
        assert_eq!(written, 60);
        let tenant = store.tenant(&harbour());
        assert_eq!(tenant.evidence_verify().await, Ok(60));
        assert_eq!(tenant.audit_verify().await, Ok(60));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_call_owes_its_evidence_until_it_is_written() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        let ended = |number| CallRecord {
            ended_at: Some(later(60)),
            ended_why: Some("agent_hung_up".to_owned()),
            ..call_record(number)
        };
        tenant.record_call(call_record(1)).await.expect("written");
        tenant.record_call(ended(2)).await.expect("written");
        tenant.record_call(ended(3)).await.expect("written");
        tenant.evidence_append(new_evidence(3)).await.expect("recorded");
        // The ledger was locked while the call was up: its record comes after its evidence.
        tenant.evidence_append(new_evidence(4)).await.expect("recorded");
        tenant.record_call(ended(4)).await.expect("written");
        assert_eq!(store.evidence_due(later(59), 9).await, Ok(Vec::new()));
        let due = store.evidence_due(later(60), 9).await.expect("read");
        assert_eq!(due, [(harbour(), ended(2))]);
        assert_invariants(&store).await;
        tenant.evidence_append(new_evidence(2)).await.expect("recorded");
        assert_eq!(store.evidence_due(later(60), 9).await, Ok(Vec::new()));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_leaves_no_gap() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        for body in ["x".repeat(65_537), r#"{"seen":"4111111111111111"}"#.to_owned()] {
            let seal = move |_: &_| Sealed { body: body.clone(), signed: None };
            let refused = NewEvidence { seal: Arc::new(seal), ..new_evidence(1) };
            assert!(matches!(tenant.evidence_append(refused).await, Err(StoreError::Invalid(_))));
        }
        filled(&tenant).await;
        assert_eq!(tenant.evidence_verify().await, Ok(5));
        store.close().await;
    }
}

#[tokio::test]
async fn a_row_that_is_changed_or_taken_out_is_found() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        filled(&tenant).await;
        db.drop_trigger("evidence_fixed", "evidence").await;
        db.drop_trigger("evidence_kept", "evidence").await;
        let raw = db.raw().await;
        raw.execute_unprepared("CREATE TABLE kept AS SELECT * FROM evidence").await.expect("a copy");
        for column in ["call_id", "previous_sha256", "sha256", "body"] {
            let flip = format!("UPDATE evidence SET {column} = '~' || substr({column}, 2) WHERE seq = 3");
            raw.execute_unprepared(&flip).await.expect("flipped");
            let found = tenant.evidence_verify().await;
            assert!(matches!(found, Err(BrokenAt::Row { seq: 3, .. })), "{column}: {found:?}");
            assert!(!check_invariants(&store).await.expect("checked").is_empty());
            let back = format!("UPDATE evidence SET {column} = (SELECT {column} FROM kept WHERE seq = 3)");
            raw.execute_unprepared(&format!("{back} WHERE seq = 3")).await.expect("put back");
        }
        assert_eq!(tenant.evidence_verify().await, Ok(5), "all put back");
        let missing = |seq| Err(BrokenAt::Row { seq, why: "the row is missing" });
        raw.execute_unprepared("DELETE FROM evidence WHERE seq = 5").await.expect("cut off the end");
        assert_eq!(tenant.evidence_verify().await, missing(5));
        raw.execute_unprepared("DELETE FROM evidence WHERE seq = 2").await.expect("cut out");
        assert_eq!(tenant.evidence_verify().await, missing(2));
        raw.execute_unprepared("DELETE FROM evidence").await.expect("emptied");
        assert_eq!(tenant.evidence_verify().await, missing(1));
        store.close().await;
    }
}
