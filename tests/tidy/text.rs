//! Words that may not stand in the project, or only in certain rooms of it.

use super::{assert_flags, assert_none, files, read, source};

/// A name in code that has its place.
struct Rule {
    /// What is looked for; it has to start and end at a word's edge where it starts or ends with a word.
    word: &'static str,
    /// Where it is looked for: path prefixes; all code if empty.
    within: &'static [&'static str],
    /// Where it may stand: path prefixes.
    except: &'static [&'static str],
    /// Why.
    reason: &'static str,
}

const fn everywhere(word: &'static str, reason: &'static str) -> Rule {
    Rule { word, within: &[], except: &[], reason }
}

const fn within(word: &'static str, within: &'static [&'static str], reason: &'static str) -> Rule {
    Rule { word, within, except: &[], reason }
}

const fn only(word: &'static str, except: &'static [&'static str], reason: &'static str) -> Rule {
    Rule { word, within: &["src/", "connectors/", "migrations/", "loadtest/"], except, reason }
}

/// Handlers feed the model and spawn; what waits stalls every call of its arbiter.
const CALLS: &[&str] = &["src/calls/"];
const STD_LOCK: &str = "a panic of one call would poison it for all the others";
const MODEL: &[&str] = &["src/model/"];
const IO: &str = "model decides; whoever owns the socket, the clock or the database acts";

const RULES: &[Rule] = &[
    everywhere("todo!", "half a function is none"),
    everywhere("unimplemented!", "half a function is none"),
    everywhere("#[ignore", "a test that does not run proves nothing"),
    everywhere(".do_send(", "ignores the mailbox limit and is silent on a dead actor"),
    within("thread::sleep", CALLS, "a handler that sleeps stalls its arbiter"),
    within("block_on", CALLS, "a handler that blocks stalls its arbiter, and nothing can abort it"),
    within("std::sync::Mutex", CALLS, STD_LOCK),
    within("std::sync::RwLock", CALLS, STD_LOCK),
    within("UdpSocket", MODEL, IO),
    within("TcpStream", MODEL, IO),
    within("TcpListener", MODEL, IO),
    within("Instant::now", MODEL, IO),
    within("SystemTime::now", MODEL, IO),
    within("std::fs", MODEL, IO),
    within("tokio", MODEL, IO),
    within("serde", MODEL, "a DTO lives where it is spoken, and is converted by hand"),
    within("async", MODEL, IO),
    within(".await", MODEL, IO),
    only("rsipstack", &["src/telephony/"], "telephony alone knows SIP syntax"),
    only("reqwest", &["connectors/", "loadtest/"], "connectors alone talk to somebody else's system"),
    only("sea_orm", &["src/store/", "migrations/"], "store alone knows SQL"),
    only("sea_orm_migration", &["src/store/", "migrations/"], "store alone knows SQL"),
    only("actix_web", &["src/web/", "loadtest/"], "web alone knows HTTP"),
];

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the word stands in the text, and not as a part of a longer one.
fn stands_in(text: &str, word: &str) -> bool {
    let edge = |inner: Option<char>, outer: Option<char>| {
        !(inner.is_some_and(is_word) && outer.is_some_and(is_word))
    };
    text.match_indices(word).any(|(at, _)| {
        edge(word.chars().next(), text[..at].chars().next_back())
            && edge(word.chars().next_back(), text[at + word.len()..].chars().next())
    })
}

fn starts_with_any(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}

/// Complaints about one Rust file.
fn rooms(path: &str, text: &str) -> Vec<String> {
    let code = source::code(text);
    let mut complaints = Vec::new();
    for rule in RULES {
        let applies = rule.within.is_empty() || starts_with_any(path, rule.within);
        if !applies || starts_with_any(path, rule.except) {
            continue;
        }
        let hits = code.lines().enumerate().filter(|(_, line)| stands_in(line, rule.word));
        complaints.extend(hits.map(|(n, _)| format!("{path}:{}: {}: {}", n + 1, rule.word, rule.reason)));
    }
    complaints
}

/// Locks of std that calls/ imports in a group: `use std::sync::{Arc, Mutex};`.
fn imported_locks(path: &str, text: &str) -> Vec<String> {
    if !starts_with_any(path, CALLS) {
        return Vec::new();
    }
    let code = source::code(text);
    let imports = code.match_indices("use std::").filter_map(|(at, _)| code[at..].split(';').next());
    let locks = imports.filter(|import| stands_in(import, "Mutex") || stands_in(import, "RwLock"));
    locks.map(|import| format!("{path}: {import}: {STD_LOCK}")).collect()
}

/// Words that stand in no file at all, comments and data included.
///
/// They are joined from pieces, so that this file does not hold them either.
fn unwanted() -> Vec<String> {
    let pieces: &[&[&str]] = &[
        // Marks of unfinished work.
        &["FIX", "ME"],
        &["TO", "DO"],
        &["XX", "X"],
        // Hosts of package registries: a build takes what the lock file says from where the user's tools take it.
        &["crates", ".io"],
        &["docs", ".rs"],
        &["npm", "js.com"],
        &["npm", "js.org"],
        &["py", "pi.org"],
        &["python", "hosted.org"],
        &["ruby", "gems.org"],
        &["docker", ".io"],
        &["gh", "cr.io"],
        &["maven", ".org"],
        // Places of one machine.
        &["/wo", "rk/"],
        &["/ro", "ot/"],
        &["/tm", "p/"],
    ];
    pieces.iter().map(|parts| parts.concat()).collect()
}

/// Complaints about one file of any kind.
fn words(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for word in unwanted() {
        let hits = text.lines().enumerate().filter(|(_, line)| stands_in(line, &word));
        complaints.extend(hits.map(|(n, _)| format!("{path}:{}: {word}", n + 1)));
    }
    complaints
}

/// Lock files name the registry in every entry; nobody writes them.
fn is_lock(path: &str) -> bool {
    path.ends_with(".lock") || path.ends_with("package-lock.json")
}

#[test]
fn every_name_in_code_is_in_its_room() {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    let complaints = rust
        .flat_map(|path| {
            let text = read(&path).expect("Rust is UTF-8");
            [rooms(&path, &text), imported_locks(&path, &text)].concat()
        })
        .collect();
    assert_none("see RULES in tests/tidy/text.rs", complaints);
}

#[test]
fn room_control() {
    let calls = "fn f(a: Addr<A>) {\n    a.do_send(M);\n    std::thread::sleep(t);\n}\nstruct S(std::sync::Mutex<u8>);\n";
    assert_flags(&rooms("src/calls/actor.rs", calls), &[".do_send(", "thread::sleep", "std::sync::Mutex"]);
    let group = "use parking_lot::Mutex;\nuse std::sync::{\n    Arc,\n    RwLock,\n};\n";
    assert_flags(&imported_locks("src/calls/actor.rs", group), &["RwLock"]);
    assert_flags(&imported_locks("src/web/api.rs", group), &[]);
    assert_flags(
        &rooms("src/web/api.rs", "use rsipstack::sip;\nuse reqwest::Client;\n"),
        &["rsipstack", "reqwest"],
    );
    assert_flags(
        &rooms("src/store/src/lib.rs", "use sea_orm::prelude::*; use actix_web::web;"),
        &["actix_web"],
    );
    let model = "async fn f() { todo!() }\nuse std::net::UdpSocket;\nlet now = Instant::now();\n";
    assert_flags(&rooms("src/model/src/call.rs", model), &["todo!", "UdpSocket", "Instant::now", "async"]);
    let fine =
        "// rsipstack is set to warn\nlet filter = \"rsipstack=warn,reqwest=off\"; let asynchronous = 1;\n";
    assert_flags(&rooms("src/model/src/call.rs", fine), &[]);
    assert_flags(&rooms("tests/calls.rs", "#[ignore]\nfn f() {}"), &["#[ignore"]);
}

#[test]
fn no_file_holds_an_unwanted_word() {
    let others = files().into_iter().filter(|path| !is_lock(path) && path != "LICENSE");
    let complaints =
        others.flat_map(|path| read(&path).map(|text| words(&path, &text)).unwrap_or_default()).collect();
    assert_none("see unwanted() in tests/tidy/text.rs", complaints);
}

#[test]
fn word_control() {
    for word in unwanted() {
        assert_flags(&words("a.md", &format!("see {word} for it")), &[&word]);
        let longer = format!("x{word}x");
        let inner = word.starts_with(is_word) && word.ends_with(is_word);
        assert_eq!(words("a.md", &longer).is_empty(), inner, "{longer}");
    }
}
