//! The sandbox CRM: a real HTTP server with invoices of invented customers, for the demo and for tests.
//!
//! - `GET /invoices?caller=%2B447700900123&status=unpaid` or `?account=INV-1001&status=unpaid`
//! - `POST /payments` with `Idempotency-Key`: 201, 200 for a repetition; takes the amount off its invoice
//!
//! Each organisation has a token (`Authorization: Bearer`) and sees its own invoices alone. A number that has never
//! called gets an invoice when it is asked for, so that a demo never runs dry; a number that ends in 999 never has one.

mod book;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use book::{Invoice, Posted};

use crate::served::{self, OwnThread};
use book::Book;

/// Most organisations.
const TENANTS_MAX: usize = 100;

/// How to start a CRM.
#[derive(Clone, Debug)]
pub struct SandboxCrmOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// (currency, token) of each organisation, 1 to 100 of them.
    pub tenants: Vec<(String, String)>,
    /// Seed of names, amounts and addresses.
    pub seed: u64,
    /// Number of the first account: a second run beside an old ledger takes another one.
    pub first_account: u32,
}

impl Default for SandboxCrmOptions {
    /// A free loopback port, one organisation with the token `crm-demo-token` in GBP, accounts from INV-1001.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tenants: vec![("GBP".to_owned(), "crm-demo-token".to_owned())],
            seed: 1,
            first_account: 1_001,
        }
    }
}

/// How the CRM misbehaves towards the next requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrmFault {
    /// Answers properly, so many milliseconds late (at most 60,000).
    Slow(u64),
    /// 500, and nothing is done.
    Error500,
    /// 401, whatever the token.
    Unauthorised,
}

/// What the server works with.
struct Shared {
    books: Mutex<Vec<Book>>,
    fault: Mutex<Option<(CrmFault, u32)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn take_fault(&self) -> Option<CrmFault> {
        let mut fault = locked(&self.fault);
        let (kind, left) = (*fault)?;
        *fault = (left > 1).then(|| (kind, left - 1));
        Some(kind)
    }
}

/// A CRM on a thread of its own. Dropping it stops it.
pub struct SandboxCrm {
    /// Where it listens; the real port if 0 was asked for.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    _server: OwnThread,
}

impl SandboxCrm {
    /// Listens and serves. Returns once connections are accepted.
    ///
    /// # Errors
    /// `InvalidInput` for options out of bounds; whatever binding the address, or starting a thread, gives.
    pub fn start(options: SandboxCrmOptions) -> io::Result<Self> {
        let usable = (1..=TENANTS_MAX).contains(&options.tenants.len())
            && options.tenants.iter().all(|(currency, token)| currency.len() == 3 && !token.is_empty());
        if !usable {
            let words = "a sandbox CRM needs 1 to 100 organisations, each with a currency and a token";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        let books = options
            .tenants
            .iter()
            .map(|(currency, token)| Book::open(token, currency, options.seed, options.first_account));
        let shared = Arc::new(Shared { books: Mutex::new(books.collect()), fault: Mutex::new(None) });
        let served = Arc::clone(&shared);
        let (addr, server) =
            served::serve("sandbox-crm", options.listen, |listener| server::accept(listener, served))?;
        Ok(Self { addr, shared, _server: server })
    }

    /// `http://address:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The next `times` requests meet this fault; 0 ends a fault.
    pub fn fail_next(&self, fault: CrmFault, times: u32) {
        *locked(&self.shared.fault) = (times > 0).then_some((fault, times));
    }

    /// Payments that were posted by the organisation of this token, oldest first.
    #[must_use]
    pub fn payments(&self, token: &str) -> Vec<Posted> {
        let books = locked(&self.shared.books);
        books.iter().find(|book| book.is_of(token)).map(Book::payments).unwrap_or_default()
    }

    /// Unpaid invoices of a number, made if it has never called; as the HTTP interface gives them.
    #[must_use]
    pub fn unpaid(&self, token: &str, caller: &str) -> Vec<Invoice> {
        let mut books = locked(&self.shared.books);
        let book = books.iter_mut().find(|book| book.is_of(token));
        book.map(|book| book.of_caller(caller, true)).unwrap_or_default()
    }
}
