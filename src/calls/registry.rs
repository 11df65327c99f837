//! What is known of each call outside its actor: enough to end it politely when the actor is gone.

use super::actor::{CallActor, Kill, Paid};
use super::arbiters::Seat;
use actix::Addr;
use arc_swap::ArcSwapOption;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tonewall_model::call::{Attempted, CallView, EndedWhy, PayState, Phase};
use tonewall_model::ids::{AttemptId, CallId, TenantId};
use tonewall_model::payment::attempt::AttemptState;
use tonewall_store::{CallRecord, Store};
use tonewall_telephony::media::MediaControl;
use tonewall_telephony::sip::Leg;
use tracing::{error, info, warn};

/// How long an ended call can still be asked for. Longer keeps memory, shorter takes the last word
/// from a screen that reloads.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// Calls that ended and may still be asked for.
const TOMBSTONES_MAX: usize = 2_000;

/// One call.
pub(super) struct Entry {
    pub tenant: TenantId,
    pub seat: Seat,
    pub customer: Leg,
    pub agent: ArcSwapOption<Leg>,
    pub media: MediaControl,
    pub view: watch::Sender<CallView>,
    pub started_at: OffsetDateTime,
    pub started: Instant,
    /// Last sign of life of the actor, in ms since `started`.
    pub beat_ms: AtomicU64,
    pub actor: ArcSwapOption<Living>,
    over: AtomicBool,
    ended: ArcSwapOption<Instant>,
}

/// How to reach and how to stop an actor.
pub(super) struct Living {
    pub address: Addr<CallActor>,
    pub abort: AbortHandle,
}

impl Entry {
    pub fn new(
        tenant: TenantId,
        seat: Seat,
        customer: Leg,
        media: MediaControl,
        view: CallView,
        started: Instant,
    ) -> Entry {
        Entry {
            tenant,
            seat,
            customer,
            agent: ArcSwapOption::empty(),
            media,
            view: watch::Sender::new(view),
            started_at: OffsetDateTime::now_utc(),
            started,
            beat_ms: AtomicU64::new(0),
            actor: ArcSwapOption::empty(),
            over: AtomicBool::new(false),
            ended: ArcSwapOption::empty(),
        }
    }

