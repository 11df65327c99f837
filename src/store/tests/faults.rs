//! When the database fails in the middle: all or nothing, and only whom it concerns.

use crate::world::*;
use sea_orm::ConnectionTrait;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonewall_model::payment::AttemptState;
use tonewall_model::payment::Means;
use tonewall_store::{ReceiptState, StoreError, StoreOptions, check_invariants};

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

/// Each with all that belongs to it, or nothing of it.
#[tokio::test]
async fn what_comes_after_an_attempt_is_written_wholly_or_not_at_all() {
    for refused in ["receipt", "means", "agreement", "agreement_instalment", "outbox", "audit"] {
        for db in TestDb::both().await {
            let store = db.open(StoreOptions::default()).await;
            let tenant = taken(&store, 1).await;
            let outbox = db.count("SELECT count(*) FROM outbox").await;
            db.refuse_inserts(refused, "1 = 1", "ABORT").await;
            let receipt = tenant.receipt_queue(new_receipt(1, 1)).await;
            let means = tenant.means_choose(choice(1, Means::Later, 5)).await;
            let agreement = tenant.agreement_begin(new_agreement(1)).await;
            let results = [("receipt", receipt), ("means", means), ("agreement", agreement)];
            for (what, result) in &results {
                let needs = match *what {
                    "receipt" => ["receipt", "outbox", "audit"].contains(&refused),
                    "means" => ["means", "audit"].contains(&refused),
                    _ => !["receipt", "means"].contains(&refused),
                };
                assert_eq!(result.is_err(), needs, "{refused}: {what}: {result:?}");
                let rows = db.count(&format!("SELECT count(*) FROM {what}")).await;
                assert_eq!(rows, i64::from(!needs), "{refused}: {what}");
            }
            let events = results.iter().filter(|(what, result)| *what != "means" && result.is_ok()).count();
            assert_eq!(db.count("SELECT count(*) FROM outbox").await, outbox + events as i64, "{refused}");
            let dates = if results[2].1.is_ok() { 3 } else { 0 };
            assert_eq!(db.count("SELECT count(*) FROM agreement_instalment").await, dates, "{refused}");
            assert_invariants(&store).await;
            db.drop_trigger("test_refuse", refused).await;
            tenant.receipt_queue(new_receipt(1, 1)).await.expect("queued");
            tenant.means_choose(choice(1, Means::Later, 5)).await.expect("chosen");
            tenant.agreement_begin(new_agreement(1)).await.expect("made");
            assert_invariants(&store).await;
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_sending_that_cannot_be_audited_is_not_told() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        tenant.receipt_queue(new_receipt(1, 1)).await.expect("queued");
        let id = new_receipt(1, 1).id;
        db.refuse_inserts("audit", "1 = 1", "ABORT").await;
        for failed in
            [tenant.receipt_sent(&id, later(11)).await, tenant.receipt_refused(&id, "no", now()).await]
        {
            assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
        }
        assert_eq!(tenant.receipt(&id).await.expect("there").state, ReceiptState::Queued);
        assert_eq!(tenant.outbox_pending(9).await.expect("read").len(), 2);
        assert_invariants(&store).await;
        db.drop_trigger("test_refuse", "audit").await;
        assert_eq!(tenant.receipt_sent(&id, later(12)).await, Ok(true));
        assert_invariants(&store).await;
        store.close().await;
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

/// One damage after another, each seen by the rule that it breaks.
#[tokio::test]
async fn damage_to_what_comes_after_an_attempt_is_seen() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        tenant.receipt_queue(new_receipt(1, 1)).await.expect("queued");
        tenant.means_choose(choice(1, Means::Later, 5)).await.expect("chosen");
        tenant.agreement_begin(new_agreement(1)).await.expect("made");
        tenant.record_call(call_record(1)).await.expect("written");
        assert_invariants(&store).await;
        for (name, table) in [
            ("means_fixed", "means"),
            ("means_kept", "means"),
            ("agreement_fixed", "agreement"),
            ("instalment_fixed", "agreement_instalment"),
            ("receipt_fixed", "receipt"),
        ] {
            db.drop_trigger(name, table).await;
        }
        let raw = db.raw().await;
        for (damage, repair, rule) in [
            (
                "UPDATE outbox SET delivered_at = created_at WHERE topic = 'receipt.send'",
                "UPDATE outbox SET delivered_at = NULL",
                "a receipt's event is delivered",
            ),
            (
                "UPDATE outbox SET topic = 'other' WHERE topic = 'receipt.send'",
                "UPDATE outbox SET topic = 'receipt.send' WHERE topic = 'other'",
                "a receipt has its event",
            ),
            (
                "UPDATE receipt SET call_id = 'x'",
                "UPDATE receipt SET call_id = '{call}'",
                "approval of its call",
            ),
            ("UPDATE means SET seq = 2", "UPDATE means SET seq = 1", "counted without a gap"),
            (
                "UPDATE means SET call_id = 'x'",
                "UPDATE means SET call_id = '{call}'",
                "of that attempt's call",
            ),
            (
                "UPDATE agreement SET last4 = '4242'",
                "UPDATE agreement SET last4 = '1111'",
                "the card of its attempt",
            ),
            (
                "UPDATE agreement SET end_count = 4",
                "UPDATE agreement SET end_count = 3",
                "counted from its start",
            ),
            (
                "UPDATE agreement_instalment SET due_on = '2027-12-31' WHERE seq = 2",
                "UPDATE agreement_instalment SET due_on = '2027-01-31' WHERE seq = 2",
                "dates ascend",
            ),
            (
                "UPDATE call_record SET ended_at = started_at",
                "UPDATE call_record SET ended_at = NULL",
                "has ended tells why",
            ),
        ] {
            raw.execute_unprepared(damage).await.expect(damage);
            let broken = check_invariants(&store).await.expect("checked");
            assert!(broken.iter().any(|line| line.contains(rule)), "{damage}: {broken:?}");
            let repair = repair.replace("{call}", call_id(1).as_str());
            raw.execute_unprepared(&repair).await.expect("repaired");
            assert_invariants(&store).await;
        }
        store.close().await;
    }
}
