//! Delivers what the ledger has written down for others: receipts to customers, payments to CRMs.
//!
//! | file | holds |
//! |---|---|
//! | `turns` | whose row is next: bounded in all and per tenant |
//! | `receipt` | `receipt.send`: letter, mail server, row |
//! | `write_back` | `payment.approved`: the tenant's CRM |
//!
//! At least once: a row is leased, worked on, and marked as delivered after the other side has it. A
//! process that dies in between leaves a lease that runs out. Receivers drop repeats by Message-ID and
//! event id.

mod receipt;
mod turns;
mod write_back;

#[cfg(test)]
mod tests;

use crate::crm::Crms;
use crate::events::Events;
use crate::letters::Letters;
use crate::metrics::{JobRun, Metrics};
use crate::tenancy::Tenants;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tonewall_connectors::mail::Mailer;
use tonewall_model::ids::{CallId, EventId, TenantId};
use tonewall_store::{AuditEntry, OutboxRow, Store, StoreError, TenantStore};
use tracing::{error, warn};
use turns::Turns;

/// How often the ledger is asked for due rows. Longer delays a receipt; shorter asks an idle ledger.
const TICK: Duration = Duration::from_millis(500);

/// Rows that are read at once. Fewer let the many due rows of one tenant hide those of others.
const PAGE: u64 = 512;

/// Rows of one tenant that are looked for where a full page may have hidden them.
const HIDDEN_PAGE: u64 = 64;

/// How long a row is taken for: longer than mail server or CRM may take together with the ledger.
/// Longer delays a row whose process died; shorter lets two processes send the same receipt.
const LEASE: Duration = Duration::from_secs(60);

/// Pauses after a try that did not get through; the last is repeated. Shorter burdens a system in
/// trouble; longer keeps a customer waiting.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
    Duration::from_secs(3_600),
];

/// What the runner needs.
#[derive(Clone)]
pub struct Outbox {
    /// The ledger.
    pub store: Store,
    /// The organisations.
    pub tenants: Arc<Tenants>,
    /// Their letters.
    pub letters: Arc<Letters>,
    /// The way to the mail server; without one, receipts stay queued.
    pub mailer: Option<Arc<Mailer>>,
    /// Told of every change.
    pub events: Arc<Events>,
    /// Counts what becomes of each try.
    pub metrics: Metrics,
    /// Turns true when no further row shall be taken.
    pub stop: watch::Receiver<bool>,
}

/// Runs until `stop` is true, or its sender gone; then brings to an end what is under way, which
/// takes no longer than one letter may.
pub async fn run(outbox: Outbox) {
    run_paced(outbox, TICK, &PAUSES).await;
}

