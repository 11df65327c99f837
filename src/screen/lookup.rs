//! The customer's unpaid invoices, asked of the tenant's CRM once a call comes on a screen.
//!
//! Advisory: whatever is wrong with the CRM, the agent types account and amount.

use crate::crm::Crms;
use crate::events::Events;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tonewall_connectors::crm::{CrmError, Invoice};
use tonewall_model::ids::CallId;
use tonewall_model::tenant::{Crm, Tenant};
use tracing::{info, warn};

/// Calls whose invoices are kept; the oldest are forgotten first, and asked for again.
const CALLS_MAX: usize = 4_096;

/// The client has a time-out of its own; this one catches a client that does not keep it.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Where a search stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Search {
    /// The tenant has no CRM, or the caller withheld the number.
    #[default]
    Off,
    /// Asked.
    Searching,
    /// Found these.
    Found(Vec<Invoice>),
    /// There is nothing unpaid.
    None,
    /// The CRM does not answer.
    Unavailable,
}

/// What is known of a call's invoices.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lookup {
    /// Where the search stands.
    pub search: Search,
    /// The account that was asked for; `None`: the caller's number.
    pub account: Option<String>,
}

impl Lookup {
    /// The invoice under that account, or the only one where no account is told.
    pub fn invoice(&self, account: Option<&str>) -> Option<&Invoice> {
        let Search::Found(items) = &self.search else { return None };
        match (account, items.as_slice()) {
            (Some(account), items) => items.iter().find(|item| item.account == account),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

struct Asked {
    lookup: Lookup,
    /// Which question; the answer to an earlier one counts no more.
    nth: u64,
    at: Instant,
}

/// The searches of all calls.
#[derive(Clone)]
pub(super) struct Lookups(Arc<Inner>);

struct Inner {
    runtime: Handle,
    events: Arc<Events>,
    crms: Crms,
    calls: Mutex<HashMap<CallId, Asked>>,
}

impl Lookups {
    pub fn new(runtime: Handle, events: Arc<Events>) -> Lookups {
        let (crms, calls) = (Crms::default(), Mutex::default());
        Lookups(Arc::new(Inner { runtime, events, crms, calls }))
    }

    /// What is known of a call's invoices.
    pub fn of(&self, call: &CallId) -> Lookup {
        self.0.calls.lock().get(call).map(|asked| asked.lookup.clone()).unwrap_or_default()
    }

    /// Asks by the caller's number, once a call.
    pub fn appear(&self, tenant: &Arc<Tenant>, call: &CallId, caller: &str) {
        let known = self.0.calls.lock().contains_key(call);
        if known || matches!(tenant.crm, Crm::None) || !is_number(caller) {
            return;
        }
        self.ask(tenant, call, None, caller.to_owned());
    }

    /// Asks by an account; `false` where the tenant has no CRM.
    pub fn by_account(&self, tenant: &Arc<Tenant>, call: &CallId, account: &str) -> bool {
        if matches!(tenant.crm, Crm::None) {
            return false;
        }
        self.ask(tenant, call, Some(account.to_owned()), account.to_owned());
        true
    }

    fn ask(&self, tenant: &Arc<Tenant>, call: &CallId, account: Option<String>, what: String) {
        let by_account = account.is_some();
        let nth = self.begin(call, Lookup { search: Search::Searching, account });
        self.0.events.bump(call);
        let (lookups, tenant, call) = (self.clone(), Arc::clone(tenant), call.clone());
        self.0.runtime.spawn(async move {
            let search = lookups.search(&tenant, by_account, &what).await;
            info!(%call, tenant = %tenant.id, found = found(&search), "CRM asked for invoices");
            if let Some(asked) = lookups.0.calls.lock().get_mut(&call).filter(|asked| asked.nth == nth) {
                asked.lookup.search = search;
            }
            lookups.0.events.bump(&call);
        });
    }

    fn begin(&self, call: &CallId, lookup: Lookup) -> u64 {
        let mut calls = self.0.calls.lock();
        if calls.len() >= CALLS_MAX && !calls.contains_key(call) {
            let mut ages: Vec<Instant> = calls.values().map(|asked| asked.at).collect();
            ages.sort_unstable();
            let oldest_kept = ages[ages.len() / 4];
            calls.retain(|_, asked| asked.at >= oldest_kept);
        }
        let nth = calls.get(call).map_or(0, |asked| asked.nth) + 1;
        calls.insert(call.clone(), Asked { lookup, nth, at: Instant::now() });
        nth
    }

    async fn search(&self, tenant: &Arc<Tenant>, by_account: bool, what: &str) -> Search {
        let client = match self.0.crms.of(tenant) {
            Ok(client) => client,
            Err(error) => return unavailable(tenant, &error),
        };
        let answer = async {
            match by_account {
                true => client.unpaid_of_account(what).await,
                false => client.unpaid_of_caller(what).await,
            }
        };
        match tokio::time::timeout(ANSWER_MAX, answer).await {
            Ok(Ok(items)) if items.is_empty() => Search::None,
            Ok(Ok(items)) => Search::Found(items),
            Ok(Err(CrmError::NotAsked)) => Search::None,
            Ok(Err(error)) => unavailable(tenant, &error),
            Err(_) => unavailable(tenant, &CrmError::NoAnswer),
        }
    }
}

fn found(search: &Search) -> usize {
    match search {
        Search::Found(items) => items.len(),
        _ => 0,
    }
}

fn unavailable(tenant: &Tenant, error: &CrmError) -> Search {
    warn!(tenant = %tenant.id, %error, "CRM not available: agents type account and amount");
    Search::Unavailable
}

/// E.164, as far as it matters to a CRM: withheld numbers come as words.
fn is_number(caller: &str) -> bool {
    let digits = caller.strip_prefix('+').unwrap_or(caller);
    (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn withheld_numbers_are_not_looked_up() {
        for number in ["+447700900123", "02079460000", "999"] {
            assert!(is_number(number), "{number}");
        }
        for other in ["", "anonymous", "+", "sip:ann", "+44 7700 900123", "12345678901234567"] {
            assert!(!is_number(other), "{other}");
        }
    }
}
