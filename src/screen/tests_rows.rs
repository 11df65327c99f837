//! Screens of calls that are in rows alone, over a real store; and the stream of one.

use super::commands::asked_about;
use super::desk::{Options, Screens, Who};
use super::draft::Draft;
use super::facts::CallFacts;
use super::follow::{Follow, Frame};
use super::shown::Screen;
use super::{AgreementForm, ProblemKind};
use crate::calls::{Arbiters, Desk, Registry, Surroundings};
use crate::events::Events;
use crate::evidence::Recorder;
use crate::metrics::Metrics;
use crate::tenancy::{Tenants, tests::Folder};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tonewall_connectors::driver::{GatewayClient, Pace};
use tonewall_model::call::Unrecorded;
use tonewall_model::ids::{AgentId, AttemptId, CallId, PaymentId, TenantId};
use tonewall_model::money::{Currency, Money};
use tonewall_model::payment::{Approval, Decline, DeclineClass, Means, Outcome, UnknownWhy};
use tonewall_store::{CallRecord, CardFacts, MeansRow, NewAttempt, Store, StoreOptions, TenantStore};
use tonewall_telephony::media::{MediaOptions, MediaRuntime};
use tonewall_telephony::sip::{SipEndpoint, SipOptions};

struct World {
    screens: Screens,
    store: TenantStore,
    _folder: Folder,
}

fn random(nth: u128) -> u128 {
    0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834_u128.wrapping_mul(2 * nth + 1)
}

fn who(agent: &str) -> Who {
    let tenant = if agent == "cleo" { "northwind" } else { "harbour" };
    Who { tenant: TenantId::parse(tenant).expect("a slug"), agent: AgentId(agent.to_owned()) }
}

impl World {
    async fn new(name: &str) -> World {
        World::reading_on(Handle::current(), name).await
    }

    /// A world whose rows are read on this runtime; where that does not run, none ever come.
    async fn reading_on(runtime: Handle, name: &str) -> World {
        crate::cli::install_tls();
        let folder = Folder::new(name);
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("tonewall.db").display());
        tonewall_store::migrate(&url).await.expect("migrated");
        let store = Store::open(&url, StoreOptions::default()).await.expect("store");
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let sip = SipOptions { listen: local, advertised: None, t1: Duration::from_millis(500) };
        let (sip, _) = SipEndpoint::start(sip).await.expect("SIP");
        let media = MediaOptions { bind: local.ip(), advertised: None, ports: 30_000..=30_003, threads: 1 };
        let (events, metrics) = (Arc::new(Events::new()), Metrics::new());
        let evidence = Recorder::unsigned(&store, &runtime, &metrics);
        let registry =
            Registry::new(runtime.clone(), store.clone(), Arc::clone(&events), metrics.clone(), evidence);
        let desk = Desk::new(Surroundings {
            runtime,
            sip,
            media: Arc::new(MediaRuntime::start(&media).expect("media")),
            store: store.clone(),
            gateways: Arc::new(GatewayClient::new(Pace::default()).expect("client")),
            tenants: Arc::new(Tenants::new(super::tests::tenants())),
            registry: Arc::new(registry),
            events,
            metrics,
            arbiters: Arc::new(Arbiters::start(1)),
            calls_per_tenant_max: 10,
            tap_folder: None,
        });
        let screens = Screens::new(desk, Options { mail_on: true });
        World { screens, store: store.tenant(&who("ada").tenant), _folder: folder }
    }

    /// A call of Ada's that the process did not survive, and its one attempt.
    async fn interrupted(&self, outcome: Option<Outcome>) -> CallId {
        let call = CallId::from_random(random(1));
        let now = OffsetDateTime::now_utc();
        let record = CallRecord {
            id: call.clone(),
            route: "on_demand".to_owned(),
            agent: Some(AgentId("ada".to_owned())),
            caller: Some("+447700900123".to_owned()),
            started_at: now,
            secured_at: Some(now),
            ended_at: None,
            ended_why: None,
            keys: 24,
            scope: None,
            wrapped_at: None,
        };
        self.store.record_call(record).await.expect("recorded");
        if let Some(outcome) = outcome {
            let id = AttemptId::from_random(random(2));
            self.store.begin_attempt(attempt(&id, &call)).await.expect("begun");
            self.store.conclude(&id, outcome, now).await.expect("concluded");
        }
        self.screens.desk().around().store.close_interrupted_calls(now).await.expect("closed");
        call
    }

    async fn current(&self, agent: &str) -> Screen {
        self.screens.current(&who(agent), None).await
    }
}

