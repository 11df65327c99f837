//! Attempts: recorded before the first byte leaves, moved by news, never otherwise.

use crate::audit::{self, AuditEntry, AuditResult};
use crate::entity::{attempt, ledger_entry, payment};
use crate::error::{Fault, StoreError};
use crate::row::{AttemptRow, Concluded, EntryRow, NewAttempt};
use crate::{call, clock, codec, outbox};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use time::OffsetDateTime;
use tonewall_model::ids::{AttemptId, CallId, TenantId};
use tonewall_model::ledger::{LedgerAccount, entries_for};
use tonewall_model::money::Money;
use tonewall_model::payment::attempt::{ATTEMPT_STATES, after};
use tonewall_model::payment::{AttemptState, News, Outcome};

fn live_states() -> impl Iterator<Item = &'static str> {
    ATTEMPT_STATES.into_iter().filter(|state| state.is_live()).map(AttemptState::as_str)
}

fn id_of(row: &attempt::Model) -> Result<AttemptId, StoreError> {
    AttemptId::parse(&row.id).ok_or_else(|| StoreError::Corrupt(format!("attempt {}: column id", row.id)))
}

/// Records the attempt (and its payment, if it is new) as `Sending`.
pub(crate) async fn begin<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    new: &NewAttempt,
) -> Result<(), Fault> {
    // In this order: what is live at the first look and approved by the second is seen by one of them.
    refuse_repeat(db, tenant, new).await?;
    refuse_taken(db, tenant, new).await?;
    ensure_payment(db, tenant, new).await?;
    attempt::Entity::insert(sending_row(tenant, new)).exec_without_returning(db).await?;
    // Whoever asked for it, the agent has an outcome to see.
    call::go_on(db, tenant, &new.call).await?;
    let entry = AuditEntry {
        who: new.agent.0.clone(),
        what: format!("attempt.{}", AttemptState::Sending.as_str()),
        at: new.at,
        result: AuditResult::Success,
        origin: new.call.as_str().to_owned(),
        object: new.id.as_str().to_owned(),
    };
    audit::append(db, tenant, &entry).await
}

/// The unique indexes would refuse it too; this says which attempt is in the way.
async fn refuse_repeat<C: ConnectionTrait>(db: &C, tenant: &TenantId, new: &NewAttempt) -> Result<(), Fault> {
    use attempt::Column::{Gateway, Id, IdempotencyKey, PaymentId, State, TenantId};
    let live = Condition::all()
        .add(State.is_in(live_states()))
        .add(Condition::any().add(PaymentId.eq(new.payment.as_str())).add(same_account(&new.account)));
    let same_key = Condition::all().add(Gateway.eq(&new.gateway)).add(IdempotencyKey.eq(new.key()));
    let rows = attempt::Entity::find()
        .filter(TenantId.eq(tenant.as_str()))
        .filter(Condition::any().add(Id.eq(new.id.as_str())).add(live).add(same_key))
        .limit(8)
        .all(db)
        .await?;
    let is_live = |row: &&attempt::Model| live_states().any(|state| state == row.state);
    if let Some(row) = rows.iter().find(is_live) {
        return Err(StoreError::AlreadyLive { attempt: id_of(row)? }.into());
    }
    match rows.first() {
        Some(row) => Err(StoreError::Duplicate { attempt: id_of(row)? }.into()),
        None => Ok(()),
    }
}

/// The same amount for the same account, taken under another payment since the caller's `taken_since`.
async fn refuse_taken<C: ConnectionTrait>(db: &C, tenant: &TenantId, new: &NewAttempt) -> Result<(), Fault> {
    let Some(since) = new.taken_since else { return Ok(()) };
    let other = attempt::Column::PaymentId.ne(new.payment.as_str());
    match taken(tenant, &new.account, new.amount, since).filter(other).one(db).await? {
        Some(row) => Err(StoreError::TakenBefore { attempt: id_of(&row)? }.into()),
        None => Ok(()),
    }
}

