use super::*;
use std::time::{Duration, UNIX_EPOCH};

fn letter() -> Letter {
    Letter {
        from_name: "Harbour Energy".into(),
        reply_to: "help@harbour.example".into(),
        to: "zoe@example.org".into(),
        subject: "Receipt: \u{a3}12.50 to Harbour Energy".into(),
        text: "Paid \u{a3}12.50\n".into(),
        html: "<p>Paid \u{a3}12.50</p><img src=\"cid:logo\">".into(),
        logo: Some([&PNG[..], b"rest"].concat()),
        message_id: "rc_00000000000000000001".into(),
    }
}

fn composed(letter: &Letter) -> Result<String, MailError> {
    let from = "receipts@pay.example".parse().expect("an address");
    let now = UNIX_EPOCH + Duration::from_secs(1_795_359_600);
    let composed = compose(letter, &from, now)?;
    assert!(composed.bytes.is_ascii(), "a server without 8BITMIME can take it");
    Ok(String::from_utf8(composed.bytes).expect("ASCII"))
}

#[test]
fn the_parts_of_a_letter() {
    let mail = composed(&letter()).expect("a letter");
    let (head, body) = mail.split_once("\r\n\r\n").expect("a head");
    for line in [
        "From: \"Harbour Energy\" <receipts@pay.example>",
        "To: zoe@example.org",
        "Reply-To: help@harbour.example",
        "Date: Sun, 22 Nov 2026 15:00:00 +0000",
        "Message-ID: <rc_00000000000000000001@pay.example>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ] {
        assert!(head.lines().any(|known| known == line), "{line} in {head}");
    }
    let places = ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"];
    let found: Vec<_> = places.iter().map(|part| mail.find(part)).collect();
    assert!(found.iter().all(Option::is_some) && found.is_sorted(), "{found:?} in {mail}");
    assert!(body.contains("Content-ID: <logo>") && body.contains("Content-Disposition: inline"));
    let plain = composed(&Letter { logo: None, ..letter() }).expect("a letter");
    assert!(!plain.contains("multipart/related") && !plain.contains("image/png"));
    assert!(
        !composed(&Letter { reply_to: String::new(), ..letter() }).expect("a letter").contains("Reply-To")
    );
}

#[test]
fn texts_of_others_become_no_header() {
    let hostile = "x\r\nBcc: eve@example.org\r\n\r\nbody\u{202e}\u{0}";
    let mail = composed(&Letter { subject: hostile.into(), from_name: hostile.into(), ..letter() });
    let mail = mail.expect("a letter");
    let head = mail.split_once("\r\n\r\n").expect("a head").0;
    assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{head}");
    for to in
        ["", "zoe", "zoe@", "a@b\r\nRCPT TO:<c@d>", "a@b, c@d", "<a@b>", "Zoe <zoe@example.org>", "a b@c"]
    {
        let refused = composed(&Letter { to: to.into(), ..letter() });
        assert!(matches!(refused, Err(MailError::Permanent(_))), "{to:?}");
    }
}

#[test]
fn what_is_wrong_with_the_set_up_can_be_mended_while_the_letter_waits() {
    for letter in [
        Letter { reply_to: "nobody".into(), ..letter() },
        Letter { logo: Some(b"GIF89a".to_vec()), ..letter() },
    ] {
        assert!(matches!(composed(&letter), Err(MailError::Temporary(_))));
    }
    for id in ["", "a@b", "a b", "a>\r\nX: y"] {
        assert!(composed(&Letter { message_id: id.into(), ..letter() }).is_err(), "{id:?}");
    }
}
