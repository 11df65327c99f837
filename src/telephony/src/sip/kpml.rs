//! Keys by KPML (RFC 4730): reports in NOTIFY, and our own subscription to them.
//!
//! A peer that negotiated no telephone-event and says that it knows the package is asked to report
//! every key, within the dialog of the call. Nobody may subscribe to keys at ours.

use super::leg::Leg;
use rsipstack::sip::{Header, Headers, Method};
use std::time::Duration;
use tonewall_secret::{Key, wipe};

/// Name of the event package (RFC 4730 §5.2).
const PACKAGE: &str = "kpml";

/// Content type of a report.
const REPORT: &str = "application/kpml-response+xml";

/// Keys taken of one report: more than a person presses before it is sent.
const KEYS_MAX: usize = 16;

/// How long a subscription is asked for; renewed at half of what is granted. Longer leaves more of it
/// behind at a peer that missed the end of the call; shorter sends more requests.
const EXPIRES_S: u32 = 3_600;

/// Every key, each in a report of its own, until the subscription ends (RFC 4730 §5.1 and §5.3).
const EVERY_KEY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
    <kpml-request xmlns=\"urn:ietf:params:xml:ns:kpml-request\" version=\"1.0\">\
    <pattern persist=\"persist\"><regex tag=\"key\">[x*#ABCD]</regex></pattern></kpml-request>\r\n";

/// Whether an Event or Allow-Events value names the package.
pub(crate) fn names_package(value: &str) -> bool {
    value.split(',').any(|event| {
        event.split(';').next().is_some_and(|package| package.trim().eq_ignore_ascii_case(PACKAGE))
    })
}

/// Whether a NOTIFY is about keys, by what it says of itself or of its body.
pub(crate) fn is_about_keys(event: &str, content_type: &str) -> bool {
    names_package(event) || is_report(content_type)
}

fn is_report(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(REPORT))
}

/// Takes the keys out of the body of a NOTIFY about keys and blanks all of it: nobody else reads it,
/// and a digit may be spelt in more ways than one.
pub(crate) fn take_keys(content_type: &str, body: &mut [u8]) -> Vec<Key> {
    let mut keys = Vec::with_capacity(KEYS_MAX);
    if is_report(content_type) && matches!(attribute(body, b"code"), Some(b"200" | b"423")) {
        spell(attribute(body, b"digits").unwrap_or_default(), &mut keys);
    }
    wipe::zero(body);
    body.fill(b'x');
    keys
}

/// The value of the first attribute of this name.
fn attribute<'b>(body: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let places = body.windows(name.len()).enumerate().filter(|(_, part)| *part == name);
    places.map(|(at, _)| at).filter(|at| *at > 0 && body[at - 1].is_ascii_whitespace()).find_map(|at| {
        let rest = body[at + name.len()..].trim_ascii_start();
        let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
        let (quote, value) = rest.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
        let end = value.iter().position(|byte| byte == quote)?;
        Some(&value[..end])
    })
}

/// Keys of a value, plain or as character references (`&#53;`, `&#x35;`); anything else is no key.
fn spell(mut value: &[u8], keys: &mut Vec<Key>) {
    while let Some((first, rest)) = value.split_first() {
        let end = rest.iter().position(|byte| *byte == b';');
        let (key, left) = match (first, end) {
            (b'&', Some(end)) => (referred(&rest[..end]), &rest[end + 1..]),
            _ => (Key::from_char(char::from(*first)), rest),
        };
        value = left;
        if keys.len() < KEYS_MAX {
            keys.extend(key);
        }
    }
}

fn referred(reference: &[u8]) -> Option<Key> {
    let number = std::str::from_utf8(reference).ok()?.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    Key::from_char(char::from_u32(code.ok()?)?)
}

/// Whether a peer is to be asked for its keys: it knows the package, and its SDP has no
/// telephone-event.
pub(crate) fn is_wanted(headers: &Headers, sdp: &[u8]) -> bool {
    const EVENT: &[u8] = b"telephone-event";
    let knows = headers.iter().any(|header| match header {
        Header::Other(name, value) => {
            (name.eq_ignore_ascii_case("u") || name.eq_ignore_ascii_case("allow-events"))
                && names_package(value)
        }
        _ => false,
    });
    knows && !sdp.is_empty() && !sdp.windows(EVENT.len()).any(|part| part.eq_ignore_ascii_case(EVENT))
}

