//! What RFC 5321 asks for, and the faults.

use super::Client;
use crate::mailbox::session::{COMMAND_BYTES_MAX, MESSAGE_BYTES_MAX, RECIPIENTS_MAX, TEXT_LINE_BYTES_MAX};
use crate::mailbox::{MailFault, Mailbox};
use std::time::Duration;

const RECEIPT: &str = "From: Harbour <receipts@harbour.test>\r\n\
    To: mary@example.test\r\n\
    Subject: =?utf-8?q?Receipt=3A_=C2=A312=2E50?=\r\n to Harbour\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/alternative; boundary=\"outer\"\r\n\r\n\
    --outer\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
    You paid =C2=A312.=\r\n50\r\n\
    --outer\r\nContent-Type: multipart/related; boundary=inner\r\n\r\n\
    --inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
    PGltZyBzcmM9ImNpZDpsb2dvIj48YiBjbGFzcz0ieCI+UGFp\r\nZDwvYj4=\r\n\
    --inner\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <logo>\r\n\
    Content-Disposition: inline\r\n\r\niVBORw==\r\n--inner--\r\n--outer--\r\n";

#[tokio::test]
async fn a_receipt_arrives_and_is_read() {
    let mailbox = Mailbox::start().expect("a mailbox");
    let mut client = Client::greeted(mailbox.addr).await;
    assert_eq!(client.mail("mary@example.test", RECEIPT.as_bytes()).await, "250");
    assert_eq!(client.say("QUIT").await, "221");
    let wanted = |message: &super::super::Message| message.to == ["mary@example.test"];
    let message = mailbox.wait(Duration::from_secs(5), wanted).await.expect("kept");
    assert_eq!((message.from.as_str(), message.subject()), ("a@b.test", "Receipt: £12.50 to Harbour"));
    assert_eq!(message.text.as_deref(), Some("You paid £12.50"));
    assert_eq!(message.html.as_deref(), Some("<img src=\"cid:logo\"><b class=\"x\">Paid</b>"));
    assert_eq!(message.inlines.len(), 1);
    assert_eq!(message.inlines[0].bytes, b"\x89PNG");
    let html = message.html_whole().expect("HTML");
    assert!(html.contains("src=\"data:image/png;base64,iVBORw==\""), "{html}");
    assert_eq!(mailbox.message(&message.id).map(|found| found.raw.clone()), Some(message.raw.clone()));
    assert!(mailbox.message("ml_99").is_none());
}

#[tokio::test]
async fn order_of_commands() {
    let mailbox = Mailbox::start().expect("a mailbox");
    let mut client = Client::connect(mailbox.addr).await;
    assert_eq!(client.say("MAIL FROM:<a@b.test>").await, "503");
    assert_eq!(client.say("EHLO").await, "501");
    assert_eq!(client.say("HELO there").await, "250");
    assert_eq!(client.say("RCPT TO:<a@b.test>").await, "503");
    assert_eq!(client.say("DATA").await, "503");
    assert_eq!(client.say("mail from:<>").await, "250");
    assert_eq!(client.say("MAIL FROM:<a@b.test>").await, "503");
    assert_eq!(client.say("RCPT TO:<>").await, "501");
    assert_eq!(client.say("RCPT TO:<no-at>").await, "501");
    assert_eq!(client.say("RSET").await, "250");
    assert_eq!(client.say("NOOP").await, "250");
    assert_eq!(client.say("DATA").await, "503");
    assert_eq!(client.say("STARTTLS").await, "502");
    assert_eq!(client.say("NOOP again and").await, "250", "still in the same session");
}

#[tokio::test]
async fn dots_are_taken_back_and_only_crlf_ends() {
    let mailbox = Mailbox::start().expect("a mailbox");
    let mut client = Client::greeted(mailbox.addr).await;
    let body = b"Subject: dots\r\n\r\n..one\r\n...\r\nbare\n.\nlf\r\nend";
    assert_eq!(client.mail("a@b.test", body).await, "250");
    let kept = mailbox.messages();
    assert_eq!(kept[0].text.as_deref(), Some(".one\r\n..\r\nbare\n.\nlf\r\nend\r\n"));
    assert_eq!(client.mail("a@b.test", b"").await, "250", "an empty one");
    assert_eq!(mailbox.messages().len(), 2);
}

