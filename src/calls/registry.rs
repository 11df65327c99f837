//! What is known of each call outside its actor: enough to end it politely when the actor is gone.

use super::actor::{CallActor, Kill, Paid};
use super::arbiters::Seat;
use crate::events::Events;
use crate::evidence::{Facts, Recorder, Trail};
use crate::metrics::Metrics;
use actix::dev::{SendError, ToEnvelope};
use actix::{Actor, Addr, Handler, Message};
use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tonewall_model::call::{Attempted, CallView, EndedWhy, PayState, Phase};
use tonewall_model::card::Kept;
use tonewall_model::ids::{AttemptId, CallId, TenantId};
use tonewall_model::payment::attempt::AttemptState;
use tonewall_store::{CallRecord, Store, StoreError};
use tonewall_telephony::media::MediaControl;
use tonewall_telephony::sip::Leg;
use tracing::{error, info, warn};

/// How long an ended call can still be asked for here: agents wrap up within minutes. Longer keeps
/// memory; shorter sends a screen to the rows earlier, which know less of the call.
const TOMBSTONE: Duration = Duration::from_secs(15 * 60);

/// Calls that ended and may still be asked for; the oldest are forgotten first, also before their
/// time. At two calls a second all of them last the whole of it; more keeps memory.
const TOMBSTONES_MAX: usize = 2_000;

/// Tries to write a call's record into a ledger that is locked.
const RECORD_TRIES: u32 = 5;

/// Pause between them, growing.
const RECORD_PAUSE: Duration = Duration::from_millis(200);

/// How long news of an attempt wait for room in a full mailbox. A call that is not emptying it is ended
/// by the sweep before; shorter leaves its actor with an attempt that never ends.
const TELL_MAX: Duration = Duration::from_secs(30);

/// One call.
pub(super) struct Entry {
    pub tenant: TenantId,
    pub seat: Seat,
    /// Where the agent's phone rings: whose call it is while it names no agent.
    pub extension: String,
    pub customer: Leg,
    pub agent: ArcSwapOption<Leg>,
    pub media: MediaControl,
    pub view: watch::Sender<CallView>,
    /// What the call leaves behind for its evidence.
    pub trail: Mutex<Trail>,
    pub started_at: OffsetDateTime,
    /// The epoch of the call's own clock, in which its view tells times.
    pub started: Instant,
    /// Last sign of life of the actor, in ms since `started`.
    pub beat_ms: AtomicU64,
    pub actor: ArcSwapOption<Living>,
    over: AtomicBool,
    ended: ArcSwapOption<Ended>,
    /// One write of the record at a time: the last one to be written is the newest.
    recording: tokio::sync::Mutex<()>,
}

/// How and when a call ended.
pub(super) struct Ended {
    pub at: Instant,
    pub at_utc: OffsetDateTime,
    pub why: EndedWhy,
}

/// Whose call it is, and where it lives.
pub(super) struct Place {
    pub tenant: TenantId,
    pub seat: Seat,
    pub extension: String,
    pub trail: Trail,
}

/// How to reach and how to stop an actor.
pub(super) struct Living {
    pub address: Addr<CallActor>,
    pub abort: AbortHandle,
}

