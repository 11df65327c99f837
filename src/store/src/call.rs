//! One row a call, written as the call goes on.

use crate::clock;
use crate::entity::attempt;
use crate::entity::call_record::{self, Column, Entity, Model};
use crate::error::{Fault, StoreError};
use crate::evidence;
use crate::row::CallRecord;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use tonewall_model::call::EndedWhy;
use tonewall_model::ids::{AgentId, CallId, TenantId};

/// Why a call ended whose process died: the `ended_why` of its record.
pub const RESTART: &str = "restart";

/// Writes the record, or overwrites the one that the same tenant has under its id.
pub(crate) async fn record<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    call: &CallRecord,
) -> Result<(), Fault> {
    // A ledger that was locked may get the record after the evidence.
    let debt = if evidence::is_known(db, tenant, &call.id).await? { "written" } else { "due" };
    let row = Model {
        id: call.id.as_str().to_owned(),
        tenant_id: tenant.as_str().to_owned(),
        route: call.route.clone(),
        agent: call.agent.as_ref().map(|agent| agent.0.clone()),
        caller: call.caller.clone(),
        started_at: clock::to_text(call.started_at),
        secured_at: call.secured_at.map(clock::to_text),
        ended_at: call.ended_at.map(clock::to_text),
        ended_why: call.ended_why.clone(),
        keys: i64::from(call.keys),
        scope: call.scope.clone(),
        wrapped_at: None,
        evidence: Some(debt.to_owned()),
    };
    let changing = [
        Column::Route,
        Column::Agent,
        Column::Caller,
        Column::StartedAt,
        Column::SecuredAt,
        Column::EndedAt,
        Column::EndedWhy,
        Column::Keys,
        Column::Scope,
    ];
    let own = Expr::col((Entity, Column::TenantId)).eq(tenant.as_str());
    let upsert = OnConflict::column(Column::Id).update_columns(changing).action_and_where(own).to_owned();
    let written = Entity::insert(call_record::ActiveModel::from(row))
        .on_conflict(upsert)
        .exec_without_returning(db)
        .await?;
    match written {
        0 => Err(StoreError::NotFound.into()),
        _ => Ok(()),
    }
}

/// The tenant's record of that call.
pub(crate) async fn find<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &CallId,
) -> Result<CallRecord, StoreError> {
    let row = Entity::find_by_id(id.as_str()).filter(Column::TenantId.eq(tenant.as_str())).one(db).await?;
    decode(row.ok_or(StoreError::NotFound)?)
}

/// Calls of an agent that began at `since` or later, are not wrapped up, and have attempts or were cut
/// off; newest first.
pub(crate) async fn unfinished<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    agent: &AgentId,
    since: OffsetDateTime,
    limit: u64,
) -> Result<Vec<CallRecord>, StoreError> {
    let attempted = Query::select()
        .column((attempt::Entity, attempt::Column::CallId))
        .from(attempt::Entity)
        .and_where(Expr::col((attempt::Entity, attempt::Column::TenantId)).eq(tenant.as_str()))
        .to_owned();
    let cut_off = Column::EndedWhy.is_in([RESTART, EndedWhy::Shutdown.as_str()]);
    let is_open = Column::EndedWhy.is_null().or(cut_off).or(Column::Id.in_subquery(attempted));
    let rows = Entity::find()
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Agent.eq(agent.0.as_str()))
        .filter(Column::StartedAt.gte(clock::to_text(since)))
        .filter(Column::WrappedAt.is_null())
        .filter(is_open)
        .order_by_desc(Column::StartedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(decode).collect()
}

/// The agent has done with the call; the first time counts.
pub(crate) async fn wrap<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    id: &CallId,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    find(db, tenant, id).await?;
    Entity::update_many()
        .col_expr(Column::WrappedAt, Expr::value(clock::to_text(now)))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::WrappedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// The agent goes on with a call that was wrapped up.
pub(crate) async fn unwrap<C: ConnectionTrait>(db: &C, tenant: &TenantId, id: &CallId) -> Result<(), Fault> {
    find(db, tenant, id).await?;
    go_on(db, tenant, id).await
}

/// The same for a call that may have no row.
pub(crate) async fn go_on<C: ConnectionTrait>(db: &C, tenant: &TenantId, id: &CallId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::WrappedAt, Expr::value(None::<String>))
        .filter(Column::TenantId.eq(tenant.as_str()))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::WrappedAt.is_not_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Ends the calls of all tenants that have no end; those that began before `began_before` only,
/// where that is told.
pub(crate) async fn close_interrupted<C: ConnectionTrait>(
    db: &C,
    now: OffsetDateTime,
    began_before: Option<OffsetDateTime>,
) -> Result<u64, Fault> {
    let mut update = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(clock::to_text(now)))
        .col_expr(Column::EndedWhy, Expr::value(RESTART))
        .filter(Column::EndedAt.is_null());
    if let Some(before) = began_before {
        update = update.filter(Column::StartedAt.lt(clock::to_text(before)));
    }
    Ok(update.exec(db).await?.rows_affected)
}

pub(crate) fn decode(row: Model) -> Result<CallRecord, StoreError> {
    let bad = |column| StoreError::Corrupt(format!("call {}: column {column}", row.id));
    Ok(CallRecord {
        id: CallId::parse(&row.id).ok_or_else(|| bad("id"))?,
        keys: u32::try_from(row.keys).map_err(|_| bad("keys"))?,
        started_at: clock::from_text(&row.started_at)?,
        secured_at: clock::from_text_or_null(row.secured_at.as_deref())?,
        ended_at: clock::from_text_or_null(row.ended_at.as_deref())?,
        wrapped_at: clock::from_text_or_null(row.wrapped_at.as_deref())?,
        route: row.route,
        agent: row.agent.map(AgentId),
        caller: row.caller,
        ended_why: row.ended_why,
        scope: row.scope,
    })
}
