//! PostgreSQL: a pool, and a transaction an item. Races that the database reports are tried again
//! in a fresh transaction, within a bound.

use crate::connect::StoreOptions;
use crate::error::StoreError;
use crate::write::{Done, Item};
use crate::writer::Counters;
use sea_orm::{DatabaseConnection, TransactionTrait};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The way to PostgreSQL.
#[derive(Clone)]
pub(crate) struct Pool {
    db: DatabaseConnection,
    options: StoreOptions,
    counters: Arc<Counters>,
    /// Bounds those who wait for a connection.
    places: Arc<Semaphore>,
}

impl Pool {
    pub(crate) fn new(db: DatabaseConnection, options: StoreOptions, counters: Arc<Counters>) -> Pool {
        let places = Arc::new(Semaphore::new(options.queue_max.max(1)));
        Pool { db, options, counters, places }
    }

    /// Items that run or wait for a connection.
    pub(crate) fn queued(&self) -> usize {
        self.options.queue_max.max(1).saturating_sub(self.places.available_permits())
    }

    /// Applies and commits the item.
    pub(crate) async fn write(&self, item: Item) -> Result<Done, StoreError> {
        let _place = self.places.try_acquire().map_err(|_| StoreError::Busy)?;
        let mut last = StoreError::Locked;
        for _ in 0..self.options.tries_max.max(1) {
            let transaction = self.db.begin().await?;
            let fault = match item.apply(&transaction).await {
                Ok(done) => {
                    transaction.commit().await?;
                    self.counters.committed(1);
                    return Ok(done);
                }
                Err(fault) => fault,
            };
            // A failed rollback closes the connection, which rolls back as well.
            if let Err(error) = transaction.rollback().await {
                tracing::warn!(%error, "a transaction was not rolled back cleanly");
            }
            if !fault.is_passing() {
                return Err(fault.into_error());
            }
            last = fault.into_error();
        }
        Err(last)
    }
}
