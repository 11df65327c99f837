//! From a letter to the bytes that are sent. Pure.

use super::{Letter, MailError};
use crate::text;
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use std::time::SystemTime;

/// Characters of a name or subject that are kept.
const LINE_LEN_MAX: usize = 120;

/// What a PNG begins with (ISO/IEC 15948 §5.2).
const PNG: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Content-ID of the logo: `cid:logo` in the HTML.
const LOGO_CID: &str = "logo";

/// A letter as it goes out.
#[derive(Debug)]
pub(super) struct Composed {
    /// Envelope recipient.
    pub to: Address,
    /// RFC 5322 message.
    pub bytes: Vec<u8>,
}

/// `multipart/alternative(text, related(html, logo))`. Text of others stands in encoded words and
/// encoded bodies only, so that none of it can become a header.
pub(super) fn compose(letter: &Letter, from: &Address, now: SystemTime) -> Result<Composed, MailError> {
    let to: Address = letter.to.parse().map_err(|_| permanent("That is not an e-mail address."))?;
    let name = text::words(&letter.from_name, LINE_LEN_MAX);
    let mut builder = Message::builder()
        .from(Mailbox::new(Some(name).filter(|name| !name.is_empty()), from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .date(now)
        .subject(text::words(&letter.subject, LINE_LEN_MAX))
        .message_id(Some(message_id(&letter.message_id, from)?))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    if !letter.reply_to.is_empty() {
        // The tenant's setting is wrong, not the letter: it can be mended while the letter waits.
        let reply_to = letter.reply_to.parse();
        let reply_to = reply_to.map_err(|_| temporary("The organisation's reply address cannot be used."))?;
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    let html = SinglePart::html(letter.html.clone());
    let alternative = MultiPart::alternative().singlepart(SinglePart::plain(letter.text.clone()));
    let body = match &letter.logo {
        None => alternative.singlepart(html),
        Some(logo) if !logo.starts_with(&PNG) => {
            return Err(temporary("The organisation's logo is not a PNG."));
        }
        Some(logo) => {
            let png = ContentType::parse("image/png").map_err(|_| temporary("The logo cannot be sent."))?;
            let logo = Attachment::new_inline(LOGO_CID.to_owned()).body(logo.clone(), png);
            alternative.multipart(MultiPart::related().singlepart(html).singlepart(logo))
        }
    };
    let message = builder.multipart(body).map_err(|_| permanent("The letter cannot be written."))?;
    Ok(Composed { to, bytes: message.formatted() })
}

/// RFC 5322 §3.6.4.
fn message_id(id: &str, from: &Address) -> Result<String, MailError> {
    let known = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if known { Ok(format!("<{id}@{}>", from.domain())) } else { Err(permanent("The letter has no id.")) }
}

fn temporary(words: &str) -> MailError {
    MailError::Temporary(words.to_owned())
}

fn permanent(words: &str) -> MailError {
    MailError::Permanent(words.to_owned())
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
