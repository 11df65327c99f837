//! The shape of the project, as tests: walls between packages, bans, sizes, words.
//!
//! Every check is a plain function from facts (the output of `cargo metadata`, a manifest, a file's
//! text) to complaints. One test feeds it the project and wants none; a second one, its control,
//! feeds it something bad and wants the complaint. A new rule gets both.

mod graph;
mod layout;
mod manifest;
mod source;
mod text;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the workspace's Cargo.toml.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Standard output of a program that has to succeed.
fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("these programs print UTF-8")
}

/// The cargo that runs the tests.
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Path within the project, with `/`, of every file that is tracked or would be.
fn files() -> Vec<String> {
    // A checkout may belong to somebody else than the one who tests it, as in a container.
    let safe = ["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"];
    let mut files: Vec<String> =
        run("git", &safe).lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect();
    files.sort();
    assert!(files.len() > 20, "git lists {} files only", files.len());
    files
}

/// A file of [`files`] as text; nothing if it is not UTF-8.
fn read(path: &str) -> Option<String> {
    let bytes = std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8(bytes).ok()
}

/// Fails with the complaints, one a line.
fn assert_none(rule: &str, complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{rule}\n  {}\n", complaints.join("\n  "));
}

/// A control: the complaints have to be these, by a part of each.
fn assert_flags(complaints: &[String], parts: &[&str]) {
    assert_eq!(complaints.len(), parts.len(), "{complaints:#?}");
    for (complaint, part) in complaints.iter().zip(parts) {
        assert!(complaint.contains(part), "{complaint:?} does not speak of {part:?}");
    }
}

#[test]
fn format_is_rustfmts() {
    let status = Command::new(cargo()).args(["fmt", "--all", "--", "--check"]).current_dir(root()).status();
    assert!(status.is_ok_and(|status| status.success()), "run cargo fmt --all");
}

#[test]
fn format_control() {
    let bad = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("unformatted.rs");
    std::fs::write(&bad, "fn  main( ){ }").expect("the target folder can be written");
    let output = Command::new("rustfmt").args(["--edition", "2024", "--check"]).arg(&bad).output();
    assert!(!output.expect("rustfmt starts").status.success(), "rustfmt accepts {}", bad.display());
}
