//! The shape: up, down, up again, the same on both, and what it refuses by itself.

use crate::world::*;
use sea_orm::{ConnectionTrait, Statement};
use std::collections::BTreeMap;
use time::Duration;
use tonewall_migrations::{Migrator, MigratorTrait};
use tonewall_model::call::CALL_MAX;
use tonewall_model::ids::CallId;
use tonewall_model::payment::Means;
use tonewall_model::payment::attempt::ATTEMPT_STATES;
use tonewall_store::{Store, StoreError, StoreOptions, migrate, migrate_down};

#[tokio::test]
async fn up_down_and_up_again() {
    for db in TestDb::both().await {
        let refused = Store::open(&db.url, StoreOptions::default()).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(why)) if why.contains("run migrate")));
        migrate(&db.url).await.expect("up");
        migrate(&db.url).await.expect("up again changes nothing");
        migrate_down(&db.url).await.expect("down");
        assert!(columns(&db).await.is_empty());
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        tenant.record_call(call_record(1)).await.expect("written");
        tenant.receipt_queue(new_receipt(1, 1)).await.expect("queued");
        tenant.means_choose(choice(1, Means::Later, 5)).await.expect("chosen");
        tenant.agreement_begin(new_agreement(1)).await.expect("made");
        tenant.evidence_append(new_evidence(1)).await.expect("recorded");
        assert_invariants(&store).await;
        store.close().await;
        migrate_down(&db.url).await.expect("down with rows");
    }
}

#[tokio::test]
async fn rows_of_the_releases_before_stay_through_the_last_steps_and_back() {
    for db in TestDb::both().await {
        let raw = db.raw().await;
        Migrator::up(&raw, Some(3)).await.expect("the shape before");
        raw.execute_unprepared(
            "INSERT INTO call_record (id, tenant_id, route, started_at, keys) \
             VALUES ('cl_00000000000000000001', 'harbour', 'in_path', '2026-11-22T17:27:01.000000Z', 7)",
        )
        .await
        .expect("a row of that shape");
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        let id = CallId::parse("cl_00000000000000000001").expect("an id");
        let open = tenant.call(&id).await.expect("there");
        assert_eq!((open.keys, open.ended_at, open.wrapped_at), (7, None, None));
        assert_eq!(store.close_interrupted_calls(now() + CALL_MAX + Duration::DAY).await, Ok(1));
        // It is from before there was evidence, and owes none.
        assert_eq!(store.evidence_due(later(1_000_000), 9).await, Ok(Vec::new()));
        tenant.call_wrap(&id, later(9)).await.expect("wrapped up");
        store.close().await;
        Migrator::down(&raw, Some(3)).await.expect("back");
        assert_eq!(columns(&db).await.len(), 7);
        assert_eq!(db.count("SELECT keys FROM call_record").await, 7);
    }
}

#[tokio::test]
async fn both_databases_have_the_same_columns_and_every_table_a_tenant() {
    let [sqlite, postgres] = TestDb::both().await;
    migrate(&sqlite.url).await.expect("up");
    migrate(&postgres.url).await.expect("up");
    let tables = columns(&sqlite).await;
    assert_eq!(tables, columns(&postgres).await);
    assert_eq!(tables.len(), 15);
    for (table, columns) in tables {
        assert!(columns.iter().any(|column| column == "tenant_id"), "{table}");
        for column in columns {
            let holds_card =
                ["pan", "cvc", "cvv", "cvv2", "card_number", "security_code"].contains(&&*column);
            assert!(!holds_card, "{table}.{column}");
        }
    }
}

/// Columns by table, without the migrations' own.
async fn columns(db: &TestDb) -> BTreeMap<String, Vec<String>> {
    let sql = if db.is_sqlite() {
        "SELECT m.name AS t, c.name AS c FROM sqlite_master m, pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'seaql_migrations' ORDER BY c.cid"
    } else {
        "SELECT table_name::text AS t, column_name::text AS c FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name <> 'seaql_migrations' ORDER BY ordinal_position"
    };
    let raw = db.raw().await;
    let rows =
        raw.query_all_raw(Statement::from_string(raw.get_database_backend(), sql)).await.expect("read");
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        let column = row.try_get("", "c").expect("a name");
        tables.entry(row.try_get("", "t").expect("a name")).or_default().push(column);
    }
    tables
}

#[tokio::test]
async fn the_indexes_know_the_live_states_of_the_model() {
    let db = TestDb::sqlite();
    migrate(&db.url).await.expect("up");
    for index in ["attempt_one_live_payment", "attempt_one_live_account"] {
        for state in ATTEMPT_STATES {
            let found = db
                .count(&format!(
                    "SELECT count(*) FROM sqlite_master WHERE name = '{index}' AND sql LIKE '%''{}''%'",
                    state.as_str()
                ))
                .await;
            assert_eq!(found == 1, state.is_live(), "{index}: {}", state.as_str());
        }
    }
}

#[tokio::test]
async fn what_is_fixed_cannot_be_changed_even_by_sql() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        tenant.receipt_queue(new_receipt(1, 1)).await.expect("queued");
        tenant.means_choose(choice(1, Means::Later, 5)).await.expect("chosen");
        tenant.agreement_begin(new_agreement(1)).await.expect("made");
        tenant.evidence_append(new_evidence(1)).await.expect("recorded");
        let raw = db.raw().await;
        for statement in [
            "UPDATE attempt SET amount_minor = 1",
            "UPDATE attempt SET idempotency_key = 'other'",
            "UPDATE attempt SET first6 = '411111'",
            "DELETE FROM attempt",
            "UPDATE payment SET amount_minor = 1",
            "UPDATE ledger_entry SET minor = 1",
            "DELETE FROM ledger_entry",
            "UPDATE audit SET who = 'nobody'",
            "DELETE FROM audit",
            "INSERT INTO audit_head (tenant_id, seq, hash) VALUES ('harbour', 9, '')",
            "UPDATE receipt SET address = 'other@example.org'",
            "UPDATE receipt SET state = 'sent'",
            "UPDATE receipt SET state = 'lost'",
            "UPDATE means SET note = ''",
            "DELETE FROM means",
            "UPDATE agreement SET amount_minor = 1",
            "UPDATE agreement SET end_count = 4",
            "UPDATE agreement SET consent_text = 'other'",
            "UPDATE agreement SET agreed_at = '2020-01-01T00:00:00.000000Z'",
            "DELETE FROM agreement",
            "UPDATE evidence SET body = '{}'",
            "DELETE FROM evidence",
            "INSERT INTO evidence_head (tenant_id, seq, sha256) VALUES ('harbour', 9, '')",
            "UPDATE agreement_instalment SET due_on = '2027-01-01'",
            "DELETE FROM agreement_instalment",
            "INSERT INTO means SELECT tenant_id, call_id, 2, NULL, NULL, 'cash', '', agent, created_at FROM means",
        ] {
            raw.execute_unprepared(statement).await.expect_err(statement);
        }
        assert_eq!(tenant.attempt(&attempt_id(1)).await.expect("there").amount.minor, 1_250);
        assert_eq!(tenant.agreement_of_attempt(&attempt_id(1)).await, Ok(Some(new_agreement(1))));
        assert_invariants(&store).await;
        store.close().await;
    }
}
