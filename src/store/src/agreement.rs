//! Continuous payment authorities: the terms, the dates, and the wording that the customer agreed
//! to, kept as they were read out.

use crate::attempt;
use crate::audit::{self, AuditEntry, AuditResult};
use crate::entity::agreement::{ActiveModel, Column, Entity, Model};
use crate::entity::agreement_instalment as instalment;
use crate::error::{Fault, StoreError};
use crate::row::{AttemptRow, FIELD_MAX, refuse_card_number};
use crate::tenant::TenantStore;
use crate::write::Write;
use crate::{clock, codec, outbox};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use time::{Date, OffsetDateTime};
use tonewall_model::cpa::{End, Every, Terms};
use tonewall_model::ids::{AgentId, AgreementId, AttemptId, CallId, TenantId};

/// Longest wording, in bytes.
const CONSENT_MAX: usize = 4_000;

/// An agreement about to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAgreement {
    /// Its id.
    pub id: AgreementId,
    /// The approved attempt whose card it is about.
    pub attempt: AttemptId,
    /// That attempt's call.
    pub call: CallId,
    /// Who read the wording out.
    pub agent: AgentId,
    /// What was agreed.
    pub terms: Terms,
    /// The days of the payments as they were listed: those of the terms.
    pub dates: Vec<Date>,
    /// The wording as it was read out.
    pub consent_text: String,
    /// Which wording that is.
    pub consent_version: String,
    /// When the customer agreed.
    pub agreed_at: OffsetDateTime,
    /// The card's brand, as in the attempt.
    pub brand: String,
    /// Its last four digits, as in the attempt.
    pub last4: String,
    /// Its expiry, as in the attempt.
    pub expiry: String,
}

/// An agreement as stored: as it was made, since nothing of it can change.
pub type AgreementRow = NewAgreement;

impl NewAgreement {
    fn check(&self) -> Result<(), StoreError> {
        let terms = &self.terms;
        // Whether the first day lies ahead is asked where the terms are agreed on: a try again comes later.
        terms.check(terms.start).map_err(|_| StoreError::Invalid("such terms cannot be agreed on"))?;
        if self.dates != terms.dates() {
            return Err(StoreError::Invalid("the dates are not those of the terms"));
        }
        let texts: [&str; 3] = [&self.consent_text, &self.consent_version, &self.agent.0];
        if texts.iter().any(|text| text.is_empty()) {
            return Err(StoreError::Invalid("consent, its version and an agent must be told"));
        }
        let is_long = self.consent_text.len() > CONSENT_MAX || self.consent_version.len() > FIELD_MAX;
        if is_long || self.agent.0.len() > FIELD_MAX {
            return Err(StoreError::Invalid("a wording has at most 4000 bytes, a field 256"));
        }
        refuse_card_number(&texts)
    }

    /// Whether it is about this attempt's call and card.
    fn fits(&self, attempt: &AttemptRow) -> Result<(), StoreError> {
        let card = &attempt.card;
        if self.call != attempt.call {
            return Err(StoreError::Invalid("the attempt belongs to another call"));
        }
        if self.brand != card.brand || self.last4 != card.last4 || self.expiry != card.expiry {
            return Err(StoreError::Invalid("the card is not that of the attempt"));
        }
        match [&self.consent_text, &self.consent_version, &self.agent.0].iter().any(|text| card.is_in(text)) {
            true => Err(StoreError::Invalid("a field holds the card's number")),
            false => Ok(()),
        }
    }
}

impl TenantStore {
    /// Records an agreement, its dates, the event `agreement.made` and an audit row in one
    /// transaction. The same agreement again changes nothing; [`StoreError::AlreadyAgreed`] when
    /// the attempt has another, [`StoreError::NotApproved`] when no money was taken.
    pub async fn agreement_begin(&self, new: NewAgreement) -> Result<(), StoreError> {
        new.check()?;
        self.write(Write::AgreementBegin(Box::new(new))).await.map(|_| ())
    }

    /// The agreement that was made after an attempt.
    pub async fn agreement_of_attempt(
        &self,
        attempt: &AttemptId,
    ) -> Result<Option<AgreementRow>, StoreError> {
        of_attempt(self.reads(), self.id(), attempt).await
    }
}

