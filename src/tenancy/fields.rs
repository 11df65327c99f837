//! What the texts of a manifest may be. Each error says what is expected and repeats nothing.

use std::net::IpAddr;
use tonewall_model::ids::TenantId;

/// Longest name that a screen has room for.
const NAME_LEN_MAX: usize = 80;
/// Longest number, extension or user name.
const NUMBER_LEN_MAX: usize = 64;
/// Longest base URL.
const URL_LEN_MAX: usize = 512;
/// Longest merchant id.
const MERCHANT_LEN_MAX: usize = 64;
/// Longest mail address (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAIL_LEN_MAX: usize = 254;
/// Most characters of a name on a card statement, which is what the schemes carry.
const STATEMENT_LEN_MAX: usize = 22;
/// Fewest characters of an API token: from 20 random ones up nobody guesses.
const API_TOKEN_LEN_MIN: usize = 20;
/// Longest credential.
const CREDENTIAL_LEN_MAX: usize = 1024;

type Read<T> = Result<T, &'static str>;

fn when(text: &str, known: bool, expected: &'static str) -> Read<String> {
    known.then(|| text.to_owned()).ok_or(expected)
}

/// The slug of a tenant.
pub(super) fn tenant_id(text: &str) -> Read<TenantId> {
    TenantId::parse(text).ok_or("must be 2 to 32 of a-z, 0-9 and -, first a letter")
}

/// The name of a trunk or an agent in the manifest and in rows: written like a tenant's.
pub(super) fn slug(text: &str) -> Read<String> {
    tenant_id(text).map(|slug| slug.as_str().to_owned())
}

/// A name that people read.
pub(super) fn name(text: &str) -> Read<String> {
    let length = text.chars().count();
    let known =
        (1..=NAME_LEN_MAX).contains(&length) && text.trim() == text && !text.chars().any(char::is_control);
    when(text, known, "must be 1 to 80 characters, no control characters, no blanks around it")
}

/// A line of at most `len_max` characters that people read.
pub(super) fn line(text: &str, len_max: usize) -> Result<String, String> {
    let length = text.chars().count();
    let known = (1..=len_max).contains(&length) && text.trim() == text && !text.chars().any(char::is_control);
    let expected = || format!("must be 1 to {len_max} characters in one line, no blanks around it");
    known.then(|| text.to_owned()).ok_or_else(expected)
}

/// A mail address, without a name: a dot-atom and a domain of at least two labels (RFC 5321 §4.1.2).
pub(crate) fn mail_address(text: &str) -> Read<String> {
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(atext);
    let (local, domain) = text.rsplit_once('@').unwrap_or_default();
    let domain_known = domain.contains('.')
        && last_label(domain).starts_with(|c: char| c.is_ascii_alphabetic())
        && domain.split('.').all(is_label);
    let known = text.len() <= MAIL_LEN_MAX && local.len() <= 64 && local.split('.').all(atom) && domain_known;
    when(text, known, "must be a mail address such as receipts@example.org")
}

/// A number or name that can be the user part of a SIP URI without escapes (RFC 3261 §25.1).
pub(super) fn number(text: &str) -> Read<String> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"+*._-".contains(&b);
    let known = (1..=NUMBER_LEN_MAX).contains(&text.len()) && text.bytes().all(known);
    when(text, known, "must be 1 to 64 of letters, digits and + * . _ -")
}

/// Keys of the agent's phone; none is allowed, a single one is pressed too easily.
pub(super) fn secure_code(text: &str) -> Read<String> {
    let keys = text.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#');
    when(text, keys && matches!(text.len(), 0 | 2..=8), "must be 2 to 8 of 0-9 * #, or empty for none")
}

/// The IANA name of a time zone, as the database writes it.
pub(super) fn time_zone(text: &str) -> Read<String> {
    let zone = jiff::tz::TimeZone::get(text).ok();
    let known = zone.is_some_and(|zone| zone.iana_name() == Some(text));
    when(text, known, "must be the IANA name of a time zone, such as Europe/London")
}

