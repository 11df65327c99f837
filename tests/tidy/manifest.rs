//! Manifests: profiles, the one integration binary, and the lint files that must agree.

use super::{assert_flags, assert_none, files, read};

/// Bans of the root's clippy.toml that a package may leave out, with the reason.
const EXEMPT: &[(&str, &str, &str)] = &[
    (
        "connectors/clippy.toml",
        "tonewall_secret::Pan::reveal",
        "a gateway's request body is where card digits go",
    ),
    (
        "connectors/clippy.toml",
        "tonewall_secret::Cvc::spend",
        "a gateway's request body is where card digits go",
    ),
];

fn parse(path: &str) -> toml::Table {
    let text = read(path).unwrap_or_else(|| panic!("{path} is not UTF-8"));
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A panic has to stay inside the call it came from, in every profile.
fn profiles(manifest: &toml::Table) -> Vec<String> {
    let empty = toml::Table::new();
    let profiles = manifest.get("profile").and_then(|value| value.as_table()).unwrap_or(&empty);
    let panic_of = |name: &str| profiles.get(name)?.get("panic")?.as_str();
    let mut complaints = Vec::new();
    for name in ["dev", "release"] {
        if panic_of(name).is_none() {
            complaints.push(format!("profile.{name} does not say panic = \"unwind\""));
        }
    }
    for name in profiles.keys() {
        if panic_of(name).is_some_and(|value| value != "unwind") {
            complaints.push(format!("profile.{name} does not unwind"));
        }
    }
    complaints
}

/// One integration binary: each further one links the whole product again.
fn integration_binary(manifest: &toml::Table) -> Vec<String> {
    let mut complaints = Vec::new();
    let auto =
        manifest.get("package").and_then(|package| package.get("autotests")).and_then(toml::Value::as_bool);
    if auto != Some(false) {
        complaints.push("package.autotests is not false".to_owned());
    }
    let count = manifest.get("test").and_then(toml::Value::as_array).map_or(0, Vec::len);
    if count != 1 {
        complaints.push(format!("{count} [[test]] sections, not one"));
    }
    complaints
}

/// Each ban of a clippy.toml as `list path`, and its other settings as `key = Type(value)`.
fn settings(table: &toml::Table) -> Vec<String> {
    let mut settings = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Array(entries) => settings.extend(entries.iter().map(|entry| {
                let path = entry.get("path").and_then(toml::Value::as_str).or(entry.as_str()).unwrap_or("");
                format!("{key} {path}")
            })),
            other => settings.push(format!("{key} = {other:?}")),
        }
    }
    settings
}

/// Clippy reads the nearest clippy.toml only, so a nested one has to repeat the root's.
fn nested_bans(root: &toml::Table, path: &str, nested: &toml::Table) -> Vec<String> {
    let has = settings(nested);
    let exempt = |ban: &str| EXEMPT.iter().any(|(file, name, _)| *file == path && ban.ends_with(name));
    settings(root)
        .into_iter()
        .filter(|ban| !has.contains(ban) && !exempt(ban))
        .map(|ban| format!("{path} does not repeat: {ban}"))
        .collect()
}

/// A ban without its reason teaches nobody.
fn reasons(path: &str, table: &toml::Table) -> Vec<String> {
    let bans = table
        .iter()
        .filter(|(key, _)| key.starts_with("disallowed-"))
        .filter_map(|(_, value)| value.as_array());
    bans.flatten()
        .filter(|ban| ban.get("reason").and_then(toml::Value::as_str).is_none_or(str::is_empty))
        .map(|ban| format!("{path}: {ban:?} has no reason"))
        .collect()
}

/// Crates that a package of ours needs and that the lock file of the fuzz targets does not know: those are
/// a workspace of their own, which nothing builds until somebody fuzzes.
fn unlocked(manifest: &toml::Table, lock: &toml::Table) -> Vec<String> {
    let package = manifest["package"]["name"].as_str().unwrap_or_default();
    let known = lock["package"].as_array().into_iter().flatten();
    let Some(known) = known.into_iter().find(|known| known["name"].as_str() == Some(package)) else {
        return Vec::new();
    };
    let known: Vec<&str> = known
        .get("dependencies")
        .and_then(|value| value.as_array())
        .into_iter()
        .flatten()
        .filter_map(|value| value.as_str()?.split(' ').next())
        .collect();
    let needed = manifest.get("dependencies").and_then(|value| value.as_table()).into_iter().flatten();
    let is_optional =
        |value: &toml::Value| value.get("optional").is_some_and(|value| value.as_bool() == Some(true));
    needed
        .filter(|(name, value)| !is_optional(value) && !known.contains(&name.as_str()))
        .map(|(name, _)| format!("fuzz/Cargo.lock: {package} needs {name}; run cargo update -w in fuzz"))
        .collect()
}

#[test]
fn every_profile_unwinds_and_there_is_one_integration_binary() {
    let manifest = parse("Cargo.toml");
    assert_none("Cargo.toml", [profiles(&manifest), integration_binary(&manifest)].concat());
}

#[test]
fn manifest_control() {
    let bad: toml::Table =
        "[profile.release]\npanic = 'abort'\n[[test]]\nname = 'a'\n[[test]]\nname = 'b'\n[package]\n"
            .parse()
            .expect("TOML");
    assert_flags(&profiles(&bad), &["profile.dev", "profile.release does not unwind"]);
    assert_flags(&integration_binary(&bad), &["autotests", "2 [[test]]"]);
}

#[test]
fn nested_clippy_files_repeat_the_bans_and_every_ban_has_its_reason() {
    let root = parse("clippy.toml");
    let mut complaints = reasons("clippy.toml", &root);
    for path in files().iter().filter(|path| path.ends_with("/clippy.toml")) {
        let nested = parse(path);
        complaints.extend(nested_bans(&root, path, &nested));
        complaints.extend(reasons(path, &nested));
    }
    assert_none("clippy.toml files", complaints);
}

#[test]
fn clippy_control() {
    let root: toml::Table =
        "limit = 70\ndisallowed-methods = [{ path = 'a::b', reason = 'r' }, 'tonewall_secret::Pan::reveal']"
            .parse()
            .expect("TOML");
    let nested: toml::Table = "limit = 99\ndisallowed-methods = [{ path = 'c::d' }]".parse().expect("TOML");
    let missing = ["a::b", "Pan::reveal", "limit = Integer(70)"];
    assert_flags(&nested_bans(&root, "src/x/clippy.toml", &nested), &missing);
    assert_flags(&nested_bans(&root, "connectors/clippy.toml", &nested), &["a::b", "limit = Integer(70)"]);
    assert_flags(&reasons("x", &nested), &["c::d"]);
}

#[test]
fn the_lock_of_the_fuzz_targets_knows_what_ours_need() {
    let lock = parse("fuzz/Cargo.lock");
    let manifests =
        files().into_iter().filter(|path| path.starts_with("src/") && path.ends_with("Cargo.toml"));
    let complaints = manifests.flat_map(|path| unlocked(&parse(&path), &lock)).collect();
    assert_none("fuzz/run builds with --locked", complaints);
}

#[test]
fn the_lock_of_the_fuzz_targets_control() {
    let manifest = "[package]\nname = \"ours\"\n[dependencies]\nold.workspace = true\nnew.workspace = true\n";
    let lock = "[[package]]\nname = \"ours\"\ndependencies = [\"old 1.0.0\"]\n";
    let table = |text: &str| text.parse::<toml::Table>().expect("these are TOML");
    assert_flags(&unlocked(&table(manifest), &table(lock)), &["ours needs new"]);
}