/// An account as people mean it: case and blanks make no other one. The index `attempt_of_account` is
/// on the same expression.
fn same_account(account: &str) -> Expr {
    let folded = Func::lower(Expr::val(account.replace(' ', "")));
    Expr::cust("lower(replace(account, ' ', ''))").eq(folded)
}

async fn ensure_payment<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    new: &NewAttempt,
) -> Result<(), Fault> {
    let known = payment::Entity::find_by_id(new.payment.as_str())
        .filter(payment::Column::TenantId.eq(tenant.as_str()))
        .one(db)
        .await?;
    if let Some(known) = known {
        let same = known.account == new.account
            && known.amount_minor == new.amount.minor
            && known.currency == new.amount.currency.code();
        return match same {
            true => Ok(()),
            false => Err(StoreError::Invalid("the payment was recorded with other terms").into()),
        };
    }
    let row = payment::ActiveModel {
        id: Set(new.payment.as_str().to_owned()),
        tenant_id: Set(tenant.as_str().to_owned()),
        call_id: Set(new.call.as_str().to_owned()),
        agent: Set(new.agent.0.clone()),
        account: Set(new.account.clone()),
        amount_minor: Set(new.amount.minor),
        currency: Set(new.amount.currency.code().to_owned()),
        created_at: Set(clock::to_text(new.at)),
    };
    payment::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

fn sending_row(tenant: &TenantId, new: &NewAttempt) -> attempt::ActiveModel {
    attempt::ActiveModel {
        id: Set(new.id.as_str().to_owned()),
        tenant_id: Set(tenant.as_str().to_owned()),
        payment_id: Set(new.payment.as_str().to_owned()),
        call_id: Set(new.call.as_str().to_owned()),
        agent: Set(new.agent.0.clone()),
        account: Set(new.account.clone()),
        gateway: Set(new.gateway.clone()),
        merchant: Set(new.merchant.clone()),
        idempotency_key: Set(new.key().to_owned()),
        amount_minor: Set(new.amount.minor),
        currency: Set(new.amount.currency.code().to_owned()),
        brand: Set(new.card.brand.clone()),
        first6: Set(new.card.first6.clone()),
        last4: Set(new.card.last4.clone()),
        expiry: Set(new.card.expiry.clone()),
        state: Set(AttemptState::Sending.as_str().to_owned()),
        fence: Set(0),
        deadline_at: Set(clock::to_text(new.deadline_at)),
        created_at: Set(clock::to_text(new.at)),
        ..Default::default()
    }
}

/// The tenant's attempt of that id.
pub(crate) async fn find<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &AttemptId,
) -> Result<AttemptRow, StoreError> {
    let row = attempt::Entity::find_by_id(id.as_str())
        .filter(attempt::Column::TenantId.eq(tenant.as_str()))
        .one(db)
        .await?;
    codec::attempt(row.ok_or(StoreError::NotFound)?)
}

/// The tenant's attempt of that id, if its money is taken. In PostgreSQL its row is locked until the
/// transaction ends, so that what is made of an approval is counted one after the other.
pub(crate) async fn approved_and_locked<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &AttemptId,
) -> Result<AttemptRow, StoreError> {
    let row = attempt::Entity::find_by_id(id.as_str())
        .filter(attempt::Column::TenantId.eq(tenant.as_str()))
        .lock_exclusive()
        .one(db)
        .await?;
    let attempt = codec::attempt(row.ok_or(StoreError::NotFound)?)?;
    match attempt.state {
        AttemptState::Approved => Ok(attempt),
        state => Err(StoreError::NotApproved { state }),
    }
}

/// The last approved attempt of that account and amount that was begun at `since` or later.
pub(crate) async fn earlier_taken<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    account: &str,
    amount: Money,
    since: OffsetDateTime,
) -> Result<Option<AttemptRow>, StoreError> {
    taken(tenant, account, amount, since).one(db).await?.map(codec::attempt).transpose()
}

