//! A record of evidence a call, chained and signed.

use crate::refuse::refuse;
use crate::run_all;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// `body` is canonical JSON and holds `seq`, tenant, call and `previous_sha256` as well: they are
/// signed with it. The columns are how a row is found. Hashes and signatures are base64.
const EVIDENCE: &str = "CREATE TABLE evidence (
    tenant_id text NOT NULL,
    seq bigint NOT NULL CHECK (seq >= 1),
    call_id text NOT NULL,
    previous_sha256 text NOT NULL CHECK (length(previous_sha256) IN (0, 44)),
    sha256 text NOT NULL CHECK (length(sha256) = 44),
    body text NOT NULL CHECK (length(body) <= 65536),
    signature text CHECK (length(signature) = 88),
    key_id text CHECK ((key_id IS NULL) = (signature IS NULL)),
    created_at text NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, call_id)
)";

/// The end of each chain: orders writers, and shows when rows were cut off the end.
const EVIDENCE_HEAD: &str = "CREATE TABLE evidence_head (
    tenant_id text NOT NULL PRIMARY KEY,
    seq bigint NOT NULL,
    sha256 text NOT NULL
)";

/// A call owes its evidence from its first row on. Calls of releases before owe none.
const OWED: &str = "ALTER TABLE call_record ADD COLUMN evidence text CHECK (evidence IN ('due', 'written'))";

const OWED_INDEX: &str =
    "CREATE INDEX call_record_evidence_due ON call_record (ended_at) WHERE evidence = 'due'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run_all(manager, &[EVIDENCE, EVIDENCE_HEAD, OWED, OWED_INDEX]).await?;
        let backend = manager.get_database_backend();
        let fixed = [
            refuse(backend, "evidence_fixed", "UPDATE", "evidence", "evidence is append-only"),
            refuse(backend, "evidence_kept", "DELETE", "evidence", "evidence is append-only"),
        ];
        crate::run(manager, &fixed).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let back = [
            "DROP INDEX call_record_evidence_due",
            "ALTER TABLE call_record DROP COLUMN evidence",
            "DROP TABLE evidence_head",
            "DROP TABLE evidence",
        ];
        run_all(manager, &back).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
