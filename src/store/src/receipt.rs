//! Receipts: one row an address that an agent typed, queued together with the event that sends it.

use crate::attempt;
use crate::audit::{self, AuditEntry, AuditResult};
use crate::clock;
use crate::entity::receipt::{ActiveModel, Column, Entity, Model};
use crate::error::{Fault, StoreError};
use crate::outbox;
use crate::row::{FIELD_MAX, refuse_card_number};
use crate::scrub;
use crate::tenant::TenantStore;
use crate::words::Word;
use crate::write::Write;
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use time::OffsetDateTime;
use tonewall_model::ids::{AgentId, AttemptId, CallId, ReceiptId, TenantId};

/// Receipts of one attempt. Larger: more mail that somebody can send from a tenant's name.
pub(crate) const RECEIPTS_MAX: u64 = 5;

/// Receipts of one call that are read at most: those of its attempts.
const OF_CALL_MAX: u64 = 100;

/// Longest address (RFC 5321 §4.5.3.1.3, without the brackets), in bytes.
const ADDRESS_MAX: usize = 254;

/// Where a receipt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptState {
    /// It will be sent, or tried again.
    Queued,
    /// The mail server took it.
    Sent,
    /// It will not be sent.
    Refused,
}

impl ReceiptState {
    /// The word in rows and on the screen: `queued`, `sent`, `refused`.
    pub fn as_str(self) -> &'static str {
        self.word()
    }
}

/// A receipt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReceipt {
    /// Its id: the outbox event's object.
    pub id: ReceiptId,
    /// The approved attempt.
    pub attempt: AttemptId,
    /// `payment`.
    pub kind: String,
    /// Where to: an e-mail address.
    pub address: String,
    /// Who asked for it.
    pub agent: AgentId,
    /// Now.
    pub now: OffsetDateTime,
}

impl NewReceipt {
    fn check(&self) -> Result<(), StoreError> {
        if self.kind != "payment" {
            return Err(StoreError::Invalid("a receipt is for a payment"));
        }
        let is_address = (3..=ADDRESS_MAX).contains(&self.address.len())
            && self.address.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
            && !self.address.contains(|c: char| c.is_whitespace() || c.is_control());
        if !is_address {
            return Err(StoreError::Invalid("an e-mail address is name@host, at most 254 bytes"));
        }
        if self.agent.0.len() > FIELD_MAX {
            return Err(StoreError::Invalid("a field has at most 256 bytes"));
        }
        refuse_card_number(&[&self.address, &self.agent.0])
    }
}

/// A receipt as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Its id.
    pub id: ReceiptId,
    /// The attempt.
    pub attempt: AttemptId,
    /// The attempt's call.
    pub call: CallId,
    /// `payment`.
    pub kind: String,
    /// Where to.
    pub address: String,
    /// Who asked for it.
    pub agent: AgentId,
    /// Where it stands.
    pub state: ReceiptState,
    /// Why the last try did not get through, in words.
    pub problem: Option<String>,
    /// Tries that are over.
    pub tries: u32,
    /// When it was queued.
    pub created_at: OffsetDateTime,
    /// When the last try was over.
    pub tried_at: Option<OffsetDateTime>,
    /// When the mail server took it.
    pub sent_at: Option<OffsetDateTime>,
}

/// What became of a try to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// Not through; it will be tried again.
    Problem(Option<String>),
    Sent,
    Refused(String),
}

impl TenantStore {
    /// Queues a receipt: its row, the event `receipt.send` with its id as object, and an audit row,
    /// in one transaction. The same receipt again changes nothing. [`StoreError::NotApproved`]
    /// when no money was taken, [`StoreError::TooMany`] when the attempt has five.
    pub async fn receipt_queue(&self, new: NewReceipt) -> Result<(), StoreError> {
        new.check()?;
        self.write(Write::ReceiptQueue(Box::new(new))).await.map(|_| ())
    }

    /// The receipt as it stands.
    pub async fn receipt(&self, id: &ReceiptId) -> Result<ReceiptRow, StoreError> {
        find(self.reads(), self.id(), id).await
    }

    /// The receipts of a call, oldest first.
    pub async fn receipts_of_call(&self, call: &CallId) -> Result<Vec<ReceiptRow>, StoreError> {
        let which = Condition::all().add(Column::CallId.eq(call.as_str()));
        all(self.reads(), self.id(), which).await
    }

    /// A try did not get through and another will follow; the event stays undelivered. `false`
    /// when the receipt is not queued any more.
    pub async fn receipt_tried(
        &self,
        id: &ReceiptId,
        problem: Option<String>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.receipt_settle(id, Tried::Problem(problem), now).await
    }

    /// The mail server took it: row, event (delivered) and audit in one transaction. `false` when
    /// that was known before.
    pub async fn receipt_sent(&self, id: &ReceiptId, now: OffsetDateTime) -> Result<bool, StoreError> {
        self.receipt_settle(id, Tried::Sent, now).await
    }

    /// It will not be sent: row, event (delivered: nobody tries again) and audit in one
    /// transaction. `false` when the receipt is not queued any more.
    pub async fn receipt_refused(
        &self,
        id: &ReceiptId,
        problem: &str,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.receipt_settle(id, Tried::Refused(problem.to_owned()), now).await
    }

    async fn receipt_settle(
        &self,
        id: &ReceiptId,
        tried: Tried,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let write = Write::ReceiptTried { receipt: id.clone(), tried, now };
        Ok(self.write(write).await?.rows()? == 1)
    }
}

