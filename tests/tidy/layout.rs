//! What lies where, and how long it is.

use super::{assert_flags, assert_none, files, read, source};

/// Names allowed at the top.
const TOP: &[&str] = &[
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "clippy.toml",
    "connectors",
    "deny.toml",
    "deploy",
    "docs",
    "fuzz",
    "justfile",
    "loadtest",
    "migrations",
    "rustfmt.toml",
    "src",
    "templates",
    "tenants",
    "tests",
];

/// Code lines that a file may have before it has to say why.
const CODE_LINES_MAX: usize = 500;

/// Files that may be longer, each with its reason.
const LONG: &[(&str, &str)] = &[];

fn top_level(paths: &[String]) -> Vec<String> {
    let mut names: Vec<&str> = paths.iter().filter_map(|path| path.split('/').next()).collect();
    names.dedup();
    names
        .iter()
        .filter(|name| !TOP.contains(name))
        .map(|name| format!("{name} does not belong at the top"))
        .collect()
}

/// Too long without a reason, and reasons that nothing needs any more.
fn lengths(lines: &[(String, usize)], long: &[(&str, &str)]) -> Vec<String> {
    let excused = |path: &str| long.iter().any(|(name, reason)| *name == path && !reason.is_empty());
    let over = lines.iter().filter(|(_, count)| *count > CODE_LINES_MAX);
    let mut complaints: Vec<String> = over
        .filter(|(path, _)| !excused(path))
        .map(|(path, count)| format!("{path}: {count} code lines; split it, or give the reason in LONG"))
        .collect();
    let short = |path: &str| !lines.iter().any(|(name, count)| name == path && *count > CODE_LINES_MAX);
    let stale = long.iter().filter(|(path, _)| short(path));
    complaints.extend(stale.map(|(path, _)| format!("{path} is short: take it out of LONG")));
    complaints
}

#[test]
fn the_top_level_holds_what_the_design_names() {
    assert_none("see TOP in tests/tidy/layout.rs", top_level(&files()));
}

#[test]
fn top_level_control() {
    let paths = ["Cargo.toml", "src/main.rs", "utils/mod.rs", "notes.txt"].map(str::to_owned);
    assert_flags(&top_level(&paths), &["utils", "notes.txt"]);
}

#[test]
fn no_file_is_longer_than_a_reader_holds_in_mind() {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    let lines: Vec<(String, usize)> =
        rust.map(|path| (path.clone(), source::code_lines(&read(&path).expect("Rust is UTF-8")))).collect();
    for (path, count) in lines.iter().filter(|(_, count)| *count > CODE_LINES_MAX) {
        eprintln!("warning: {path} has {count} code lines");
    }
    assert_none("files over 500 code lines", lengths(&lines, LONG));
}

#[test]
fn length_control() {
    let lines = [("a.rs".to_owned(), 501), ("b.rs".to_owned(), 500), ("c.rs".to_owned(), 900)];
    let long = [("c.rs", "a table"), ("b.rs", "no more")];
    assert_flags(&lengths(&lines, &long), &["a.rs: 501", "b.rs is short"]);
}
