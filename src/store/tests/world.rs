//! What the tests share: databases of both kinds, and attempts to put in them.

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use time::{Date, Duration, Month, OffsetDateTime};
use tonewall_model::cpa::{End, Every, Terms};
use tonewall_model::ids::{AgentId, AgreementId, AttemptId, CallId, PaymentId, ReceiptId, TenantId};
use tonewall_model::money::{Currency, Money};
use tonewall_model::payment::{Approval, Check, Checks, Decline, DeclineClass, Means, Outcome};
use tonewall_store::{
    CallRecord, CardFacts, Link, MeansRow, NewAgreement, NewAttempt, NewEvidence, NewReceipt, Sealed, Store,
    StoreOptions, TenantStore, check_invariants, migrate,
};

static DIRS: AtomicU32 = AtomicU32::new(0);

/// A new directory for one test.
pub fn unique_dir(name: &str) -> PathBuf {
    let number = DIRS.fetch_add(1, Ordering::Relaxed);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let name = format!("tw-{name}-{}-{number}-{}", std::process::id(), since.as_nanos());
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir(&dir).expect("a new directory");
    dir
}

/// A database for one test; a file goes with it.
pub struct TestDb {
    pub url: String,
    pub dir: Option<PathBuf>,
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir {
            for dir in [dir, &dir.with_extension("away")] {
                let _ = std::fs::remove_dir_all(dir);
            }
        }
    }
}

impl TestDb {
    /// An empty SQLite file.
    pub fn sqlite() -> TestDb {
        let dir = unique_dir("store");
        TestDb { url: format!("sqlite://{}?mode=rwc", dir.join("ledger.db").display()), dir: Some(dir) }
    }

    /// An empty PostgreSQL database.
    pub async fn postgres() -> TestDb {
        TestDb { url: super::postgres::new_database().await, dir: None }
    }

    /// One of each, empty.
    pub async fn both() -> [TestDb; 2] {
        [TestDb::sqlite(), TestDb::postgres().await]
    }

    pub fn is_sqlite(&self) -> bool {
        self.dir.is_some()
    }

    /// Migrated and opened.
    pub async fn open(&self, options: StoreOptions) -> Store {
        migrate(&self.url).await.expect("migrated");
        Store::open(&self.url, options).await.expect("opened")
    }

    /// A connection beside the store, for what no caller of the store can do.
    pub async fn raw(&self) -> DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(&self.url);
        options.max_connections(1);
        Database::connect(options).await.expect("connected")
    }

    /// A trigger that refuses an insert into `table`, of rows where `condition` holds.
    pub async fn refuse_inserts(&self, table: &str, condition: &str, how: &str) {
        let raw = self.raw().await;
        let statements = if self.is_sqlite() {
            vec![format!(
                "CREATE TRIGGER test_refuse BEFORE INSERT ON {table} WHEN {condition} \
                 BEGIN SELECT RAISE({how}, 'refused by the test'); END"
            )]
        } else {
            vec![
                "CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$"
                    .to_owned(),
                format!(
                    "CREATE TRIGGER test_refuse BEFORE INSERT ON {table} FOR EACH ROW \
                     WHEN ({condition}) EXECUTE FUNCTION test_refuse()"
                ),
            ]
        };
        for statement in statements {
            raw.execute_unprepared(&statement).await.expect("a trigger");
        }
    }

    /// Takes a trigger away.
    pub async fn drop_trigger(&self, name: &str, table: &str) {
        let on = if self.is_sqlite() { String::new() } else { format!(" ON {table}") };
        self.raw()
            .await
            .execute_unprepared(&format!("DROP TRIGGER {name}{on}"))
            .await
            .expect("no trigger any more");
    }

    /// One number.
    pub async fn count(&self, sql: &str) -> i64 {
        let raw = self.raw().await;
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        let row = raw.query_one_raw(statement).await.expect("answered").expect("a row");
        row.try_get_by_index(0).expect("a number")
    }
}

pub fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_368_421).expect("a time")
}

pub fn later(seconds: i64) -> OffsetDateTime {
    now() + Duration::seconds(seconds)
}

pub fn harbour() -> TenantId {
    TenantId::parse("harbour").expect("a slug")
}

pub fn attempt_id(number: u128) -> AttemptId {
    AttemptId::from_random(number)
}

pub fn quayside() -> TenantId {
    TenantId::parse("quayside").expect("a slug")
}

pub fn call_id(number: u128) -> CallId {
    CallId::from_random(number)
}

pub fn agent() -> AgentId {
    AgentId("ada".to_owned())
}