/// The row of the attempt is locked: PostgreSQL counts one after the other.
pub(crate) async fn queue<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    new: &NewReceipt,
) -> Result<(), Fault> {
    let attempt = attempt::approved_and_locked(db, tenant, &new.attempt).await?;
    if attempt.card.is_in(&new.address) {
        return Err(StoreError::Invalid("a field holds the card's number").into());
    }
    match find(db, tenant, &new.id).await {
        Ok(known) if known.attempt == new.attempt && known.address == new.address => return Ok(()),
        Ok(_) => return Err(StoreError::Invalid("the id belongs to another receipt").into()),
        Err(StoreError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    let so_far = Entity::find()
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::AttemptId.eq(new.attempt.as_str()));
    if so_far.count(db).await? >= RECEIPTS_MAX {
        return Err(StoreError::TooMany.into());
    }
    let row = Model {
        id: new.id.as_str().to_owned(),
        tenant_id: tenant.as_str().to_owned(),
        attempt_id: new.attempt.as_str().to_owned(),
        call_id: attempt.call.as_str().to_owned(),
        kind: new.kind.clone(),
        address: new.address.clone(),
        agent: new.agent.0.clone(),
        state: ReceiptState::Queued.word().to_owned(),
        problem: None,
        tries: 0,
        created_at: clock::to_text(new.now),
        tried_at: None,
        sent_at: None,
    };
    Entity::insert(ActiveModel::from(row)).exec_without_returning(db).await?;
    // The address stays in the receipt's row alone: what is delivered looks it up there.
    let payload = json!({
        "receipt": new.id.as_str(),
        "attempt": new.attempt.as_str(),
        "call": attempt.call.as_str(),
        "kind": new.kind,
    });
    let event = outbox::NewEvent { topic: "receipt.send", object: new.id.as_str(), number: 0, payload };
    outbox::insert(db, tenant, event, new.now).await?;
    let entry = AuditEntry {
        who: new.agent.0.clone(),
        what: "receipt.queued".to_owned(),
        at: new.now,
        result: AuditResult::Success,
        origin: attempt.call.as_str().to_owned(),
        object: new.id.as_str().to_owned(),
    };
    audit::append(db, tenant, &entry).await
}

/// Writes what became of a try; 0 when the row had moved on before.
pub(crate) async fn tried<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &ReceiptId,
    tried: &Tried,
    now: OffsetDateTime,
) -> Result<u64, Fault> {
    find(db, tenant, id).await?;
    let (state, problem, from): (_, _, &[ReceiptState]) = match tried {
        Tried::Problem(problem) => (ReceiptState::Queued, problem.as_deref(), &[ReceiptState::Queued]),
        // What was sent was sent, even if somebody gave up meanwhile.
        Tried::Sent => (ReceiptState::Sent, None, &[ReceiptState::Queued, ReceiptState::Refused]),
        Tried::Refused(problem) => (ReceiptState::Refused, Some(problem.as_str()), &[ReceiptState::Queued]),
    };
    let sent_at = (state == ReceiptState::Sent).then(|| clock::to_text(now));
    let update = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.word()))
        .col_expr(Column::Problem, Expr::value(problem.map(scrub::words)))
        .col_expr(Column::Tries, Expr::col(Column::Tries).add(1))
        .col_expr(Column::TriedAt, Expr::value(clock::to_text(now)))
        .col_expr(Column::SentAt, Expr::value(sent_at))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::State.is_in(from.iter().map(|state| state.word())));
    let changed = update.exec(db).await?.rows_affected;
    if changed == 0 || state == ReceiptState::Queued {
        return Ok(changed);
    }
    outbox::delivered_of(db, tenant, "receipt.send", id.as_str(), now).await?;
    let entry = AuditEntry {
        who: "outbox".to_owned(),
        what: format!("receipt.{}", state.word()),
        at: now,
        result: if state == ReceiptState::Sent { AuditResult::Success } else { AuditResult::Failure },
        origin: "mail".to_owned(),
        object: id.as_str().to_owned(),
    };
    audit::append(db, tenant, &entry).await?;
    Ok(changed)
}

async fn find<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &ReceiptId,
) -> Result<ReceiptRow, StoreError> {
    let row = Entity::find_by_id(id.as_str()).filter(Column::TenantId.eq(tenant.as_str())).one(db).await?;
    decode(row.ok_or(StoreError::NotFound)?)
}

async fn all<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    which: Condition,
) -> Result<Vec<ReceiptRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(which)
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .limit(OF_CALL_MAX)
        .all(db)
        .await?;
    rows.into_iter().map(decode).collect()
}

fn decode(row: Model) -> Result<ReceiptRow, StoreError> {
    let bad = |column| StoreError::Corrupt(format!("receipt {}: column {column}", row.id));
    Ok(ReceiptRow {
        id: ReceiptId::parse(&row.id).ok_or_else(|| bad("id"))?,
        attempt: AttemptId::parse(&row.attempt_id).ok_or_else(|| bad("attempt_id"))?,
        call: CallId::parse(&row.call_id).ok_or_else(|| bad("call_id"))?,
        state: ReceiptState::from_word(&row.state).ok_or_else(|| bad("state"))?,
        tries: u32::try_from(row.tries).map_err(|_| bad("tries"))?,
        created_at: clock::from_text(&row.created_at)?,
        tried_at: clock::from_text_or_null(row.tried_at.as_deref())?,
        sent_at: clock::from_text_or_null(row.sent_at.as_deref())?,
        kind: row.kind,
        address: row.address,
        agent: AgentId(row.agent),
        problem: row.problem,
    })
}
