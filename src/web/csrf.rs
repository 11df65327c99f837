//! Whether a request that changes something comes from a page of ours: a token of the session, and
//! what the browser says of its origin. The cookie's `SameSite=Lax` stands before both.

use super::problem::Problem;
use super::session::Token;
use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use tonewall_secret::Secret;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// Lets the request pass if its token, in the header or in a form's field, is the session's.
pub(super) fn check(request: &HttpRequest, token: &Token, field: Option<&str>) -> Result<(), Problem> {
    let header = request.headers().get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
    let brought = header.or(field).unwrap_or_default();
    let own = is_own_site(
        request.headers().get(FETCH_SITE),
        request.headers().get(ORIGIN),
        request.headers().get(HOST),
    );
    match own && Secret::new(token.form_token()).matches(brought.as_bytes()) {
        true => Ok(()),
        false => Err(Problem::not_from_here()),
    }
}

/// Pages with `Referrer-Policy: no-referrer` send `Origin: null` with a plain form (Fetch standard,
/// "append a request `Origin` header"), so that `null` says nothing either way.
fn is_own_site(site: Option<&HeaderValue>, origin: Option<&HeaderValue>, host: Option<&HeaderValue>) -> bool {
    // The browser's own word; no script can set it, and no proxy's rewritten `Host` unsettles it.
    if let Some(site) = site {
        return site == "same-origin";
    }
    match (origin.map(HeaderValue::as_bytes), host.map(HeaderValue::as_bytes)) {
        (None | Some(b"null"), _) => true,
        (Some(origin), Some(host)) => {
            let named = origin.strip_prefix(b"https://").or(origin.strip_prefix(b"http://"));
            named == Some(host)
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_other_sites_are_told_from_our_own() {
        let value = |text: &'static str| (!text.is_empty()).then(|| HeaderValue::from_static(text));
        let cases = [
            ("same-origin", "http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("same-origin", "null", "127.0.0.1:8080", true),
            ("same-origin", "", "127.0.0.1:8080", true),
            ("same-origin", "https://pay.example", "upstream.internal", true),
            ("", "", "127.0.0.1:8080", true),
            ("", "https://pay.example", "pay.example", true),
            ("cross-site", "", "127.0.0.1:8080", false),
            ("same-site", "null", "127.0.0.1:8080", false),
            ("none", "", "127.0.0.1:8080", false),
            ("", "http://127.0.0.1:8081", "127.0.0.1:8080", false),
            ("", "https://evil.example", "pay.example", false),
            ("", "https://pay.example.evil.example", "pay.example", false),
            ("", "ftp://pay.example", "pay.example", false),
            ("", "https://pay.example", "", false),
        ];
        for (site, origin, host, own) in cases {
            let (site_value, origin_value, host_value) = (value(site), value(origin), value(host));
            let found = is_own_site(site_value.as_ref(), origin_value.as_ref(), host_value.as_ref());
            assert_eq!(found, own, "{site} {origin} {host}");
        }
    }
}
