//! One conversation with the mail server a letter. No pool: receipts are few, and a connection that
//! has been kept is one that the server may have given up.

use super::capped::Capped;
use super::compose::{Composed, compose};
use super::reply::{Phase, Trouble, read};
use super::{Letter, MailConfig, MailError, MailSetUp, MailTls};
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;

/// Whole time of one letter, connecting included.
/// Longer holds one of the few deliveries at a time; shorter gives up on servers that look closely.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Time for the goodbye after a letter was taken. Longer only delays the next one.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// The port on which TLS begins with the first byte (RFC 8314 §3.3).
const SUBMISSIONS_PORT: u16 = 465;

/// The way to the mail server; one for the process.
pub struct Mailer {
    config: MailConfig,
    from: Address,
    tls: Option<TlsParameters>,
    timeout: Duration,
}

impl Mailer {
    /// Checks the set-up; sends nothing.
    pub fn new(config: MailConfig) -> Result<Mailer, MailSetUp> {
        let from: Address = config.from.parse().map_err(|_| MailSetUp::From)?;
        let tls = match config.tls {
            MailTls::Required => {
                let tls = TlsParameters::new(config.host.clone());
                Some(tls.map_err(|error| MailSetUp::Tls(error.to_string()))?)
            }
            MailTls::None if is_loopback(&config.host) => None,
            MailTls::None => return Err(MailSetUp::NotLoopback),
        };
        Ok(Mailer { config, from, tls, timeout: TIMEOUT })
    }

    /// The same, with another time-out than [`TIMEOUT`].
    pub fn with_timeout(self, timeout: Duration) -> Mailer {
        Mailer { timeout, ..self }
    }

    /// Hands the letter over; `Ok` when the server has taken it.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let composed = compose(letter, &self.from, SystemTime::now())?;
        let mut phase = Phase::Connect;
        let ended = tokio::time::timeout(self.timeout, self.converse(&composed, &mut phase)).await;
        let trouble = match ended {
            Ok(Ok(mut connection)) => {
                // The letter is taken: whatever becomes of the goodbye changes nothing.
                let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await;
                return Ok(());
            }
            Ok(Err(trouble)) => trouble,
            Err(_) => Trouble::NoReply,
        };
        tracing::warn!(letter = %letter.message_id, ?phase, ?trouble, "letter not taken by the mail server");
        Err(read(phase, trouble))
    }

    async fn converse(&self, composed: &Composed, phase: &mut Phase) -> Result<AsyncSmtpConnection, Trouble> {
        let mut connection = self.connect(phase).await?;
        if let Some((username, password)) = &self.config.credentials {
            *phase = Phase::SignIn;
            let credentials = Credentials::new(username.clone(), password.expose().clone());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await.map_err(trouble)?;
        }
        let mut options = Vec::new();
        if !composed.bytes.is_ascii() || !AsRef::<str>::as_ref(&composed.to).is_ascii() {
            *phase = Phase::Recipient;
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Trouble::NotCapable);
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        *phase = Phase::Sender;
        connection.command(Mail::new(Some(self.from.clone()), options)).await.map_err(trouble)?;
        *phase = Phase::Recipient;
        connection.command(Rcpt::new(composed.to.clone(), Vec::new())).await.map_err(trouble)?;
        *phase = Phase::Content;
        connection.command(Data).await.map_err(trouble)?;
        connection.message(&composed.bytes).await.map_err(trouble)?;
        Ok(connection)
    }

    /// A connection on which EHLO has been answered, under TLS where it is required.
    async fn connect(&self, phase: &mut Phase) -> Result<AsyncSmtpConnection, Trouble> {
        let hello = ClientId::Domain(self.from.domain().to_owned());
        let (host, port) = (self.config.host.as_str(), self.config.port);
        if let (Some(tls), SUBMISSIONS_PORT) = (&self.tls, port) {
            let (tls, within) = (Some(tls.clone()), Some(self.timeout));
            let connected = AsyncSmtpConnection::connect_tokio1((host, port), within, &hello, tls, None);
            return connected.await.map_err(trouble);
        }
        let stream = match loopback_of(host) {
            Some(addresses) if self.tls.is_none() => {
                let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, port));
                TcpStream::connect(addresses.collect::<Vec<_>>().as_slice()).await
            }
            _ => TcpStream::connect((host, port)).await,
        };
        let stream = stream.map_err(|_| Trouble::NoReply)?;
        *phase = Phase::Greeting;
        let stream = Box::new(Capped::new(stream));
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(trouble)?;
        if let Some(tls) = &self.tls {
            *phase = Phase::Tls;
            connection.starttls(tls.clone(), &hello).await.map_err(trouble)?;
        }
        Ok(connection)
    }
}

/// The reply's code, where there was a reply. The server's words are left unread: they may hold the
/// customer's address.
fn trouble(error: Error) -> Trouble {
    error.status().map_or(Trouble::NoReply, |code| Trouble::Code(code.into()))
}

fn is_loopback(host: &str) -> bool {
    loopback_of(host).is_some()
}

/// The addresses of this machine that a host names; what `localhost` means is not left to a resolver.
fn loopback_of(host: &str) -> Option<Vec<IpAddr>> {
    if host == "localhost" {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().ok().filter(IpAddr::is_loopback).map(|address| vec![address])
}
