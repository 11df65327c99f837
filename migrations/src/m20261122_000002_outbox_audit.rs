//! What has to be told to others, and the record of who did what.

use crate::refuse::refuse;
use crate::{run, run_all};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// At least once: a row is leased, delivered, marked. `object` is what the event is about.
const OUTBOX: &str = "CREATE TABLE outbox (
    id text NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    topic text NOT NULL,
    object text NOT NULL,
    payload text NOT NULL,
    created_at text NOT NULL,
    delivered_at text,
    attempts bigint NOT NULL CHECK (attempts >= 0),
    lease_until text
)";

/// User, type, time, result, origin, affected object (PCI DSS 10.2.2), and a hash chain a tenant.
const AUDIT: &str = "CREATE TABLE audit (
    tenant_id text NOT NULL,
    seq bigint NOT NULL,
    who text NOT NULL,
    what text NOT NULL,
    at text NOT NULL,
    result text NOT NULL CHECK (result IN ('success', 'failure')),
    origin text NOT NULL,
    object text NOT NULL,
    prev_hash text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (tenant_id, seq)
)";

/// The end of each chain: orders writers, and shows when rows were cut off the end.
const AUDIT_HEAD: &str = "CREATE TABLE audit_head (
    tenant_id text NOT NULL PRIMARY KEY,
    seq bigint NOT NULL,
    hash text NOT NULL
)";

const INDEXES: &[&str] = &[
    "CREATE INDEX outbox_due ON outbox (created_at) WHERE delivered_at IS NULL",
    "CREATE INDEX outbox_object ON outbox (tenant_id, object)",
    "CREATE INDEX audit_object ON audit (tenant_id, object)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        run_all(manager, &[OUTBOX, AUDIT, AUDIT_HEAD]).await?;
        run_all(manager, INDEXES).await?;
        let fixed = [
            refuse(backend, "audit_fixed", "UPDATE", "audit", "the audit log is append-only"),
            refuse(backend, "audit_kept", "DELETE", "audit", "the audit log is append-only"),
        ];
        run(manager, &fixed).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run_all(manager, &["DROP TABLE audit_head", "DROP TABLE audit", "DROP TABLE outbox"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
