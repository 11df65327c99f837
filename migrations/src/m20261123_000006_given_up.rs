//! An event whose receiver will never take it.

use crate::run_all;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Nothing is due any more, so `delivered_at` is set with it: indexes and queries of what is due stay
/// as they are. A release that knows no such column takes the event for delivered.
const GIVEN_UP: &str = "ALTER TABLE outbox ADD COLUMN given_up_at text";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run_all(manager, &[GIVEN_UP]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run_all(manager, &["ALTER TABLE outbox DROP COLUMN given_up_at"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
