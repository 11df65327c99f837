//! The database's shape, step by step, for SQLite and PostgreSQL alike.
//!
//! Rules:
//! - Expand, then contract: a step adds; what it replaces goes in a step of a later release, so
//!   that the release before can still run on the shape after.
//! - One set of steps for both databases: the DDL is the subset that both read the same way.
//!   Triggers alone are written twice, in `refuse`.
//! - Every table has `tenant_id`. Times are RFC 3339 text in UTC with six decimals, which sorts as
//!   it reads. Money is a whole number of minor units.
//! - No column can hold a card number or a security code: there are `first6` and `last4`, with
//!   their lengths checked, and nothing else (PCI DSS 3.3.1.2, 3.5.1).

#![forbid(unsafe_code)]

mod m20261122_000001_payments;
mod m20261122_000002_outbox_audit;
mod m20261122_000003_call_record;
mod m20261122_000004_desk;
mod m20261122_000005_evidence;
mod m20261123_000006_given_up;
mod refuse;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

/// Every step, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_payments::Migration),
            Box::new(m20261122_000002_outbox_audit::Migration),
            Box::new(m20261122_000003_call_record::Migration),
            Box::new(m20261122_000004_desk::Migration),
            Box::new(m20261122_000005_evidence::Migration),
            Box::new(m20261123_000006_given_up::Migration),
        ]
    }
}

/// Names of the steps that this program needs and the database lacks. Steps of a newer release
/// are no matter: the older one still runs on them. Reads only.
pub async fn missing<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => {
            "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'"
        }
        _ => {
            "SELECT count(*) AS n FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'seaql_migrations'"
        }
    };
    let found = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    let exists = found.map(|row| row.try_get::<i64>("", "n")).transpose()?.unwrap_or(0) > 0;
    let mut applied: Vec<String> = Vec::new();
    if exists {
        let all = Statement::from_string(backend, "SELECT version FROM seaql_migrations");
        for row in db.query_all_raw(all).await? {
            applied.push(row.try_get("", "version")?);
        }
    }
    let needed = Migrator::migrations().into_iter().map(|step| step.name().to_owned());
    Ok(needed.filter(|name| !applied.contains(name)).collect())
}

/// Runs statements one after another on the step's own transaction.
async fn run(manager: &SchemaManager<'_>, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}

/// The same for literals.
async fn run_all(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}
