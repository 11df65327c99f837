//! Layers of a configuration: defaults, file, environment, flags. The last one that has a key wins.

use super::keys::{KEYS, Kind, VARIABLE_PREFIX};
use super::problem::{Place, Problem};
use super::tree::{Section, Source};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::RangeInclusive;

/// Variables of the test runner: none of ours, but inherited by what it starts.
const TEST_VARIABLE_PREFIX: &str = "TONEWALL_TEST_";

/// From where a value comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Default,
    File,
    Environment,
    Flag,
}

/// The text that won for a key.
pub(super) struct Setting {
    pub(super) text: String,
    pub(super) layer: Layer,
    place: Place,
}

/// The winning text of every key, and the problems so far.
pub(super) struct Settings {
    by_key: BTreeMap<String, Setting>,
    pub(super) problems: Vec<Problem>,
}

impl Settings {
    /// The defaults.
    pub(super) fn new() -> Settings {
        let mut settings = Settings { by_key: BTreeMap::new(), problems: Vec::new() };
        for key in KEYS {
            let path = key.path();
            settings.set(&path, Layer::Default, Place::key("default", &path), key.default.to_owned());
        }
        settings
    }

    /// A file over what there is.
    pub(super) fn add_file(&mut self, name: &str, text: &str) {
        let source = Source::new(name, text);
        let tree = source.parse();
        if let Some(tree) = &tree {
            let root = Section::root(&source, tree);
            for section in sections() {
                if let Some(table) = root.may(section).section() {
                    self.add_section(section, &table);
                }
            }
            root.finish();
        }
        drop(tree);
        self.problems.extend(source.into_problems());
    }

    fn add_section(&mut self, section: &str, table: &Section<'_>) {
        for key in KEYS.iter().filter(|key| key.section == section) {
            let value = table.may(key.name);
            let text =
                match key.kind {
                    Kind::Integer => value.integer_text(),
                    Kind::Text => value.text(|text| {
                        if text.is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
                    }),
                };
            if let Some(text) = text {
                self.set(&key.path(), Layer::File, value.place(), text);
            }
        }
        table.finish();
    }

    /// The environment over what there is; variables that are not ours are passed by.
    pub(super) fn add_environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        for (name, value) in variables {
            let name = name.to_string_lossy();
            if !name.starts_with(VARIABLE_PREFIX) || name.starts_with(TEST_VARIABLE_PREFIX) {
                continue;
            }
            let place = Place::key("environment", &name);
            let known = KEYS.iter().find(|key| key.variable() == *name);
            match (known, value.into_string()) {
                (None, _) => {
                    self.problems.push(Problem::new(place, "unknown variable; there is no such key"))
                }
                (Some(_), Err(_)) => self.problems.push(Problem::new(place, "is not UTF-8")),
                (Some(_), Ok(text)) if text.is_empty() => {
                    self.problems.push(Problem::new(place, "must not be empty"))
                }
                (Some(key), Ok(text)) => self.set(&key.path(), Layer::Environment, place, text),
            }
        }
    }

    /// Flags, each `key=value`, over what there is.
    pub(super) fn add_flags(&mut self, flags: &[String]) {
        for (index, flag) in flags.iter().enumerate() {
            let known = flag.split_once('=').filter(|(path, _)| self.by_key.contains_key(*path));
            match known {
                // Not by name: without a `=` or a known key it may be a value.
                None => {
                    let text = format!("number {} is not KEY=VALUE with a known key", index + 1);
                    self.problems.push(Problem::new(Place::of("--set"), text));
                }
                Some((path, "")) => {
                    self.problems.push(Problem::new(Place::key("--set", path), "must not be empty"));
                }
                Some((path, text)) => {
                    self.set(path, Layer::Flag, Place::key("--set", path), text.to_owned());
                }
            }
        }
    }

    fn set(&mut self, path: &str, layer: Layer, place: Place, text: String) {
        self.by_key.insert(path.to_owned(), Setting { text, layer, place });
    }

    /// What won for a key, read by `read`, whose error says what is expected; `None` with a problem.
    pub(super) fn read<T, E: Into<String>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&Setting) -> Result<T, E>,
    ) -> Option<T> {
        let setting = self.by_key.get(path)?;
        let read = read(setting);
        read.map_err(|expected| self.problems.push(Problem::new(setting.place.clone(), expected))).ok()
    }

    /// A whole number within bounds.
    pub(super) fn integer(&mut self, path: &str, range: RangeInclusive<u32>) -> Option<u32> {
        self.read(path, |setting| {
            let number = setting.text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| format!("must be {} to {}", range.start(), range.end()))
        })
    }

    /// Notes a problem with what won for a key.
    pub(super) fn wrong(&mut self, path: &str, text: &str) {
        if let Some(setting) = self.by_key.get(path) {
            self.problems.push(Problem::new(setting.place.clone(), text));
        }
    }
}

/// The tables of the file, in the order of the example.
fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().map(|key| key.section).collect();
    sections.dedup();
    sections
}
