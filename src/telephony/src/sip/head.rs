//! The raw head of a SIP message: just enough syntax to judge it before the stack sees it.

use std::borrow::Cow;

/// Most header fields in a message: real calls carry about thirty.
const FIELDS_MAX: usize = 256;

/// A start line and its header fields, as they came.
pub(crate) struct Head<'a> {
    /// Method, URI and version; or version, status and reason.
    pub start: Cow<'a, str>,
    fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Where the body begins in the message.
    pub body_at: usize,
}

/// Why bytes are no SIP message at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// No empty line ends the head.
    Unended,
    /// More fields than [`FIELDS_MAX`].
    TooManyFields,
    /// Nothing but white space.
    Empty,
}

/// Where the head of a message ends, empty line included.
pub(crate) fn head_len(raw: &[u8]) -> Option<usize> {
    raw.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

impl<'a> Head<'a> {
    /// Splits a message; bytes that are no UTF-8 become `?`, one for one, so that lengths stay.
    pub fn read(raw: &'a [u8]) -> Result<Head<'a>, NoHead> {
        if raw.iter().all(u8::is_ascii_whitespace) {
            return Err(NoHead::Empty);
        }
        let body_at = head_len(raw).ok_or(NoHead::Unended)?;
        let mut lines = Unfolded { rest: &raw[..body_at - 4] };
        let start = text(lines.next().unwrap_or_default());
        let mut fields = Vec::with_capacity(24);
        for line in lines {
            if fields.len() == FIELDS_MAX {
                return Err(NoHead::TooManyFields);
            }
            fields.push(split_field(line));
        }
        Ok(Head { start, fields, body_at })
    }

    /// Values of a header field by its full lower-case name, compact forms included.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.fields.iter().filter(move |(own, _)| is_name(own, name)).map(|(_, value)| value.as_ref())
    }

    /// The first value of a header field.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| is_name(own, name)).map(|(_, value)| value.as_ref())
    }

    /// Every field, in order, to write the head again.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

/// Whether a field's own name is `name` (full, lower case) in any case or its compact form.
pub(crate) fn is_name(own: &str, name: &str) -> bool {
    own.eq_ignore_ascii_case(name) || compact(name).is_some_and(|short| own.eq_ignore_ascii_case(short))
}

/// RFC 3261 §7.3.3 and the registry of header field parameters.
fn compact(name: &str) -> Option<&'static str> {
    Some(match name {
        "via" => "v",
        "from" => "f",
        "to" => "t",
        "call-id" => "i",
        "contact" => "m",
        "content-type" => "c",
        "content-length" => "l",
        "content-encoding" => "e",
        "event" => "o",
        "supported" => "k",
        "session-expires" => "x",
        "refer-to" => "r",
        _ => return None,
    })
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(ascii_for_invalid(bytes)),
    }
}

/// Keeps valid UTF-8 and puts one `?` for each byte that is none (a Latin-1 display name).
fn ascii_for_invalid(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(std::iter::repeat_n('?', chunk.invalid().len()));
    }
    out
}

fn split_field(line: &[u8]) -> (Cow<'_, str>, Cow<'_, str>) {
    let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
    let name = text(line[..colon].trim_ascii());
    let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
    let folded = value.iter().any(|b| *b == b'\n' || *b == b'\r');
    if !folded {
        return (name, text(value));
    }
    let joined = text(value).split(['\r', '\n']).map(str::trim).filter(|part| !part.is_empty()).fold(
        String::new(),
        |mut all, part| {
            if !all.is_empty() {
                all.push(' ');
            }
            all.push_str(part);
            all
        },
    );
    (name, Cow::Owned(joined))
}

/// Lines of a head, folded ones (RFC 3261 §7.3.1) as one.
struct Unfolded<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Unfolded<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let mut end = 0;
        loop {
            match self.rest[end..].iter().position(|b| *b == b'\n') {
                None => {
                    end = self.rest.len();
                    break;
                }
                Some(at) => {
                    end += at + 1;
                    if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                        break;
                    }
                }
            }
        }
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_compact_and_latin1_fields_are_read() {
        let raw = b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\n ;branch=z\r\nFROM : \"J\xfcrgen\" <sip:j@h>\r\nl: 2\r\n\r\nhi";
        let Ok(head) = Head::read(raw) else { panic!("no head") };
        assert_eq!(head.start, "OPTIONS sip:a@b SIP/2.0");
        assert_eq!(head.first("via"), Some("SIP/2.0/UDP h ;branch=z"));
        assert_eq!(head.first("from"), Some("\"J?rgen\" <sip:j@h>"));
        assert_eq!(head.first("content-length"), Some("2"));
        assert_eq!(&raw[head.body_at..], b"hi");
    }

    #[test]
    fn what_is_no_head() {
        let no = |raw: &[u8]| Head::read(raw).err();
        assert_eq!(no(b"\r\n\r\n"), Some(NoHead::Empty));
        assert_eq!(no(b"INVITE sip:a SIP/2.0\r\nVia: x"), Some(NoHead::Unended));
        let many = format!("OPTIONS sip:a SIP/2.0\r\n{}\r\n", "X: y\r\n".repeat(300));
        assert_eq!(no(many.as_bytes()), Some(NoHead::TooManyFields));
    }
}
