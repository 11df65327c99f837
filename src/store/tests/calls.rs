//! Records of calls: as they grow, whose they are, and what becomes of those that a dead process left.

use crate::world::*;
use time::Duration;
use tonewall_model::call::CALL_MAX;
use tonewall_model::ids::AgentId;
use tonewall_store::{CallRecord, StoreError, StoreOptions};

#[tokio::test]
async fn a_call_record_grows_with_its_call() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        tenant.record_call(call_record(1)).await.expect("written");
        assert_eq!(tenant.call(&call_id(1)).await, Ok(call_record(1)));
        let ended = CallRecord {
            secured_at: Some(later(3)),
            ended_at: Some(later(60)),
            ended_why: Some("hang_up".to_owned()),
            keys: 23,
            scope: Some("out_of_scope".to_owned()),
            ..call_record(1)
        };
        tenant.record_call(ended.clone()).await.expect("written over");
        assert_eq!(tenant.call(&call_id(1)).await, Ok(ended));
        assert_eq!(db.count("SELECT count(*) FROM call_record").await, 1);
        let mut long = call_record(2);
        long.route = "r".repeat(300);
        assert!(matches!(tenant.record_call(long).await, Err(StoreError::Invalid(_))));
        store.close().await;
    }
}

/// A call of harbour's that began so many seconds later.
fn began(number: u128, seconds: i64) -> CallRecord {
    CallRecord { started_at: later(seconds), ..call_record(number) }
}

fn ended(call: CallRecord) -> CallRecord {
    let at = call.started_at + Duration::seconds(60);
    CallRecord { ended_at: Some(at), ended_why: Some("hang_up".to_owned()), ..call }
}

#[tokio::test]
async fn a_call_is_wrapped_up_once_and_stays_so_until_it_goes_on() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        assert_eq!(tenant.call_wrap(&call_id(1), later(9)).await, Err(StoreError::NotFound));
        let told = CallRecord { wrapped_at: Some(later(1)), ..call_record(1) };
        tenant.record_call(told).await.expect("written");
        assert_eq!(tenant.call(&call_id(1)).await.expect("there").wrapped_at, None);
        tenant.call_wrap(&call_id(1), later(70)).await.expect("wrapped up");
        tenant.call_wrap(&call_id(1), later(80)).await.expect("wrapped up before");
        tenant.record_call(ended(call_record(1))).await.expect("written over");
        let wrapped = CallRecord { wrapped_at: Some(later(70)), ..ended(call_record(1)) };
        assert_eq!(tenant.call(&call_id(1)).await, Ok(wrapped));
        assert_eq!(tenant.call_unwrap(&call_id(2)).await, Err(StoreError::NotFound));
        for _ in 0..2 {
            tenant.call_unwrap(&call_id(1)).await.expect("goes on");
            assert_eq!(tenant.call(&call_id(1)).await, Ok(ended(call_record(1))));
        }
        tenant.call_wrap(&call_id(1), later(90)).await.expect("wrapped up again");
        assert_eq!(tenant.call(&call_id(1)).await.expect("there").wrapped_at, Some(later(90)));
        begun(&store, new_attempt(1)).await;
        assert_eq!(tenant.call(&call_id(1)).await.expect("there").wrapped_at, None, "an outcome to see");
        store.close().await;
    }
}

#[tokio::test]
async fn an_agent_finds_their_unfinished_calls_newest_first() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        let bens = CallRecord { agent: Some(AgentId("ben".to_owned())), ..began(4, 40) };
        let unclaimed = CallRecord { agent: None, ..began(5, 50) };
        for call in [began(1, 10), ended(began(3, 30)), began(2, 20), bens.clone(), unclaimed] {
            tenant.record_call(call).await.expect("written");
        }
        let newest_first = vec![began(2, 20), began(1, 10)];
        assert_eq!(tenant.calls_unfinished(&agent(), now(), 9).await, Ok(newest_first));
        assert_eq!(tenant.calls_unfinished(&agent(), now(), 1).await, Ok(vec![began(2, 20)]));
        assert_eq!(tenant.calls_unfinished(&agent(), later(21), 9).await, Ok(vec![]));
        assert_eq!(tenant.calls_unfinished(&AgentId("ben".to_owned()), now(), 9).await, Ok(vec![bens]));
        store.close().await;
    }
}

/// Only what is unfinished counts against the limit.
#[tokio::test]
async fn an_attempt_is_not_forgotten_behind_calls_without_one() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        tenant.record_call(ended(began(1, 0))).await.expect("written");
        let cut = |word: &str, call| CallRecord { ended_why: Some(word.to_owned()), ..ended(call) };
        tenant.record_call(cut("shutdown", began(2, 1))).await.expect("written");
        for nth in 3..33 {
            tenant.record_call(ended(began(nth, 10 + nth as i64))).await.expect("written");
        }
        let newest_first = vec![cut("shutdown", began(2, 1)), ended(began(1, 0))];
        assert_eq!(tenant.calls_unfinished(&agent(), now(), 2).await, Ok(newest_first));
        tenant.call_wrap(&call_id(1), later(90)).await.expect("wrapped up");
        let left = vec![cut("shutdown", began(2, 1))];
        assert_eq!(tenant.calls_unfinished(&agent(), now(), 2).await, Ok(left));
        store.close().await;
    }
}

#[tokio::test]
async fn calls_of_a_dead_process_end_at_the_next_start() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        for tenant in [harbour(), quayside()] {
            let first = if tenant == harbour() { 1 } else { 11 };
            let tenant = store.tenant(&tenant);
            tenant.record_call(began(first, 0)).await.expect("written");
            tenant.record_call(ended(began(first + 1, 0))).await.expect("written");
        }
        store.close().await;

        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        // Another node of PostgreSQL may have the call for as long as a call may last.
        let at_once = if db.is_sqlite() { 2 } else { 0 };
        assert_eq!(store.close_interrupted_calls(later(100)).await, Ok(at_once));
        let much_later = later(101) + CALL_MAX;
        assert_eq!(store.close_interrupted_calls(much_later).await, Ok(2 - at_once));
        assert_eq!(store.close_interrupted_calls(much_later).await, Ok(0));
        let at = if db.is_sqlite() { later(100) } else { much_later };
        let cut = CallRecord { ended_at: Some(at), ended_why: Some("restart".to_owned()), ..began(1, 0) };
        assert_eq!(tenant.call(&call_id(1)).await, Ok(cut));
        assert_eq!(tenant.call(&call_id(2)).await, Ok(ended(began(2, 0))));
        let theirs = store.tenant(&quayside()).call(&call_id(11)).await.expect("there");
        assert_eq!(theirs.ended_why.as_deref(), Some("restart"));
        assert_invariants(&store).await;
        store.close().await;
    }
}
