//! One tenant's rows, and no others: every statement behind this type names the tenant. What is
//! asked of receipts, means, agreements and failed sign-ins stands in the files of those names.

use crate::audit::{self, AuditEntry, BrokenAt};
use crate::error::StoreError;
use crate::outbox::{self, OutboxRow};
use crate::row::{AttemptRow, CallRecord, Concluded, EntryRow, NewAttempt};
use crate::store::Store;
use crate::write::{Done, Item, Write};
use crate::{attempt, call};
use sea_orm::DatabaseConnection;
use time::OffsetDateTime;
use tonewall_model::ids::{AgentId, AttemptId, CallId, EventId, TenantId};
use tonewall_model::money::Money;
use tonewall_model::payment::News;

/// Attempts of one call that are read at most.
const ATTEMPTS_OF_CALL_MAX: u64 = 100;

/// A store that sees one tenant. Every write has been committed when its method returns `Ok`.
#[derive(Clone)]
pub struct TenantStore {
    store: Store,
    tenant: TenantId,
}

impl TenantStore {
    pub(crate) fn new(store: Store, tenant: TenantId) -> TenantStore {
        TenantStore { store, tenant }
    }

    /// Whose rows these are.
    pub fn id(&self) -> &TenantId {
        &self.tenant
    }

    pub(crate) fn reads(&self) -> &DatabaseConnection {
        self.store.reads()
    }

    pub(crate) async fn write(&self, write: Write) -> Result<Done, StoreError> {
        self.store.write(Item::Of(self.tenant.clone(), write)).await
    }

    /// Records the attempt as sending, and its payment if it is new. Only after `Ok` may the first
    /// byte leave. [`StoreError::AlreadyLive`] names the open attempt for the same payment or
    /// account, [`StoreError::TakenBefore`] the one that took the same since `taken_since`,
    /// [`StoreError::Duplicate`] the ended one with the same id or idempotency key.
    pub async fn begin_attempt(&self, new: NewAttempt) -> Result<(), StoreError> {
        new.check()?;
        self.write(Write::Begin(Box::new(new))).await.map(|_| ())
    }

    /// Tells what became of an attempt: state, ledger entries, outbox event and audit row in one
    /// transaction. The same news again returns what is stored, with `moved` false;
    /// [`StoreError::NotAllowed`] if the state does not admit the news.
    pub async fn conclude(
        &self,
        attempt: &AttemptId,
        news: impl Into<News>,
        now: OffsetDateTime,
    ) -> Result<Concluded, StoreError> {
        let news = Box::new(news.into());
        match self.write(Write::Conclude { attempt: attempt.clone(), news, now }).await? {
            Done::Concluded(concluded) => Ok(*concluded),
            Done::Written | Done::Rows(_) => Err(StoreError::Corrupt("the writer's answer".to_owned())),
        }
    }

    /// The attempt as it stands.
    pub async fn attempt(&self, id: &AttemptId) -> Result<AttemptRow, StoreError> {
        attempt::find(self.store.reads(), &self.tenant, id).await
    }

    /// The attempts of a call, oldest first.
    pub async fn attempts_of_call(&self, call: &CallId) -> Result<Vec<AttemptRow>, StoreError> {
        attempt::of_call(self.store.reads(), &self.tenant, call, ATTEMPTS_OF_CALL_MAX).await
    }

    /// The last approved attempt of that account (case and blanks aside) and amount that was begun at `since` or later:
    /// whoever is about to take the same again should know of it.
    pub async fn earlier_taken(
        &self,
        account: &str,
        amount: Money,
        since: OffsetDateTime,
    ) -> Result<Option<AttemptRow>, StoreError> {
        attempt::earlier_taken(self.reads(), &self.tenant, account, amount, since).await
    }

    /// An attempt of that account that is not settled, of any age and any call: nothing may be taken
    /// for the account while there is one.
    pub async fn live_of_account(&self, account: &str) -> Result<Option<AttemptRow>, StoreError> {
        attempt::live_of_account(self.reads(), &self.tenant, account).await
    }

