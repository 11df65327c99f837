//! A call that lives in rows alone: the service was restarted since, or it ended long ago. What the
//! rows tell is put into the shape of a live call's view, so that one screen serves both.

use crate::calls::news;
use time::OffsetDateTime;
use tonewall_model::call::{Attempted, CallView, CardShown, EndedWhy, PayState, PayView, Phase};
use tonewall_model::capture::Progress;
use tonewall_model::card::Expiry;
use tonewall_model::route::RouteKind;
use tonewall_model::tenant::Brand;
use tonewall_store::{AttemptRow, CallRecord, RESTART};

/// Every reason, for reading back.
const REASONS: [EndedWhy; 7] = [
    EndedWhy::CustomerHungUp,
    EndedWhy::AgentHungUp,
    EndedWhy::AgentUnreachable,
    EndedWhy::NoCommonCodec,
    EndedWhy::TooLong,
    EndedWhy::Shutdown,
    EndedWhy::Crashed,
];

/// Whether the call ended with the process that carried it; one without an end did too.
pub(super) fn was_cut_off(record: &CallRecord) -> bool {
    let why = record.ended_why.as_deref().unwrap_or(RESTART);
    why == RESTART || why == EndedWhy::Shutdown.as_str()
}

/// Whether the agent still has something to do with it: it was not wrapped up, and money was asked
/// for, or nobody saw its end.
pub(super) fn is_unfinished(record: &CallRecord, attempts: usize) -> bool {
    record.wrapped_at.is_none() && (attempts > 0 || was_cut_off(record))
}

/// When it ended, as far as anybody knows.
pub(super) fn ended_at(record: &CallRecord) -> OffsetDateTime {
    record.ended_at.unwrap_or(record.started_at)
}

/// The call as its rows tell it.
pub(super) fn view(record: &CallRecord, attempts: &[AttemptRow]) -> CallView {
    let why = REASONS.into_iter().find(|why| Some(why.as_str()) == record.ended_why.as_deref());
    let on_demand = RouteKind::OnDemand;
    let route = if record.route == on_demand.as_str() { on_demand } else { RouteKind::InPath };
    let secured_ms = record.secured_at.map(|at| (at - record.started_at).whole_milliseconds());
    CallView {
        id: record.id.clone(),
        route,
        agent: record.agent.clone(),
        caller: record.caller.clone().unwrap_or_default(),
        phase: Phase::Ended(why.unwrap_or(EndedWhy::Shutdown)),
        secured: false,
        secured_ms: secured_ms.map(|ms| u32::try_from(ms).unwrap_or(0)),
        unwell: None,
        leaked: false,
        slow_keys: false,
        capture: nothing_keyed(),
        capture_open: false,
        capture_ends: None,
        capture_complete: false,
        capture_failed: None,
        capture_cancelled: false,
        payment: attempts.last().map_or_else(PayView::none, |last| payment(last, attempts)),
        keys: record.keys,
    }
}

fn payment(last: &AttemptRow, attempts: &[AttemptRow]) -> PayView {
    let of_payment = attempts.iter().filter(|row| row.payment == last.payment).count();
    let mut pay = PayView {
        state: PayState::Attempt(last.state),
        attempt: Some(last.id.clone()),
        card: card(last),
        account: Some(last.account.clone()),
        amount: Some(last.amount),
        attempts: u8::try_from(of_payment).unwrap_or(u8::MAX),
        ..PayView::none()
    };
    if let Attempted::Concluded { auth_code, say, fix, class, .. } = news(last.state, last.outcome.as_ref()) {
        (pay.auth_code, pay.say, pay.fix, pay.class) = (auth_code, say, fix, class);
    }
    pay
}

fn card(row: &AttemptRow) -> Option<CardShown> {
    let (month, year) = row.card.expiry.split_once('/')?;
    let expiry = Expiry { month: month.parse().ok()?, year: 2000 + year.parse::<u16>().ok()? };
    let brand = Brand::parse(&row.card.brand)?;
    Some(CardShown { brand, last4: row.card.last4.clone(), expiry, keyed: Vec::new() })
}

/// No field is open and none is closed.
pub(super) fn nothing_keyed() -> Progress {
    Progress {
        field: None,
        filled: 0,
        brand: None,
        last4: None,
        expiry: None,
        closed: Vec::new(),
        code_digits: 0,
        address_given: false,
        problem: None,
        tries_left: 0,
        warnings: Vec::new(),
        stalled: None,
        ignored: 0,
    }
}
