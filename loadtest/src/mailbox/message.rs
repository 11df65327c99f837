//! A message as it was received, and what can be read of it.

use std::time::SystemTime;

use super::{mime, words};

/// A picture or another part that HTML refers to by `cid:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inline {
    /// Content-ID without brackets.
    pub content_id: String,
    /// For example `image/png`.
    pub media_type: String,
    /// Decoded.
    pub bytes: Vec<u8>,
}

/// A message that was kept. Whatever its bytes are, reading gives something and never fails.
#[derive(Clone, Debug)]
pub struct Message {
    /// Our id.
    pub id: String,
    /// When it came.
    pub arrived: SystemTime,
    /// Envelope sender; empty for the null path.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// All of it, with CRLF line ends and without dot-stuffing.
    pub raw: Vec<u8>,
    /// Header fields in order, folded lines joined, encoded words read.
    pub headers: Vec<(String, String)>,
    /// The plain-text part.
    pub text: Option<String>,
    /// The HTML part.
    pub html: Option<String>,
    /// Parts with a Content-ID.
    pub inlines: Vec<Inline>,
}

impl Message {
    /// Reads a message.
    #[must_use]
    pub fn read(id: String, arrived: SystemTime, from: String, to: Vec<String>, raw: Vec<u8>) -> Self {
        let (headers, body) = mime::split(&raw);
        let (mut text, mut html, mut inlines) = (None, None, Vec::new());
        for part in mime::leaves(&headers, body) {
            let slot = match part.media_type.as_str() {
                "text/plain" => &mut text,
                "text/html" => &mut html,
                _ => {
                    if let Some(content_id) = part.content_id {
                        inlines.push(Inline { content_id, media_type: part.media_type, bytes: part.body });
                    }
                    continue;
                }
            };
            if slot.is_none() && !part.attached {
                *slot = Some(words::text_of(&part.body, &part.charset));
            }
        }
        Self { id, arrived, from, to, headers, text, html, inlines, raw }
    }

    /// The first header field of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        mime::field(&self.headers, name)
    }

    /// The subject; empty without one.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.header("subject").unwrap_or_default()
    }

    /// The HTML part with its `cid:` pictures in it as `data:` URLs, so that it shows without a network.
    #[must_use]
    pub fn html_whole(&self) -> Option<String> {
        let mut html = self.html.clone()?;
        let pictures = self.inlines.iter().filter(|part| is_picture(&part.media_type));
        for part in pictures.filter(|part| !part.content_id.is_empty()) {
            let url = format!("data:{};base64,{}", part.media_type, words::to_base64(&part.bytes));
            html = html.replace(&format!("cid:{}", part.content_id), &url);
        }
        Some(html)
    }
}

/// Pictures that run no script; an SVG may.
fn is_picture(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}
