//! Another means than a card, chosen on the call: every choice stays, the last one counts.

use crate::attempt;
use crate::audit::{self, AuditEntry, AuditResult};
use crate::clock;
use crate::entity::means::{ActiveModel, Column, Entity, Model};
use crate::error::{Fault, StoreError};
use crate::row::{FIELD_MAX, refuse_card_number};
use crate::tenant::TenantStore;
use crate::write::Write;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;
use tonewall_model::ids::{AgentId, AttemptId, CallId, PaymentId, TenantId};
use tonewall_model::payment::Means;

/// Choices on one call. Larger: more rows from an agent who cannot make up their mind.
const CHOICES_MAX: i64 = 50;

/// Longest note, in characters.
const NOTE_MAX: usize = 500;

/// What agent and customer settled on instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeansRow {
    /// The call.
    pub call: CallId,
    /// The payment that it is instead of, where one was begun.
    pub payment: Option<PaymentId>,
    /// The attempt after which it was chosen, where there was one: an attempt of this call.
    pub attempt: Option<AttemptId>,
    /// How the customer is going to pay instead.
    pub means: Means,
    /// In the agent's words; may be empty.
    pub note: String,
    /// The agent.
    pub agent: AgentId,
    /// When.
    pub at: OffsetDateTime,
}

impl MeansRow {
    fn check(&self) -> Result<(), StoreError> {
        if self.note.chars().count() > NOTE_MAX || self.agent.0.len() > FIELD_MAX {
            return Err(StoreError::Invalid("a note has at most 500 characters, a field 256 bytes"));
        }
        refuse_card_number(&[&self.note, &self.agent.0])
    }
}

impl TenantStore {
    /// Records a choice, with its audit row. The last choice again changes nothing;
    /// [`StoreError::NotFound`] when the attempt is none of this call's.
    pub async fn means_choose(&self, choice: MeansRow) -> Result<(), StoreError> {
        choice.check()?;
        self.write(Write::MeansChoose(Box::new(choice))).await.map(|_| ())
    }

    /// The last choice of a call.
    pub async fn means_of_call(&self, call: &CallId) -> Result<Option<MeansRow>, StoreError> {
        Ok(last(self.reads(), self.id(), call).await?.map(|(_, choice)| choice))
    }
}

pub(crate) async fn choose<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    choice: &MeansRow,
) -> Result<(), Fault> {
    if let Some(attempt) = &choice.attempt {
        let attempt = attempt::find(db, tenant, attempt).await?;
        if attempt.call != choice.call {
            return Err(StoreError::NotFound.into());
        }
        if attempt.card.is_in(&choice.note) {
            return Err(StoreError::Invalid("a field holds the card's number").into());
        }
    }
    let seq = match last(db, tenant, &choice.call).await? {
        Some((_, before)) if is_same(&before, choice) => return Ok(()),
        Some((seq, _)) if seq >= CHOICES_MAX => return Err(StoreError::TooMany.into()),
        Some((seq, _)) => seq + 1,
        None => 1,
    };
    let row = Model {
        tenant_id: tenant.as_str().to_owned(),
        call_id: choice.call.as_str().to_owned(),
        seq,
        payment_id: choice.payment.as_ref().map(|payment| payment.as_str().to_owned()),
        attempt_id: choice.attempt.as_ref().map(|attempt| attempt.as_str().to_owned()),
        means: choice.means.as_str().to_owned(),
        note: choice.note.clone(),
        agent: choice.agent.0.clone(),
        created_at: clock::to_text(choice.at),
    };
    Entity::insert(ActiveModel::from(row)).exec_without_returning(db).await?;
    let entry = AuditEntry {
        who: choice.agent.0.clone(),
        what: format!("means.{}", choice.means.as_str()),
        at: choice.at,
        result: AuditResult::Success,
        origin: choice.call.as_str().to_owned(),
        object: choice.call.as_str().to_owned(),
    };
    audit::append(db, tenant, &entry).await
}

/// Equal as stored: a row's time has no more than six decimals.
fn is_same(stored: &MeansRow, told: &MeansRow) -> bool {
    let at = told.at;
    clock::to_text(stored.at) == clock::to_text(at) && MeansRow { at, ..stored.clone() } == *told
}

/// The last choice and its number.
async fn last<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    call: &CallId,
) -> Result<Option<(i64, MeansRow)>, StoreError> {
    let row = Entity::find()
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::CallId.eq(call.as_str()))
        .order_by_desc(Column::Seq)
        .one(db)
        .await?;
    row.map(decode).transpose()
}

fn decode(row: Model) -> Result<(i64, MeansRow), StoreError> {
    let bad = |column| StoreError::Corrupt(format!("means of {}: column {column}", row.call_id));
    let payment = row.payment_id.as_deref().map(|id| PaymentId::parse(id).ok_or_else(|| bad("payment_id")));
    let attempt = row.attempt_id.as_deref().map(|id| AttemptId::parse(id).ok_or_else(|| bad("attempt_id")));
    let choice = MeansRow {
        call: CallId::parse(&row.call_id).ok_or_else(|| bad("call_id"))?,
        payment: payment.transpose()?,
        attempt: attempt.transpose()?,
        at: clock::from_text(&row.created_at)?,
        means: Means::parse(&row.means).ok_or_else(|| bad("means"))?,
        note: row.note,
        agent: AgentId(row.agent),
    };
    Ok((row.seq, choice))
}
