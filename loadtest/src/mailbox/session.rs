//! One SMTP session (RFC 5321): EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use super::{MailFault, Shared};

/// Largest message, octets: advertised by SIZE (RFC 1870).
pub(super) const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Longest command line with its CRLF (RFC 5321 §4.5.3.1.4).
pub(super) const COMMAND_BYTES_MAX: usize = 512;
/// Longest line of a message with its CRLF (RFC 5321 §4.5.3.1.6).
pub(super) const TEXT_LINE_BYTES_MAX: usize = 1_000;
/// Recipients of a message (RFC 5321 §4.5.3.1.8 asks for at least 100).
pub(super) const RECIPIENTS_MAX: usize = 100;
/// Commands that are not understood before the session is ended.
const BAD_COMMANDS_MAX: u32 = 10;
/// Commands of one session: enough for a hundred messages.
const COMMANDS_MAX: u32 = 1_000;
/// Silence after which a session is ended; RFC 5321 §4.5.3.2.7 would wait 5 minutes, a demo need not.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A line, or why there is none.
enum Line {
    /// Without its CRLF.
    Whole(Vec<u8>),
    /// Longer than allowed; it was read to its end and thrown away.
    TooLong,
    /// The client left, or was silent for too long.
    Gone,
}

/// Whether the session goes on.
#[derive(PartialEq)]
enum Next {
    Go,
    End,
}

struct Session<'a> {
    reader: BufReader<tokio::net::tcp::OwnedReadHalf>,
    writer: OwnedWriteHalf,
    shared: &'a Shared,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
    bad: u32,
}

/// Serves a connection to its end.
pub(super) async fn run(stream: TcpStream, shared: &Shared) {
    // Answers are short and each is waited for.
    let _set = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let reader = BufReader::new(reader);
    let mut session = Session { reader, writer, shared, greeted: false, from: None, to: Vec::new(), bad: 0 };
    if session.say("220 mailbox.test ESMTP").await == Next::End {
        return;
    }
    for _ in 0..COMMANDS_MAX {
        let next = match read_line(&mut session.reader, COMMAND_BYTES_MAX).await {
            Line::Gone => return,
            Line::TooLong => session.bad("500 5.5.2 Line too long").await,
            Line::Whole(line) => match String::from_utf8(line) {
                Ok(line) => session.command(&line).await,
                Err(_) => session.bad("500 5.5.2 Not understood").await,
            },
        };
        if next == Next::End {
            return;
        }
    }
    session.say("421 4.7.0 Too many commands").await;
}

