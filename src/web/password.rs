//! Whether a password is the one of an agent: Argon2id, off the workers, and few at a time.

use argon2::{Argon2, PasswordVerifier};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonewall_secret::Secret;

/// Verifications at a time: each takes a core for tens of milliseconds and 19 MiB; more would let a
/// flood of sign-ins take both from calls.
const AT_ONCE_MAX: usize = 2;

/// Cores up to which there is only one at a time: the other one is for calls.
const FEW_CORES: usize = 2;

/// Sign-ins that wait for their turn; whoever comes then is sent away at once.
const WAITING_MAX: usize = 32;

/// How long one may wait for its turn.
const TURN_MAX: Duration = Duration::from_secs(5);

/// Longest password in bytes that is looked at: 128 characters of four bytes.
pub(super) const PASSWORD_BYTES_MAX: usize = 512;

/// The hash of no password: a name that nobody has costs the same time as one that somebody has
/// (`m=19456,t=2,p=1`, as `tonewall password` makes them).
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzLg$bm90IHRoZSBvdXRwdXQgb2YgYW55IHBhc3N3b3JkISE";

/// Verifies passwords.
#[derive(Clone)]
pub(super) struct Passwords {
    /// Those that are looked at and those that wait.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    runtime: Handle,
}

/// The right to have one password looked at; given back when it is dropped.
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

/// How many are looked at together on a machine of so many cores.
fn at_once(cores: usize) -> usize {
    if cores <= FEW_CORES { 1 } else { AT_ONCE_MAX }
}

impl Passwords {
    /// On the blocking threads of this runtime.
    pub fn new(runtime: Handle) -> Passwords {
        let at_once = at_once(std::thread::available_parallelism().map_or(1, usize::from));
        let places = Arc::new(Semaphore::new(at_once + WAITING_MAX));
        Passwords { places, turns: Arc::new(Semaphore::new(at_once)), runtime }
    }

    /// Waits for a turn; `None` if there are more sign-ins than can be looked at.
    pub async fn turn(&self) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(TURN_MAX, turn).await.ok()?.ok()?;
        Some(Turn { _place: place, _turn: turn })
    }

    /// Whether `password` is the one of `hash`; never the one of nobody. `None` if it could not be
    /// looked at.
    pub async fn verify(
        &self,
        turn: Turn,
        password: Secret<String>,
        hash: Option<&Secret<String>>,
    ) -> Option<bool> {
        let known = hash.is_some();
        let hash = Secret::new(hash.map_or_else(|| NOBODY.to_owned(), |hash| hash.expose().clone()));
        let work = self.runtime.spawn_blocking(move || {
            let fits = password.expose().len() <= PASSWORD_BYTES_MAX;
            let text = if fits { password.expose().as_bytes() } else { b"" };
            let same = Argon2::default().verify_password(text, hash.expose().as_str()).is_ok();
            drop(turn);
            same && fits
        });
        work.await.ok().map(|same| same && known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordHasher;
    use argon2::password_hash::phc::PasswordHash;
    use std::time::Instant;

    #[actix_web::test]
    async fn only_the_password_of_the_agent_is_accepted() {
        let hash: PasswordHash = Argon2::default()
            .hash_password_with_salt(b"harbour-ada-demo", b"a salt of 16 by.")
            .expect("hashes");
        let hash = Secret::new(hash.to_string());
        let passwords = Passwords::new(Handle::current());
        let verify = async |text: &str| {
            let turn = passwords.turn().await.expect("a turn");
            passwords.verify(turn, Secret::new(text.to_owned()), Some(&hash)).await
        };
        assert_eq!(verify("harbour-ada-demo").await, Some(true));
        for wrong in ["harbour-ada-dem", "Harbour-ada-demo", "", &"x".repeat(PASSWORD_BYTES_MAX + 1)] {
            assert_eq!(verify(wrong).await, Some(false), "{wrong}");
        }
        let turn = passwords.turn().await.expect("a turn");
        assert_eq!(passwords.verify(turn, Secret::new(String::new()), None).await, Some(false));
    }

    #[actix_web::test]
    async fn those_who_wait_are_few_and_the_next_one_is_sent_away_at_once() {
        let passwords = Passwords::new(Handle::current());
        let mut held = Vec::new();
        while passwords.turns.available_permits() > 0 {
            held.push(passwords.turn().await.expect("a turn"));
        }
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(passwords.turn())).collect();
        for own in &mut waiting {
            assert!(futures_util::poll!(own).is_pending());
        }
        assert!(passwords.turn().await.is_none(), "the queue is full");
        drop((held, waiting));
        assert!(passwords.turn().await.is_some(), "places are given back");
    }

    #[test]
    fn a_small_machine_looks_at_one_at_a_time() {
        assert_eq!([1, 2, 3, 64].map(at_once), [1, 1, 2, 2]);
    }

    #[actix_web::test]
    async fn a_name_that_nobody_has_is_really_looked_at() {
        let parsed = PasswordHash::new(NOBODY).expect("a hash");
        let params = argon2::Params::try_from(&parsed).expect("costs");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19_456, 2, 1));
        let began = Instant::now();
        let passwords = Passwords::new(Handle::current());
        let turn = passwords.turn().await.expect("a turn");
        assert_eq!(passwords.verify(turn, Secret::new("any".to_owned()), None).await, Some(false));
        // Nineteen mebibytes are not gone through twice in less; a syntax error would take microseconds.
        assert!(began.elapsed() > Duration::from_millis(1));
    }
}
