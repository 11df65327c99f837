//! Many writers at a time.

use crate::world::*;
use sea_orm::ConnectionTrait;
use tokio::task::JoinSet;
use tonewall_model::payment::AttemptState;
use tonewall_store::{StoreError, StoreOptions};

const MANY: u128 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_payments_at_once() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions { tries_max: 60, ..StoreOptions::default() }).await;
        // While somebody holds the file the writes queue up: groups are certain, not a matter of luck.
        let lock = db.raw().await;
        if db.is_sqlite() {
            lock.execute_unprepared("BEGIN EXCLUSIVE").await.expect("held");
        }
        let mut tasks = JoinSet::new();
        for number in 0..MANY {
            let tenant = store.tenant(&harbour());
            tasks.spawn(async move {
                tenant.begin_attempt(new_attempt(number)).await.expect("begun");
                let answer = if number % 3 == 0 { declined() } else { approved(&format!("g-{number}")) };
                tenant.conclude(&attempt_id(number), answer, later(1)).await.expect("told").attempt.state
            });
        }
        if db.is_sqlite() {
            queued(&store, 199).await;
            lock.execute_unprepared("COMMIT").await.expect("let go");
        }
        let states = tasks.join_all().await;
        let taken = states.iter().filter(|state| **state == AttemptState::Approved).count();
        assert_eq!((states.len(), taken), (200, 133));
        let stats = store.stats();
        assert_eq!((stats.writes, stats.queued), (400, 0));
        if db.is_sqlite() {
            assert!(stats.commits < 200, "writes share commits: {stats:?}");
        } else {
            assert_eq!(stats.commits, 400);
        }
        let sum = "SELECT cast(sum(minor) AS bigint) FROM ledger_entry WHERE account = 'gateway_receivable'";
        assert_eq!(db.count(sum).await, 133 * 1_250);
        assert_eq!(store.tenant(&harbour()).audit_verify().await, Ok(400));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_attempts_at_one_payment_one_begins() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let mut tasks = JoinSet::new();
        for number in 1..=32 {
            let tenant = store.tenant(&harbour());
            let mut new = new_attempt(number);
            (new.payment, new.account) = (new_attempt(1).payment, new_attempt(1).account);
            tasks.spawn(async move { (new.id.clone(), tenant.begin_attempt(new).await) });
        }
        let results = tasks.join_all().await;
        let began: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).collect();
        assert_eq!(began.len(), 1, "{results:?}");
        let winner = &began[0].0;
        for (id, result) in &results {
            let lost = Err(StoreError::AlreadyLive { attempt: winner.clone() });
            assert!(id == winner || *result == lost, "{result:?}");
        }
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_stories_about_one_attempt_one_is_written() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions { tries_max: 8, ..StoreOptions::default() }).await;
        begun(&store, new_attempt(1)).await;
        let mut tasks = JoinSet::new();
        for number in 0..24 {
            let tenant = store.tenant(&harbour());
            let answer = if number % 2 == 0 { approved("g-1") } else { declined() };
            tasks.spawn(async move { tenant.conclude(&attempt_id(1), answer, later(1)).await });
        }
        let results = tasks.join_all().await;
        let moved = results.iter().flatten().filter(|told| told.moved).count();
        let known = results.iter().flatten().filter(|told| !told.moved).count();
        let refused =
            results.iter().filter(|told| matches!(told, Err(StoreError::NotAllowed { .. }))).count();
        assert_eq!((moved, known, refused), (1, 11, 12), "{results:?}");
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_an_event_one_has_it() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions { tries_max: 60, ..StoreOptions::default() }).await;
        let tenant = taken(&store, 1).await;
        tenant.receipt_queue(new_receipt(1, 1)).await.expect("queued");
        for event in tenant.outbox_pending(9).await.expect("read") {
            let mut tasks = JoinSet::new();
            for _ in 0..16 {
                let (tenant, event) = (tenant.clone(), event.id.clone());
                tasks.spawn(async move { tenant.outbox_lease(&event, later(20), later(80)).await });
            }
            let results = tasks.join_all().await;
            let won = results.iter().filter(|result| **result == Ok(true)).count();
            let lost = results.iter().filter(|result| **result == Ok(false)).count();
            assert_eq!((won, lost), (1, 15), "{results:?}");
        }
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let tenant = tenant.clone();
            tasks.spawn(async move { tenant.receipt_sent(&new_receipt(1, 1).id, later(21)).await });
        }
        let results = tasks.join_all().await;
        assert_eq!(results.iter().filter(|result| **result == Ok(true)).count(), 1, "{results:?}");
        assert_eq!(db.count("SELECT count(*) FROM audit WHERE what = 'receipt.sent'").await, 1);
        assert_invariants(&store).await;
        store.close().await;
    }
}

/// The move waits for the row, which somebody else moves meanwhile: it must look again, not write
/// over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_lost_a_race_looks_again() {
    let db = TestDb::postgres().await;
    let store = db.open(StoreOptions { busy_timeout_ms: 30_000, ..StoreOptions::default() }).await;
    let tenant = begun(&store, new_attempt(1)).await;
    let other = db.raw().await;
    other.execute_unprepared("BEGIN; UPDATE attempt SET fence = 5").await.expect("held");
    let told = tokio::spawn(async move { tenant.conclude(&attempt_id(1), approved("g-1"), later(1)).await });
    let waiting = async {
        while db.count("SELECT count(*) FROM pg_locks WHERE NOT granted").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.expect("it waits for the row");
    other.execute_unprepared("COMMIT").await.expect("let go");
    let told = told.await.expect("joined").expect("told");
    assert!(told.moved);
    assert_eq!(told.attempt.fence, 6, "it counts on from what the other has written");
    store.close().await;
}
