//! The payment part of a screen: outcome, receipts, authority.

use super::build::{OnScreen, Scene};
use super::shown::*;
use super::words::{self, Zone};
use tonewall_connectors::crm::Invoice;
use tonewall_model::call::{CallView, PayState, Phase};
use tonewall_model::payment::{AttemptState, DeclineClass};
use tonewall_model::screen::Stage;
use tonewall_model::tenant::Crm;
use tonewall_store::{AgreementRow, ReceiptRow, ReceiptState};

/// Receipts of one payment that may be asked for; the store keeps to the same.
const RECEIPTS_MAX: usize = 5;

/// `Visa ending 5262` of the card that was keyed or sent; or empty.
pub(super) fn card(view: &CallView) -> String {
    let keyed = view.capture.brand.zip(view.capture.last4.as_deref());
    match (keyed, &view.payment.card) {
        (Some((brand, last4)), _) => format!("{} ending {last4}", words::brand(brand)),
        (None, Some(sent)) => words::card(sent),
        (None, None) => String::new(),
    }
}

/// The outcome of the last attempt, while it is what the screen is about.
pub(super) fn outcome(
    scene: &Scene<'_>,
    call: &OnScreen<'_>,
    zone: &Zone,
    stage: Stage,
) -> Option<OutcomeShown> {
    let view = call.view;
    let concerns =
        matches!(stage, Stage::Approved | Stage::Declined | Stage::Unknown | Stage::Held | Stage::WrapUp);
    if !concerns {
        return None;
    }
    let amount = view.payment.amount.as_ref().map(|amount| amount.shown()).unwrap_or_default();
    let id = view.payment.attempt.as_ref();
    let scheme_code = id.and_then(|id| call.facts.scheme_code(id));
    let mut shown = words::outcome(&view.payment, &amount, scheme_code)?;
    shown.details = details(call, zone, scheme_code);
    // Without a CRM its event is delivered to nobody.
    let told = call.facts.write_back_of(id).filter(|_| !matches!(scene.tenant.crm, Crm::None));
    let at = told.and_then(|row| row.delivered_at).map(|at| zone.moment(at, scene.now));
    shown.crm = told.map(|row| words::write_back(row, at)).unwrap_or_default();
    Some(shown)
}

fn details(call: &OnScreen<'_>, zone: &Zone, scheme_code: Option<&str>) -> Vec<DetailShown> {
    let pay = &call.view.payment;
    let row = call.facts.recorded(call.view);
    let at = row.map(|row| zone.time(row.concluded_at.unwrap_or(row.created_at)));
    let expiry = pay.card.as_ref().map(|card| card.expiry.to_string());
    // A code would tell what the generic words do not: lost, stolen, suspected.
    let is_told = matches!(pay.class, Some(DeclineClass::FixData | DeclineClass::NeedsSca));
    let all = [
        ("Account", pay.account.clone()),
        ("Card expiry", expiry),
        ("Time", at),
        ("Attempt", (pay.attempts > 1).then(|| pay.attempts.to_string())),
        ("Bank's code", scheme_code.filter(|_| is_told).map(str::to_owned)),
    ];
    all.into_iter().filter_map(|(k, v)| Some(DetailShown { k: k.to_owned(), v: v? })).collect()
}

/// Whether money moved, for a call that is over.
pub(super) fn money_words(view: &CallView, outcome: Option<&OutcomeShown>) -> String {
    match (outcome, view.payment.state) {
        (Some(outcome), _) => outcome.money.clone(),
        (None, PayState::None) => "Nothing has been taken.".to_owned(),
        (None, PayState::Attempt(AttemptState::Sending)) => {
            "The payment is still with the bank: its outcome appears here.".to_owned()
        }
        (None, PayState::Attempt(_)) => String::new(),
    }
}

/// Receipts of the payment on screen.
pub(super) fn receipts(
    scene: &Scene<'_>,
    call: &OnScreen<'_>,
    zone: &Zone,
    invoice: Option<&Invoice>,
) -> ReceiptsShown {
    let pay = &call.view.payment;
    let rows: Vec<&ReceiptRow> = call.facts.receipts_of(pay.attempt.as_ref()).collect();
    let approved = pay.state == PayState::Attempt(AttemptState::Approved);
    let last = rows.last().map(|row| row.address.clone());
    let suggested = last.or_else(|| invoice.map(|found| found.email.clone())).unwrap_or_default();
    let held_up = rows.iter().rev().find(|row| row.state == ReceiptState::Queued && row.problem.is_some());
    let words = match (approved, scene.mail_on, held_up) {
        (true, false, _) => words::NO_MAIL.to_owned(),
        (_, _, Some(_)) => words::MAIL_WAITS.to_owned(),
        _ => String::new(),
    };
    ReceiptsShown {
        offered: approved && scene.mail_on && rows.len() < RECEIPTS_MAX,
        email: suggested,
        items: rows.iter().rev().map(|row| receipt(row, scene, zone)).collect(),
        words,
    }
}

fn receipt(row: &ReceiptRow, scene: &Scene<'_>, zone: &Zone) -> ReceiptShown {
    let words = match (row.state, row.sent_at, &row.problem) {
        (ReceiptState::Sent, Some(at), _) => format!("Sent {}", zone.moment(at, scene.now)),
        (ReceiptState::Sent, None, _) => "Sent".to_owned(),
        (ReceiptState::Refused, _, Some(why)) => format!("Not sent: {why}"),
        (ReceiptState::Refused, _, None) => "Not sent".to_owned(),
        (ReceiptState::Queued, _, Some(_)) => "Queued: sends itself when the mail server answers".to_owned(),
        (ReceiptState::Queued, _, None) => "Queued".to_owned(),
    };
    ReceiptShown {
        id: row.id.as_str().to_owned(),
        to: row.address.clone(),
        state: row.state.as_str(),
        words,
        at: zone.moment(row.created_at, scene.now),
    }
}

/// The authority that follows from the payment on screen; the customer has to be on the line for one.
pub(super) fn agreement(call: &OnScreen<'_>, stage: Stage) -> AgreementShown {
    let made = call.facts.agreement_of(call.view.payment.attempt.as_ref());
    let connected = call.view.phase == Phase::Connected;
    AgreementShown {
        offered: stage == Stage::Approved && connected && made.is_none(),
        made: made.map(agreement_made),
        limits: AgreementLimits::default(),
    }
}

fn agreement_made(row: &AgreementRow) -> AgreementMade {
    let (first, count) = (row.dates.first().copied().unwrap_or(row.terms.start), row.dates.len());
    let every = row.terms.every.words();
    AgreementMade {
        words: format!(
            "{} {every} from {}, {} payments, agreed",
            row.terms.amount.shown(),
            words::date(first),
            count
        ),
        dates: row.dates.iter().map(|date| words::date(*date)).collect(),
    }
}
