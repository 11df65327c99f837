//! `tonewall dtmf FILE.wav…`: the product's own detector on recorded sound, for others to judge it by.

use super::{EX_DATAERR, fail, recording, wav};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tonewall_model::dtmf::scan;
use tonewall_secret::Key;

const KEYS: &str = "0123456789*#ABCD";

/// Prints a line `file samples_given digit` for each key that is reported. A file that cannot be
/// listened to is named on standard error with the reason; the others are done all the same.
pub(super) fn run(files: &[PathBuf]) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut code = ExitCode::SUCCESS;
    for file in files {
        let written = match heard(file) {
            Ok(digits) => digits.into_iter().try_for_each(|(at, digit)| line(&mut out, file, at, digit)),
            Err(why) => {
                eprintln!("tonewall: {}: {why}", file.display());
                code = ExitCode::from(EX_DATAERR);
                Ok(())
            }
        };
        if let Err(error) = written.and_then(|()| out.flush()) {
            return fail(&format!("the digits cannot be printed: {error}"));
        }
    }
    code
}

fn heard(file: &Path) -> Result<Vec<(usize, char)>, String> {
    let bytes = recording::read(file).map_err(|error| error.to_string())?;
    let pcm = wav::samples(&bytes).map_err(|unfit| unfit.to_string())?;
    drop(bytes);
    let mut digits = Vec::new();
    scan(&pcm, &mut |at, key| digits.push((at, digit(&key))));
    Ok(digits)
}

fn digit(key: &Key) -> char {
    let is_it = |c: &char| Key::from_char(*c).is_some_and(|other| other.same_as(key));
    KEYS.chars().find(is_it).expect("these are all the keys there are")
}

fn line(out: &mut impl Write, file: &Path, at: usize, digit: char) -> io::Result<()> {
    // The name as it was given, whatever its encoding.
    out.write_all(file.as_os_str().as_encoded_bytes())?;
    writeln!(out, " {at} {digit}")
}
