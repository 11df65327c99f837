//! Failed sign-ins by name, so that a lock-out survives the process. What they mean is decided by
//! whoever asks; here they are only kept.

use crate::clock;
use crate::entity::sign_in_guard::{ActiveModel, Column, Entity, Model};
use crate::error::{Fault, StoreError};
use crate::row::{FIELD_MAX, refuse_card_number};
use crate::store::Store;
use crate::tenant::TenantStore;
use crate::write::{Across, Item, Write};
use sea_orm::sea_query::{Condition, Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use tonewall_model::ids::TenantId;

/// Failures of one name since the last success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardRow {
    /// How many.
    pub failures: u8,
    /// When the first of them was.
    pub first_at: OffsetDateTime,
    /// Until when the name is locked, if it is.
    pub locked_until: Option<OffsetDateTime>,
}

/// A name as it was typed: it may be anything.
fn check(name: &str) -> Result<(), StoreError> {
    if !(1..=FIELD_MAX).contains(&name.len()) {
        return Err(StoreError::Invalid("a name has 1 to 256 bytes"));
    }
    refuse_card_number(&[name])
}

impl TenantStore {
    /// What is known of failed sign-ins under that name; `None` when there were none.
    pub async fn sign_in_state(&self, name: &str) -> Result<Option<GuardRow>, StoreError> {
        find(self.reads(), self.id(), name).await
    }

    /// Writes it, over what was there; `None` clears it.
    pub async fn sign_in_put(&self, name: &str, state: Option<GuardRow>) -> Result<(), StoreError> {
        check(name)?;
        self.write(Write::SignInPut { name: name.to_owned(), state }).await.map(|_| ())
    }

    /// Writes `after` if what is stored is still `before`; `false` when it is not, and nothing is
    /// written. Without this, guesses that arrive together would count as one.
    pub async fn sign_in_swap(
        &self,
        name: &str,
        before: Option<GuardRow>,
        after: Option<GuardRow>,
    ) -> Result<bool, StoreError> {
        check(name)?;
        let swap = Write::SignInSwap { name: name.to_owned(), before, after };
        Ok(self.write(swap).await?.rows()? == 1)
    }
}

impl Store {
    /// Forgets names of all tenants whose failures began before `before` and that are not locked
    /// beyond it; returns how many. Names are typed by anybody: without this they would pile up.
    pub async fn sign_ins_expire(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        self.write(Item::Across(Across::SignInsExpire { before })).await?.rows()
    }
}

fn of_name(tenant: &TenantId, name: &str) -> Condition {
    Condition::all().add(Column::TenantId.eq(tenant.as_str())).add(Column::Name.eq(name))
}

/// The row as it was read, and still is.
fn unchanged(tenant: &TenantId, name: &str, state: &GuardRow) -> Condition {
    of_name(tenant, name)
        .add(Column::Failures.eq(i64::from(state.failures)))
        .add(Column::FirstAt.eq(clock::to_text(state.first_at)))
        .add(match state.locked_until {
            Some(until) => Column::LockedUntil.eq(clock::to_text(until)),
            None => Column::LockedUntil.is_null(),
        })
}

fn row_of(tenant: &TenantId, name: &str, state: &GuardRow) -> ActiveModel {
    ActiveModel::from(Model {
        tenant_id: tenant.as_str().to_owned(),
        name: name.to_owned(),
        failures: i64::from(state.failures),
        first_at: clock::to_text(state.first_at),
        locked_until: state.locked_until.map(clock::to_text),
    })
}

async fn find<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    name: &str,
) -> Result<Option<GuardRow>, StoreError> {
    let Some(row) = Entity::find().filter(of_name(tenant, name)).one(db).await? else { return Ok(None) };
    Ok(Some(GuardRow {
        failures: u8::try_from(row.failures)
            .map_err(|_| StoreError::Corrupt("sign_in_guard: column failures".to_owned()))?,
        first_at: clock::from_text(&row.first_at)?,
        locked_until: clock::from_text_or_null(row.locked_until.as_deref())?,
    }))
}

pub(crate) async fn put<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    name: &str,
    state: Option<&GuardRow>,
) -> Result<u64, Fault> {
    let Some(state) = state else {
        return Ok(Entity::delete_many().filter(of_name(tenant, name)).exec(db).await?.rows_affected);
    };
    let over = OnConflict::columns([Column::TenantId, Column::Name])
        .update_columns([Column::Failures, Column::FirstAt, Column::LockedUntil])
        .to_owned();
    let insert = Entity::insert(row_of(tenant, name, state)).on_conflict(over);
    Ok(insert.exec_without_returning(db).await?)
}

pub(crate) async fn swap<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    name: &str,
    before: Option<&GuardRow>,
    after: Option<&GuardRow>,
) -> Result<u64, Fault> {
    match (before, after) {
        (None, None) => Ok(u64::from(find(db, tenant, name).await?.is_none())),
        (None, Some(after)) => {
            let taken = OnConflict::columns([Column::TenantId, Column::Name]).do_nothing().to_owned();
            let insert = Entity::insert(row_of(tenant, name, after)).on_conflict(taken);
            Ok(insert.exec_without_returning(db).await?)
        }
        (Some(before), None) => {
            let delete = Entity::delete_many().filter(unchanged(tenant, name, before));
            Ok(delete.exec(db).await?.rows_affected)
        }
        (Some(before), Some(after)) => {
            let update = Entity::update_many()
                .col_expr(Column::Failures, Expr::value(i64::from(after.failures)))
                .col_expr(Column::FirstAt, Expr::value(clock::to_text(after.first_at)))
                .col_expr(Column::LockedUntil, Expr::value(after.locked_until.map(clock::to_text)))
                .filter(unchanged(tenant, name, before));
            Ok(update.exec(db).await?.rows_affected)
        }
    }
}

pub(crate) async fn expire<C: ConnectionTrait>(db: &C, before: OffsetDateTime) -> Result<u64, Fault> {
    let before = clock::to_text(before);
    let free = Condition::any().add(Column::LockedUntil.is_null()).add(Column::LockedUntil.lt(&before));
    let old = Entity::delete_many().filter(Column::FirstAt.lt(&before)).filter(free);
    Ok(old.exec(db).await?.rows_affected)
}
