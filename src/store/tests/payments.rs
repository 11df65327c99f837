//! The life of attempts, on both databases.

use crate::world::*;
use tonewall_model::ledger::LedgerAccount;
use tonewall_model::payment::{
    Approval, AttemptState, News, Outcome, Resolution, Reversal, UnknownWhy, Verdict,
};
use tonewall_store::{CardFacts, StoreError, StoreOptions, TenantStore};

/// The books of one attempt, added up by account.
async fn books(tenant: &TenantStore, number: u128) -> Vec<(LedgerAccount, i64)> {
    let mut sums = std::collections::BTreeMap::new();
    for entry in tenant.entries(&attempt_id(number)).await.expect("read") {
        *sums.entry(entry.account).or_insert(0) += entry.money.minor;
    }
    sums.into_iter().filter(|(_, sum)| *sum != 0).collect()
}

#[tokio::test]
async fn an_approved_payment_leaves_state_entries_event_and_audit() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        let sending = tenant.attempt(&attempt_id(1)).await.expect("there");
        assert_eq!((sending.state, sending.fence, sending.outcome), (AttemptState::Sending, 0, None));
        assert_eq!(sending.idempotency_key, attempt_id(1).as_str());
        assert_eq!(sending.card, new_attempt(1).card);

        let concluded = tenant.conclude(&attempt_id(1), approved("g-1"), later(2)).await.expect("told");
        assert!(concluded.moved);
        assert_eq!(concluded.attempt.state, AttemptState::Approved);
        assert_eq!(concluded.attempt.outcome, Some(approved("g-1")));
        assert_eq!(concluded.attempt.concluded_at, Some(later(2)));
        assert_eq!(tenant.attempt(&attempt_id(1)).await.expect("there"), concluded.attempt);
        assert_eq!(
            books(&tenant, 1).await,
            [(LedgerAccount::GatewayReceivable, 1_250), (LedgerAccount::CustomerPayments, -1_250)]
        );
        let events = tenant.outbox_pending(10).await.expect("read");
        assert_eq!(events.len(), 1);
        assert_eq!((&*events[0].topic, &*events[0].object), ("payment.approved", attempt_id(1).as_str()));
        let payload: serde_json::Value = serde_json::from_str(&events[0].payload).expect("JSON");
        assert_eq!(payload["amount_minor"], 1_250);
        assert_eq!(payload["card"]["last4"], "1111");
        assert_eq!(payload["auth_code"], "A1B2C3");
        assert!(!events[0].payload.contains("tok_9"), "a token is no business of receivers");
        assert_eq!(tenant.audit_verify().await, Ok(2));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn every_answer_reads_back() {
    let answers = [
        approved("g-1"),
        Outcome::Approved(Approval::default()),
        declined(),
        Outcome::Rejected { code: "E7".to_owned(), say: "Not accepted.".to_owned() },
        Outcome::Held(Approval { gateway_ref: "g-2".to_owned(), ..Approval::default() }),
        Outcome::Pending { gateway_ref: "g-3".to_owned() },
        Outcome::Unknown(UnknownWhy::EchoMismatch),
    ];
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        for (number, answer) in (1..).zip(&answers) {
            let tenant = begun(&store, new_attempt(number)).await;
            let concluded = tenant.conclude(&attempt_id(number), answer.clone(), later(1)).await;
            let attempt = concluded.expect("told").attempt;
            assert_eq!(attempt.outcome.as_ref(), Some(answer));
            assert_eq!(attempt.state, AttemptState::of(answer));
            assert_eq!(attempt.concluded_at.is_some(), attempt.state.is_terminal());
        }
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn the_same_news_again_changes_nothing_and_other_news_is_refused() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        let id = attempt_id(1);
        let first = tenant.conclude(&id, approved("g-1"), later(1)).await.expect("told");
        let found = News::Late(Resolution::Found(Outcome::Approved(Approval::default())));
        for again in [News::Answer(approved("g-1")), found] {
            let again = tenant.conclude(&id, again, later(9)).await.expect("known");
            assert!(!again.moved);
            assert_eq!(again.attempt, first.attempt);
        }
        let not_allowed = |to| Err(StoreError::NotAllowed { from: AttemptState::Approved, to });
        // Another reference at the gateway would be a second charge: it has to be seen.
        let double = tenant.conclude(&id, approved("g-2"), later(9)).await;
        assert_eq!(double, not_allowed(AttemptState::Approved));
        let late_no = tenant.conclude(&id, Resolution::Found(declined()), later(9)).await;
        assert_eq!(late_no, not_allowed(AttemptState::Declined));
        assert_eq!(tenant.conclude(&attempt_id(7), declined(), now()).await, Err(StoreError::NotFound));
        assert_eq!(tenant.outbox_pending(10).await.expect("read").len(), 1);
        assert_eq!(tenant.audit_verify().await, Ok(2));
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_payment_is_never_tried_twice_at_a_time() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, new_attempt(1)).await;
        let live = Err(StoreError::AlreadyLive { attempt: attempt_id(1) });
        assert_eq!(tenant.begin_attempt(new_attempt(1)).await, live, "the same click again");
        let second = |number, payment| {
            let mut new = new_attempt(number);
            (new.payment, new.account) = (new_attempt(payment).payment, new_attempt(1).account);
            new
        };
        assert_eq!(tenant.begin_attempt(second(2, 1)).await, live, "another attempt");
        assert_eq!(tenant.begin_attempt(second(2, 2)).await, live, "another payment of the account");
        tenant
            .conclude(&attempt_id(1), Outcome::Unknown(UnknownWhy::TimedOut), later(1))
            .await
            .expect("told");
        assert_eq!(tenant.begin_attempt(second(2, 1)).await, live, "nobody knows yet");
        tenant.conclude(&attempt_id(1), Resolution::NotFound, later(2)).await.expect("told");
        tenant.begin_attempt(second(2, 1)).await.expect("the first one did not charge");

        let used = Err(StoreError::Duplicate { attempt: attempt_id(1) });
        let mut same_key = new_attempt(3);
        same_key.idempotency_key = Some(attempt_id(1).as_str().to_owned());
        assert_eq!(tenant.begin_attempt(same_key).await, used);
        let mut other_terms = second(4, 1);
        other_terms.amount.minor = 1;
        tenant.conclude(&attempt_id(2), declined(), later(3)).await.expect("told");
        let refused = tenant.begin_attempt(other_terms).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
        assert_eq!(tenant.attempts_of_call(&new_attempt(1).call).await.expect("read").len(), 1);
        assert_eq!(db.count("SELECT count(*) FROM attempt").await, 2);
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn what_comes_after_doubt_and_after_approval_is_booked() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = store.tenant(&harbour());
        let reversed = |how| News::Reversed { how, by: agent() };
        let held = || Outcome::Held(Approval { gateway_ref: "g-9".to_owned(), ..Approval::default() });
        let unknown = || Outcome::Unknown(UnknownWhy::ConnectionLost);
        let charged = News::Decided { verdict: Verdict::Charged(Approval::default()), by: agent() };
        let paths: Vec<(Vec<News>, AttemptState)> = vec![
            (vec![unknown().into(), Resolution::Found(approved("g-1")).into()], AttemptState::Approved),
            (vec![unknown().into(), Resolution::GiveUp.into(), charged], AttemptState::Approved),
            (vec![unknown().into(), Resolution::Voided.into()], AttemptState::Voided),
            (vec![approved("g-2").into(), reversed(Reversal::Void)], AttemptState::Voided),
            (vec![approved("g-3").into(), reversed(Reversal::Refund)], AttemptState::Refunded),
            (vec![held().into(), Resolution::Found(approved("g-9")).into()], AttemptState::Approved),
            (vec![held().into(), reversed(Reversal::Void)], AttemptState::Voided),
            (
                vec![Outcome::Pending { gateway_ref: "p".to_owned() }.into(), Resolution::NotFound.into()],
                AttemptState::Review,
            ),
        ];
        for (number, (path, end)) in (1..).zip(paths) {
            tenant.begin_attempt(new_attempt(number)).await.expect("begun");
            let steps = path.len() as u64;
            for news in path {
                tenant.conclude(&attempt_id(number), news, later(1)).await.expect("told");
            }
            let attempt = tenant.attempt(&attempt_id(number)).await.expect("there");
            assert_eq!((attempt.state, attempt.fence), (end, steps));
            let receivable: i64 = if end == AttemptState::Approved { 1_250 } else { 0 };
            let books = books(&tenant, number).await;
            let booked = books.iter().find(|(account, _)| *account == LedgerAccount::GatewayReceivable);
            assert_eq!(booked.map_or(0, |(_, minor)| *minor), receivable, "{end:?}");
        }
        let refunded = tenant.attempt(&attempt_id(5)).await.expect("there");
        assert_eq!(refunded.outcome, Some(approved("g-3")), "a refund keeps the approval's references");
        assert_invariants(&store).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_card_number_that_a_gateway_echoes_is_not_kept() {
    let pan = "378282246310005";
    let amex = |number| {
        let mut new = new_attempt(number);
        (new.card.first6, new.card.last4) = ("378282".to_owned(), "0005".to_owned());
        new
    };
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = begun(&store, amex(1)).await;
        let echo = Outcome::Rejected { code: format!("BAD_{pan}"), say: format!("card {pan} refused") };
        let told = tenant.conclude(&attempt_id(1), echo, later(1)).await.expect("told");
        let say = "card 378282*0005 refused".to_owned();
        assert_eq!(told.attempt.outcome, Some(Outcome::Rejected { code: "BAD_378282*0005".to_owned(), say }));
        let tenant = begun(&store, amex(2)).await;
        tenant.conclude(&attempt_id(2), approved(&format!("ref/{pan}/1")), later(1)).await.expect("told");
        let mut entry = audit_entry();
        entry.object = format!("card {pan}");
        tenant.audit(entry).await.expect("written");
        tenant.receipt_queue(new_receipt(2, 1)).await.expect("queued");
        let problem = format!("550 {pan} is no mailbox");
        tenant.receipt_refused(&new_receipt(2, 1).id, &problem, later(12)).await.expect("told");
        let told = tenant.receipt(&new_receipt(2, 1).id).await.expect("there").problem;
        assert_eq!(told.as_deref(), Some("550 378282*0005 is no mailbox"));
        store.close().await;
        let held = match &db.dir {
            Some(dir) => std::fs::read(dir.join("ledger.db")).expect("the file"),
            None => dump(&db).await.into_bytes(),
        };
        let finds = |needle: &str| held.windows(needle.len()).any(|part| part == needle.as_bytes());
        assert!(finds("378282*0005"), "the sweep looks at the right bytes");
        assert!(!finds(pan) && !finds(&pan[3..13]));
    }
}