    /// The actor did something.
    pub fn beat(&self) {
        self.beat_ms.fetch_max(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Time since the actor did something.
    pub fn silent_for(&self) -> Duration {
        let beat = Duration::from_millis(self.beat_ms.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(beat)
    }

    /// Whether the call is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// Totals since the start.
#[derive(Debug, Default)]
pub struct Totals {
    /// Calls that were taken.
    pub taken: AtomicU64,
    /// Calls whose actor died.
    pub crashed: AtomicU64,
    /// Calls that were ended because their thread was lost.
    pub seat_lost: AtomicU64,
    /// Calls refused for a wrong PIN.
    pub pin_refused: AtomicU64,
    /// Calls refused for lack of room.
    pub no_room: AtomicU64,
}

/// All calls of the node.
pub struct Registry {
    entries: RwLock<HashMap<CallId, Arc<Entry>>>,
    runtime: tokio::runtime::Handle,
    store: Store,
    /// Counts for operators.
    pub totals: Totals,
}

impl Registry {
    /// An empty registry; records go to `store` from `runtime`.
    pub fn new(runtime: tokio::runtime::Handle, store: Store) -> Registry {
        Registry { entries: RwLock::default(), runtime, store, totals: Totals::default() }
    }

    pub(super) fn add(&self, id: CallId, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        self.entries.write().insert(id, Arc::clone(&entry));
        self.totals.taken.fetch_add(1, Ordering::Relaxed);
        entry
    }

    pub(super) fn get(&self, id: &CallId) -> Option<Arc<Entry>> {
        self.entries.read().get(id).cloned()
    }

    /// Calls of a tenant, ended ones included while they can be asked for.
    pub(super) fn of_tenant(&self, tenant: &TenantId) -> Vec<Arc<Entry>> {
        self.entries.read().values().filter(|entry| entry.tenant == *tenant).cloned().collect()
    }

    /// Live calls of a tenant.
    pub fn live(&self, tenant: &TenantId) -> usize {
        self.entries.read().values().filter(|entry| entry.tenant == *tenant && !entry.is_over()).count()
    }

    /// Live calls of the node.
    pub fn live_total(&self) -> usize {
        self.entries.read().values().filter(|entry| !entry.is_over()).count()
    }

    fn all(&self) -> Vec<(CallId, Arc<Entry>)> {
        self.entries.read().iter().map(|(id, entry)| (id.clone(), Arc::clone(entry))).collect()
    }

    /// The actor said that the call is over: its record is written, once.
    pub fn ended(&self, id: &CallId, why: EndedWhy) {
        let Some(entry) = self.get(id) else { return };
        if entry.over.swap(true, Ordering::AcqRel) {
            return;
        }
        entry.ended.store(Some(Arc::new(Instant::now())));
        let record = record_of(id, &entry, why);
        info!(call = %id, tenant = %entry.tenant, why = why.as_str(), "call ended");
        let store = self.store.tenant(&entry.tenant);
        self.runtime.spawn(async move {
            if let Err(error) = store.record_call(record).await {
                warn!(%error, "call record not written");
            }
        });
    }

    /// The actor is gone or sick: the mask shuts, both legs end, the view says so.
    pub fn crashed(&self, id: &CallId, how: &str) {
        let Some(entry) = self.get(id) else { return };
        entry.media.shut();
        if entry.is_over() {
            return;
        }
        self.totals.crashed.fetch_add(1, Ordering::Relaxed);
        error!(call = %id, tenant = %entry.tenant, how, "call crashed: its legs are ended");
        if let Some(living) = entry.actor.swap(None) {
            living.abort.abort();
        }
        entry.view.send_modify(|view| view.phase = Phase::Ended(EndedWhy::Crashed));
        let (customer, agent, media) = (entry.customer.clone(), entry.agent.load_full(), entry.media.clone());
        self.runtime.spawn(async move {
            let agent_end = async {
                if let Some(agent) = agent {
                    agent.end(500).await;
                }
            };
            tokio::join!(customer.end(500), agent_end);
            media.close();
        });
        self.ended(id, EndedWhy::Crashed);
    }

    /// An arbiter was replaced: its calls cannot act any more.
    pub fn seat_lost(&self, seat: Seat) {
        for (id, entry) in self.all() {
            if entry.seat == seat && !entry.is_over() {
                self.totals.seat_lost.fetch_add(1, Ordering::Relaxed);
                self.crashed(&id, "its thread was blocked");
            }
        }
    }

    /// News of an attempt, for the actor; where that is gone, for whoever still looks at the call.
    pub fn paid(&self, call: &CallId, attempt: &AttemptId, news: Attempted) {
        let Some(entry) = self.get(call) else { return };
        let living = entry.actor.load_full();
        let told =
            living.is_some_and(|living| living.address.try_send(Paid(attempt.clone(), news.clone())).is_ok());
        if !told || entry.is_over() {
            entry.view.send_modify(|view| amend(view, attempt, news));
        }
    }

    /// Asks every live call for a sign of life, ends those that gave none, forgets old tombstones.
    pub fn sweep(&self, silent_max: Duration) {
        for (id, entry) in self.all() {
            if entry.is_over() {
                continue;
            }
            if entry.silent_for() > silent_max {
                self.crashed(&id, "no sign of life");
            } else if let Some(living) = entry.actor.load_full() {
                let _ = living.address.try_send(super::actor::Beat);
            }
        }
        self.forget_tombstones();
    }

    fn forget_tombstones(&self) {
        let mut entries = self.entries.write();
        entries
            .retain(|_, entry| entry.ended.load().as_ref().is_none_or(|ended| ended.elapsed() < TOMBSTONE));
        let mut ended: Vec<Instant> =
            entries.values().filter_map(|entry| entry.ended.load().as_deref().copied()).collect();
        if ended.len() > TOMBSTONES_MAX {
            ended.sort_unstable();
            let oldest_kept = ended[ended.len() - TOMBSTONES_MAX];
            entries.retain(|_, entry| entry.ended.load().as_deref().is_none_or(|at| *at >= oldest_kept));
        }
    }

    /// Ends every call: the node is going down.
    pub fn shutdown(&self) {
        for (_, entry) in self.all() {
            if let Some(living) = entry.actor.load_full() {
                let _ = living.address.try_send(Kill);
            }
        }
    }
}

fn amend(view: &mut CallView, attempt: &AttemptId, news: Attempted) {
    if view.payment.attempt.as_ref() != Some(attempt) {
        return;
    }
    match news {
        Attempted::Recorded => {}
        Attempted::NotRecorded { say } => {
            view.payment.state = PayState::Attempt(AttemptState::Rejected);
            view.payment.say = say;
        }
        Attempted::Concluded { state, auth_code, say, .. } => {
            view.payment.state = PayState::Attempt(state);
            view.payment.auth_code = auth_code;
            view.payment.say = say;
        }
    }
}

fn record_of(id: &CallId, entry: &Entry, why: EndedWhy) -> CallRecord {
    let view = entry.view.borrow();
    let secured = view.secured_ms.map(|ms| entry.started_at + Duration::from_millis(u64::from(ms)));
    CallRecord {
        id: id.clone(),
        route: view.route.as_str().to_owned(),
        agent: view.agent.clone(),
        caller: Some(view.caller.clone()).filter(|caller| !caller.is_empty()),
        started_at: entry.started_at,
        secured_at: secured,
        ended_at: Some(OffsetDateTime::now_utc()),
        ended_why: Some(why.as_str().to_owned()),
        keys: view.keys,
        scope: None,
    }
}
