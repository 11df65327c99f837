//! Input policy on raw bytes, in front of the stack.
//!
//! The stack drops what it cannot parse without an answer, loses a call over one Latin-1 byte in a
//! display name, and accepts what RFC 3261 says to refuse. The doorman answers those itself,
//! statelessly, repairs what can be repaired, and takes DTMF digits out of INFO bodies and KPML
//! reports, so that no digit ever reaches a parser, a log or a dialog.
//!
//! | found | done |
//! |---|---|
//! | no head, no Via, a bad response, a bad ACK | dropped: nobody to answer, or nothing to say |
//! | a mandatory field missing, doubled or unreadable; CSeq of another method; bad lengths | 400 |
//! | version other than SIP/2.0 | 505 |
//! | unknown method | 501; known but not ours 405; SUBSCRIBE to keys 489 |
//! | URI scheme other than sip, sips, tel | 416 |
//! | Max-Forwards 0 | 483 |
//! | Require or Proxy-Require of an extension | 420 with Unsupported |
//! | a body type or encoding that nobody reads | 415 |
//! | bytes that are no UTF-8, folded lines, spaces in Via, From, To and Contact, `:::` in an IPv6 address | rewritten, same meaning |

use super::head::{Head, NoHead};
use super::info::{self, DialogKey, Signalled};
use super::kpml;
use super::rewrite::rewritten;
use std::fmt::Write;
use tonewall_model::dtmf::Transport;
use tonewall_secret::Key;

/// Methods that the stack and we handle.
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REFER, NOTIFY, PRACK";

/// Methods that exist but that nobody may use here.
const KNOWN_NOT_OURS: [&str; 4] = ["REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE"];

/// Extensions that may be required of us.
const EXTENSIONS: [&str; 1] = ["timer"];

/// Longest message that the stack's datagram buffer takes.
const MESSAGE_BYTES_MAX: usize = 8_192;

