//! The audit log: append-only, a hash chain a tenant.
//!
//! A row's columns are those of PCI DSS 10.2.2. Its hash covers them, its number, its tenant and
//! the hash before it, so a row that is changed, moved or taken out breaks the chain. The head row
//! shows when rows were cut off the end. Who can rewrite the whole database can rewrite the whole
//! chain too: exported heads are what shows that.

use crate::clock;
use crate::entity::{audit, audit_head};
use crate::error::{Fault, StoreError};
use crate::scrub;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use time::OffsetDateTime;
use tonewall_model::ids::TenantId;

/// Whether what was tried worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditResult {
    /// It did.
    Success,
    /// It did not.
    Failure,
}

impl AuditResult {
    fn as_str(self) -> &'static str {
        match self {
            AuditResult::Success => "success",
            AuditResult::Failure => "failure",
        }
    }
}

/// One line of the log. A digit run that could be a card number is truncated in each of its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// User or process.
    pub who: String,
    /// Type of event, as dotted words: `login.failed`, `attempt.approved`.
    pub what: String,
    /// When.
    pub at: OffsetDateTime,
    /// Whether it worked.
    pub result: AuditResult,
    /// Where it came from: an address, a call, a job.
    pub origin: String,
    /// What it touched.
    pub object: String,
}

/// Where the chain of a tenant breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokenAt {
    /// At this row.
    Row {
        /// Its number, from 1.
        seq: u64,
        /// What is wrong there.
        why: &'static str,
    },
    /// The log could not be read.
    Unread(StoreError),
}

impl<E: Into<StoreError>> From<E> for BrokenAt {
    fn from(error: E) -> BrokenAt {
        BrokenAt::Unread(error.into())
    }
}

impl std::fmt::Display for BrokenAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BrokenAt::Row { seq, why } => write!(f, "row {seq}: {why}"),
            BrokenAt::Unread(error) => write!(f, "not read: {error}"),
        }
    }
}

impl std::error::Error for BrokenAt {}

/// Rows that one step of a verification reads.
const VERIFY_PAGE: u64 = 1_000;

/// Appends one row to the tenant's chain. The head's row lock orders writers until they commit.
pub(crate) async fn append<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    entry: &AuditEntry,
) -> Result<(), Fault> {
    let first = audit_head::ActiveModel {
        tenant_id: Set(tenant.as_str().to_owned()),
        seq: Set(0),
        hash: Set(String::new()),
    };
    audit_head::Entity::insert(first)
        .on_conflict(OnConflict::column(audit_head::Column::TenantId).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    let step = Query::update()
        .table(audit_head::Entity)
        .value(audit_head::Column::Seq, Expr::col(audit_head::Column::Seq).add(1))
        .and_where(Expr::col(audit_head::Column::TenantId).eq(tenant.as_str()))
        .returning(Query::returning().columns([audit_head::Column::Seq, audit_head::Column::Hash]))
        .to_owned();
    let head = db.query_one(&step).await?.ok_or(Fault::Raced)?;
    let mut row = audit::Model {
        tenant_id: tenant.as_str().to_owned(),
        seq: head.try_get("", "seq")?,
        who: scrub::words(&entry.who),
        what: scrub::words(&entry.what),
        at: clock::to_text(entry.at),
        result: entry.result.as_str().to_owned(),
        origin: scrub::words(&entry.origin),
        object: scrub::words(&entry.object),
        prev_hash: head.try_get("", "hash")?,
        hash: String::new(),
    };
    row.hash = hash(&row);
    let new_head = audit_head::ActiveModel { hash: Set(row.hash.clone()), ..Default::default() };
    audit::Entity::insert(audit::ActiveModel::from(row)).exec_without_returning(db).await?;
    audit_head::Entity::update_many()
        .set(new_head)
        .filter(audit_head::Column::TenantId.eq(tenant.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

/// SHA-256 over every field, each with its length before it so that no two rows read alike.
fn hash(row: &audit::Model) -> String {
    let seq = row.seq.to_string();
    let fields: [&str; 9] = [
        &row.tenant_id,
        &seq,
        &row.who,
        &row.what,
        &row.at,
        &row.result,
        &row.origin,
        &row.object,
        &row.prev_hash,
    ];
    let mut sha = Sha256::new();
    for field in fields {
        sha.update((field.len() as u64).to_be_bytes());
        sha.update(field.as_bytes());
    }
    sha.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Walks the tenant's chain and returns how many rows it has.
pub(crate) async fn verify<C: ConnectionTrait>(db: &C, tenant: &TenantId) -> Result<u64, BrokenAt> {
    // The head first: rows that are appended meanwhile lie beyond it.
    let head = audit_head::Entity::find_by_id(tenant.as_str()).one(db).await?;
    let (end, end_hash) = head.map_or((0, String::new()), |head| (head.seq, head.hash));
    let broken = |seq: i64, why| Err(BrokenAt::Row { seq: seq.unsigned_abs(), why });
    let (mut seq, mut last) = (0_i64, String::new());
    loop {
        let page = audit::Entity::find()
            .filter(audit::Column::TenantId.eq(tenant.as_str()))
            .filter(audit::Column::Seq.gt(seq))
            .order_by_asc(audit::Column::Seq)
            .limit(VERIFY_PAGE)
            .all(db)
            .await?;
        if page.is_empty() {
            break;
        }
        for row in page {
            if row.seq != seq + 1 {
                return broken(seq + 1, "the row is missing");
            }
            seq = row.seq;
            if row.prev_hash != last {
                return broken(seq, "it does not follow from the row before");
            }
            if hash(&row) != row.hash {
                return broken(seq, "its content was changed");
            }
            if seq == end && row.hash != end_hash {
                return broken(seq, "it is not the row that the head names");
            }
            last = row.hash;
        }
    }
    if seq < end {
        return broken(seq + 1, "the row is missing");
    }
    Ok(seq.unsigned_abs())
}
