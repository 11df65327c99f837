//! A screen of every stage and notice, made by the code that makes the real ones: for the style guide,
//! and for tests over all of them.

mod line;
mod paid;

use super::build::{self, OnScreen, Scene};
use super::draft::Draft;
use super::facts::CallFacts;
use super::ledger::nothing_keyed;
use super::lookup::{Lookup, Search};
use super::shown::{OtherShown, Screen};
use std::time::Duration;
use time::OffsetDateTime;
use tonewall_connectors::crm::Invoice;
use tonewall_model::call::{CallView, EndedWhy, PayView, Phase, Unrecorded};
use tonewall_model::capture::{FailWhy, Field, Problem, Stall, Warning};
use tonewall_model::card::{Address, Expiry};
use tonewall_model::ids::{AgentId, CallId};
use tonewall_model::money::Money;
use tonewall_model::payment::{AttemptState, DeclineClass};
use tonewall_model::route::RouteKind;
use tonewall_model::tenant::{Brand, Tenant};
use tonewall_store::ReceiptState;

/// 22 November 2026, 15:04:30 UTC.
const NOW_S: i64 = 1_795_359_870;

/// One screen of the guide.
#[derive(Clone, Debug)]
pub struct Sample {
    /// A word for addresses and files.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The screen.
    pub screen: Screen,
}

/// What a sample is made of.
struct Stand {
    view: CallView,
    facts: CallFacts,
    lookup: Lookup,
    draft: Draft,
    through_pbx: bool,
    cut_off: bool,
    closes: bool,
    others: Vec<OtherShown>,
}

type Change = fn(&mut Stand, &Tenant);

