//! What the media thread and the owner of a call share without a lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tonewall_secret::{Key, KeyRing};

/// Whose keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysOf {
    /// The customer's: card digits.
    Customer,
    /// The agent's: the code that secures the line, never card digits.
    Agent,
}

/// Counters of one call; each is a plain total.
#[derive(Default)]
pub(crate) struct Counters {
    pub customer_packets: AtomicU64,
    pub agent_packets: AtomicU64,
    pub to_agent: AtomicU64,
    pub strangers: AtomicU64,
    pub over_rate: AtomicU64,
    pub masked: AtomicU64,
    pub muted: AtomicU64,
    pub dropped: AtomicU64,
    pub keys_lost: AtomicU64,
}

/// A reading of the counters of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets from the customer's accepted source.
    pub customer_packets: u64,
    /// Packets from the agent's accepted source.
    pub agent_packets: u64,
    /// Packets sent to the agent.
    pub to_agent: u64,
    /// Packets from anybody else, dropped.
    pub strangers: u64,
    /// Packets over the rate of a port, dropped.
    pub over_rate: u64,
    /// Packets in which a tone was masked.
    pub masked: u64,
    /// Packets that left without their own sound.
    pub muted: u64,
    /// Packets that were no RTP, too long or of a type not negotiated.
    pub dropped: u64,
    /// Presses that found the ring full.
    pub keys_lost: u64,
}

/// Flags, rings and counters of one call.
#[derive(Default)]
pub(crate) struct Shared {
    pub shut: AtomicBool,
    pub customer_keys: KeyRing,
    pub agent_keys: KeyRing,
    pub counters: Counters,
}

impl Shared {
    pub fn take_key(&self, of: KeysOf) -> Option<Key> {
        match of {
            KeysOf::Customer => self.customer_keys.take(),
            KeysOf::Agent => self.agent_keys.take(),
        }
    }

    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let own = &self.counters;
        Counts {
            customer_packets: read(&own.customer_packets),
            agent_packets: read(&own.agent_packets),
            to_agent: read(&own.to_agent),
            strangers: read(&own.strangers),
            over_rate: read(&own.over_rate),
            masked: read(&own.masked),
            muted: read(&own.muted),
            dropped: read(&own.dropped),
            keys_lost: read(&own.keys_lost),
        }
    }
}

/// Adds one without order: these are counts, nothing is published by them.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
