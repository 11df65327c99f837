//! Letters over SMTP: composing them is pure, sending them is one conversation with a deadline.
//!
//! SMTP has no exactly-once. A connection that breaks after the content was sent leaves it unknown
//! whether the letter was taken (RFC 5321 §4.5.4.1): it is sent again under the same Message-ID, by
//! which mailboxes drop repeats.

mod capped;
mod compose;
mod reply;
mod send;

pub use send::Mailer;

use std::fmt;
use tonewall_secret::Secret;

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// STARTTLS, or TLS from the first byte on port 465; without it nothing is sent.
    Required,
    /// None at all, which is allowed to this machine only.
    None,
}

/// Where letters are handed over, and as whom.
pub struct MailConfig {
    /// Host name or address of the mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Protection of the connection.
    pub tls: MailTls,
    /// User name and password, where the server wants them.
    pub credentials: Option<(String, Secret<String>)>,
    /// The address that letters come from.
    pub from: String,
}

/// Why there is no mailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailSetUp {
    /// The sender is not an e-mail address.
    From,
    /// Mail without TLS would leave this machine.
    NotLoopback,
    /// TLS could not be set up for this host.
    Tls(String),
}

impl fmt::Display for MailSetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MailSetUp::From => f.write_str("the sender is not an e-mail address"),
            MailSetUp::NotLoopback => {
                f.write_str("mail without TLS is allowed to a server on this machine only")
            }
            MailSetUp::Tls(why) => write!(f, "TLS towards the mail server could not be set up: {why}"),
        }
    }
}

impl std::error::Error for MailSetUp {}

/// Why a letter was not taken; the words are for an agent's screen and hold no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailError {
    /// The same letter may well be taken later.
    Temporary(String),
    /// This letter to this address will never be taken.
    Permanent(String),
}

impl MailError {
    /// The words.
    pub fn words(&self) -> &str {
        match self {
            MailError::Temporary(words) | MailError::Permanent(words) => words,
        }
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl std::error::Error for MailError {}

/// One letter to one person.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whom it is from, as a name; the address is the mailer's.
    pub from_name: String,
    /// Where answers go; empty for back to the sender.
    pub reply_to: String,
    /// The person's address.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML; `cid:logo` in it shows the logo.
    pub html: String,
    /// PNG.
    pub logo: Option<Vec<u8>>,
    /// First half of the Message-ID: the receipt's id, the same however often it is sent.
    pub message_id: String,
}
