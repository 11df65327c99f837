//! The key that signs records: Ed25519 (RFC 8032).

use crate::digitless;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use std::fmt;
use tonewall_secret::Secret;
use tonewall_store::base64;

/// What stands before the 32 bytes of a public key in a SubjectPublicKeyInfo (RFC 8410 §4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Bytes of a public key's hash that its id shows.
const ID_BYTES: usize = 8;

/// Why a text is no key, in words that do not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError(pub &'static str);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for KeyError {}

/// The half that everybody may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())
    }
}

impl PublicKey {
    /// From base64 of a SubjectPublicKeyInfo, as it stands in records, or of the 32 bytes alone;
    /// with the lines of PEM around it or without.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<PublicKey, KeyError> {
        let wrong = KeyError("is no Ed25519 public key: base64 of 32 bytes, or of a SubjectPublicKeyInfo");
        let bytes = base64::decode(&unwrapped(text)).ok_or(wrong)?;
        let raw = bytes.strip_prefix(&SPKI_PREFIX).unwrap_or(&bytes);
        raw.try_into().map(PublicKey).map_err(|_| wrong)
    }

    /// Base64 of its SubjectPublicKeyInfo: the text between the lines of a PEM file.
    pub fn text(&self) -> String {
        base64::encode(&[SPKI_PREFIX.as_slice(), &self.0].concat())
    }

    /// By which people know it: `key_` and 16 letters of its SHA-256, four bits a letter from `a` to
    /// `p`.
    pub fn id(&self) -> String {
        format!("key_{}", digitless::text(&Sha256::digest(self.0)[..ID_BYTES]))
    }

    /// Whether the key signed the message.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let Some(signature) = base64::decode(signature) else { return false };
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature).is_ok()
    }
}

/// The half that signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

impl SigningKey {
    /// A fresh one, as text for a file: base64 of PKCS#8 version 2 (RFC 5958).
    ///
    /// # Errors
    /// The system has no random bits.
    pub fn fresh() -> Result<(Secret<String>, SigningKey), KeyError> {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let text = base64::encode(made.map_err(|_| KeyError("the system has no random bits"))?.as_ref());
        let key = SigningKey::parse(&text)?;
        Ok((Secret::new(text), key))
    }

    /// From base64 of PKCS#8, with the lines of PEM around it or without, or from a seed of 64
    /// hexadecimal digits.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<SigningKey, KeyError> {
        let wrong = KeyError(
            "is no Ed25519 key: base64 of PKCS#8, as `tonewall evidence keygen` writes it, or 64 hexadecimal digits",
        );
        let pair = match seed(text.trim()) {
            Some(seed) => Ed25519KeyPair::from_seed_unchecked(&seed),
            None => {
                let bytes = base64::decode(&unwrapped(text)).ok_or(wrong)?;
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
            }
        };
        let pair = pair.map_err(|_| wrong)?;
        let public = pair.public_key().as_ref().try_into().map(PublicKey).map_err(|_| wrong)?;
        Ok(SigningKey { pair, public })
    }

    /// The other half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Base64 of the signature over a message.
    pub fn sign(&self, message: &[u8]) -> String {
        base64::encode(self.pair.sign(message).as_ref())
    }
}

/// Without the lines of PEM and without line ends.
fn unwrapped(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect()
}

fn seed(text: &str) -> Option<[u8; 32]> {
    let digits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |place: usize| u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..32).filter(|_| digits).map_while(byte).collect();
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn keys_of_the_standard() {
        let key = SigningKey::parse(SEED).expect("a seed");
        assert_eq!(PublicKey::parse(PUBLIC), Ok(key.public()));
        assert_eq!(PublicKey::parse(&key.public().text()), Ok(key.public()));
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", key.public().text());
        assert_eq!(PublicKey::parse(&pem), Ok(key.public()));
        let signature = key.sign(b"");
        assert!(signature.starts_with("5VZDAMNgrHKQhuLM"), "{signature}");
        assert!(key.public().verifies(b"", &signature));
        assert!(!key.public().verifies(b"x", &signature));
        assert!(!key.public().verifies(b"", "5VZD"));
    }

    #[test]
    fn a_fresh_key_reads_back_and_shows_only_its_id() {
        let (text, key) = SigningKey::fresh().expect("made");
        let again = SigningKey::parse(text.expose()).expect("reads back");
        assert_eq!(again.public(), key.public());
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SigningKey({})", key.public().id()));
        assert_eq!(key.public().id().len(), 20);
        assert!(key.public().id().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "abc", PUBLIC, &SEED[2..], &format!("{SEED}00"), "MC4CAQAwBQYDK2VwBCIEIA=="] {
            assert!(SigningKey::parse(text).is_err(), "{text}");
        }
        for text in ["", SEED, "Zg==", &PUBLIC[4..]] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
    }
}
