//! The runner over a real ledger, with mail servers and CRMs that do what a script says.

mod others;

use super::*;
use crate::letters::tests::tenant;
use others::{ScriptedCrm, ScriptedMail};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tonewall_model::ids::{AgentId, AttemptId, PaymentId, ReceiptId};
use tonewall_model::money::{Currency, Money};
use tonewall_model::payment::{Approval, Outcome};
use tonewall_model::tenant::{Crm, Tenant};
use tonewall_secret::Secret;
use tonewall_store::{CardFacts, NewAttempt, NewReceipt, ReceiptRow, ReceiptState, StoreOptions};

/// Longest wait for anything that is waited for here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pauses of a runner under test.
const QUICK: [Duration; 1] = [Duration::from_millis(10)];

/// Pauses within which no test comes to a second try.
const NEVER: [Duration; 1] = [Duration::from_secs(3_600)];

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A ledger of its own, two tenants, and a runner.
struct World {
    outbox: Outbox,
    stop: watch::Sender<bool>,
    folder: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn id(slug: &str) -> TenantId {
    TenantId::parse(slug).expect("a slug")
}

fn of(slug: &str, crm: Option<&ScriptedCrm>) -> Arc<Tenant> {
    let crm = match crm {
        Some(crm) => Crm::Rest { url: crm.url(), token: Secret::new("tok".into()) },
        None => Crm::None,
    };
    Arc::new(Tenant { id: id(slug), crm, ..tenant() })
}

impl World {
    async fn new(tenants: Vec<Arc<Tenant>>, mail: Option<&ScriptedMail>) -> World {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tw-outbox-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", folder.join("ledger.db").display());
        tonewall_store::migrate(&url).await.expect("migrated");
        let store = Store::open(&url, StoreOptions::default()).await.expect("opened");
        let (stop, stopped) = watch::channel(false);
        let outbox = Outbox {
            store,
            tenants: Arc::new(Tenants::new(tenants)),
            letters: Arc::new(Letters::new().expect("letters")),
            mailer: mail.map(|mail| Arc::new(mail.mailer())),
            events: Arc::new(Events::new()),
            metrics: crate::metrics::Metrics::new(),
            stop: stopped,
        };
        World { outbox, stop, folder }
    }

    fn run(&self, pauses: &'static [Duration]) -> JoinHandle<()> {
        tokio::spawn(run_paced(self.outbox.clone(), Duration::from_millis(5), pauses))
    }

    /// A payment that was taken, and the call of its number.
    async fn taken(&self, slug: &str, number: u128) -> TenantStore {
        let store = self.outbox.store.tenant(&id(slug));
        store.begin_attempt(attempt(number)).await.expect("begun");
        let yes = Approval { auth_code: "408432".into(), gateway_ref: "pay_1".into(), ..Approval::default() };
        let now = OffsetDateTime::now_utc();
        store.conclude(&AttemptId::from_random(number), Outcome::Approved(yes), now).await.expect("told");
        store
    }

    /// The same with a receipt for it.
    async fn receipt(&self, slug: &str, number: u128) -> TenantStore {
        let store = self.taken(slug, number).await;
        let new = NewReceipt {
            id: ReceiptId::from_random(number),
            attempt: AttemptId::from_random(number),
            kind: "payment".into(),
            address: format!("customer{number}@example.org"),
            agent: AgentId("ada".into()),
            now: OffsetDateTime::now_utc(),
        };
        store.receipt_queue(new).await.expect("queued");
        store
    }

