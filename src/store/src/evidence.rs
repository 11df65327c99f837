//! Evidence: one record a call, append-only, a hash chain a tenant.
//!
//! A record's body holds its number and the hash before it, and is signed as a whole, so it can be
//! rendered only once both are known: inside the transaction that appends it. The caller brings the
//! rendering as a pure function ([`Seal`]), which may run again in a fresh transaction.

use crate::audit::{self, AuditEntry, AuditResult, BrokenAt};
use crate::base64;
use crate::clock;
use crate::codec;
use crate::entity::{call_record, evidence, evidence_head};
use crate::error::{Fault, StoreError};
use crate::row::{CallRecord, refuse_card_number};
use crate::tenant::TenantStore;
use crate::write::Write;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use time::OffsetDateTime;
use tonewall_model::ids::{CallId, TenantId};

/// Largest body in bytes; one with everything in it has a quarter of that.
const BODY_MAX: usize = 65_536;

/// Rows that one step of a verification reads.
const VERIFY_PAGE: u64 = 256;

/// Where a record stands in its tenant's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number, from 1.
    pub seq: u64,
    /// Hash of the record before; empty for the first.
    pub previous_sha256: String,
}

/// A record ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Canonical JSON.
    pub body: String,
    /// Signature over the body, base64, and the id of its key; `None` where nobody signs.
    pub signed: Option<(String, String)>,
}

/// Renders and signs a record at its place. Pure: the same place gives the same record.
pub type Seal = Arc<dyn Fn(&Link) -> Sealed + Send + Sync>;

/// A record to append.
#[derive(Clone)]
pub struct NewEvidence {
    /// The call.
    pub call: CallId,
    /// How to render it.
    pub seal: Seal,
    /// Now.
    pub now: OffsetDateTime,
}

/// A record as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Its number, from 1.
    pub seq: u64,
    /// The call.
    pub call: CallId,
    /// Hash of the record before, base64; empty for the first.
    pub previous_sha256: String,
    /// SHA-256 of the body, base64.
    pub sha256: String,
    /// Canonical JSON.
    pub body: String,
    /// Signature over the body, base64, and the id of its key.
    pub signed: Option<(String, String)>,
    /// When it was appended.
    pub created_at: OffsetDateTime,
}

impl TenantStore {
    /// Appends a call's record and its audit row in one transaction; `false` when the call has one,
    /// which stays as it is.
    pub async fn evidence_append(&self, new: NewEvidence) -> Result<bool, StoreError> {
        Ok(self.write(Write::Evidence(Box::new(new))).await?.rows()? == 1)
    }

    /// A call's record.
    pub async fn evidence(&self, call: &CallId) -> Result<EvidenceRow, StoreError> {
        let row = evidence::Entity::find()
            .filter(evidence::Column::TenantId.eq(self.id().as_str()))
            .filter(evidence::Column::CallId.eq(call.as_str()))
            .one(self.reads())
            .await?;
        decode(row.ok_or(StoreError::NotFound)?)
    }

    /// The tenant's records from number `from` on, in order.
    pub async fn evidence_chain(&self, from: u64, limit: u64) -> Result<Vec<EvidenceRow>, StoreError> {
        let rows = page(self.reads(), self.id(), from, limit).await?;
        rows.into_iter().map(decode).collect()
    }

    /// Walks the chain: numbers, hashes, and what the head says. Returns its length, or where it
    /// breaks first. Bodies and signatures are for whoever can read them.
    pub async fn evidence_verify(&self) -> Result<u64, BrokenAt> {
        verify(self.reads(), self.id()).await
    }
}

/// Appends; 0 when the call has a record. The head's row lock orders writers until they commit.
pub(crate) async fn append<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    new: &NewEvidence,
) -> Result<u64, Fault> {
    settle_debt(db, tenant, &new.call).await?;
    if is_known(db, tenant, &new.call).await? {
        return Ok(0);
    }
    let link = take_place(db, tenant).await?;
    let sealed = (new.seal)(&link);
    if sealed.body.len() > BODY_MAX {
        return Err(StoreError::Invalid("a record of evidence has at most 65536 bytes").into());
    }
    refuse_card_number(&[&sealed.body])?;
    let sha256 = sha256(&sealed.body);
    let (signature, key_id) = sealed.signed.unzip();
    let row = evidence::ActiveModel {
        tenant_id: Set(tenant.as_str().to_owned()),
        seq: Set(number(link.seq)?),
        call_id: Set(new.call.as_str().to_owned()),
        previous_sha256: Set(link.previous_sha256),
        sha256: Set(sha256.clone()),
        body: Set(sealed.body),
        signature: Set(signature),
        key_id: Set(key_id),
        created_at: Set(clock::to_text(new.now)),
    };
    evidence::Entity::insert(row).exec_without_returning(db).await?;
    evidence_head::Entity::update_many()
        .set(evidence_head::ActiveModel { sha256: Set(sha256), ..Default::default() })
        .filter(evidence_head::Column::TenantId.eq(tenant.as_str()))
        .exec(db)
        .await?;
    let entry = AuditEntry {
        who: "evidence".to_owned(),
        what: "evidence.recorded".to_owned(),
        at: new.now,
        result: AuditResult::Success,
        origin: "call".to_owned(),
        object: new.call.as_str().to_owned(),
    };
    audit::append(db, tenant, &entry).await?;
    Ok(1)
}

