//! One write as data, so that it can wait in a queue and be repeated in a fresh transaction.

use crate::audit::{self, AuditEntry};
use crate::error::Fault;
use crate::row::{CallRecord, Concluded, NewAttempt};
use crate::{attempt, call, outbox};
use sea_orm::ConnectionTrait;
use time::OffsetDateTime;
use tonewall_model::ids::{AttemptId, EventId, TenantId};
use tonewall_model::payment::News;

/// What to write.
pub(crate) enum Write {
    Begin(Box<NewAttempt>),
    Conclude { attempt: AttemptId, news: Box<News>, now: OffsetDateTime },
    RecordCall(Box<CallRecord>),
    Audit(Box<AuditEntry>),
    LeaseEvent { event: EventId, now: OffsetDateTime, until: OffsetDateTime },
    EventDelivered { event: EventId, now: OffsetDateTime },
}

/// What came of it.
pub(crate) enum Done {
    Written,
    Concluded(Box<Concluded>),
    Leased(bool),
}

/// A write and the tenant whose rows it may touch.
pub(crate) struct Item {
    pub(crate) tenant: TenantId,
    pub(crate) write: Write,
}

impl Item {
    /// Runs the statements on a transaction that the caller commits or rolls back.
    pub(crate) async fn apply<C: ConnectionTrait>(&self, db: &C) -> Result<Done, Fault> {
        let tenant = &self.tenant;
        match &self.write {
            Write::Begin(new) => attempt::begin(db, tenant, new).await.map(|()| Done::Written),
            Write::Conclude { attempt, news, now } => {
                let concluded = attempt::conclude(db, tenant, attempt, news, *now).await?;
                Ok(Done::Concluded(Box::new(concluded)))
            }
            Write::RecordCall(record) => call::record(db, tenant, record).await.map(|()| Done::Written),
            Write::Audit(entry) => audit::append(db, tenant, entry).await.map(|()| Done::Written),
            Write::LeaseEvent { event, now, until } => {
                outbox::lease(db, tenant, event, *now, *until).await.map(Done::Leased)
            }
            Write::EventDelivered { event, now } => {
                outbox::delivered(db, tenant, event, *now).await.map(|()| Done::Written)
            }
        }
    }
}