fn audit_entry() -> tonewall_store::AuditEntry {
    tonewall_store::AuditEntry {
        who: "ada".to_owned(),
        what: "screen.opened".to_owned(),
        at: now(),
        result: tonewall_store::AuditResult::Success,
        origin: "192.0.2.7".to_owned(),
        object: "dashboard".to_owned(),
    }
}

/// Every row of every table as text.
async fn dump(db: &TestDb) -> String {
    use sea_orm::{ConnectionTrait, Statement};
    let raw = db.raw().await;
    let mut text = String::new();
    let tables = [
        "payment",
        "attempt",
        "ledger_entry",
        "outbox",
        "audit",
        "call_record",
        "receipt",
        "means",
        "agreement",
    ];
    for table in tables {
        let sql = format!("SELECT cast(t AS text) AS row FROM {table} t");
        let all = Statement::from_string(raw.get_database_backend(), sql);
        for row in raw.query_all_raw(all).await.expect("read") {
            text.push_str(&row.try_get::<String>("", "row").expect("text"));
        }
    }
    text
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_before_it_is_queued() {
    let db = TestDb::sqlite();
    let store = db.open(StoreOptions::default()).await;
    let tenant = store.tenant(&harbour());
    type Spoil = fn(&mut tonewall_store::NewAttempt);
    let spoils: [Spoil; 9] = [
        |new| new.card.first6 = "41111111".to_owned(),
        |new| new.card.last4 = "11111".to_owned(),
        |new| new.card.last4 = "11x1".to_owned(),
        |new| new.card.expiry = "411111111111111".to_owned(),
        |new| new.card.brand = "4111111111111111".to_owned(),
        |new| new.account = "4111 1111 1111 1111".to_owned(),
        |new| new.account = String::new(),
        |new| new.amount.minor = 0,
        |new| new.merchant = "m".repeat(300),
    ];
    for (number, spoil) in (1..).zip(spoils) {
        let mut new = new_attempt(number);
        spoil(&mut new);
        let refused = tenant.begin_attempt(new).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{number}: {refused:?}");
    }
    let mut unread = new_attempt(1);
    unread.card = CardFacts::default();
    tenant.begin_attempt(unread).await.expect("a token charge knows no card");
    for url in ["mysql://x/y", "sqlite::memory:", "sqlite://x?mode=memory", ""] {
        let refused = tonewall_store::Store::open(url, StoreOptions::default()).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{url}");
    }
    store.close().await;
}

#[tokio::test]
async fn what_was_taken_before_is_found() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        let amount = new_attempt(1).amount;
        let again = |number, seconds| {
            let mut new = new_attempt(number);
            (new.account, new.at) = ("INV-1".to_owned(), later(seconds));
            new
        };
        let found = |row: Option<tonewall_store::AttemptRow>| row.map(|row| row.id);
        let first = tenant.earlier_taken("INV-1", amount, now()).await.expect("read");
        assert_eq!(found(first), Some(attempt_id(1)));
        tenant.begin_attempt(again(2, 60)).await.expect("begun");
        tenant.conclude(&attempt_id(2), approved("g-2"), later(61)).await.expect("told");
        tenant.begin_attempt(again(3, 70)).await.expect("begun");
        tenant.conclude(&attempt_id(3), declined(), later(71)).await.expect("told");
        let last = tenant.earlier_taken("INV-1", amount, now()).await.expect("read");
        assert_eq!(found(last), Some(attempt_id(2)), "the last one that was taken");
        let refund = News::Reversed { how: Reversal::Refund, by: agent() };
        tenant.conclude(&attempt_id(2), refund, later(80)).await.expect("told");
        let kept = tenant.earlier_taken("INV-1", amount, now()).await.expect("read");
        assert_eq!(found(kept), Some(attempt_id(1)), "a refund is not taken");
        assert_eq!(tenant.earlier_taken("INV-1", amount, later(1)).await, Ok(None), "long ago");
        assert_eq!(tenant.earlier_taken("INV-2", amount, now()).await, Ok(None));
        let other = tonewall_model::money::Money { minor: 1_251, ..amount };
        assert_eq!(tenant.earlier_taken("INV-1", other, now()).await, Ok(None));
        store.close().await;
    }
}

