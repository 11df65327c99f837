use super::*;
use crate::demo::Controls;
use tonewall_loadtest::mailbox::Mailbox;

const MAIL: &str = "From: Harbour Home Insurance <receipts@harbour.example>\r\n\
    To: customer@example.org\r\n\
    Subject: Receipt <1>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/alternative; boundary=part\r\n\r\n\
    --part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPaid & done\r\n\
    --part\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p style=\"color:red\" onclick=\"x()\">Paid</p>\r\n\
    --part--\r\n";

/// Brings the mail as a mail server would.
async fn deliver(mailbox: &Mailbox) {
    let mut stream = TcpStream::connect(mailbox.addr).await.expect("connected");
    let lines =
        ["EHLO test", "MAIL FROM:<receipts@harbour.example>", "RCPT TO:<customer@example.org>", "DATA"];
    for line in lines {
        said(&mut stream).await;
        stream.write_all(format!("{line}\r\n").as_bytes()).await.expect("sent");
    }
    said(&mut stream).await;
    stream.write_all(format!("{MAIL}.\r\n").as_bytes()).await.expect("sent");
    assert!(said(&mut stream).await.starts_with("250"));
}

/// One reply: its last line has a blank after the code (RFC 5321 §4.2.1).
async fn said(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.lines().last().is_some_and(|line| line.get(3..4) == Some(" ") && text.ends_with('\n')) {
        let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("in time").expect("a reply");
        text.push(char::from(byte));
    }
    text.lines().last().unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn a_customer_calls_from_the_page() {
    let mailbox = Arc::new(Mailbox::start().expect("mailbox"));
    let (controls, mut wanted) = Controls::new(mailbox);
    let world = World::demo("demo-call", controls).await;
    assert!(world.browser().get("/sign-in").await.body.contains("harbour-ada-demo"));
    let mut ada = world.signed_in(ADA).await;
    let answer = ada.post("/desk", "/demo/call", "behaviour=silent&card=visa").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/desk")), "{}", answer.body);
    let call = wanted.try_recv().expect("a call");
    assert_eq!((call.tenant.as_str(), call.agent.0.as_str(), call.caller), ("harbour", "ada", None));
    let mut module = ada.clone().json();
    assert_eq!(module.post("/desk", "/demo/call", "caller=%2B447700900123").await.status, 202);
    assert_eq!(wanted.try_recv().expect("a call").caller.as_deref(), Some("+447700900123"));
    for (form, field) in [("behaviour=dances", "behaviour"), ("card=paper", "card"), ("caller=12", "caller")]
    {
        let answer = module.post("/desk", "/demo/call", form).await;
        assert_eq!(answer.status, 422, "{form}");
        assert!(answer.body.contains(&format!("\"field\":\"{field}\"")), "{}", answer.body);
    }
    assert_eq!(module.send("POST", "/demo/call", "card=visa").await.status, 403);
    assert_eq!(world.browser().json().post("/sign-in", "/demo/call", "").await.status, 401);
    drop(wanted);
    assert_eq!(module.post("/desk", "/demo/call", "").await.status, 503);
}

#[actix_web::test]
async fn the_mailbox_shows_letters_in_a_frame_that_can_do_nothing() {
    let mailbox = Arc::new(Mailbox::start().expect("mailbox"));
    let (controls, _wanted) = Controls::new(Arc::clone(&mailbox));
    let world = World::demo("demo-mail", controls).await;
    let mut ada = world.signed_in(ADA).await;
    assert!(ada.get("/dev/mail").await.body.contains("No letters yet"));
    deliver(&mailbox).await;
    let list = ada.get("/dev/mail").await;
    assert_eq!(list.status, 200);
    assert!(
        list.body.contains("Receipt &lt;1&gt;") && list.body.contains("customer@example.org"),
        "{}",
        list.body
    );
    let id = mailbox.messages()[0].id.clone();
    let mail = ada.get(&format!("/dev/mail/{id}")).await;
    assert_eq!(mail.status, 200);
    assert!(mail.body.contains("Paid &amp; done") && !mail.body.contains("onclick"), "{}", mail.body);
    assert!(mail.header("content-security-policy").is_some_and(|policy| policy.contains("frame-src 'self'")));
    let letter = ada.get(&format!("/dev/mail/{id}/html")).await;
    let policy = letter.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("sandbox; default-src 'none'") && !policy.contains("script-src"), "{policy}");
    assert_eq!(letter.header("cache-control"), Some("no-store"));
    assert_eq!(ada.get("/dev/mail/none").await.status, 404);
    // Another organisation's agents do not see whom it wrote to.
    let mut cleo = world.signed_in(CLEO).await;
    assert!(cleo.get("/dev/mail").await.body.contains("No letters yet"));
    for path in [format!("/dev/mail/{id}"), format!("/dev/mail/{id}/html")] {
        assert_eq!(cleo.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(world.browser().get("/dev/mail").await.status, 303);
}