    /// Waits until the receipt is as it should be; each change of its call is told.
    async fn until(&self, store: &TenantStore, number: u128, is: impl Fn(&ReceiptRow) -> bool) -> ReceiptRow {
        let mut hears = self.outbox.events.subscribe(&CallId::from_random(number));
        let wait = async {
            loop {
                let row = store.receipt(&ReceiptId::from_random(number)).await.expect("the row");
                if is(&row) {
                    return row;
                }
                hears.changed().await.expect("a runner");
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("in time")
    }

    /// Waits until nothing of the tenant is undelivered.
    async fn until_delivered(&self, slug: &str) {
        let store = self.outbox.store.tenant(&id(slug));
        let wait = async {
            while !store.outbox_pending(1).await.expect("read").is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("in time");
    }
}

fn attempt(number: u128) -> NewAttempt {
    let now = OffsetDateTime::now_utc();
    NewAttempt {
        id: AttemptId::from_random(number),
        payment: PaymentId::from_random(number),
        call: CallId::from_random(number),
        agent: AgentId("ada".into()),
        account: format!("INV-{number}"),
        amount: Money { minor: 1_250, currency: Currency::GBP },
        gateway: "sandbox".into(),
        merchant: "m".into(),
        idempotency_key: None,
        card: CardFacts {
            brand: "visa".into(),
            first6: "426397".into(),
            last4: "5262".into(),
            expiry: "12/30".into(),
        },
        deadline_at: now + Duration::from_secs(90),
        taken_since: None,
        at: now,
    }
}

fn is_sent(row: &ReceiptRow) -> bool {
    row.state == ReceiptState::Sent
}

#[tokio::test]
async fn a_receipt_reaches_the_mail_server() {
    let mail = ScriptedMail::start(&["250 OK"]).await;
    let world = World::new(vec![of("harbour", None)], Some(&mail)).await;
    let store = world.receipt("harbour", 1).await;
    let _runner = world.run(&NEVER);
    world.until(&store, 1, is_sent).await;
    world.until_delivered("harbour").await;
    let letters = mail.letters();
    assert_eq!(letters.len(), 1);
    let id = ReceiptId::from_random(1);
    assert!(letters[0].contains(&format!("Message-ID: <{id}@pay.example>")), "{}", letters[0]);
    assert!(letters[0].contains("To: customer1@example.org") && letters[0].contains("Visa ending 5262"));
    assert!(!letters[0].contains("426397") && !letters[0].contains("12/30"), "no more of the card");
}

#[tokio::test]
async fn a_mail_server_that_asks_to_wait_gets_the_letter_later() {
    let mail = ScriptedMail::start(&["451 Greylisted", "421 Busy", "250 OK"]).await;
    let world = World::new(vec![of("harbour", None)], Some(&mail)).await;
    let store = world.receipt("harbour", 1).await;
    let _runner = world.run(&QUICK);
    let row = world.until(&store, 1, is_sent).await;
    assert_eq!(row.tries, 3);
    assert_eq!(mail.letters().len(), 1);
}

#[tokio::test]
async fn a_mail_server_that_is_down_leaves_the_receipt_queued_with_words() {
    let mail = ScriptedMail::start(&["250 OK"]).await;
    let world = World::new(vec![of("harbour", None)], Some(&mail)).await;
    drop(mail);
    let store = world.receipt("harbour", 1).await;
    let _runner = world.run(&NEVER);
    let row = world.until(&store, 1, |row| row.tries == 1).await;
    assert_eq!(row.state, ReceiptState::Queued);
    assert_eq!(row.problem.as_deref(), Some("The mail server cannot be reached."));
}

#[tokio::test]
async fn an_address_that_is_refused_is_not_tried_again() {
    let mail = ScriptedMail::start(&["550 5.1.1 No such user"]).await;
    let world = World::new(vec![of("harbour", None)], Some(&mail)).await;
    let store = world.receipt("harbour", 1).await;
    let _runner = world.run(&QUICK);
    let row = world.until(&store, 1, |row| row.state == ReceiptState::Refused).await;
    assert_eq!(row.problem.as_deref(), Some("The mail server does not take this address (550)."));
    world.until_delivered("harbour").await;
    assert!(mail.letters().is_empty());
}

#[tokio::test]
async fn without_a_mailer_receipts_wait_and_say_so() {
    let world = World::new(vec![of("harbour", None)], None).await;
    let store = world.receipt("harbour", 1).await;
    let _runner = world.run(&QUICK);
    let row = world.until(&store, 1, |row| row.tries >= 2).await;
    assert_eq!(row.state, ReceiptState::Queued);
    assert_eq!(row.problem.as_deref(), Some(super::receipt::NO_MAILER));
}

#[tokio::test]
async fn a_receipt_that_cannot_be_written_blocks_no_other() {
    let mail = ScriptedMail::start(&["250 OK"]).await;
    let mut bad = tenant();
    bad.branding.legal_name.clear();
    let bad = Arc::new(Tenant { id: id("bad"), ..bad });
    let world = World::new(vec![bad, of("harbour", None)], Some(&mail)).await;
    let wrong = world.receipt("bad", 1).await;
    let gone = world.receipt("gone", 2).await;
    let right = world.receipt("harbour", 3).await;
    let _runner = world.run(&NEVER);
    world.until(&right, 3, is_sent).await;
    for (store, number) in [(wrong, 1), (gone, 2)] {
        let row = world.until(&store, number, |row| row.tries == 1).await;
        assert_eq!(row.state, ReceiptState::Queued);
        assert!(row.problem.is_some_and(|words| !words.contains("legal")), "no set-up on an agent's screen");
    }
    assert_eq!(mail.letters().len(), 1);
}

#[tokio::test]
async fn a_payment_is_told_to_the_crm_until_it_has_it() {
    let crm = ScriptedCrm::start(&[503, 401, 201]).await;
    let world = World::new(vec![of("harbour", Some(&crm))], None).await;
    world.taken("harbour", 1).await;
    let _runner = world.run(&QUICK);
    world.until_delivered("harbour").await;
    let told = crm.told();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|request| *request == told[0]), "the same event each time");
    for part in
        ["idempotency-key: ev_", "\"account\":\"INV-1\"", "\"amount\":\"12.50\"", "\"auth_code\":\"408432\""]
    {
        assert!(told[0].contains(part), "{part} in {}", told[0]);
    }
}

#[tokio::test]
async fn a_crm_that_refuses_is_not_asked_again_and_the_log_says_so() {
    let crm = ScriptedCrm::start(&[422]).await;
    let world = World::new(vec![of("harbour", Some(&crm))], None).await;
    let store = world.taken("harbour", 1).await;
    let before = store.audit_verify().await.expect("a chain");
    let _runner = world.run(&QUICK);
    world.until_delivered("harbour").await;
    assert_eq!(crm.told().len(), 1);
    assert_eq!(store.audit_verify().await.expect("a chain"), before + 1);
    let attempt = AttemptId::from_random(1);
    let row = store.write_back(&attempt).await.expect("read").expect("there");
    assert!(row.given_up_at.is_some(), "screens know it from the row");
}

#[tokio::test]
async fn a_silent_crm_of_one_tenant_keeps_no_other_waiting() {
    let crm = ScriptedCrm::start(&[0]).await;
    let mail = ScriptedMail::start(&["250 OK"]).await;
    let world = World::new(vec![of("slow", Some(&crm)), of("harbour", None)], Some(&mail)).await;
    for number in 100..130 {
        world.taken("slow", number).await;
    }
    let store = world.receipt("harbour", 1).await;
    let _runner = world.run(&NEVER);
    world.until(&store, 1, is_sent).await;
    let open = world.outbox.store.tenant(&id("slow")).outbox_pending(100).await.expect("read");
    assert_eq!(open.len(), 30, "the silent CRM has taken nothing meanwhile");
    assert!(crm.told().len() <= 4, "and holds no more than its tenant's places");
}

#[tokio::test]
async fn an_answer_that_is_lost_sends_the_same_letter_again() {
    let mail = ScriptedMail::start(&["drop", "250 OK"]).await;
    let world = World::new(vec![of("harbour", None)], Some(&mail)).await;
    let store = world.receipt("harbour", 1).await;
    let _runner = world.run(&QUICK);
    world.until(&store, 1, is_sent).await;
    let ids: Vec<_> = mail.letters().iter().map(|letter| others::message_id(letter)).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_stop_ends_what_is_under_way_and_begins_nothing() {
    let mail = ScriptedMail::start(&["250 OK"]).await;
    let world = World::new(vec![of("harbour", None)], Some(&mail)).await;
    let store = world.receipt("harbour", 1).await;
    let runner = world.run(&NEVER);
    world.until(&store, 1, is_sent).await;
    world.stop.send(true).expect("a runner");
    tokio::time::timeout(PATIENCE, runner).await.expect("in time").expect("no panic");
    let later = world.receipt("harbour", 2).await;
    world.run(&NEVER).await.expect("ends at once");
    let row = later.receipt(&ReceiptId::from_random(2)).await.expect("the row");
    assert_eq!((row.state, row.tries), (ReceiptState::Queued, 0));
    assert_eq!(mail.letters().len(), 1);
}

#[tokio::test]
async fn topics_that_nobody_listens_to_are_delivered() {
    let world = World::new(vec![of("harbour", None)], None).await;
    let store = world.taken("harbour", 1).await;
    assert_eq!(store.outbox_pending(10).await.expect("read").len(), 1);
    let _runner = world.run(&NEVER);
    world.until_delivered("harbour").await;
}