fn taken(tenant: &TenantId, account: &str, amount: Money, since: OffsetDateTime) -> Select<attempt::Entity> {
    use attempt::Column::{AmountMinor, CreatedAt, Currency, Id, State, TenantId};
    attempt::Entity::find()
        .filter(TenantId.eq(tenant.as_str()))
        .filter(same_account(account))
        .filter(CreatedAt.gte(clock::to_text(since)))
        .filter(AmountMinor.eq(amount.minor))
        .filter(Currency.eq(amount.currency.code()))
        .filter(State.eq(AttemptState::Approved.as_str()))
        .order_by_desc(CreatedAt)
        .order_by_desc(Id)
}

/// An attempt of that account that is not settled, of any age.
pub(crate) async fn live_of_account<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    account: &str,
) -> Result<Option<AttemptRow>, StoreError> {
    let row = attempt::Entity::find()
        .filter(attempt::Column::TenantId.eq(tenant.as_str()))
        .filter(same_account(account))
        .filter(attempt::Column::State.is_in(live_states()))
        .one(db)
        .await?;
    row.map(codec::attempt).transpose()
}

/// Attempts of a call, oldest first.
pub(crate) async fn of_call<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    call: &CallId,
    limit: u64,
) -> Result<Vec<AttemptRow>, StoreError> {
    let rows = attempt::Entity::find()
        .filter(attempt::Column::TenantId.eq(tenant.as_str()))
        .filter(attempt::Column::CallId.eq(call.as_str()))
        .order_by_asc(attempt::Column::CreatedAt)
        .order_by_asc(attempt::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(codec::attempt).collect()
}

/// Attempts of every tenant that match, those with the earliest deadline first.
pub(crate) async fn across_tenants<C: ConnectionTrait>(
    db: &C,
    which: Condition,
    limit: u64,
) -> Result<Vec<(TenantId, AttemptRow)>, StoreError> {
    let rows = attempt::Entity::find()
        .filter(which)
        .order_by_asc(attempt::Column::DeadlineAt)
        .order_by_asc(attempt::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    let pair = |row: attempt::Model| Ok((codec::tenant(&row.tenant_id)?, codec::attempt(row)?));
    rows.into_iter().map(pair).collect()
}

/// Tells the news: state, ledger, outbox and audit in the caller's transaction.
pub(crate) async fn conclude<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &AttemptId,
    news: &News,
    now: OffsetDateTime,
) -> Result<Concluded, Fault> {
    let before = find(db, tenant, id).await?;
    let from = before.state;
    let outcome = news.outcome().map(|outcome| codec::cleaned(outcome, &before.card));
    let Some(to) = after(from, news) else {
        let to = news.target(from);
        let known = to == from && agrees(before.outcome.as_ref(), outcome.as_ref());
        return match known {
            true => Ok(Concluded { attempt: before, moved: false }),
            false => Err(StoreError::NotAllowed { from, to }.into()),
        };
    };
    let moved = AttemptRow {
        state: to,
        fence: before.fence + 1,
        outcome: outcome.clone().or_else(|| before.outcome.clone()),
        concluded_at: before.concluded_at.or_else(|| to.is_terminal().then_some(now)),
        ..before.clone()
    };
    write_move(db, tenant, &before, &moved, outcome.as_ref()).await?;
    book(db, tenant, from, &moved, now).await?;
    outbox::insert_move(db, tenant, &moved, now).await?;
    audit::append(db, tenant, &audit_of(&moved, news, now)).await?;
    // Read back, so that the caller sees what any other reader will see.
    Ok(Concluded { attempt: find(db, tenant, id).await?, moved: true })
}

/// Whether news of a state that is reached already is about the same transaction at the gateway.
/// Another reference there would mean that the customer was charged twice.
fn agrees(stored: Option<&Outcome>, told: Option<&Outcome>) -> bool {
    let reference = |outcome: Option<&Outcome>| match outcome {
        Some(Outcome::Approved(yes) | Outcome::Held(yes)) => Some(yes.gateway_ref.clone()),
        Some(Outcome::Pending { gateway_ref }) => Some(gateway_ref.clone()),
        _ => None,
    };
    match (reference(stored), reference(told)) {
        (Some(stored), Some(told)) => stored == told || stored.is_empty() || told.is_empty(),
        _ => true,
    }
}

/// The conditional update: exactly the row that was read, or somebody else was faster.
async fn write_move<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    before: &AttemptRow,
    moved: &AttemptRow,
    told: Option<&Outcome>,
) -> Result<(), Fault> {
    use attempt::Column::{Fence, Id, State, TenantId};
    let fence = |row: &AttemptRow| i64::try_from(row.fence).map_err(|_| Fault::Raced);
    let columns = told.map(codec::outcome_columns).unwrap_or_default();
    let row = attempt::ActiveModel {
        state: Set(moved.state.as_str().to_owned()),
        fence: Set(fence(moved)?),
        concluded_at: Set(moved.concluded_at.map(clock::to_text)),
        ..columns
    };
    let update = attempt::Entity::update_many()
        .set(row)
        .filter(TenantId.eq(tenant.as_str()))
        .filter(Id.eq(before.id.as_str()))
        .filter(State.eq(before.state.as_str()))
        .filter(Fence.eq(fence(before)?));
    match update.exec(db).await?.rows_affected {
        1 => Ok(()),
        _ => Err(Fault::Raced),
    }
}

