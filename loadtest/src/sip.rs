//! SIP messages (RFC 3261) as text: reading, writing, and the few header fields that a call needs.

use std::net::SocketAddr;

/// The first line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Method and Request-URI.
    Request {
        /// Method, upper case.
        method: String,
        /// Request-URI.
        uri: String,
    },
    /// Status code and reason phrase.
    Response {
        /// 100–699.
        code: u16,
        /// Words for people.
        reason: String,
    },
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Request line or status line.
    pub start: Start,
    /// Header fields in order; names as they were written.
    pub headers: Vec<(String, String)>,
    /// Body, cut to Content-Length where there is one.
    pub body: Vec<u8>,
}

impl Message {
    /// A request without header fields.
    pub fn request(method: &str, uri: &str) -> Self {
        Self {
            start: Start::Request { method: method.into(), uri: uri.into() },
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A response that carries back what the request says about its way (RFC 3261 §8.2.6.2).
    pub fn response(request: &Message, code: u16, reason: &str, to_tag: Option<&str>) -> Self {
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in &request.headers {
            let full = long_name(name);
            match full.as_str() {
                "via" | "from" | "call-id" | "cseq" => headers.push((name.clone(), value.clone())),
                "record-route" if (101..300).contains(&code) => headers.push((name.clone(), value.clone())),
                "to" => {
                    let tag = to_tag.filter(|_| tag_of(value).is_none());
                    headers
                        .push((name.clone(), tag.map_or(value.clone(), |tag| format!("{value};tag={tag}"))));
                }
                _ => {}
            }
        }
        Self { start: Start::Response { code, reason: reason.into() }, headers, body: Vec::new() }
    }

    /// Reads a datagram; `None` if it is no SIP message.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(bytes.get(..split)?).into_owned();
        let mut lines = head.split("\r\n");
        let start = parse_start(lines.next()?)?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                headers.last_mut()?.1.push_str(&format!(" {}", line.trim()));
            } else {
                let (name, value) = line.split_once(':')?;
                headers.push((name.trim().into(), value.trim().into()));
            }
        }
        let mut message = Self { start, headers, body: bytes.get(split + 4..)?.to_vec() };
        if let Some(length) = message.header("content-length").and_then(|text| text.parse::<usize>().ok()) {
            message.body.truncate(length);
        }
        Some(message)
    }

    /// The message as a datagram, Content-Length added.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = match &self.start {
            Start::Request { method, uri } => format!("{method} {uri} SIP/2.0\r\n"),
            Start::Response { code, reason } => format!("SIP/2.0 {code} {reason}\r\n"),
        };
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Adds a header field.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a body with its Content-Type.
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with("Content-Type", content_type)
    }

    /// The first header field of this (lower-case, long) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| long_name(field) == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header field, comma lists split.
    pub fn values(&self, name: &str) -> Vec<String> {
        let fields = self.headers.iter().filter(|(field, _)| long_name(field) == name);
        fields.flat_map(|(_, value)| split_commas(value)).collect()
    }

    /// The method of a request, or the one that a response's CSeq names.
    pub fn method(&self) -> &str {
        match &self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => {
                self.header("cseq").and_then(|value| value.split_whitespace().nth(1)).unwrap_or("")
            }
        }
    }

    /// The status code; `None` for a request.
    pub fn code(&self) -> Option<u16> {
        match &self.start {
            Start::Response { code, .. } => Some(*code),
            Start::Request { .. } => None,
        }
    }

    /// The CSeq number; 0 if unreadable.
    pub fn cseq(&self) -> u32 {
        self.header("cseq").and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// The branch of the topmost Via.
    pub fn branch(&self) -> Option<String> {
        let via = self.values("via").into_iter().next()?;
        parameter(&via, "branch").map(str::to_owned)
    }

    /// The tag of From or To.
    pub fn tag(&self, header: &str) -> Option<&str> {
        tag_of(self.header(header)?)
    }
}

fn parse_start(line: &str) -> Option<Start> {
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        return Some(Start::Response { code: code.parse().ok()?, reason: reason.into() });
    }
    let mut words = line.split(' ');
    let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
    (version == "SIP/2.0" && !method.is_empty())
        .then(|| Start::Request { method: method.into(), uri: uri.into() })
}

/// Lower case, and compact forms spelled out (RFC 3261 §7.3.3).
fn long_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let long = match lower.as_str() {
        "v" => "via",
        "f" => "from",
        "t" => "to",
        "i" => "call-id",
        "m" => "contact",
        "c" => "content-type",
        "l" => "content-length",
        _ => return lower,
    };
    long.into()
}