fn attempt(id: &AttemptId, call: &CallId) -> NewAttempt {
    let now = OffsetDateTime::now_utc();
    NewAttempt {
        id: id.clone(),
        payment: PaymentId::from_random(random(3)),
        call: call.clone(),
        agent: AgentId("ada".to_owned()),
        account: "INV-1001".to_owned(),
        amount: Money { minor: 1_250, currency: Currency::GBP },
        gateway: "sandbox".to_owned(),
        merchant: "harbour-moto".to_owned(),
        idempotency_key: None,
        card: CardFacts {
            brand: "visa".to_owned(),
            first6: "426397".to_owned(),
            last4: "5262".to_owned(),
            expiry: "12/30".to_owned(),
        },
        deadline_at: now + Duration::from_secs(120),
        taken_since: None,
        at: now,
    }
}

fn declined() -> Outcome {
    Outcome::Declined(Decline {
        class: DeclineClass::TryOtherCard,
        scheme_code: Some("05".to_owned()),
        advice: None,
        gateway_code: "generic_decline".to_owned(),
        say: "Your bank hasn't approved it this time.".to_owned(),
    })
}

fn approved() -> Outcome {
    Outcome::Approved(Approval { auth_code: "408432".to_owned(), ..Approval::default() })
}

#[actix::test]
async fn a_decline_outlives_a_restart_until_the_agent_has_chosen() {
    let world = World::new("screen-declined").await;
    let (ada, call) = (who("ada"), world.interrupted(Some(declined())).await);
    let screen = world.current("ada").await;
    assert_eq!((screen.stage, screen.line.state, screen.can.wrap_up), ("declined", "ended", false));
    let notice = screen.notice.expect("a notice").words;
    assert_eq!(
        notice,
        "This call was cut off when the service restarted. The line is not secured. Nothing has been taken."
    );
    assert!(screen.say.is_empty(), "nobody is on the line");
    assert_eq!(screen.fields[0].value, "•••• 5262");

    let refused = world.screens.wrap_up(&ada, &call).await.expect_err("a choice is missing");
    assert_eq!((refused.kind, refused.code), (ProblemKind::Conflict, "must_choose"));
    let card = world.screens.means(&ada, &call, "later", "4263 9700 0000 5262").await.expect_err("a card");
    assert_eq!((card.code, card.field), ("card_number", Some("note")));
    assert!(world.screens.means(&ada, &call, "cash", "").await.is_err());
    world.screens.means(&ada, &call, "bank_transfer", "tonight").await.expect("chosen");
    let screen = world.current("ada").await;
    let choice = screen.choice.expect("a choice");
    assert!(choice.words.starts_with("Bank transfer agreed at "), "{}", choice.words);
    assert_eq!(
        (choice.note.as_str(), screen.primary.action, screen.can.wrap_up),
        ("tonight", "wrap_up", true)
    );

    world.screens.wrap_up(&ada, &call).await.expect("wrapped up");
    let screen = world.current("ada").await;
    assert_eq!((screen.call, screen.stage, screen.line.state), (None, "ready", "none"));
    assert_eq!(world.screens.current(&ada, Some(&call)).await.call, None);
}

#[actix::test]
async fn nobody_else_sees_a_call_or_acts_on_it() {
    let world = World::new("screen-others").await;
    let call = world.interrupted(Some(declined())).await;
    for agent in ["ben", "cleo"] {
        let other = who(agent);
        let screen = world.screens.current(&other, Some(&call)).await;
        assert_eq!((screen.call, screen.others.len()), (None, 0), "{agent}");
        let problems = [
            world.screens.means(&other, &call, "later", "").await,
            world.screens.wrap_up(&other, &call).await,
            world.screens.claim(&other, &call).await,
            world.screens.receipt(&other, &call, "ann@example.com").await,
            world.screens.secure(&other, &call).await,
            world.screens.collect(&other, &call, "INV-1", "1.00", false).await,
        ];
        for problem in problems {
            assert_eq!(problem.expect_err(agent).kind, ProblemKind::NotFound);
        }
    }
}

