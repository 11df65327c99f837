//! Bringing a database to the shape that this program needs, and back.

use crate::connect::{self, Kind, Role, StoreOptions};
use crate::error::StoreError;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tonewall_migrations::{Migrator, MigratorTrait};

/// Any constant: it keeps two processes from migrating one PostgreSQL database at a time. The lock
/// goes with the connection.
const ADVISORY_LOCK: &str = "SELECT pg_advisory_lock(7240101)";

async fn open(url: &str) -> Result<DatabaseConnection, StoreError> {
    let db = connect::connect(url, Role::Single, &StoreOptions::default()).await?;
    if connect::kind_of(url)? == Kind::Postgres {
        db.execute_unprepared(ADVISORY_LOCK).await?;
    }
    Ok(db)
}

/// Applies every step that is missing; a SQLite file is created if the URL says `mode=rwc`.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let db = open(url).await?;
    let done = Migrator::up(&db, None).await;
    close(db).await;
    Ok(done?)
}

/// Takes back every step, newest first. All rows are lost.
pub async fn migrate_down(url: &str) -> Result<(), StoreError> {
    let db = open(url).await?;
    let done = Migrator::down(&db, None).await;
    close(db).await;
    Ok(done?)
}

async fn close(db: DatabaseConnection) {
    if let Err(error) = db.close().await {
        tracing::warn!(%error, "the connection of a migration did not close cleanly");
    }
}

/// Refuses a database that lacks a step.
pub(crate) async fn require<C: ConnectionTrait>(db: &C) -> Result<(), StoreError> {
    let missing = tonewall_migrations::missing(db).await?;
    match missing.first() {
        None => Ok(()),
        Some(step) => Err(StoreError::Unavailable(format!("the database lacks {step}: run migrate"))),
    }
}
