//! The threads that call actors live on, and the watchdog over them.
//!
//! A handler that blocks its thread cannot be aborted: whoever shares the thread waits as long. So
//! calls are spread over many arbiters, and one that no longer turns is taken out of service with
//! the calls on it, and replaced.

use super::registry::Registry;
use actix_rt::{Arbiter, ArbiterHandle};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::error;

/// How often arbiters are looked at. Oftener costs wake-ups; seldomer finds a blocked one later.
const TICK: Duration = Duration::from_millis(250);

/// Silence after which an arbiter is sick. Longer leaves its calls with a dead screen; shorter takes
/// a thread that a busy machine merely held up.
const SICK_AFTER: Duration = Duration::from_secs(2);

/// Where a call lives: the slot and which arbiter it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    slot: usize,
    generation: u64,
}

impl Seat {
    /// Number of the slot, for logs.
    pub fn slot(self) -> usize {
        self.slot
    }
}

struct Slot {
    arbiter: ArbiterHandle,
    generation: u64,
    beat_ms: Arc<AtomicU64>,
}

/// The arbiters in service.
pub struct Arbiters {
    slots: ArcSwap<Vec<Arc<Slot>>>,
    epoch: Instant,
}

impl Arbiters {
    /// Starts `count` of them; on a thread of the actix system.
    pub fn start(count: usize) -> Arbiters {
        let epoch = Instant::now();
        let slots = (0..count.max(1)).map(|_| fresh(0, epoch)).collect();
        Arbiters { slots: ArcSwap::from_pointee(slots), epoch }
    }

    /// The seat for a call, by a hash of its id.
    pub fn seat(&self, hash: u64) -> (Seat, ArbiterHandle) {
        let slots = self.slots.load();
        let slot = (hash % slots.len() as u64) as usize;
        let own = &slots[slot];
        (Seat { slot, generation: own.generation }, own.arbiter.clone())
    }

    /// Beats every arbiter and replaces those that did not answer; runs until dropped, on a thread of
    /// the actix system that runs no call.
    pub async fn watch(self: Arc<Self>, registry: Arc<Registry>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looked = Instant::now();
        loop {
            tick.tick().await;
            // When the whole machine stood still nobody could answer: that is no one's illness.
            let stood_still = looked.elapsed() > SICK_AFTER / 2;
            looked = Instant::now();
            for slot in 0..self.slots.load().len() {
                self.look(slot, stood_still, &registry);
            }
        }
    }

    fn look(&self, slot: usize, stood_still: bool, registry: &Registry) {
        let slots = self.slots.load();
        let own = &slots[slot];
        let now_ms = self.epoch.elapsed().as_millis() as u64;
        if stood_still {
            own.beat_ms.store(now_ms, Ordering::Relaxed);
        }
        let silent_ms = now_ms.saturating_sub(own.beat_ms.load(Ordering::Relaxed));
        if u128::from(silent_ms) < SICK_AFTER.as_millis() {
            let (beat, epoch) = (Arc::clone(&own.beat_ms), self.epoch);
            own.arbiter.spawn_fn(move || {
                beat.fetch_max(epoch.elapsed().as_millis() as u64, Ordering::Relaxed);
            });
            return;
        }
        let sick = Seat { slot, generation: own.generation };
        error!(slot, silent_ms, "arbiter does not turn: replaced");
        let mut next: Vec<Arc<Slot>> = slots.iter().cloned().collect();
        next[slot] = fresh(own.generation + 1, self.epoch);
        self.slots.store(Arc::new(next));
        registry.seat_lost(sick);
    }
}

fn fresh(generation: u64, epoch: Instant) -> Arc<Slot> {
    let beat_ms = Arc::new(AtomicU64::new(epoch.elapsed().as_millis() as u64));
    Arc::new(Slot { arbiter: Arbiter::new().handle(), generation, beat_ms })
}
