//! Scripts of what happens to a call, and what it wants done.
//!
//! A script is a list of words; each gives one line. What happens: `begin`, `ring`, `answer:8`,
//! `fail:486`, `ack:0`, `offer:c:8/sendonly`, `reanswer:a:8/recvonly`, `reanswer:a:!488`, `bye:c`,
//! `k:4111111111111111*`, `a:*7`, `lost`, `flow`, `unwell:source`, `well`, `leaked`, `paid:1:approved`, `shutdown`, `timer`, and time with
//! the timers in it (`+60s`, `+500ms`). With `paid:1:declined/code` (a field to fix) and `paid:1:declined/later`
//! comes what may be kept of the card, `paid:1:declined` brings none. What an agent wishes: `secure`, `unsecure`, `collect:INV1:1250`,
//! `take:1`, `cancel`, `reask:pan`, `more`, `address:12,TD15`, `claim:ann`, `hangup`, `slow`, `fast`. `view` and `field` show it.
//! An SDP is `payload types[/direction][@port]`, `-` for none, `junk` for bytes that are none.
//! No digit of a card is ever printed.

mod ends;
mod health;
mod kept;
mod pay;
mod properties;
mod relay;
mod route_1;
mod route_2;
mod screen;
mod secure;

use super::*;
use crate::capture::Field;
use crate::ids::{AgentId, TenantId};
use crate::money::Currency;
use crate::payment::attempt::AttemptState;
use crate::payment::outcome::DeclineClass;
use crate::sdp;
use crate::tenant::{
    AddressCheck, Brand, Branding, CapturePlan, Crm, EndKey, GatewayAccount, GatewayKind, MaskStyle,
};
use expect_test::{Expect, expect};
use tonewall_secret::Secret;

const CARD: &str = "k:4111111111111111* k:1230* k:123*";

pub(crate) fn tenant() -> Tenant {
    Tenant {
        id: TenantId::parse("harbour").expect("a slug"),
        name: "Harbour".into(),
        currency: Currency::GBP,
        time_zone: "Europe/London".into(),
        trunks: Vec::new(),
        numbers: Vec::new(),
        agents: Vec::new(),
        capture: CapturePlan {
            end_key: EndKey::Star,
            first_key: Duration::from_secs(30),
            between_keys: Duration::from_secs(8),
            total: Duration::from_secs(600),
            tries: 3,
            brands: vec![Brand::Visa, Brand::Mastercard],
            address: AddressCheck::Off,
        },
        mask: MaskStyle::Tone,
        dial_tone_hz: None,
        tap: false,
        branding: Branding {
            colour: "#204060".into(),
            statement_name: "HARBOUR".into(),
            legal_name: "Harbour Supplies Ltd".into(),
            address: "1 Quay Street, Berwick-upon-Tweed".into(),
            help: "01289 300 100".into(),
            refund_policy: "Refunds within 14 days.".into(),
            reply_to: "help@harbour.example".into(),
            logo: None,
        },
        gateway: GatewayAccount {
            kind: GatewayKind::Sandbox,
            url: "http://127.0.0.1:1".into(),
            merchant: "moto".into(),
            secret: Secret::new("s".into()),
            timeout: Duration::from_secs(40),
        },
        crm: Crm::None,
        api_token: Secret::new("t".into()),
    }
}

fn plan(route: RouteKind, secure_code: &str) -> Plan {
    Plan {
        route,
        agent: (route == RouteKind::OnDemand).then(|| AgentId("ann".into())),
        trunk: "pbx".into(),
        extension: "201".into(),
        secure_code: secure_code.into(),
    }
}

fn sdp_of(side: Side, spec: &str) -> Option<Vec<u8>> {
    if spec == "-" {
        return None;
    }
    if spec == "junk" {
        return Some(b"junk".to_vec());
    }
    let (host, port) = match side {
        Side::Customer => ("10.0.0.1", "4000"),
        Side::Agent => ("10.0.0.2", "5000"),
    };
    let (spec, port) = spec.split_once('@').unwrap_or((spec, port));
    let (pts, direction) = spec.split_once('/').unwrap_or((spec, "sendrecv"));
    let pts = pts.replace(',', " ");
    let head = format!("v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n");
    Some(format!("{head}m=audio {port} RTP/AVP {pts}\r\na={direction}\r\n").into_bytes())
}

