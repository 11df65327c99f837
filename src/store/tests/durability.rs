//! What was answered is on disk, whatever becomes of the process.

use crate::world::*;
use tonewall_model::payment::AttemptState;
use tonewall_store::{Store, StoreError, StoreOptions};

/// The files as a kill leaves them: copied while the store is open and nothing has been closed,
/// so what is answered but not yet in them would be lost here as well.
#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_answered() {
    let db = TestDb::sqlite();
    let store = db.open(StoreOptions::default()).await;
    let from = db.dir.clone().expect("a directory");
    for number in 1..=20 {
        let tenant = begun(&store, new_attempt(number)).await;
        if number % 2 == 0 {
            tenant.conclude(&attempt_id(number), approved("g"), later(1)).await.expect("told");
        }
        // The shared-memory index is left out: recovery has to do without it.
        let killed = TestDb::sqlite();
        let to = killed.dir.clone().expect("a directory");
        for file in ["ledger.db", "ledger.db-wal"] {
            std::fs::copy(from.join(file), to.join(file)).expect("copied");
        }
        let after = Store::open(&killed.url, StoreOptions::default()).await.expect("recovered");
        for earlier in 1..=number {
            let row = after.tenant(&harbour()).attempt(&attempt_id(earlier)).await.expect("kept");
            let state = if earlier % 2 == 0 { AttemptState::Approved } else { AttemptState::Sending };
            assert_eq!(row.state, state);
        }
        assert_invariants(&after).await;
        after.close().await;
    }
    assert_eq!(db.count("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'").await, 1);
    store.close().await;
}

#[tokio::test]
async fn a_closed_store_refuses() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        begun(&store, new_attempt(1)).await;
        store.close().await;
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
        let refused = store.tenant(&harbour()).begin_attempt(new_attempt(2)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_writes_what_is_queued() {
    let db = TestDb::sqlite();
    let store = db.open(StoreOptions::default()).await;
    let tasks: Vec<_> = (1..=50)
        .map(|number| {
            let tenant = store.tenant(&harbour());
            tokio::spawn(async move { tenant.begin_attempt(new_attempt(number)).await })
        })
        .collect();
    store.close().await;
    let mut written = 0;
    for task in tasks {
        match task.await.expect("joined") {
            Ok(()) => written += 1,
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
        }
    }
    assert_eq!(db.count("SELECT count(*) FROM attempt").await, written);
}