impl Entry {
    pub fn new(place: Place, customer: Leg, media: MediaControl, view: CallView, started: Instant) -> Entry {
        Entry {
            tenant: place.tenant,
            seat: place.seat,
            extension: place.extension,
            trail: Mutex::new(place.trail),
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
            recording: tokio::sync::Mutex::new(()),
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

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<Arc<Ended>> {
        self.ended.load_full()
    }

    /// What its record says.
    fn facts(&self, ended: &Ended) -> Facts {
        let (view, witness) = (self.view.borrow().clone(), self.media.witness());
        Facts::of(&view, &mut self.trail.lock(), witness, self.started_at, (ended.at_utc, ended.why))
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
    events: Arc<Events>,
    metrics: Metrics,
    evidence: Arc<Recorder>,
    /// Counts for operators.
    pub totals: Totals,
}

impl Registry {
    /// An empty registry; records go to `store` from `runtime`, word of changes to `events`, ends to
    /// `metrics`, what was observed of a call to `evidence`.
    pub fn new(
        runtime: tokio::runtime::Handle,
        store: Store,
        events: Arc<Events>,
        metrics: Metrics,
        evidence: Arc<Recorder>,
    ) -> Registry {
        let (entries, totals) = (RwLock::default(), Totals::default());
        Registry { entries, runtime, store, events, metrics, evidence, totals }
    }

    /// Where evidence goes.
    pub fn evidence(&self) -> &Arc<Recorder> {
        &self.evidence
    }

    /// Takes a call in. Its record is written now: what a crash of the process leaves of it.
    pub(super) fn add(&self, id: CallId, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        self.entries.write().insert(id.clone(), Arc::clone(&entry));
        self.totals.taken.fetch_add(1, Ordering::Relaxed);
        self.record(&id, &entry);
        self.events.bump_tenant(&entry.tenant);
        entry
    }

    /// An agent took a call that nobody had: its record names them.
    pub(super) fn claimed(&self, id: &CallId, entry: &Arc<Entry>) {
        self.record(id, entry);
        self.events.bump_tenant(&entry.tenant);
    }

    /// Writes the record of a call as it stands when its turn comes.
    pub(super) fn record(&self, id: &CallId, entry: &Arc<Entry>) {
        let (id, entry, store) = (id.clone(), Arc::clone(entry), self.store.tenant(&entry.tenant));
        self.runtime.spawn(async move {
            let _turn = entry.recording.lock().await;
            for nth in 1..=RECORD_TRIES {
                match store.record_call(record_of(&id, &entry)).await {
                    Ok(()) => return,
                    Err(StoreError::Busy | StoreError::Locked | StoreError::Unavailable(_))
                        if nth < RECORD_TRIES =>
                    {
                        tokio::time::sleep(RECORD_PAUSE * nth).await;
                    }
                    Err(error) => return warn!(call = %id, %error, "call record not written"),
                }
            }
        });
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
        let ended = Ended { at: Instant::now(), at_utc: OffsetDateTime::now_utc(), why };
        self.evidence.record(entry.facts(&ended));
        entry.ended.store(Some(Arc::new(ended)));
        info!(call = %id, tenant = %entry.tenant, why = why.as_str(), "call ended");
        self.metrics.call_ended(entry.view.borrow().route, why);
        self.record(id, &entry);
        self.events.bump_tenant(&entry.tenant);
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
    /// Its rows have changed in any case, and a screen may be made of rows alone.
    pub fn paid(&self, call: &CallId, attempt: &AttemptId, news: Attempted) {
        self.concluded(call, attempt, news, None);
    }

    /// The same from the task of the attempt: what it kept of the card goes to the actor alone, and is
    /// wiped here where that is gone.
    pub(super) fn concluded(&self, call: &CallId, attempt: &AttemptId, news: Attempted, kept: Option<Kept>) {
        self.events.bump(call);
        let Some(entry) = self.get(call) else { return };
        let told = match entry.actor.load_full() {
            Some(living) => match living.address.try_send(Paid(attempt.clone(), news.clone(), kept)) {
                Ok(()) => true,
                Err(SendError::Full(paid)) => {
                    self.runtime.spawn(tell(living.address.clone(), paid, TELL_MAX));
                    false
                }
                Err(SendError::Closed(_)) => false,
            },
            None => false,
        };
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
        let is_kept = |entry: &Entry| entry.ended().is_none_or(|ended| ended.at.elapsed() < TOMBSTONE);
        entries.retain(|_, entry| is_kept(entry));
        let mut ended: Vec<Instant> =
            entries.values().filter_map(|entry| entry.ended().map(|ended| ended.at)).collect();
        if ended.len() > TOMBSTONES_MAX {
            ended.sort_unstable();
            let oldest_kept = ended[ended.len() - TOMBSTONES_MAX];
            entries.retain(|_, entry| entry.ended().is_none_or(|ended| ended.at >= oldest_kept));
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

/// Tells an actor whose mailbox is full, when there is room again; whether it has heard. Without it
/// the actor's next view would bring back what its registry had amended.
async fn tell<A, M>(address: Addr<A>, news: M, max: Duration) -> bool
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let heard = matches!(tokio::time::timeout(max, address.send(news)).await, Ok(Ok(_)));
    if !heard {
        warn!("news of an attempt did not reach its call");
    }
    heard
}

fn amend(view: &mut CallView, attempt: &AttemptId, news: Attempted) {
    if view.payment.attempt.as_ref() != Some(attempt) {
        return;
    }
    match news {
        Attempted::Recorded => {}
        Attempted::NotRecorded { why, say } => {
            view.payment.unrecorded = Some(why);
            view.payment.state = PayState::Attempt(AttemptState::Rejected);
            view.payment.say = say;
        }
        Attempted::Concluded { state, auth_code, say, fix, class } => {
            view.payment.state = PayState::Attempt(state);
            view.payment.auth_code = auth_code;
            view.payment.say = say;
            (view.payment.fix, view.payment.class) = (fix, class);
            view.payment.unrecorded = None;
        }
    }
}

fn record_of(id: &CallId, entry: &Entry) -> CallRecord {
    let scope = entry.trail.lock().scope_word().to_owned();
    let (view, ended) = (entry.view.borrow(), entry.ended());
    let secured = view.secured_ms.map(|ms| entry.started_at + Duration::from_millis(u64::from(ms)));
    CallRecord {
        id: id.clone(),
        route: view.route.as_str().to_owned(),
        agent: view.agent.clone(),
        caller: Some(view.caller.clone()).filter(|caller| !caller.is_empty()),
        started_at: entry.started_at,
        secured_at: secured,
        ended_at: ended.as_ref().map(|ended| ended.at_utc),
        ended_why: ended.as_ref().map(|ended| ended.why.as_str().to_owned()),
        keys: view.keys,
        scope: Some(scope),
        wrapped_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::{AsyncContext, Context};
    use tokio::sync::mpsc;

    /// An actor that tells what it hears.
    struct Ear(mpsc::Sender<u32>);

    impl Actor for Ear {
        type Context = Context<Self>;
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Word(u32);

    impl Handler<Word> for Ear {
        type Result = ();

        fn handle(&mut self, Word(word): Word, _ctx: &mut Self::Context) {
            let _ = self.0.try_send(word);
        }
    }

    #[actix::test]
    async fn news_wait_for_room_in_a_full_mailbox() {
        let (says, mut heard) = mpsc::channel(1_000);
        let mut context = Context::new();
        context.set_mailbox_capacity(1);
        let address = context.address();
        let mut filled = 0;
        while address.try_send(Word(filled)).is_ok() {
            filled += 1;
            assert!(filled < 1_000, "a mailbox has an end");
        }
        let told = tokio::spawn(tell(address, Word(7_777), Duration::from_secs(10)));
        let actor = actix_rt::spawn(context.into_future(Ear(says)));
        assert!(told.await.expect("no panic"));
        let mut words = Vec::new();
        while let Ok(word) = heard.try_recv() {
            words.push(word);
        }
        assert_eq!(words.last(), Some(&7_777));
        assert_eq!(words.len() as u32, filled + 1);
        actor.abort();
    }

    #[actix::test]
    async fn news_to_an_actor_that_does_not_listen_end() {
        let (says, _heard) = mpsc::channel(1_000);
        let context = Context::new();
        let address = context.address();
        let silent = context.into_future(Ear(says));
        assert!(!tell(address.clone(), Word(1), Duration::from_millis(20)).await);
        drop(silent);
        assert!(!tell(address, Word(1), Duration::from_secs(10)).await);
    }
}
