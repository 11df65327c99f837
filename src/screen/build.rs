//! A call, what the rows know of it, and what was typed and looked up, put together: a pure function,
//! so that first paint, live frames, style guide and tests are made by the same code.

use super::draft::Draft;
use super::facts::CallFacts;
use super::fields::fields;
use super::lookup::{Lookup, Search};
use super::shown::*;
use super::words::{self, End, LineOf, Saying, Zone};
use super::{announce, payment};
use std::time::Duration;
use time::{Date, OffsetDateTime};
use tonewall_connectors::crm::Invoice;
use tonewall_model::call::{CallView, Phase, Unrecorded};
use tonewall_model::capture::{Field, Warning};
use tonewall_model::ids::AgentId;
use tonewall_model::money::Money;
use tonewall_model::payment::AttemptState;
use tonewall_model::screen::{self, Facts, Line, Offer, Primary, Stage};
use tonewall_model::tenant::{AddressCheck, Tenant};
use tonewall_store::AttemptRow;

/// Everything that a screen is made of.
pub(super) struct Scene<'a> {
    pub tenant: &'a Tenant,
    pub agent: &'a AgentId,
    pub now: OffsetDateTime,
    /// Whether receipts can be sent.
    pub mail_on: bool,
    pub call: Option<OnScreen<'a>>,
    pub others: Vec<OtherShown>,
}

/// The call on screen.
pub(super) struct OnScreen<'a> {
    pub view: &'a CallView,
    pub facts: &'a CallFacts,
    pub lookup: &'a Lookup,
    pub draft: &'a Draft,
    pub started_at: OffsetDateTime,
    /// Now, on the call's own clock.
    pub clock: Duration,
    /// The customer's side crosses the tenant's own switch.
    pub through_pbx: bool,
    /// It ended with the process that carried it.
    pub cut_off: bool,
    /// Nothing of the customer passes while a field is open.
    pub closes: bool,
}

impl OnScreen<'_> {
    /// What `model::screen` must know besides the view.
    pub fn model_facts(&self, tenant: &Tenant) -> Facts {
        let pay = &self.view.payment;
        let typed = self.draft.order.is_some() || self.lookup.invoice(None).is_some();
        Facts {
            order_known: pay.amount.is_some() || typed,
            choice: self.facts.choice(self.view, self.draft.answered.as_ref()).map(|(_, means)| means),
            receipts: self.facts.receipts_of(pay.attempt.as_ref()).count(),
            wrapped: self.draft.wrapped,
            typed_address: tenant.capture.address == AddressCheck::Typed,
            was_secured: self.view.secured_ms.is_some(),
        }
    }

    pub fn is_live(&self) -> bool {
        !matches!(self.view.phase, Phase::Ended(_))
    }
}

/// The screen; its `seq` is the stream's to give.
pub(super) fn screen(scene: &Scene<'_>) -> Screen {
    let tenant = scene.tenant;
    let person = tenant.agent(scene.agent).map(|agent| agent.name.clone());
    let mut shown = Screen {
        tenant: TenantShown { name: tenant.name.clone(), slug: tenant.id.as_str().to_owned() },
        agent: AgentShown {
            name: person.unwrap_or_else(|| scene.agent.0.clone()),
            id: scene.agent.0.clone(),
        },
        dial: words::dial(tenant),
        others: scene.others.clone(),
        stage: Stage::Ready.as_str(),
        line: words::line(Line::None, LineOf::default()),
        order: OrderShown { currency: tenant.currency.code().to_owned(), ..OrderShown::default() },
        invoices: InvoicesShown { state: "off", ..InvoicesShown::default() },
        address: address(tenant, None, None),
        primary: PrimaryShown {
            action: Primary::None.as_str(),
            label: "Waiting for a call".to_owned(),
            enabled: false,
        },
        agreement: AgreementShown { limits: limits(tenant, scene.now), ..AgreementShown::default() },
        ..Screen::default()
    };
    if let Some(call) = &scene.call {
        with_call(&mut shown, scene, call);
    }
    shown
}

