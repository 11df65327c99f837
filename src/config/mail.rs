//! Where receipts are handed over.

use super::settings::{Layer, Setting, Settings};
use crate::tenancy::{Secrets, mail_address};
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use tonewall_secret::Secret;

/// The mail server.
pub struct Mail {
    /// Host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is protected; without, only to this machine.
    pub tls: bool,
    /// The address that letters come from.
    pub from: String,
    /// User name and password, where the server wants them.
    pub credentials: Option<(String, Secret<String>)>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("from", &self.from)
            .field("credentials", &self.credentials.is_some())
            .finish()
    }
}

/// The mail keys: `Some(None)` when no server is named, `None` with problems noted.
pub(super) fn read(settings: &mut Settings, folder: &Path, secrets: &Secrets) -> Option<Option<Mail>> {
    let server = settings.read("mail.smtp", |setting| given(setting, server));
    let tls = settings.read("mail.tls", |setting| match setting.text.as_str() {
        "required" => Ok(true),
        "none" => Ok(false),
        _ => Err("must be required or none"),
    });
    let from = settings.read("mail.from", |setting| given(setting, mail_address));
    let username = settings.read("mail.username", |setting| given(setting, username));
    let password = settings.read("mail.password", |setting| password(setting, folder, secrets));
    let wanted = matches!(server, Some(Some(_)));
    if wanted && from == Some(None) {
        settings.wrong("mail.smtp", "mail.from must say from which address letters come");
    }
    if let (Some(Some((host, _))), Some(false)) = (&server, tls)
        && !is_loopback(host)
    {
        settings.wrong("mail.tls", "must be required: mail without TLS is for a server on this machine");
    }
    match (&username, &password) {
        (Some(Some(_)), Some(None)) => settings.wrong("mail.username", "mail.password is missing"),
        (Some(None), Some(Some(_))) => settings.wrong("mail.password", "mail.username is missing"),
        _ => {}
    }
    let (server, tls, from, username, password) = (server?, tls?, from?, username?, password?);
    let Some(((host, port), from)) = server.zip(from) else {
        return (!wanted).then_some(None);
    };
    Some(Some(Mail { host, port, tls, from, credentials: username.zip(password) }))
}

/// A key that is not set reads as nothing.
fn given<T>(
    setting: &Setting,
    read: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<Option<T>, &'static str> {
    if setting.layer == Layer::Default { Ok(None) } else { read(&setting.text).map(Some) }
}

/// `host:port`, the address of version 6 in brackets.
fn server(text: &str) -> Result<(String, u16), &'static str> {
    const EXPECTED: &str = "must be HOST:PORT";
    let (host, port) = text.rsplit_once(':').ok_or(EXPECTED)?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(EXPECTED)?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    let known = match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => (1..=253).contains(&host.len()) && host.bytes().all(name),
    };
    if known { Ok((bare.unwrap_or(host).to_owned(), port)) } else { Err(EXPECTED) }
}

fn username(text: &str) -> Result<String, &'static str> {
    let known = text.len() <= 256 && !text.chars().any(char::is_control);
    known.then(|| text.to_owned()).ok_or("must be at most 256 characters, no control characters")
}

/// By reference, but from the environment, where it stands in no file and on no command line.
fn password(
    setting: &Setting,
    folder: &Path,
    secrets: &Secrets,
) -> Result<Option<Secret<String>>, &'static str> {
    let base = if setting.layer == Layer::File { folder } else { Path::new(".") };
    match (secrets.resolve(&setting.text, base), setting.layer) {
        (_, Layer::Default) => Ok(None),
        (Some(resolved), _) => resolved.map(Some),
        (None, Layer::Environment) => Ok(Some(Secret::new(setting.text.clone()))),
        (None, _) => Err("must be a reference, env:NAME or file:PATH"),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