/// The next place in the chain, taken by counting the head up.
async fn take_place<C: ConnectionTrait>(db: &C, tenant: &TenantId) -> Result<Link, Fault> {
    let first = evidence_head::ActiveModel {
        tenant_id: Set(tenant.as_str().to_owned()),
        seq: Set(0),
        sha256: Set(String::new()),
    };
    evidence_head::Entity::insert(first)
        .on_conflict(OnConflict::column(evidence_head::Column::TenantId).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    let step = Query::update()
        .table(evidence_head::Entity)
        .value(evidence_head::Column::Seq, Expr::col(evidence_head::Column::Seq).add(1))
        .and_where(Expr::col(evidence_head::Column::TenantId).eq(tenant.as_str()))
        .returning(Query::returning().columns([evidence_head::Column::Seq, evidence_head::Column::Sha256]))
        .to_owned();
    let head = db.query_one(&step).await?.ok_or(Fault::Raced)?;
    let seq: i64 = head.try_get("", "seq")?;
    Ok(Link { seq: seq.unsigned_abs(), previous_sha256: head.try_get("", "sha256")? })
}

/// Whether the call has its record.
pub(crate) async fn is_known<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    call: &CallId,
) -> Result<bool, Fault> {
    let rows = evidence::Entity::find()
        .filter(evidence::Column::TenantId.eq(tenant.as_str()))
        .filter(evidence::Column::CallId.eq(call.as_str()));
    Ok(rows.count(db).await? > 0)
}

/// The call owes no evidence any more.
async fn settle_debt<C: ConnectionTrait>(db: &C, tenant: &TenantId, call: &CallId) -> Result<(), Fault> {
    call_record::Entity::update_many()
        .col_expr(call_record::Column::Evidence, Expr::value("written"))
        .filter(call_record::Column::TenantId.eq(tenant.as_str()))
        .filter(call_record::Column::Id.eq(call.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

/// Calls of all tenants that ended before that time and have no record, oldest first.
pub(crate) async fn due<C: ConnectionTrait>(
    db: &C,
    ended_before: OffsetDateTime,
    limit: u64,
) -> Result<Vec<(TenantId, CallRecord)>, StoreError> {
    let rows = call_record::Entity::find()
        .filter(call_record::Column::Evidence.eq("due"))
        .filter(call_record::Column::EndedAt.lte(clock::to_text(ended_before)))
        .order_by_asc(call_record::Column::EndedAt)
        .order_by_asc(call_record::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    let decode = |row: call_record::Model| Ok((codec::tenant(&row.tenant_id)?, crate::call::decode(row)?));
    rows.into_iter().map(decode).collect()
}

/// Walks the tenant's chain and returns how many records it has.
pub(crate) async fn verify<C: ConnectionTrait>(db: &C, tenant: &TenantId) -> Result<u64, BrokenAt> {
    // The head first: rows that are appended meanwhile lie beyond it.
    let head = evidence_head::Entity::find_by_id(tenant.as_str()).one(db).await?;
    let (end, end_hash) = head.map_or((0, String::new()), |head| (head.seq.unsigned_abs(), head.sha256));
    let broken = |seq: u64, why| Err(BrokenAt::Row { seq, why });
    let (mut seq, mut last) = (0_u64, String::new());
    loop {
        let rows = page(db, tenant, seq + 1, VERIFY_PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            if row.seq.unsigned_abs() != seq + 1 {
                return broken(seq + 1, "the row is missing");
            }
            seq += 1;
            if row.previous_sha256 != last || !follows(&row, tenant) {
                return broken(seq, "it does not follow from the row before");
            }
            if sha256(&row.body) != row.sha256 {
                return broken(seq, "its content was changed");
            }
            if seq == end && row.sha256 != end_hash {
                return broken(seq, "it is not the row that the head names");
            }
            last = row.sha256;
        }
    }
    if seq < end {
        return broken(seq + 1, "the row is missing");
    }
    Ok(seq)
}

/// Whether the signed body says of its place what the columns say.
fn follows(row: &evidence::Model, tenant: &TenantId) -> bool {
    let Ok(body) = serde_json::from_str::<serde_json::Value>(&row.body) else { return false };
    body["seq"].as_i64() == Some(row.seq)
        && body["previous"].as_str().unwrap_or_default() == row.previous_sha256
        && body["tenant"].as_str() == Some(tenant.as_str())
        && body["call"]["id"].as_str() == Some(row.call_id.as_str())
}

async fn page<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    from: u64,
    limit: u64,
) -> Result<Vec<evidence::Model>, StoreError> {
    let rows = evidence::Entity::find()
        .filter(evidence::Column::TenantId.eq(tenant.as_str()))
        .filter(evidence::Column::Seq.gte(number(from)?))
        .order_by_asc(evidence::Column::Seq)
        .limit(limit);
    Ok(rows.all(db).await?)
}

fn number(seq: u64) -> Result<i64, StoreError> {
    i64::try_from(seq).map_err(|_| StoreError::Invalid("the chain has no such number"))
}

fn sha256(body: &str) -> String {
    base64::encode(&Sha256::digest(body.as_bytes()))
}

fn decode(row: evidence::Model) -> Result<EvidenceRow, StoreError> {
    let bad = |column| StoreError::Corrupt(format!("evidence {}: column {column}", row.seq));
    Ok(EvidenceRow {
        seq: u64::try_from(row.seq).map_err(|_| bad("seq"))?,
        call: CallId::parse(&row.call_id).ok_or_else(|| bad("call_id"))?,
        created_at: clock::from_text(&row.created_at)?,
        previous_sha256: row.previous_sha256,
        sha256: row.sha256,
        body: row.body,
        signed: row.signature.zip(row.key_id),
    })
}
