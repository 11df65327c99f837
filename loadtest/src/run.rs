//! Many calls at a given rate, and the report on all of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::call::{CallPlan, SimCall};
use crate::customer::{Behaviour, Purchase, TestCard, pay};
use crate::g711::Law;
use crate::judge::{Evidence, Heard, percentile};
use crate::party::Keys;
use crate::screen::AgentScreen;
use crate::stage::{Stage, StageConfig, StageError, caller_number};
use crate::voice::Press;

/// How calls reach the product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The agent's speed dial: platform number and PIN; the line is secured from the first packet.
    OnDemand {
        /// What is dialled.
        dial: String,
    },
    /// A number that crosses the product for the whole call; the agent secures from the screen.
    InPath {
        /// What is dialled.
        dial: String,
    },
}

/// A load test.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Number of calls; call n comes from [`caller_number`] n, counted from 0.
    pub calls: usize,
    /// New calls a second.
    pub rate_per_s: f64,
    /// How keys are reported.
    pub keys: Keys,
    /// How keys are pressed.
    pub press: Press,
    /// Pressed after every field.
    pub terminator: Option<char>,
    /// Seconds of talk after the line was secured, before any payment.
    pub secs: f64,
    /// Seconds on the secured line after the payment.
    pub stay_secured_secs: f64,
    /// Way into the product.
    pub route: Route,
    /// The product's SIP address.
    pub sip: SocketAddr,
    /// Address of the simulated PBX.
    pub pbx_bind: SocketAddr,
    /// Address that customers' calls come from; `None`: the PBX.
    pub carrier_bind: Option<SocketAddr>,
    /// Base URL of the API.
    pub api: String,
    /// API token.
    pub token: String,
    /// Law of the customers' phones.
    pub law: Law,
    /// Seed of everything.
    pub seed: u64,
    /// Whether payments are taken.
    pub take_payment: bool,
    /// The card.
    pub card: TestCard,
    /// What is paid.
    pub purchase: Purchase,
    /// What customers do.
    pub behaviour: Behaviour,
    /// A receipt that the agent asks for after an approval, on the screen's own HTTP interface.
    pub receipt: Option<ReceiptWish>,
}

/// Who asks for a receipt, and where it goes.
#[derive(Clone, Debug)]
pub struct ReceiptWish {
    /// Sign-in name, `agent@organisation`.
    pub name: String,
    /// Password.
    pub password: String,
    /// E-mail address of the customer.
    pub to: String,
}

/// One call of a load test.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct CallRecord {
    /// Number of the call in the run.
    pub number: usize,
    /// Why it failed.
    pub failed: Option<String>,
    /// The product's id.
    pub call_id: Option<String>,
    /// Route as the product says.
    pub route: Option<String>,
    /// Payment state.
    pub outcome: Option<String>,
    /// Attempt.
    pub attempt_id: Option<String>,
    /// Authorisation code.
    pub auth_code: Option<String>,
    /// Brand of the card.
    pub brand: Option<String>,
    /// Its last four digits.
    pub last4: Option<String>,
    /// Its expiry.
    pub expiry: Option<String>,
    /// Where a receipt was asked for to go; `None` if none was, or was refused.
    pub receipt_to: Option<String>,
    /// From the beginning of each press at the customer's socket to the frame of the event stream that counted it,
    /// ms; empty if presses and counts cannot be matched.
    pub key_to_event_ms: Vec<f64>,
    /// Secure command → secured view, ms.
    pub secure_command_ms: Option<f64>,
    /// What was heard.
    pub heard: Heard,
}

/// 50th, 95th, 99th percentile and maximum of a quantity in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Spread {
    /// Median.
    pub p50: Option<f32>,
    /// 95th percentile.
    pub p95: Option<f32>,
    /// 99th percentile.
    pub p99: Option<f32>,
    /// Largest.
    pub max: Option<f32>,
}

impl Spread {
    fn of(mut values: Vec<f32>) -> Self {
        let mut at = |share| percentile(&mut values, share);
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }
}

