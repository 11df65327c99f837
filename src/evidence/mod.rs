//! Evidence: what was observed of each call, as a record that nobody can change unseen.
//!
//! | file | holds |
//! |---|---|
//! | `trail` | [`Trail`]: what a live call leaves behind: secured spans, fields, addresses |
//! | `facts` | [`Facts`]: all that is known of a call when it has ended |
//! | `body` | the facts as a record |
//! | `canonical` | the one way to write it down |
//! | `key` | [`SigningKey`]: Ed25519 |
//! | `configuration` | the hash of what was configured, without secrets |
//! | `recorder` | [`Recorder`]: into the ledger, once a call, however it ended |
//! | `file` | the exported file, and whether it holds |
//! | `chain` | whether all records of a tenant hold |
//! | `page`, `words` | a record for a person |
//!
//! A record says what was observed and no more: what nobody saw is `null`, and a line that no ear
//! listened to has no green verdict. It varies with no digit.

mod body;
mod canonical;
mod chain;
mod configuration;
mod facts;
mod file;
mod key;
mod page;
mod recorder;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_file;
#[cfg(test)]
mod tests_ledger;
mod trail;
mod words;

pub use chain::{Broken, ChainReport, verify_chain};
pub use configuration::hashes;
pub use facts::{Facts, Verdict};
pub use file::{Checked, Held, NotEvidence, Wrong, check, of_row};
pub use key::{KeyError, PublicKey, SigningKey};
pub use page::html;
pub use recorder::Recorder;
pub use trail::{Start, Trail};

/// The form of a record's body.
pub const FORMAT: &str = "tonewall-evidence/1";

/// The form of an exported file.
pub const FILE_FORMAT: &str = "tonewall-evidence-file/1";

/// Which independent ear judged: to be raised with any change to what it calls a key.
pub const EAR_VERSION: &str = "ear-1";

/// Which mask was in the path: to be raised with any change to what it lets pass.
pub const MASK_VERSION: &str = "mask-1";

/// Whoever ends a call keeps trying to write its record for so long.
pub const HORIZON: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// After so long nobody has the facts of a call any more, and what its rows tell is recorded.
pub const ABANDONED: std::time::Duration = std::time::Duration::from_secs(15 * 60);
