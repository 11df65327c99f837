//! What happens below HTTP: resets, silence, cut answers, floods.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{DEADLINE, Till, sale};
use crate::sandbox::{Fault, SandboxOptions};

const GOOD: &str = "4242424242424242";

/// Sends bytes and reads until the connection ends; how it ended: `None` for FIN, else the error.
async fn exchange(till: &Till, bytes: &[u8]) -> (String, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(till.gateway.addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut received = Vec::new();
    let mut buffer = [0; 4_096];
    let end = loop {
        match tokio::time::timeout(DEADLINE, stream.read(&mut buffer)).await.unwrap() {
            Ok(0) => break None,
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) => break Some(error.kind()),
        }
    };
    (String::from_utf8(received).unwrap(), end)
}

async fn pay_raw(till: &Till, reference: &str, number: &str) -> (String, Option<ErrorKind>) {
    exchange(till, &till.raw_payment(reference, &sale(reference, number))).await
}

#[tokio::test]
async fn an_answer_is_the_last_on_its_connection() {
    let till = Till::quick();
    let (text, end) = pay_raw(&till, "r-1", GOOD).await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("\r\nconnection: close\r\n"), "{text}");
    assert_eq!(end, None);
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let till = Till::quick();
    for (reference, number) in [("after", "4000000000002685"), ("before", "4000000000003055")] {
        assert_eq!(
            pay_raw(&till, reference, number).await,
            (String::new(), Some(ErrorKind::ConnectionReset))
        );
    }
    assert_eq!((till.times_charged("after"), till.times_charged("before")), (1, 0));
}

#[tokio::test]
async fn a_hang_holds_and_then_closes_or_resets() {
    let till = Till::open(SandboxOptions { hang_ms: 200, ..SandboxOptions::default() });
    for (reference, number) in [("after", "4000000000000259"), ("before", "4009830000001985")] {
        let sent = Instant::now();
        assert_eq!(pay_raw(&till, reference, number).await, (String::new(), None));
        assert!(sent.elapsed() >= Duration::from_millis(200));
    }
    till.force(&[Fault::TimeoutAfter]);
    let sent = Instant::now();
    assert_eq!(pay_raw(&till, "chaos", GOOD).await, (String::new(), Some(ErrorKind::ConnectionReset)));
    assert!(sent.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_cut_answer_promises_more_than_comes() {
    let till = Till::quick();
    let (text, end) = pay_raw(&till, "r-1", "4000000000005423").await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-length: 900"), "{head}");
    assert!(body.starts_with("{\"id\":\"pay_") && body.len() < 900, "{body}");
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn slow_takes_half_of_the_hang() {
    let till = Till::open(SandboxOptions { hang_ms: 400, ..SandboxOptions::default() });
    till.force(&[Fault::Slow]);
    let sent = Instant::now();
    till.paid("r-1", GOOD).await;
    assert!(sent.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn large_bodies_other_media_and_noise_are_refused() {
    let till = Till::quick();
    let post = |length: usize, media: &'static str| {
        let request =
            till.client.post(format!("{}/v1/payments", till.gateway.url())).bearer_auth(&till.secret);
        request.header("idempotency-key", "k-1").header("content-type", media).body("x".repeat(length)).send()
    };
    for (length, media, status) in [
        (16 * 1024 + 1, "application/json", 413),
        (200_000, "application/json", 413),
        (16 * 1024, "application/json", 400),
        (10, "text/plain", 415),
        (10, "application/json; charset=utf-8", 400),
    ] {
        assert_eq!(post(length, media).await.unwrap().status().as_u16(), status, "{length} {media}");
    }
    let (text, _) = exchange(&till, b"\x16\x03\x01 this is not HTTP\r\n\r\n").await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 400"), "{text}");
    let head = format!("GET /v1/ping HTTP/1.1\r\nHost: s\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let (text, _) = exchange(&till, head.as_bytes()).await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
    assert_eq!(till.get("/v1/ping").await.status, 200);
}

#[tokio::test]
async fn the_command_line_s_server_serves_until_it_is_dropped() {
    let till = Till::quick();
    let addr = till.gateway.addr;
    till.gateway.stop();
    let options = SandboxOptions::default();
    let serving = tokio::spawn(crate::sandbox::serve(addr, options));
    let _stream = super::until(|| TcpStream::connect(addr), Result::is_ok).await;
    let ping = till.client.get(format!("http://{addr}/v1/ping")).bearer_auth(&till.secret).send().await;
    assert_eq!(ping.unwrap().status(), 200);
    assert!(crate::sandbox::serve(addr, SandboxOptions::default()).await.is_err(), "the port is taken");
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
}
