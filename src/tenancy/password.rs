//! Passwords of agents: how a hash in a manifest is checked, and how one is made.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use std::fmt;
use tonewall_secret::Secret;

/// Least and most memory of a hash in KiB: 19 MiB is the least of OWASP for Argon2id; more than
/// 256 MiB would let a few sign-ins take the node's memory.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 19_456..=262_144;
/// Passes.
const PASSES: std::ops::RangeInclusive<u32> = 2..=10;
/// Lanes.
const LANES: std::ops::RangeInclusive<u32> = 1..=4;
/// Bytes of salt and of output in a hash of ours (RFC 9106 §4: 128 and 256 bit).
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES_MIN: usize = 32;

/// Characters of a password: NIST SP 800-63B §3.1.1 asks for at least 8 of those who have another
/// factor, and 15 where it stands alone; the PIN and the phone are none here.
const PASSWORD_LEN_MIN: usize = 15;
const PASSWORD_LEN_MAX: usize = 128;

/// What is wrong with a hash in a manifest: it must be Argon2id at no less than `m=19456,t=2,p=1`.
pub(super) fn check_hash(text: &str) -> Result<(), &'static str> {
    const SYNTAX: &str = "must be an Argon2id hash as `tonewall password` prints it";
    const COST: &str = "must have m from 19456 to 262144, t from 2 to 10 and p from 1 to 4";
    let hash = PasswordHash::new(text).map_err(|_| SYNTAX)?;
    let output = hash.hash.as_ref().ok_or(SYNTAX)?;
    let salted = hash.salt.as_ref().is_some_and(|salt| salt.len() >= SALT_BYTES);
    let known = hash.algorithm.as_str() == Algorithm::Argon2id.as_str() && hash.version == Some(0x13);
    if !known || !salted || output.len() < OUTPUT_BYTES_MIN {
        return Err(SYNTAX);
    }
    let params = Params::try_from(&hash).map_err(|_| SYNTAX)?;
    let dear = MEMORY_KIB.contains(&params.m_cost())
        && PASSES.contains(&params.t_cost())
        && LANES.contains(&params.p_cost());
    if dear { Ok(()) } else { Err(COST) }
}

/// Why no hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHash {
    /// The password is too short, too long or holds a control character.
    Unfit,
    /// The system gave no random bytes, or no memory.
    System,
}

impl fmt::Display for NoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoHash::Unfit => "a password has 15 to 128 characters and no control characters",
            NoHash::System => "the system gave no random bytes or no memory",
        })
    }
}

/// The Argon2id hash of a password as a PHC string, at the least cost that a manifest may have.
///
/// # Errors
/// The password is unfit, or there are no random bytes.
pub fn hash(password: &Secret<String>) -> Result<String, NoHash> {
    let text = password.expose();
    let fits = (PASSWORD_LEN_MIN..=PASSWORD_LEN_MAX).contains(&text.chars().count());
    if !fits || text.chars().any(char::is_control) {
        return Err(NoHash::Unfit);
    }
    let salt = crate::random::bits().ok_or(NoHash::System)?;
    hash_with(text, salt.to_le_bytes()).ok_or(NoHash::System)
}

fn hash_with(text: &str, salt: [u8; SALT_BYTES]) -> Option<String> {
    let params = Params::new(*MEMORY_KIB.start(), *PASSES.start(), *LANES.start(), None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon2.hash_password_with_salt(text.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier;

    /// Sixteen bytes, and 32: of the form, of no password.
    const SALT: &str = "c2FsdHNhbHRzYWx0c2FsdA";
    const OUTPUT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn with(head: &str) -> String {
        format!("{head}${SALT}${OUTPUT}")
    }

    #[test]
    fn what_is_made_is_accepted_and_verifies() {
        let password = Secret::new("fifteen letters".to_owned());
        let hash = hash(&password).expect("fits");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(check_hash(&hash), Ok(()));
        assert!(Argon2::default().verify_password(b"fifteen letters", hash.as_str()).is_ok());
        assert!(Argon2::default().verify_password(b"fifteen letterz", hash.as_str()).is_err());
        let again = super::hash(&password).expect("fits");
        assert_ne!(hash, again, "the salt is fresh");
    }

    #[test]
    fn unfit_passwords_get_no_hash() {
        for unfit in ["", "fourteen chars", "fifteen letter\n", &"x".repeat(129)] {
            assert_eq!(hash(&Secret::new(unfit.to_owned())), Err(NoHash::Unfit), "{unfit:?}");
        }
        assert!(hash(&Secret::new("é".repeat(15))).is_ok());
    }

    #[test]
    fn hashes_that_are_cheap_or_no_hashes_are_refused() {
        for good in ["m=19456,t=2,p=1", "m=262144,t=10,p=4", "m=65536,t=3,p=1"] {
            assert_eq!(check_hash(&with(&format!("$argon2id$v=19${good}"))), Ok(()), "{good}");
        }
        let cost = Err("must have m from 19456 to 262144, t from 2 to 10 and p from 1 to 4");
        for cheap in
            ["m=19455,t=2,p=1", "m=65536,t=1,p=1", "m=262145,t=2,p=1", "m=19456,t=11,p=1", "m=19456,t=2,p=5"]
        {
            assert_eq!(check_hash(&with(&format!("$argon2id$v=19${cheap}"))), cost, "{cheap}");
        }
        let syntax = Err("must be an Argon2id hash as `tonewall password` prints it");
        let params = "m=19456,t=2,p=1";
        let bad = [
            String::new(),
            "hunter2".to_owned(),
            with(&format!("$argon2i$v=19${params}")),
            with(&format!("$argon2d$v=19${params}")),
            with(&format!("$argon2id$v=16${params}")),
            with(&format!("$argon2id${params}")),
            format!("$argon2id$v=19${params}"),
            format!("$argon2id$v=19${params}${SALT}"),
            format!("$argon2id$v=19${params}$c2FsdHNhbHQ${OUTPUT}"),
            format!("$argon2id$v=19${params}${SALT}$AAECAwQFBgcICQoLDA0ODw"),
            format!("$argon2id$v=19$m=x,t=2,p=1${SALT}${OUTPUT}"),
            format!("{} ", with(&format!("$argon2id$v=19${params}"))),
        ];
        for bad in bad {
            assert_eq!(check_hash(&bad), syntax, "{bad}");
        }
    }
}