/// Keeps a subscription alive once the leg wants one. Never returns; it ends with the leg.
pub(crate) async fn follow(leg: &Leg) {
    leg.0.wants_kpml.notified().await;
    while let Some(granted_s) = subscribe(leg).await {
        tokio::time::sleep(Duration::from_secs(u64::from(granted_s.max(2)) / 2)).await;
    }
    std::future::pending().await
}

/// Seconds that the peer grants; `None` if it will not.
async fn subscribe(leg: &Leg) -> Option<u32> {
    let headers = vec![
        Header::Event(PACKAGE.into()),
        Header::Expires(EXPIRES_S.to_string().into()),
        Header::Accept(REPORT.into()),
        Header::ContentType("application/kpml-request+xml".into()),
    ];
    let body = Some(EVERY_KEY.as_bytes().to_vec());
    let response = leg.0.dialog.request(Method::Subscribe, Some(headers), body).await.ok()??;
    if !(200..300).contains(&u16::from(response.status_code.clone())) {
        return None;
    }
    let granted = response.headers.iter().find_map(|header| match header {
        Header::Expires(value) => value.value().trim().parse().ok(),
        _ => None,
    });
    Some(granted.unwrap_or(EXPIRES_S).min(EXPIRES_S)).filter(|granted_s| *granted_s > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(content_type: &str, body: &str) -> String {
        let mut bytes = body.as_bytes().to_vec();
        let keys = take_keys(content_type, &mut bytes);
        assert_eq!(bytes, vec![b'x'; body.len()], "all of the body is blanked");
        let all = "0123456789*#ABCD";
        let name = |key: &Key| all.chars().find(|c| Key::from_char(*c).is_some_and(|own| own.same_as(key)));
        keys.iter().filter_map(name).collect()
    }

    fn response(attributes: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\r\n<kpml-response xmlns=\"urn:ietf:params:xml:ns:kpml-response\"\r\n {attributes}/>"
        )
    }

    #[test]
    fn every_spelling_of_the_keys_is_taken() {
        let cases = [
            ("version=\"1.0\" code=\"200\" text=\"OK\" digits=\"5\" tag=\"key\"", "5"),
            ("code='200' digits = '123'", "123"),
            ("code=\"200\" digits=\"*&#52;&#x31;#d\"", "*41#D"),
            ("code=\"423\" text=\"Timer Expired\" digits=\"90\"", "90"),
            ("code=\"200\" digits=\"1R2&amp;3&4\"", "1234"),
            ("code=\"200\" digits=\"11111111112222222222\"", "1111111111222222"),
            ("code=\"487\" text=\"Subscription Expired\" digits=\"7\"", ""),
            ("code=\"200\" digits=\"\"", ""),
            ("code=\"200\" digits=\"5", ""),
            ("code=\"200\" nodigits=\"5\"", ""),
        ];
        for (attributes, expected) in cases {
            assert_eq!(
                taken("application/kpml-response+xml", &response(attributes)),
                expected,
                "{attributes}"
            );
        }
        let five = response("code=\"200\" digits=\"5\"");
        assert_eq!(taken("Application/KPML-Response+XML ; charset=utf-8", &five), "5");
        assert_eq!(taken("text/plain", &five), "", "of another kind: blanked unread");
    }

    #[test]
    fn who_is_asked_for_keys() {
        let headers = |value: &str| {
            let mut headers = Headers::default();
            headers.push(Header::Other("Allow-Events".to_owned(), value.to_owned()));
            headers
        };
        let (plain, event) = (b"m=audio 4000 RTP/AVP 8\r\n", b"a=rtpmap:101 Telephone-Event/8000\r\n");
        assert!(is_wanted(&headers("refer, KPML"), plain));
        assert!(!is_wanted(&headers("refer, KPML"), event));
        assert!(!is_wanted(&headers("refer, kpmlx"), plain) && !is_wanted(&Headers::default(), plain));
        assert!(!is_wanted(&headers("kpml"), b""), "nothing is known of its media yet");
    }
}
