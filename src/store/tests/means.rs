//! Another means: every choice stays, the last one counts.

use crate::world::*;
use tokio::task::JoinSet;
use tonewall_model::payment::Means;
use tonewall_store::{MeansRow, StoreError, StoreOptions};

#[tokio::test]
async fn the_last_choice_counts_and_each_is_audited() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        tenant.conclude(&attempt_id(1), declined(), later(1)).await.expect("told");
        assert_eq!(tenant.means_of_call(&call_id(1)).await, Ok(None));
        tenant.means_choose(choice(1, Means::PayLink, 5)).await.expect("chosen");
        tenant.means_choose(choice(1, Means::PayLink, 5)).await.expect("the same again changes nothing");
        assert_eq!(tenant.means_of_call(&call_id(1)).await, Ok(Some(choice(1, Means::PayLink, 5))));
        tenant.means_choose(choice(1, Means::BankTransfer, 6)).await.expect("chosen");
        tenant.means_choose(choice(1, Means::PayLink, 7)).await.expect("chosen");
        assert_eq!(tenant.means_of_call(&call_id(1)).await, Ok(Some(choice(1, Means::PayLink, 7))));
        assert_eq!(db.count("SELECT count(*) FROM means").await, 3);
        assert_eq!(db.count("SELECT count(*) FROM audit WHERE what LIKE 'means.%'").await, 3);
        let unread =
            MeansRow { payment: None, attempt: None, call: call_id(2), ..choice(2, Means::Later, 9) };
        tenant.means_choose(unread.clone()).await.expect("a card that was never read");
        assert_eq!(tenant.means_of_call(&call_id(2)).await, Ok(Some(unread)));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_no_choice_is_refused() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        begun(&store, new_attempt(2)).await;
        type Spoil = fn(&mut MeansRow);
        let spoils: [Spoil; 3] = [
            |row| row.note = "reads it out: 4242 4242 4242 4242".to_owned(),
            |row| row.note = "ref 994111111111111111".to_owned(),
            |row| row.note = "n".repeat(501),
        ];
        for (number, spoil) in (1..).zip(spoils) {
            let mut row = choice(1, Means::Later, 5);
            spoil(&mut row);
            let refused = tenant.means_choose(row).await;
            assert!(matches!(refused, Err(StoreError::Invalid(_))), "{number}: {refused:?}");
        }
        for attempt in [attempt_id(2), attempt_id(9)] {
            let row = MeansRow { attempt: Some(attempt), ..choice(1, Means::Later, 5) };
            assert_eq!(tenant.means_choose(row).await, Err(StoreError::NotFound), "none of this call's");
        }
        for second in 1..=50 {
            tenant.means_choose(choice(1, Means::Later, second)).await.expect("chosen");
        }
        assert_eq!(tenant.means_choose(choice(1, Means::Later, 51)).await, Err(StoreError::TooMany));
        assert_eq!(db.count("SELECT count(*) FROM means").await, 50);
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn choices_at_once_are_all_kept() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions { tries_max: 60, ..StoreOptions::default() }).await;
        let tenant = begun(&store, new_attempt(1)).await;
        let mut tasks = JoinSet::new();
        for second in 1..=8 {
            let tenant = tenant.clone();
            tasks.spawn(async move { tenant.means_choose(choice(1, Means::Later, second)).await });
        }
        for result in tasks.join_all().await {
            result.expect("chosen");
        }
        assert_eq!(db.count("SELECT max(seq) FROM means").await, 8);
        assert_invariants(&store).await;
        store.close().await;
    }
}
