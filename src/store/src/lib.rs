//! The ledger of payments, and everything else that must survive the process: SQLite or PostgreSQL.
//!
//! | file | holds |
//! |---|---|
//! | `store` | [`Store`]: opening, and what jobs may ask across tenants |
//! | `tenant` | [`TenantStore`]: the only door to a tenant's rows |
//! | `writer` | SQLite's one writer: bounded queue, group commit, a savepoint an item |
//! | `postgres` | PostgreSQL's way: a transaction an item, retried within a bound |
//! | `write` | the items, as data |
//! | `attempt`, `call` | the statements of each |
//! | `receipt`, `means`, `agreement` | what follows an attempt, with its part of [`TenantStore`] |
//! | `session`, `sign_in` | who is signed in, and whose sign-ins failed |
//! | `evidence` | a signed record a call, chained by tenant |
//! | [`base64`] | how hashes and signatures are written |
//! | `audit`, `outbox` | rows that every move writes beside its state |
//! | `invariants` | what must hold of the rows at any time |
//!
//! A tenant's rows have one door, [`Store::tenant`]. What is asked of all tenants at once is asked by
//! jobs; a session alone is found without its tenant, since it tells the tenant.
//!
//! A write is answered after its commit, never before. Only this package knows SQL, and no row has
//! a place for a card number or a security code.

#![forbid(unsafe_code)]

mod agreement;
mod attempt;
mod audit;
pub mod base64;
mod call;
mod clock;
mod codec;
mod connect;
mod entity;
mod error;
mod evidence;
mod invariants;
mod means;
mod migrate;
mod outbox;
mod postgres;
mod receipt;
mod row;
mod scrub;
mod session;
mod sign_in;
mod store;
mod tenant;
mod words;
mod write;
mod writer;

pub use agreement::{AgreementRow, NewAgreement};
pub use audit::{AuditEntry, AuditResult, BrokenAt};
pub use call::RESTART;
pub use connect::StoreOptions;
pub use error::StoreError;
pub use evidence::{EvidenceRow, Link, NewEvidence, Seal, Sealed};
pub use invariants::check_invariants;
pub use means::MeansRow;
pub use migrate::{migrate, migrate_down};
pub use outbox::OutboxRow;
pub use receipt::{NewReceipt, ReceiptRow, ReceiptState};
pub use row::{AttemptRow, CallRecord, CardFacts, Concluded, EntryRow, NewAttempt};
pub use session::{SessionRow, TokenHash};
pub use sign_in::GuardRow;
pub use store::{Store, StoreStats};
pub use tenant::TenantStore;