/// Name, title, and how it differs from a call that was just put through on a secured line.
const CALLS: &[(&str, &str, Change)] = &[
    ("dialling", "The phone is rung", |s, _| s.view.phase = Phase::Ringing),
    ("open", "On an open line", |s, _| (s.view.secured, s.view.secured_ms) = (false, None)),
    ("released", "The line was released", |s, _| s.view.secured = false),
    ("secure", "Secured, the invoice found", |_, _| {}),
    ("secure_pbx", "Secured behind an own switch", |s, _| s.through_pbx = true),
    ("secure_searching", "The invoice is searched for", |s, _| s.lookup.search = Search::Searching),
    ("secure_none", "Nothing unpaid was found", |s, _| s.lookup.search = Search::None),
    ("secure_unavailable", "The CRM does not answer", |s, _| s.lookup.search = Search::Unavailable),
    ("secure_several", "Several unpaid invoices", |s, t| {
        let more = Invoice { account: "INV-1002".into(), amount: money(t, 123_450), ..invoice(t) };
        s.lookup.search = Search::Found(vec![invoice(t), more]);
    }),
    ("duplicate", "The same was taken a moment ago", |s, t| {
        s.draft.order = Some(("INV-1001".into(), money(t, 1_250)));
        let amount = money(t, 1_250).shown();
        s.draft.duplicate = Some(super::words::duplicate(&amount, "INV-1001", "14:41", "Ada Lindqvist"));
    }),
    ("pan", "The number is asked for", |s, t| s.ask(t, Field::Pan)),
    ("pan_waiting", "No key has come", |s, t| {
        s.ask(t, Field::Pan);
        s.view.capture.stalled = Some(Stall::FirstKey);
    }),
    ("pan_keying", "Ten digits are in", |s, t| {
        s.ask(t, Field::Pan);
        (s.view.capture.filled, s.view.capture.brand) = (10, Some(Brand::Visa));
    }),
    ("pan_stopped", "The keys have stopped short", |s, t| {
        s.ask(t, Field::Pan);
        (s.view.capture.filled, s.view.capture.brand) = (14, Some(Brand::Visa));
        s.view.capture.stalled = Some(Stall::BetweenKeys);
        s.view.capture.warnings = vec![Warning::DigitsShort(2)];
    }),
    ("pan_end_key", "The end key is missing", |s, t| {
        s.ask(t, Field::Pan);
        (s.view.capture.filled, s.view.capture.brand) = (16, Some(Brand::Visa));
        s.view.capture.stalled = Some(Stall::BetweenKeys);
        s.view.capture.warnings = vec![Warning::EndKeyAwaited];
    }),
    ("pan_again", "A digit was mistyped", |s, t| {
        s.ask(t, Field::Pan);
        s.view.capture.problem = Some(Problem::CheckDigit);
        s.view.capture.tries_left = t.capture.tries.saturating_sub(1);
    }),
    ("pan_not_taken", "A brand that is not taken", |s, t| {
        s.ask(t, Field::Pan);
        (s.view.capture.filled, s.view.capture.brand) = (4, Some(Brand::Jcb));
        s.view.capture.warnings = vec![Warning::BrandNotTaken(Brand::Jcb)];
    }),
    ("expiry", "The expiry date is asked for", |s, t| s.ask(t, Field::Expiry)),
    ("expiry_past", "The date has passed", |s, t| {
        s.ask(t, Field::Expiry);
        s.view.capture.problem = Some(Problem::ExpiryPast);
        s.view.capture.tries_left = t.capture.tries.saturating_sub(1);
    }),
    ("cvc", "The security code is asked for", |s, t| {
        s.ask(t, Field::Code);
        s.view.capture.filled = 2;
    }),
    ("cvc_amex", "Four digits on the front", |s, t| {
        s.card(Brand::Amex, "0005");
        s.ask(t, Field::Code);
    }),
    ("ending", "The time runs out", |s, t| {
        s.ask(t, Field::Code);
        s.view.capture.warnings = vec![Warning::EndingSoon];
        s.view.capture_ends = Some(Duration::from_secs(180 + 42));
    }),
    ("house_number", "The house number is keyed", |s, t| s.ask(t, Field::HouseNumber)),
    ("postcode", "The postcode is keyed", |s, t| s.ask(t, Field::Postcode)),
    ("address", "House number and postcode are typed", |s, t| s.ask(t, Field::Address)),
    ("review", "Everything is there", |s, t| s.complete(t)),
    ("processing", "At the bank", |s, t| s.attempt(t, AttemptState::Sending, None)),
    ("approved", "Taken", |s, t| s.attempt(t, AttemptState::Approved, None)),
    ("key_lost", "A key did not come through", |s, t| {
        s.ask(t, Field::Code);
        s.view.capture.problem = Some(Problem::KeyLost);
    }),
    ("crm_saved", "The CRM has the payment", |s, t| s.told(t, 1, Some(now()), None)),
    ("crm_waits", "The CRM is not reachable", |s, t| s.told(t, 3, None, None)),
    ("crm_given_up", "The CRM does not take the payment", |s, t| s.told(t, 1, Some(now()), Some(now()))),
    ("receipt_queued", "The receipt is queued", |s, t| s.receipt(t, ReceiptState::Queued, None)),
    ("receipt_waits", "The mail server is not reachable", |s, t| {
        s.receipt(t, ReceiptState::Queued, Some("the mail server can't be reached"));
    }),
    ("receipt_sent", "The receipt is sent", |s, t| s.receipt(t, ReceiptState::Sent, None)),
    ("receipt_refused", "The receipt came back", |s, t| {
        s.receipt(t, ReceiptState::Refused, Some("the mail server does not know this address"));
    }),
    ("agreement", "An authority was set up", |s, t| s.agreement(t)),
    ("declined", "Declined by the bank", |s, t| s.decline(t, DeclineClass::TryOtherCard, None, "05")),
    ("declined_never", "Declined, for a reason that is not told", |s, t| {
        s.decline(t, DeclineClass::NeverRetry, None, "43");
    }),
    ("declined_number", "Number not recognised", |s, t| {
        s.decline(t, DeclineClass::FixData, Some(Field::Pan), "14");
    }),
    ("declined_expiry", "Expiry date not accepted", |s, t| {
        s.decline(t, DeclineClass::FixData, Some(Field::Expiry), "54");
    }),
    ("declined_code", "Security code not accepted", |s, t| {
        s.decline(t, DeclineClass::FixData, Some(Field::Code), "N7");
    }),
    ("declined_address", "Address check not passed", |s, t| {
        s.decline(t, DeclineClass::FixData, Some(Field::Address), "N8");
    }),
    ("declined_later", "Not enough money, which is not told", |s, t| {
        s.decline(t, DeclineClass::RetryLater, None, "51");
    }),
    ("declined_unreached", "Bank not reachable", |s, t| s.decline(t, DeclineClass::RetryLater, None, "91")),
    ("declined_call", "The bank can say why", |s, t| s.decline(t, DeclineClass::CallIssuer, None, "01")),
    ("declined_sca", "Not by phone", |s, t| s.decline(t, DeclineClass::NeedsSca, None, "1A")),
    ("declined_chosen", "Another means was agreed", |s, t| {
        s.decline(t, DeclineClass::TryOtherCard, None, "05");
        s.choose();
    }),
    ("rejected", "Payment service fault", |s, t| s.attempt(t, AttemptState::Rejected, None)),
    ("unsettled", "An earlier payment is in the way", |s, t| s.unrecorded(t, Unrecorded::Unsettled)),
    ("taken_before", "Taken a moment ago, on another call", |s, t| s.unrecorded(t, Unrecorded::TakenBefore)),
    ("not_charged", "Certain by now: nothing was taken", |s, t| s.attempt(t, AttemptState::NotCharged, None)),
    ("unknown", "Not known yet", |s, t| s.attempt(t, AttemptState::Unknown, None)),
    ("pending", "The bank will tell later", |s, t| s.attempt(t, AttemptState::Pending, None)),
    ("held", "Held for review", |s, t| s.attempt(t, AttemptState::Held, None)),
    ("person", "A person has to look", |s, t| s.attempt(t, AttemptState::Review, None)),
    ("voided", "Undone", |s, t| s.attempt(t, AttemptState::Voided, None)),
    ("refunded", "Paid back", |s, t| s.attempt(t, AttemptState::Refunded, None)),
    ("failed_tries", "Too many tries", |s, t| s.fail(t, FailWhy::TooManyTries(Field::Pan))),
    ("failed_time", "The time is over", |s, t| s.fail(t, FailWhy::TimedOut)),
    ("failed_cards", "Too many cards", |s, t| s.fail(t, FailWhy::PanLocked)),
    ("cancelled", "The agent stopped it", |s, t| {
        s.order(t);
        s.view.capture_cancelled = true;
    }),
    ("wrapped", "Wrapped up on a live call", |s, t| {
        s.attempt(t, AttemptState::Approved, None);
        (s.draft.wrapped, s.view.secured) = (true, false);
    }),
    ("records", "The rows cannot be read", |s, _| s.facts.unreadable = true),
    ("ended", "The customer hung up at the code", |s, t| {
        s.order(t);
        s.end(EndedWhy::CustomerHungUp);
    }),
    ("ended_approved", "Over, the receipt is to be sent", |s, t| {
        s.attempt(t, AttemptState::Approved, None);
        s.end(EndedWhy::CustomerHungUp);
    }),
    ("ended_sending", "Over, and still at the bank", |s, t| {
        s.attempt(t, AttemptState::Sending, None);
        s.end(EndedWhy::AgentHungUp);
    }),
    ("ended_declined", "Over, and a choice is missing", |s, t| {
        s.decline(t, DeclineClass::TryOtherCard, None, "05");
        s.end(EndedWhy::CustomerHungUp);
    }),
    ("unreachable", "The phone did not answer", |s, _| s.end(EndedWhy::AgentUnreachable)),
    ("crashed", "Something of ours failed", |s, t| {
        s.order(t);
        s.end(EndedWhy::Crashed);
    }),
    ("cut_off", "Cut off by a restart", |s, _| {
        s.end(EndedWhy::Shutdown);
        s.cut_off = true;
    }),
    ("cut_off_unknown", "Cut off with a payment under way", |s, t| {
        s.attempt(t, AttemptState::Unknown, None);
        s.end(EndedWhy::Shutdown);
        s.cut_off = true;
    }),
];

