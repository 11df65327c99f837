//! What must hold of the rows at any time, checked from outside: by tests at their end, and by
//! whoever doubts a database.

use crate::audit::{self, BrokenAt};
use crate::codec;
use crate::error::StoreError;
use crate::evidence;
use crate::receipt::RECEIPTS_MAX;
use crate::store::Store;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tonewall_model::ledger::{LEDGER_ACCOUNTS, position};
use tonewall_model::payment::attempt::ATTEMPT_STATES;

/// Broken rows that are told of one invariant.
const TOLD_MAX: usize = 20;

/// States whose end is open, as a list for SQL.
fn live() -> String {
    let live = ATTEMPT_STATES.into_iter().filter(|state| state.is_live());
    live.map(|state| format!("'{}'", state.as_str())).collect::<Vec<_>>().join(", ")
}

/// An invariant and a query that finds the ids of rows that break it.
type Rule = (&'static str, String);

fn rules_of_attempts() -> Vec<Rule> {
    let live = live();
    vec![
        (
            "at most one live attempt for a payment",
            format!(
                "SELECT payment_id AS id FROM attempt WHERE state IN ({live}) \
                 GROUP BY tenant_id, payment_id HAVING count(*) > 1"
            ),
        ),
        (
            "at most one live attempt for an account",
            format!(
                "SELECT min(id) AS id FROM attempt WHERE state IN ({live}) \
                 GROUP BY tenant_id, account HAVING count(*) > 1"
            ),
        ),
        (
            "an idempotency key is used once at a gateway",
            "SELECT min(id) AS id FROM attempt GROUP BY tenant_id, gateway, idempotency_key \
             HAVING count(*) > 1"
                .to_owned(),
        ),
        (
            "amount, currency and account are those of the payment",
            "SELECT a.id AS id FROM attempt a LEFT JOIN payment p ON p.id = a.payment_id \
             AND p.tenant_id = a.tenant_id WHERE p.id IS NULL OR p.amount_minor <> a.amount_minor \
             OR p.currency <> a.currency OR p.account <> a.account"
                .to_owned(),
        ),
        (
            "each move has its outbox event",
            "SELECT a.id AS id FROM attempt a WHERE a.fence <> (SELECT count(*) FROM outbox o \
             WHERE o.tenant_id = a.tenant_id AND o.object = a.id)"
                .to_owned(),
        ),
        (
            "the beginning and each move have their audit row",
            "SELECT a.id AS id FROM attempt a WHERE a.fence + 1 <> (SELECT count(*) FROM audit u \
             WHERE u.tenant_id = a.tenant_id AND u.object = a.id AND u.what LIKE 'attempt.%')"
                .to_owned(),
        ),
        (
            "an attempt is concluded exactly when it is certain whether money moved",
            format!("SELECT id FROM attempt WHERE (concluded_at IS NULL) <> (state IN ({live}))"),
        ),
        (
            "a state that a gateway told is the one that its answer means",
            "SELECT id FROM attempt WHERE state IN ('approved', 'declined', 'rejected', 'held', \
             'pending', 'unknown') AND (outcome IS NULL OR outcome <> state)"
                .to_owned(),
        ),
        (
            "silence is never a decline",
            "SELECT id FROM attempt WHERE state = 'declined' AND \
             (decline_class IS NULL OR unknown_why IS NOT NULL)"
                .to_owned(),
        ),
    ]
}

fn rules_of_the_ledger() -> Vec<Rule> {
    vec![
        (
            "each move books a balanced set of entries",
            "SELECT attempt_id AS id FROM ledger_entry GROUP BY tenant_id, attempt_id, fence, currency \
             HAVING sum(minor) <> 0"
                .to_owned(),
        ),
        (
            "an entry belongs to an attempt of its tenant, in its currency",
            "SELECT e.attempt_id AS id FROM ledger_entry e LEFT JOIN attempt a ON a.id = e.attempt_id \
             AND a.tenant_id = e.tenant_id AND a.currency = e.currency WHERE a.id IS NULL"
                .to_owned(),
        ),
        ("the ledger stands where the state says", position_query()),
    ]
}

/// A row of `table` without exactly one event of `topic`, or without the audit row of `what`.
fn told_once(rule: &'static str, table: &str, topic: &str, what: &str) -> Rule {
    let sql = format!(
        "SELECT t.id AS id FROM {table} t WHERE 1 <> (SELECT count(*) FROM outbox o \
         WHERE o.tenant_id = t.tenant_id AND o.object = t.id AND o.topic = '{topic}') \
         OR 1 <> (SELECT count(*) FROM audit u WHERE u.tenant_id = t.tenant_id AND u.object = t.id \
         AND u.what = '{what}')"
    );
    (rule, sql)
}

/// A row of `table` that is about no attempt of its tenant and call whose money was taken.
fn after_an_approval(rule: &'static str, table: &str) -> Rule {
    let sql = format!(
        "SELECT t.id AS id FROM {table} t LEFT JOIN attempt a ON a.id = t.attempt_id \
         AND a.tenant_id = t.tenant_id AND a.call_id = t.call_id \
         AND a.state IN ('approved', 'voided', 'refunded') WHERE a.id IS NULL"
    );
    (rule, sql)
}

fn rules_of_receipts() -> Vec<Rule> {
    vec![
        told_once(
            "a receipt has its event and the audit row of its beginning",
            "receipt",
            "receipt.send",
            "receipt.queued",
        ),
        after_an_approval("a receipt is for an approval of its call", "receipt"),
        (
            "an attempt has only so many receipts",
            format!(
                "SELECT attempt_id AS id FROM receipt GROUP BY tenant_id, attempt_id \
                 HAVING count(*) > {RECEIPTS_MAX}"
            ),
        ),
        (
            "a receipt's event is delivered exactly when it waits no more, which the audit log tells",
            "SELECT r.id AS id FROM receipt r WHERE (r.state = 'queued') <> EXISTS (SELECT 1 FROM outbox o \
             WHERE o.tenant_id = r.tenant_id AND o.object = r.id AND o.delivered_at IS NULL) \
             OR r.state <> 'queued' AND NOT EXISTS (SELECT 1 FROM audit u WHERE u.tenant_id = r.tenant_id \
             AND u.object = r.id AND u.what = 'receipt.' || r.state)"
                .to_owned(),
        ),
    ]
}

fn rules_of_agreements_and_means() -> Vec<Rule> {
    vec![
        told_once(
            "an agreement has its event and its audit row",
            "agreement",
            "agreement.made",
            "agreement.made",
        ),
        after_an_approval("an agreement follows an approval of its call", "agreement"),
        (
            "an agreement is about the card of its attempt",
            "SELECT g.id AS id FROM agreement g JOIN attempt a ON a.id = g.attempt_id \
             AND a.tenant_id = g.tenant_id \
             WHERE a.brand <> g.brand OR a.last4 <> g.last4 OR a.expiry <> g.expiry"
                .to_owned(),
        ),
        (
            "an agreement's dates are counted from its start to its end",
            "SELECT g.id AS id FROM agreement g LEFT JOIN agreement_instalment i \
             ON i.agreement_id = g.id AND i.tenant_id = g.tenant_id \
             GROUP BY g.id, g.starts_on, g.end_count, g.end_until \
             HAVING count(i.seq) < 2 OR min(i.seq) <> 1 OR max(i.seq) <> count(i.seq) \
             OR min(i.due_on) <> g.starts_on OR coalesce(g.end_count, count(i.seq)) <> count(i.seq) \
             OR max(i.due_on) > coalesce(g.end_until, max(i.due_on))"
                .to_owned(),
        ),
        (
            "an agreement's dates ascend",
            "SELECT i.agreement_id AS id FROM agreement_instalment i JOIN agreement_instalment j \
             ON j.agreement_id = i.agreement_id AND j.seq = i.seq + 1 WHERE j.due_on <= i.due_on"
                .to_owned(),
        ),
        (
            "a call's choices are counted without a gap, each with its audit row",
            "SELECT m.call_id AS id FROM means m GROUP BY m.tenant_id, m.call_id \
             HAVING min(m.seq) <> 1 OR max(m.seq) <> count(*) OR count(*) <> (SELECT count(*) FROM audit u \
             WHERE u.tenant_id = m.tenant_id AND u.object = m.call_id AND u.what LIKE 'means.%')"
                .to_owned(),
        ),
        (
            "a choice after an attempt is of that attempt's call",
            "SELECT m.call_id AS id FROM means m LEFT JOIN attempt a ON a.id = m.attempt_id \
             AND a.tenant_id = m.tenant_id AND a.call_id = m.call_id \
             WHERE m.attempt_id IS NOT NULL AND a.id IS NULL"
                .to_owned(),
        ),
    ]
}

fn rules_of_calls_and_sign_ins() -> Vec<Rule> {
    vec![
        (
            "a call that has ended tells why",
            "SELECT id FROM call_record WHERE (ended_at IS NULL) <> (ended_why IS NULL)".to_owned(),
        ),
        (
            "a record of evidence has its audit row",
            "SELECT e.call_id AS id FROM evidence e WHERE 1 <> (SELECT count(*) FROM audit u \
             WHERE u.tenant_id = e.tenant_id AND u.object = e.call_id AND u.what = 'evidence.recorded')"
                .to_owned(),
        ),
        (
            "a call owes its evidence exactly while it has none",
            "SELECT c.id AS id FROM call_record c WHERE c.evidence IS NOT NULL \
             AND (c.evidence = 'written') <> EXISTS (SELECT 1 FROM evidence e \
             WHERE e.tenant_id = c.tenant_id AND e.call_id = c.id)"
                .to_owned(),
        ),
        (
            "a session was seen when it began or later",
            "SELECT agent AS id FROM session WHERE seen_at < created_at".to_owned(),
        ),
    ]
}

/// Attempts whose entries in some account do not add up to the position of their state.
fn position_query() -> String {
    let mut cases = String::new();
    for state in ATTEMPT_STATES {
        for account in LEDGER_ACCOUNTS {
            let times = position(state, account);
            if times != 0 {
                let (state, account) = (state.as_str(), account.as_str());
                cases.push_str(&format!(
                    " WHEN a.state = '{state}' AND c.account = '{account}' THEN {times} * a.amount_minor"
                ));
            }
        }
    }
    let accounts = LEDGER_ACCOUNTS.map(|account| format!("SELECT '{}' AS account", account.as_str()));
    let accounts = accounts.join(" UNION ALL ");
    format!(
        "SELECT DISTINCT a.id AS id FROM attempt a CROSS JOIN ({accounts}) c \
         WHERE CASE{cases} ELSE 0 END <> coalesce((SELECT sum(e.minor) FROM ledger_entry e \
         WHERE e.attempt_id = a.id AND e.account = c.account), 0)"
    )
}

/// Checks every invariant over all tenants, and every audit chain. Returns what is broken, in
/// words; empty when all holds. Reads whole tables: not for the live path.
pub async fn check_invariants(store: &Store) -> Result<Vec<String>, StoreError> {
    let db = store.reads();
    let mut broken = Vec::new();
    let rules = [
        rules_of_attempts(),
        rules_of_the_ledger(),
        rules_of_receipts(),
        rules_of_agreements_and_means(),
        rules_of_calls_and_sign_ins(),
    ];
    for (rule, sql) in rules.into_iter().flatten() {
        let ids = texts(db, &sql, "id").await?;
        broken.extend(ids.iter().take(TOLD_MAX).map(|id| format!("{rule}: not so for {id}")));
    }
    let tenants = "SELECT tenant_id FROM audit UNION SELECT tenant_id FROM audit_head";
    for tenant in texts(db, tenants, "tenant_id").await? {
        match audit::verify(db, &codec::tenant(&tenant)?).await {
            Ok(_) => {}
            Err(BrokenAt::Unread(error)) => return Err(error),
            Err(row) => broken.push(format!("the audit chain is whole: not so for {tenant}, {row}")),
        }
    }
    let tenants = "SELECT tenant_id FROM evidence UNION SELECT tenant_id FROM evidence_head";
    for tenant in texts(db, tenants, "tenant_id").await? {
        match evidence::verify(db, &codec::tenant(&tenant)?).await {
            Ok(_) => {}
            Err(BrokenAt::Unread(error)) => return Err(error),
            Err(row) => broken.push(format!("the chain of evidence is whole: not so for {tenant}, {row}")),
        }
    }
    Ok(broken)
}

async fn texts(db: &DatabaseConnection, sql: &str, column: &str) -> Result<Vec<String>, StoreError> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let texts: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get("", column)).collect();
    Ok(texts?)
}