fn with_call(shown: &mut Screen, scene: &Scene<'_>, call: &OnScreen<'_>) {
    let (tenant, view) = (scene.tenant, call.view);
    let (facts, zone) = (call.model_facts(tenant), Zone::of(tenant));
    let (stage, line) = (screen::stage(view, &facts), screen::line(Some(view), &facts));
    shown.stage = stage.as_str();
    shown.call = Some(CallShown {
        id: view.id.as_str().to_owned(),
        caller: words::caller(&view.caller),
        route: words::route(view.route).to_owned(),
        started: zone.moment(call.started_at, scene.now),
    });
    shown.line = words::line(line, line_of(call, stage));
    shown.slow_keys = slow_keys(view, is_keyed(stage));
    shown.order = order(tenant, call, stage);
    let at_taking = view.payment.unrecorded == Some(Unrecorded::TakenBefore) && stage == Stage::Declined;
    let question = call.draft.duplicate.clone().or_else(|| at_taking.then(|| words::TAKE_AGAIN.to_owned()));
    shown.duplicate = question.map(|words| DuplicateShown { words });
    shown.invoices = invoices(call);
    let invoice =
        call.lookup.invoice(Some(&shown.order.account).filter(|a| !a.is_empty()).map(|a| a.as_str()));
    shown.address = address(tenant, Some(call), invoice);
    shown.fields = fields(view, &tenant.capture);
    shown.left_s = view.capture_ends.map(|ends| left_s(ends, call.clock));
    shown.ending = view.capture_open && view.capture.warnings.contains(&Warning::EndingSoon);
    shown.outcome = payment::outcome(scene, call, &zone, stage);
    shown.receipt = payment::receipts(scene, call, &zone, invoice);
    let saying = Saying {
        stage,
        progress: &view.capture,
        key: tenant.capture.end_key,
        amount: &shown.order.amount,
        card: &payment::card(view),
        live: call.is_live(),
        closes: call.closes,
        unclear: view.unwell.is_some(),
        leaked: view.leaked,
    };
    let chosen = call.facts.choice(view, call.draft.answered.as_ref()).map(|(_, means)| means);
    shown.say = match (&shown.outcome, view.capture_failed) {
        _ if chosen.is_some()
            && call.is_live()
            && matches!(stage, Stage::Declined | Stage::CaptureFailed) =>
        {
            words::agreed(chosen, &shown.order.account)
        }
        (_, Some(why)) if stage == Stage::CaptureFailed && call.is_live() => words::failed(why).1,
        (Some(_), _) if stage == Stage::Approved && call.is_live() => {
            words::approved(shown.receipt.items.len(), shown.receipt.offered).to_owned()
        }
        (Some(outcome), _) if call.is_live() => outcome.say.clone(),
        _ => words::say(&saying),
    };
    let reminded = call.is_live() && !saying.unclear;
    shown.remind =
        if reminded { words::remind(stage, tenant.capture.end_key, call.closes) } else { String::new() };
    shown.notice = notice(tenant, call, stage, shown.outcome.as_ref());
    let kept = view.capture.closed.iter().any(|(field, _)| *field == Field::Pan);
    shown.offers = screen::offers(view, &facts).into_iter().map(|each| offer(each, kept)).collect();
    shown.choice = call.facts.choice(view, call.draft.answered.as_ref()).map(|(row, means)| ChoiceShown {
        words: format!("{} at {}", words::means(means), zone.moment(row.at, scene.now)),
        note: row.note.clone(),
    });
    shown.primary = primary(call, &facts, stage, &shown.order.amount);
    shown.can = can(call, &facts, stage);
    shown.agreement = AgreementShown { limits: limits(tenant, scene.now), ..payment::agreement(call, stage) };
    shown.announce = announce::announce(view, stage, line, shown);
}

fn line_of(call: &OnScreen<'_>, stage: Stage) -> LineOf {
    LineOf {
        route: Some(call.view.route),
        through_pbx: call.through_pbx,
        unwell: call.view.unwell,
        keying: is_keyed(stage),
        closes: call.closes,
        complete: matches!(stage, Stage::Address | Stage::Review),
    }
}

/// Whether the customer is asked for keys.
fn is_keyed(stage: Stage) -> bool {
    matches!(stage, Stage::Pan | Stage::Expiry | Stage::Cvc | Stage::HouseNumber | Stage::Postcode)
}

