//! The sweep: every file of a world is searched for the very card numbers and codes keyed in it, in
//! every encoding that a leak could take; and a canary planted in the same places has to be found.

use std::path::{Path, PathBuf};

/// Where something was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    pub encoding: &'static str,
}

/// Canaries planted and found.
#[derive(Debug)]
pub struct Canary {
    pub planted: usize,
    pub found: usize,
}

/// Files with their bytes.
pub struct Sweep {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Sweep {
    /// Every file below a folder.
    pub fn of_folder(folder: &Path) -> Sweep {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("folder").flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_file() => {
                        let bytes = std::fs::read(&path).expect("file");
                        files.push((path, bytes));
                    }
                    _ => {}
                }
            }
        }
        assert!(files.iter().any(|(path, _)| path.ends_with("log.txt")), "there is a log to sweep");
        assert!(files.iter().any(|(path, _)| path.extension().is_some_and(|e| e == "db")), "and a ledger");
        Sweep { files }
    }

    /// Anything keyed as (card number, code) that is anywhere.
    pub fn hits(&self, keyed: &[(&str, &str)]) -> Vec<Place> {
        let needles: Vec<(&'static str, Vec<u8>)> =
            keyed.iter().flat_map(|(pan, code)| encodings(pan, code)).collect();
        let mut hits = Vec::new();
        for (file, bytes) in &self.files {
            for (encoding, needle) in &needles {
                if contains(bytes, needle) {
                    hits.push(Place { file: file.clone(), encoding });
                }
            }
        }
        hits
    }

    /// Any of these words that is anywhere, as it stands.
    pub fn words(&self, words: &[&str]) -> Vec<Place> {
        let found = |bytes: &[u8]| words.iter().any(|word| contains(bytes, word.as_bytes()));
        let files = self.files.iter().filter(|(_, bytes)| found(bytes));
        files.map(|(file, _)| Place { file: file.clone(), encoding: "a word" }).collect()
    }

    /// Plants a canary in a copy of every file, once an encoding, and counts how many are found.
    pub fn with_canary(&self, keyed: &[(&str, &str)]) -> Canary {
        let (mut planted, mut found) = (0, 0);
        for (pan, code) in keyed {
            for (_, needle) in encodings(pan, code) {
                for (_, bytes) in &self.files {
                    let middle = bytes.len() / 2;
                    let around =
                        middle.saturating_sub(CANARY_AROUND)..bytes.len().min(middle + CANARY_AROUND);
                    let copy = [&bytes[around.start..middle], needle.as_slice(), &bytes[middle..around.end]]
                        .concat();
                    planted += 1;
                    found += usize::from(contains(&copy, &needle));
                }
            }
        }
        assert!(planted > 0, "no canary was planted");
        Canary { planted, found }
    }
}

/// Bytes of a file on each side of a canary: as good as the whole, and quick.
const CANARY_AROUND: usize = 4_096;

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let (Some(first), mut from) = (needle.first(), 0) else { return false };
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        from += at;
        if bytes[from..].starts_with(needle) {
            return true;
        }
        from += 1;
    }
    false
}

/// The shapes in which a number could lie around; the code alone is too short to search for, so it
/// is searched in the company of a word.
fn encodings(pan: &str, code: &str) -> Vec<(&'static str, Vec<u8>)> {
    let digits: Vec<u8> = pan.bytes().map(|b| b - b'0').collect();
    let ascii = pan.as_bytes().to_vec();
    let grouped = |separator: &str| {
        let groups: Vec<String> =
            pan.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
        groups.join(separator).into_bytes()
    };
    let bcd: Vec<u8> = digits.chunks_exact(2).map(|two| two[0] << 4 | two[1]).collect();
    let swapped: Vec<u8> = digits.chunks_exact(2).map(|two| two[1] << 4 | two[0]).collect();
    let middle = pan.as_bytes()[3..pan.len() - 3].to_vec();
    let number: u64 = pan.parse().expect("digits");
    let mut all = vec![
        ("ascii", ascii.clone()),
        ("middle digits", middle),
        ("spaces", grouped(" ")),
        ("dashes", grouped("-")),
        ("utf-16", pan.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("utf-32", pan.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()),
        ("a byte a digit", digits.clone()),
        ("event codes plus one", digits.iter().map(|d| d + 1).collect()),
        ("bcd", bcd),
        ("bcd, nibbles swapped", swapped),
        ("reversed", ascii.iter().rev().copied().collect()),
        ("u64 little endian", number.to_le_bytes().to_vec()),
        ("u64 big endian", number.to_be_bytes().to_vec()),
        ("hex", ascii.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()),
    ];
    for word in ["cvc", "cvv", "cv2", "security_code", "Signal"] {
        for joint in ["=", ":", "\":\"", "=\"", ": "] {
            all.push(("code beside its name", format!("{word}{joint}{code}").into_bytes()));
        }
    }
    all
}
