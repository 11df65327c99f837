//! The audit chain: whole, and broken in every way that one row can be tampered with.

use crate::world::*;
use sea_orm::ConnectionTrait;
use tonewall_store::{AuditEntry, AuditResult, BrokenAt, StoreOptions, TenantStore, check_invariants};

fn entry(number: u32) -> AuditEntry {
    AuditEntry {
        who: format!("user-{number}"),
        what: "login.failed".to_owned(),
        at: later(i64::from(number)),
        result: AuditResult::Failure,
        origin: "192.0.2.7".to_owned(),
        object: "dashboard".to_owned(),
    }
}

async fn filled(tenant: &TenantStore) {
    for number in 0..5 {
        tenant.audit(entry(number)).await.expect("written");
    }
}

#[tokio::test]
async fn a_flipped_byte_is_found_in_whatever_column() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        filled(&tenant).await;
        assert_eq!(tenant.audit_verify().await, Ok(5));
        db.drop_trigger("audit_fixed", "audit").await;
        let raw = db.raw().await;
        raw.execute_unprepared("CREATE TABLE kept AS SELECT * FROM audit").await.expect("a copy");
        for column in ["who", "what", "at", "origin", "object", "prev_hash", "hash"] {
            let flip = format!("UPDATE audit SET {column} = '~' || substr({column}, 2) WHERE seq = 3");
            raw.execute_unprepared(&flip).await.expect("flipped");
            let found = tenant.audit_verify().await;
            assert!(matches!(found, Err(BrokenAt::Row { seq: 3, .. })), "{column}: {found:?}");
            let back = format!("UPDATE audit SET {column} = (SELECT {column} FROM kept WHERE seq = 3)");
            raw.execute_unprepared(&format!("{back} WHERE seq = 3")).await.expect("put back");
        }
        assert_eq!(tenant.audit_verify().await, Ok(5), "all put back");
        raw.execute_unprepared("UPDATE audit SET result = 'success' WHERE seq = 2").await.expect("changed");
        let found = tenant.audit_verify().await;
        assert_eq!(found, Err(BrokenAt::Row { seq: 2, why: "its content was changed" }));
        assert_eq!(check_invariants(&store).await.expect("checked").len(), 1);
        store.close().await;
    }
}

#[tokio::test]
async fn a_row_that_is_taken_out_is_missed() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        filled(&tenant).await;
        db.drop_trigger("audit_kept", "audit").await;
        let raw = db.raw().await;
        let missing = |seq| Err(BrokenAt::Row { seq, why: "the row is missing" });
        raw.execute_unprepared("DELETE FROM audit WHERE seq = 5").await.expect("cut off the end");
        assert_eq!(tenant.audit_verify().await, missing(5));
        raw.execute_unprepared("DELETE FROM audit WHERE seq = 2").await.expect("cut out");
        assert_eq!(tenant.audit_verify().await, missing(2));
        raw.execute_unprepared("DELETE FROM audit").await.expect("emptied");
        assert_eq!(tenant.audit_verify().await, missing(1));
        store.close().await;
    }
}