impl Session<'_> {
    async fn say(&mut self, words: &str) -> Next {
        let line = format!("{words}\r\n");
        let written = tokio::time::timeout(SILENCE_MAX, self.writer.write_all(line.as_bytes())).await;
        if matches!(written, Ok(Ok(()))) { Next::Go } else { Next::End }
    }

    async fn bad(&mut self, words: &str) -> Next {
        self.bad += 1;
        if self.bad > BAD_COMMANDS_MAX {
            self.say("421 4.7.0 Too many errors").await;
            return Next::End;
        }
        self.say(words).await
    }

    async fn command(&mut self, line: &str) -> Next {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.greet(rest, true).await,
            "HELO" => self.greet(rest, false).await,
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.rcpt(rest).await,
            "DATA" => self.data().await,
            "RSET" => {
                self.reset();
                self.say("250 2.0.0 Forgotten").await
            }
            "NOOP" => self.say("250 2.0.0 Still here").await,
            "QUIT" => {
                self.say("221 2.0.0 Goodbye").await;
                Next::End
            }
            "VRFY" => self.say("252 2.1.5 Send something and see").await,
            _ => self.bad("502 5.5.1 No such command here").await,
        }
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn greet(&mut self, name: &str, extended: bool) -> Next {
        if name.trim().is_empty() {
            return self.bad("501 5.5.4 Who is there?").await;
        }
        self.reset();
        self.greeted = true;
        if !extended {
            return self.say("250 mailbox.test").await;
        }
        let size = format!("250-SIZE {MESSAGE_BYTES_MAX}");
        self.say(&format!("250-mailbox.test\r\n{size}\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES")).await
    }

    async fn mail(&mut self, rest: &str) -> Next {
        if !self.greeted {
            return self.bad("503 5.5.1 Say EHLO first").await;
        }
        if self.from.is_some() {
            return self.bad("503 5.5.1 One sender is enough").await;
        }
        let Some((address, parameters)) = path(rest, "FROM:", true) else {
            return self.bad("501 5.5.4 MAIL FROM:<address>").await;
        };
        let declared = parameters.split(' ').find_map(|word| {
            let (name, value) = word.split_once('=')?;
            name.eq_ignore_ascii_case("SIZE").then(|| value.parse::<u64>().ok())?
        });
        if declared.is_some_and(|bytes| bytes > MESSAGE_BYTES_MAX as u64) {
            return self.say("552 5.3.4 Too large").await;
        }
        self.from = Some(address);
        self.say("250 2.1.0 Sender taken").await
    }

    async fn rcpt(&mut self, rest: &str) -> Next {
        if self.from.is_none() {
            return self.bad("503 5.5.1 MAIL first").await;
        }
        let Some((address, _)) = path(rest, "TO:", false) else {
            return self.bad("501 5.5.4 RCPT TO:<address>").await;
        };
        if self.to.len() >= RECIPIENTS_MAX {
            return self.say("452 4.5.3 Too many recipients").await;
        }
        if self.shared.take_fault(MailFault::Refuse) {
            return self.say("550 5.1.1 There is no such mailbox").await;
        }
        self.to.push(address);
        self.say("250 2.1.5 Recipient taken").await
    }

    async fn data(&mut self) -> Next {
        if self.to.is_empty() {
            return self.bad("503 5.5.1 RCPT first").await;
        }
        if self.say("354 End with a dot on a line of its own").await == Next::End {
            return Next::End;
        }
        let (raw, complaint) = match self.read_message().await {
            Some(read) => read,
            None => return Next::End,
        };
        if self.shared.take_fault(MailFault::DropAfterData) {
            return Next::End;
        }
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        if let Some(complaint) = complaint {
            return self.say(complaint).await;
        }
        if self.shared.take_fault(MailFault::Defer) {
            return self.say("451 4.3.0 Try again later").await;
        }
        let id = self.shared.keep(from, to, raw);
        self.say(&format!("250 2.0.0 Kept as {id}")).await
    }

    /// A message with the dots taken back (§4.5.2), and what is wrong with it; `None` if the client left. A message that
    /// is too large is read to its end: an answer before that would be lost.
    async fn read_message(&mut self) -> Option<(Vec<u8>, Option<&'static str>)> {
        let mut raw = Vec::new();
        let (mut complaint, mut seen_bytes) = (None, 0);
        loop {
            match read_line(&mut self.reader, TEXT_LINE_BYTES_MAX).await {
                Line::Gone => return None,
                Line::TooLong => {
                    complaint = Some("500 5.6.0 A line of the message is too long");
                    seen_bytes += TEXT_LINE_BYTES_MAX;
                }
                Line::Whole(line) if line == b"." => return Some((raw, complaint)),
                Line::Whole(line) => {
                    let line = line.strip_prefix(b".").unwrap_or(&line);
                    seen_bytes += line.len() + 2;
                    if seen_bytes <= MESSAGE_BYTES_MAX {
                        raw.extend_from_slice(line);
                        raw.extend_from_slice(b"\r\n");
                    } else {
                        complaint = Some("552 5.3.4 Too large");
                        raw = Vec::new();
                    }
                }
            }
            // Somebody who never ends is not listened to for ever.
            if seen_bytes > 8 * MESSAGE_BYTES_MAX {
                return None;
            }
        }
    }
}

/// `FROM:<address> parameters`; the empty reverse path `<>` only where `null` allows it.
fn path<'a>(rest: &'a str, word: &str, null: bool) -> Option<(String, &'a str)> {
    let head = rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
    let inner = rest[head.len()..].trim_start().strip_prefix('<')?;
    let (address, parameters) = inner.split_once('>')?;
    let sound = address.len() <= 320
        && address.bytes().all(|byte| byte > b' ' && byte != 0x7f)
        && address.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    (sound || (null && address.is_empty())).then(|| (address.to_owned(), parameters.trim()))
}

/// Reads to CRLF. A bare LF or CR ends nothing (RFC 5321 §2.3.8): servers that thought otherwise let mail be smuggled.
async fn read_line(reader: &mut BufReader<impl AsyncRead + Unpin>, bytes_max: usize) -> Line {
    let read = tokio::time::timeout(SILENCE_MAX, async {
        let mut line = Vec::new();
        let mut too_long = false;
        loop {
            let Ok(buffer) = reader.fill_buf().await else { return Line::Gone };
            if buffer.is_empty() {
                return Line::Gone;
            }
            let (take, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), false),
            };
            line.extend_from_slice(&buffer[..take]);
            reader.consume(take);
            if ended && line.ends_with(b"\r\n") {
                if too_long || line.len() > bytes_max {
                    return Line::TooLong;
                }
                line.truncate(line.len() - 2);
                return Line::Whole(line);
            }
            if line.len() > bytes_max {
                too_long = true;
                // The last octet may be the CR of the end.
                line.drain(..line.len() - 1);
            }
        }
    });
    read.await.unwrap_or(Line::Gone)
}