/// A CSS colour.
pub(super) fn colour(text: &str) -> Read<String> {
    let hex = text.strip_prefix('#').unwrap_or_default();
    let known = hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    when(text, known, "must be # and six hexadecimal digits")
}

/// The name on the card statement.
pub(super) fn statement_name(text: &str) -> Read<String> {
    let printable = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let known = printable && (1..=STATEMENT_LEN_MAX).contains(&text.len()) && text.trim() == text;
    when(text, known, "must be 1 to 22 printable ASCII characters, no blanks around it")
}

/// A merchant id.
pub(super) fn merchant(text: &str) -> Read<String> {
    let known = (1..=MERCHANT_LEN_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    when(text, known, "must be 1 to 64 printable ASCII characters without blanks")
}

/// What is wrong with a token of the API.
pub(super) fn api_token(token: &str) -> Result<(), &'static str> {
    let known = (API_TOKEN_LEN_MIN..=CREDENTIAL_LEN_MAX).contains(&token.len()) && is_header_safe(token);
    if known { Ok(()) } else { Err("must be 20 to 1024 printable ASCII characters without blanks") }
}

/// What is wrong with a credential that others have given.
pub(super) fn credential(secret: &str) -> Result<(), &'static str> {
    let known = (1..=CREDENTIAL_LEN_MAX).contains(&secret.len()) && is_header_safe(secret);
    if known { Ok(()) } else { Err("must be 1 to 1024 printable ASCII characters without blanks") }
}

/// What is wrong with an agent's PIN (DESIGN: at least six digits, and none that is tried first).
pub(super) fn pin(pin: &str) -> Result<(), &'static str> {
    let digits = pin.as_bytes();
    if !(6..=12).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err("must be 6 to 12 digits");
    }
    let steps_by = |step: u8| digits.windows(2).all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0');
    let repeats_after = |period: usize| digits.iter().zip(&digits[period..]).all(|(a, b)| a == b);
    if steps_by(1) || steps_by(9) || (1..=3).any(repeats_after) {
        return Err("is guessed too easily: digits in sequence or repeated");
    }
    Ok(())
}

fn is_header_safe(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

/// A base URL: https, or http to this very machine; no credentials, query or fragment.
pub(super) fn base_url(text: &str) -> Read<String> {
    let (tls, rest) = match text.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        _ => return Err("must begin with https:// (or http:// for a loopback address)"),
    };
    let path_byte = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/".contains(&b);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("must not hold credentials");
    }
    if text.len() > URL_LEN_MAX || !path.bytes().all(path_byte) {
        return Err("must be at most 512 characters, without query, fragment or blanks");
    }
    let host = host(authority).ok_or("must name a host, with a port if need be")?;
    if !tls && !is_loopback(host) {
        return Err("must be https: http is for a loopback address only");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The host of `host`, `host:port`, `[v6]`, `[v6]:port`; `None` when it is none of them.
fn host(authority: &str) -> Option<&str> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let port_known = match port.strip_prefix(':') {
        Some(port) => {
            port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => port.is_empty(),
    };
    let host_known = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        // A last label that does not begin with a letter is a number to whoever resolves it (0x7f is
        // one too), so that it has to be an address as everybody writes it.
        None if !last_label(host).starts_with(|c: char| c.is_ascii_alphabetic()) => {
            host.parse::<std::net::Ipv4Addr>().is_ok()
        }
        None => host.split('.').all(is_label),
    };
    (port_known && host_known).then_some(host)
}

/// A label of a host name, in ASCII as it is written (RFC 1123 §2.1).
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.to_ascii_lowercase().starts_with("xn--")
}

