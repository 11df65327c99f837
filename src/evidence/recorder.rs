//! Into the ledger: one record a call, however it ended.
//!
//! Whoever ends a call hands its facts over and goes on. A write that fails is tried again for
//! [`HORIZON`]; until it is done the call's row says that it owes its evidence, so that facts which
//! die with a process, or with a ledger that stays away, leave a record that says so.

use super::body::{self, Frame};
use super::{ABANDONED, Facts, HORIZON, SigningKey, Verdict, canonical};
use crate::metrics::{Evidence, Metrics};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tonewall_model::ids::TenantId;
use tonewall_store::{Link, NewEvidence, Sealed, Store, StoreError, TenantStore};
use tracing::{error, info, warn};

/// Records that may wait for the ledger, some kilobytes each. More hold memory; of fewer an outage
/// under load would lose facts.
const WAITING_MAX: usize = 10_000;

/// Pause after the first failed write; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Calls that one look for owed evidence takes.
const DUE_MAX: u64 = 256;

/// Writes records.
pub struct Recorder {
    store: Store,
    runtime: Handle,
    metrics: Metrics,
    key: Option<Arc<SigningKey>>,
    config_sha256: HashMap<TenantId, String>,
    waiting: Arc<AtomicUsize>,
}

impl Recorder {
    /// Records go to `store` from `runtime`; without a key they are chained and not signed.
    pub fn new(
        store: Store,
        runtime: Handle,
        metrics: Metrics,
        key: Option<Arc<SigningKey>>,
        config_sha256: HashMap<TenantId, String>,
    ) -> Recorder {
        Recorder { store, runtime, metrics, key, config_sha256, waiting: Arc::default() }
    }

    /// Chained and not signed, of calls whose configuration nobody told.
    pub fn unsigned(store: &Store, runtime: &Handle, metrics: &Metrics) -> Arc<Recorder> {
        Arc::new(Recorder::new(store.clone(), runtime.clone(), metrics.clone(), None, HashMap::new()))
    }

    /// Records that wait to be written.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Takes the facts of a call that has ended. Never waits.
    pub fn record(&self, facts: Facts) {
        if facts.verdict() == Verdict::Red {
            error!(call = %facts.call(), tenant = %facts.tenant(), "a key was heard on a secured line: evidence is red");
        }
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            self.metrics.evidence(Evidence::Lost);
            return error!(call = %facts.call(), "too much evidence waits: what was observed is lost");
        }
        let (waiting, metrics) = (Arc::clone(&self.waiting), self.metrics.clone());
        let facts = Arc::new(facts);
        let (store, new) = (self.store.tenant(facts.tenant()), self.sealed(&facts));
        self.runtime.spawn(async move {
            let written = persist(&store, &new, &metrics).await;
            waiting.fetch_sub(1, Ordering::AcqRel);
            tell(&metrics, &facts, written);
        });
    }

    /// Looks for calls that owe their evidence and that nobody will record any more: at the start of a
    /// process that owns the ledger all that have ended, else those that ended long enough ago.
    /// Returns how many were recorded.
    ///
    /// # Errors
    /// The ledger does not answer; what is owed stays owed.
    pub async fn record_owed(&self, at_start: bool) -> Result<usize, StoreError> {
        let now = OffsetDateTime::now_utc();
        let before = if at_start && !self.store.is_shared() { now } else { now - ABANDONED };
        let mut recorded = 0;
        loop {
            let owed = self.store.evidence_due(before, DUE_MAX).await?;
            let (is_last, so_far) = ((owed.len() as u64) < DUE_MAX, recorded);
            for (tenant, row) in owed {
                let facts = Arc::new(Facts::of_row(tenant, row));
                let store = self.store.tenant(facts.tenant());
                match store.evidence_append(self.sealed(&facts)).await {
                    Err(error) if is_passing(&error) => return Err(error),
                    written => {
                        recorded += usize::from(written == Ok(true));
                        tell(&self.metrics, &facts, written);
                    }
                }
            }
            // A page of which nothing can be written would come again for ever.
            if is_last || recorded == so_far {
                return Ok(recorded);
            }
        }
    }

    fn sealed(&self, facts: &Arc<Facts>) -> NewEvidence {
        let (recorded, key) = (OffsetDateTime::now_utc(), self.key.clone());
        let config_sha256 = self.config_sha256.get(facts.tenant()).cloned();
        let of = Arc::clone(facts);
        let seal = move |link: &Link| {
            let signer = key.as_ref().map(|key| key.public());
            let frame = Frame { link, recorded, config_sha256: config_sha256.as_deref(), signer };
            let body = canonical::render(&body::of(&of, &frame)).expect("all its numbers are whole");
            let signed = key.as_ref().map(|key| (key.sign(body.as_bytes()), key.public().id()));
            Sealed { body, signed }
        };
        NewEvidence { call: facts.call().clone(), seal: Arc::new(seal), now: recorded }
    }
}

/// Writes until it is written, or for [`HORIZON`].
async fn persist(store: &TenantStore, new: &NewEvidence, metrics: &Metrics) -> Result<bool, StoreError> {
    let (until, mut pause) = (Instant::now() + HORIZON, PAUSE);
    loop {
        match store.evidence_append(new.clone()).await {
            Err(error) if is_passing(&error) && Instant::now() < until => {
                warn!(call = %new.call, %error, "evidence not written yet");
                metrics.evidence(Evidence::Delayed);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            done => return done,
        }
    }
}

/// Whether a later try may well succeed.
fn is_passing(error: &StoreError) -> bool {
    matches!(error, StoreError::Busy | StoreError::Locked | StoreError::Unavailable(_))
}

fn tell(metrics: &Metrics, facts: &Facts, written: Result<bool, StoreError>) {
    let verdict = facts.verdict();
    match written {
        Ok(true) => {
            metrics.evidence(Evidence::of(verdict));
            info!(call = %facts.call(), verdict = verdict.as_str(), "evidence recorded");
        }
        Ok(false) => {}
        Err(error) => {
            metrics.evidence(Evidence::Lost);
            error!(call = %facts.call(), tenant = %facts.tenant(), %error, "evidence not written: what was observed is lost");
        }
    }
}
