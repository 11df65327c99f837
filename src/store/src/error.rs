//! What can go wrong, in words that a caller can act on.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};
use std::fmt;
use tonewall_model::ids::{AgreementId, AttemptId};
use tonewall_model::payment::AttemptState;

/// Why a row was not read or written. Nothing is ever half applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The queue is full, or no connection became free in time: shed load.
    Busy,
    /// Somebody else held the database, or the row, for longer than the bound.
    Locked,
    /// The database cannot be reached or used. After a lost connection the last write may have
    /// been committed; every write can be repeated safely.
    Unavailable(String),
    /// Another attempt for the same payment or account is still open.
    AlreadyLive {
        /// That attempt.
        attempt: AttemptId,
    },
    /// The same amount was taken for the account, under another payment and not long ago.
    TakenBefore {
        /// By that attempt.
        attempt: AttemptId,
    },
    /// The id or the idempotency key was used before, by an attempt that has ended.
    Duplicate {
        /// That attempt.
        attempt: AttemptId,
    },
    /// The news does not fit the state.
    NotAllowed {
        /// Where the attempt stands.
        from: AttemptState,
        /// Where the news would lead.
        to: AttemptState,
    },
    /// As many as there may be have been made before.
    TooMany,
    /// What was asked for follows an approval, and the attempt is not approved (any more).
    NotApproved {
        /// Where it stands.
        state: AttemptState,
    },
    /// The attempt's customer has agreed before.
    AlreadyAgreed {
        /// To this.
        agreement: AgreementId,
    },
    /// The tenant has no such row.
    NotFound,
    /// The caller's data cannot be stored.
    Invalid(&'static str),
    /// A row cannot be read back, or the database file is damaged.
    Corrupt(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Busy => f.write_str("the store is busy: its queue is full"),
            StoreError::Locked => f.write_str("the database stayed locked"),
            StoreError::Unavailable(why) => write!(f, "the database is not available: {why}"),
            StoreError::AlreadyLive { attempt } => write!(f, "attempt {attempt} is still open"),
            StoreError::TakenBefore { attempt } => write!(f, "attempt {attempt} took the same"),
            StoreError::Duplicate { attempt } => write!(f, "the key belongs to attempt {attempt}"),
            StoreError::NotAllowed { from, to } => {
                write!(f, "{} cannot become {}", from.as_str(), to.as_str())
            }
            StoreError::TooMany => f.write_str("as many as there may be have been made"),
            StoreError::NotApproved { state } => write!(f, "the attempt is {}", state.as_str()),
            StoreError::AlreadyAgreed { agreement } => write!(f, "agreement {agreement} was made before"),
            StoreError::NotFound => f.write_str("no such row"),
            StoreError::Invalid(why) => write!(f, "cannot be stored: {why}"),
            StoreError::Corrupt(what) => write!(f, "cannot be read back: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// Why one item of work failed: by its own fault, or by the database's.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Refused by a rule: the answer to the caller.
    Refused(StoreError),
    /// The row moved between reading and writing: try again.
    Raced,
    /// The database refused or failed.
    Db(DbErr),
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Fault {
        Fault::Db(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Refused(error)
    }
}

impl Fault {
    /// The caller's view.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Fault::Refused(error) => error,
            Fault::Raced => StoreError::Locked,
            Fault::Db(error) => error.into(),
        }
    }

    /// Whether the fault is this item's alone, so that the transaction around it is still sound.
    pub(crate) fn is_own(&self) -> bool {
        match self {
            Fault::Refused(_) | Fault::Raced => true,
            Fault::Db(error) => kind(error) == Kind::Constraint,
        }
    }

    /// Whether a fresh transaction may well succeed (PostgreSQL's races).
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Fault::Refused(_) => false,
            Fault::Raced => true,
            Fault::Db(error) => {
                kind(error) == Kind::Locked || error.sql_err().is_some() && kind(error) == Kind::Constraint
            }
        }
    }
}

/// Classes of database errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Locked,
    Busy,
    Constraint,
    Corrupt,
    Other,
}

/// SQLite's primary result codes (the low byte of the extended one).
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_CONSTRAINT: i32 = 19;
const SQLITE_NOTADB: i32 = 26;

pub(crate) fn kind(error: &DbErr) -> Kind {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Kind::Busy,
        DbErr::Type(_) | DbErr::Json(_) => Kind::Corrupt,
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => sqlx_kind(cause),
        _ => Kind::Other,
    }
}

fn sqlx_kind(cause: &sqlx::Error) -> Kind {
    match cause {
        sqlx::Error::PoolTimedOut => Kind::Busy,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Kind::Corrupt,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                return sqlite_kind(code.parse().unwrap_or(0));
            }
            match code.as_ref() {
                // serialization_failure, deadlock_detected, lock_not_available
                "40001" | "40P01" | "55P03" => Kind::Locked,
                // too_many_connections
                "53300" => Kind::Busy,
                // class 23: integrity constraint violation
                class if class.starts_with("23") => Kind::Constraint,
                // data_corrupted, index_corrupted
                "XX001" | "XX002" => Kind::Corrupt,
                _ => Kind::Other,
            }
        }
        _ => Kind::Other,
    }
}

fn sqlite_kind(extended: i32) -> Kind {
    match extended & 0xff {
        SQLITE_BUSY | SQLITE_LOCKED => Kind::Locked,
        SQLITE_CONSTRAINT => Kind::Constraint,
        SQLITE_CORRUPT | SQLITE_NOTADB => Kind::Corrupt,
        _ => Kind::Other,
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> StoreError {
        match kind(&error) {
            Kind::Locked => StoreError::Locked,
            Kind::Busy => StoreError::Busy,
            Kind::Corrupt => StoreError::Corrupt(error.to_string()),
            Kind::Constraint | Kind::Other => StoreError::Unavailable(error.to_string()),
        }
    }
}
