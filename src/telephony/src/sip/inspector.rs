//! Repairs of what the stack cannot do with a digest challenge.
//!
//! Its parser knows `SHA256` but not RFC 7616's `SHA-256`, and it answers only the first challenge
//! of several. One challenge is kept: MD5 where it is offered, since that is what the stack answers
//! on the wire as it is; SHA-256 alone is renamed on the way in and named right on the way out.

use rsipstack::sip::{HasHeaders, Header, SipMessage, StatusCode};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

/// The inspector of the endpoint.
pub(crate) struct Challenges;

impl MessageInspector for Challenges {
    fn before_send(&self, mut message: SipMessage, _to: Option<&SipAddr>) -> SipMessage {
        if let SipMessage::Request(request) = &mut message {
            for header in request.headers.iter_mut() {
                let named = |value: &str| value.replace("algorithm=SHA256", "algorithm=SHA-256");
                match header {
                    Header::Authorization(own) => *own = named(own.value()).into(),
                    Header::ProxyAuthorization(own) => *own = named(own.value()).into(),
                    _ => {}
                }
            }
        }
        message
    }

    fn after_received(&self, mut message: SipMessage, _from: Option<&SipAddr>) -> SipMessage {
        if let SipMessage::Response(response) = &mut message
            && matches!(
                response.status_code,
                StatusCode::Unauthorized | StatusCode::ProxyAuthenticationRequired
            )
        {
            keep_one_challenge(response.headers_mut());
        }
        message
    }
}

fn keep_one_challenge(headers: &mut rsipstack::sip::Headers) {
    let ranked = headers.iter().filter_map(|header| Some((rank(challenge(header)?)?, header.clone())));
    let Some((_, mut best)) = ranked.min_by_key(|(rank, _)| *rank) else { return };
    headers.retain(|header| challenge(header).is_none());
    let renamed = |value: &str| value.replace("SHA-256", "SHA256");
    match &mut best {
        Header::WwwAuthenticate(own) => *own = renamed(own.value()).into(),
        Header::ProxyAuthenticate(own) => *own = renamed(own.value()).into(),
        _ => {}
    }
    headers.push(best);
}

fn challenge(header: &Header) -> Option<&str> {
    match header {
        Header::WwwAuthenticate(own) => Some(own.value()),
        Header::ProxyAuthenticate(own) => Some(own.value()),
        _ => None,
    }
}

/// Lower is better; `None` for an algorithm that the stack cannot answer.
fn rank(value: &str) -> Option<u8> {
    let lower = value.to_ascii_lowercase();
    let algorithm = lower.split("algorithm=").nth(1).map(|rest| {
        rest.trim_start_matches('"').split([',', '"', ' ']).next().unwrap_or_default().to_owned()
    });
    match algorithm.as_deref() {
        None | Some("md5") => Some(0),
        Some("sha-256") => Some(1),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(challenges: &[&str]) -> Vec<String> {
        let mut headers = rsipstack::sip::Headers::default();
        for value in challenges {
            headers.push(Header::ProxyAuthenticate((*value).into()));
        }
        keep_one_challenge(&mut headers);
        headers.iter().filter_map(challenge).map(str::to_owned).collect()
    }

    #[test]
    fn md5_is_kept_and_sha256_is_renamed_when_alone() {
        let md5 = r#"Digest realm="r", nonce="n", algorithm=MD5"#;
        let sha = r#"Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth""#;
        let odd = r#"Digest realm="r", nonce="n", algorithm=SHA-512-256"#;
        assert_eq!(kept(&[sha, md5]), [md5]);
        assert_eq!(kept(&[odd, sha]), [r#"Digest realm="r", nonce="n", algorithm=SHA256, qop="auth""#]);
        assert_eq!(kept(&[odd]), [odd]);
    }
}
