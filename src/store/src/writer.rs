//! SQLite's one writer: a bounded queue, and several items in one commit.
//!
//! A commit costs a flush of the disk, whatever is in it. So the writer takes everything that is
//! waiting, up to a bound, into one transaction with a savepoint an item, commits once, and only
//! then answers. An item that fails is rolled back to its savepoint and its neighbours stay.

use crate::connect::{self, Role, StoreOptions};
use crate::error::{Fault, StoreError};
use crate::write::{Done, Item};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Counters for metrics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Transactions committed.
    pub(crate) commits: AtomicU64,
    /// Items in them.
    pub(crate) items: AtomicU64,
}

impl Counters {
    pub(crate) fn committed(&self, items: u64) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(items, Ordering::Relaxed);
    }
}

type Answer = Result<Done, StoreError>;

/// An item and whoever waits for it.
struct Waiting {
    item: Item,
    reply: oneshot::Sender<Answer>,
}

enum Message {
    Write(Waiting),
    Stop(oneshot::Sender<()>),
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Message>);

const STOPPED: &str = "the writer has stopped";

impl Writer {
    /// Connects and starts the writer's task on the current runtime.
    pub(crate) async fn start(
        url: &str,
        options: StoreOptions,
        counters: Arc<Counters>,
    ) -> Result<Writer, StoreError> {
        let db = connect::connect(url, Role::Single, &options).await?;
        let (sender, receiver) = mpsc::channel(options.queue_max.max(1));
        let task = Task { url: url.to_owned(), options, counters, db, is_sick: false };
        tokio::spawn(task.run(receiver));
        Ok(Writer(sender))
    }

    /// Queues the item and waits for its commit.
    pub(crate) async fn write(&self, item: Item) -> Answer {
        let (reply, answer) = oneshot::channel();
        match self.0.try_send(Message::Write(Waiting { item, reply })) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable(STOPPED.to_owned()))),
            Err(mpsc::error::TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Unavailable(STOPPED.to_owned())),
        }
    }

    /// Items that wait in the queue.
    pub(crate) fn queued(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }

    /// Writes what is queued, closes the connection, and refuses everything after.
    pub(crate) async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.0.send(Message::Stop(reply)).await.is_ok() {
            // An error means that the task is gone: stopped as well.
            let _ = stopped.await;
        }
    }
}

struct Task {
    url: String,
    options: StoreOptions,
    counters: Arc<Counters>,
    db: DatabaseConnection,
    /// After a full disk or an I/O error SQLite has rolled back by itself, and the driver's count
    /// of open transactions is wrong from then on: the connection must not be used again.
    is_sick: bool,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut stops = Vec::new();
        while let Some(message) = queue.recv().await {
            let mut batch = Vec::new();
            self.sort(message, &mut queue, &mut batch, &mut stops);
            if batch.is_empty() {
                continue;
            }
            match self.open().await {
                Ok(transaction) => {
                    while batch.len() < self.options.batch_max {
                        let Ok(message) = queue.try_recv() else { break };
                        self.sort(message, &mut queue, &mut batch, &mut stops);
                    }
                    self.commit_group(transaction, batch).await;
                }
                Err(error) => {
                    // Those who queued up meanwhile have the same locked database before them:
                    // answer all, so that nobody waits longer than two bounds.
                    while let Ok(message) = queue.try_recv() {
                        self.sort(message, &mut queue, &mut batch, &mut stops);
                    }
                    for waiting in batch {
                        let _ = waiting.reply.send(Err(error.clone()));
                    }
                }
            }
        }
        if let Err(error) = self.db.close_by_ref().await {
            tracing::warn!(%error, "the writer's connection did not close cleanly");
        }
        for stop in stops {
            let _ = stop.send(());
        }
    }

    fn sort(
        &self,
        message: Message,
        queue: &mut mpsc::Receiver<Message>,
        batch: &mut Vec<Waiting>,
        stops: &mut Vec<oneshot::Sender<()>>,
    ) {
        match message {
            Message::Write(waiting) => batch.push(waiting),
            Message::Stop(reply) => {
                queue.close();
                stops.push(reply);
            }
        }
    }

    /// A write transaction from its first statement on, tried again while the database is locked.
    async fn open(&mut self) -> Result<DatabaseTransaction, StoreError> {
        if self.is_sick {
            self.reconnect().await?;
        }
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        for _ in 0..self.options.tries_max.max(1) {
            match self.db.begin_with_options(options).await.map_err(StoreError::from) {
                Ok(transaction) => return Ok(transaction),
                Err(StoreError::Locked) => {}
                Err(error) => {
                    self.is_sick = true;
                    return Err(error);
                }
            }
        }
        Err(StoreError::Locked)
    }

    async fn reconnect(&mut self) -> Result<(), StoreError> {
        if let Err(error) = self.db.close_by_ref().await {
            tracing::warn!(%error, "the writer's connection did not close cleanly");
        }
        self.db = connect::connect(&self.url, Role::Single, &self.options).await?;
        self.is_sick = false;
        Ok(())
    }

    async fn commit_group(&mut self, transaction: DatabaseTransaction, batch: Vec<Waiting>) {
        match group(&transaction, &batch).await {
            Ok(answers) => {
                let committed = self.commit(transaction, batch.len() as u64).await;
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    let answer = answer.and_then(|done| committed.clone().map(|()| done));
                    let _ = waiting.reply.send(answer);
                }
            }
            Err(fault) => {
                tracing::warn!(?fault, items = batch.len(), "a group was rolled back: one by one now");
                self.roll_back(transaction).await;
                for waiting in batch {
                    let answer = self.alone(&waiting.item).await;
                    let _ = waiting.reply.send(answer);
                }
            }
        }
    }

    /// One item in its own transaction.
    async fn alone(&mut self, item: &Item) -> Answer {
        let transaction = self.open().await?;
        match item.apply(&transaction).await {
            Ok(done) => self.commit(transaction, 1).await.map(|()| done),
            Err(fault) => {
                self.roll_back(transaction).await;
                Err(fault.into_error())
            }
        }
    }

    async fn commit(&mut self, transaction: DatabaseTransaction, items: u64) -> Result<(), StoreError> {
        match transaction.commit().await {
            Ok(()) => {
                self.counters.committed(items);
                Ok(())
            }
            Err(error) => {
                self.is_sick = true;
                Err(error.into())
            }
        }
    }

    async fn roll_back(&mut self, transaction: DatabaseTransaction) {
        self.is_sick |= transaction.rollback().await.is_err();
    }
}

/// Applies every item behind its own savepoint. An error means that the whole transaction is
/// suspect; an item's own failure is an answer among the others.
async fn group(transaction: &DatabaseTransaction, batch: &[Waiting]) -> Result<Vec<Answer>, Fault> {
    let mut answers = Vec::with_capacity(batch.len());
    for waiting in batch {
        let savepoint = transaction.begin().await?;
        match waiting.item.apply(&savepoint).await {
            Ok(done) => {
                savepoint.commit().await?;
                answers.push(Ok(done));
            }
            Err(fault) if fault.is_own() => {
                savepoint.rollback().await?;
                answers.push(Err(fault.into_error()));
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(answers)
}
