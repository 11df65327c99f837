//! What no screen may ever show: digits of a card, over real captures of published test numbers.

use super::build::{self, OnScreen, Scene};
use super::draft::Draft;
use super::facts::CallFacts;
use super::lookup::Lookup;
use super::shown::Screen;
use super::tests::{harbour, json};
use expect_test::expect;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tonewall_model::call::{CallView, PayView, Phase};
use tonewall_model::capture::{Capture, Effect, Field, Input};
use tonewall_model::card::YearMonth;
use tonewall_model::ids::CallId;
use tonewall_model::route::RouteKind;
use tonewall_model::tenant::{AddressCheck, Brand, CapturePlan, Tenant};
use tonewall_secret::Key;

/// A call whose capture is what a real machine makes of keys.
struct Keyed {
    capture: Capture,
    plan: CapturePlan,
    tenant: Arc<Tenant>,
    now: Duration,
    failed: bool,
}

impl Keyed {
    fn new(address: AddressCheck) -> Keyed {
        let tenant = harbour();
        let plan = CapturePlan { brands: Brand::ALL.to_vec(), address, ..tenant.capture.clone() };
        let today = YearMonth { year: 2026, month: 11 };
        let mut keyed =
            Keyed { capture: Capture::new(&plan, today), plan, tenant, now: Duration::ZERO, failed: false };
        keyed.step(Input::Open);
        keyed
    }

    fn step(&mut self, input: Input) {
        self.now += Duration::from_millis(400);
        let effects = self.capture.step(self.now, input);
        self.failed |= effects.iter().any(|effect| matches!(effect, Effect::Failed(_)));
    }

    fn key(&mut self, c: char) {
        self.step(Input::Key(Key::from_char(c).expect("a key")));
    }

    fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|c| self.key(c));
    }

    fn screen(&self) -> Screen {
        let view = CallView {
            id: CallId::from_random(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834),
            route: RouteKind::OnDemand,
            agent: None,
            caller: String::new(),
            phase: Phase::Connected,
            secured: true,
            secured_ms: Some(500),
            unwell: None,
            leaked: false,
            slow_keys: false,
            capture: self.capture.progress(),
            capture_open: self.capture.is_open(),
            capture_ends: self.capture.ends_at(),
            capture_complete: self.capture.is_open() && self.capture.progress().field.is_none(),
            capture_failed: None,
            capture_cancelled: false,
            payment: PayView::none(),
            keys: 0,
        };
        let agent = &self.tenant.agents[0].id;
        build::screen(&Scene {
            tenant: &self.tenant,
            agent,
            now: OffsetDateTime::UNIX_EPOCH,
            mail_on: true,
            call: Some(OnScreen {
                view: &view,
                facts: &CallFacts::default(),
                lookup: &Lookup::default(),
                draft: &Draft::default(),
                started_at: OffsetDateTime::UNIX_EPOCH,
                clock: self.now,
                through_pbx: false,
                cut_off: false,
                closes: false,
            }),
            others: Vec::new(),
        })
    }
}

/// Published test numbers, one a brand and length.
const CARDS: [&str; 9] = [
    "4263970000005262",
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "3566002020360505",
    "6200000000000005",
    "6771798021000008",
    "3056930009020004",
];

/// The digits of a text, with whatever separates groups taken out.
fn joined(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '•' | '.' | '/')).collect()
}

fn holds_none_of(pan: &str, screen: &Screen, at: &str) {
    let text = json(screen);
    let joined = joined(&text);
    // Four digits in a row are in times and dates too; the last four are allowed.
    for from in 0..=pan.len() - 5 {
        let run = &pan[from..from + 5];
        assert!(!joined.contains(run), "{at}: {run} is on the screen");
    }
    let last4 = &pan[pan.len() - 4..];
    let closed = screen.fields.iter().any(|field| field.name == "pan" && field.state == "complete");
    assert!(closed || !text.contains(last4), "{at}: last four of an open number");
}