/// Splits at commas outside quotes and angle brackets.
fn split_commas(value: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted, mut depth) = (Vec::new(), String::new(), false, 0u32);
    for c in value.chars() {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                parts.push(std::mem::take(&mut part).trim().to_owned());
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part.trim().to_owned());
    parts.retain(|part| !part.is_empty());
    parts
}

fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|part| {
        let (key, text) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(text.trim())
    })
}

fn tag_of(value: &str) -> Option<&str> {
    let after = value.rfind('>').map_or(value, |end| &value[end..]);
    parameter(after, "tag")
}

/// The URI within a name-addr or addr-spec.
pub fn uri_of(value: &str) -> &str {
    // A quoted display name may hold anything.
    let value = match value.strip_prefix('"').and_then(|rest| rest.find('"').map(|end| &rest[end + 1..])) {
        Some(after) => after,
        None => value,
    };
    match (value.find('<'), value.find('>')) {
        (Some(start), Some(end)) if start < end => &value[start + 1..end],
        _ => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// The user part of a `sip:` or `tel:` URI, parameters of the user part removed; empty if there is none.
pub fn user_of(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    if uri.starts_with("tel:") {
        return rest.split(';').next().unwrap_or("");
    }
    rest.split_once('@').map_or("", |(user, _)| user.split(';').next().unwrap_or(""))
}

/// The address of a `sip:` URI whose host is an IP address; port 5060 if it names none.
pub fn address_of(uri: &str) -> Option<SocketAddr> {
    let rest = uri.split_once(':')?.1;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split([';', '?']).next()?;
    host.parse().ok().or_else(|| Some(SocketAddr::new(host.trim_matches(['[', ']']).parse().ok()?, 5060)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:100@127.0.0.1:5070 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKx;rport, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKy\r\n\
        Record-Route: <sip:1.1.1.1;lr>,<sip:2.2.2.2;lr>\r\nf: \"A, <b>\" <sip:+447700900123@x>;tag=ft\r\nt: <sip:100@x;tag=no>\r\n\
        i: id@x\r\nCSeq: 7 INVITE\r\nSubject: two\r\n lines\r\nl: 3\r\n\r\nabcdef";

    #[test]
    fn reads_compact_forms_lists_and_folded_lines() {
        let message = Message::parse(INVITE.as_bytes()).expect("valid");
        assert_eq!(
            (message.method(), message.cseq(), message.body.as_slice()),
            ("INVITE", 7, b"abc".as_slice())
        );
        assert_eq!(message.branch().as_deref(), Some("z9hG4bKx"));
        assert_eq!((message.tag("from"), message.tag("to")), (Some("ft"), None));
        assert_eq!(message.values("record-route"), ["<sip:1.1.1.1;lr>", "<sip:2.2.2.2;lr>"]);
        assert_eq!(message.header("subject"), Some("two lines"));
        assert_eq!(user_of(uri_of(message.header("from").expect("from"))), "+447700900123");
    }

    #[test]
    fn response_copies_the_way_back_and_adds_a_tag_once() {
        let request = Message::parse(INVITE.as_bytes()).expect("valid");
        let ok =
            Message::parse(&Message::response(&request, 200, "OK", Some("lt")).to_bytes()).expect("own text");
        assert_eq!((ok.code(), ok.tag("to"), ok.method()), (Some(200), Some("lt"), "INVITE"));
        assert_eq!((ok.values("via").len(), ok.values("record-route").len()), (2, 2));
        assert!(Message::response(&request, 100, "Trying", None).values("record-route").is_empty());
    }

    #[test]
    fn addresses_of_uris() {
        assert_eq!(address_of("sip:a@127.0.0.1:99;lr"), "127.0.0.1:99".parse().ok());
        assert_eq!(address_of("sip:127.0.0.1"), "127.0.0.1:5060".parse().ok());
        assert_eq!(address_of("sip:a@host.example"), None);
        assert_eq!(user_of("tel:+44123;x=y"), "+44123");
    }

    #[test]
    fn rubbish_is_refused() {
        for text in [
            "",
            "\r\n\r\n",
            "INVITE\r\n\r\n",
            "INVITE sip:a SIP/1.0\r\n\r\n",
            "SIP/2.0 abc\r\n\r\n",
            "OPTIONS a SIP/2.0\r\nnocolon\r\n\r\n",
        ] {
            assert!(Message::parse(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
