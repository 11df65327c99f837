//! The head of a message written again, with the same meaning, in the way that the stack can read.

use super::head::{Head, is_name};
use std::fmt::Write;

/// The message with its head written again: UTF-8, unfolded, no spaces where the stack stumbles.
pub(crate) fn rewritten(head: &Head<'_>, body: &[u8]) -> Vec<u8> {
    const ADDRESSES: [&str; 3] = ["from", "to", "contact"];
    let mut out = String::with_capacity(head.body_at + 64);
    out.push_str(&two_colons(&head.start));
    out.push_str("\r\n");
    for (name, value) in head.fields() {
        let value = match is_name(name, "via") {
            true => via_without_spaces(value),
            false if ADDRESSES.iter().any(|address| is_name(name, address)) => {
                two_colons(&parameters_without_spaces(value))
            }
            false => value.to_owned(),
        };
        let _ = write!(out, "{name}: {value}\r\n");
    }
    out.push_str("\r\n");
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// An IPv6 address with three colons: what the grammar of RFC 3261 made some callers write, to be
/// taken as two (RFC 5118 §4.5).
fn two_colons(text: &str) -> String {
    match text.split_once('[') {
        Some((before, address)) => format!("{before}[{}", address.replacen(":::", "::", 1)),
        None => text.to_owned(),
    }
}

/// `<sip:a@b> ; tag = 1` is legal (RFC 3261 §25.1), and the stack sees no tag in it.
fn parameters_without_spaces(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let (mut quoted, mut escaped, mut space) = (false, false, false);
    for c in value.chars() {
        if !quoted && c.is_whitespace() {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) && !matches!(c, ';' | '=') && !out.ends_with([';', '=']) {
            out.push(' ');
        }
        match (quoted, escaped, c) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, _, '"') => quoted = !quoted,
            _ => {}
        }
        out.push(c);
    }
    out
}

/// `SIP / 2.0 / UDP host ; branch = x` is legal (RFC 3261 §25.1) and read by few.
fn via_without_spaces(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for word in value.split_ascii_whitespace() {
        let glue = ['/', ';', '=', ',', ':'];
        let joined = out.is_empty() || out.ends_with(glue) || word.starts_with(glue);
        if !joined {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_in_via_are_taken_out() {
        let spaced = "SIP  / 2.0 / TCP     spindle.example.com   ; branch  =   z9hG4bK9ik8  , SIP /2.0/UDP 192.0.2.2 ; branch=x";
        let expected = "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ik8,SIP/2.0/UDP 192.0.2.2;branch=x";
        assert_eq!(via_without_spaces(spaced), expected);
    }

    #[test]
    fn spaces_before_parameters_are_taken_out() {
        let cases = [
            ("<sip:a@b> ;   tag    = 19", "<sip:a@b>;tag=19"),
            ("\"J ; \\\" = R\"   <sip:a@b> ; tag = 9", "\"J ; \\\" = R\" <sip:a@b>;tag=9"),
            ("Jo Ros <sip:a@b>", "Jo Ros <sip:a@b>"),
        ];
        for (spaced, expected) in cases {
            assert_eq!(parameters_without_spaces(spaced), expected);
        }
    }

    #[test]
    fn three_colons_become_two_in_brackets_alone() {
        assert_eq!(two_colons("sip:u@[2001:db8:::192.0.2.1]"), "sip:u@[2001:db8::192.0.2.1]");
        assert_eq!(two_colons("sip:a:::b"), "sip:a:::b");
    }
}