fn slow_keys(view: &CallView, offered: bool) -> SlowKeysShown {
    let (pressed, wish, words) = if view.slow_keys { ("true", "", "on") } else { ("false", "1", "off") };
    SlowKeysShown { offered, on: view.slow_keys, pressed, wish, words }
}

/// Rounded up: the last second is still one.
fn left_s(ends: Duration, clock: Duration) -> u64 {
    ends.saturating_sub(clock).as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}

fn order(tenant: &Tenant, call: &OnScreen<'_>, stage: Stage) -> OrderShown {
    let pay = &call.view.payment;
    let standing = pay.account.clone().zip(pay.amount);
    // After a stop, and after a wrap-up, the next thing to collect may be another one.
    let free = matches!(stage, Stage::Cancelled | Stage::WrapUp) && call.is_live();
    let typed = call.draft.order.clone();
    let found = || match unpaid(call).as_slice() {
        [only] => Some((only.account.clone(), only.amount)),
        _ => None,
    };
    let known = match (free, standing.clone()) {
        // What was taken, or settled in another way, is not asked for again.
        (true, _) if stage == Stage::WrapUp => typed,
        (true, standing) => typed.or(standing),
        (false, Some(standing)) => Some(standing),
        (false, None) => typed.or_else(found),
    };
    let (account, money) = known.map_or((String::new(), None), |(account, money)| (account, Some(money)));
    OrderShown {
        account,
        amount: money.as_ref().map(Money::shown).unwrap_or_default(),
        amount_input: money.as_ref().map(Money::amount_input).unwrap_or_default(),
        currency: tenant.currency.code().to_owned(),
        fixed: standing.is_some() && !free,
    }
}

/// What the CRM had as unpaid, less what was taken on this call since.
fn unpaid<'a>(call: &'a OnScreen<'_>) -> Vec<&'a Invoice> {
    let Search::Found(items) = &call.lookup.search else { return Vec::new() };
    let taken = |item: &Invoice| {
        let of = |row: &&AttemptRow| row.state == AttemptState::Approved;
        call.facts
            .attempts
            .iter()
            .filter(of)
            .any(|row| row.account == item.account && row.amount == item.amount)
    };
    items.iter().filter(|item| !taken(item)).collect()
}

fn invoices(call: &OnScreen<'_>) -> InvoicesShown {
    let items = unpaid(call);
    let state = match &call.lookup.search {
        Search::Off => "off",
        Search::Searching => "searching",
        Search::Found(_) if items.is_empty() => "none",
        Search::Found(_) => "found",
        Search::None => "none",
        Search::Unavailable => "unavailable",
    };
    let (caller, account) = (words::caller(&call.view.caller), call.lookup.account.as_deref());
    InvoicesShown {
        state,
        words: words::search(&call.lookup.search, items.len(), account, &caller),
        items: items.into_iter().map(invoice).collect(),
    }
}

fn invoice(found: &Invoice) -> InvoiceShown {
    InvoiceShown {
        account: found.account.clone(),
        name: found.name.clone(),
        amount: found.amount.shown(),
        amount_input: found.amount.amount_input(),
        due: found.due.as_deref().map(words::due).unwrap_or_default(),
        house_number: found.house_number.clone(),
        postcode: found.postcode.clone(),
        email: found.email.clone(),
    }
}

fn address(tenant: &Tenant, call: Option<&OnScreen<'_>>, invoice: Option<&Invoice>) -> AddressShown {
    let typed = call.and_then(|call| call.draft.address.as_ref());
    let of_crm = |part: fn(&Invoice) -> &String| invoice.map(|found| part(found).clone()).unwrap_or_default();
    let is_typed = tenant.capture.address == AddressCheck::Typed;
    AddressShown {
        asked: tenant.capture.address != AddressCheck::Off,
        typed: is_typed,
        house_number: match (typed, is_typed) {
            (Some(typed), _) => typed.house_number.clone(),
            (None, true) => of_crm(|found| &found.house_number),
            (None, false) => String::new(),
        },
        postcode: match (typed, is_typed) {
            (Some(typed), _) => typed.postcode.clone(),
            (None, true) => of_crm(|found| &found.postcode),
            (None, false) => String::new(),
        },
        given: call.is_some_and(|call| call.view.capture.address_given),
    }
}

