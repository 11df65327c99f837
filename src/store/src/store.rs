//! The store: opening it, and the few questions that are asked across tenants.

use crate::connect::{self, Kind, Role, StoreOptions};
use crate::entity::attempt;
use crate::error::StoreError;
use crate::outbox::{self, OutboxRow};
use crate::postgres::Pool;
use crate::row::{AttemptRow, CallRecord};
use crate::tenant::TenantStore;
use crate::write::{Across, Done, Item};
use crate::writer::{Counters, Writer};
use crate::{clock, evidence, migrate};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, DatabaseConnection};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use time::OffsetDateTime;
use tonewall_model::call::CALL_MAX;
use tonewall_model::ids::TenantId;
use tonewall_model::payment::{AttemptState, News, Outcome, UnknownWhy};

/// Rows that one step of [`Store::interrupted_to_unknown`] takes.
const INTERRUPTED_PAGE: u64 = 256;

/// Where writes go.
#[derive(Clone)]
enum Writes {
    Sqlite(Writer),
    Postgres(Pool),
}

/// A handle to the database; clones share its connections.
#[derive(Clone)]
pub struct Store {
    reads: DatabaseConnection,
    writes: Writes,
    counters: Arc<Counters>,
}

/// What the store has done since it was opened, and what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Transactions committed.
    pub commits: u64,
    /// Writes in them, refused ones included.
    pub writes: u64,
    /// Writes that wait now (with PostgreSQL also those that run).
    pub queued: usize,
}

impl Store {
    /// Opens `sqlite://path?mode=rwc` or `postgres://…`, both migrated before. Must run on the
    /// tokio runtime on which the store shall live.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Store, StoreError> {
        let counters = Arc::new(Counters::default());
        let role = match connect::kind_of(url)? {
            Kind::Sqlite => Role::Readers,
            Kind::Postgres => Role::Pool,
        };
        let reads = connect::connect(url, role, &options).await?;
        migrate::require(&reads).await?;
        let writes = match connect::kind_of(url)? {
            Kind::Sqlite => Writes::Sqlite(Writer::start(url, options, counters.clone()).await?),
            Kind::Postgres => Writes::Postgres(Pool::new(reads.clone(), options, counters.clone())),
        };
        Ok(Store { reads, writes, counters })
    }

    /// The door to one tenant's rows.
    pub fn tenant(&self, tenant: &TenantId) -> TenantStore {
        TenantStore::new(self.clone(), tenant.clone())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.reads.ping().await?)
    }

    /// Writes what is queued and closes every connection; all clones are useless afterwards.
    pub async fn close(&self) {
        if let Writes::Sqlite(writer) = &self.writes {
            writer.stop().await;
        }
        if let Err(error) = self.reads.close_by_ref().await {
            tracing::warn!(%error, "the store did not close cleanly");
        }
    }

    /// Counters for metrics.
    pub fn stats(&self) -> StoreStats {
        StoreStats {
            commits: self.counters.commits.load(Ordering::Relaxed),
            writes: self.counters.items.load(Ordering::Relaxed),
            queued: match &self.writes {
                Writes::Sqlite(writer) => writer.queued(),
                Writes::Postgres(pool) => pool.queued(),
            },
        }
    }

    /// Attempts of all tenants that somebody has to look into: sending past their deadline at
    /// `now`, unknown, or pending; the most overdue first.
    pub async fn unresolved(
        &self,
        now: OffsetDateTime,
        limit: u64,
    ) -> Result<Vec<(TenantId, AttemptRow)>, StoreError> {
        use attempt::Column::{DeadlineAt, State};
        let overdue = Condition::all()
            .add(State.eq(AttemptState::Sending.as_str()))
            .add(DeadlineAt.lt(clock::to_text(now)));
        let open = State.is_in([AttemptState::Unknown.as_str(), AttemptState::Pending.as_str()]);
        let which = Condition::any().add(overdue).add(open);
        crate::attempt::across_tenants(&self.reads, which, limit).await
    }

    /// At start: attempts whose process died while they were sending become unknown. Returns how
    /// many. With SQLite these are all that are sending, since one process owns the file; with
    /// PostgreSQL other nodes may be sending, so only those past their deadline at `now`.
    pub async fn interrupted_to_unknown(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        use attempt::Column::{DeadlineAt, State};
        let mut which = Condition::all().add(State.eq(AttemptState::Sending.as_str()));
        if matches!(self.writes, Writes::Postgres(_)) {
            which = which.add(DeadlineAt.lt(clock::to_text(now)));
        }
        let news = News::Answer(Outcome::Unknown(UnknownWhy::ProcessDied));
        let mut moved = 0;
        loop {
            let page = crate::attempt::across_tenants(&self.reads, which.clone(), INTERRUPTED_PAGE).await?;
            if page.is_empty() {
                return Ok(moved);
            }
            for (tenant, attempt) in page {
                match self.tenant(&tenant).conclude(&attempt.id, news.clone(), now).await {
                    Ok(concluded) => moved += u64::from(concluded.moved),
                    // Another node has moved it since it was read.
                    Err(StoreError::NotAllowed { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// At start: calls whose process died with them end at `now`, `restart` being why. Returns how
    /// many. With SQLite these are all that have no end, since one process owns the file; with
    /// PostgreSQL other nodes may have calls, so only those that no node can have any more.
    pub async fn close_interrupted_calls(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let began_before = match &self.writes {
            Writes::Sqlite(_) => None,
            Writes::Postgres(_) => Some(now - CALL_MAX),
        };
        self.write(Item::Across(Across::CloseCalls { now, began_before })).await?.rows()
    }

    /// Calls of all tenants that ended at `ended_before` or earlier and still owe their evidence:
    /// whoever saw them end has not written it. Oldest first.
    pub async fn evidence_due(
        &self,
        ended_before: OffsetDateTime,
        limit: u64,
    ) -> Result<Vec<(TenantId, CallRecord)>, StoreError> {
        evidence::due(&self.reads, ended_before, limit).await
    }

    /// Whether other processes may have calls in this database.
    pub fn is_shared(&self) -> bool {
        matches!(self.writes, Writes::Postgres(_))
    }

    /// Undelivered events of all tenants that nobody has leased at `now`, oldest first.
    pub async fn outbox_due(
        &self,
        now: OffsetDateTime,
        limit: u64,
    ) -> Result<Vec<(TenantId, OutboxRow)>, StoreError> {
        outbox::due(&self.reads, None, Some(now), limit).await
    }

    pub(crate) fn reads(&self) -> &DatabaseConnection {
        &self.reads
    }

    pub(crate) async fn write(&self, item: Item) -> Result<Done, StoreError> {
        match &self.writes {
            Writes::Sqlite(writer) => writer.write(item).await,
            Writes::Postgres(pool) => pool.write(item).await,
        }
    }
}
