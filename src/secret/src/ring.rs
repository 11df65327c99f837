//! The one way a digit crosses from the media thread to the call actor.

use crate::Key;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Slots of a ring: a person keys at most about ten keys a second, the actor empties it at once.
/// More would only hide a dead actor for longer; fewer could lose keys of a key-mashing caller.
const SLOTS: usize = 32;

/// A ring of 32 atomic bytes: one producer, one consumer, and a supervisor that may clear it.
///
/// No digit ever sits in a channel: the channel says only "a key is there", and the key is taken
/// here by a swap with zero, so that nothing of it stays behind.
pub struct KeyRing {
    slots: [AtomicU8; SLOTS],
    head: AtomicUsize,
    tail: AtomicUsize,
}

impl KeyRing {
    /// An empty ring.
    pub fn new() -> KeyRing {
        KeyRing {
            slots: [const { AtomicU8::new(0) }; SLOTS],
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
        }
    }

    /// Adds a press; `false` when the ring is full and the press was dropped (the caller counts it).
    #[must_use]
    pub fn push(&self, key: Key) -> bool {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(self.head.load(Ordering::Acquire)) >= SLOTS {
            return false;
        }
        self.slots[tail % SLOTS].store(key.to_slot(), Ordering::Relaxed);
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        true
    }

    /// The oldest press, or `None` when the ring is empty.
    pub fn take(&self) -> Option<Key> {
        loop {
            let head = self.head.load(Ordering::Acquire);
            if head == self.tail.load(Ordering::Acquire) {
                return None;
            }
            let slot = &self.slots[head % SLOTS];
            let value = slot.load(Ordering::Relaxed);
            let next = head.wrapping_add(1);
            // Emptied before the place is given back; whoever else takes at the same time (a
            // supervisor that clears the ring of a sick call) finds the head moved and looks again.
            if value != 0 && slot.compare_exchange(value, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                let _ = self.head.compare_exchange(head, next, Ordering::Release, Ordering::Relaxed);
                return Key::from_slot(value);
            }
            let _ = self.head.compare_exchange(head, next, Ordering::Release, Ordering::Relaxed);
        }
    }

    /// Wipes what is left: a call that ends, a field that closes.
    pub fn clear(&self) {
        while self.take().is_some() {}
    }
}

impl Default for KeyRing {
    fn default() -> Self {
        KeyRing::new()
    }
}

impl Drop for KeyRing {
    fn drop(&mut self) {
        for slot in &self.slots {
            slot.store(0, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(event: u8) -> Key {
        Key::from_event(event).expect("a key")
    }

    #[test]
    fn keeps_order_and_leaves_nothing_behind() {
        let ring = KeyRing::new();
        for event in 0..16 {
            assert!(ring.push(key(event)));
        }
        for event in 0..16 {
            assert!(ring.take().expect("pushed").same_as(&key(event)));
        }
        assert!(ring.take().is_none());
        assert!(ring.slots.iter().all(|s| s.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn refuses_the_key_that_does_not_fit_and_recovers() {
        let ring = KeyRing::new();
        for _ in 0..SLOTS {
            assert!(ring.push(key(1)));
        }
        assert!(!ring.push(key(2)));
        ring.clear();
        assert!(ring.push(key(3)));
        assert!(ring.take().expect("pushed").same_as(&key(3)));
    }

    #[test]
    fn one_producer_and_one_consumer_on_two_threads() {
        let ring = std::sync::Arc::new(KeyRing::new());
        let producer = std::sync::Arc::clone(&ring);
        let sent = std::thread::spawn(move || {
            for n in 0..10_000u32 {
                while !producer.push(key((n % 16) as u8)) {
                    std::thread::yield_now();
                }
            }
        });
        for n in 0..10_000u32 {
            let got = loop {
                match ring.take() {
                    Some(got) => break got,
                    None => std::thread::yield_now(),
                }
            };
            assert!(got.same_as(&key((n % 16) as u8)), "key {n} out of order");
        }
        sent.join().expect("producer");
    }
}
