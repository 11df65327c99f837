//! What is wrong with a configuration, and where.

use std::fmt;

/// Where a value was given.
///
/// Orders by source, then line, so that sorted problems read like the files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// A file's name, `environment` or `--set`.
    pub source: String,
    /// Line in a file, from 1.
    pub line: Option<usize>,
    /// Path of the key (`agents[2].pin`); empty for the source as a whole.
    pub key: String,
}

impl Place {
    /// A source as a whole.
    pub fn of(source: impl Into<String>) -> Place {
        Place { source: source.into(), line: None, key: String::new() }
    }

    /// A key of a source that has no lines.
    pub fn key(source: &str, key: &str) -> Place {
        Place { key: key.to_owned(), ..Place::of(source) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
///
/// The text says what was expected and never repeats a value: a misplaced secret must not come out
/// in a log, and the place leads to the value anyway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What.
    pub text: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(place: Place, text: impl Into<String>) -> Problem {
        Problem { place, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// Everything that is wrong, in the order of the files; never empty. Displays one problem a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `Ok` with the value when nothing was found. A value that is missing although nothing was found
    /// is a problem of its own, so that no mistake here lets a bad configuration through.
    pub(crate) fn check<T>(mut found: Vec<Problem>, value: Option<T>) -> Result<T, Problems> {
        match value {
            Some(value) if found.is_empty() => Ok(value),
            None if found.is_empty() => {
                Err(Problems(vec![Problem::new(Place::of("configuration"), "incomplete")]))
            }
            _ => {
                found.sort();
                found.dedup();
                Err(Problems(found))
            }
        }
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| writeln!(f, "{problem}"))
    }
}

impl std::error::Error for Problems {}