/// All of them, as an agent of that organisation would see them.
pub fn samples(tenant: &Tenant) -> Vec<Sample> {
    let nobody = AgentId("agent".to_owned());
    let agent = tenant.agents.first().map_or(&nobody, |agent| &agent.id);
    let idle = |name, title, others| {
        let screen = build::screen(&scene(tenant, agent, None, others));
        Sample { name, title, screen: Screen { seq: 1, ..screen } }
    };
    let waiting = OtherShown {
        id: CallId::from_random(random(7)).as_str().to_owned(),
        caller: "+447700900456".to_owned(),
        words: "Nobody has this call".to_owned(),
    };
    let mut all = vec![
        idle("ready", "No call", Vec::new()),
        idle("ready_others", "No call, and one that nobody has", vec![waiting]),
    ];
    for (name, title, change) in CALLS.iter().chain(line::LINES) {
        let mut stand = Stand::new(tenant, agent);
        change(&mut stand, tenant);
        all.push(Sample { name, title, screen: stand.screen(tenant, agent) });
    }
    all
}

fn scene<'a>(
    tenant: &'a Tenant,
    agent: &'a AgentId,
    call: Option<OnScreen<'a>>,
    others: Vec<OtherShown>,
) -> Scene<'a> {
    Scene { tenant, agent, now: now(), mail_on: true, call, others }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW_S).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Bits that look like random ones: an id of zeros would look like a number.
