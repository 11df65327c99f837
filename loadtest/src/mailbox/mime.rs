//! The tree of a MIME message (RFC 2045, 2046), read with bounds: depth, parts and headers of foreign bytes.

use super::words;

/// Parts within parts.
const DEPTH_MAX: usize = 6;
/// Leaves of a message.
pub(super) const PARTS_MAX: usize = 64;
/// Header fields of a part.
pub(super) const FIELDS_MAX: usize = 200;

/// One leaf of the tree.
pub(super) struct Part {
    /// Lower case, without parameters; `text/plain` if it says nothing.
    pub media_type: String,
    /// As given; `us-ascii` if it says nothing.
    pub charset: String,
    /// Without its angle brackets.
    pub content_id: Option<String>,
    /// Whether it says that it is an attachment.
    pub attached: bool,
    /// Decoded.
    pub body: Vec<u8>,
}

/// Header fields, folded lines joined, encoded words read; and what follows the empty line.
pub(super) fn split(raw: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(length);
        rest = after;
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':')
            && fields.len() < FIELDS_MAX
        {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    for (_, value) in &mut fields {
        *value = words::header(value);
    }
    (fields, rest)
}

/// The first field of that name.
pub(super) fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The value before the first `;`, in lower case.
fn main_value(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A parameter such as `boundary="a;b"`.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (found, tail) = match after.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if key.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(name) {
            return Some(found);
        }
        rest = tail;
    }
}

/// Up to the closing quote, backslashes taken out; and what follows.
fn quoted_text(text: &str) -> Option<(String, &str)> {
    let (mut found, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => {
                found.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((found, &text[at + 1..])),
            _ => found.push(c),
        }
    }
    None
}

/// The leaves under a body, in order. Too deep or too many: the rest is left out.
pub(super) fn leaves(fields: &[(String, String)], body: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    walk(fields, body, 0, &mut parts);
    parts
}

fn walk(fields: &[(String, String)], body: &[u8], depth: usize, parts: &mut Vec<Part>) {
    if depth > DEPTH_MAX || parts.len() >= PARTS_MAX {
        return;
    }
    let content_type = field(fields, "content-type").unwrap_or("text/plain");
    let media_type = main_value(content_type);
    if media_type.starts_with("multipart/") {
        let Some(boundary) = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty())
        else {
            return;
        };
        for part in sections(body, &boundary) {
            let (fields, body) = split(part);
            walk(&fields, body, depth + 1, parts);
        }
        return;
    }
    let encoding = field(fields, "content-transfer-encoding").map(main_value).unwrap_or_default();
    let body = match encoding.as_str() {
        "base64" => words::base64(body),
        "quoted-printable" => words::quoted_printable(body),
        _ => body.to_vec(),
    };
    parts.push(Part {
        charset: parameter(content_type, "charset").unwrap_or_else(|| "us-ascii".to_owned()),
        media_type,
        content_id: field(fields, "content-id").map(|id| id.trim_matches(['<', '>', ' ']).to_owned()),
        attached: field(fields, "content-disposition").map(main_value).as_deref() == Some("attachment"),
        body,
    });
}

/// What stands between the boundary lines; the preamble and the epilogue are nobody's.
fn sections<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let (mut found, mut begin, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let trimmed = line.trim_ascii_end();
        if let Some(tail) = trimmed.strip_prefix(delimiter.as_bytes())
            && matches!(tail, b"" | b"--")
        {
            if let Some(begin) = begin {
                found.push(without_last_break(&body[begin..at]));
            }
            if tail == b"--" || found.len() >= PARTS_MAX {
                return found;
            }
            begin = Some(at + line.len());
        }
        at += line.len();
    }
    // Cut off: what is there is better than nothing.
    found.extend(begin.map(|begin| &body[begin..]));
    found
}

/// The CRLF before a boundary belongs to the boundary (RFC 2046 §5.1.1).
fn without_last_break(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let value = "multipart/mixed; charset=utf-8; boundary=\"a;\\\"b\"; x=1";
        assert_eq!(parameter(value, "BOUNDARY").as_deref(), Some("a;\"b"));
        assert_eq!(parameter(value, "x").as_deref(), Some("1"));
        assert_eq!(parameter(value, "y"), None);
        assert_eq!(parameter("text/plain; boundary=\"open", "boundary"), None);
    }

    #[test]
    fn sections_without_an_end_and_with_strange_lines() {
        let body = b"preamble\r\n--b\r\none\r\n--bb\r\n\r\n--b  \r\ntwo\r\n";
        assert_eq!(sections(body, "b"), [&b"one\r\n--bb\r\n"[..], b"two\r\n"]);
        assert_eq!(sections(b"--b--\r\nafter", "b"), Vec::<&[u8]>::new());
        assert_eq!(sections(b"", "b").len(), 0);
    }
}
