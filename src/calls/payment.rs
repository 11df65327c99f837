//! One task an attempt. It outlives its call: what has left for the gateway is brought to its end and
//! recorded, whoever has hung up or crashed meanwhile.
//!
//! The row is committed before the first byte leaves. Only the death or the deadline of this task
//! (or of the process), or a gateway that does not say, makes an attempt Unknown.

use super::Surroundings;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tonewall_connectors::gateways;
use tonewall_model::call::{Attempted, Authorise, Unrecorded};
use tonewall_model::capture::Field;
use tonewall_model::ids::{AgentId, AttemptId, CallId};
use tonewall_model::payment::{AttemptState, Decline, DeclineClass, Outcome, UnknownWhy};
use tonewall_model::tenant::{GatewayKind, Tenant};
use tonewall_store::{CardFacts, NewAttempt, StoreError, TenantStore};
use tracing::{error, info, warn};

/// How far back the same account and amount are taken for a repeat by mistake. Longer asks about
/// real second payments; shorter misses a call back.
pub(crate) const TAKEN_BEFORE_MAX: Duration = Duration::from_secs(60 * 60);

/// Whole life of a task: the driver's own horizon (90 s) and room to record. After it the attempt is
/// Unknown, and the resolver asks the gateway.
const DEADLINE: Duration = Duration::from_secs(120);

/// Tries to write an outcome into a ledger that is locked. The money has moved by then: giving up
/// early would leave it to the resolver; with the driver's horizon they have to fit into [`DEADLINE`].
const CONCLUDE_TRIES: u32 = 14;

/// Pause between them, growing.
const CONCLUDE_PAUSE: Duration = Duration::from_millis(250);

/// What the agent may say where nothing was sent.
const SAY_NOT_RECORDED: &str = "The payment could not be started. Nothing was taken: please try again.";

/// What the agent may say where it can never be recorded as it stands: card numbers are stored nowhere.
const SAY_NOT_RECORDABLE: &str = "The payment cannot be recorded under this account, which may be a card number. Nothing was taken: open it with another account.";

/// What the agent must know where an earlier attempt is in the way.
const SAY_UNSETTLED: &str =
    "An earlier payment for this account is not settled yet. Nothing more was taken. Do not take it again.";

/// What the agent must know where the same was taken under another payment.
const SAY_TAKEN_BEFORE: &str = "The same was taken for this account a moment ago. Nothing more was taken. Take it again only if the customer owes it twice.";

/// What the agent must know of an unknown outcome.
const SAY_UNKNOWN: &str =
    "We do not know yet whether the payment went through. Do not take it again: it resolves by itself.";

/// One attempt to make.
pub(super) struct Job {
    pub order: Authorise,
    pub call: CallId,
    pub agent: Option<AgentId>,
    pub extension: String,
    pub tenant: Arc<Tenant>,
    #[cfg(feature = "faults")]
    pub panic_after_recording: bool,
}

/// Starts the task and its watcher.
pub(super) fn start(around: &Surroundings, job: Job) {
    let (runtime, around) = (around.runtime.clone(), around.clone());
    let (attempt, call, tenant) = (job.order.attempt.clone(), job.call.clone(), Arc::clone(&job.tenant));
    runtime.clone().spawn(async move {
        let task = runtime.spawn(take(around.clone(), job));
        let abort = task.abort_handle();
        let died = match tokio::time::timeout(DEADLINE, task).await {
            Ok(Ok(())) => return,
            Ok(Err(_)) => "payment task died",
            Err(_) => {
                abort.abort();
                "payment task overran its deadline"
            }
        };
        error!(%call, %attempt, died, "attempt is unknown");
        let store = around.store.tenant(&tenant.id);
        let outcome = Outcome::Unknown(UnknownWhy::TaskDied);
        let concluded = conclude(&around, &store, &attempt, outcome).await;
        around.registry.paid(&call, &attempt, concluded);
    });
}

async fn take(around: Surroundings, job: Job) {
    let (call, attempt) = (job.call.clone(), job.order.attempt.clone());
    let store = around.store.tenant(&job.tenant.id);
    if let Err(why) = store.begin_attempt(row(&job)).await {
        warn!(%call, %attempt, error = %why, "attempt not recorded, nothing sent");
        let (why, say) = not_recorded(&why);
        let news = Attempted::NotRecorded { why, say: say.to_owned() };
        return around.registry.paid(&call, &attempt, news);
    }
    around.registry.paid(&call, &attempt, Attempted::Recorded);
    #[cfg(feature = "faults")]
    assert!(!job.panic_after_recording, "fault set off by a test");
    let account = &job.tenant.gateway;
    let gateway = gateways::of(account.kind);
    let order = gateways::Order {
        attempt: attempt.clone(),
        amount: job.order.amount,
        account: job.order.account,
        agreement: None,
    };
    let (outcome, kept) = around.gateways.authorise(gateway, account, &order, job.order.card).await;
    info!(%call, %attempt, state = AttemptState::of(&outcome).as_str(), "gateway answered");
    let concluded = conclude(&around, &store, &attempt, outcome).await;
    around.registry.concluded(&call, &attempt, concluded, kept);
}

