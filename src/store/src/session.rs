//! Who is signed in. A session is looked up before anybody knows whose it is, hence by the store
//! itself and not by a tenant's.

use crate::clock;
use crate::codec;
use crate::entity::session::{ActiveModel, Column, Entity, Model};
use crate::error::{Fault, StoreError};
use crate::row::FIELD_MAX;
use crate::store::Store;
use crate::write::{Across, Item};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use std::fmt::Write;
use time::OffsetDateTime;
use tonewall_model::ids::{AgentId, TenantId};

/// SHA-256 of a session's token. The token itself is never stored.
pub type TokenHash = [u8; 32];

/// One agent signed in at one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// By which it is found.
    pub token_hash: TokenHash,
    /// The agent's tenant.
    pub tenant: TenantId,
    /// The agent.
    pub agent: AgentId,
    /// When they signed in.
    pub created_at: OffsetDateTime,
    /// When they last did something.
    pub seen_at: OffsetDateTime,
}

impl Store {
    /// Begins a session.
    pub async fn session_begin(&self, session: SessionRow) -> Result<(), StoreError> {
        if !(1..=FIELD_MAX).contains(&session.agent.0.len()) {
            return Err(StoreError::Invalid("an agent has 1 to 256 bytes"));
        }
        self.write(Item::Across(Across::SessionBegin(Box::new(session)))).await.map(|_| ())
    }

    /// The session of that token, however old: its age is for the caller to judge.
    pub async fn session(&self, token_hash: &TokenHash) -> Result<Option<SessionRow>, StoreError> {
        find(self.reads(), token_hash).await
    }

    /// Its agent did something at `now`; `false` when there is no such session (any more).
    pub async fn session_seen(
        &self,
        token_hash: &TokenHash,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let seen = Across::SessionSeen { token_hash: *token_hash, now };
        Ok(self.write(Item::Across(seen)).await?.rows()? == 1)
    }

    /// Ends it; a second time changes nothing.
    pub async fn session_end(&self, token_hash: &TokenHash) -> Result<(), StoreError> {
        self.write(Item::Across(Across::SessionEnd { token_hash: *token_hash })).await.map(|_| ())
    }

    /// Ends the sessions of all tenants that were last seen before `before`; returns how many.
    pub async fn sessions_expire(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        self.write(Item::Across(Across::SessionsExpire { before })).await?.rows()
    }
}

fn hex(token_hash: &TokenHash) -> String {
    token_hash.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

async fn find<C: ConnectionTrait>(db: &C, token_hash: &TokenHash) -> Result<Option<SessionRow>, StoreError> {
    let Some(row) = Entity::find_by_id(hex(token_hash)).one(db).await? else { return Ok(None) };
    Ok(Some(SessionRow {
        token_hash: *token_hash,
        tenant: codec::tenant(&row.tenant_id)?,
        created_at: clock::from_text(&row.created_at)?,
        seen_at: clock::from_text(&row.seen_at)?,
        agent: AgentId(row.agent),
    }))
}

pub(crate) async fn begin<C: ConnectionTrait>(db: &C, session: &SessionRow) -> Result<(), Fault> {
    let row = Model {
        token_hash: hex(&session.token_hash),
        tenant_id: session.tenant.as_str().to_owned(),
        agent: session.agent.0.clone(),
        created_at: clock::to_text(session.created_at),
        seen_at: clock::to_text(session.seen_at),
    };
    let same = OnConflict::column(Column::TokenHash).do_nothing().to_owned();
    let written = Entity::insert(ActiveModel::from(row)).on_conflict(same).exec_without_returning(db).await?;
    if written == 1 {
        return Ok(());
    }
    let known = find(db, &session.token_hash).await?.ok_or(Fault::Raced)?;
    match known.tenant == session.tenant && known.agent == session.agent {
        true => Ok(()),
        false => Err(StoreError::Invalid("the token belongs to somebody else's session").into()),
    }
}

pub(crate) async fn seen<C: ConnectionTrait>(
    db: &C,
    token_hash: &TokenHash,
    now: OffsetDateTime,
) -> Result<u64, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::SeenAt, Expr::value(clock::to_text(now)))
        .filter(Column::TokenHash.eq(hex(token_hash)));
    Ok(update.exec(db).await?.rows_affected)
}

pub(crate) async fn end<C: ConnectionTrait>(db: &C, token_hash: &TokenHash) -> Result<u64, Fault> {
    Ok(Entity::delete_by_id(hex(token_hash)).exec(db).await?.rows_affected)
}

pub(crate) async fn expire<C: ConnectionTrait>(db: &C, before: OffsetDateTime) -> Result<u64, Fault> {
    let old = Entity::delete_many().filter(Column::SeenAt.lt(clock::to_text(before)));
    Ok(old.exec(db).await?.rows_affected)
}
