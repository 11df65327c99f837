//! Sockets: HTTP/1.1, one request a connection, and every way of not answering.
//!
//! hyper speaks HTTP; this file keeps the socket. A web framework hands out responses and no sockets, so it can
//! neither reset a connection (RST needs `SO_LINGER` 0 on the very socket) nor promise 900 bytes and send 40. Here a
//! spoilt answer is signalled past hyper, which then gives the socket back.
//!
//! One request a connection, because a dead keep-alive connection would add failures nobody asked for, and because a
//! read buffer that waits for a next request would still hold the card of the last.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use zeroize::Zeroizing;

use super::answer::{Answer, Refusal, Wire};
use super::gateway::Gateway;
use super::routes::{self, Request};
use crate::served;

/// Connections at once; the next ones wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 1_024;
/// Largest body.
const BODY_BYTES_MAX: usize = 16 * 1_024;
/// How much of a larger body is read before the connection is given up.
const DRAIN_BYTES_MAX: usize = 1_024 * 1_024;
/// Largest head: hyper's smallest buffer.
const HEAD_BYTES_MAX: usize = 8 * 1_024;
/// Time for the head, and again for the body.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// Time for everything: the longest hang, the longest wait, and a slow reader.
const CONNECTION_LIMIT: Duration = Duration::from_secs(300);
/// What a cut answer promises.
const TRUNCATED_PROMISE_BYTES: usize = 900;
/// What a garbled answer holds: a proxy's idea of an answer.
const GARBAGE: &[u8] = b"<html><body>upstream says hello</body></html>";

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Accepts until dropped.
pub(super) async fn accept(listener: TcpListener, gateway: Arc<Gateway>) -> Infallible {
    let connection = |stream, place| {
        let connection = connection(stream, Arc::clone(&gateway), Arc::new(place));
        tokio::time::timeout(CONNECTION_LIMIT, connection)
    };
    served::accept(listener, CONNECTIONS_MAX, connection).await
}

/// Serves one connection. `place` is held by the work too, which may outlive its client.
async fn connection(stream: TcpStream, gateway: Arc<Gateway>, place: Arc<OwnedSemaphorePermit>) {
    let (spoil, spoilt) = oneshot::channel();
    let spoil = Arc::new(Mutex::new(Some(spoil)));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (gateway, place, spoil) = (Arc::clone(&gateway), Arc::clone(&place), Arc::clone(&spoil));
        async move {
            let answer = serve(request, gateway, place).await;
            if let Some(response) = response(&answer) {
                return Ok::<_, Infallible>(response);
            }
            if let Some(spoil) = spoil.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // Refused only if the connection is gone, and then there is nobody to answer.
                let _gone = spoil.send(answer);
            }
            std::future::pending().await
        }
    });
    let mut connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .timer(TokioTimer::new())
        .header_read_timeout(READ_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let answer = tokio::select! {
        // An error here is the client's: it left, or spoke no HTTP.
        _ended = &mut connection => return,
        Ok(answer) = spoilt => answer,
    };
    let stream = connection.into_parts().io.into_inner();
    misbehave(stream, &answer).await;
}

/// Reads the request whole and has it answered by a task of its own: a gateway finishes what a client has walked out of.
async fn serve(
    request: hyper::Request<Incoming>,
    gateway: Arc<Gateway>,
    place: Arc<OwnedSemaphorePermit>,
) -> Answer {
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(READ_LIMIT, read_body(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal.into(),
        Err(_) => return Refusal::TIMEOUT.into(),
    };
    let request = Request {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        secret: bearer(&parts.headers),
        idempotency_key: parts
            .headers
            .get(IDEMPOTENCY_KEY)
            .map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned()),
        is_json: is_json(&parts.headers),
        method: parts.method,
        body,
    };
    let work = tokio::spawn(async move {
        let answer = routes::answer(gateway, request).await;
        drop(place);
        answer
    });
    work.await.unwrap_or_else(|_| Refusal::INTERNAL.into())
}

/// Collects a body in one buffer that never moves (a grown `Vec` leaves its old copy behind) and is wiped on drop.
/// A body that is too large is read on to a bound and thrown away: closing on unread bytes resets the connection, and
/// the client would not see its 413.
async fn read_body(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut whole = Zeroizing::new(Vec::with_capacity(BODY_BYTES_MAX));
    let mut seen_bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::INVALID_JSON)?.into_data() else { continue };
        seen_bytes += data.len();
        if seen_bytes <= BODY_BYTES_MAX {
            whole.extend_from_slice(&data);
        } else if seen_bytes > DRAIN_BYTES_MAX {
            break;
        }
    }
    if seen_bytes > BODY_BYTES_MAX { Err(Refusal::TOO_LARGE) } else { Ok(whole) }
}

fn bearer(headers: &HeaderMap) -> Option<Zeroizing<String>> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Zeroizing::new(secret.trim().to_owned()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

/// The answer as HTTP, if it is to be sent whole.
fn response(answer: &Answer) -> Option<Response<Full<Bytes>>> {
    let error500: Answer;
    let (answer, body, media_type) = match answer.wire {
        Wire::Whole => (answer, Bytes::from(answer.body.clone()), "application/json"),
        Wire::Garbage => (answer, Bytes::from_static(GARBAGE), "text/html"),
        Wire::Error500 => {
            error500 = Refusal::INTERNAL.into();
            (&error500, Bytes::from(error500.body.clone()), "application/json")
        }
        Wire::Truncated | Wire::Reset | Wire::HangThenClose(_) | Wire::HangThenReset(_) => return None,
    };
    let mut response = Response::new(Full::new(body));
    let status = if answer.wire == Wire::Garbage { 200 } else { answer.status };
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if answer.replayed {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    if matches!(status, 409 | 429) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Some(response)
}

/// Treats the socket as a broken gateway would. Errors are the client's going away: there is nothing left to break.
async fn misbehave(mut stream: TcpStream, answer: &Answer) {
    match answer.wire {
        Wire::HangThenClose(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let _closed = stream.shutdown().await;
        }
        Wire::HangThenReset(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            reset(stream);
        }
        Wire::Truncated => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {TRUNCATED_PROMISE_BYTES}\r\nconnection: close\r\n\r\n"
            );
            let cut = answer.body.len().min(TRUNCATED_PROMISE_BYTES) / 2;
            let bytes = [head.as_bytes(), &answer.body[..cut]].concat();
            let _sent = stream.write_all(&bytes).await;
            reset(stream);
        }
        Wire::Reset | Wire::Whole | Wire::Garbage | Wire::Error500 => reset(stream),
    }
}

/// Closes with RST: lingering for no time throws away what is unsent and skips the goodbye (RFC 9293 §3.10.4, ABORT).
fn reset(stream: TcpStream) {
    let _set = stream.set_zero_linger();
    drop(stream);
}
