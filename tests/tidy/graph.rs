//! Walls between packages and the shape of the dependency graph, from `cargo metadata`.

use super::{assert_flags, assert_none, cargo, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Which of our packages each of our packages may use: only floors below it, none sideways.
const ARROWS: &[(&str, &[&str])] = &[
    ("tonewall-secret", &[]),
    ("tonewall-model", &["tonewall-secret"]),
    ("tonewall-telephony", &["tonewall-model", "tonewall-secret"]),
    ("tonewall-connectors", &["tonewall-model", "tonewall-secret"]),
    ("tonewall-store", &["tonewall-migrations", "tonewall-model", "tonewall-secret"]),
    ("tonewall-migrations", &[]),
    ("loadtest", &[]),
    (
        "tonewall",
        &[
            "tonewall-connectors",
            "loadtest",
            "tonewall-migrations",
            "tonewall-model",
            "tonewall-secret",
            "tonewall-store",
            "tonewall-telephony",
        ],
    ),
];

/// Who may name a third party's crate in its manifest.
const OWNERS: &[(&str, &[&str])] = &[
    ("rsipstack", &["tonewall-telephony"]),
    ("reqwest", &["tonewall-connectors", "loadtest"]),
    ("sea-orm", &["tonewall-store", "tonewall-migrations"]),
    ("sea-orm-migration", &["tonewall-store", "tonewall-migrations"]),
    ("actix", &["tonewall"]),
    ("actix-web", &["tonewall", "loadtest"]),
    ("ssh2", &["tonewall-connectors"]),
    ("lettre", &["tonewall-connectors"]),
];

/// Crates that a pure package may not name, whoever else does.
const PURE: &[(&str, &[&str])] = &[
    ("tonewall-secret", &["serde", "serde_json", "tokio", "tracing"]),
    (
        "tonewall-model",
        &["serde", "serde_json", "tokio", "futures-util", "async-trait", "tracing", "mio", "socket2"],
    ),
];

/// Crates that bring TLS. There is exactly one, ring: with two, rustls panics at its first handshake.
const TLS: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "boring-sys",
    "graviola",
    "native-tls",
    "openssl",
    "ring",
    "rustls-rustcrypto",
];

/// The metadata of what is built for this machine; other platforms' crates need not be at hand.
fn metadata() -> Value {
    let version = run("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let text = run(&cargo(), &["metadata", "--format-version", "1", "--filter-platform", host]);
    serde_json::from_str(&text).expect("cargo metadata prints JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// Our packages, each with the names in its manifest (development and build dependencies too).
fn ours(metadata: &Value) -> Vec<(&str, Vec<&str>)> {
    list(metadata, "packages")
        .filter(|package| package["source"].is_null())
        .map(|package| {
            (text(package, "name"), list(package, "dependencies").map(|d| text(d, "name")).collect())
        })
        .collect()
}

fn arrows(metadata: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    for (package, uses) in ours(metadata) {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
            complaints.push(format!("{package} stands on no floor: add it to ARROWS"));
            continue;
        };
        // A package may name itself, for its own tests.
        let foreign = |name: &str| name != package && ARROWS.iter().any(|(ours, _)| *ours == name);
        let wrong = uses.iter().filter(|name| foreign(name) && !allowed.contains(name));
        complaints.extend(wrong.map(|name| format!("{package} may not use {name}")));
    }
    complaints
}

fn owners(metadata: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    for (package, uses) in ours(metadata) {
        for name in uses {
            let kept_out = OWNERS.iter().any(|(owned, by)| *owned == name && !by.contains(&package));
            let impure = PURE.iter().any(|(pure, without)| *pure == package && without.contains(&name));
            if kept_out || impure {
                complaints.push(format!("{package} may not use {name}"));
            }
        }
    }
    complaints
}

fn tls(metadata: &Value) -> Vec<String> {
    let packages: Vec<(&str, &str)> =
        list(metadata, "packages").map(|p| (text(p, "id"), text(p, "name"))).collect();
    let name_of = |id: &str| packages.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| *name);
    let mut found = BTreeSet::new();
    let mut complaints = Vec::new();
    for node in list(&metadata["resolve"], "nodes") {
        let name = name_of(text(node, "id"));
        if let Some(provider) = TLS.iter().find(|tls| **tls == name) {
            found.insert(*provider);
        }
        let uses_openssl = list(node, "deps").any(|dep| name_of(text(dep, "pkg")) == "openssl-sys");
        if uses_openssl && name != "libssh2-sys" {
            complaints.push(format!("{name} uses openssl-sys, which is for libssh2-sys alone"));
        }
        let features: Vec<&str> = list(node, "features").filter_map(Value::as_str).collect();
        if name == "rustls" && (!features.contains(&"ring") || features.contains(&"aws_lc_rs")) {
            complaints.push(format!("rustls is built with {features:?}"));
        }
    }
    if found != BTreeSet::from(["ring"]) {
        complaints.push(format!("the TLS providers are {found:?}, not ring alone"));
    }
    complaints
}

#[test]
fn packages_use_only_the_floors_below_them() {
    let metadata = metadata();
    assert_eq!(ours(&metadata).len(), ARROWS.len(), "a package of ARROWS is gone");
    assert_none("arrows between packages", [arrows(&metadata), owners(&metadata)].concat());
}

#[test]
fn ring_is_the_one_tls_provider() {
    assert_none("TLS", tls(&metadata()));
}

#[test]
fn graph_control() {
    let package = |name: &str, uses: &[&str]| {
        json!({ "id": name, "name": name, "source": null,
        "dependencies": uses.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() })
    };
    let node = |id: &str, uses: &[&str], features: &[&str]| {
        json!({ "id": id, "features": features,
        "deps": uses.iter().map(|name| json!({ "pkg": name })).collect::<Vec<_>>() })
    };
    let bad = json!({
        "packages": [
            package("tonewall-model", &["tonewall-store", "tonewall-secret", "serde"]),
            package("tonewall-connectors", &["tonewall-telephony", "reqwest"]),
            package("loadtest", &["tonewall-model", "reqwest"]),
            package("tonewall-store", &["rsipstack", "loadtest"]),
            package("tonewall-utils", &[]),
        ],
    });
    let wrong = [
        "model may not use tonewall-store",
        "connectors may not use tonewall-telephony",
        "loadtest may not use tonewall-model",
        "store may not use loadtest",
        "tonewall-utils stands on no floor",
    ];
    assert_flags(&arrows(&bad), &wrong);
    assert_flags(&owners(&bad), &["model may not use serde", "store may not use rsipstack"]);

    let names = ["ring", "aws-lc-rs", "openssl-sys", "libssh2-sys", "rustls", "some-client"];
    let bad = json!({
        "packages": names.iter().map(|name| package(name, &[])).collect::<Vec<_>>(),
        "resolve": { "nodes": [
            node("ring", &[], &[]),
            node("aws-lc-rs", &[], &[]),
            node("libssh2-sys", &["openssl-sys"], &[]),
            node("some-client", &["openssl-sys"], &[]),
            node("rustls", &["ring"], &["ring", "aws_lc_rs"]),
        ] },
    });
    assert_flags(&tls(&bad), &["some-client uses openssl-sys", "rustls is built with", "aws-lc-rs"]);
}
