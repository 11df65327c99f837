//! The keys of the configuration: one table for the defaults, the file, the environment and the
//! example.

/// How a value is written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
}

/// One key.
pub(super) struct Key {
    /// Table of the file.
    pub(super) section: &'static str,
    /// Key in that table.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Text of the default; empty: not set.
    pub(super) default: &'static str,
    /// What the example shows for a key that is not set.
    pub(super) sample: &'static str,
    /// Comment of the example.
    pub(super) about: &'static str,
}

impl Key {
    /// `sip.listen`
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// `TONEWALL_SIP_LISTEN`
    pub(super) fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}_{}", self.section, self.name).to_ascii_uppercase()
    }
}

/// What the names of our variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "TONEWALL_";

const fn text(section: &'static str, name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { section, name, kind: Kind::Text, default, sample: "", about }
}

const fn integer(
    section: &'static str,
    name: &'static str,
    default: &'static str,
    about: &'static str,
) -> Key {
    Key { section, name, kind: Kind::Integer, default, sample: "", about }
}

const fn unset(section: &'static str, name: &'static str, sample: &'static str, about: &'static str) -> Key {
    Key { section, name, kind: Kind::Text, default: "", sample, about }
}

/// Every key, in the order of the example.
pub(super) const KEYS: &[Key] = &[
    text(
        "sip",
        "listen",
        "127.0.0.1:5060",
        "Address and port for SIP over UDP and TCP; port 0 takes a free one.",
    ),
    unset(
        "sip",
        "advertised",
        "203.0.113.7",
        "Address that peers are told; needed when listening on all addresses.",
    ),
    integer("sip", "t1_ms", "500", "Timer T1 of RFC 3261, 100 to 2000; 64 times it bounds a transaction."),
    text("media", "bind", "127.0.0.1", "Address of all media sockets."),
    unset("media", "advertised", "203.0.113.7", "Address in SDP; needed when bound to all addresses."),
    text("media", "ports", "20000-29999", "UDP ports, first to last; four a call."),
    integer("media", "threads", "2", "Threads that relay media, 1 to 256; one a core is right."),
    text(
        "http",
        "listen",
        "127.0.0.1:8080",
        "Address and port of dashboard and API; TLS is for the proxy before it.",
    ),
    text(
        "http",
        "secure_cookies",
        "auto",
        "auto: cookies are for TLS only when a trusted proxy says the request came by TLS; or always.",
    ),
    unset(
        "http",
        "trusted_proxies",
        "192.0.2.1, 192.0.2.2",
        "Addresses of proxies whose X-Forwarded-Proto and X-Forwarded-For are believed.",
    ),
    text(
        "metrics",
        "listen",
        "127.0.0.1:9464",
        "Address and port of /metrics, /livez, /readyz and /version; no agent should reach it.",
    ),
    unset(
        "mail",
        "smtp",
        "smtp.example.org:587",
        "HOST:PORT of the mail server for receipts. Without it screens offer none.",
    ),
    text("mail", "tls", "required", "required, or none for a server on this machine."),
    unset("mail", "from", "receipts@example.org", "Address that receipts come from."),
    unset("mail", "username", "tonewall", "User name, where the mail server wants one."),
    unset("mail", "password", "env:SMTP_PASSWORD", "Its password: env:NAME or file:PATH."),
    text(
        "database",
        "url",
        "sqlite://data/tonewall.db?mode=rwc",
        "SQLite file or postgres:// URL. With a password in it: env:NAME or file:PATH instead.",
    ),
    unset(
        "evidence",
        "key",
        "file:evidence.key",
        "Ed25519 key that signs the evidence of each call: env:NAME or file:PATH, made by\n\
         `tonewall evidence keygen`. Without it evidence is chained, but nobody vouches for it.",
    ),
    text(
        "tenants",
        "dir",
        "tenants",
        "Folder of the manifests, one file a tenant; relative to where Tonewall is started.",
    ),
    unset(
        "tap",
        "folder",
        "data/taps",
        "Folder for the masked sound of calls, a folder a tenant and a file a call; needed where a\n\
         manifest has tap = true.",
    ),
    integer(
        "calls",
        "max_per_tenant",
        "500",
        "Calls of one tenant at a time, 1 to 100000; one more is answered 503.",
    ),
    integer(
        "calls",
        "arbiters",
        "16",
        "Threads that calls are spread over, 1 to 256; one that hangs takes its share along.",
    ),
    text(
        "log",
        "level",
        "info",
        "off, error, warn, info, debug or trace; for a part: \"info,tonewall::calls=debug\".\n\
         Libraries that see bodies, statements or SIP stay at warn or below.",
    ),
    text("log", "format", "text", "text or json."),
    integer("drain", "grace_s", "120", "How long calls may go on after a request to stop, 0 to 3600."),
];

/// The configuration as a file, with every key, its default and what it means.
pub(super) fn example() -> String {
    let mut text = String::from(
        "# Configuration of `tonewall serve`: every key with its default.\n\
         #\n\
         # A variable wins over this file (TONEWALL_SIP_LISTEN is sip.listen), and\n\
         # `--set sip.listen=…` wins over both.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        key.about.lines().for_each(|line| text.push_str(&format!("# {line}\n")));
        text.push_str(&match (key.kind, key.default) {
            (Kind::Integer, default) => format!("{} = {default}\n", key.name),
            (Kind::Text, "") => format!("# {} = \"{}\"\n", key.name, key.sample),
            (Kind::Text, default) => format!("{} = \"{default}\"\n", key.name),
        });
    }
    text
}
