//! What jobs ask across tenants.

use crate::world::*;
use tonewall_model::ids::TenantId;
use tonewall_model::payment::{AttemptState, Outcome, UnknownWhy};
use tonewall_store::{AuditEntry, AuditResult, StoreOptions};

#[tokio::test]
async fn the_unresolved_are_those_whose_end_is_open() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let quayside = store.tenant(&quayside());
        let tenant = begun(&store, new_attempt(1)).await;
        quayside.begin_attempt(new_attempt(2)).await.expect("begun");
        for (number, answer) in [
            (3, Outcome::Unknown(UnknownWhy::ServerError)),
            (4, Outcome::Pending { gateway_ref: "p".to_owned() }),
            (5, approved("g")),
            (6, declined()),
        ] {
            tenant.begin_attempt(new_attempt(number)).await.expect("begun");
            tenant.conclude(&attempt_id(number), answer, later(1)).await.expect("told");
        }
        let ids = |rows: Vec<(TenantId, tonewall_store::AttemptRow)>| {
            let mut ids: Vec<String> = rows.into_iter().map(|(t, row)| format!("{t}/{}", row.id)).collect();
            ids.sort();
            ids
        };
        let of = |tenant: &str, number| format!("{tenant}/{}", attempt_id(number));
        let open = [of("harbour", 3), of("harbour", 4)];
        assert_eq!(ids(store.unresolved(later(89), 10).await.expect("read")), open);
        let overdue = [of("harbour", 1), of("harbour", 3), of("harbour", 4), of("quayside", 2)];
        assert_eq!(ids(store.unresolved(later(91), 10).await.expect("read")), overdue);
        assert_eq!(store.unresolved(later(91), 2).await.expect("read").len(), 2);
        store.close().await;
    }
}

#[tokio::test]
async fn attempts_of_a_dead_process_become_unknown() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        for number in 1..=300 {
            begun(&store, new_attempt(number)).await;
        }
        let tenant = store.tenant(&harbour());
        tenant.conclude(&attempt_id(1), approved("g"), later(1)).await.expect("told");
        store.close().await;

        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        // Another node of PostgreSQL may be sending until the deadline; a file has one owner.
        let at_once = if db.is_sqlite() { 299 } else { 0 };
        assert_eq!(store.interrupted_to_unknown(later(5)).await, Ok(at_once));
        assert_eq!(store.interrupted_to_unknown(later(91)).await, Ok(299 - at_once));
        let row = tenant.attempt(&attempt_id(2)).await.expect("there");
        assert_eq!(row.state, AttemptState::Unknown);
        assert_eq!(row.outcome, Some(Outcome::Unknown(UnknownWhy::ProcessDied)));
        let kept = tenant.attempt(&attempt_id(1)).await.expect("there");
        assert_eq!(kept.state, AttemptState::Approved);
        assert_eq!(tenant.outbox_pending(1_000).await.expect("read").len(), 300);
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn an_event_is_leased_once_and_again_when_the_lease_runs_out() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        tenant.conclude(&attempt_id(1), declined(), later(1)).await.expect("told");
        let due = store.outbox_due(later(2), 10).await.expect("read");
        assert_eq!(due.len(), 1);
        assert_eq!((&due[0].0, &*due[0].1.topic), (&harbour(), "payment.declined"));
        let event = due[0].1.id.clone();
        assert_eq!(tenant.outbox_lease(&event, later(2), later(32)).await, Ok(true));
        assert_eq!(tenant.outbox_lease(&event, later(3), later(33)).await, Ok(false));
        assert_eq!(store.outbox_due(later(31), 10).await.expect("read").len(), 0);
        assert_eq!(store.outbox_due(later(32), 10).await.expect("read").len(), 1);
        assert_eq!(tenant.outbox_lease(&event, later(32), later(62)).await, Ok(true));
        assert_eq!(tenant.outbox_pending(10).await.expect("read")[0].attempts, 2);
        tenant.outbox_delivered(&event, later(33)).await.expect("marked");
        tenant.outbox_delivered(&event, later(34)).await.expect("marked before");
        assert_eq!(tenant.outbox_lease(&event, later(99), later(199)).await, Ok(false));
        assert_eq!(store.outbox_due(later(99), 10).await.expect("read").len(), 0);
        store.ping().await.expect("there");
        store.close().await;
    }
}

#[tokio::test]
async fn an_event_that_is_given_up_is_over_and_the_log_says_so() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        begun(&store, new_attempt(2)).await;
        assert_eq!(tenant.write_back(&attempt_id(2)).await, Ok(None), "nothing was taken");
        assert_eq!(store.tenant(&quayside()).write_back(&attempt_id(1)).await, Ok(None), "of another tenant");
        let row = tenant.write_back(&attempt_id(1)).await.expect("read").expect("there");
        assert_eq!((row.attempts, row.delivered_at, row.given_up_at), (0, None, None));
        let length = tenant.audit_verify().await.expect("a chain");
        let entry = AuditEntry {
            who: "outbox".to_owned(),
            what: "crm.given_up".to_owned(),
            at: later(3),
            result: AuditResult::Failure,
            origin: row.id.as_str().to_owned(),
            object: attempt_id(1).as_str().to_owned(),
        };
        for _ in 0..2 {
            tenant.outbox_give_up(&row.id, entry.clone()).await.expect("given up");
            let row = tenant.write_back(&attempt_id(1)).await.expect("read").expect("there");
            assert_eq!((row.delivered_at, row.given_up_at), (Some(later(3)), Some(later(3))));
            assert_eq!(tenant.audit_verify().await, Ok(length + 1), "once, however often it is said");
        }
        assert_eq!(store.outbox_due(later(99), 10).await.expect("read").len(), 0);
        store.close().await;
    }
}

#[tokio::test]
async fn a_failed_delivery_waits_as_long_as_it_is_told() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        taken(&store, 2).await;
        let event = tenant.outbox_pending(9).await.expect("read")[0].id.clone();
        assert_eq!(tenant.outbox_lease(&event, later(2), later(62)).await, Ok(true));
        assert_eq!(tenant.outbox_defer(&event, later(7)).await, Ok(true), "earlier than its lease");
        assert_eq!(tenant.outbox_lease(&event, later(6), later(66)).await, Ok(false));
        assert_eq!(tenant.outbox_lease(&event, later(7), later(67)).await, Ok(true));
        assert_eq!(tenant.outbox_defer(&event, later(600)).await, Ok(true), "later than its lease");
        assert_eq!(tenant.outbox_lease(&event, later(599), later(700)).await, Ok(false));
        let due: Vec<_> = store.outbox_due(later(599), 9).await.expect("read");
        assert!(due.len() == 1 && due[0].1.id != event, "the other one is not held up");
        assert_eq!(tenant.outbox_lease(&event, later(600), later(700)).await, Ok(true));
        tenant.outbox_delivered(&event, later(601)).await.expect("marked");
        tenant.outbox_delivered(&due[0].1.id, later(601)).await.expect("marked");
        assert_eq!(tenant.outbox_defer(&event, later(900)).await, Ok(false));
        store.close().await;
    }
}