#[actix::test]
async fn what_is_not_known_is_told_so_and_resolves_by_itself() {
    let world = World::new("screen-unknown").await;
    let call = world.interrupted(Some(Outcome::Unknown(UnknownWhy::ProcessDied))).await;
    let mut follow = world.screens.follow(who("ada"), None);
    let screen = next_screen(&mut follow).await;
    assert_eq!((screen.seq, screen.stage), (1, "unknown"));
    assert!(screen.outcome.expect("an outcome").money.contains("Don't take it again"));
    assert!(screen.offers.is_empty());
    let id = AttemptId::from_random(random(2));
    let found = tonewall_model::payment::Resolution::Found(approved());
    world.store.conclude(&id, found, OffsetDateTime::now_utc()).await.expect("resolved");
    world.screens.desk().around().events.bump(&call);
    let screen = next_screen(&mut follow).await;
    assert_eq!((screen.seq, screen.stage), (2, "approved"));
    assert_eq!(screen.outcome.expect("an outcome").auth_code.as_deref(), Some("408432"));
}

/// The next screen; beats before it are what they should be.
async fn next_screen(follow: &mut Follow) -> Screen {
    for _ in 0..20 {
        match tokio::time::timeout(Duration::from_secs(10), follow.next()).await.expect("a frame in time") {
            Frame::Screen(screen) => return *screen,
            Frame::Beat { secured, .. } => assert!(!secured, "nobody is on the line"),
        }
    }
    panic!("no screen among twenty frames");
}

#[actix::test]
async fn receipts_are_queued_counted_and_shown_live() {
    let world = World::new("screen-receipts").await;
    let (ada, call) = (who("ada"), world.interrupted(Some(approved())).await);
    let mut follow = world.screens.follow(ada.clone(), Some(call.clone()));
    let screen = next_screen(&mut follow).await;
    assert_eq!((screen.stage, screen.primary.action, screen.receipt.offered), ("approved", "receipt", true));
    for bad in ["", "ann", "4263970000005262@example.com"] {
        let problem = world.screens.receipt(&ada, &call, bad).await.expect_err(bad);
        assert_eq!((problem.kind, problem.field), (ProblemKind::Unprocessable, Some("email")), "{bad}");
    }
    for nth in 1..=5 {
        world.screens.receipt(&ada, &call, "ann@example.com").await.expect("queued");
        let screen = next_screen(&mut follow).await;
        assert_eq!((screen.receipt.items.len(), screen.primary.action), (nth, "wrap_up"));
        assert_eq!((screen.receipt.items[0].state, screen.receipt.offered), ("queued", nth < 5));
    }
    let problem = world.screens.receipt(&ada, &call, "ann@example.com").await.expect_err("a sixth");
    assert_eq!((problem.code, problem.field), ("too_many", Some("email")));
}

#[actix::test]
async fn an_authority_is_previewed_and_needs_a_customer_on_the_line() {
    let world = World::new("screen-agreement").await;
    let (ada, call) = (who("ada"), world.interrupted(Some(approved())).await);
    let limits = world.current("ada").await.agreement.limits;
    let form = AgreementForm {
        amount: "12.50".to_owned(),
        every: "month".to_owned(),
        start: limits.start_max,
        count: "12".to_owned(),
        ..AgreementForm::default()
    };
    let preview = world.screens.agreement_preview(&ada, &call, &form).await.expect("a preview");
    assert_eq!((preview.dates.len(), preview.count, preview.total.as_str()), (12, 12, "£150.00"));
    assert!(preview.consent.contains("£12.50 every month") && preview.consent.contains("5262"));
    let problem = world.screens.agreement(&ada, &call, &form).await.expect_err("nobody agreed");
    assert_eq!((problem.code, problem.field), ("not_agreed", Some("agreed")));
    // What was not read out, or not as it is now, is not agreed to.
    let later = AgreementForm { count: "11".to_owned(), read: preview.read.clone(), ..form.clone() };
    for unread in [form.clone(), later] {
        let unread = AgreementForm { agreed: true, ..unread };
        let problem = world.screens.agreement(&ada, &call, &unread).await.expect_err("not read out");
        assert_eq!((problem.kind, problem.code), (ProblemKind::Conflict, "not_read"));
    }
    let agreed = AgreementForm { agreed: true, read: preview.read, ..form };
    let problem = world.screens.agreement(&ada, &call, &agreed).await.expect_err("nobody is there");
    assert_eq!(problem.code, "call_ended");
}

