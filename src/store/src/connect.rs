//! Opening connections: which database an URL names, and how it must be set up.

use crate::error::StoreError;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use std::time::Duration;

/// Bounds of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Writes that may wait or run at a time; one more is answered [`StoreError::Busy`].
    pub queue_max: usize,
    /// Writes in one commit of SQLite. Larger: fewer disk flushes under load, longer for the first.
    pub batch_max: usize,
    /// How long one try waits for a lock that somebody else holds.
    pub busy_timeout_ms: u64,
    /// Tries at a locked database or a row that others move, before [`StoreError::Locked`].
    pub tries_max: u32,
    /// Connections: readers of SQLite, or all of PostgreSQL.
    pub pool_max: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout_ms: u64,
    /// Longest statement of PostgreSQL.
    pub statement_timeout_ms: u64,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            queue_max: 1_024,
            batch_max: 64,
            busy_timeout_ms: 2_000,
            tries_max: 3,
            pool_max: 8,
            acquire_timeout_ms: 5_000,
            statement_timeout_ms: 10_000,
        }
    }
}

/// The two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// SQLite's only writer, or a migration: one connection.
    Single,
    /// Reads of SQLite: several connections that cannot write.
    Readers,
    /// PostgreSQL: several connections for everything.
    Pool,
}

/// Which database `url` names.
pub(crate) fn kind_of(url: &str) -> Result<Kind, StoreError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Kind::Postgres);
    }
    if !url.starts_with("sqlite:") {
        return Err(StoreError::Invalid("a database URL begins with sqlite: or postgres:"));
    }
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(StoreError::Invalid("a database in memory survives nothing: name a file"));
    }
    Ok(Kind::Sqlite)
}

/// Connects, with the settings that the ledger relies on.
pub(crate) async fn connect(
    url: &str,
    role: Role,
    options: &StoreOptions,
) -> Result<DatabaseConnection, StoreError> {
    let kind = kind_of(url)?;
    let mut connect = ConnectOptions::new(url);
    let connections = if role == Role::Single { 1 } else { options.pool_max.max(1) };
    connect
        .min_connections(1)
        .max_connections(connections)
        .acquire_timeout(Duration::from_millis(options.acquire_timeout_ms))
        // Statements and their values stay out of logs and traces.
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    match kind {
        Kind::Sqlite => sqlite(&mut connect, role, options),
        Kind::Postgres => postgres(&mut connect, role, options),
    }
    Ok(Database::connect(connect).await?)
}

/// WAL lets readers run beside the writer; FULL, since NORMAL can lose the last commit on power
/// loss; foreign keys are off by default in SQLite.
fn sqlite(connect: &mut ConnectOptions, role: Role, options: &StoreOptions) {
    let busy_timeout = Duration::from_millis(options.busy_timeout_ms);
    if role == Role::Single {
        connect.idle_timeout(None).max_lifetime(None);
    }
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(busy_timeout);
        if role == Role::Readers { sqlite.pragma("query_only", "ON") } else { sqlite }
    });
}

/// A commit is on disk (and on the synchronous standby, where there is one) before it is told.
fn postgres(connect: &mut ConnectOptions, role: Role, options: &StoreOptions) {
    let statement = match role {
        // A migration may take its time.
        Role::Single => 0,
        Role::Readers | Role::Pool => options.statement_timeout_ms,
    };
    let lock = options.busy_timeout_ms;
    connect.map_sqlx_postgres_opts(move |postgres| {
        postgres.application_name("tonewall").options([
            ("synchronous_commit", "on".to_owned()),
            ("statement_timeout", statement.to_string()),
            ("lock_timeout", lock.to_string()),
            ("idle_in_transaction_session_timeout", "10000".to_owned()),
        ])
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::{ConnectionTrait, DbBackend, Statement};

    async fn pragma(db: &DatabaseConnection, name: &str) -> i64 {
        let ask = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {name}"));
        let row = db.query_one_raw(ask).await.expect("answered").expect("a row");
        row.try_get_by_index(0).expect("a number")
    }

    #[tokio::test]
    async fn commits_reach_the_disk_and_readers_cannot_write() {
        let file = std::env::temp_dir().join(format!("tw-connect-{}.db", std::process::id()));
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let options = StoreOptions::default();
        let writer = connect(&url, Role::Single, &options).await.expect("connected");
        let readers = connect(&url, Role::Readers, &options).await.expect("connected");
        for db in [&writer, &readers] {
            // 2 is FULL.
            assert_eq!((pragma(db, "synchronous").await, pragma(db, "foreign_keys").await), (2, 1));
            assert_eq!(pragma(db, "busy_timeout").await, 2_000);
        }
        writer.execute_unprepared("CREATE TABLE t (x text)").await.expect("the writer writes");
        readers.execute_unprepared("INSERT INTO t VALUES ('a')").await.expect_err("readers do not");
        let mode = Statement::from_string(DbBackend::Sqlite, "PRAGMA journal_mode");
        let mode = readers.query_one_raw(mode).await.expect("answered").expect("a row");
        assert_eq!(mode.try_get_by_index::<String>(0).expect("text"), "wal");
        readers.close().await.expect("closed");
        writer.close().await.expect("closed");
        std::fs::remove_file(file).expect("removed");
    }
}