/// What is to be done with a message.
pub(crate) enum Verdict {
    /// The stack may have it, rewritten where something had to be.
    Pass(Vec<u8>, Option<Signalled>),
    /// It is answered here with these bytes.
    Answer(Vec<u8>),
    /// It is dropped, for this reason.
    Drop(&'static str),
}

/// A refusal: status line and an extra header line.
struct Refusal(u16, &'static str, String);

fn refuse(code: u16, reason: &'static str) -> Refusal {
    Refusal(code, reason, String::new())
}

/// Judges one message. `whole` says that the bytes are all there is (a datagram).
pub(crate) fn judge(raw: &[u8], whole: bool) -> Verdict {
    let head = match Head::read(raw) {
        Ok(head) => head,
        Err(NoHead::Empty) => return Verdict::Pass(raw.to_vec(), None),
        Err(NoHead::Unended) => return Verdict::Drop("head without end"),
        Err(NoHead::TooManyFields) => return Verdict::Drop("too many header fields"),
    };
    let body = &raw[head.body_at..];
    if head.start.starts_with("SIP/") {
        return match response_fault(&head) {
            None => Verdict::Pass(rewritten(&head, body), None),
            Some(fault) => Verdict::Drop(fault),
        };
    }
    match request_fault(&head, body, whole) {
        None => pass_request(&head, body),
        Some(_) if head.start.starts_with("ACK ") => Verdict::Drop("unacceptable ACK"),
        Some(_) if head.first("via").is_none() => Verdict::Drop("request without Via"),
        Some(refusal) => Verdict::Answer(answer(&head, &refusal)),
    }
}

fn pass_request(head: &Head<'_>, body: &[u8]) -> Verdict {
    let mut body = body.to_vec();
    let (transport, keys) = take_keys(head, &mut body);
    let bytes = rewritten(head, &body);
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Verdict::Answer(answer(head, &refuse(513, "Message Too Large")));
    }
    let signalled = (!keys.is_empty()).then_some(keys).and_then(|keys| {
        let (cseq, _) = cseq_of(head)?;
        let our_tag = tag(head.first("to")?)?.to_owned();
        let dialog = DialogKey { call_id: head.first("call-id")?.to_owned(), our_tag };
        Some(Signalled { dialog, cseq, transport, keys })
    });
    Verdict::Pass(bytes, signalled)
}

/// Takes what a body says of keys, and blanks it there.
fn take_keys(head: &Head<'_>, body: &mut [u8]) -> (Transport, Vec<Key>) {
    let content_type = head.first("content-type").unwrap_or_default();
    match head.start.split(' ').next() {
        Some("INFO") => (Transport::Info, info::take_key(content_type, body).into_iter().collect()),
        Some("NOTIFY") if kpml::is_about_keys(head.first("event").unwrap_or_default(), content_type) => {
            (Transport::Kpml, kpml::take_keys(content_type, body))
        }
        _ => (Transport::Info, Vec::new()),
    }
}

fn response_fault(head: &Head<'_>) -> Option<&'static str> {
    if !head.start.starts_with("SIP/2.0 ") {
        return Some("response of another version");
    }
    let code = head.start.split(' ').nth(1).unwrap_or_default();
    let known = code.len() == 3 && matches!(code.parse::<u16>(), Ok(100..=699));
    if !known {
        return Some("response with a bad status");
    }
    let complete = ["via", "from", "to", "call-id"].iter().all(|name| head.first(name).is_some());
    match complete && cseq_of(head).is_some() {
        true => None,
        false => Some("incomplete response"),
    }
}

fn request_fault(head: &Head<'_>, body: &[u8], whole: bool) -> Option<Refusal> {
    let mut parts = head.start.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Some(refuse(400, "Bad Request Line"));
    };
    let checks = [
        version_fault(version),
        fields_fault(head),
        cseq_fault(head, method),
        method_fault(head, method),
        uri_fault(uri),
        hops_fault(head),
        extension_fault(head, method),
        length_fault(head, body, whole),
        body_fault(head, method, body),
    ];
    checks.into_iter().flatten().next()
}

fn version_fault(version: &str) -> Option<Refusal> {
    match version {
        v if v.eq_ignore_ascii_case("SIP/2.0") => None,
        v if v.starts_with("SIP/") => Some(refuse(505, "Version Not Supported")),
        _ => Some(refuse(400, "Bad Request Line")),
    }
}

fn fields_fault(head: &Head<'_>) -> Option<Refusal> {
    const ONCE: [&str; 6] = ["from", "to", "call-id", "cseq", "max-forwards", "content-length"];
    if head.first("via").is_none() || ONCE[..4].iter().any(|name| head.first(name).is_none_or(str::is_empty))
    {
        return Some(refuse(400, "Missing Header Field"));
    }
    if ONCE.iter().any(|name| head.all(name).count() > 1) {
        return Some(refuse(400, "Doubled Header Field"));
    }
    let named = ["from", "to", "contact", "reply-to"];
    if named.iter().flat_map(|name| head.all(name)).any(|value| !address_ok(value)) {
        return Some(refuse(400, "Bad Address"));
    }
    let tagged = head.first("from").is_some_and(|from| tag(from).is_some());
    let vias = head.all("via").all(|via| via.to_ascii_uppercase().trim_start().starts_with("SIP"));
    match (tagged || lacks_magic_cookie(head), vias) {
        (false, _) => Some(refuse(400, "Missing From Tag")),
        (_, false) => Some(refuse(400, "Bad Via")),
        _ => None,
    }
}

/// An RFC 2543 caller: no tag is asked of it (RFC 3261 §8.1.1.3 and §17.2.3).
fn lacks_magic_cookie(head: &Head<'_>) -> bool {
    head.first("via").is_some_and(|via| !via.contains("z9hG4bK"))
}

/// A quoted display name that ends, angle brackets that close, and no space inside them (RFC 3261
/// §25.1: an addr-spec has none).
fn address_ok(value: &str) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    let mut depth = 0_i32;
    let mut last = ' ';
    for c in value.chars() {
        let spaced = !quoted && (last == '<' && c.is_whitespace() || last.is_whitespace() && c == '>');
        match (quoted, escaped, c) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, _, '"') => quoted = !quoted,
            (false, _, '<') => depth += 1,
            (false, _, '>') => depth -= 1,
            _ => {}
        }
        if spaced || !(0..=1).contains(&depth) {
            return false;
        }
        last = c;
    }
    !quoted && depth == 0
}