fn not_recorded(why: &StoreError) -> (Unrecorded, &'static str) {
    match why {
        StoreError::AlreadyLive { .. } => (Unrecorded::Unsettled, SAY_UNSETTLED),
        StoreError::TakenBefore { .. } => (Unrecorded::TakenBefore, SAY_TAKEN_BEFORE),
        StoreError::Invalid(_) => (Unrecorded::Account, SAY_NOT_RECORDABLE),
        _ => (Unrecorded::NotStarted, SAY_NOT_RECORDED),
    }
}

/// Writes an outcome, patiently; what cannot be written stays Sending, and past its deadline the
/// resolver takes it up.
async fn conclude(
    around: &Surroundings,
    store: &TenantStore,
    attempt: &AttemptId,
    outcome: Outcome,
) -> Attempted {
    for attempt_no in 1..=CONCLUDE_TRIES {
        match store.conclude(attempt, outcome.clone(), OffsetDateTime::now_utc()).await {
            Ok(concluded) => {
                if concluded.moved {
                    around.metrics.payment(concluded.attempt.state);
                }
                return news(concluded.attempt.state, concluded.attempt.outcome.as_ref());
            }
            Err(StoreError::Busy | StoreError::Locked | StoreError::Unavailable(_)) => {
                tokio::time::sleep(CONCLUDE_PAUSE * attempt_no).await;
            }
            Err(why) => {
                error!(%attempt, error = %why, "outcome not written");
                break;
            }
        }
    }
    news(AttemptState::Unknown, None)
}

/// The field that the bank objected to (ISO 8583 response codes 14 and 54; else the code).
fn objected(no: &Decline) -> Field {
    match no.scheme_code.as_deref() {
        Some("14") => Field::Pan,
        Some("54") => Field::Expiry,
        _ => Field::Code,
    }
}

/// An attempt's state in words for the agent.
pub(crate) fn news(state: AttemptState, outcome: Option<&Outcome>) -> Attempted {
    let auth_code = match outcome {
        Some(Outcome::Approved(yes) | Outcome::Held(yes)) => Some(yes.auth_code.clone()),
        _ => None,
    };
    let no = match (state, outcome) {
        (AttemptState::Declined, Some(Outcome::Declined(no))) => Some(no),
        _ => None,
    };
    let say = match (state, outcome) {
        (AttemptState::Declined, Some(Outcome::Declined(no))) => no.say.clone(),
        (AttemptState::Rejected, Some(Outcome::Rejected { say, .. })) => say.clone(),
        (AttemptState::Approved, _) => "The payment has been taken.".to_owned(),
        (AttemptState::Held, _) => "The payment is held for review. Do not take it again.".to_owned(),
        (AttemptState::Pending, _) => {
            "The bank will confirm the payment later. Do not take it again.".to_owned()
        }
        (AttemptState::NotCharged, _) => "The payment did not go through. Nothing was taken.".to_owned(),
        _ => SAY_UNKNOWN.to_owned(),
    };
    Attempted::Concluded {
        state,
        auth_code: auth_code.filter(|code| !code.is_empty()),
        say,
        fix: no.filter(|no| no.class == DeclineClass::FixData).map(objected),
        class: no.map(|no| no.class),
    }
}

fn row(job: &Job) -> NewAttempt {
    let masked = job.order.card.pan.masked();
    let expiry = job.order.card.expiry;
    let now = OffsetDateTime::now_utc();
    NewAttempt {
        id: job.order.attempt.clone(),
        payment: job.order.payment.clone(),
        call: job.call.clone(),
        agent: job.agent.clone().unwrap_or_else(|| AgentId(format!("ext-{}", job.extension))),
        account: job.order.account.clone(),
        amount: job.order.amount,
        gateway: kind_name(job.tenant.gateway.kind).to_owned(),
        merchant: job.tenant.gateway.merchant.clone(),
        idempotency_key: None,
        card: CardFacts {
            brand: job.order.card.brand.as_str().to_owned(),
            first6: masked.first6,
            last4: masked.last4,
            expiry: format!("{:02}/{:02}", expiry.month, expiry.year % 100),
        },
        deadline_at: now + DEADLINE,
        taken_since: (!job.order.confirmed).then(|| now - TAKEN_BEFORE_MAX),
        at: now,
    }
}

fn kind_name(kind: GatewayKind) -> &'static str {
    match kind {
        GatewayKind::Sandbox => "sandbox",
    }
}