fn told(bytes: &[u8]) -> String {
    let remote = sdp::read(bytes).expect("what we send can be read");
    let pts: Vec<String> = remote.audio.iter().map(|(pt, _)| pt.to_string()).collect();
    match remote.direction {
        Direction::SendRecv => pts.join(","),
        direction => format!("{}/{}", pts.join(","), direction.as_str()),
    }
}

fn attempt_id(number: u128) -> AttemptId {
    AttemptId::from_random(number)
}

fn number_of(known: impl Fn(u128) -> bool) -> u128 {
    (0..100).find(|number| known(*number)).expect("an id of the script")
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Customer => "customer",
        Side::Agent => "agent",
    }
}

fn show(effect: &Effect) -> String {
    match effect {
        Effect::Ring => "ring".into(),
        Effect::Answer(sdp) => format!("answer[{}]", told(sdp)),
        Effect::Reject(code) => format!("reject {code}"),
        Effect::Dial { offer, auto_answer } => {
            format!("dial[{}]{}", told(offer), if *auto_answer { " auto" } else { "" })
        }
        Effect::End(side) => format!("end {}", name(*side)),
        Effect::Settle(side, settled) => {
            format!("settle {} {}:{}", name(*side), settled.audio_pt, settled.rtp.port())
        }
        Effect::Secure(on) => if *on { "SECURE" } else { "OPEN" }.into(),
        Effect::Field(open) => if *open { "field" } else { "field closed" }.into(),
        Effect::SlowKeys(on) => if *on { "slow keys" } else { "usual keys" }.into(),
        Effect::Reinvite(side, sdp) => format!("reinvite {}[{}]", name(*side), told(sdp)),
        Effect::AcceptOffer(side, sdp) => format!("accept {}[{}]", name(*side), told(sdp)),
        Effect::RefuseOffer(side, code) => format!("refuse {} {code}", name(*side)),
        Effect::Authorise(order) => {
            let attempt = number_of(|n| AttemptId::from_random(n) == order.attempt);
            let payment = number_of(|n| PaymentId::from_random(n) == order.payment);
            let card = &order.card;
            format!(
                "AUTHORISE at{attempt} pm{payment} {} {} {} ..{} code:{}",
                order.account,
                order.amount,
                card.brand.as_str(),
                card.pan.masked().last4,
                card.cvc.len()
            )
        }
        Effect::Changed => "changed".into(),
        Effect::Over(why) => format!("over {}", why.as_str()),
    }
}

/// The effects in a line; that people see a change is told only where nothing else happens.
fn line(effects: &[Effect]) -> String {
    let parts: Vec<String> =
        effects.iter().filter(|effect| !matches!(effect, Effect::Changed)).map(show).collect();
    match (parts.is_empty(), effects.is_empty()) {
        (true, true) => "nothing".into(),
        (true, false) => "changed".into(),
        (false, _) => parts.join(", "),
    }
}

fn field(name: &str) -> Field {
    match name {
        "pan" => Field::Pan,
        "expiry" => Field::Expiry,
        "code" => Field::Code,
        "house" => Field::HouseNumber,
        "postcode" => Field::Postcode,
        "address" => Field::Address,
        other => panic!("no field {other}"),
    }
}

fn side(name: &str) -> Side {
    match name {
        "c" => Side::Customer,
        "a" => Side::Agent,
        other => panic!("no side {other}"),
    }
}

/// `500ms`, `3s` or `4h`.
fn span(word: &str) -> Duration {
    let count = |text: &str| text.parse::<u64>().expect("a time");
    match (word.strip_suffix("ms"), word.strip_suffix('h')) {
        (Some(text), _) => Duration::from_millis(count(text)),
        (None, Some(text)) => Duration::from_secs(count(text) * 3_600),
        (None, None) => Duration::from_secs(count(word.trim_end_matches('s'))),
    }
}

fn state(word: &str) -> AttemptState {
    AttemptState::parse(word).expect("a state of an attempt")
}

struct Script {
    call: Call,
    now: Duration,
    collected: u128,
    /// The card of the last attempt without its code, as the gateway's side holds it.
    sent: Option<Kept>,
}

