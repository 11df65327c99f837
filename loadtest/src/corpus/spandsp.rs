//! spandsp's detector as a program beside ours, where its library and a C compiler are installed.

use super::product::Report;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const PROGRAM: &str = include_str!("spandsp.c");

/// Characters of the codes 0–15.
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// The program, compiled at first use; `None` where that cannot be done.
fn program() -> Option<&'static PathBuf> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).as_ref()
}

fn build() -> Option<PathBuf> {
    let folder = std::env::temp_dir().join(format!("tonewall-spandsp-{}", std::process::id()));
    std::fs::create_dir_all(&folder).ok()?;
    let (source, program) = (folder.join("oracle.c"), folder.join("oracle"));
    std::fs::write(&source, PROGRAM).ok()?;
    let mut compile = Command::new("cc");
    compile.arg("-O2").arg("-o").arg(&program).arg(&source).args(["-lspandsp", "-lm"]).stderr(Stdio::null());
    compile.status().is_ok_and(|status| status.success()).then_some(program)
}

/// Whether spandsp can be asked.
pub fn is_there() -> bool {
    program().is_some()
}

/// What spandsp reports, fed 8 samples at a time.
pub fn detect(pcm: &[i16]) -> Option<Vec<Report>> {
    let text = run("listen", pcm)?;
    let report = |line: &str| {
        let (at, key) = line.split_once(' ')?;
        let code = KEYS.iter().position(|known| key.bytes().eq([*known]))?;
        Some(Report { at: at.parse().ok()?, code: code as u8 })
    };
    Some(text.lines().filter_map(report).collect())
}

/// CPU microseconds that spandsp takes for 20 ms, the least of five rounds.
pub fn us_per_packet(pcm: &[i16]) -> Option<f64> {
    run("time", pcm)?.trim().parse::<f64>().ok().map(|ns| ns / 1_000.0)
}

fn run(what: &str, pcm: &[i16]) -> Option<String> {
    let mut child =
        Command::new(program()?).arg(what).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let bytes: Vec<u8> = pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut stdin = child.stdin.take()?;
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().ok()?;
    let written = writer.join().is_ok_and(|result| result.is_ok());
    (written && output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
