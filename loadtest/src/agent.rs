//! The PBX and its agents: answers every extension, speaks, records, and finds the call of a customer by number.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::g711::Law;
use crate::leg::Leg;
use crate::party::Party;
use crate::peer::{MediaPeer, MediaThread};
use crate::rng::Rng;
use crate::sdp::Sdp;
use crate::voice::{Format, Talk};

/// What an agent's phone does when it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Answers at once.
    AtOnce,
    /// Rings for a while first.
    After(Duration),
    /// Rings and is never answered.
    Never,
    /// Refuses with this status code, for example 486.
    Refuse(u16),
}

/// Calls that nobody asked for are kept up to this number.
const UNCLAIMED_MAX: usize = 4_096;

/// The agents behind one PBX address.
pub struct Agents {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    media: Arc<MediaThread>,
    seed: u64,
    answer: Mutex<Answer>,
    arrived: Mutex<Vec<Arrived>>,
    count: watch::Sender<u64>,
}

/// A call that has rung, with every number that says who calls.
struct Arrived {
    callers: [String; 2],
    party: Party,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The part of a number that survives national and international notation: its last nine digits.
fn number_key(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(9)..].to_owned()
}

impl Agents {
    /// Takes the calls of a user agent.
    pub fn start(mut calls: mpsc::Receiver<Arc<Leg>>, media: Arc<MediaThread>, seed: u64) -> Self {
        let count = watch::Sender::new(0);
        let answer = Mutex::new(Answer::AtOnce);
        let shared = Arc::new(Shared { media, seed, answer, arrived: Mutex::default(), count });
        let taking = shared.clone();
        let task = tokio::spawn(async move {
            while let Some(leg) = calls.recv().await {
                taking.take(leg).await;
            }
        });
        Self { shared, task }
    }

    /// What phones do from the next call on.
    pub fn set_answer(&self, answer: Answer) {
        *locked(&self.shared.answer) = answer;
    }

    /// Calls that have rung so far.
    pub fn rung(&self) -> u64 {
        *self.shared.count.borrow()
    }

    /// The agent's side of the call from `caller`; `None` if it does not ring in time.
    pub async fn claim(&self, caller: &str, within: Duration) -> Option<Party> {
        let key = number_key(caller);
        let mut count = self.shared.count.subscribe();
        let deadline = tokio::time::Instant::now() + within;
        loop {
            count.borrow_and_update();
            if let Some(party) = self.shared.remove(&key) {
                return Some(party);
            }
            match tokio::time::timeout_at(deadline, count.changed()).await {
                Ok(Ok(())) => {}
                _ => return None,
            }
        }
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn remove(&self, key: &str) -> Option<Party> {
        let mut arrived = locked(&self.arrived);
        // A number that calls again gets its new call; ended ones are of no use.
        arrived.retain(|call| {
            call.party.leg.end().is_none() || !call.callers.iter().any(|caller| caller == key)
        });
        let found = arrived.iter().position(|call| call.callers.iter().any(|caller| caller == key))?;
        Some(arrived.remove(found).party)
    }

    async fn take(&self, leg: Arc<Leg>) {
        let offer = leg.remote_sdp().borrow().clone();
        let Some(offer) = offer.filter(|offer| !offer.laws.is_empty()) else {
            let _ = leg.refuse(488, "Not Acceptable Here").await;
            return;
        };
        let seed = Rng::named(self.seed, leg.caller()).bits();
        let law = offer.laws.first().copied().unwrap_or(Law::A);
        let format = Format { law, event_payload_type: offer.event_payload_type };
        let ip = leg.local_ip();
        let Ok(mut peer) = MediaPeer::bind(&self.media, ip, seed, format, Talk::Speech) else {
            let _ = leg.refuse(500, "No Media Port").await;
            return;
        };
        let answer = Sdp::answer(&offer, peer.rtp(), true);
        let policy = *locked(&self.answer);
        match (policy, answer) {
            (Answer::Refuse(code), _) => drop(leg.refuse(code, "Refused").await),
            (Answer::Never, _) => leg.ring().await,
            (Answer::AtOnce, Some(sdp)) => {
                peer.follow(leg.remote_sdp());
                let _ = leg.answer(sdp).await;
            }
            (Answer::After(pause), Some(sdp)) => {
                leg.ring().await;
                peer.follow(leg.remote_sdp());
                let leg = leg.clone();
                tokio::spawn(async move {
                    let _ = leg.wait(pause, |state| matches!(state, crate::leg::LegState::Ended(_))).await;
                    let _ = leg.answer(sdp).await;
                });
            }
            (_, None) => drop(leg.refuse(488, "Not Acceptable Here").await),
        }
        let callers = leg.callers().map(number_key);
        let mut arrived = locked(&self.arrived);
        if arrived.len() < UNCLAIMED_MAX {
            arrived.push(Arrived { callers, party: Party { leg, peer } });
        }
        drop(arrived);
        self.count.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_and_international_notation_are_one_number() {
        assert_eq!(number_key("+447700900123"), number_key("07700900123"));
        assert_ne!(number_key("+447700900123"), number_key("+447700900124"));
        assert_eq!((number_key("100"), number_key("anonymous")), ("100".to_owned(), String::new()));
    }
}