fn last_label(host: &str) -> &str {
    host.rsplit('.').next().unwrap_or(host)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_that_are_tried_first_are_refused() {
        for good in ["482913", "100200", "112358", "135790", "482913482914", "019283"] {
            assert_eq!(pin(good), Ok(()), "{good}");
        }
        for bad in
            ["000000", "123456", "654321", "789012", "210987", "121212", "123123", "1231231", "999999999999"]
        {
            assert_eq!(pin(bad), Err("is guessed too easily: digits in sequence or repeated"), "{bad}");
        }
        for bad in ["", "48291", "4829130000000", "48291a", "48 2913", "48291\u{663}"] {
            assert_eq!(pin(bad), Err("must be 6 to 12 digits"), "{bad}");
        }
    }

    #[test]
    fn mail_addresses() {
        let longest = format!("{}@{}.{}.example", "a".repeat(64), "b".repeat(63), "c".repeat(63));
        for good in ["a@b.example", "pay.ments+harbour@mail-1.example.org", "o'neil@example.ie", &longest] {
            assert_eq!(mail_address(good).as_deref(), Ok(good));
        }
        let long = format!("{}@b.example", "a".repeat(65));
        let bad = [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            "a@b",
            "a@b.",
            "a@.example",
            "a@b..example",
            ".a@b.example",
            "a.@b.example",
            "a..b@b.example",
            "a b@b.example",
            "a@b.example\n",
            "a@192.0.2.1",
            "a@[192.0.2.1]",
            "A <a@b.example>",
            "a@b.example,c@d.example",
            "\"a b\"@b.example",
            "a@b@c.example",
            "é@b.example",
            "a@-b.example",
            &long,
        ];
        for bad in bad {
            assert_eq!(
                mail_address(bad),
                Err("must be a mail address such as receipts@example.org"),
                "{bad}"
            );
        }
    }

    #[test]
    fn time_zones() {
        for good in ["Europe/London", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5"] {
            assert_eq!(time_zone(good).as_deref(), Ok(good));
        }
        for bad in ["", "europe/london", "Europe/Londinium", "BST+1", "../etc/passwd", "Europe"] {
            assert!(time_zone(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn base_urls() {
        let good = [
            "https://gateway.example",
            "https://gateway.example:8443/v2/moto",
            "https://gateway-1",
            "https://192.0.2.7",
            "https://[2001:db8::7]:8443",
            "http://127.0.0.1:8090",
            "http://localhost:8090",
            "http://[::1]:8090/x",
        ];
        for url in good {
            assert_eq!(base_url(url).as_deref(), Ok(url));
        }
        assert_eq!(base_url("https://gateway.example/v2//").as_deref(), Ok("https://gateway.example/v2"));
        let long = format!("https://gateway.example/{}", "x".repeat(500));
        let scheme = "must begin with https:// (or http:// for a loopback address)";
        let host = "must name a host, with a port if need be";
        let rest = "must be at most 512 characters, without query, fragment or blanks";
        let tls = "must be https: http is for a loopback address only";
        let bad = [
            ("", scheme),
            ("gateway.example", scheme),
            ("HTTPS://gateway.example", scheme),
            ("ftp://gateway.example", scheme),
            ("https://", host),
            ("https:///v2", host),
            ("https://:8443", host),
            ("https://gateway.example:", host),
            ("https://gateway.example:0", host),
            ("https://gateway.example:+443", host),
            ("https://gateway.example:65536", host),
            ("https://gate way.example", host),
            ("https://gateway..example", host),
            ("https://-gateway.example", host),
            ("https://gateway.example?x=1", host),
            ("https://300.0.0.1", host),
            ("https://127.1", host),
            ("https://0x7f", host),
            ("https://gateway.0x7f", host),
            ("https://xn--a.example", host),
            ("https://[::1", host),
            ("https://[::1]8443", host),
            ("https://[192.0.2.7]", host),
            ("https://gateway.example/v2?x=1", rest),
            ("https://gateway.example/v2#x", rest),
            ("https://gateway.example/v 2", rest),
            ("https://gateway.example/\u{e9}", rest),
            (&long, rest),
            ("https://user:pass@gateway.example", "must not hold credentials"),
            ("http://127.0.0.1@gateway.example", "must not hold credentials"),
            ("http://gateway.example", tls),
            ("http://192.0.2.7", tls),
            ("http://localhost.example", tls),
            ("http://0.0.0.0", tls),
        ];
        for (url, expected) in bad {
            assert_eq!(base_url(url), Err(expected), "{url}");
        }
    }
}
