//! One call with one payment and its receipt, and what was measured on the way.

use super::World;
use serde::Serialize;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tonewall_loadtest::crm::SandboxCrm;
use tonewall_loadtest::customer::{Behaviour, Purchase, TestCard};
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::party::Keys;
use tonewall_loadtest::run::{CallRecord, LoadPlan, LoadReport, ReceiptWish, Route, run};
use tonewall_loadtest::stage::caller_number;
use tonewall_loadtest::voice::Press;
use tonewall_model::tenant::{NumberRoute, Tenant};

/// Longest wait for the receipt in the mailbox, and for the payment in the CRM.
const DELIVERY_MAX: Duration = Duration::from_secs(30);
/// How often the CRM is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What happened, as the demo prints it.
#[derive(Serialize)]
pub struct Told {
    call_id: Option<String>,
    route: Option<String>,
    secured_ms: Option<f64>,
    card: ToldCard,
    payment: ToldPayment,
    receipt: ToldReceipt,
    leak: ToldLeak,
    key_to_event_ms_p95: Option<f32>,
    supervisor: ToldSupervisor,
    /// Why it did not hold; empty if it did.
    #[serde(skip)]
    pub complaints: Vec<String>,
}

#[derive(Serialize)]
struct ToldCard {
    brand: Option<String>,
    last4: Option<String>,
    expiry: Option<String>,
}

#[derive(Serialize)]
struct ToldPayment {
    outcome: Option<String>,
    auth_code: Option<String>,
    attempt_id: Option<String>,
    amount_minor: i64,
    currency: String,
}

/// `sent`: the mailbox has it.
#[derive(Serialize)]
struct ToldReceipt {
    to: Option<String>,
    sent: bool,
}

/// From listening to what reached the agent's RTP port; the control is the same listener on what
/// left the customer's, and is null unless it heard every key.
#[derive(Serialize)]
struct ToldLeak {
    digits_keyed: usize,
    digits_recovered: usize,
    residual_ms: f64,
    control_recovered: Option<usize>,
}

#[derive(Serialize)]
struct ToldSupervisor {
    crashed: u64,
}

/// Plays the call of `tenant`'s first agent in `world`.
///
/// # Errors
/// Only if it could not be begun; what went wrong in it is among the complaints.
pub async fn play(
    world: &World,
    tenant: &str,
    keys: Keys,
    seed: u64,
    runtime: &Handle,
) -> Result<Told, String> {
    let tenant = world.tenant(tenant).ok_or("the demo's organisation is missing")?;
    let token = World::crm_token(tenant).ok_or("the demo's organisation has no CRM")?;
    let crm = world.crm.as_ref().ok_or("there is no sandbox CRM")?;
    let invoice =
        crm.unpaid(token, &caller_number(0)).into_iter().next().ok_or("the sandbox CRM has no invoice")?;
    let purchase = Purchase {
        account: invoice.account,
        amount_minor: invoice.amount_minor,
        currency: invoice.currency,
        address: (invoice.house_number, invoice.postcode),
    };
    let plan = plan(world, tenant, purchase.clone(), invoice.email, keys, seed)?;
    let report = runtime.spawn(async move { run(plan).await }).await;
    let report = report.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let none = CallRecord::default();
    let call = report.per_call.first().unwrap_or(&none);
    let receipt = match &call.receipt_to {
        Some(to) => {
            let wanted = |mail: &tonewall_loadtest::mailbox::Message| mail.to.iter().any(|own| own == to);
            world.mailbox.wait(DELIVERY_MAX, wanted).await
        }
        None => None,
    };
    let posted = match &call.attempt_id {
        Some(attempt) => posted(crm, token, attempt).await,
        None => false,
    };
    let crashed = world.system.desk.around().registry.totals.crashed.load(Ordering::Relaxed);
    let complaints = complaints(&report, call, receipt.is_some(), posted, crashed);
    Ok(told(&report, call, &purchase, receipt.is_some(), crashed, complaints))
}

