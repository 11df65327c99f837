//! A mailbox: a small real SMTP server (RFC 5321) that keeps what it is given in memory, for the demo and for tests.
//!
//! Everybody may send to anybody; nothing is passed on. It misbehaves on wish, because a receipt has to survive a mail
//! server that is busy, picky, deaf after the last byte, or gone.

mod message;
mod mime;
mod session;
#[cfg(test)]
mod tests;
mod words;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use message::{Inline, Message};

use crate::served::{self, OwnThread};

/// Messages kept; the oldest goes first. 200 receipts are more than a demo shows.
const MESSAGES_MAX: usize = 200;
/// Sessions at once; the next ones wait in the listener's backlog.
const SESSIONS_MAX: usize = 64;

/// How the server misbehaves towards the next messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailFault {
    /// 451 after the message: try again later; nothing is kept.
    Defer,
    /// 550 to every recipient: there is no such address.
    Refuse,
    /// The connection is closed after the last byte, without an answer; nothing is kept.
    DropAfterData,
}

#[derive(Default)]
struct Kept {
    messages: VecDeque<Arc<Message>>,
    next_id: u64,
    /// A fault and how many messages (or transactions) it still meets.
    fault: Option<(MailFault, u32)>,
}

/// What sessions share.
struct Shared {
    inside: Mutex<Kept>,
    count: watch::Sender<u64>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault in force; a fault of this kind is used up once.
    fn take_fault(&self, kind: MailFault) -> bool {
        let mut inside = self.lock();
        match &mut inside.fault {
            Some((fault, left)) if *fault == kind && *left > 0 => {
                *left -= 1;
                if *left == 0 {
                    inside.fault = None;
                }
                true
            }
            _ => false,
        }
    }

    fn keep(&self, from: String, to: Vec<String>, raw: Vec<u8>) -> String {
        let mut inside = self.lock();
        inside.next_id += 1;
        let id = format!("ml_{}", inside.next_id);
        let message = Message::read(id.clone(), SystemTime::now(), from, to, raw);
        if inside.messages.len() >= MESSAGES_MAX {
            inside.messages.pop_front();
        }
        inside.messages.push_back(Arc::new(message));
        drop(inside);
        self.count.send_modify(|count| *count += 1);
        id
    }
}

/// A mailbox with its server on a thread of its own. Dropping it stops it.
pub struct Mailbox {
    /// Where it listens; the real port if 0 was asked for.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    serving: Mutex<Option<OwnThread>>,
}

impl Mailbox {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// Whatever binding the address, or starting a thread, gives.
    pub fn start() -> io::Result<Self> {
        Self::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Listens on `addr`. Returns once connections are accepted.
    ///
    /// # Errors
    /// As [`Mailbox::start`].
    pub fn listen(addr: SocketAddr) -> io::Result<Self> {
        let inside = Mutex::new(Kept::default());
        let shared = Arc::new(Shared { inside, count: watch::Sender::new(0) });
        let (addr, serving) = serve(addr, Arc::clone(&shared))?;
        Ok(Self { addr, shared, serving: Mutex::new(Some(serving)) })
    }

    /// Stops answering: connections are refused until [`Mailbox::up`]. What was kept stays.
    pub fn down(&self) {
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(serving);
    }

    /// Answers again, at the same address.
    ///
    /// # Errors
    /// Whatever binding the address gives.
    pub fn up(&self) -> io::Result<()> {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        if serving.is_none() {
            *serving = Some(serve(self.addr, Arc::clone(&self.shared))?.1);
        }
        Ok(())
    }

    /// The next `times` messages meet this fault; 0 ends a fault.
    pub fn fail_next(&self, fault: MailFault, times: u32) {
        self.shared.lock().fault = (times > 0).then_some((fault, times));
    }

    /// What was kept, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Arc<Message>> {
        self.shared.lock().messages.iter().cloned().collect()
    }

    /// One message.
    #[must_use]
    pub fn message(&self, id: &str) -> Option<Arc<Message>> {
        self.shared.lock().messages.iter().find(|message| message.id == id).cloned()
    }

    /// Waits until a message that is wanted has come; `None` at the deadline. The newest one wins.
    pub async fn wait(&self, within: Duration, wanted: impl Fn(&Message) -> bool) -> Option<Arc<Message>> {
        let mut count = self.shared.count.subscribe();
        let deadline = tokio::time::Instant::now() + within;
        loop {
            count.borrow_and_update();
            let found = self.shared.lock().messages.iter().rev().find(|message| wanted(message)).cloned();
            if found.is_some() {
                return found;
            }
            match tokio::time::timeout_at(deadline, count.changed()).await {
                Ok(Ok(())) => {}
                _ => return None,
            }
        }
    }
}

fn serve(addr: SocketAddr, shared: Arc<Shared>) -> io::Result<(SocketAddr, OwnThread)> {
    served::serve("mailbox", addr, |listener| accept(listener, shared))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    let session = |stream, place| {
        let shared = Arc::clone(&shared);
        async move {
            session::run(stream, &shared).await;
            drop(place);
        }
    };
    served::accept(listener, SESSIONS_MAX, session).await
}
