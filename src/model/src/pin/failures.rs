//! Failures of the last half hour, by whom they are counted against.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// Failure times by key, bounded in keys and in times a key.
pub(super) struct Failures<K> {
    window: Duration,
    times_max: usize,
    keys_max: usize,
    /// Times of a key, oldest first, with the turn of the latest.
    by_key: HashMap<K, (VecDeque<Duration>, u64)>,
    /// Keys by turn of their latest failure: the first is the one to evict.
    by_turn: BTreeMap<u64, K>,
    turn: u64,
}

impl<K: Clone + Eq + Hash> Failures<K> {
    /// Remembers the latest `times_max` failures of each of the latest `keys_max` keys.
    pub(super) fn new(window: Duration, times_max: usize, keys_max: usize) -> Failures<K> {
        Failures { window, times_max, keys_max, by_key: HashMap::new(), by_turn: BTreeMap::new(), turn: 0 }
    }

    /// Failures of a key within the window, `times_max` at most.
    pub(super) fn count(&self, now: Duration, key: &K) -> usize {
        let recent = |times: &VecDeque<Duration>| {
            times.iter().filter(|at| now.saturating_sub(**at) < self.window).count()
        };
        self.by_key.get(key).map_or(0, |(times, _)| recent(times))
    }

    /// When the oldest remembered failure of a key leaves the window.
    pub(super) fn oldest_ends(&self, key: &K) -> Option<Duration> {
        let (times, _) = self.by_key.get(key)?;
        times.front().map(|at| at.saturating_add(self.window))
    }

    /// Adds a failure.
    pub(super) fn add(&mut self, now: Duration, key: &K) {
        if self.by_key.len() >= self.keys_max && !self.by_key.contains_key(key) {
            self.evict();
        }
        let (times, turn) = self.by_key.entry(key.clone()).or_default();
        if times.len() >= self.times_max {
            times.pop_front();
        }
        times.push_back(now);
        self.by_turn.remove(turn);
        self.turn += 1;
        *turn = self.turn;
        self.by_turn.insert(self.turn, key.clone());
    }

    /// Forgets a key.
    pub(super) fn clear(&mut self, key: &K) {
        if let Some((_, turn)) = self.by_key.remove(key) {
            self.by_turn.remove(&turn);
        }
    }

    /// Keys that are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.by_key.len(), self.by_turn.len());
        self.by_key.len()
    }

    fn evict(&mut self) {
        if let Some((_, key)) = self.by_turn.pop_first() {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_failure_leaves_with_its_window() {
        let mut failures = Failures::new(secs(10), 3, 10);
        for at in [0, 4, 8] {
            failures.add(secs(at), &"a");
        }
        let counts = [(8, 3), (9, 3), (10, 2), (14, 1), (18, 0)];
        for (at, count) in counts {
            assert_eq!(failures.count(secs(at), &"a"), count, "at {at}");
        }
        assert_eq!(failures.oldest_ends(&"a"), Some(secs(10)));
        assert_eq!(failures.count(secs(8), &"b"), 0);
    }

    #[test]
    fn times_and_keys_are_bounded_and_the_oldest_key_goes() {
        let mut failures = Failures::new(secs(10), 2, 3);
        for key in ["a", "b", "c", "a", "a", "d"] {
            failures.add(secs(1), &key);
        }
        assert_eq!(failures.len(), 3);
        let counts = ["a", "b", "c", "d"].map(|key| failures.count(secs(1), &key));
        assert_eq!(counts, [2, 0, 1, 1]);
        failures.clear(&"a");
        assert_eq!(failures.len(), 2);
        assert_eq!(failures.count(secs(1), &"a"), 0);
    }
}