impl Script {
    fn new(plan: Plan, offer: &str) -> Script {
        Script::of(tenant(), plan, offer)
    }

    fn of(tenant: Tenant, plan: Plan, offer: &str) -> Script {
        let local = |port: u16, session| Local { rtp: ([127, 0, 0, 1], port).into(), session, version: 1 };
        let now = Duration::from_secs(1_000);
        let start = Start {
            id: CallId::from_random(1),
            tenant: Arc::new(tenant),
            plan,
            caller: "+441289300100".into(),
            offer: sdp_of(Side::Customer, offer).map(|sdp| sdp::read(&sdp).expect("a good offer")),
            customer: local(9000, 7),
            agent: local(9002, 8),
            today: YearMonth { year: 2026, month: 11 },
        };
        Script { call: Call::new(start, now), now, collected: 0, sent: None }
    }

    fn wait(&mut self, word: &str) -> Vec<Effect> {
        let target = self.now + span(word);
        let mut effects = Vec::new();
        for _ in 0..20 {
            let Some(at) = self.call.next_timeout().filter(|at| *at <= target) else {
                self.now = target;
                return effects;
            };
            self.now = at.max(self.now);
            effects.extend(self.call.step(self.now, Input::Timer));
        }
        panic!("a timer that is due again and again");
    }

    fn keys(&mut self, keys: &str, input: fn(Key) -> Input) -> Vec<Effect> {
        let keys = keys.chars().map(|c| Key::from_char(c).expect("a key"));
        keys.flat_map(|key| self.call.step(self.now, input(key))).collect()
    }

    fn collect(&mut self, rest: &str) -> Command {
        let (account, minor) = rest.split_once(':').expect("account:minor");
        self.collected += 1;
        Command::Collect {
            payment: PaymentId::from_random(self.collected),
            account: account.replace('_', " "),
            amount: Money { minor: minor.parse().expect("pence"), currency: Currency::GBP },
            confirmed: false,
        }
    }

    fn wish(&mut self, verb: &str, rest: &str) -> Option<Command> {
        Some(match verb {
            "secure" => Command::Secure,
            "unsecure" => Command::Unsecure,
            "collect" => self.collect(rest),
            "take" => Command::Take(attempt_id(rest.parse().expect("a number"))),
            "cancel" => Command::Cancel,
            "reask" => Command::Reask(field(rest)),
            "more" => Command::MoreTime,
            "address" => {
                let (house, postcode) = rest.split_once(',').expect("house,postcode");
                Command::Address(Address { house_number: house.into(), postcode: postcode.into() })
            }
            "claim" => Command::Claim(AgentId(rest.into())),
            "hangup" => Command::Hangup,
            "slow" => Command::SlowKeys(true),
            "fast" => Command::SlowKeys(false),
            _ => return None,
        })
    }

    fn input(&mut self, verb: &str, rest: &str) -> Input {
        let (first, second) = rest.split_once(':').unwrap_or((rest, ""));
        match verb {
            "begin" => Input::Begin,
            "ring" => Input::Ringing,
            "answer" => Input::Answered(sdp_of(Side::Agent, rest).unwrap_or_default()),
            "fail" => Input::Failed(rest.parse().expect("a status")),
            "ack" => Input::Confirmed(sdp_of(Side::Customer, rest)),
            "offer" => Input::Offer(side(first), sdp_of(side(first), second)),
            "reanswer" => Input::Reanswered(
                side(first),
                match second.strip_prefix('!') {
                    Some(code) => Err(code.parse().expect("a status")),
                    None => Ok(sdp_of(side(first), second).unwrap_or_default()),
                },
            ),
            "bye" => Input::Ended(side(rest)),
            "lost" => Input::KeyLost,
            "flow" => Input::Flowing,
            "unwell" => Input::Health(Unwell::ALL.into_iter().find(|why| why.as_str() == rest)),
            "well" => Input::Health(None),
            "leaked" => Input::Leaked,
            "paid" => self.paid(first.parse().expect("a number"), second),
            "timer" => Input::Timer,
            "shutdown" => Input::Shutdown,
            other => panic!("no word {other}"),
        }
    }

