//! Sessions, and failed sign-ins.

use crate::world::*;
use tokio::task::JoinSet;
use tonewall_model::ids::AgentId;
use tonewall_store::{GuardRow, SessionRow, Store, StoreError, StoreOptions};

fn session(byte: u8, seconds: i64) -> SessionRow {
    let at = later(seconds);
    let tenant = if byte.is_multiple_of(2) { quayside() } else { harbour() };
    SessionRow { token_hash: [byte; 32], tenant, agent: agent(), created_at: at, seen_at: at }
}

async fn known(store: &Store, byte: u8) -> bool {
    store.session(&[byte; 32]).await.expect("read").is_some()
}

#[tokio::test]
async fn a_session_is_found_by_its_token_until_it_ends() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        assert_eq!(store.session(&[1; 32]).await, Ok(None));
        store.session_begin(session(1, 0)).await.expect("begun");
        store.session_begin(session(2, 0)).await.expect("begun");
        store.session_begin(session(1, 0)).await.expect("the same again changes nothing");
        assert_eq!(store.session(&[1; 32]).await, Ok(Some(session(1, 0))));
        let stolen = SessionRow { agent: AgentId("ben".to_owned()), ..session(1, 0) };
        assert!(matches!(store.session_begin(stolen).await, Err(StoreError::Invalid(_))));
        let nobody = SessionRow { agent: AgentId(String::new()), ..session(3, 0) };
        assert!(matches!(store.session_begin(nobody).await, Err(StoreError::Invalid(_))));
        assert_eq!(store.session_seen(&[1; 32], later(60)).await, Ok(true));
        let seen = SessionRow { seen_at: later(60), ..session(1, 0) };
        assert_eq!(store.session(&[1; 32]).await, Ok(Some(seen)));
        store.session_end(&[1; 32]).await.expect("ended");
        store.session_end(&[1; 32]).await.expect("ended before");
        assert_eq!(store.session_seen(&[1; 32], later(61)).await, Ok(false));
        assert_eq!(store.session(&[1; 32]).await, Ok(None));
        let other = store.session(&[2; 32]).await.expect("read").expect("it stays");
        assert_eq!(other.tenant, quayside());
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn sessions_that_nobody_uses_expire() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        for byte in 1..=4 {
            store.session_begin(session(byte, i64::from(byte))).await.expect("begun");
        }
        assert_eq!(store.session_seen(&[1; 32], later(100)).await, Ok(true));
        assert_eq!(store.sessions_expire(later(3)).await, Ok(1));
        assert_eq!(store.sessions_expire(later(3)).await, Ok(0));
        let mut left = Vec::new();
        for byte in 1..=4 {
            left.push(known(&store, byte).await);
        }
        assert_eq!(left, [true, false, true, true]);
        store.close().await;
        let store = db.open(StoreOptions::default()).await;
        assert!(known(&store, 1).await, "a restart signs nobody out");
        store.close().await;
    }
}

#[tokio::test]
async fn failures_are_counted_by_name_and_cleared() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        let once = GuardRow { failures: 1, first_at: now(), locked_until: None };
        let locked = GuardRow { failures: 6, locked_until: Some(later(1_800)), ..once };
        assert_eq!(tenant.sign_in_state("ada").await, Ok(None));
        for state in [once, locked, once, locked] {
            tenant.sign_in_put("ada", Some(state)).await.expect("written");
            assert_eq!(tenant.sign_in_state("ada").await, Ok(Some(state)));
        }
        tenant.sign_in_put("ben", Some(once)).await.expect("written");
        tenant.sign_in_put("ada", None).await.expect("cleared");
        tenant.sign_in_put("ada", None).await.expect("nothing to clear");
        assert_eq!(tenant.sign_in_state("ada").await, Ok(None));
        assert_eq!(tenant.sign_in_state("ben").await, Ok(Some(once)));
        for name in ["", "4111 1111 1111 1111", &"n".repeat(257)] {
            assert!(matches!(tenant.sign_in_put(name, Some(once)).await, Err(StoreError::Invalid(_))));
            assert!(matches!(tenant.sign_in_swap(name, None, None).await, Err(StoreError::Invalid(_))));
        }
        tenant.sign_in_put("cara", Some(locked)).await.expect("written");
        assert_eq!(store.sign_ins_expire(now()).await, Ok(0));
        assert_eq!(store.sign_ins_expire(later(1)).await, Ok(1), "a lock stands until it ends");
        assert_eq!(store.sign_ins_expire(later(1_801)).await, Ok(1));
        assert_eq!(db.count("SELECT count(*) FROM sign_in_guard").await, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn a_swap_needs_what_was_read() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        let once = GuardRow { failures: 1, first_at: now(), locked_until: None };
        let locked = GuardRow { failures: 6, locked_until: Some(later(1_800)), ..once };
        assert_eq!(tenant.sign_in_swap("ada", None, None).await, Ok(true));
        assert_eq!(tenant.sign_in_swap("ada", Some(once), Some(locked)).await, Ok(false));
        assert_eq!(tenant.sign_in_swap("ada", None, Some(once)).await, Ok(true));
        assert_eq!(tenant.sign_in_swap("ada", None, None).await, Ok(false));
        assert_eq!(tenant.sign_in_swap("ada", None, Some(locked)).await, Ok(false));
        assert_eq!(tenant.sign_in_swap("ada", Some(once), Some(locked)).await, Ok(true));
        assert_eq!(tenant.sign_in_swap("ada", Some(once), None).await, Ok(false));
        assert_eq!(tenant.sign_in_state("ada").await, Ok(Some(locked)));
        assert_eq!(tenant.sign_in_swap("ada", Some(locked), None).await, Ok(true));
        assert_eq!(tenant.sign_in_state("ada").await, Ok(None));
        store.close().await;
    }
}

/// Guesses that arrive together are counted one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn failures_at_once_are_all_counted() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions { tries_max: 60, ..StoreOptions::default() }).await;
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let tenant = store.tenant(&harbour());
            tasks.spawn(async move {
                for _ in 0..1_000 {
                    let before = tenant.sign_in_state("ada").await.expect("read");
                    let failures = before.map_or(0, |state| state.failures) + 1;
                    let after = GuardRow { failures, first_at: now(), locked_until: None };
                    if tenant.sign_in_swap("ada", before, Some(after)).await.expect("answered") {
                        return true;
                    }
                }
                false
            });
        }
        assert!(tasks.join_all().await.into_iter().all(|counted| counted));
        let state = store.tenant(&harbour()).sign_in_state("ada").await.expect("read");
        assert_eq!(state.expect("there").failures, 16);
        store.close().await;
    }
}
