//! From the recorder into a ledger, and along the chain there.

use super::tests::{at, facts, key, tenants, witness};
use super::*;
use crate::config::{Config, ConfigArgs};
use crate::metrics::Metrics;
use crate::tenancy::{Secrets, tests::Folder};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tonewall_model::ids::{CallId, TenantId};
use tonewall_store::{CallRecord, Store, StoreOptions, TenantStore, check_invariants};
use tonewall_telephony::media::EarWitness;

struct Ledger {
    store: Store,
    metrics: Metrics,
    _folder: Folder,
}

impl Ledger {
    async fn new() -> Ledger {
        let folder = Folder::new("evidence");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("tonewall.db").display());
        tonewall_store::migrate(&url).await.expect("migrated");
        let store = Store::open(&url, StoreOptions::default()).await.expect("store");
        Ledger { store, metrics: Metrics::new(), _folder: folder }
    }

    fn recorder(&self, key: Option<Arc<SigningKey>>) -> Recorder {
        let hashes = HashMap::from([(northwind(), "c".to_owned())]);
        Recorder::new(self.store.clone(), Handle::current(), self.metrics.clone(), key, hashes)
    }

    fn tenant(&self) -> TenantStore {
        self.store.tenant(&northwind())
    }
}

fn northwind() -> TenantId {
    TenantId::parse("northwind").expect("a slug")
}

/// The facts of the call of that number.
fn facts_of(number: u128, is_red: bool) -> Facts {
    let ear = EarWitness { windows: 900, is_red, ..EarWitness::default() };
    Facts { call: CallId::from_random(number), ..facts(witness(ear, None)) }
}

async fn written(recorder: &Recorder) {
    let until = Instant::now() + Duration::from_secs(20);
    while recorder.waiting() > 0 {
        assert!(Instant::now() < until, "evidence was not written in time");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_that_ends_twice_has_one_record_that_holds() {
    let ledger = Ledger::new().await;
    let recorder = ledger.recorder(Some(key()));
    for number in [1, 2, 2, 3] {
        recorder.record(facts_of(number, number == 3));
        written(&recorder).await;
    }
    let row = ledger.tenant().evidence(&CallId::from_random(2)).await.expect("recorded");
    let checked = check(of_row(&row).expect("a file").as_bytes(), Some(key().public())).expect("evidence");
    assert_eq!((row.seq, checked.wrong.as_slice()), (2, [].as_slice()));
    assert_eq!(checked.held.record["config_sha256"], "c");
    let report = verify_chain(&ledger.tenant(), &[key().public()]).await.expect("holds");
    assert_eq!((report.records, report.unsigned, report.red), (3, 0, vec![3]));
    assert_eq!(report.by_key, [(key().public().id(), 3)].into());
    let (_, other) = SigningKey::fresh().expect("made");
    let broken = verify_chain(&ledger.tenant(), &[other.public()]).await.expect_err("another key");
    assert_eq!(broken.to_string(), "Record 1: the record was signed with another key than the one given.");
    let counted = ledger.metrics.written().expect("written");
    for line in ["{outcome=\"green\"} 2", "{outcome=\"red\"} 1", "{outcome=\"lost\"} 0"] {
        assert!(counted.contains(&format!("tonewall_evidence_records_total{line}\n")), "{line}");
    }
    assert_eq!(check_invariants(&ledger.store).await, Ok(Vec::new()));
    ledger.store.close().await;
}

#[tokio::test]
async fn signatures_cannot_stop_in_mid_chain_unseen() {
    let ledger = Ledger::new().await;
    for (number, key) in [(1, None), (2, Some(key())), (3, None)] {
        let recorder = ledger.recorder(key);
        recorder.record(facts_of(number, false));
        written(&recorder).await;
        let report = verify_chain(&ledger.tenant(), &[]).await;
        match number {
            1 => assert_eq!(report.expect("holds").unsigned, 1),
            2 => assert_eq!(report.expect("holds").by_key.len(), 1),
            _ => assert_eq!(
                report.expect_err("a record is unsigned").to_string(),
                "Record 3: nobody signed it, though records before it are signed."
            ),
        }
    }
    ledger.store.close().await;
}

#[tokio::test]
async fn a_call_that_died_with_its_process_is_recorded_at_the_next_start() {
    let ledger = Ledger::new().await;
    let row = |number| CallRecord {
        id: CallId::from_random(number),
        route: "in_path".to_owned(),
        agent: None,
        caller: None,
        started_at: at(0),
        secured_at: None,
        ended_at: None,
        ended_why: None,
        keys: 0,
        scope: Some("carrier_edge".to_owned()),
        wrapped_at: None,
    };
    let tenant = ledger.tenant();
    for number in [1, 2] {
        tenant.record_call(row(number)).await.expect("written");
    }
    let recorder = ledger.recorder(Some(key()));
    recorder.record(facts_of(2, false));
    written(&recorder).await;
    assert_eq!(recorder.record_owed(true).await, Ok(0), "both calls are up");
    let now = time::OffsetDateTime::now_utc();
    assert_eq!(ledger.store.close_interrupted_calls(now).await, Ok(2));
    assert_eq!(recorder.record_owed(false).await, Ok(0), "their process may still write it");
    assert_eq!(recorder.record_owed(true).await, Ok(1));
    assert_eq!(recorder.record_owed(true).await, Ok(0));
    let record = tenant.evidence(&CallId::from_random(1)).await.expect("recorded");
    let record: serde_json::Value = serde_json::from_str(&record.body).expect("JSON");
    assert_eq!(record["call"]["ended_why"], "interrupted");
    assert_eq!(record["leak"]["verdict"], "not_heard");
    assert_eq!(verify_chain(&tenant, &[key().public()]).await.expect("holds").records, 2);
    assert_eq!(check_invariants(&ledger.store).await, Ok(Vec::new()));
    ledger.store.close().await;
}

#[test]
fn the_hash_is_of_what_was_configured_and_of_no_secret() {
    let hash = |password: &str, set: &[&str], slug: &str| {
        let args = ConfigArgs { config: None, set: set.iter().map(|set| (*set).to_owned()).collect() };
        let secrets = Secrets::only_given().with("PW", password);
        let config = Config::load(&args, std::iter::empty(), &secrets).expect("good");
        hashes(&config, &tenants()).remove(&TenantId::parse(slug).expect("a slug")).expect("a hash")
    };
    let plain = hash("x", &[], "harbour");
    assert_eq!((plain.len(), &plain), (44, &hash("x", &[], "harbour")));
    assert_ne!(plain, hash("x", &[], "northwind"));
    assert_ne!(plain, hash("x", &["media.threads=3"], "harbour"));
    let mail =
        ["mail.smtp=mx.example:587", "mail.from=a@b.example", "mail.username=u", "mail.password=env:PW"];
    assert_eq!(hash("one", &mail, "harbour"), hash("another", &mail, "harbour"));
    assert_ne!(plain, hash("one", &mail, "harbour"));
}
