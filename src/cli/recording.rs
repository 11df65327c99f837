//! Files of sound that the doors read: whole, and never larger than memory bears.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Longest file that is read: 1 GiB, 37 hours of G.711.
const BYTES_MAX: u64 = 1 << 30;

/// A whole file. A longer one is an error, known before it is read where it has a length.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    bounded(file, len, BYTES_MAX)
}

fn bounded(source: impl Read, len: u64, max: u64) -> io::Result<Vec<u8>> {
    let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {max} bytes"));
    if len > max {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(len as usize);
    source.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(too_long()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_refused_whatever_it_says() {
        assert_eq!(bounded(&[1u8; 9][..], 9, 9).expect("it fits").len(), 9);
        for len in [0, 10, u64::MAX] {
            let error = bounded(&[1u8; 10][..], len, 9).expect_err("too long");
            assert_eq!(error.to_string(), "longer than 9 bytes");
        }
    }
}