/// An attempt of its own payment, account and call.
pub fn new_attempt(number: u128) -> NewAttempt {
    NewAttempt {
        id: attempt_id(number),
        payment: PaymentId::from_random(number),
        call: CallId::from_random(number),
        agent: agent(),
        account: format!("INV-{number}"),
        amount: Money { minor: 1_250, currency: Currency::GBP },
        gateway: "sandbox".to_owned(),
        merchant: "harbour-moto".to_owned(),
        idempotency_key: None,
        card: CardFacts {
            brand: "visa".to_owned(),
            first6: "411111".to_owned(),
            last4: "1111".to_owned(),
            expiry: "12/30".to_owned(),
        },
        deadline_at: later(90),
        taken_since: None,
        at: now(),
    }
}

pub fn approved(gateway_ref: &str) -> Outcome {
    Outcome::Approved(Approval {
        auth_code: "A1B2C3".to_owned(),
        gateway_ref: gateway_ref.to_owned(),
        network_transaction_id: Some("NTI42".to_owned()),
        token: Some("tok_9".to_owned()),
        checks: Checks { cvc: Check::Match, house_number: Check::Partial, postcode: Check::Unsupported },
    })
}

pub fn declined() -> Outcome {
    Outcome::Declined(Decline {
        class: DeclineClass::TryOtherCard,
        scheme_code: Some("05".to_owned()),
        advice: Some("21".to_owned()),
        gateway_code: "DO_NOT_HONOUR".to_owned(),
        say: "The bank said no.".to_owned(),
    })
}

/// A receipt for the attempt of that number; `receipt` tells it from others.
pub fn new_receipt(attempt: u128, receipt: u128) -> NewReceipt {
    NewReceipt {
        id: ReceiptId::from_random(receipt),
        attempt: attempt_id(attempt),
        kind: "payment".to_owned(),
        address: format!("customer{receipt}@example.org"),
        agent: agent(),
        now: later(10),
    }
}

/// A choice on the call of the attempt of that number.
pub fn choice(attempt: u128, means: Means, seconds: i64) -> MeansRow {
    MeansRow {
        call: call_id(attempt),
        payment: Some(PaymentId::from_random(attempt)),
        attempt: Some(attempt_id(attempt)),
        means,
        note: "Pays on Friday.".to_owned(),
        agent: agent(),
        at: later(seconds),
    }
}

pub fn date(year: i32, month: u8, day: u8) -> Date {
    let month = Month::try_from(month).expect("a month");
    Date::from_calendar_date(year, month, day).expect("a date")
}

/// Three payments of £12.50 after the attempt of that number.
pub fn new_agreement(attempt: u128) -> NewAgreement {
    NewAgreement {
        id: AgreementId::from_random(attempt),
        attempt: attempt_id(attempt),
        call: call_id(attempt),
        agent: agent(),
        terms: Terms {
            amount: Money { minor: 1_250, currency: Currency::GBP },
            every: Every::Month,
            start: date(2026, 12, 31),
            end: End::Count(3),
        },
        dates: vec![date(2026, 12, 31), date(2027, 1, 31), date(2027, 2, 28)],
        consent_text: "Three payments of £12.50, the first on 31 December 2026.".to_owned(),
        consent_version: "2026-11".to_owned(),
        agreed_at: later(20),
        brand: "visa".to_owned(),
        last4: "1111".to_owned(),
        expiry: "12/30".to_owned(),
    }
}

/// A call as it begins.
pub fn call_record(number: u128) -> CallRecord {
    CallRecord {
        id: call_id(number),
        route: "on_demand".to_owned(),
        agent: Some(agent()),
        caller: Some("+447700900123".to_owned()),
        started_at: now(),
        secured_at: None,
        ended_at: None,
        ended_why: None,
        keys: 0,
        scope: None,
        wrapped_at: None,
    }
}

/// The evidence of the call of that number, with the least that a body has.
pub fn new_evidence(number: u128) -> NewEvidence {
    let seal = move |link: &Link| {
        let (seq, previous, call) = (link.seq, &link.previous_sha256, call_id(number));
        let body =
            format!(r#"{{"call":{{"id":"{call}"}},"previous":"{previous}","seq":{seq},"tenant":"harbour"}}"#);
        Sealed { body, signed: None }
    };
    NewEvidence { call: call_id(number), seal: std::sync::Arc::new(seal), now: later(90) }
}

/// A tenant's store in which the attempt of that number is approved.
pub async fn taken(store: &Store, number: u128) -> TenantStore {
    let tenant = begun(store, new_attempt(number)).await;
    tenant.conclude(&attempt_id(number), approved("g"), later(1)).await.expect("told");
    tenant
}

/// A tenant's store in which `new` is sending.
pub async fn begun(store: &Store, new: NewAttempt) -> TenantStore {
    let tenant = store.tenant(&harbour());
    tenant.begin_attempt(new).await.expect("begun");
    tenant
}

pub async fn assert_invariants(store: &Store) {
    assert_eq!(check_invariants(store).await.expect("checked"), Vec::<String>::new());
}

/// Waits until that many writes are queued, which a held lock makes certain.
pub async fn queued(store: &Store, writes: usize) {
    let full = async {
        while store.stats().queued < writes {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), full).await.expect("queued in time");
}