/// The tag parameter of a From or To value.
pub(crate) fn tag(value: &str) -> Option<&str> {
    let after = value.rsplit_once('>').map_or(value, |(_, after)| after);
    after.split(';').skip(usize::from(!value.contains('>'))).find_map(|part| {
        let (name, tag) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("tag").then(|| tag.trim())
    })
}

fn cseq_of<'h>(head: &'h Head<'_>) -> Option<(u32, &'h str)> {
    let mut parts = head.first("cseq")?.split_ascii_whitespace();
    let number = parts.next()?.parse::<u32>().ok().filter(|n| *n < 1 << 31)?;
    Some((number, parts.next()?))
}

fn cseq_fault(head: &Head<'_>, method: &str) -> Option<Refusal> {
    match cseq_of(head) {
        Some((_, of)) if of == method => None,
        Some(_) => Some(refuse(400, "CSeq of Another Method")),
        None => Some(refuse(400, "Bad CSeq")),
    }
}

fn method_fault(head: &Head<'_>, method: &str) -> Option<Refusal> {
    if method == "SUBSCRIBE" && head.first("event").is_some_and(kpml::names_package) {
        // RFC 6665 §8.3.2: the packages that may be asked for here. REFER subscribes by itself.
        return Some(Refusal(489, "Bad Event", "Allow-Events: refer\r\n".to_owned()));
    }
    if ALLOW.split(", ").any(|known| known == method) {
        return None;
    }
    let (code, reason) = match KNOWN_NOT_OURS.contains(&method) {
        true => (405, "Method Not Allowed"),
        false => (501, "Not Implemented"),
    };
    Some(Refusal(code, reason, format!("Allow: {ALLOW}\r\n")))
}

fn uri_fault(uri: &str) -> Option<Refusal> {
    let scheme = uri.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if uri.contains(['<', '>', '"']) || !uri.contains(':') {
        return Some(refuse(400, "Bad Request URI"));
    }
    match matches!(scheme.as_str(), "sip" | "sips" | "tel") {
        false => Some(refuse(416, "Unsupported URI Scheme")),
        // Header fields in a request URI, escaped in method or body, are never acted on.
        true if uri.contains('?') => Some(refuse(400, "Header Fields in Request URI")),
        true => None,
    }
}

fn hops_fault(head: &Head<'_>) -> Option<Refusal> {
    match head.first("max-forwards").map(str::parse::<u8>) {
        None | Some(Ok(1..)) => None,
        Some(Ok(0)) => Some(refuse(483, "Too Many Hops")),
        Some(Err(_)) => Some(refuse(400, "Bad Max-Forwards")),
    }
}

fn extension_fault(head: &Head<'_>, method: &str) -> Option<Refusal> {
    // RFC 3261 §8.2.2.3: never in CANCEL, and ACK is not answered at all.
    if method == "CANCEL" {
        return None;
    }
    let required = head.all("require").chain(head.all("proxy-require"));
    let unknown: Vec<&str> = required
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty() && !EXTENSIONS.iter().any(|known| tag.eq_ignore_ascii_case(known)))
        .collect();
    match unknown.is_empty() {
        true => None,
        false => Some(Refusal(420, "Bad Extension", format!("Unsupported: {}\r\n", unknown.join(", ")))),
    }
}

