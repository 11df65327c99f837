//! One row a call, written as the call goes on.

use crate::clock;
use crate::entity::call_record::{self, Column, Entity, Model};
use crate::error::{Fault, StoreError};
use crate::row::CallRecord;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use tonewall_model::ids::{AgentId, CallId, TenantId};

/// Writes the record, or overwrites the one that the same tenant has under its id.
pub(crate) async fn record<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    call: &CallRecord,
) -> Result<(), Fault> {
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
    let row = row.ok_or(StoreError::NotFound)?;
    Ok(CallRecord {
        id: id.clone(),
        route: row.route,
        agent: row.agent.map(AgentId),
        caller: row.caller,
        started_at: clock::from_text(&row.started_at)?,
        secured_at: clock::from_text_or_null(row.secured_at.as_deref())?,
        ended_at: clock::from_text_or_null(row.ended_at.as_deref())?,
        ended_why: row.ended_why,
        keys: u32::try_from(row.keys).map_err(|_| StoreError::Corrupt(format!("call {id}: column keys")))?,
        scope: row.scope,
    })
}