#[actix::test]
async fn the_same_payment_within_the_hour_is_asked_about() {
    let world = World::new("screen-duplicate").await;
    world.interrupted(Some(approved())).await;
    let ada = who("ada");
    let tenant = world.screens.tenant(&ada).expect("a tenant");
    let ask = async |account: &str, minor| {
        let amount = Money { minor, currency: Currency::GBP };
        world.screens.taken_before(&ada, &tenant, account, amount).await.expect("read")
    };
    let question = ask("INV-1001", 1_250).await.expect("a question");
    assert!(question.starts_with("£12.50 for INV-1001 was taken at "), "{question}");
    assert!(question.ends_with(" by Ada Lindqvist. Take it again?"), "{question}");
    assert_eq!(ask("INV-1001", 1_251).await, None);
    assert_eq!(ask("INV-1002", 1_250).await, None);
}

#[actix::test]
async fn without_a_call_there_are_beats_and_nothing_is_secured() {
    let world = World::new("screen-beats").await;
    let mut follow = world.screens.follow(who("ada"), None);
    let screen = next_screen(&mut follow).await;
    assert_eq!((screen.stage, screen.dial.as_str()), ("ready", "8500 and your PIN"));
    for _ in 0..2 {
        let frame = tokio::time::timeout(Duration::from_secs(10), follow.next()).await.expect("a beat");
        assert_eq!(frame, Frame::Beat { seq: 1, secured: false });
    }
}

#[actix::test]
async fn rows_that_never_come_hold_no_beat_and_no_screen_back() {
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let world = World::reading_on(still.handle().clone(), "screen-no-rows").await;
    let in_time = Duration::from_millis(1_400);
    let ada = who("ada");
    let call = CallId::from_random(random(1));
    let screen = tokio::time::timeout(in_time, world.screens.current(&ada, Some(&call)));
    assert_eq!(screen.await.expect("a screen in time").stage, "ready");
    let mut follow = world.screens.follow(ada.clone(), Some(call));
    let first = tokio::time::timeout(in_time, follow.next()).await.expect("a first screen in time");
    assert!(matches!(first, Frame::Screen(_)), "{first:?}");
    for _ in 0..3 {
        follow.past.is_due = true;
        world.screens.desk().around().events.bump_tenant(&ada.tenant);
        let frame = tokio::time::timeout(in_time, follow.next()).await.expect("a beat in time");
        assert_eq!(frame, Frame::Beat { seq: 1, secured: false });
    }
    still.shutdown_background();
}

#[actix::test]
async fn earlier_calls_stay_on_screen_while_they_cannot_be_read() {
    let world = World::new("screen-kept").await;
    world.interrupted(Some(declined())).await;
    let mut follow = world.screens.follow(who("ada"), None);
    assert_eq!(next_screen(&mut follow).await.stage, "declined");
    world.screens.desk().around().store.clone().close().await;
    follow.past.is_due = true;
    let mut asked = follow.past.asked_at;
    for _ in 0..3 {
        let frame = tokio::time::timeout(Duration::from_secs(10), follow.next()).await.expect("a beat");
        assert_eq!(frame, Frame::Beat { seq: 1, secured: false });
        let again = follow.past.asked_at;
        assert!(again > asked, "asked for again at each beat");
        asked = again;
    }
}

