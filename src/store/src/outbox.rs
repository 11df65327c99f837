//! What has to be told to others: receipts, write-backs, webhooks. Written with the move itself,
//! delivered at least once; receivers drop repeats by the event's id.

use crate::audit::{self, AuditEntry};
use crate::clock;
use crate::codec;
use crate::entity::outbox::{self, Column, Entity};
use crate::error::{Fault, StoreError};
use crate::row::AttemptRow;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tonewall_model::ids::{EventId, TenantId};
use tonewall_model::payment::Outcome;

/// An event to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// By which receivers know repeats.
    pub id: EventId,
    /// `payment.approved`, `payment.declined`, …: `payment.` and the state; `receipt.send`;
    /// `agreement.made`.
    pub topic: String,
    /// What it is about: the id of an attempt, a receipt, an agreement.
    pub object: String,
    /// JSON; of the card at most brand, first six and last four.
    pub payload: String,
    /// When it came to be.
    pub created_at: OffsetDateTime,
    /// When it was delivered, or given up.
    pub delivered_at: Option<OffsetDateTime>,
    /// Times that somebody took it to deliver it.
    pub attempts: u32,
    /// Until when somebody has it.
    pub lease_until: Option<OffsetDateTime>,
    /// When it was given up: its receiver will never take it.
    pub given_up_at: Option<OffsetDateTime>,
}

/// An event about to be written.
pub(crate) struct NewEvent<'a> {
    pub(crate) topic: &'a str,
    /// What it is about.
    pub(crate) object: &'a str,
    /// The how many-th event about it.
    pub(crate) number: u64,
    /// An object; event, topic, time and tenant are added.
    pub(crate) payload: Value,
}

/// Writes an event.
pub(crate) async fn insert<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    event: NewEvent<'_>,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let id = event_id(event.object, event.number);
    let mut payload = event.payload;
    payload["event"] = json!(id.as_str());
    payload["topic"] = json!(event.topic);
    payload["at"] = json!(clock::to_text(now));
    payload["tenant"] = json!(tenant.as_str());
    let row = outbox::ActiveModel {
        id: Set(id.as_str().to_owned()),
        tenant_id: Set(tenant.as_str().to_owned()),
        topic: Set(event.topic.to_owned()),
        object: Set(event.object.to_owned()),
        payload: Set(payload.to_string()),
        created_at: Set(clock::to_text(now)),
        delivered_at: Set(None),
        attempts: Set(0),
        lease_until: Set(None),
        given_up_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Writes the event of a move, of which `attempt` is the result.
pub(crate) async fn insert_move<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    attempt: &AttemptRow,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let topic = format!("payment.{}", attempt.state.as_str());
    let event = NewEvent {
        topic: &topic,
        object: attempt.id.as_str(),
        number: attempt.fence,
        payload: payload(attempt),
    };
    insert(db, tenant, event, now).await
}

/// The same move always has the same event, even if it was written twice by two processes.
fn event_id(object: &str, number: u64) -> EventId {
    let mut sha = Sha256::new();
    sha.update(object.as_bytes());
    sha.update(number.to_be_bytes());
    let random = sha.finalize().iter().take(16).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    EventId::from_random(random)
}

fn payload(attempt: &AttemptRow) -> Value {
    let (auth_code, gateway_ref) = match &attempt.outcome {
        Some(Outcome::Approved(yes) | Outcome::Held(yes)) => {
            (Some(yes.auth_code.as_str()), Some(yes.gateway_ref.as_str()))
        }
        Some(Outcome::Pending { gateway_ref }) => (None, Some(gateway_ref.as_str())),
        _ => (None, None),
    };
    let say = match &attempt.outcome {
        Some(Outcome::Declined(no)) => Some(no.say.as_str()),
        Some(Outcome::Rejected { say, .. }) => Some(say.as_str()),
        _ => None,
    };
    json!({
        "attempt": attempt.id.as_str(),
        "payment": attempt.payment.as_str(),
        "call": attempt.call.as_str(),
        "agent": attempt.agent.0,
        "account": attempt.account,
        "state": attempt.state.as_str(),
        "amount_minor": attempt.amount.minor,
        "currency": attempt.amount.currency.code(),
        "gateway": attempt.gateway,
        "merchant": attempt.merchant,
        "auth_code": auth_code,
        "gateway_ref": gateway_ref,
        "say": say,
        "card": {
            "brand": attempt.card.brand,
            "first6": attempt.card.first6,
            "last4": attempt.card.last4,
        },
    })
}

