//! Triggers that refuse a change: the one thing that the two databases write differently.

use sea_orm_migration::sea_orm::DbBackend;

/// The function that every such trigger of PostgreSQL calls.
pub const PG_FUNCTION_UP: &str = "CREATE FUNCTION tonewall_refuse() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$";

/// Its removal.
pub const PG_FUNCTION_DOWN: &str = "DROP FUNCTION IF EXISTS tonewall_refuse()";

/// A trigger `name` that refuses `event` (`DELETE`, `UPDATE`, `UPDATE OF a, b`) on `table`.
pub fn refuse(backend: DbBackend, name: &str, event: &str, table: &str, why: &str) -> String {
    match backend {
        DbBackend::Sqlite => {
            format!("CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{why}'); END")
        }
        _ => format!(
            "CREATE TRIGGER {name} BEFORE {event} ON {table} \
             FOR EACH ROW EXECUTE FUNCTION tonewall_refuse('{why}')"
        ),
    }
}