/// The report on a load test.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct LoadReport {
    /// Calls tried.
    pub calls: usize,
    /// Calls in which every step worked.
    pub ok: usize,
    /// Reasons of the others, with their counts.
    pub failed: BTreeMap<String, usize>,
    /// First INVITE sent by the customer → first audio packet of the customer at the agent's port, on this clock.
    pub secured_ms: Spread,
    /// Secure command → secured view (in path).
    pub secure_command_ms: Spread,
    /// Customer's socket → agent's socket, every packet.
    pub delay_ms: Spread,
    /// Beginning of a press at the customer's socket → frame of the event stream that counted it, every press.
    pub key_to_event_ms: Spread,
    /// Customer's packets between the first and the last that arrived.
    pub packets_sent: usize,
    /// Of these, lost.
    pub packets_lost: usize,
    /// Presses.
    pub digits_keyed: usize,
    /// Presses that the listener on the agent's side named.
    pub digits_recovered: usize,
    /// Milliseconds of their tones on the agent's side.
    pub residual_ms: f64,
    /// The listener on the customers' side: all presses, or nothing.
    pub control_recovered: Option<usize>,
    /// Calls whose line was not clean.
    pub leaking_calls: usize,
    /// Payments by outcome.
    pub payments: BTreeMap<String, usize>,
    /// Call by call.
    pub per_call: Vec<CallRecord>,
}

impl LoadReport {
    /// There were calls, nothing failed, nothing leaked, and the control heard all.
    pub fn is_clean(&self) -> bool {
        self.calls > 0
            && self.ok == self.calls
            && self.leaking_calls == 0
            && self.control_recovered == Some(self.digits_keyed)
    }
}

/// Plays all calls, then listens to all of them (so that listening takes no time from the media).
pub async fn run(plan: LoadPlan) -> Result<LoadReport, StageError> {
    let stage = Stage::open(StageConfig {
        sip: plan.sip,
        pbx_bind: plan.pbx_bind,
        carrier_bind: plan.carrier_bind,
        api: plan.api.clone(),
        token: plan.token.clone(),
        seed: plan.seed,
    })
    .await?;
    Ok(run_on(stage, plan).await)
}

/// As [`run`], on a stage that is already open.
pub async fn run_on(stage: Stage, plan: LoadPlan) -> LoadReport {
    let (stage, plan) = (Arc::new(stage), Arc::new(plan));
    let start = tokio::time::Instant::now();
    let interval = 1.0 / plan.rate_per_s.max(0.001);
    let mut tasks = Vec::with_capacity(plan.calls);
    for number in 0..plan.calls {
        let due = start + Duration::from_secs_f64(interval * number as f64);
        let (stage, plan) = (stage.clone(), plan.clone());
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep_until(due).await;
            one_call(&stage, &plan, number).await
        }));
    }
    let mut report = LoadReport { calls: plan.calls, ..LoadReport::default() };
    let mut played = Vec::with_capacity(tasks.len());
    for (number, task) in tasks.into_iter().enumerate() {
        played.push(task.await.unwrap_or_else(|error| {
            (
                CallRecord {
                    number,
                    failed: Some(format!("the simulated call crashed: {error}")),
                    ..CallRecord::default()
                },
                None,
            )
        }));
    }
    drop(stage);
    let mut delays = Vec::new();
    for (mut record, evidence) in played {
        if let Some(evidence) = evidence {
            record.key_to_event_ms = evidence.key_to_event_ms();
            let judged = tokio::task::spawn_blocking(move || evidence.judge()).await;
            record.heard = judged.unwrap_or_default();
            delays.append(&mut record.heard.delays_ms);
            if !record.heard.is_clean() {
                report.leaking_calls += 1;
            }
        }
        report.per_call.push(record);
    }
    report.delay_ms = Spread::of(delays);
    report.sum_up();
    report
}