pub(crate) async fn begin<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    new: &NewAgreement,
) -> Result<(), Fault> {
    let attempt = attempt::approved_and_locked(db, tenant, &new.attempt).await?;
    new.fits(&attempt)?;
    if let Some(known) = of_attempt(db, tenant, &new.attempt).await? {
        return match known.id == new.id {
            true => Ok(()),
            false => Err(StoreError::AlreadyAgreed { agreement: known.id }.into()),
        };
    }
    Entity::insert(ActiveModel::from(row_of(tenant, new))).exec_without_returning(db).await?;
    let date = |(seq, due_on): (i64, &Date)| {
        instalment::ActiveModel::from(instalment::Model {
            tenant_id: tenant.as_str().to_owned(),
            agreement_id: new.id.as_str().to_owned(),
            seq,
            due_on: clock::date_to_text(*due_on),
        })
    };
    let dates: Vec<_> = (1..).zip(&new.dates).map(date).collect();
    instalment::Entity::insert_many(dates).exec_without_returning(db).await?;
    let event = outbox::NewEvent {
        topic: "agreement.made",
        object: new.id.as_str(),
        number: 0,
        payload: payload(new, &attempt),
    };
    outbox::insert(db, tenant, event, new.agreed_at).await?;
    let entry = AuditEntry {
        who: new.agent.0.clone(),
        what: "agreement.made".to_owned(),
        at: new.agreed_at,
        result: AuditResult::Success,
        origin: new.call.as_str().to_owned(),
        object: new.id.as_str().to_owned(),
    };
    audit::append(db, tenant, &entry).await
}

fn row_of(tenant: &TenantId, new: &NewAgreement) -> Model {
    let (end_count, end_until) = match new.terms.end {
        End::Count(count) => (Some(i64::from(count)), None),
        End::Until(until) => (None, Some(clock::date_to_text(until))),
    };
    Model {
        id: new.id.as_str().to_owned(),
        tenant_id: tenant.as_str().to_owned(),
        attempt_id: new.attempt.as_str().to_owned(),
        call_id: new.call.as_str().to_owned(),
        agent: new.agent.0.clone(),
        amount_minor: new.terms.amount.minor,
        currency: new.terms.amount.currency.code().to_owned(),
        every: new.terms.every.as_str().to_owned(),
        starts_on: clock::date_to_text(new.terms.start),
        end_count,
        end_until,
        consent_text: new.consent_text.clone(),
        consent_version: new.consent_version.clone(),
        agreed_at: clock::to_text(new.agreed_at),
        brand: new.brand.clone(),
        last4: new.last4.clone(),
        expiry: new.expiry.clone(),
    }
}

fn payload(new: &NewAgreement, attempt: &AttemptRow) -> serde_json::Value {
    json!({
        "agreement": new.id.as_str(),
        "attempt": new.attempt.as_str(),
        "payment": attempt.payment.as_str(),
        "call": new.call.as_str(),
        "agent": new.agent.0,
        "account": attempt.account,
        "amount_minor": new.terms.amount.minor,
        "currency": new.terms.amount.currency.code(),
        "every": new.terms.every.as_str(),
        "dates": new.dates.iter().copied().map(clock::date_to_text).collect::<Vec<_>>(),
        "consent_version": new.consent_version,
        "card": { "brand": new.brand, "last4": new.last4 },
    })
}

async fn of_attempt<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    attempt: &AttemptId,
) -> Result<Option<AgreementRow>, StoreError> {
    let row = Entity::find()
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::AttemptId.eq(attempt.as_str()))
        .one(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let dates = instalment::Entity::find()
        .filter(instalment::Column::TenantId.eq(tenant.as_str()))
        .filter(instalment::Column::AgreementId.eq(&row.id))
        .order_by_asc(instalment::Column::Seq)
        .all(db)
        .await?;
    decode(row, &dates).map(Some)
}

fn decode(row: Model, dates: &[instalment::Model]) -> Result<AgreementRow, StoreError> {
    let bad = |column| StoreError::Corrupt(format!("agreement {}: column {column}", row.id));
    let end = match (row.end_count, row.end_until.as_deref()) {
        (Some(count), None) => End::Count(u16::try_from(count).map_err(|_| bad("end_count"))?),
        (None, Some(until)) => End::Until(clock::date_from_text(until)?),
        _ => return Err(bad("end_count")),
    };
    let dates: Result<Vec<_>, _> = dates.iter().map(|date| clock::date_from_text(&date.due_on)).collect();
    Ok(AgreementRow {
        id: AgreementId::parse(&row.id).ok_or_else(|| bad("id"))?,
        attempt: AttemptId::parse(&row.attempt_id).ok_or_else(|| bad("attempt_id"))?,
        call: CallId::parse(&row.call_id).ok_or_else(|| bad("call_id"))?,
        terms: Terms {
            amount: codec::money(row.amount_minor, &row.currency).ok_or_else(|| bad("currency"))?,
            start: clock::date_from_text(&row.starts_on)?,
            every: Every::parse(&row.every).ok_or_else(|| bad("every"))?,
            end,
        },
        dates: dates?,
        agreed_at: clock::from_text(&row.agreed_at)?,
        agent: AgentId(row.agent),
        consent_text: row.consent_text,
        consent_version: row.consent_version,
        brand: row.brand,
        last4: row.last4,
        expiry: row.expiry,
    })
}
