//! One request over one connection, once.

use crate::gateways::{Head, Method, Raw, Refuse};
use bytes::Bytes;
use reqwest::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use tonewall_model::payment::UnknownWhy;

/// Longest answer that is read: the systems asked here send a few kilobytes, reports are fetched
/// elsewhere. More would let a broken one fill our memory.
const ANSWER_LEN_MAX: usize = 256 * 1024;

/// Why there is no client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotBuilt {
    /// No TLS provider was installed in this process.
    NoCryptoProvider,
    /// The HTTP client could not be set up, for instance without any trusted root.
    Client(String),
}

impl std::fmt::Display for NotBuilt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotBuilt::NoCryptoProvider => f.write_str("no TLS provider is installed in this process"),
            NotBuilt::Client(why) => write!(f, "the HTTP client could not be set up: {why}"),
        }
    }
}

impl std::error::Error for NotBuilt {}

/// What one send brought.
pub(crate) enum Sent {
    /// A complete answer.
    Answer(Raw),
    /// No connection, so nothing of the request left us.
    NotReached,
    /// Something may have left us, and no complete answer came.
    Unclear(UnknownWhy),
}

/// HTTP/1.1, one connection a request, nothing on its own initiative: no retry, no redirect, no
/// proxy, no pool.
pub(crate) struct Transport {
    /// TLS only.
    https: Client,
    /// For a system on this machine that needs no TLS; never leaves it.
    loopback: Client,
}

/// A request that may be sent as it stands, once or more often.
pub(crate) struct Prepared<'a> {
    client: &'a Client,
    method: reqwest::Method,
    url: Url,
    headers: HeaderMap,
}

impl Transport {
    pub(crate) fn new(connect_timeout: Duration) -> Result<Transport, NotBuilt> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(NotBuilt::NoCryptoProvider);
        }
        let loopback = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
        let build = |https_only: bool| {
            let builder = Client::builder()
                .http1_only()
                .https_only(https_only)
                .retry(reqwest::retry::never())
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .no_proxy()
                .pool_max_idle_per_host(0)
                .connect_timeout(connect_timeout);
            let builder = if https_only { builder } else { builder.resolve_to_addrs("localhost", &loopback) };
            builder.build().map_err(|error| NotBuilt::Client(error.to_string()))
        };
        Ok(Transport { https: build(true)?, loopback: build(false)? })
    }

    /// Checks where the request would go, before anything leaves. `loopback_http`: whether it may go
    /// without TLS where it does not leave this machine.
    pub(crate) fn prepare(&self, loopback_http: bool, head: &Head) -> Result<Prepared<'_>, Refuse> {
        let url = Url::parse(&head.url).map_err(|_| Refuse::Url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refuse::Url);
        }
        let client = match url.scheme() {
            "https" => &self.https,
            "http" if loopback_http && is_loopback(&url) => &self.loopback,
            _ => return Err(Refuse::Url),
        };
        let mut headers = HeaderMap::with_capacity(head.headers.len() + 1);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        for header in &head.headers {
            let mut value = HeaderValue::from_str(header.value.expose()).map_err(|_| Refuse::Credential)?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(header.name), value);
        }
        let method = match head.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        Ok(Prepared { client, method, url, headers })
    }
}

impl Prepared<'_> {
    /// Sends once and reads the whole answer, both within one deadline.
    pub(crate) async fn send(&self, body: Bytes, within: Duration) -> Sent {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        let exchange = async {
            match self.client.execute(request).await {
                Ok(response) => read(response).await,
                Err(error) if error.is_connect() => Sent::NotReached,
                Err(error) if error.is_timeout() => Sent::Unclear(UnknownWhy::TimedOut),
                Err(_) => Sent::Unclear(UnknownWhy::ConnectionLost),
            }
        };
        let timed_out = Sent::Unclear(UnknownWhy::TimedOut);
        tokio::time::timeout(within, exchange).await.unwrap_or(timed_out)
    }
}

async fn read(mut response: reqwest::Response) -> Sent {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_LEN_MAX => body.extend_from_slice(&chunk),
            Ok(None) => return Sent::Answer(Raw { status, body }),
            Ok(Some(_)) | Err(_) => return Sent::Unclear(UnknownWhy::Unreadable),
        }
    }
}

/// Whether the host is this machine: a loopback address, or the name that is pinned to it.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_go_over_tls_or_not_off_this_machine() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let transport = Transport::new(Duration::from_secs(1)).expect("a client");
        let allowed = |loopback_http: bool, url: &str| {
            let head = Head { method: Method::Post, url: url.into(), headers: Vec::new() };
            transport.prepare(loopback_http, &head).is_ok()
        };
        for url in
            ["https://gateway.example/v1", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"]
        {
            assert!(allowed(true, url), "{url}");
            assert_eq!(allowed(false, url), url.starts_with("https:"), "{url}");
        }
        let bad = [
            "http://gateway.example/",
            "http://127.0.0.1.example/",
            "http://localhost.example/",
            "http://10.0.0.1/",
            "http://[::2]/",
            "https://user:secret@gateway.example/",
            "file:///etc/passwd",
            "gateway.example",
            "",
        ];
        for url in bad {
            assert!(!allowed(true, url), "{url}");
        }
    }
}
