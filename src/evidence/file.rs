//! The exported file: a record, its hash and its signature, so that it can be checked far from the
//! ledger. It is canonical JSON and a line end, byte for byte: any other text is refused.

use super::canonical;
use super::{FILE_FORMAT, FORMAT, PublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt;
use tonewall_store::{EvidenceRow, base64};

/// Longest file that is looked at.
pub(super) const FILE_MAX: usize = 256 * 1024;

/// Members of a file, sorted.
const MEMBERS: [&str; 6] = ["format", "key_id", "public_key", "record", "sha256", "signature"];

/// The file is no evidence at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotEvidence(pub &'static str);

impl fmt::Display for NotEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "This is no Tonewall evidence file: {}.", self.0)
    }
}

impl std::error::Error for NotEvidence {}

/// What does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The bytes are not the one way to write this content.
    NotCanonical,
    /// The hash is of another record.
    Hash,
    /// Key, key id and the signer that the record names are not one.
    Signer,
    /// The signature is of another record or by another key.
    Signature,
    /// The record was signed by a key that was not asked for.
    OtherKey,
    /// Nobody signed it.
    Unsigned,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wrong::NotCanonical => "the file is not byte for byte what Tonewall writes: it was changed",
            Wrong::Hash => "the hash is not that of the record: it was changed",
            Wrong::Signer => "key, key id and the signer named in the record do not belong together",
            Wrong::Signature => "the signature is not this key's over this record: it was changed, or forged",
            Wrong::OtherKey => "the record was signed with another key than the one given",
            Wrong::Unsigned => "nobody signed the record: whoever had the file can have written it",
        })
    }
}

/// What holds of a file.
#[derive(Clone, Debug)]
pub struct Held {
    /// The record.
    pub record: Value,
    /// Its hash, base64.
    pub sha256: String,
    /// Whose signature it bears.
    pub signer: Option<PublicKey>,
    /// Whether that key is the one that was asked for.
    pub is_key_given: bool,
}

/// A file that could be read.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Everything that is wrong; nothing in a file that holds.
    pub wrong: Vec<Wrong>,
    /// What it says of itself.
    pub held: Held,
}

/// The file of a stored record.
///
/// # Errors
/// The row holds what Tonewall never writes.
pub fn of_row(row: &EvidenceRow) -> Result<String, NotEvidence> {
    let record: Value =
        serde_json::from_str(&row.body).map_err(|_| NotEvidence("the stored body is no JSON"))?;
    let (signature, key_id) = row.signed.clone().unzip();
    let public_key = record["signer"]["public_key"].clone();
    let file = json!({
        "format": FILE_FORMAT,
        "record": record,
        "sha256": row.sha256,
        "signature": signature,
        "key_id": key_id,
        "public_key": public_key,
    });
    let text = canonical::render(&file).map_err(|_| NotEvidence("the stored body has broken numbers"))?;
    Ok(text + "\n")
}

/// Reads a file and checks all of it; with `key`, also that it was signed with that one.
///
/// # Errors
/// It is no evidence file.
pub fn check(bytes: &[u8], key: Option<PublicKey>) -> Result<Checked, NotEvidence> {
    if bytes.len() > FILE_MAX {
        return Err(NotEvidence("it is longer than 256 KiB"));
    }
    let file: Value = serde_json::from_slice(bytes).map_err(|_| NotEvidence("it is no JSON"))?;
    let members = file.as_object().ok_or(NotEvidence("it is no JSON object"))?;
    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    names.sort_unstable();
    let record = &file["record"];
    if names != MEMBERS || file["format"] != FILE_FORMAT || record["format"] != FORMAT {
        return Err(NotEvidence("its form is not one that this version knows"));
    }
    let mut wrong = Vec::new();
    let written = canonical::render(&file).map(|text| text + "\n");
    if written.as_deref().map(str::as_bytes) != Ok(bytes) {
        wrong.push(Wrong::NotCanonical);
    }
    let body = canonical::render(record).map_err(|_| NotEvidence("it has broken numbers"))?;
    let sha256 = base64::encode(&Sha256::digest(body.as_bytes()));
    if file["sha256"] != sha256 {
        wrong.push(Wrong::Hash);
    }
    let signer = signer(&file, &mut wrong);
    if let Some(signer) = signer
        && !file["signature"].as_str().is_some_and(|text| signer.verifies(body.as_bytes(), text))
    {
        wrong.push(Wrong::Signature);
    }
    if signer.is_some() && key.is_some() && key != signer {
        wrong.push(Wrong::OtherKey);
    }
    let held = Held { record: record.clone(), sha256, signer, is_key_given: key.is_some() && key == signer };
    Ok(Checked { wrong, held })
}

/// The key that the file names in three places, if it is one and the same.
fn signer(file: &Value, wrong: &mut Vec<Wrong>) -> Option<PublicKey> {
    let of_record = &file["record"]["signer"];
    let outside = [&file["signature"], &file["key_id"], &file["public_key"]];
    if of_record.is_null() && outside.iter().all(|value| value.is_null()) {
        wrong.push(Wrong::Unsigned);
        return None;
    }
    let key = file["public_key"].as_str().and_then(|text| PublicKey::parse(text).ok());
    let is_one = |key: &PublicKey| {
        // Compared as text: the key has more than one.
        file["public_key"] == key.text()
            && file["key_id"] == key.id()
            && of_record["public_key"] == key.text()
            && of_record["key_id"] == key.id()
    };
    let key = key.filter(is_one);
    if key.is_none() {
        wrong.push(Wrong::Signer);
    }
    key
}
