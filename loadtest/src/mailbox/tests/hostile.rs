//! Bytes that nobody sane sends: reading gives something, and never hangs or panics.

use std::time::{Instant, SystemTime};

use crate::mailbox::Message;
use crate::mailbox::mime::{FIELDS_MAX, PARTS_MAX};
use crate::rng::Rng;

fn read(raw: &[u8]) -> Message {
    Message::read("ml_1".into(), SystemTime::UNIX_EPOCH, String::new(), Vec::new(), raw.to_vec())
}

#[test]
fn a_tree_without_end_is_cut() {
    let mut raw = Vec::new();
    for depth in 0..2_000 {
        raw.extend_from_slice(
            format!("Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n").as_bytes(),
        );
    }
    let message = read(&raw);
    assert_eq!((message.text, message.html, message.inlines.len()), (None, None, 0));
}

#[test]
fn parts_and_fields_are_bounded() {
    let mut raw = b"Content-Type: multipart/mixed; boundary=b\r\n".to_vec();
    for n in 0..1_000 {
        raw.extend_from_slice(format!("X-{n}: y\r\n").as_bytes());
    }
    raw.extend_from_slice(b"\r\n");
    for n in 0..1_000 {
        raw.extend_from_slice(
            format!("--b\r\nContent-Type: image/png\r\nContent-ID: <i{n}>\r\n\r\nx\r\n").as_bytes(),
        );
    }
    let message = read(&raw);
    assert_eq!((message.headers.len(), message.inlines.len()), (FIELDS_MAX, PARTS_MAX));
}

#[test]
fn a_script_is_no_picture() {
    let raw = b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=cid:a>\r\n\
        --b\r\nContent-Type: image/svg+xml\r\nContent-ID: <a>\r\n\r\n<svg onload=x>\r\n--b--\r\n";
    assert_eq!(read(raw).html_whole().as_deref(), Some("<img src=cid:a>"));
}

/// Broken copies of a whole message, and noise: each is read, quickly.
#[test]
fn whatever_comes_is_read() {
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut rng = Rng::named(seed, "hostile mail");
    let whole = b"Subject: =?utf-8?b?w6k=?=\r\nContent-Type: multipart/alternative; boundary=\"o\"\r\n\r\n--o\r\n\
        Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=C3=A9=\r\n\r\n--o\r\n\
        Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\n--o--\r\n";
    let started = Instant::now();
    for _ in 0..5_000 {
        let mut raw = whole.to_vec();
        for _ in 0..1 + rng.below(6) {
            let at = rng.below(raw.len() as u32) as usize;
            match rng.below(4) {
                0 => raw[at] = rng.bits() as u8,
                1 => drop(raw.drain(at..(at + rng.below(20) as usize).min(raw.len()))),
                2 => raw.splice(at..at, whole[..rng.below(60) as usize].iter().copied()).for_each(drop),
                _ => raw.truncate(at.max(1)),
            }
            if raw.is_empty() {
                raw.push(b'\n');
            }
        }
        let message = read(&raw);
        let _shown = (message.subject().len(), message.html_whole());
        assert_eq!(message.raw, raw);
    }
    assert!(started.elapsed().as_secs() < 60, "seed {seed}: {:?}", started.elapsed());
}