fn random(nth: u128) -> u128 {
    0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834_u128.wrapping_mul(2 * nth + 1)
}

fn money(tenant: &Tenant, minor: i64) -> Money {
    Money { minor, currency: tenant.currency }
}

fn invoice(tenant: &Tenant) -> Invoice {
    Invoice {
        account: "INV-1001".to_owned(),
        name: "Grace Adeyemi".to_owned(),
        amount: money(tenant, 1_250),
        due: Some("2026-12-01".to_owned()),
        house_number: "12".to_owned(),
        postcode: "TD15 9EN".to_owned(),
        email: "grace@example.com".to_owned(),
    }
}

impl Stand {
    fn new(tenant: &Tenant, agent: &AgentId) -> Stand {
        Stand {
            view: CallView {
                id: CallId::from_random(random(1)),
                route: RouteKind::OnDemand,
                agent: Some(agent.clone()),
                caller: "+447700900123".to_owned(),
                phase: Phase::Connected,
                secured: true,
                secured_ms: Some(640),
                unwell: None,
                leaked: false,
                slow_keys: false,
                capture: nothing_keyed(),
                capture_open: false,
                capture_ends: None,
                capture_complete: false,
                capture_failed: None,
                capture_cancelled: false,
                payment: PayView::none(),
                keys: 0,
            },
            facts: CallFacts::default(),
            lookup: Lookup { search: Search::Found(vec![invoice(tenant)]), account: None },
            draft: Draft::default(),
            through_pbx: false,
            cut_off: false,
            closes: false,
            others: Vec::new(),
        }
    }

    fn screen(self, tenant: &Tenant, agent: &AgentId) -> Screen {
        let call = OnScreen {
            view: &self.view,
            facts: &self.facts,
            lookup: &self.lookup,
            draft: &self.draft,
            started_at: now() - Duration::from_secs(180),
            clock: Duration::from_secs(180),
            through_pbx: self.through_pbx,
            cut_off: self.cut_off,
            closes: self.closes,
        };
        Screen { seq: 1, ..build::screen(&scene(tenant, agent, Some(call), self.others)) }
    }

    fn order(&mut self, tenant: &Tenant) {
        self.view.payment.account = Some("INV-1001".to_owned());
        self.view.payment.amount = Some(money(tenant, 1_250));
    }

    fn card(&mut self, brand: Brand, last4: &str) {
        let capture = &mut self.view.capture;
        (capture.brand, capture.last4) = (Some(brand), Some(last4.to_owned()));
    }

    /// Asks for a field; those before it are closed.
    fn ask(&mut self, tenant: &Tenant, field: Field) {
        self.order(tenant);
        let order =
            [Field::Pan, Field::Expiry, Field::Code, Field::HouseNumber, Field::Postcode, Field::Address];
        let before: Vec<Field> = order.into_iter().take_while(|own| *own != field).collect();
        if before.contains(&Field::Pan) && self.view.capture.last4.is_none() {
            self.card(Brand::Visa, "5262");
        }
        let capture = &mut self.view.capture;
        let pan_len = capture.brand.map_or(16, |brand| brand.usual_len()) as u8;
        let code_len = capture.brand.map_or(3, |brand| brand.code_len()) as u8;
        capture.closed = before
            .iter()
            .filter(|own| matches!(own, Field::Pan | Field::Expiry | Field::Code))
            .map(|own| {
                (
                    *own,
                    if *own == Field::Pan {
                        pan_len
                    } else if *own == Field::Code {
                        code_len
                    } else {
                        4
                    },
                )
            })
            .collect();
        capture.expiry = before.contains(&Field::Expiry).then_some(Expiry { month: 12, year: 2030 });
        capture.code_digits = if before.contains(&Field::Code) { code_len } else { 0 };
        (capture.field, capture.tries_left) = (Some(field), tenant.capture.tries);
        self.view.capture_open = true;
        self.view.capture_ends = Some(Duration::from_secs(180 + 540));
    }

    fn complete(&mut self, tenant: &Tenant) {
        self.ask(tenant, Field::Address);
        self.view.capture.field = None;
        self.view.capture_complete = true;
        self.view.capture.address_given = true;
        self.draft.address = Address::parse("12", "TD15 9EN");
    }

    fn fail(&mut self, tenant: &Tenant, why: FailWhy) {
        self.order(tenant);
        self.view.capture_failed = Some(why);
    }

    fn end(&mut self, why: EndedWhy) {
        (self.view.phase, self.view.secured) = (Phase::Ended(why), false);
        self.view.capture_open = false;
    }
}
