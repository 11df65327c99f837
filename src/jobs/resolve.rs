//! Attempts whose outcome nobody knows: asks their gateway, by our own reference, until it is certain.
//!
//! The resolver has no card data. It never sends a charge again; it asks, and moves the row.

use crate::calls::{Surroundings, news};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::task::{AbortHandle, JoinSet};
use tonewall_connectors::driver::AUTHORISATION_HORIZON;
use tonewall_connectors::gateways::{self, Resolution as Answer};
use tonewall_model::ids::{AttemptId, TenantId};
use tonewall_model::payment::{AttemptState, News, Outcome, Resolution, UnknownWhy};
use tonewall_store::{AttemptRow, StoreError};
use tracing::{info, warn};

/// How often the ledger is asked for unresolved attempts.
const TICK: Duration = Duration::from_secs(2);

/// Attempts that are read at once, those that wait for their next question included. Fewer would let
/// the old attempts of one gateway that is down hide the young ones of the others.
const ROWS_MAX: u64 = 1_000;

/// Questions under way for one tenant. More burdens a gateway in trouble; fewer makes its agents wait.
const TENANT_QUESTIONS_MAX: usize = 8;

/// Pauses between questions about one attempt; the last is repeated. Shorter burdens a gateway that
/// is in trouble; longer keeps an agent from the answer.
const PAUSES_S: [u64; 6] = [0, 5, 15, 60, 300, 3_600];

/// Questions without an answer after which a person has to look: about two days.
const QUESTIONS_MAX: usize = 48;

/// What is remembered of an attempt between two questions.
struct Asked {
    tenant: TenantId,
    questions: usize,
    first: Instant,
    again: Instant,
    turn: Option<AbortHandle>,
}

impl Asked {
    fn new(tenant: TenantId) -> Asked {
        Asked { tenant, questions: 0, first: Instant::now(), again: Instant::now(), turn: None }
    }

    fn is_under_way(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| !turn.is_finished())
    }
}

/// A question: the attempt, and how soon it should be asked about again, where that is known.
type Turn = (AttemptId, Option<Duration>);

/// Runs until dropped. Each question is a task: a gateway that is silent keeps nobody else waiting.
pub async fn run(around: Surroundings) {
    let mut asked: HashMap<AttemptId, Asked> = HashMap::new();
    let mut turns: JoinSet<Turn> = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => ask_those_due(&around, &mut asked, &mut turns).await,
            Some(turn) = turns.join_next() => {
                if let Ok((attempt, Some(wait))) = turn
                    && let Some(state) = asked.get_mut(&attempt)
                {
                    state.again = state.again.min(Instant::now() + wait);
                }
            }
        }
    }
}

async fn ask_those_due(
    around: &Surroundings,
    asked: &mut HashMap<AttemptId, Asked>,
    turns: &mut JoinSet<Turn>,
) {
    let rows = match around.store.unresolved(OffsetDateTime::now_utc(), ROWS_MAX).await {
        Ok(rows) => rows,
        Err(error) => return warn!(%error, "unresolved attempts cannot be read"),
    };
    asked.retain(|id, state| state.is_under_way() || rows.iter().any(|(_, row)| row.id == *id));
    let mut busy: HashMap<TenantId, usize> = HashMap::new();
    for state in asked.values().filter(|state| state.is_under_way()) {
        *busy.entry(state.tenant.clone()).or_default() += 1;
    }
    for (tenant, row) in rows {
        let state = asked.entry(row.id.clone()).or_insert_with(|| Asked::new(tenant.clone()));
        let busy = busy.entry(tenant.clone()).or_default();
        if state.is_under_way() || state.again > Instant::now() || *busy >= TENANT_QUESTIONS_MAX {
            continue;
        }
        let pause = PAUSES_S.get(state.questions + 1).or(PAUSES_S.last()).copied().unwrap_or(3_600);
        state.questions += 1;
        state.again = Instant::now() + Duration::from_secs(pause);
        *busy += 1;
        let since_sent = since_sent(state.first, &row);
        let is_last = state.questions >= QUESTIONS_MAX;
        state.turn = Some(turns.spawn(one(around.clone(), tenant, row, since_sent, is_last)));
    }
}

/// At least how long ago an attempt was last sent. Sending had ended when it was first seen here, and
/// begins no later than the horizon after the row was written.
fn since_sent(first_seen: Instant, row: &AttemptRow) -> Duration {
    let age: Duration = (OffsetDateTime::now_utc() - row.created_at).try_into().unwrap_or(Duration::ZERO);
    age.saturating_sub(AUTHORISATION_HORIZON).max(first_seen.elapsed())
}

async fn one(
    around: Surroundings,
    tenant: TenantId,
    row: AttemptRow,
    since_sent: Duration,
    is_last: bool,
) -> Turn {
    let attempt = row.id.clone();
    (attempt, ask(&around, tenant, row, since_sent, is_last).await)
}

async fn ask(
    around: &Surroundings,
    id: TenantId,
    row: AttemptRow,
    since_sent: Duration,
    is_last: bool,
) -> Option<Duration> {
    let Some(tenant) = around.tenants.snapshot().tenant(&id).cloned() else {
        warn!(attempt = %row.id, tenant = %id, "unresolved attempt of a tenant that is no more");
        return None;
    };
    // Past its deadline nobody sends it any more: late news can move it only when it is Unknown.
    if row.state == AttemptState::Sending {
        let died = News::Answer(Outcome::Unknown(UnknownWhy::ProcessDied));
        conclude(around, &id, &row, died).await.ok()?;
    }
    let order = gateways::Order {
        attempt: row.id.clone(),
        amount: row.amount,
        account: row.account.clone(),
        agreement: None,
    };
    let gateway = gateways::of(tenant.gateway.kind);
    let answer = around.gateways.resolve(gateway, &tenant.gateway, &order, since_sent).await;
    let resolution = match answer {
        Answer::Found(outcome) => Resolution::Found(outcome),
        Answer::Voided => Resolution::Voided,
        Answer::NotFound => Resolution::NotFound,
        Answer::NotYet { ask_again } => return Some(ask_again),
        Answer::Unclear(_) if is_last => Resolution::GiveUp,
        Answer::Unclear(_) => return None,
    };
    let _ = conclude(around, &id, &row, News::Late(resolution)).await;
    None
}

async fn conclude(
    around: &Surroundings,
    tenant: &TenantId,
    row: &AttemptRow,
    found: News,
) -> Result<(), StoreError> {
    let concluded = around.store.tenant(tenant).conclude(&row.id, found, OffsetDateTime::now_utc()).await;
    match &concluded {
        Ok(concluded) => {
            let state = concluded.attempt.state;
            if concluded.moved {
                around.metrics.payment(state);
                info!(attempt = %row.id, %tenant, state = state.as_str(), "unresolved attempt moved");
            }
            let told = news(state, concluded.attempt.outcome.as_ref());
            around.registry.paid(&row.call, &row.id, told);
        }
        Err(error) => warn!(attempt = %row.id, state = row.state.as_str(), %error, "news not written"),
    }
    concluded.map(|_| ())
}