    /// The ledger entries of an attempt, in the order of its moves.
    pub async fn entries(&self, id: &AttemptId) -> Result<Vec<EntryRow>, StoreError> {
        attempt::entries(self.store.reads(), &self.tenant, id).await
    }

    /// Writes a call's record, over the one before; its `wrapped_at` is not written.
    pub async fn record_call(&self, record: CallRecord) -> Result<(), StoreError> {
        record.check()?;
        self.write(Write::RecordCall(Box::new(record))).await.map(|_| ())
    }

    /// A call's record.
    pub async fn call(&self, id: &CallId) -> Result<CallRecord, StoreError> {
        call::find(self.store.reads(), &self.tenant, id).await
    }

    /// The calls of an agent that began at `since` or later and that somebody still has to look at:
    /// not wrapped up, and with attempts or without an end that anybody saw; newest first.
    pub async fn calls_unfinished(
        &self,
        agent: &AgentId,
        since: OffsetDateTime,
        limit: u64,
    ) -> Result<Vec<CallRecord>, StoreError> {
        call::unfinished(self.reads(), &self.tenant, agent, since, limit).await
    }

    /// The agent has done with the call; a second time changes nothing.
    pub async fn call_wrap(&self, call: &CallId, now: OffsetDateTime) -> Result<(), StoreError> {
        self.write(Write::WrapCall { call: call.clone(), now }).await.map(|_| ())
    }

    /// The agent goes on with a call that was wrapped up; of any other it changes nothing.
    pub async fn call_unwrap(&self, call: &CallId) -> Result<(), StoreError> {
        self.write(Write::UnwrapCall { call: call.clone() }).await.map(|_| ())
    }

    /// Appends to the audit log.
    pub async fn audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.write(Write::Audit(Box::new(entry))).await.map(|_| ())
    }

    /// Walks the audit chain; returns its length, or where it breaks first.
    pub async fn audit_verify(&self) -> Result<u64, BrokenAt> {
        audit::verify(self.store.reads(), &self.tenant).await
    }

    /// Undelivered events, oldest first, leased or not.
    pub async fn outbox_pending(&self, limit: u64) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = outbox::due(self.store.reads(), Some(&self.tenant), None, limit).await?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Takes an event for delivery until `until`; `false` when somebody else has it, or it has been
    /// delivered. A lease that runs out is how a failed delivery is tried again.
    pub async fn outbox_lease(
        &self,
        event: &EventId,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let lease = Write::LeaseEvent { event: event.clone(), now, until };
        Ok(self.write(lease).await?.rows()? == 1)
    }

    /// After a failed delivery: nobody takes the event again before `until`, which may be earlier
    /// or later than the end of its lease. `false` when it is delivered, or there is none.
    pub async fn outbox_defer(&self, event: &EventId, until: OffsetDateTime) -> Result<bool, StoreError> {
        let defer = Write::DeferEvent { event: event.clone(), until };
        Ok(self.write(defer).await?.rows()? == 1)
    }

    /// Marks an event as delivered; a second time changes nothing.
    pub async fn outbox_delivered(&self, event: &EventId, now: OffsetDateTime) -> Result<(), StoreError> {
        self.write(Write::EventDelivered { event: event.clone(), now }).await.map(|_| ())
    }

    /// Gives an event up, together with the line of the audit log that says so; nothing if it is delivered.
    pub async fn outbox_give_up(&self, event: &EventId, entry: AuditEntry) -> Result<(), StoreError> {
        let write = Write::EventGivenUp { event: event.clone(), entry: Box::new(entry) };
        self.write(write).await.map(|_| ())
    }

    /// How far the tenant's CRM has been told of an approved payment; none for any other.
    pub async fn write_back(&self, attempt: &AttemptId) -> Result<Option<OutboxRow>, StoreError> {
        outbox::last(self.store.reads(), &self.tenant, "payment.approved", attempt.as_str()).await
    }
}