impl LoadReport {
    fn sum_up(&mut self) {
        let mut control = 0;
        for record in &self.per_call {
            match &record.failed {
                None => self.ok += 1,
                Some(why) => *self.failed.entry(why.clone()).or_default() += 1,
            }
            if let Some(outcome) = &record.outcome {
                *self.payments.entry(outcome.clone()).or_default() += 1;
            }
            self.packets_sent += record.heard.packets_sent;
            self.packets_lost += record.heard.packets_lost;
            self.digits_keyed += record.heard.digits_keyed;
            self.digits_recovered += record.heard.digits_recovered;
            self.residual_ms += record.heard.residual_ms;
            control += record.heard.control_recovered.unwrap_or(0);
        }
        self.control_recovered = Some(control).filter(|control| *control == self.digits_keyed);
        self.secured_ms = Spread::of(
            self.per_call.iter().filter_map(|record| record.heard.secured_ms.map(|ms| ms as f32)).collect(),
        );
        self.key_to_event_ms = Spread::of(
            self.per_call
                .iter()
                .flat_map(|record| record.key_to_event_ms.iter().map(|ms| *ms as f32))
                .collect(),
        );
        self.secure_command_ms = Spread::of(
            self.per_call.iter().filter_map(|record| record.secure_command_ms.map(|ms| ms as f32)).collect(),
        );
    }
}

async fn one_call(stage: &Stage, plan: &LoadPlan, number: usize) -> (CallRecord, Option<Evidence>) {
    let (dial, secure_by_api) = match &plan.route {
        Route::OnDemand { dial } => (dial, false),
        Route::InPath { dial } => (dial, true),
    };
    let call_plan = plan.behaviour.adapt(CallPlan {
        dial: dial.clone(),
        caller: caller_number(number),
        secure_by_api,
        keys: plan.keys,
        press: plan.press,
        terminator: plan.terminator,
        law: plan.law,
        ..CallPlan::default()
    });
    let mut record = CallRecord { number, ..CallRecord::default() };
    let mut call = match SimCall::start(stage, call_plan) {
        Ok(call) => call,
        Err(error) => {
            record.failed = Some(error.to_string());
            return (record, None);
        }
    };
    if let Err(error) = play(&mut call, plan, &mut record).await {
        record.failed = Some(error.to_string());
    }
    record.secure_command_ms = call.secure_command_ms();
    if let Err(error) = call.hangup().await {
        record.failed.get_or_insert(format!("hanging up: {error}"));
    }
    (record, Some(call.evidence()))
}

async fn play(
    call: &mut SimCall<'_>,
    plan: &LoadPlan,
    record: &mut CallRecord,
) -> Result<(), crate::call::CallError> {
    let view = call.wait_secured().await?;
    (record.call_id, record.route) = (Some(view.id), Some(view.route));
    talk(call, plan.secs).await;
    if plan.take_payment {
        let paid = pay(call, &plan.purchase, &plan.card, plan.behaviour).await?;
        if let Some(view) = paid {
            let payment = view.payment;
            record.outcome = Some(payment.state);
            (record.attempt_id, record.auth_code) = (payment.attempt_id, payment.auth_code);
            if let Some(card) = payment.card {
                (record.brand, record.last4, record.expiry) =
                    (Some(card.brand), Some(card.last4), Some(card.expiry));
            }
        }
        if let (Some(wish), Some("approved")) = (&plan.receipt, record.outcome.as_deref()) {
            let screen = AgentScreen::sign_in(&plan.api, &wish.name, &wish.password).await?;
            screen.act(&call.id()?, "receipt", &[("email", &wish.to)]).await?;
            record.receipt_to = Some(wish.to.clone());
        }
    }
    talk(call, plan.stay_secured_secs).await;
    Ok(())
}

/// Talks on until so much media was sent, or somebody hangs up.
async fn talk(call: &SimCall<'_>, secs: f64) {
    let customer = call.customer();
    let until = customer.peer.position() + (secs * 8_000.0) as u64;
    tokio::select! {
        _ = customer.peer.wait_sent(until, Duration::from_secs(5)) => {}
        _ = customer.leg.wait_end(Duration::from_secs_f64(secs + 5.0)) => {}
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