#[tokio::test]
async fn the_same_is_not_taken_twice_by_two_payments() {
    for db in TestDb::both().await {
        let store = db.open(StoreOptions::default()).await;
        let tenant = taken(&store, 1).await;
        let second = |number, account: &str| {
            let mut new = new_attempt(number);
            (new.account, new.taken_since) = (account.to_owned(), Some(now()));
            new
        };
        let before = Err(StoreError::TakenBefore { attempt: attempt_id(1) });
        assert_eq!(tenant.begin_attempt(second(2, "INV-1")).await, before);
        assert_eq!(tenant.begin_attempt(second(2, "inv - 1")).await, before, "the same account");
        let mut own = second(2, "INV-1");
        own.payment = new_attempt(1).payment;
        tenant.begin_attempt(own).await.expect("an attempt at the payment itself");
        let live = Err(StoreError::AlreadyLive { attempt: attempt_id(2) });
        assert_eq!(tenant.begin_attempt(second(3, "INV-1")).await, live);
        assert_eq!(tenant.begin_attempt(second(3, "inv-1")).await, live, "the same account");
        let found = tenant.live_of_account("inv -1").await.expect("read").map(|row| row.id);
        assert_eq!(found, Some(attempt_id(2)));
        tenant.conclude(&attempt_id(2), declined(), later(1)).await.expect("told");
        assert_eq!(tenant.live_of_account("INV-1").await, Ok(None));
        let mut other = second(3, "INV-1");
        other.amount.minor += 1;
        tenant.begin_attempt(other).await.expect("another amount");
        tenant.conclude(&attempt_id(3), declined(), later(2)).await.expect("told");
        let mut late = second(4, "INV-1");
        late.taken_since = Some(later(1));
        tenant.begin_attempt(late).await.expect("long ago");
        tenant.conclude(&attempt_id(4), declined(), later(3)).await.expect("told");
        let mut confirmed = second(5, "INV-1");
        confirmed.taken_since = None;
        tenant.begin_attempt(confirmed).await.expect("confirmed");
        assert_invariants(&store).await;
        store.close().await;
    }
}
