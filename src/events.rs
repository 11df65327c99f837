//! Word that something about a call, or about the calls of a tenant, has changed outside any actor:
//! a receipt was sent, an attempt resolved, a call came in. It carries no content: whoever hears it
//! looks again.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use tokio::sync::watch;
use tonewall_model::ids::{CallId, TenantId};

/// Channels before those that nobody listens to are forgotten. Their number is bounded by the open
/// screens; a smaller one makes the sweep run oftener.
const IDLE_SWEEP_AT: usize = 1_024;

/// The fan-out.
#[derive(Default)]
pub struct Events {
    calls: Mutex<HashMap<CallId, watch::Sender<u64>>>,
    tenants: Mutex<HashMap<TenantId, watch::Sender<u64>>>,
}

impl Events {
    /// With no listeners.
    pub fn new() -> Events {
        Events::default()
    }

    /// Hears of changes of one call from now on.
    pub fn subscribe(&self, call: &CallId) -> watch::Receiver<u64> {
        listen(&self.calls, call)
    }

    /// Something about this call has changed.
    pub fn bump(&self, call: &CallId) {
        tell(&self.calls, call);
    }

    /// Hears of calls that come, end or change hands at a tenant.
    pub fn subscribe_tenant(&self, tenant: &TenantId) -> watch::Receiver<u64> {
        listen(&self.tenants, tenant)
    }

    /// A call came, ended or changed hands at this tenant.
    pub fn bump_tenant(&self, tenant: &TenantId) {
        tell(&self.tenants, tenant);
    }
}

fn listen<K: Hash + Eq + Clone>(
    channels: &Mutex<HashMap<K, watch::Sender<u64>>>,
    of: &K,
) -> watch::Receiver<u64> {
    let mut channels = channels.lock();
    if let Some(channel) = channels.get(of) {
        return channel.subscribe();
    }
    if channels.len() >= IDLE_SWEEP_AT {
        channels.retain(|_, channel| channel.receiver_count() > 0);
    }
    channels.entry(of.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe()
}

/// Without a listener there is nothing to keep: a new one reads everything first.
fn tell<K: Hash + Eq>(channels: &Mutex<HashMap<K, watch::Sender<u64>>>, of: &K) {
    if let Some(channel) = channels.lock().get(of) {
        channel.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_hear_of_their_call_and_of_no_other() {
        let events = Events::new();
        let (own, other) = (CallId::from_random(1), CallId::from_random(2));
        let mut hears = events.subscribe(&own);
        events.bump(&other);
        assert!(!hears.has_changed().expect("open"));
        events.bump(&own);
        assert!(hears.has_changed().expect("open"));
        hears.mark_unchanged();
        assert!(!hears.has_changed().expect("open"));
    }

    #[test]
    fn channels_without_listeners_are_forgotten() {
        let events = Events::new();
        let kept = events.subscribe(&CallId::from_random(0));
        for nth in 1..=4 * IDLE_SWEEP_AT as u128 {
            drop(events.subscribe(&CallId::from_random(nth)));
        }
        assert!(events.calls.lock().len() <= IDLE_SWEEP_AT);
        events.bump(&CallId::from_random(0));
        assert!(kept.has_changed().expect("still open"));
    }
}