#[test]
fn no_digit_of_a_card_beyond_last_four_and_expiry_is_ever_on_a_screen() {
    for pan in CARDS {
        let code = if pan.starts_with("37") { "9073" } else { "907" };
        let script = format!("{pan}*1230*{code}*");
        let mut keyed = Keyed::new(AddressCheck::Typed);
        for (place, c) in script.chars().enumerate() {
            keyed.key(c);
            holds_none_of(pan, &keyed.screen(), &format!("{pan} after {place}"));
        }
        assert_eq!(keyed.screen().stage, "address", "{pan}");
        let fields = keyed.screen().fields;
        assert!(fields[0].value.ends_with(&pan[pan.len() - 4..]) && fields[1].value == "12/30");
        assert!(fields[2].value.chars().all(|c| c == '•') && fields[2].value.chars().count() == code.len());
    }
}

/// A small generator (Knuth's MMIX multiplier), so that a failure is one seed.
fn next(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

#[test]
fn nor_after_any_slips_clears_and_reasks() {
    for seed in 0..300_u64 {
        let mut state = seed;
        let pan = CARDS[next(&mut state, CARDS.len() as u64) as usize];
        let mut keyed = Keyed::new(AddressCheck::Keyed);
        for _ in 0..40 {
            match next(&mut state, 9) {
                0 => keyed.key('#'),
                1 => keyed.key('*'),
                2 => keyed.keys("1230*"),
                3 => {
                    let fields = [Field::Pan, Field::Expiry, Field::Code, Field::HouseNumber];
                    keyed.step(Input::Reask(fields[next(&mut state, 4) as usize]));
                }
                4 => keyed.step(Input::Timer),
                5 => keyed.keys(&pan[..next(&mut state, pan.len() as u64) as usize]),
                6 => keyed.keys("907*"),
                _ => keyed.keys(&format!("{pan}*")),
            }
            if keyed.failed {
                break;
            }
            let screen = keyed.screen();
            let text = joined(&json(&screen));
            for from in 0..=pan.len() - 5 {
                let run = &pan[from..from + 5];
                assert!(!text.contains(run), "seed {seed}: {run} is on the screen");
            }
        }
    }
}

#[test]
fn a_screen_does_not_depend_on_the_code() {
    let with = |code: &str| {
        let mut keyed = Keyed::new(AddressCheck::Off);
        keyed.keys("4263970000005262*1230*");
        let mut seen = Vec::new();
        for c in format!("{code}*").chars() {
            keyed.key(c);
            seen.push(json(&keyed.screen()));
        }
        seen
    };
    for code in ["123", "000", "999"] {
        assert_eq!(with("907"), with(code));
    }
}

#[test]
fn announcements_change_with_fields_and_not_with_keys() {
    let mut keyed = Keyed::new(AddressCheck::Off);
    let mut told = vec![keyed.screen().announce];
    for c in "4263970000005262*1330*1230*907*".chars() {
        keyed.key(c);
        let announce = keyed.screen().announce;
        if told.last() != Some(&announce) {
            told.push(announce);
        }
    }
    let polite: Vec<&str> = told.iter().map(|announce| announce.polite.as_str()).collect();
    expect![[r#"
        Line secure. Asking for the card number.
        Line secure. Card number complete, ending 5262. Asking for the expiry date.
        Line secure. Expiry date: There is no such month. Asking again. 2 tries left
        Line secure. Card number complete, ending 5262. Asking for the expiry date.
        Line secure. Expiry date complete, 12/30. Asking for the security code.
        Line secure. Security code complete. Take payment is possible now."#]]
    .assert_eq(&polite.join("\n"));
    assert!(told.iter().all(|announce| announce.assertive.is_empty()));
    // A note on too many digits changes with each of them; the announcement does not.
    let mut keyed = Keyed::new(AddressCheck::Off);
    keyed.keys("37828224631000512");
    let before = keyed.screen();
    keyed.key('3');
    let after = keyed.screen();
    assert_ne!(before.fields[0].note, after.fields[0].note);
    assert_eq!(before.announce, after.announce);
    assert_eq!(keyed.plan.tries, harbour().capture.tries);
}
