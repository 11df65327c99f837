//! The exported file: it holds, and no byte of it can change.

use super::tests::{body, facts, key, witness};
use super::*;
use expect_test::expect;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tonewall_model::ids::CallId;
use tonewall_store::{EvidenceRow, base64};
use tonewall_telephony::media::EarWitness;

fn stored(is_signed: bool) -> EvidenceRow {
    let ear = EarWitness { windows: 900, ..EarWitness::default() };
    let mut record = body(&facts(witness(ear, None)));
    if !is_signed {
        record["signer"] = serde_json::Value::Null;
    }
    let body = canonical::render(&record).expect("whole numbers");
    EvidenceRow {
        seq: 7,
        call: CallId::from_random(1),
        previous_sha256: "x".repeat(44),
        sha256: base64::encode(&Sha256::digest(body.as_bytes())),
        signed: is_signed.then(|| (key().sign(body.as_bytes()), key().public().id())),
        body,
        created_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn file() -> String {
    of_row(&stored(true)).expect("a file")
}

fn wrong(file: &str) -> Vec<Wrong> {
    check(file.as_bytes(), None).expect("an evidence file").wrong
}

#[test]
fn an_export_holds_and_says_by_whom() {
    let checked = check(file().as_bytes(), None).expect("an evidence file");
    assert_eq!(checked.wrong, []);
    assert_eq!((checked.held.signer, checked.held.is_key_given), (Some(key().public()), false));
    let checked = check(file().as_bytes(), Some(key().public())).expect("an evidence file");
    assert_eq!((checked.wrong.as_slice(), checked.held.is_key_given), ([].as_slice(), true));
    let (_, other) = SigningKey::fresh().expect("made");
    let checked = check(file().as_bytes(), Some(other.public())).expect("an evidence file");
    assert_eq!(checked.wrong, [Wrong::OtherKey]);
}

/// Every bit of every byte, one at a time.
#[test]
fn one_flipped_byte_fails() {
    let (file, key) = (file().into_bytes(), key().public());
    for place in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.clone();
            changed[place] ^= 1 << bit;
            for asked in [None, Some(key)] {
                let holds = check(&changed, asked).is_ok_and(|checked| checked.wrong.is_empty());
                assert!(!holds, "bit {bit} of byte {place}");
            }
        }
    }
    for len in 0..file.len() {
        assert!(!check(&file[..len], None).is_ok_and(|checked| checked.wrong.is_empty()), "{len} bytes");
    }
    assert!(check(&file, None).expect("an evidence file").wrong.is_empty(), "unchanged it holds");
}

#[test]
fn a_record_that_nobody_signed_does_not_hold() {
    let file = of_row(&stored(false)).expect("a file");
    assert_eq!(wrong(&file), [Wrong::Unsigned]);
    // Nor one whose signature was taken off, or moved over from another.
    let (signature, id) = stored(true).signed.expect("signed");
    let bare = super::tests_file::file().replace(&format!("\"{signature}\""), "null");
    assert_eq!(wrong(&bare), [Wrong::Signature]);
    let lent = file.replace("\"signature\":null", &format!("\"signature\":\"{signature}\""));
    assert_eq!(wrong(&lent), [Wrong::Signer]);
    assert!(super::tests_file::file().contains(&id));
}

/// Somebody with a key of their own cannot put it in place of the operator's unseen.
#[test]
fn signed_again_by_somebody_else_it_is_another_key() {
    let (_, forger) = SigningKey::fresh().expect("made");
    let mut row = stored(true);
    let (text, id) = (key().public().text(), key().public().id());
    row.body = row.body.replace(&text, &forger.public().text()).replace(&id, &forger.public().id());
    row.body = row.body.replace("\"red\"", "\"green\"");
    row.sha256 = base64::encode(&Sha256::digest(row.body.as_bytes()));
    row.signed = Some((forger.sign(row.body.as_bytes()), forger.public().id()));
    let file = of_row(&row).expect("a file");
    let checked = check(file.as_bytes(), Some(key().public())).expect("an evidence file");
    assert_eq!(checked.wrong, [Wrong::OtherKey]);
    // Without a key to compare with it holds, and says whose it is.
    let checked = check(file.as_bytes(), None).expect("an evidence file");
    assert_eq!((checked.wrong.as_slice(), checked.held.signer), ([].as_slice(), Some(forger.public())));
}

#[test]
fn what_is_no_evidence_is_told_apart_from_what_does_not_hold() {
    let told = |bytes: &[u8]| check(bytes, None).map(|_| ()).expect_err("none").to_string();
    let mut all = Vec::new();
    for bytes in [
        b"".as_slice(),
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b"{\"format\":\"tonewall-evidence-file/2\"}",
        &vec![b' '; 300_000],
    ] {
        all.push(told(bytes));
    }
    all.push(told(file().replace("tonewall-evidence/1", "tonewall-evidence/2").as_bytes()));
    all.push(told(file().replacen('{', "{\"extra\":1,", 1).as_bytes()));
    expect![[r#"
        This is no Tonewall evidence file: it is no JSON.
        This is no Tonewall evidence file: it is no JSON.
        This is no Tonewall evidence file: it is no JSON object.
        This is no Tonewall evidence file: its form is not one that this version knows.
        This is no Tonewall evidence file: it is no JSON.
        This is no Tonewall evidence file: its form is not one that this version knows.
        This is no Tonewall evidence file: it is longer than 256 KiB.
        This is no Tonewall evidence file: its form is not one that this version knows.
        This is no Tonewall evidence file: its form is not one that this version knows."#]]
    .assert_eq(&all.join("\n"));
    assert_eq!(wrong(&file().replacen(":7,", ": 7,", 1)), [Wrong::NotCanonical]);
    assert_eq!(wrong(&file().replacen(":7,", ":8,", 1)), [Wrong::Hash, Wrong::Signature]);
}
