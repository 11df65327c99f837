//! Payments, their attempts, and the double entry that they book.

use crate::refuse::{PG_FUNCTION_DOWN, PG_FUNCTION_UP, refuse};
use crate::{run, run_all};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const PAYMENT: &str = "CREATE TABLE payment (
    id text NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    call_id text NOT NULL,
    agent text NOT NULL,
    account text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    created_at text NOT NULL,
    UNIQUE (tenant_id, id)
)";

/// `id` is our reference at the gateway. `fence` counts the moves; a move names the state and the
/// fence that it saw. `outcome` tells which kind of answer the columns after it describe.
const ATTEMPT: &str = "CREATE TABLE attempt (
    id text NOT NULL PRIMARY KEY,
    tenant_id text NOT NULL,
    payment_id text NOT NULL,
    call_id text NOT NULL,
    agent text NOT NULL,
    account text NOT NULL,
    gateway text NOT NULL,
    merchant text NOT NULL,
    idempotency_key text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    brand text NOT NULL,
    first6 text NOT NULL CHECK (length(first6) IN (0, 6)),
    last4 text NOT NULL CHECK (length(last4) IN (0, 4)),
    expiry text NOT NULL CHECK (length(expiry) <= 7),
    state text NOT NULL CHECK (state IN ('sending', 'approved', 'declined', 'rejected', 'held', 'pending',
        'unknown', 'not_charged', 'review', 'voided', 'refunded')),
    fence bigint NOT NULL CHECK (fence >= 0),
    deadline_at text NOT NULL,
    outcome text CHECK (outcome IN ('approved', 'declined', 'rejected', 'held', 'pending', 'unknown')),
    auth_code text,
    gateway_ref text,
    network_transaction_id text,
    token text,
    decline_class text,
    scheme_code text,
    advice text,
    gateway_code text,
    say text,
    unknown_why text,
    check_cvc text,
    check_house text,
    check_postcode text,
    created_at text NOT NULL,
    concluded_at text,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, payment_id) REFERENCES payment (tenant_id, id)
)";

const LEDGER_ENTRY: &str = "CREATE TABLE ledger_entry (
    tenant_id text NOT NULL,
    attempt_id text NOT NULL,
    fence bigint NOT NULL,
    account text NOT NULL,
    minor bigint NOT NULL CHECK (minor <> 0),
    currency text NOT NULL,
    created_at text NOT NULL,
    PRIMARY KEY (attempt_id, fence, account),
    FOREIGN KEY (tenant_id, attempt_id) REFERENCES attempt (tenant_id, id)
)";

/// Live: money may have moved or may still move, so nobody may try again.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX attempt_one_key ON attempt (tenant_id, gateway, idempotency_key)",
    "CREATE UNIQUE INDEX attempt_one_live_payment ON attempt (tenant_id, payment_id)
        WHERE state IN ('sending', 'held', 'pending', 'unknown', 'review')",
    "CREATE UNIQUE INDEX attempt_one_live_account ON attempt (tenant_id, account)
        WHERE state IN ('sending', 'held', 'pending', 'unknown', 'review')",
    "CREATE INDEX attempt_unresolved ON attempt (deadline_at) WHERE state IN ('sending', 'pending', 'unknown')",
    "CREATE INDEX attempt_of_call ON attempt (tenant_id, call_id)",
    "CREATE INDEX payment_of_call ON payment (tenant_id, call_id)",
];

/// What may never change once it is written: terms of a payment and an attempt, and the ledger.
fn fixed(backend: DbBackend) -> Vec<String> {
    let terms = "UPDATE OF id, tenant_id, payment_id, call_id, agent, account, gateway, merchant, \
                 idempotency_key, amount_minor, currency, brand, first6, last4, expiry, created_at";
    vec![
        refuse(backend, "payment_fixed", "UPDATE", "payment", "a payment is fixed"),
        refuse(backend, "attempt_fixed", terms, "attempt", "the terms of an attempt are fixed"),
        refuse(backend, "attempt_kept", "DELETE", "attempt", "an attempt is kept"),
        refuse(backend, "ledger_entry_fixed", "UPDATE", "ledger_entry", "the ledger is append-only"),
        refuse(backend, "ledger_entry_kept", "DELETE", "ledger_entry", "the ledger is append-only"),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        run_all(manager, &[PAYMENT, ATTEMPT, LEDGER_ENTRY]).await?;
        run_all(manager, INDEXES).await?;
        if backend != DbBackend::Sqlite {
            run_all(manager, &[PG_FUNCTION_UP]).await?;
        }
        run(manager, &fixed(backend)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run_all(manager, &["DROP TABLE ledger_entry", "DROP TABLE attempt", "DROP TABLE payment"]).await?;
        if manager.get_database_backend() != DbBackend::Sqlite {
            run_all(manager, &[PG_FUNCTION_DOWN]).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