/// Undelivered rows that nobody has at `now`, oldest first; of one tenant, or of all.
pub(crate) async fn due<C: ConnectionTrait>(
    db: &C,
    tenant: Option<&TenantId>,
    now: Option<OffsetDateTime>,
    limit: u64,
) -> Result<Vec<(TenantId, OutboxRow)>, StoreError> {
    let mut query = Entity::find().filter(Column::DeliveredAt.is_null());
    if let Some(tenant) = tenant {
        query = query.filter(Column::TenantId.eq(tenant.as_str()));
    }
    if let Some(now) = now {
        query = query.filter(free_at(now));
    }
    let rows = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(limit).all(db).await?;
    rows.into_iter().map(decode).collect()
}

fn free_at(now: OffsetDateTime) -> Condition {
    Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lte(clock::to_text(now)))
}

fn decode(row: outbox::Model) -> Result<(TenantId, OutboxRow), StoreError> {
    let bad = |column| StoreError::Corrupt(format!("outbox {}: column {column}", row.id));
    let tenant = codec::tenant(&row.tenant_id)?;
    let out = OutboxRow {
        id: EventId::parse(&row.id).ok_or_else(|| bad("id"))?,
        attempts: u32::try_from(row.attempts).map_err(|_| bad("attempts"))?,
        created_at: clock::from_text(&row.created_at)?,
        delivered_at: clock::from_text_or_null(row.delivered_at.as_deref())?,
        lease_until: clock::from_text_or_null(row.lease_until.as_deref())?,
        given_up_at: clock::from_text_or_null(row.given_up_at.as_deref())?,
        topic: row.topic,
        object: row.object,
        payload: row.payload,
    };
    Ok((tenant, out))
}

/// Takes the row until `until`, if nobody has it: exactly one caller wins.
pub(crate) async fn lease<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &EventId,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<bool, Fault> {
    let taken = Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(clock::to_text(until)))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::DeliveredAt.is_null())
        .filter(free_at(now))
        .exec(db)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Gives the row back, to be taken from `until` on; nothing if it is delivered.
pub(crate) async fn defer<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &EventId,
    until: OffsetDateTime,
) -> Result<u64, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(clock::to_text(until)))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::DeliveredAt.is_null());
    Ok(update.exec(db).await?.rows_affected)
}

/// Marks the row as delivered; a second time changes nothing.
pub(crate) async fn delivered<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &EventId,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    mark(db, tenant, Condition::all().add(Column::Id.eq(id.as_str())), now).await
}

/// Gives the row up, with the line of the audit log that says so; nothing if it is delivered.
pub(crate) async fn give_up<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &EventId,
    entry: &AuditEntry,
) -> Result<(), Fault> {
    let now = clock::to_text(entry.at);
    let update = Entity::update_many()
        .col_expr(Column::DeliveredAt, Expr::value(now.clone()))
        .col_expr(Column::GivenUpAt, Expr::value(now))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::DeliveredAt.is_null());
    match update.exec(db).await?.rows_affected {
        0 => Ok(()),
        _ => audit::append(db, tenant, entry).await,
    }
}

/// The last row of that topic about `object`.
pub(crate) async fn last<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    topic: &str,
    object: &str,
) -> Result<Option<OutboxRow>, StoreError> {
    let query = Entity::find()
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Object.eq(object))
        .filter(Column::Topic.eq(topic))
        .order_by_desc(Column::CreatedAt);
    Ok(query.one(db).await?.map(decode).transpose()?.map(|(_, row)| row))
}

/// Marks the rows of that topic about `object` as delivered.
pub(crate) async fn delivered_of<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    topic: &str,
    object: &str,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let which = Condition::all().add(Column::Topic.eq(topic)).add(Column::Object.eq(object));
    mark(db, tenant, which, now).await
}

async fn mark<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    which: Condition,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::DeliveredAt, Expr::value(clock::to_text(now)))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(which)
        .filter(Column::DeliveredAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}
