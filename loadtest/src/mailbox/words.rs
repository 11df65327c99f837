//! Encodings of mail: quoted-printable and base64 (RFC 2045), encoded words in headers (RFC 2047), charsets.

/// Base64 to bytes; what is no base64 is skipped, as RFC 2045 §6.8 asks.
pub(super) fn base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut bits) = (0u32, 0);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        group = (group << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((group >> bits) as u8);
            group &= (1 << bits) - 1;
        }
    }
    bytes
}

/// Bytes to base64, for `data:` URLs.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().enumerate().fold(0u32, |sum, (n, byte)| sum | u32::from(*byte) << (16 - 8 * n));
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Quoted-printable to bytes. A `=` that is followed by no hex stays as it is.
pub(super) fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let body_end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
        let (body, end) = line.split_at(body_end);
        // Blanks at the end of a line were added on the way (RFC 2045 §6.7 rule 3).
        let kept = body.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |at| at + 1);
        let body = &body[..kept];
        let (body, soft) = match body.strip_suffix(b"=") {
            Some(body) => (body, true),
            None => (body, false),
        };
        unquote(body, false, &mut bytes);
        if !soft {
            bytes.extend_from_slice(end);
        }
    }
    bytes
}

fn unquote(text: &[u8], header: bool, bytes: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let pair = text.get(at + 1).copied().and_then(hex).zip(text.get(at + 2).copied().and_then(hex));
        match (byte, pair) {
            (b'=', Some((high, low))) => {
                bytes.push(high << 4 | low);
                at += 2;
            }
            (b'_', _) if header => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
        at += 1;
    }
}

/// Bytes of a charset as text; unknown ones are read as UTF-8 with replacement characters.
pub(super) fn text_of(bytes: &[u8], charset: &str) -> String {
    match charset.to_ascii_lowercase().as_str() {
        "iso-8859-1" | "latin1" | "windows-1252" => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A header value with its encoded words read; blanks between two of them vanish (RFC 2047 §6.2).
pub(super) fn header(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let (mut rest, mut after_word) = (value, false);
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        match encoded_word(from) {
            Some((word, length)) => {
                if !(after_word && before.trim().is_empty()) {
                    text.push_str(before);
                }
                text.push_str(&word);
                rest = &from[length..];
                after_word = true;
            }
            None => {
                text.push_str(before);
                text.push_str("=?");
                rest = &from[2..];
                after_word = false;
            }
        }
    }
    text.push_str(rest);
    text
}

/// `=?charset?q|b?text?=` at the beginning: what it says, and its length in bytes.
fn encoded_word(text: &str) -> Option<(String, usize)> {
    let mut parts = text.strip_prefix("=?")?.splitn(4, '?');
    let (charset, encoding, body, tail) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !tail.starts_with('=') || body.contains(' ') {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => base64(body.as_bytes()),
        "Q" | "q" => {
            let mut bytes = Vec::with_capacity(body.len());
            unquote(body.as_bytes(), true, &mut bytes);
            bytes
        }
        _ => return None,
    };
    let length = 2 + charset.len() + 1 + encoding.len() + 1 + body.len() + 2;
    // A language may follow the charset (RFC 2231 §5).
    let charset = charset.split('*').next().unwrap_or(charset);
    Some((text_of(&bytes, charset), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_both_ways() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", b"abcd", &[0, 255, 254, 3, 9]] {
            assert_eq!(base64(to_base64(bytes).as_bytes()), bytes);
        }
        assert_eq!(to_base64(b"abcd"), "YWJjZA==");
        assert_eq!(base64(b"YW\r\nJj!Z A=="), b"abcd");
    }

    #[test]
    fn quoted_printable_lines() {
        let read = |text: &str| String::from_utf8(quoted_printable(text.as_bytes())).expect("UTF-8");
        assert_eq!(read("caf=C3=A9 =3D x=\r\ny  \r\nz=\r\n"), "café = xy\r\nz");
        assert_eq!(read("=ZZ = =4"), "=ZZ = =4");
        assert_eq!(quoted_printable(b"=\r\n=\n="), b"");
    }

    #[test]
    fn encoded_words() {
        assert_eq!(
            header("=?utf-8?b?UmVjZWlwdDogwqM0Mg==?= =?utf-8?q?=2E50_to?= Acme"),
            "Receipt: £42.50 to Acme"
        );
        assert_eq!(header("=?iso-8859-1?Q?caf=E9?="), "café");
        assert_eq!(header("a =?x"), "a =?x");
        assert_eq!(header("=?utf-8?z?aa?= =?é"), "=?utf-8?z?aa?= =?é");
    }
}
