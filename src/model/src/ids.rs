//! Identifiers. Each has a prefix of letters, so that no sweep for card numbers can take one for a
//! digit run, and so that a log line tells what it names.

use std::fmt;

/// Crockford's base 32 without look-alikes, in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of the random part: 100 bits.
const RANDOM_LEN: usize = 20;

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// From 128 random bits, of which 100 are used.
            pub fn from_random(random: u128) -> Self {
                let mut text = String::from($prefix);
                for place in 0..RANDOM_LEN {
                    let index = (random >> (place * 5)) & 31;
                    text.push(ALPHABET[index as usize] as char);
                }
                $name(text)
            }

            /// From text that claims to be one; `None` when prefix, length or alphabet is wrong.
            pub fn parse(text: &str) -> Option<Self> {
                let random = text.strip_prefix($prefix)?;
                let known = random.len() == RANDOM_LEN && random.bytes().all(|b| ALPHABET.contains(&b));
                known.then(|| $name(text.to_owned()))
            }

            /// The text form, as in URLs, rows and logs.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

random_id!(
    /// One live or ended call.
    CallId, "cl_"
);
random_id!(
    /// One attempt to take one payment: our reference at the gateway (23 characters).
    AttemptId, "at_"
);
random_id!(
    /// One receipt: its event's object, and its mail's Message-ID.
    ReceiptId, "rc_"
);
random_id!(
    /// One continuous payment authority that a customer gave.
    AgreementId, "ag_"
);
random_id!(
    /// What an agent set out to collect; a chain of attempts belongs to it.
    PaymentId, "pm_"
);
random_id!(
    /// A row of outbox or audit log.
    EventId, "ev_"
);

/// A tenant: the organisation whose call it is. A slug of a manifest (`a-z`, `0-9`, `-`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(String);

impl TenantId {
    /// 2 to 32 characters, first a letter, then letters, digits or `-`.
    pub fn parse(text: &str) -> Option<TenantId> {
        let mut bytes = text.bytes();
        let first = bytes.next()?;
        let known = first.is_ascii_lowercase()
            && (2..=32).contains(&text.len())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        known.then(|| TenantId(text.to_owned()))
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An agent (a person) of a tenant, as the manifest names them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId(pub String);

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_parse_back_and_only_their_own_kind() {
        let id = CallId::from_random(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(CallId::parse(id.as_str()), Some(id.clone()));
        assert!(AttemptId::parse(id.as_str()).is_none());
        for bad in ["", "cl_", "cl_short", "cl_UPPERUPPERUPPERUPPE", "cl_0123456789012345678\u{e9}"] {
            assert!(CallId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn tenant_slugs() {
        assert!(TenantId::parse("harbour-2").is_some());
        for bad in ["", "h", "2fast", "Upper", "sp ace", "a-very-long-slug-that-goes-on-and-on"] {
            assert!(TenantId::parse(bad).is_none(), "{bad}");
        }
    }
}