#[actix::test]
async fn calls_of_others_make_no_screen_read_its_rows() {
    let world = World::new("screen-quiet").await;
    let ada = who("ada");
    let mut follow = world.screens.follow(ada.clone(), None);
    next_screen(&mut follow).await;
    for _ in 0..2 {
        world.screens.desk().around().events.bump_tenant(&ada.tenant);
        let frame = tokio::time::timeout(Duration::from_secs(10), follow.next()).await.expect("a beat");
        assert_eq!(frame, Frame::Beat { seq: 1, secured: false });
        assert!(!follow.past.is_due, "no call of this agent has changed");
    }
}

#[actix::test]
async fn what_is_unfinished_is_found_behind_many_calls_without_a_payment() {
    let world = World::new("screen-many").await;
    let call = world.interrupted(Some(declined())).await;
    let record = world.store.call(&call).await.expect("there");
    for nth in 10..40 {
        let at = record.started_at + Duration::from_secs(1);
        let id = CallId::from_random(random(nth));
        let why = Some("customer_hung_up".to_owned());
        let newer = CallRecord { id, started_at: at, ended_at: Some(at), ended_why: why, ..record.clone() };
        world.store.record_call(newer).await.expect("recorded");
    }
    let screen = world.current("ada").await;
    assert_eq!((screen.stage, screen.call.expect("a call").id), ("declined", call.as_str().to_owned()));
}

#[actix::test]
async fn an_account_with_an_open_attempt_is_not_asked_for_again() {
    let world = World::new("screen-unsettled").await;
    world.interrupted(Some(Outcome::Unknown(UnknownWhy::ProcessDied))).await;
    let ada = who("ada");
    for account in ["INV-1001", "inv - 1001"] {
        let problem = world.screens.settled(&ada, account).await.expect_err(account);
        assert_eq!((problem.kind, problem.code), (ProblemKind::Conflict, "unresolved"));
        assert!(problem.message.contains("Don't take it again"), "{}", problem.message);
    }
    world.screens.settled(&ada, "INV-1002").await.expect("another account");
}

#[test]
fn a_yes_answers_the_question_that_was_asked_and_no_other() {
    let order = |account: &str, minor| (account.to_owned(), Money { minor, currency: Currency::GBP });
    let (mut draft, mut pay) = (Draft::default(), tonewall_model::call::PayView::none());
    assert!(!asked_about(&draft, &pay, &order("INV-1", 1_250)), "nothing was asked");
    draft.order = Some(order("INV-1", 1_250));
    assert!(!asked_about(&draft, &pay, &order("INV-1", 1_250)), "typed is not asked");
    draft.duplicate = Some("Take it again?".to_owned());
    assert!(asked_about(&draft, &pay, &order("inv -1", 1_250)));
    assert!(!asked_about(&draft, &pay, &order("INV-2", 1_250)));
    assert!(!asked_about(&draft, &pay, &order("INV-1", 1_251)));
    let (account, amount) = order("INV-3", 900);
    (pay.account, pay.amount) = (Some(account), Some(amount));
    assert!(!asked_about(&draft, &pay, &order("INV-3", 900)));
    pay.unrecorded = Some(Unrecorded::TakenBefore);
    assert!(asked_about(&draft, &pay, &order("INV-3", 900)), "asked at its taking");
}

#[actix::test]
async fn a_choice_before_an_attempt_in_no_row_does_not_answer_it() {
    let world = World::new("screen-unrecorded").await;
    let call = world.interrupted(Some(declined())).await;
    let record = world.store.call(&call).await.expect("recorded");
    let rows = world.store.attempts_of_call(&call).await.expect("read");
    let sample = super::ledger::view(&record, &rows);
    let means = MeansRow {
        call: call.clone(),
        payment: None,
        attempt: None,
        means: Means::Later,
        note: String::new(),
        agent: AgentId("ada".to_owned()),
        at: OffsetDateTime::now_utc(),
    };
    let facts = CallFacts { means: Some(means), ..CallFacts::default() };
    let id = sample.payment.attempt.clone();
    assert_eq!(facts.choice(&sample, None).map(|(_, means)| means), None, "chosen before");
    let other = AttemptId::from_random(random(9));
    assert_eq!(facts.choice(&sample, Some(&other)).map(|(_, means)| means), None);
    let chosen = facts.choice(&sample, id.as_ref()).map(|(_, means)| means);
    assert_eq!(chosen.map(|means| means.as_str()), Some("later"));
}