async fn book<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    from: AttemptState,
    moved: &AttemptRow,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let row = |entry: tonewall_model::ledger::Entry| ledger_entry::ActiveModel {
        tenant_id: Set(tenant.as_str().to_owned()),
        attempt_id: Set(moved.id.as_str().to_owned()),
        fence: Set(i64::try_from(moved.fence).unwrap_or(i64::MAX)),
        account: Set(entry.account.as_str().to_owned()),
        minor: Set(entry.minor),
        currency: Set(moved.amount.currency.code().to_owned()),
        created_at: Set(clock::to_text(now)),
    };
    let rows: Vec<_> = entries_for(from, moved.state, moved.amount).into_iter().map(row).collect();
    if !rows.is_empty() {
        ledger_entry::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

fn audit_of(moved: &AttemptRow, news: &News, now: OffsetDateTime) -> AuditEntry {
    let who = match news {
        News::Answer(_) => moved.agent.0.clone(),
        News::Late(_) => "resolver".to_owned(),
        News::Reversed { by, .. } | News::Decided { by, .. } => by.0.clone(),
    };
    let origin = match news {
        News::Answer(_) => moved.call.as_str().to_owned(),
        _ => format!("gateway {}", moved.gateway),
    };
    let failed = matches!(
        moved.state,
        AttemptState::Declined | AttemptState::Rejected | AttemptState::Unknown | AttemptState::Review
    );
    AuditEntry {
        who,
        what: format!("attempt.{}", moved.state.as_str()),
        at: now,
        result: if failed { AuditResult::Failure } else { AuditResult::Success },
        origin,
        object: moved.id.as_str().to_owned(),
    }
}

/// Ledger lines of an attempt, in the order of its moves.
pub(crate) async fn entries<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &AttemptId,
) -> Result<Vec<EntryRow>, StoreError> {
    let rows = ledger_entry::Entity::find()
        .filter(ledger_entry::Column::TenantId.eq(tenant.as_str()))
        .filter(ledger_entry::Column::AttemptId.eq(id.as_str()))
        .order_by_asc(ledger_entry::Column::Fence)
        .order_by_asc(ledger_entry::Column::Account)
        .all(db)
        .await?;
    let decode = |row: ledger_entry::Model| {
        let bad = |column| StoreError::Corrupt(format!("entry of {}: column {column}", row.attempt_id));
        Ok(EntryRow {
            fence: u64::try_from(row.fence).map_err(|_| bad("fence"))?,
            account: LedgerAccount::parse(&row.account).ok_or_else(|| bad("account"))?,
            money: codec::money(row.minor, &row.currency).ok_or_else(|| bad("currency"))?,
            at: clock::from_text(&row.created_at)?,
        })
    };
    rows.into_iter().map(decode).collect()
}