    fn word(&mut self, word: &str) -> String {
        if word == "view" {
            return self.view();
        }
        if word == "field" {
            return self.field();
        }
        if let Some(time) = word.strip_prefix('+') {
            return line(&self.wait(time));
        }
        let (verb, rest) = word.split_once(':').unwrap_or((word, ""));
        if let Some(command) = self.wish(verb, rest) {
            return match self.call.command(self.now, command) {
                Ok(effects) => {
                    let told = line(&effects);
                    self.note(effects);
                    told
                }
                Err(why) => format!("no: {why:?}"),
            };
        }
        line(&match verb {
            "k" => self.keys(rest, Input::Key),
            "a" => self.keys(rest, Input::AgentKey),
            _ => {
                let input = self.input(verb, rest);
                self.call.step(self.now, input)
            }
        })
    }

    /// News of an attempt, with what may be kept where a field is wrong or the bank may say yes later.
    fn paid(&mut self, attempt: u128, word: &str) -> Input {
        let kept = self.sent.take().filter(|_| word.starts_with("declined/"));
        Input::Paid(attempt_id(attempt), news(word), kept)
    }

    /// The gateway's side spends the code and holds the rest.
    fn note(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Authorise(order) = effect {
                self.sent = Some(order.card.part().0);
            }
        }
    }

    fn view(&self) -> String {
        let view = self.call.view();
        let open = if view.secured { "secured" } else { "open" };
        let first = view.secured_ms.map(|ms| format!(" after {ms} ms")).unwrap_or_default();
        let state = match view.payment.state {
            PayState::None => "none",
            PayState::Attempt(state) => state.as_str(),
        };
        format!("{:?} {open}{first}, payment {state}, {} keys", view.phase, view.keys)
    }

    fn field(&self) -> String {
        let view = self.call.view();
        match (view.capture_open, view.capture.field) {
            (true, Some(field)) => format!("{field:?} {}", view.capture.filled),
            (true, None) => "complete".into(),
            (false, _) => match (view.capture_failed, view.capture_cancelled) {
                (Some(why), _) => format!("failed {why:?}"),
                (None, true) => "cancelled".into(),
                (None, false) => "closed".into(),
            },
        }
    }

    /// One line a word; how keys are written there never tells a digit.
    fn run(&mut self, script: &str) -> String {
        let mut shown = String::new();
        for word in script.split_whitespace() {
            let told = self.word(word);
            let word = if word.starts_with("k:") { "keys" } else { word };
            shown += &format!("{word} => {told}\n");
        }
        shown
    }
}

fn news(word: &str) -> Attempted {
    let say = String::from("say");
    match word.split_once('/').unwrap_or((word, "")) {
        ("recorded", _) => Attempted::Recorded,
        ("unrecorded", why) => Attempted::NotRecorded {
            why: match why {
                "unsettled" => Unrecorded::Unsettled,
                "taken" => Unrecorded::TakenBefore,
                "account" => Unrecorded::Account,
                _ => Unrecorded::NotStarted,
            },
            say,
        },
        (word, fix) => Attempted::Concluded {
            state: state(word),
            auth_code: None,
            say,
            class: (word == "declined").then_some(match fix {
                "" => DeclineClass::TryOtherCard,
                "later" => DeclineClass::RetryLater,
                _ => DeclineClass::FixData,
            }),
            fix: (!matches!(fix, "" | "later")).then(|| field(fix)),
        },
    }
}

/// Route 1, with `*7` as the agent's code, from a customer who offers PCMA and PCMU.
fn route_1(script: &str, expected: Expect) {
    expected.assert_eq(&Script::new(plan(RouteKind::InPath, "*7"), "8,0").run(script));
}

/// The same, when both legs are up on PCMA.
fn connected(script: &str, expected: Expect) {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run("begin ring answer:8 ack:-");
    expected.assert_eq(&run.run(script));
}

/// Route 2, from the same customer.
fn route_2(script: &str, expected: Expect) {
    expected.assert_eq(&Script::new(plan(RouteKind::OnDemand, ""), "8,0").run(script));
}

/// Connected, and a whole card is keyed for INV1 over 12.50.
fn complete(script: &str, expected: Expect) {
    let mut run = Script::new(plan(RouteKind::InPath, "*7"), "8,0");
    run.run(&format!("begin answer:8 ack:- collect:INV1:1250 {CARD}"));
    expected.assert_eq(&run.run(script));
}