#[tokio::test]
async fn limits_have_answers() {
    let mailbox = Mailbox::start().expect("a mailbox");
    let mut client = Client::greeted(mailbox.addr).await;
    assert_eq!(client.say(&"N".repeat(COMMAND_BYTES_MAX)).await, "500");
    assert_eq!(client.say(&format!("MAIL FROM:<a@b.test> SIZE={}", MESSAGE_BYTES_MAX + 1)).await, "552");
    assert_eq!(client.mail("a@b.test", &b"x".repeat(TEXT_LINE_BYTES_MAX)).await, "500");
    let line = [&b"y".repeat(TEXT_LINE_BYTES_MAX - 2)[..], b"\r\n"].concat();
    assert_eq!(client.mail("a@b.test", &line.repeat(MESSAGE_BYTES_MAX / line.len() + 1)).await, "552");
    assert_eq!(client.mail("a@b.test", &line.repeat(1_000)).await, "250", "just below");
    assert_eq!(client.say("MAIL FROM:<a@b.test>").await, "250");
    for _ in 0..RECIPIENTS_MAX {
        assert_eq!(client.say("RCPT TO:<a@b.test>").await, "250");
    }
    assert_eq!(client.say("RCPT TO:<a@b.test>").await, "452");
    assert_eq!(mailbox.messages().len(), 1);
}

#[tokio::test]
async fn nonsense_ends_a_session() {
    let mailbox = Mailbox::start().expect("a mailbox");
    let mut client = Client::connect(mailbox.addr).await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(client.say("\u{7f}\u{0}GET / HTTP/1.1").await);
        if answers.last().is_some_and(|code| code == "421") {
            break;
        }
    }
    assert_eq!(answers.last().map(String::as_str), Some("421"), "{answers:?}");
    assert_eq!(client.answer().await, "", "closed");
}

#[tokio::test]
async fn faults_on_wish() {
    let mailbox = Mailbox::start().expect("a mailbox");
    let mut client = Client::greeted(mailbox.addr).await;
    mailbox.fail_next(MailFault::Defer, 1);
    assert_eq!(client.mail("a@b.test", b"one").await, "451");
    mailbox.fail_next(MailFault::Refuse, 1);
    assert_eq!(client.mail("a@b.test", b"two").await, "550");
    assert_eq!(client.say("RSET").await, "250");
    mailbox.fail_next(MailFault::DropAfterData, 1);
    assert_eq!(client.mail("a@b.test", b"three").await, "", "closed without an answer");
    assert!(mailbox.messages().is_empty());
    let mut client = Client::greeted(mailbox.addr).await;
    mailbox.fail_next(MailFault::Defer, 5);
    mailbox.fail_next(MailFault::Defer, 0);
    assert_eq!(client.mail("a@b.test", b"four").await, "250");
    mailbox.down();
    assert!(tokio::net::TcpStream::connect(mailbox.addr).await.is_err(), "nobody listens");
    assert_eq!(mailbox.messages().len(), 1, "what was kept stays");
    mailbox.up().expect("the port is still ours");
    let mut client = Client::greeted(mailbox.addr).await;
    assert_eq!(client.mail("a@b.test", b"five").await, "250");
    assert_eq!(mailbox.messages().len(), 2);
}

#[tokio::test]
async fn the_oldest_messages_go_first() {
    let mailbox = Mailbox::start().expect("a mailbox");
    for _ in 0..3 {
        let mut client = Client::greeted(mailbox.addr).await;
        for _ in 0..70 {
            assert_eq!(client.mail("a@b.test", b"x").await, "250");
        }
    }
    let kept = mailbox.messages();
    assert_eq!((kept.len(), kept[0].id.as_str(), kept[199].id.as_str()), (200, "ml_11", "ml_210"));
}
