//! What the media thread and the owner of a call share without a lock.

use super::control::MediaNote;
use super::watch::Watch;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use tonewall_model::dtmf::Stats;
use tonewall_secret::{Key, KeyRing};

/// Whose keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysOf {
    /// The customer's: card digits.
    Customer,
    /// The agent's: the code that secures the line, never card digits.
    Agent,
}

/// Counters of one call, or of all calls of one thread; each is a plain total.
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
    pub unwell: AtomicU64,
    pub refused: AtomicU64,
    pub tap_dropped: AtomicU64,
}

/// A reading of counters, of one call or of all.
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
    /// Times that a secured line could not be vouched for.
    pub unwell: u64,
    /// Packets that would have left a secured line and were no plain audio: kept back, whoever made them.
    pub refused: u64,
    /// Pieces of audio that a tap lost: its queue or its disk was full, or it has no file.
    pub tap_dropped: u64,
}

impl Counters {
    pub fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            customer_packets: read(&self.customer_packets),
            agent_packets: read(&self.agent_packets),
            to_agent: read(&self.to_agent),
            strangers: read(&self.strangers),
            over_rate: read(&self.over_rate),
            masked: read(&self.masked),
            muted: read(&self.muted),
            dropped: read(&self.dropped),
            keys_lost: read(&self.keys_lost),
            unwell: read(&self.unwell),
            refused: read(&self.refused),
            tap_dropped: read(&self.tap_dropped),
        }
    }
}

impl Counts {
    /// Adds another reading.
    pub(crate) fn add(&mut self, other: &Counts) {
        self.customer_packets += other.customer_packets;
        self.agent_packets += other.agent_packets;
        self.to_agent += other.to_agent;
        self.strangers += other.strangers;
        self.over_rate += other.over_rate;
        self.masked += other.masked;
        self.muted += other.muted;
        self.dropped += other.dropped;
        self.keys_lost += other.keys_lost;
        self.unwell += other.unwell;
        self.refused += other.refused;
        self.tap_dropped += other.tap_dropped;
    }
}

/// What an independent ear has heard of one stream that left a secured line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EarWitness {
    /// Blocks of sound that it has judged.
    pub windows: u64,
    /// Whether it heard a key.
    pub is_red: bool,
    /// Sightings with at least each of the shares of [`tonewall_model::dtmf::TALLY_SHARES`].
    pub tally: [u32; 5],
}

impl EarWitness {
    /// Both of two ears: red if one is.
    pub(crate) fn and(self, other: EarWitness) -> EarWitness {
        EarWitness {
            windows: self.windows + other.windows,
            is_red: self.is_red || other.is_red,
            tally: std::array::from_fn(|share| self.tally[share] + other.tally[share]),
        }
    }
}

/// The latest words of one ear.
#[derive(Default)]
pub(crate) struct EarCounters {
    windows: AtomicU64,
    is_red: AtomicBool,
    tally: [AtomicU32; 5],
}

impl EarCounters {
    pub fn store(&self, heard: &EarWitness) {
        self.windows.store(heard.windows, Ordering::Relaxed);
        self.is_red.store(heard.is_red, Ordering::Relaxed);
        for (counter, count) in self.tally.iter().zip(heard.tally) {
            counter.store(count, Ordering::Relaxed);
        }
    }

    fn read(&self) -> EarWitness {
        EarWitness {
            windows: self.windows.load(Ordering::Relaxed),
            is_red: self.is_red.load(Ordering::Relaxed),
            tally: std::array::from_fn(|share| self.tally[share].load(Ordering::Relaxed)),
        }
    }
}

/// What media saw of one call, for its evidence record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// Packets.
    pub counts: Counts,
    /// Presses by the transport that brought them first: in-band, telephone-event, INFO, KPML. A press that
    /// came by two counts once.
    pub transports: [u64; 4],
    /// The ear on what left towards the agent.
    pub to_agent: EarWitness,
    /// The ear on the tap; `None` without a tap.
    pub tap: Option<EarWitness>,
    /// Longest time, ms, for which packets of the customer were held on the secured line; 0 if none were.
    pub hold_ms_max: u64,
}

/// Flags, rings and counters of one call.
pub(crate) struct Shared {
    pub shut: AtomicBool,
    pub customer_keys: KeyRing,
    pub agent_keys: KeyRing,
    pub counters: Counters,
    pub to_agent_ear: EarCounters,
    has_tap: bool,
    tap_ear: EarCounters,
    transports: [AtomicU64; 4],
    hold_ms_max: AtomicU64,
    /// An ear turned red and the owner has been told.
    leaked: AtomicBool,
    /// Of all calls that its thread has had: what is left of a call's counts when it has ended.
    thread: Arc<Counters>,
}

impl Shared {
    pub fn new(thread: Arc<Counters>, has_tap: bool) -> Shared {
        Shared {
            shut: AtomicBool::new(false),
            customer_keys: KeyRing::default(),
            agent_keys: KeyRing::default(),
            counters: Counters::default(),
            to_agent_ear: EarCounters::default(),
            has_tap,
            tap_ear: EarCounters::default(),
            transports: Default::default(),
            hold_ms_max: AtomicU64::new(0),
            leaked: AtomicBool::new(false),
            thread,
        }
    }

    /// An ear turned red: tells the owner, once a call.
    pub fn tell_leak(&self, note: &dyn Fn(MediaNote)) {
        if !self.leaked.swap(true, Ordering::AcqRel) {
            note(MediaNote::Leaked);
        }
    }

    /// What the ears on the two channels of the tap have heard.
    pub fn tap_heard(&self, [customer, agent]: &[Watch; 2]) {
        self.tap_ear.store(&customer.witness().and(agent.witness()));
    }

    /// What the customer's pipeline has counted.
    pub fn counted(&self, stats: &Stats) {
        let counts = [stats.presses_in_band, stats.presses_event, stats.presses_info, stats.presses_kpml];
        for (counter, count) in self.transports.iter().zip(counts) {
            counter.store(count, Ordering::Relaxed);
        }
        self.hold_ms_max.store(stats.hold_ms_max, Ordering::Relaxed);
    }

    /// Adds one without order: these are counts, nothing is published by them.
    pub fn count(&self, counter: impl Fn(&Counters) -> &AtomicU64) {
        counter(&self.counters).fetch_add(1, Ordering::Relaxed);
        counter(&self.thread).fetch_add(1, Ordering::Relaxed);
    }

    pub fn take_key(&self, of: KeysOf) -> Option<Key> {
        match of {
            KeysOf::Customer => self.customer_keys.take(),
            KeysOf::Agent => self.agent_keys.take(),
        }
    }

    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    pub fn witness(&self) -> Witness {
        Witness {
            counts: self.counts(),
            transports: std::array::from_fn(|kind| self.transports[kind].load(Ordering::Relaxed)),
            to_agent: self.to_agent_ear.read(),
            tap: self.has_tap.then(|| self.tap_ear.read()),
            hold_ms_max: self.hold_ms_max.load(Ordering::Relaxed),
        }
    }
}
