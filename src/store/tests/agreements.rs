//! Agreements: kept as they were read out, one an approval.

use crate::world::*;
use tokio::task::JoinSet;
use tonewall_model::cpa::End;
use tonewall_model::ids::AgreementId;
use tonewall_model::money::Currency;
use tonewall_model::payment::AttemptState;
use tonewall_store::{NewAgreement, StoreError, StoreOptions};

/// The same customer, until a day.
fn until(attempt: u128) -> NewAgreement {
    let mut new = new_agreement(attempt);
    new.terms.end = End::Until(date(2027, 3, 15));
    new.terms.amount.currency = Currency::parse("EUR").expect("a currency");
    new
}

#[tokio::test]
async fn an_agreement_reads_back_with_its_dates_event_and_audit() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        taken(&store, 2).await;
        assert_eq!(tenant.agreement_of_attempt(&attempt_id(1)).await, Ok(None));
        tenant.agreement_begin(new_agreement(1)).await.expect("made");
        tenant.agreement_begin(new_agreement(1)).await.expect("the same again changes nothing");
        tenant.agreement_begin(until(2)).await.expect("made");
        assert_eq!(tenant.agreement_of_attempt(&attempt_id(1)).await, Ok(Some(new_agreement(1))));
        assert_eq!(tenant.agreement_of_attempt(&attempt_id(2)).await, Ok(Some(until(2))));
        let events = tenant.outbox_pending(9).await.expect("read");
        let made = events.iter().filter(|event| event.topic == "agreement.made");
        assert_eq!(made.clone().count(), 2);
        let first =
            made.clone().find(|event| event.object == new_agreement(1).id.as_str()).expect("its event");
        let payload: serde_json::Value = serde_json::from_str(&first.payload).expect("JSON");
        assert_eq!(payload["dates"], serde_json::json!(["2026-12-31", "2027-01-31", "2027-02-28"]));
        assert_eq!((&payload["account"], &payload["amount_minor"]), (&"INV-1".into(), &1_250.into()));
        assert_eq!(db.count("SELECT count(*) FROM audit WHERE what = 'agreement.made'").await, 2);
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_agreements_after_one_approval_one_is_made() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions { tries_max: 60, ..StoreOptions::default() }).await;
        let tenant = taken(&store, 1).await;
        let mut tasks = JoinSet::new();
        for number in 1..=12 {
            let new = NewAgreement { id: AgreementId::from_random(number), ..new_agreement(1) };
            let tenant = tenant.clone();
            tasks.spawn(async move { tenant.agreement_begin(new).await });
        }
        let results = tasks.join_all().await;
        let made = tenant.agreement_of_attempt(&attempt_id(1)).await.expect("read").expect("one").id;
        let lost = Err(StoreError::AlreadyAgreed { agreement: made });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert_eq!(results.iter().filter(|result| **result == lost).count(), 11, "{results:?}");
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn only_an_approved_attempt_is_followed_by_an_agreement() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        let not = |state| Err(StoreError::NotApproved { state });
        assert_eq!(tenant.agreement_begin(new_agreement(1)).await, not(AttemptState::Sending));
        tenant.conclude(&attempt_id(1), declined(), later(1)).await.expect("told");
        assert_eq!(tenant.agreement_begin(new_agreement(1)).await, not(AttemptState::Declined));
        assert_eq!(tenant.agreement_begin(new_agreement(2)).await, Err(StoreError::NotFound));
        assert_eq!(db.count("SELECT count(*) FROM agreement_instalment").await, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_no_agreement_is_refused() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        type Spoil = fn(&mut NewAgreement);
        let spoils: [Spoil; 19] = [
            |new| new.terms.amount.minor = 0,
            |new| new.terms.end = End::Count(4),
            |new| new.terms.end = End::Until(date(2027, 2, 27)),
            |new| new.terms.start = date(2026, 12, 30),
            |new| new.dates.clear(),
            |new| new.dates.swap(1, 2),
            |new| new.dates[2] = new.dates[1],
            |new| new.dates[1] = date(2027, 1, 30),
            |new| (new.dates, new.terms.end) = (vec![date(2026, 12, 31)], End::Count(1)),
            |new| {
                let days = (0..121).map(|day| date(2026, 12, 31) + time::Duration::days(day));
                (new.dates, new.terms.end) = (days.collect(), End::Count(121));
            },
            |new| new.consent_text.clear(),
            |new| new.consent_text = "w".repeat(4_001),
            |new| new.consent_text = "the card 4242424242424242 is charged".to_owned(),
            |new| new.consent_text = "reference 994111111111111111".to_owned(),
            |new| new.consent_version.clear(),
            |new| new.call = call_id(2),
            |new| new.last4 = "4242".to_owned(),
            |new| new.brand = "4111111111111111".to_owned(),
            |new| new.expiry = "01/31".to_owned(),
        ];
        for (number, spoil) in (1..).zip(spoils) {
            let mut new = new_agreement(1);
            spoil(&mut new);
            let refused = tenant.agreement_begin(new).await;
            assert!(matches!(refused, Err(StoreError::Invalid(_))), "{number}: {refused:?}");
        }
        assert_eq!(db.count("SELECT count(*) FROM agreement").await, 0);
        tenant.agreement_begin(new_agreement(1)).await.expect("what was spoilt was sound");
        assert_invariants(&store).await;
        store.close().await;
    }
}