fn plan(
    world: &World,
    tenant: &Tenant,
    purchase: Purchase,
    email: String,
    keys: Keys,
    seed: u64,
) -> Result<LoadPlan, String> {
    let number = tenant.numbers.iter().find(|n| matches!(n.route, NumberRoute::OnDemand { .. }));
    let (Some(number), Some(agent)) = (number, tenant.agents.first()) else {
        return Err("the demo's organisation has no number or no agent".to_owned());
    };
    let pbx = *world.pbx.get(&tenant.id).ok_or("the demo's organisation has no PBX")?;
    Ok(LoadPlan {
        calls: 1,
        rate_per_s: 1.0,
        keys,
        press: Press::default(),
        terminator: Some('*'),
        secs: 1.0,
        stay_secured_secs: 0.5,
        route: Route::OnDemand { dial: format!("{}{}", number.number, agent.pin.expose()) },
        sip: world.system.sip,
        pbx_bind: pbx,
        carrier_bind: None,
        api: world.url(),
        token: tenant.api_token.expose().clone(),
        law: Law::A,
        seed,
        take_payment: true,
        card: TestCard { pan: "4263970000005262".into(), expiry: "1230".into(), cvc: "907".into() },
        purchase,
        behaviour: Behaviour::Normal,
        receipt: Some(ReceiptWish {
            name: format!("{}@{}", agent.id, tenant.id),
            password: password(tenant, &agent.id.0),
            to: email,
        }),
    })
}

/// The rule by which the manifests of the demo publish passwords.
pub fn password(tenant: &Tenant, agent: &str) -> String {
    format!("{}-{agent}-demo", tenant.id)
}

/// Whether the CRM has the payment of this attempt, by and by.
async fn posted(crm: &SandboxCrm, token: &str, attempt: &str) -> bool {
    let deadline = Instant::now() + DELIVERY_MAX;
    loop {
        if crm.payments(token).iter().any(|payment| payment.reference == attempt) {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn complaints(
    report: &LoadReport,
    call: &CallRecord,
    receipt: bool,
    posted: bool,
    crashed: u64,
) -> Vec<String> {
    let mut complaints: Vec<String> =
        call.failed.iter().map(|why| format!("the call failed: {why}")).collect();
    let mut hold = |held: bool, words: &str| {
        if !held {
            complaints.push(words.to_owned());
        }
    };
    hold(report.is_clean(), "the listener at the agent's port heard more than it may, or cannot hear");
    hold(call.outcome.as_deref() == Some("approved"), "the payment was not approved");
    hold(receipt, "the receipt did not arrive in the mailbox");
    hold(posted, "the payment did not arrive in the CRM");
    hold(report.key_to_event_ms.p95.is_some(), "keys and counts on the event stream do not match");
    hold(crashed == 0, "a call crashed");
    complaints
}

fn told(
    report: &LoadReport,
    call: &CallRecord,
    purchase: &Purchase,
    receipt: bool,
    crashed: u64,
    complaints: Vec<String>,
) -> Told {
    Told {
        call_id: call.call_id.clone(),
        route: call.route.clone(),
        secured_ms: call.heard.secured_ms,
        card: ToldCard { brand: call.brand.clone(), last4: call.last4.clone(), expiry: call.expiry.clone() },
        payment: ToldPayment {
            outcome: call.outcome.clone(),
            auth_code: call.auth_code.clone(),
            attempt_id: call.attempt_id.clone(),
            amount_minor: purchase.amount_minor,
            currency: purchase.currency.clone(),
        },
        receipt: ToldReceipt { to: call.receipt_to.clone(), sent: receipt },
        leak: ToldLeak {
            digits_keyed: report.digits_keyed,
            digits_recovered: report.digits_recovered,
            residual_ms: report.residual_ms,
            control_recovered: report.control_recovered,
        },
        key_to_event_ms_p95: report.key_to_event_ms.p95,
        supervisor: ToldSupervisor { crashed },
        complaints,
    }
}

impl Told {
    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.0} ms"));
        let control = self.leak.control_recovered.map_or("failed".to_owned(), |heard| heard.to_string());
        vec![
            format!("call      {} ({})", text(&self.call_id), text(&self.route)),
            format!("secured   after {}", ms(self.secured_ms)),
            format!(
                "card      {} ending {}, {}",
                text(&self.card.brand),
                text(&self.card.last4),
                text(&self.card.expiry)
            ),
            format!("payment   {}, code {}", text(&self.payment.outcome), text(&self.payment.auth_code)),
            format!(
                "receipt   to {}: {}",
                text(&self.receipt.to),
                if self.receipt.sent { "in the mailbox" } else { "not in the mailbox" }
            ),
            format!(
                "keys      on the event stream within {} (p95)",
                ms(self.key_to_event_ms_p95.map(f64::from))
            ),
            format!(
                "leak      {} keys pressed, {} recovered at the agent's port, control {control}",
                self.leak.digits_keyed, self.leak.digits_recovered
            ),
        ]
    }
}
