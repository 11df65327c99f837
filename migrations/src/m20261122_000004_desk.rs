//! The agent's desk: who is signed in, what was sent to the customer, what was agreed.

use crate::refuse::refuse;
use crate::{run, run_all};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Of a session's token only the SHA-256, in hex: a copy of this table opens no session.
const SESSION: &str = "CREATE TABLE session (
    token_hash text NOT NULL PRIMARY KEY CHECK (length(token_hash) = 64),
    tenant_id text NOT NULL,
    agent text NOT NULL,
    created_at text NOT NULL,
    seen_at text NOT NULL
)";

/// `name` is what was typed, whether or not there is such an agent: a lock-out must not tell.
const SIGN_IN_GUARD: &str = "CREATE TABLE sign_in_guard (
    tenant_id text NOT NULL,
    name text NOT NULL,
    failures bigint NOT NULL CHECK (failures BETWEEN 0 AND 255),
    first_at text NOT NULL,
    locked_until text,
    PRIMARY KEY (tenant_id, name)
)";

/// `problem` is why the last try did not get through, in words for the agent.
const RECEIPT: &str = "CREATE TABLE receipt (
    id text NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    attempt_id text NOT NULL,
    call_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('payment')),
    address text NOT NULL CHECK (length(address) BETWEEN 3 AND 254),
    agent text NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'sent', 'refused')),
    problem text,
    tries bigint NOT NULL CHECK (tries >= 0),
    created_at text NOT NULL,
    tried_at text,
    sent_at text CHECK ((sent_at IS NOT NULL) = (state = 'sent')),
    FOREIGN KEY (tenant_id, attempt_id) REFERENCES attempt (tenant_id, id)
)";

/// Each choice is a row: the last one counts, the ones before stay for whoever asks. `payment_id`
/// is no foreign key: a card that was never read has a payment without an attempt, hence no row.
const MEANS: &str = "CREATE TABLE means (
    tenant_id text NOT NULL,
    call_id text NOT NULL,
    seq bigint NOT NULL CHECK (seq >= 1),
    payment_id text,
    attempt_id text,
    means text NOT NULL CHECK (means IN ('pay_link', 'bank_transfer', 'later')),
    note text NOT NULL,
    agent text NOT NULL,
    created_at text NOT NULL,
    PRIMARY KEY (tenant_id, call_id, seq),
    FOREIGN KEY (tenant_id, attempt_id) REFERENCES attempt (tenant_id, id)
)";

/// Terms, the wording that was read out, and the card: what has to be shown when a customer or a
/// bank asks by what right money was taken. `starts_on`, `end_until`: `YYYY-MM-DD`.
const AGREEMENT: &str = "CREATE TABLE agreement (
    id text NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    attempt_id text NOT NULL,
    call_id text NOT NULL,
    agent text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    every text NOT NULL CHECK (every IN ('week', 'fortnight', 'four_weeks', 'month', 'quarter', 'year')),
    starts_on text NOT NULL CHECK (length(starts_on) = 10),
    end_count bigint CHECK (end_count BETWEEN 2 AND 120),
    end_until text CHECK (length(end_until) = 10),
    consent_text text NOT NULL CHECK (length(consent_text) > 0),
    consent_version text NOT NULL CHECK (length(consent_version) > 0),
    agreed_at text NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL CHECK (length(last4) IN (0, 4)),
    expiry text NOT NULL CHECK (length(expiry) <= 7),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, attempt_id),
    CHECK ((end_count IS NULL) <> (end_until IS NULL)),
    FOREIGN KEY (tenant_id, attempt_id) REFERENCES attempt (tenant_id, id)
)";

/// The dates that were read out; what is collected on them is added in a later step.
const AGREEMENT_INSTALMENT: &str = "CREATE TABLE agreement_instalment (
    tenant_id text NOT NULL,
    agreement_id text NOT NULL,
    seq bigint NOT NULL CHECK (seq BETWEEN 1 AND 120),
    due_on text NOT NULL CHECK (length(due_on) = 10),
    PRIMARY KEY (agreement_id, seq),
    FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreement (tenant_id, id)
)";

const INDEXES: &[&str] = &[
    "CREATE INDEX session_seen ON session (seen_at)",
    "CREATE INDEX receipt_of_attempt ON receipt (tenant_id, attempt_id)",
    "CREATE INDEX receipt_of_call ON receipt (tenant_id, call_id)",
    "CREATE INDEX attempt_of_account ON attempt (tenant_id, lower(replace(account, ' ', '')), created_at)",
    "CREATE INDEX call_record_of_agent ON call_record (tenant_id, agent, started_at)",
    "CREATE INDEX call_record_open ON call_record (started_at) WHERE ended_at IS NULL",
];

/// A receipt and a session may be deleted: an address and a sign-in are personal data, and their
/// time ends. Nothing that was agreed or chosen may.
fn fixed(backend: DbBackend) -> Vec<String> {
    let address = "UPDATE OF id, tenant_id, attempt_id, call_id, kind, address, agent, created_at";
    let terms = "UPDATE OF id, tenant_id, attempt_id, call_id, agent, amount_minor, currency, every, \
                 starts_on, end_count, end_until, consent_text, consent_version, agreed_at, brand, \
                 last4, expiry";
    let date = "UPDATE OF tenant_id, agreement_id, seq, due_on";
    let owner = "UPDATE OF token_hash, tenant_id, agent, created_at";
    vec![
        refuse(backend, "session_fixed", owner, "session", "whose session it is is fixed"),
        refuse(backend, "receipt_fixed", address, "receipt", "what a receipt is about is fixed"),
        refuse(backend, "means_fixed", "UPDATE", "means", "choices are append-only"),
        refuse(backend, "means_kept", "DELETE", "means", "choices are append-only"),
        refuse(backend, "agreement_fixed", terms, "agreement", "what was agreed is fixed"),
        refuse(backend, "agreement_kept", "DELETE", "agreement", "an agreement is kept"),
        refuse(backend, "instalment_fixed", date, "agreement_instalment", "a date is fixed"),
        refuse(backend, "instalment_kept", "DELETE", "agreement_instalment", "a date is kept"),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let wrapped = "ALTER TABLE call_record ADD COLUMN wrapped_at text";
        let tables = [SESSION, SIGN_IN_GUARD, RECEIPT, MEANS, AGREEMENT, AGREEMENT_INSTALMENT, wrapped];
        run_all(manager, &tables).await?;
        run_all(manager, INDEXES).await?;
        run(manager, &fixed(manager.get_database_backend())).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let back = [
            "DROP INDEX call_record_open",
            "DROP INDEX call_record_of_agent",
            "DROP INDEX attempt_of_account",
            "ALTER TABLE call_record DROP COLUMN wrapped_at",
            "DROP TABLE agreement_instalment",
            "DROP TABLE agreement",
            "DROP TABLE means",
            "DROP TABLE receipt",
            "DROP TABLE sign_in_guard",
            "DROP TABLE session",
        ];
        run_all(manager, &back).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
