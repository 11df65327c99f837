//! Idempotency keys: one result for one key, whatever is asked how often.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::answer::Answer;

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Most keys remembered. A key is never dropped early to make room: that would allow a second charge.
const KEYS_MAX: usize = 100_000;

/// A keyed digest (HMAC-SHA-256): of a key with its merchant, or of a whole request.
pub(super) type Digest = [u8; 32];

/// What becomes of a request with a key.
pub(super) enum Begin {
    /// It is the first: do the work, then `finish`.
    Run,
    /// The work was done: here is its answer.
    Replay(Answer),
    /// The first is still running.
    InProgress,
    /// The key came before with another request.
    Mismatch,
    /// No room for another key.
    Full,
}

struct Entry {
    fingerprint: Digest,
    begun: Instant,
    /// `None` while the first request runs.
    answer: Option<Answer>,
}

/// The keys of all merchants. Holds digests and answers, never a request.
#[derive(Default)]
pub(super) struct Keys {
    entries: HashMap<Digest, Entry>,
    /// Every key in the order in which it began; a released key leaves its place behind until compaction.
    order: VecDeque<(Digest, Instant)>,
}

impl Keys {
    /// Looks a key up and takes it if it is free.
    pub(super) fn begin(&mut self, key: Digest, fingerprint: Digest, now: Instant) -> Begin {
        self.expire(now);
        if let Some(entry) = self.entries.get(&key) {
            return match &entry.answer {
                _ if entry.fingerprint != fingerprint => Begin::Mismatch,
                None => Begin::InProgress,
                Some(answer) => Begin::Replay(Answer { replayed: true, ..answer.clone() }),
            };
        }
        if self.entries.len() >= KEYS_MAX {
            return Begin::Full;
        }
        self.entries.insert(key, Entry { fingerprint, begun: now, answer: None });
        self.order.push_back((key, now));
        Begin::Run
    }

    /// Stores the answer if the work was done, else frees the key.
    pub(super) fn finish(&mut self, key: &Digest, answer: &Answer) {
        use super::answer::Wire;
        if !answer.done {
            self.entries.remove(key);
        } else if let Some(entry) = self.entries.get_mut(key) {
            entry.answer = Some(answer.clone().over(Wire::Whole));
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some(&(key, begun)) = self.order.front() {
            if now.saturating_duration_since(begun) < KEPT {
                break;
            }
            self.order.pop_front();
            if self.entries.get(&key).is_some_and(|entry| entry.begun == begun) {
                self.entries.remove(&key);
            }
        }
        if self.order.len() > 2 * KEYS_MAX {
            let entries = &self.entries;
            self.order.retain(|(key, begun)| entries.get(key).is_some_and(|entry| entry.begun == *begun));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Answer, Begin, KEPT, KEYS_MAX, Keys};
    use crate::sandbox::answer::Refusal;
    use std::time::{Duration, Instant};

    fn digest(number: usize) -> [u8; 32] {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    #[test]
    fn a_key_is_kept_for_a_day_and_not_longer() {
        let (mut keys, start) = (Keys::default(), Instant::now());
        assert!(matches!(keys.begin(digest(1), digest(2), start), Begin::Run));
        keys.finish(&digest(1), &Answer::ok(&json!({"a": 1})));
        let almost = start + KEPT - Duration::from_millis(1);
        let Begin::Replay(answer) = keys.begin(digest(1), digest(2), almost) else { panic!("not replayed") };
        assert_eq!((answer.body.as_slice(), answer.replayed), (br#"{"a":1}"#.as_slice(), true));
        assert!(matches!(keys.begin(digest(1), digest(3), almost), Begin::Mismatch));
        assert!(matches!(keys.begin(digest(1), digest(3), start + KEPT), Begin::Run));
    }

    #[test]
    fn a_request_that_did_nothing_frees_its_key() {
        let (mut keys, now) = (Keys::default(), Instant::now());
        for _ in 0..3 {
            assert!(matches!(keys.begin(digest(1), digest(2), now), Begin::Run));
            assert!(matches!(keys.begin(digest(1), digest(2), now), Begin::InProgress));
            keys.finish(&digest(1), &Refusal::INVALID_JSON.into());
        }
    }

    #[test]
    fn a_full_table_refuses_and_forgets_nothing() {
        let (mut keys, now) = (Keys::default(), Instant::now());
        for number in 0..KEYS_MAX {
            assert!(matches!(keys.begin(digest(number), digest(0), now), Begin::Run));
        }
        assert!(matches!(keys.begin(digest(KEYS_MAX), digest(0), now), Begin::Full));
        assert!(matches!(keys.begin(digest(0), digest(0), now), Begin::InProgress));
    }

    #[test]
    fn freed_keys_do_not_pile_up() {
        let (mut keys, now) = (Keys::default(), Instant::now());
        for number in 0..3 * KEYS_MAX {
            assert!(matches!(keys.begin(digest(number), digest(0), now), Begin::Run));
            keys.finish(&digest(number), &Refusal::INVALID_JSON.into());
        }
        assert!(keys.order.len() <= 2 * KEYS_MAX + 1);
    }
}