fn length_fault(head: &Head<'_>, body: &[u8], whole: bool) -> Option<Refusal> {
    match head.first("content-length").map(str::parse::<usize>) {
        None => None,
        Some(Ok(length)) if length <= body.len() || !whole => None,
        _ => Some(refuse(400, "Bad Content-Length")),
    }
}

fn body_fault(head: &Head<'_>, method: &str, body: &[u8]) -> Option<Refusal> {
    if method == "INVITE" && head.first("contact").is_none_or(str::is_empty) {
        return Some(refuse(400, "Missing Contact"));
    }
    if body.is_empty() || !matches!(method, "INVITE" | "UPDATE") {
        return None;
    }
    let encoded = head.first("content-encoding").is_some_and(|e| !e.eq_ignore_ascii_case("identity"));
    let content = head.first("content-type").unwrap_or_default().to_ascii_lowercase();
    let readable = content.starts_with("application/sdp") || content.starts_with("multipart/");
    match readable && !encoded {
        true => None,
        false => Some(Refusal(
            415,
            "Unsupported Media Type",
            "Accept: application/sdp, multipart/mixed\r\nAccept-Encoding: identity\r\n".to_owned(),
        )),
    }
}

/// RFC 3261 §8.2.6: Via, From, To, Call-ID and CSeq of the request; a To tag of our own, which for
/// a stateless answer has to be the same for every retransmission.
fn answer(head: &Head<'_>, Refusal(code, reason, extra): &Refusal) -> Vec<u8> {
    let mut out = format!("SIP/2.0 {code} {reason}\r\n");
    for via in head.all("via") {
        let _ = write!(out, "Via: {via}\r\n");
    }
    for (name, field) in [("From", "from"), ("To", "to"), ("Call-ID", "call-id"), ("CSeq", "cseq")] {
        let Some(value) = head.first(field) else { continue };
        let tag = match name == "To" && tag(value).is_none() {
            true => format!(";tag=d{:x}", head.first("call-id").map_or(0, stable_hash)),
            false => String::new(),
        };
        let _ = write!(out, "{name}: {value}{tag}\r\n");
    }
    let _ = write!(out, "{extra}Content-Length: 0\r\n\r\n");
    out.into_bytes()
}

