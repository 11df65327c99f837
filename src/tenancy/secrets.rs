//! Secrets by reference: a manifest names where a secret is, and holds none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tonewall_secret::Secret;

/// Longest secret in a file, in bytes; a longer one is the wrong file.
const FILE_LEN_MAX: u64 = 4096;

/// Where references lead.
pub struct Secrets {
    overlay: BTreeMap<String, Secret<String>>,
    environment: bool,
}

impl Secrets {
    /// The environment of this process.
    pub fn from_environment() -> Secrets {
        Secrets { overlay: BTreeMap::new(), environment: true }
    }

    /// Only what is given with [`Secrets::with`]: tests and the demo depend on nobody's environment.
    pub fn only_given() -> Secrets {
        Secrets { overlay: BTreeMap::new(), environment: false }
    }

    /// A value that `env:name` finds before the environment is asked.
    pub fn with(mut self, name: &str, value: &str) -> Secrets {
        self.overlay.insert(name.to_owned(), Secret::new(value.to_owned()));
        self
    }

    /// What a reference leads to: `env:NAME`, or `file:path` from `folder`, less the line end at the
    /// end of the file. `None` for text that is no reference.
    ///
    /// # Errors
    /// Nothing is there; the text says why and does not repeat the reference, since a secret may have
    /// been written in its place.
    pub fn resolve(&self, text: &str, folder: &Path) -> Option<Result<Secret<String>, &'static str>> {
        if let Some(name) = text.strip_prefix("env:") {
            return Some(self.variable(name));
        }
        text.strip_prefix("file:").map(|path| file(&folder.join(path)))
    }

    fn variable(&self, name: &str) -> Result<Secret<String>, &'static str> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if name.is_empty() || !name.bytes().all(known) {
            return Err("the name of an environment variable has letters, digits and _ only");
        }
        let given = self.overlay.get(name).map(|value| value.expose().clone());
        let value = given.or_else(|| self.environment.then(|| std::env::var(name).ok()).flatten());
        match value {
            Some(value) if !value.is_empty() => Ok(Secret::new(value)),
            Some(_) => Err("the environment variable is empty"),
            None => Err("the environment variable is not set, or is not UTF-8"),
        }
    }
}

fn file(path: &Path) -> Result<Secret<String>, &'static str> {
    let file = File::open(path).map_err(|_| "the file cannot be opened")?;
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(FILE_LEN_MAX as usize + 1);
    file.take(FILE_LEN_MAX + 1).read_to_end(&mut bytes).map_err(|_| "the file cannot be read")?;
    if bytes.len() as u64 > FILE_LEN_MAX {
        return Err("the file is longer than 4096 bytes");
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8")?;
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    if text.is_empty() { Err("the file is empty") } else { Ok(Secret::new(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::tests::Folder;

    #[test]
    fn references_lead_to_values_or_say_why_not() {
        let folder = Folder::new("secrets");
        let long = "x".repeat(5000);
        let files: &[(&str, &[u8])] = &[
            ("token", b"s3cret-value\r\n"),
            ("empty", b"\n"),
            ("latin1", b"caf\xe9"),
            ("long", long.as_bytes()),
        ];
        for (name, content) in files {
            folder.write(name, content);
        }
        let secrets = Secrets::only_given().with("GATEWAY_KEY", "k-1234").with("EMPTY", "");
        let absolute = format!("file:{}", folder.path().join("token").display());
        let cases: &[(&str, Result<&str, &str>)] = &[
            ("env:GATEWAY_KEY", Ok("k-1234")),
            ("env:EMPTY", Err("the environment variable is empty")),
            ("env:NOT_THERE", Err("the environment variable is not set, or is not UTF-8")),
            // The real environment is not asked.
            ("env:PATH", Err("the environment variable is not set, or is not UTF-8")),
            ("env:A=B", Err("the name of an environment variable has letters, digits and _ only")),
            ("env:", Err("the name of an environment variable has letters, digits and _ only")),
            ("file:token", Ok("s3cret-value")),
            (&absolute, Ok("s3cret-value")),
            ("file:empty", Err("the file is empty")),
            ("file:latin1", Err("the file is not UTF-8")),
            ("file:long", Err("the file is longer than 4096 bytes")),
            ("file:none", Err("the file cannot be opened")),
            ("file:", Err("the file cannot be read")),
        ];
        for (text, expected) in cases {
            let got = secrets.resolve(text, folder.path()).expect("a reference");
            let got = got.as_ref().map(|secret| secret.expose().as_str()).map_err(|why| *why);
            assert_eq!(got, *expected, "{text}");
        }
        for plain in ["", "s3cret", "ENV:PATH", "plain:x", " env:PATH"] {
            assert!(secrets.resolve(plain, folder.path()).is_none(), "{plain}");
        }
    }

    #[test]
    fn the_environment_is_asked_after_the_overlay() {
        let path = std::env::var("PATH").expect("every process has one");
        let found = |secrets: &Secrets| {
            let found = secrets.resolve("env:PATH", Path::new(".")).expect("a reference");
            found.expect("is set").expose().clone()
        };
        assert_eq!(found(&Secrets::from_environment()), path);
        assert_eq!(found(&Secrets::from_environment().with("PATH", "given")), "given");
    }
}
