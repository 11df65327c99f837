//! Attempts whose outcome nobody knows: asks their gateway, by our own reference, until it is certain.
//!
//! The resolver has no card data. It never sends a charge again; it asks, and moves the row.

use crate::calls::{Surroundings, news};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tonewall_connectors::gateways::{self, Resolution as Answer};
use tonewall_model::ids::{AttemptId, TenantId};
use tonewall_model::payment::{News, Resolution};
use tonewall_store::{AttemptRow, StoreError};
use tracing::{info, warn};

/// How often the ledger is asked for unresolved attempts.
const TICK: Duration = Duration::from_secs(2);

/// Attempts that are taken up at once. More would let one gateway that is down starve the others'.
const BATCH: u64 = 50;

/// Pauses between questions about one attempt; the last is repeated. Shorter burdens a gateway that
/// is in trouble; longer keeps an agent from the answer.
const PAUSES_S: [u64; 6] = [0, 5, 15, 60, 300, 3_600];

/// Questions without an answer after which a person has to look: about two days.
const QUESTIONS_MAX: usize = 48;

/// What is remembered of an attempt between two questions.
struct Asked {
    questions: usize,
    again: Instant,
}

/// Runs until dropped.
pub async fn run(around: Surroundings) {
    let mut asked: HashMap<AttemptId, Asked> = HashMap::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match around.store.unresolved(OffsetDateTime::now_utc(), BATCH).await {
            Ok(rows) => {
                asked.retain(|id, _| rows.iter().any(|(_, row)| row.id == *id));
                for (tenant, row) in rows {
                    one(&around, &mut asked, tenant, row).await;
                }
            }
            Err(error) => warn!(%error, "unresolved attempts cannot be read"),
        }
    }
}

async fn one(around: &Surroundings, asked: &mut HashMap<AttemptId, Asked>, id: TenantId, row: AttemptRow) {
    let state = asked.entry(row.id.clone()).or_insert(Asked { questions: 0, again: Instant::now() });
    if state.again > Instant::now() {
        return;
    }
    let pause = PAUSES_S.get(state.questions + 1).or(PAUSES_S.last()).copied().unwrap_or(3_600);
    state.questions += 1;
    state.again = Instant::now() + Duration::from_secs(pause);
    let Some(tenant) = around.tenants.snapshot().tenant(&id).cloned() else {
        warn!(attempt = %row.id, tenant = %id, "unresolved attempt of a tenant that is no more");
        return;
    };
    let order = gateways::Order {
        attempt: row.id.clone(),
        amount: row.amount,
        account: row.account.clone(),
        agreement: None,
    };
    let gateway = gateways::of(tenant.gateway.kind);
    let since = (OffsetDateTime::now_utc() - row.created_at).try_into().unwrap_or(Duration::ZERO);
    let answer = around.gateways.resolve(gateway, &tenant.gateway, &order, since).await;
    let resolution = match answer {
        Answer::Found(outcome) => Resolution::Found(outcome),
        Answer::Voided => Resolution::Voided,
        Answer::NotFound => Resolution::NotFound,
        Answer::NotYet { ask_again } => {
            state.again = Instant::now() + ask_again;
            return;
        }
        Answer::Unclear(_) if state.questions >= QUESTIONS_MAX => Resolution::GiveUp,
        Answer::Unclear(_) => return,
    };
    conclude(around, Arc::as_ref(&tenant).id.clone(), row, resolution).await;
}

async fn conclude(around: &Surroundings, tenant: TenantId, row: AttemptRow, resolution: Resolution) {
    let store = around.store.tenant(&tenant);
    match store.conclude(&row.id, News::Late(resolution), OffsetDateTime::now_utc()).await {
        Ok(concluded) => {
            let state = concluded.attempt.state;
            if concluded.moved {
                info!(attempt = %row.id, %tenant, state = state.as_str(), "attempt resolved");
            }
            let told = news(state, concluded.attempt.outcome.as_ref());
            around.registry.paid(&row.call, &row.id, told);
        }
        // A row of a dead sender that is still Sending: first it becomes Unknown.
        Err(StoreError::NotAllowed { .. }) => {
            warn!(attempt = %row.id, state = row.state.as_str(), "late news that its state does not allow");
        }
        Err(error) => warn!(attempt = %row.id, %error, "resolution not written"),
    }
}