/// FNV-1a: a tag that is the same for every copy of a request, with no state kept.
fn stable_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "INVITE sip:8500@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKa\r\n\
        From: <sip:a@b>;tag=1\r\nTo: <sip:8500@127.0.0.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\
        Contact: <sip:a@127.0.0.1:5061>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";

    fn outcome(raw: &[u8]) -> String {
        match judge(raw, true) {
            Verdict::Pass(..) => "pass".to_owned(),
            Verdict::Drop(why) => format!("drop: {why}"),
            Verdict::Answer(bytes) => {
                let text = String::from_utf8(bytes).expect("text");
                text.lines().next().unwrap_or_default().trim_start_matches("SIP/2.0 ").to_owned()
            }
        }
    }

    #[test]
    fn each_fault_has_its_answer() {
        let cases: &[(&str, &str, &str)] = &[
            ("", "", "pass"),
            ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", "505 Version Not Supported"),
            ("INVITE sip:8500@127.0.0.1 SIP", "INVITE  sip:8500@127.0.0.1 SIP", "400 Bad Request Line"),
            ("From: <sip:a@b>;tag=1\r\n", "", "400 Missing Header Field"),
            (";tag=1", "", "400 Missing From Tag"),
            ("Call-ID: c1\r\n", "Call-ID: c1\r\nCall-ID: c2\r\n", "400 Doubled Header Field"),
            ("CSeq: 1 INVITE", "CSeq: 1 OPTIONS", "400 CSeq of Another Method"),
            ("CSeq: 1 INVITE", "CSeq: 4294967297 INVITE", "400 Bad CSeq"),
            ("Max-Forwards: 70", "Max-Forwards: 0", "483 Too Many Hops"),
            ("Max-Forwards: 70", "Max-Forwards: 300", "400 Bad Max-Forwards"),
            ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nRequire: 100rel\r\n", "420 Bad Extension"),
            ("Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nRequire: timer\r\n", "pass"),
            ("Length: 5", "Length: 5000", "400 Bad Content-Length"),
            ("Length: 5", "Length: -1", "400 Bad Content-Length"),
            ("Contact: <sip:a@127.0.0.1:5061>\r\n", "", "400 Missing Contact"),
            ("To: <sip:8500@127.0.0.1>", "To: \"Bell <sip:8500@127.0.0.1>", "400 Bad Address"),
            ("To: <sip:8500@127.0.0.1>", "To: < sip:8500@127.0.0.1>", "400 Bad Address"),
            ("To: <sip:8500@127.0.0.1>", "To: <sip:8500@127.0.0.1 >", "400 Bad Address"),
            ("To: <sip:8500@127.0.0.1>", "To: \"a < b\" <sip:8500@127.0.0.1>", "pass"),
            ("application/sdp", "application/unknown", "415 Unsupported Media Type"),
            ("sip:8500@127.0.0.1 ", "nobody:8500 ", "416 Unsupported URI Scheme"),
            ("sip:8500@127.0.0.1 ", "<sip:8500@127.0.0.1> ", "400 Bad Request URI"),
            ("Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKa\r\n", "", "drop: request without Via"),
        ];
        for (from, to, expected) in cases {
            assert_eq!(outcome(GOOD.replacen(from, to, 1).as_bytes()), *expected, "{from:?} -> {to:?}");
        }
        let other = GOOD.replace("INVITE", "NEWMETHOD");
        assert_eq!(outcome(other.as_bytes()), "501 Not Implemented");
        assert_eq!(outcome(GOOD.replace("INVITE", "REGISTER").as_bytes()), "405 Method Not Allowed");
        let ack = GOOD.replace("INVITE", "ACK").replace("70", "0");
        assert_eq!(outcome(ack.as_bytes()), "drop: unacceptable ACK");
    }

    #[test]
    fn a_latin1_display_name_passes_as_ascii() {
        let mut raw = GOOD.replace("From: <", "From: \"J@rgen\" <").into_bytes();
        let at = raw.iter().position(|b| *b == b'@').expect("place");
        let place = raw[at + 1..].windows(6).position(|w| w == b"J@rgen").expect("name") + at + 2;
        raw[place] = 0xfc;
        let Verdict::Pass(bytes, None) = judge(&raw, true) else { panic!("refused") };
        let text = String::from_utf8(bytes).expect("UTF-8 now");
        assert!(text.contains("\"J?rgen\" <sip:a@b>") && text.ends_with("\r\n\r\nv=0\r\n"));
    }

    #[test]
    fn an_answer_repeats_what_matches_it_to_its_request() {
        let raw = GOOD.replace("Max-Forwards: 70", "Max-Forwards: 0");
        let Verdict::Answer(first) = judge(raw.as_bytes(), true) else { panic!("passed") };
        let Verdict::Answer(again) = judge(raw.as_bytes(), true) else { panic!("passed") };
        assert_eq!(first, again, "a retransmission gets the same tag");
        let text = String::from_utf8(first).expect("text");
        for line in
            ["branch=z9hG4bKa\r\n", "From: <sip:a@b>;tag=1\r\n", "Call-ID: c1\r\n", "CSeq: 1 INVITE\r\n"]
        {
            assert!(text.contains(line), "{line}");
        }
        assert!(text.contains("To: <sip:8500@127.0.0.1>;tag=d"));
    }

    #[test]
    fn three_colons_of_an_address_become_two() {
        let bug = GOOD.replace("8500@127.0.0.1", "user@[2001:db8:::192.0.2.1]");
        let Verdict::Pass(bytes, None) = judge(bug.as_bytes(), true) else { panic!("refused") };
        let text = String::from_utf8(bytes).expect("text");
        assert!(text.starts_with("INVITE sip:user@[2001:db8::192.0.2.1] SIP/2.0\r\n"), "{text}");
        assert!(text.contains("To: <sip:user@[2001:db8::192.0.2.1]>\r\n"));
    }

    const IN_DIALOG: &str = " sip:8500@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKa\r\n\
        From: <sip:a@b>;tag=1\r\nTo: <sip:8500@127.0.0.1>;tag=2\r\nCall-ID: c1\r\n";

    fn in_dialog(method: &str, fields: &str, body: &str) -> Verdict {
        let len = body.len();
        let cseq = format!("CSeq: 7 {method}\r\n");
        let raw = format!("{method}{IN_DIALOG}{cseq}{fields}Content-Length: {len}\r\n\r\n{body}");
        judge(raw.as_bytes(), true)
    }

    fn taken(verdict: Verdict) -> (String, Transport, usize) {
        let Verdict::Pass(bytes, Some(taken)) = verdict else { panic!("no key") };
        assert_eq!(
            (taken.dialog.call_id.as_str(), taken.dialog.our_tag.as_str(), taken.cseq),
            ("c1", "2", 7)
        );
        let five = Key::from_char('5').expect("a key");
        assert!(taken.keys.iter().all(|key| key.same_as(&five)));
        (String::from_utf8(bytes).expect("text"), taken.transport, taken.keys.len())
    }

    #[test]
    fn an_info_digit_is_taken_out_of_the_bytes() {
        let body = "Signal=5\r\nDuration=160";
        let (text, transport, keys) =
            taken(in_dialog("INFO", "Content-Type: application/dtmf-relay\r\n", body));
        assert_eq!((transport, keys), (Transport::Info, 1));
        assert!(text.contains("xxxxxxxx\r\n") && !text.contains("Signal=5"));
    }

    #[test]
    fn keys_of_a_kpml_report_are_taken_out_of_the_bytes() {
        let body = "<kpml-response code=\"200\" digits=\"555\"/>";
        let fields = "o: kpml;id=1\r\nSubscription-State: active\r\nc: application/kpml-response+xml\r\n";
        let (text, transport, keys) = taken(in_dialog("NOTIFY", fields, body));
        assert_eq!((transport, keys), (Transport::Kpml, 3));
        assert!(text.ends_with(&format!("\r\n\r\n{}", "x".repeat(body.len()))));
        for fields in ["Event: kpml\r\n", "Content-Type: application/kpml-response+xml\r\n"] {
            let Verdict::Pass(bytes, _) = in_dialog("NOTIFY", fields, body) else { panic!("refused") };
            assert!(!bytes.windows(3).any(|part| part == b"555"), "blanked by either field");
        }
        let Verdict::Pass(bytes, None) = in_dialog("NOTIFY", "Event: refer\r\n", "SIP/2.0 200 OK") else {
            panic!("taken for keys")
        };
        assert!(bytes.ends_with(b"SIP/2.0 200 OK"));
    }

    #[test]
    fn nobody_may_subscribe_to_keys() {
        let subscribe = GOOD.replace("INVITE", "SUBSCRIBE").replace("Max-", "Event: kpml\r\nMax-");
        let Verdict::Answer(bytes) = judge(subscribe.as_bytes(), true) else { panic!("passed") };
        let text = String::from_utf8(bytes).expect("text");
        assert!(
            text.starts_with("SIP/2.0 489 Bad Event\r\n") && text.contains("\r\nAllow-Events: refer\r\n")
        );
        assert_eq!(outcome(subscribe.replace("kpml", "presence").as_bytes()), "405 Method Not Allowed");
    }
}
