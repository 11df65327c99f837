//! One row a call, for reports and evidence.

use crate::run_all;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// `keys` counts presses, never tells them. `scope` is what was observed of the media path.
const CALL_RECORD: &str = "CREATE TABLE call_record (
    id text NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    route text NOT NULL,
    agent text,
    caller text,
    started_at text NOT NULL,
    secured_at text,
    ended_at text,
    ended_why text,
    keys bigint NOT NULL CHECK (keys >= 0),
    scope text
)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX call_record_started ON call_record (tenant_id, started_at)";
        run_all(manager, &[CALL_RECORD, index]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run_all(manager, &["DROP TABLE call_record"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