/// The same, with other pauses.
async fn run_paced(outbox: Outbox, tick: Duration, pauses: &'static [Duration]) {
    if outbox.mailer.is_none() {
        warn!("mail is not set up: receipts stay queued");
    }
    let mut stop = outbox.stop.clone();
    let mut tick = tokio::time::interval(tick);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let crms = Arc::new(Crms::default());
    let mut turns = Turns::default();
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut whose: HashMap<Id, (TenantId, EventId)> = HashMap::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = tasks.join_next_with_id() => free(&mut turns, &mut whose, ended),
            _ = tick.tick() => turns.offer(due(&outbox).await),
        }
        while let Some((tenant, row)) = turns.next() {
            let key = (tenant.clone(), row.id.clone());
            let task = tasks.spawn(deliver(outbox.clone(), Arc::clone(&crms), tenant, row, pauses));
            whose.insert(task.id(), key);
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Returns when no further row shall be taken.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender there is nobody left to run for.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Gives back the place of a delivery that is over, however it ended.
fn free(turns: &mut Turns, whose: &mut HashMap<Id, (TenantId, EventId)>, ended: Result<(Id, ()), JoinError>) {
    let id = match &ended {
        Ok((id, ())) => *id,
        Err(died) => died.id(),
    };
    let Some((tenant, event)) = whose.remove(&id) else { return };
    if ended.is_err() {
        error!(%event, %tenant, "delivery died: tried again when its lease is over");
    }
    turns.free(&tenant, &event);
}

/// Due rows, oldest first; of tenants whom a full page may have hidden, a few more.
async fn due(outbox: &Outbox) -> Vec<(TenantId, OutboxRow)> {
    let now = OffsetDateTime::now_utc();
    let mut rows = match outbox.store.outbox_due(now, PAGE).await {
        Ok(rows) => rows,
        Err(error) => {
            warn!(%error, "due deliveries cannot be read");
            return Vec::new();
        }
    };
    if (rows.len() as u64) < PAGE {
        return rows;
    }
    for tenant in outbox.tenants.snapshot().tenants() {
        if rows.iter().any(|(of, _)| *of == tenant.id) {
            continue;
        }
        let pending = outbox.store.tenant(&tenant.id).outbox_pending(HIDDEN_PAGE).await.unwrap_or_default();
        let free = pending.into_iter().filter(|row| row.lease_until.is_none_or(|until| until <= now));
        rows.extend(free.map(|row| (tenant.id.clone(), row)));
    }
    rows
}

/// What a try came to.
struct Tried {
    fate: Fate,
    /// Whose screens look again.
    call: Option<CallId>,
}

/// What becomes of a row after a try.
enum Fate {
    /// The other side has it, or nobody wants it.
    Delivered,
    /// Its own row has marked it as delivered.
    Settled,
    /// Its receiver will never take it; what the audit log says of that.
    GivenUp(AuditEntry),
    /// Later again.
    Again,
}

async fn deliver(
    outbox: Outbox,
    crms: Arc<Crms>,
    tenant: TenantId,
    row: OutboxRow,
    pauses: &'static [Duration],
) {
    let store = outbox.store.tenant(&tenant);
    let now = OffsetDateTime::now_utc();
    match store.outbox_lease(&row.id, now, now + LEASE).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return warn!(event = %row.id, %tenant, %error, "delivery not taken"),
    }
    let tried = match row.topic.as_str() {
        "receipt.send" => receipt::send(&outbox, &store, &row).await,
        "payment.approved" => write_back::tell(&outbox, &crms, &store, &row).await,
        _ => Ok(Tried { fate: Fate::Delivered, call: None }),
    };
    if row.topic != "receipt.send" {
        outbox.metrics.job(match &tried {
            Ok(Tried { fate: Fate::Delivered | Fate::Settled | Fate::GivenUp(_), .. }) => JobRun::Done,
            Ok(Tried { fate: Fate::Again, .. }) | Err(_) => JobRun::Delayed,
        });
    }
    let written = match &tried {
        Ok(Tried { fate: Fate::Settled, .. }) => Ok(()),
        Ok(Tried { fate: Fate::Delivered, .. }) => {
            store.outbox_delivered(&row.id, OffsetDateTime::now_utc()).await
        }
        Ok(Tried { fate: Fate::GivenUp(entry), .. }) => store.outbox_give_up(&row.id, entry.clone()).await,
        Ok(Tried { fate: Fate::Again, .. }) => defer(&store, &row, pauses).await,
        Err(error) => Err(error.clone()),
    };
    if let Err(error) = written {
        let topic = row.topic;
        warn!(event = %row.id, %tenant, topic, %error, "delivery not written: tried again when its lease is over");
    }
    if let Ok(Tried { call: Some(call), .. }) = &tried {
        outbox.events.bump(call);
    }
}

async fn defer(store: &TenantStore, row: &OutboxRow, pauses: &[Duration]) -> Result<(), StoreError> {
    let tries = usize::try_from(row.attempts).unwrap_or(usize::MAX);
    let pause = pauses.get(tries).or(pauses.last()).copied().unwrap_or(LEASE);
    store.outbox_defer(&row.id, OffsetDateTime::now_utc() + pause).await.map(|_| ())
}
