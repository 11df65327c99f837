//! When the database fails in the middle: all or nothing, and only whom it concerns.

use crate::world::*;
use sea_orm::ConnectionTrait;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonewall_model::payment::AttemptState;
use tonewall_store::{StoreError, StoreOptions, check_invariants};

#[tokio::test]
async fn a_move_is_written_wholly_or_not_at_all() {
    for table in ["ledger_entry", "outbox", "audit"] {
        for db in TestDb::both().await {
            let store = db.open(StoreOptions::default()).await;
            let tenant = begun(&store, new_attempt(1)).await;
            db.refuse_inserts(table, "1 = 1", "ABORT").await;
            let failed = tenant.conclude(&attempt_id(1), approved("g-1"), later(1)).await;
            assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{table}: {failed:?}");
            let row = tenant.attempt(&attempt_id(1)).await.expect("there");
            assert_eq!((row.state, row.fence, row.outcome), (AttemptState::Sending, 0, None));
            assert_eq!(tenant.entries(&attempt_id(1)).await, Ok(vec![]));
            assert_eq!(tenant.outbox_pending(9).await, Ok(vec![]));
            assert_eq!(tenant.audit_verify().await, Ok(1));
            assert_invariants(&store).await;
            db.drop_trigger("test_refuse", table).await;
            assert!(tenant.conclude(&attempt_id(1), approved("g-1"), later(1)).await.expect("told").moved);
            assert_invariants(&store).await;
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_beginning_that_cannot_be_audited_leaves_nothing() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        db.refuse_inserts("audit", "1 = 1", "ABORT").await;
        let failed = store.tenant(&harbour()).begin_attempt(new_attempt(1)).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
        for table in ["payment", "attempt", "audit", "audit_head"] {
            assert_eq!(db.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
        }
        db.drop_trigger("test_refuse", "audit").await;
        begun(&store, new_attempt(1)).await;
        store.close().await;
    }
}

/// `ABORT` fails the statement; `ROLLBACK` makes SQLite throw the whole group away, as a full disk
/// does, and leaves the connection unusable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failing_item_does_not_fail_its_neighbours() {
    for (how, commits) in [("ABORT", 1), ("ROLLBACK", 19)] {
        let db = TestDb::sqlite();
        let store = db.open(StoreOptions { tries_max: 60, ..StoreOptions::default() }).await;
        db.refuse_inserts("attempt", "NEW.account = 'INV-7'", how).await;
        let lock = db.raw().await;
        lock.execute_unprepared("BEGIN EXCLUSIVE").await.expect("held");
        let mut tasks = JoinSet::new();
        for number in 1..=20 {
            let tenant = store.tenant(&harbour());
            tasks.spawn(async move { (number, tenant.begin_attempt(new_attempt(number)).await) });
        }
        // The writer has one in its hands.
        queued(&store, 19).await;
        lock.execute_unprepared("COMMIT").await.expect("let go");
        for (number, result) in tasks.join_all().await {
            assert_eq!(result.is_ok(), number != 7, "{how}: {number}: {result:?}");
        }
        assert_eq!(store.stats().commits, commits, "{how}: a group, or one by one");
        assert_eq!(db.count("SELECT count(*) FROM attempt").await, 19);
        assert_eq!(db.count("SELECT count(*) FROM payment").await, 19);
        assert_invariants(&store).await;
        store.close().await;
    }
}

/// The connection is thrown away while its directory is gone, and made anew when it is back.
#[tokio::test]
async fn the_writer_comes_back_when_the_file_does() {
    let db = TestDb::sqlite();
    let store = db.open(StoreOptions::default()).await;
    let tenant = store.tenant(&harbour());
    db.refuse_inserts("attempt", "NEW.account = 'INV-7'", "ROLLBACK").await;
    let dir = db.dir.clone().expect("a directory");
    let away = dir.with_extension("away");
    std::fs::rename(&dir, &away).expect("moved away");
    for number in [7, 8, 8] {
        let refused = tenant.begin_attempt(new_attempt(number)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{number}: {refused:?}");
    }
    std::fs::rename(&away, &dir).expect("moved back");
    tenant.begin_attempt(new_attempt(8)).await.expect("begun");
    assert_eq!(db.count("SELECT count(*) FROM attempt").await, 1);
    assert_invariants(&store).await;
    store.close().await;
}

#[tokio::test]
async fn a_locked_file_is_given_up_within_the_bound_and_works_afterwards() {
    let db = TestDb::sqlite();
    let options = StoreOptions { busy_timeout_ms: 100, tries_max: 2, ..StoreOptions::default() };
    let store = db.open(options).await;
    let tenant = begun(&store, new_attempt(1)).await;
    let lock = db.raw().await;
    lock.execute_unprepared("BEGIN EXCLUSIVE").await.expect("held");
    let start = Instant::now();
    assert_eq!(tenant.begin_attempt(new_attempt(2)).await, Err(StoreError::Locked));
    assert_eq!(tenant.conclude(&attempt_id(1), declined(), later(1)).await, Err(StoreError::Locked));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(10), "{took:?}");
    let row = tenant.attempt(&attempt_id(1)).await.expect("readers go on");
    assert_eq!(row.state, AttemptState::Sending);
    lock.execute_unprepared("COMMIT").await.expect("let go");
    assert_eq!(db.count("SELECT count(*) FROM attempt").await, 1);
    tenant.begin_attempt(new_attempt(2)).await.expect("begun");
    tenant.conclude(&attempt_id(1), declined(), later(1)).await.expect("told");
    assert_invariants(&store).await;
    store.close().await;
}

#[tokio::test]
async fn a_locked_row_of_postgres_is_given_up_within_the_bound() {
    let db = TestDb::postgres().await;
    let options = StoreOptions { busy_timeout_ms: 100, tries_max: 2, ..StoreOptions::default() };
    let store = db.open(options).await;
    let tenant = begun(&store, new_attempt(1)).await;
    let lock = db.raw().await;
    lock.execute_unprepared("BEGIN; SELECT id FROM attempt FOR UPDATE").await.expect("held");
    assert_eq!(tenant.conclude(&attempt_id(1), declined(), later(1)).await, Err(StoreError::Locked));
    lock.execute_unprepared("COMMIT").await.expect("let go");
    tenant.conclude(&attempt_id(1), declined(), later(1)).await.expect("told");
    assert_invariants(&store).await;
    store.close().await;
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let db = TestDb::sqlite();
    let options =
        StoreOptions { queue_max: 4, busy_timeout_ms: 100, tries_max: 2, ..StoreOptions::default() };
    let store = db.open(options).await;
    let lock = db.raw().await;
    lock.execute_unprepared("BEGIN EXCLUSIVE").await.expect("held");
    let mut tasks = JoinSet::new();
    for number in 1..=20 {
        let tenant = store.tenant(&harbour());
        tasks.spawn(async move { tenant.begin_attempt(new_attempt(number)).await });
    }
    let results = tasks.join_all().await;
    let count = |error: StoreError| results.iter().filter(|result| **result == Err(error.clone())).count();
    let (busy, locked) = (count(StoreError::Busy), count(StoreError::Locked));
    assert_eq!(busy + locked, 20, "{results:?}");
    assert!(busy >= 15, "one is being written and four may wait: {busy} busy");
    lock.execute_unprepared("COMMIT").await.expect("let go");
    begun(&store, new_attempt(1)).await;
    store.close().await;
}

#[tokio::test]
async fn damage_done_behind_the_store_is_seen() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        begun(&store, new_attempt(2)).await;
        tenant.conclude(&attempt_id(2), approved("g-2"), later(1)).await.expect("told");
        assert_invariants(&store).await;
        let raw = db.raw().await;
        raw.execute_unprepared("UPDATE attempt SET state = 'approved' WHERE state = 'sending'")
            .await
            .expect("forged");
        let broken = check_invariants(&store).await.expect("checked");
        let told = |part: &str| broken.iter().any(|line| line.contains(part));
        assert!(told("is concluded exactly"), "{broken:?}");
        assert!(told("the one that its answer means"), "{broken:?}");
        assert!(told("the ledger stands where the state says"), "{broken:?}");
        raw.execute_unprepared("UPDATE attempt SET state = 'lost'").await.expect_err("no such state");
        raw.execute_unprepared("DELETE FROM outbox").await.expect("events lost");
        let broken = check_invariants(&store).await.expect("checked");
        assert!(broken.iter().any(|line| line.contains("outbox event")), "{broken:?}");
        raw.execute_unprepared(
            "UPDATE attempt SET unknown_why = 'x', outcome = 'unknown', state = 'unknown'",
        )
        .await
        .expect("forged");
        let unread = tenant.attempt(&attempt_id(1)).await;
        assert!(matches!(unread, Err(StoreError::Corrupt(what)) if what.contains("unknown_why")));
        store.close().await;
    }
}
