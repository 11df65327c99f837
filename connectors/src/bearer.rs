//! What every REST system behind a bearer token needs: a base URL and one header.

use crate::gateways::{Header, Refuse};
use tonewall_secret::{Secret, wipe};

/// The base URL without its last slash; [`Refuse::Url`] where a path could not follow it.
pub(crate) fn base(url: &str) -> Result<&str, Refuse> {
    let base = url.trim_end_matches('/');
    if base.contains(['?', '#', '@']) { Err(Refuse::Url) } else { Ok(base) }
}

/// The `Authorization` header (RFC 6750 §2.1).
pub(crate) fn header(token: &Secret<String>) -> Result<Header, Refuse> {
    let token = token.expose();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refuse::Credential);
    }
    let mut bearer = String::with_capacity("Bearer ".len() + token.len());
    bearer.push_str("Bearer ");
    bearer.push_str(token);
    wipe::scrub_registers();
    Ok(Header { name: "authorization", value: Secret::new(bearer) })
}
