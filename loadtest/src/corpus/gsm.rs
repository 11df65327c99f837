//! GSM full rate and back (GSM 06.10), by the `sox` program where it is installed.

use super::sound::Sound;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Whether `sox` is there and knows GSM.
pub fn is_there() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| through("gsm", &[0; 320]).is_some())
}

/// Sends a sound through GSM full rate; unchanged where `sox` is missing.
pub fn round_trip(sound: &mut Sound) {
    let pcm: Vec<u8> = sound.pcm().iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let Some(back) = through("gsm", &pcm) else { return };
    for (sample, bytes) in sound.samples.iter_mut().zip(back.chunks_exact(2)) {
        *sample = f64::from(i16::from_le_bytes([bytes[0], bytes[1]]));
    }
}

const RAW: [&str; 10] = ["-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1"];

fn through(codec: &str, pcm: &[u8]) -> Option<Vec<u8>> {
    let coded = sox(&[&RAW[..], &["-", "-t", codec, "-r", "8000", "-c", "1", "-"]].concat(), pcm)?;
    sox(&[&["-t", codec, "-r", "8000", "-c", "1", "-"][..], &RAW[..], &["-"]].concat(), &coded)
}

fn sox(args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("sox")
        .arg("-D")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let input = input.to_vec();
    // Written beside the reading: a pipe holds less than a sound.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().ok()?;
    let written = writer.join().is_ok_and(|result| result.is_ok());
    (written && output.status.success() && !output.stdout.is_empty()).then_some(output.stdout)
}
