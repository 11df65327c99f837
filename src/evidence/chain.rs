//! Whether all records of a tenant hold: none missing, none changed, each signed.

use super::file::{self, Wrong};
use super::{NotEvidence, PublicKey};
use std::collections::BTreeMap;
use std::fmt;
use tonewall_store::{BrokenAt, EvidenceRow, TenantStore};

/// Records that one step reads.
const PAGE: u64 = 256;

/// What holds of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Records.
    pub records: u64,
    /// Records by the id of the key that signed them.
    pub by_key: BTreeMap<String, u64>,
    /// Records that nobody signed.
    pub unsigned: u64,
    /// Records whose ear heard a key: the numbers of the first of them.
    pub red: Vec<u64>,
    /// How many those are.
    pub red_count: u64,
}

/// Red records that are told by number.
const RED_TOLD_MAX: usize = 20;

/// Where a chain breaks first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// In its numbers and hashes, or it cannot be read.
    Chain(BrokenAt),
    /// In a record.
    Record {
        /// Its number.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Chain(BrokenAt::Row { seq, why }) => write!(f, "Record {seq}: {why}."),
            Broken::Chain(BrokenAt::Unread(error)) => write!(f, "The ledger was not read: {error}."),
            Broken::Record { seq, why } => write!(f, "Record {seq}: {why}."),
        }
    }
}

impl std::error::Error for Broken {}

/// Walks a tenant's records. With `keys`, each has to be signed by one of them.
///
/// # Errors
/// Where it breaks first.
pub async fn verify_chain(store: &TenantStore, keys: &[PublicKey]) -> Result<ChainReport, Broken> {
    let records = store.evidence_verify().await.map_err(Broken::Chain)?;
    let mut report = ChainReport { records, ..ChainReport::default() };
    let mut from = 1;
    while from <= records {
        let page = store.evidence_chain(from, PAGE).await;
        let page = page.map_err(|error| Broken::Chain(BrokenAt::Unread(error)))?;
        let Some(last) = page.last().map(|row| row.seq) else { break };
        for row in page.iter().filter(|row| row.seq <= records) {
            let broken = |why: String| Broken::Record { seq: row.seq, why };
            judge(row, keys, &mut report).map_err(broken)?;
        }
        from = last + 1;
    }
    Ok(report)
}

fn judge(row: &EvidenceRow, keys: &[PublicKey], report: &mut ChainReport) -> Result<(), String> {
    let told = |error: NotEvidence| error.0.to_owned();
    let file = file::of_row(row).map_err(told)?;
    let checked = file::check(file.as_bytes(), None).map_err(told)?;
    let is_unsigned = |wrong: &Wrong| *wrong == Wrong::Unsigned;
    if let Some(wrong) = checked.wrong.iter().find(|wrong| !is_unsigned(wrong)) {
        return Err(wrong.to_string());
    }
    // The stored text, and not only its content, is what was signed.
    if super::canonical::render(&checked.held.record).as_deref() != Ok(row.body.as_str()) {
        return Err(Wrong::NotCanonical.to_string());
    }
    match checked.held.signer {
        Some(signer) if keys.is_empty() || keys.contains(&signer) => {
            *report.by_key.entry(signer.id()).or_default() += 1;
        }
        Some(_) => return Err(Wrong::OtherKey.to_string()),
        // Who could take the signatures off would otherwise forge at will.
        None if !report.by_key.is_empty() => {
            return Err("nobody signed it, though records before it are signed".to_owned());
        }
        None if keys.is_empty() => report.unsigned += 1,
        None => return Err(Wrong::Unsigned.to_string()),
    }
    if checked.held.record["leak"]["verdict"] == "red" {
        report.red_count += 1;
        if report.red.len() < RED_TOLD_MAX {
            report.red.push(row.seq);
        }
    }
    Ok(())
}
