//! Reads a TOML file as a tree and goes on after a problem, so that all of them are told at once.
//!
//! serde stops at the first error. Here a reader asks a [`Section`] for its keys one by one; each
//! answer is `Some`, or `None` with a problem noted, and [`Section::finish`] notes the keys that
//! nobody asked for.

use super::problem::{Place, Problem};
use std::cell::RefCell;
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Syntax errors that are told of one file; what follows the first few is mostly their echo.
const SYNTAX_ERRORS_MAX: usize = 10;

/// Largest TOML file in bytes: some ten thousand agents.
const FILE_LEN_MAX: u64 = 1 << 20;

/// The text of a TOML file.
///
/// # Errors
/// Why there is none.
pub(crate) fn text_of(path: &Path) -> Result<String, &'static str> {
    let file = File::open(path).map_err(|_| "cannot be opened")?;
    let mut text = String::new();
    file.take(FILE_LEN_MAX + 1).read_to_string(&mut text).map_err(|_| "cannot be read as UTF-8")?;
    if text.len() as u64 > FILE_LEN_MAX { Err("is larger than 1 MiB") } else { Ok(text) }
}

/// One TOML text and the problems found in it.
pub(crate) struct Source<'i> {
    name: String,
    text: &'i str,
    problems: RefCell<Vec<Problem>>,
}

impl<'i> Source<'i> {
    pub(crate) fn new(name: &str, text: &'i str) -> Source<'i> {
        Source { name: name.to_owned(), text, problems: RefCell::new(Vec::new()) }
    }

    /// The tree; `None` when the text is no TOML, since the rest of such a tree is guesswork.
    pub(crate) fn parse(&self) -> Option<Spanned<DeTable<'i>>> {
        let (tree, errors) = DeTable::parse_recoverable(self.text);
        for error in errors.iter().take(SYNTAX_ERRORS_MAX) {
            // The error's own Display quotes the line, which may hold a secret; its message does not.
            let line = error.span().map(|span| self.line(span.start));
            let text = format!("not valid TOML: {}", error.message());
            self.report(Place { line, ..Place::of(&self.name) }, text);
        }
        errors.is_empty().then_some(tree)
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    fn report(&self, place: Place, text: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::new(place, text));
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}

/// A table of the tree.
pub(crate) struct Section<'d> {
    source: &'d Source<'d>,
    table: &'d DeTable<'d>,
    place: Place,
    asked: RefCell<Vec<&'static str>>,
}

impl<'d> Section<'d> {
    pub(crate) fn root(source: &'d Source<'d>, tree: &'d Spanned<DeTable<'d>>) -> Section<'d> {
        let place = Place::of(&source.name);
        Section { source, table: tree.get_ref(), place, asked: RefCell::default() }
    }

    /// A key that has to be there.
    pub(crate) fn need(&self, key: &'static str) -> Value<'d> {
        let value = self.may(key);
        if value.value.is_none() {
            value.wrong("missing");
        }
        value
    }

    /// A key that may be absent.
    pub(crate) fn may(&self, key: &'static str) -> Value<'d> {
        self.asked.borrow_mut().push(key);
        let value = self.table.get(key);
        let line = value.map(|value| self.source.line(value.span().start)).or(self.place.line);
        let place = Place { line, key: self.path(key), source: self.source.name.clone() };
        Value { source: self.source, place, value: value.map(Spanned::get_ref) }
    }

    /// Keys that are known here though nothing is read from them.
    pub(crate) fn know(&self, keys: &[&'static str]) {
        self.asked.borrow_mut().extend(keys);
    }

    /// Notes a problem with the whole.
    pub(crate) fn wrong(&self, text: impl Into<String>) {
        self.source.report(self.place.clone(), text);
    }

    /// Notes every key that nobody asked for, by line and not by name: a secret that slipped to the
    /// left of a `=` is such a key. To be called after the last question.
    pub(crate) fn finish(&self) {
        let asked = self.asked.borrow();
        for key in self.table.keys().filter(|key| !asked.contains(&key.get_ref().as_ref())) {
            let line = Some(self.source.line(key.span().start));
            self.source.report(
                Place { line, ..self.place.clone() },
                format!("unknown key; known here: {}", asked.join(", ")),
            );
        }
    }

    fn path(&self, key: &str) -> String {
        if self.place.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place.key) }
    }
}

/// What stands at a key, or nothing.
pub(crate) struct Value<'d> {
    source: &'d Source<'d>,
    place: Place,
    value: Option<&'d DeValue<'d>>,
}

impl<'d> Value<'d> {
    /// Where it stands, or where it is missing.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Notes a problem with it.
    pub(crate) fn wrong(&self, text: impl Into<String>) {
        self.source.report(self.place.clone(), text);
    }

    /// Text, read by `read`, whose error says what is expected.
    pub(crate) fn text<T, E: Into<String>>(&self, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.typed("text", DeValue::as_str)?;
        read(text).map_err(|expected| self.wrong(expected)).ok()
    }

    /// One of a list of words.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        self.text(|text| {
            let known = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
            known.ok_or_else(|| format!("must be one of: {}", listed(words.iter().map(|(word, _)| word))))
        })
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let integer = self.typed("a whole number", DeValue::as_integer)?;
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        let within = number.filter(|number| range.contains(number));
        if within.is_none() {
            self.wrong(format!("must be {} to {}", range.start(), range.end()));
        }
        within
    }

    /// A whole number as text in decimal, for readers that take their values from other places too.
    pub(crate) fn integer_text(&self) -> Option<String> {
        let integer = self.typed("a whole number", DeValue::as_integer)?;
        let number = i64::from_str_radix(integer.as_str(), integer.radix());
        // One too large stays as written, and is refused where its bounds are known.
        Some(number.map_or_else(|_| integer.as_str().to_owned(), |number| number.to_string()))
    }

    /// Whole seconds within bounds.
    pub(crate) fn seconds(&self, range: RangeInclusive<u32>) -> Option<Duration> {
        self.integer(range).map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self) -> Option<bool> {
        self.typed("true or false", DeValue::as_bool)
    }

    /// The items of a list that has at least one.
    pub(crate) fn items(&self) -> Vec<Value<'d>> {
        let Some(array) = self.typed("a list", DeValue::as_array) else { return Vec::new() };
        if array.is_empty() {
            self.wrong("must not be empty");
        }
        let item = |(index, value): (usize, &'d Spanned<DeValue<'d>>)| {
            let line = Some(self.source.line(value.span().start));
            let key = format!("{}[{index}]", self.place.key);
            let place = Place { line, key, ..self.place.clone() };
            Value { source: self.source, place, value: Some(value.get_ref()) }
        };
        array.iter().enumerate().map(item).collect()
    }

    /// A table.
    pub(crate) fn section(&self) -> Option<Section<'d>> {
        let table = self.typed("a table", DeValue::as_table)?;
        Some(Section { source: self.source, table, place: self.place.clone(), asked: RefCell::default() })
    }

    fn typed<T>(&self, wanted: &str, get: impl FnOnce(&'d DeValue<'d>) -> Option<T>) -> Option<T> {
        let typed = get(self.value?);
        if typed.is_none() {
            self.wrong(format!("must be {wanted}"));
        }
        typed
    }
}

fn listed<T: Display>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