/// The one thing that the agent should know now, the gravest first.
fn notice(
    tenant: &Tenant,
    call: &OnScreen<'_>,
    stage: Stage,
    outcome: Option<&OutcomeShown>,
) -> Option<NoticeShown> {
    let (view, key) = (call.view, tenant.capture.end_key);
    if let Phase::Ended(why) = view.phase {
        let end = if call.cut_off { End::Restart } else { End::Why(why, view.route) };
        return Some(words::ended(&end, &payment::money_words(view, outcome)));
    }
    if call.facts.unreadable {
        return Some(words::unreadable());
    }
    match (stage, view.capture_failed) {
        (Stage::CaptureFailed, Some(why)) => return Some(words::failed(why).0),
        (Stage::Cancelled, _) => return Some(words::cancelled()),
        _ => {}
    }
    // Nobody can key on a line that is not clear, and the line says so.
    if !view.capture_open || view.unwell.is_some() {
        return None;
    }
    let ending = view.capture.warnings.contains(&Warning::EndingSoon);
    words::stalled(&view.capture, key).or_else(|| ending.then(words::ending_soon))
}

fn offer(offer: Offer, kept: bool) -> OfferShown {
    let (action, value) = match offer {
        Offer::Reask(field) => ("reask", super::field_name(field)),
        Offer::OtherCard => ("other_card", ""),
        // The same payment with what is kept of the card: the code is keyed again.
        Offer::Retry => ("reask", "cvc"),
        Offer::PayLink | Offer::BankTransfer | Offer::Later => {
            ("means", offer.means().map_or("", |means| means.as_str()))
        }
    };
    OfferShown { action, value, label: words::offer(offer, kept).to_owned() }
}

fn primary(call: &OnScreen<'_>, facts: &Facts, stage: Stage, amount: &str) -> PrimaryShown {
    let connected = call.view.phase == Phase::Connected;
    let action = match screen::primary(call.view, facts) {
        // One call may bring more than one payment.
        Primary::None if stage == Stage::WrapUp && connected && !call.view.leaked => Primary::Collect,
        action => action,
    };
    let unclear = call.view.unwell.is_some();
    let label = match (stage, action) {
        (Stage::WrapUp, Primary::Collect) => "Take another payment".to_owned(),
        (Stage::WrapUp, _) => "Wrapped up".to_owned(),
        _ => words::primary(action, stage, amount, unclear),
    };
    let enabled = !matches!(action, Primary::None | Primary::Busy);
    PrimaryShown { action: action.as_str(), label, enabled }
}

fn can(call: &OnScreen<'_>, facts: &Facts, stage: Stage) -> Can {
    let view = call.view;
    let connected = view.phase == Phase::Connected;
    let settled =
        !matches!(stage, Stage::Ready | Stage::Secure | Stage::Dialling | Stage::Processing | Stage::WrapUp);
    Can {
        secure: connected && !view.secured,
        unsecure: connected && view.secured && !view.capture_open,
        cancel: view.capture_open,
        more_time: view.capture_open,
        hangup: call.is_live(),
        wrap_up: settled && !view.capture_open && !screen::must_choose(view, facts),
    }
}

fn limits(tenant: &Tenant, now: OffsetDateTime) -> AgreementLimits {
    let today = Zone::of(tenant).today(now);
    let year = today.year() + 1;
    // 29 February has no next year.
    let latest =
        today.replace_year(year).or_else(|_| Date::from_calendar_date(year, time::Month::February, 28));
    AgreementLimits { start_min: iso(today), start_max: iso(latest.unwrap_or(today)) }
}

/// `2026-11-22`.
fn iso(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// How a call that is not on screen is listed.
pub(super) fn other(view: &CallView, agent: &AgentId) -> OtherShown {
    let words = match (view.phase, &view.agent) {
        (Phase::Ended(_), _) => "Ended, to be wrapped up",
        (_, None) => "Nobody has this call",
        (_, Some(other)) if other != agent => "Another agent's call",
        (Phase::Ringing, _) => "Connecting",
        (Phase::Connected, _) if view.secured => "Live, line secure",
        (Phase::Connected, _) => "Live, line not secured",
    };
    OtherShown {
        id: view.id.as_str().to_owned(),
        caller: words::caller(&view.caller),
        words: words.to_owned(),
    }
}
