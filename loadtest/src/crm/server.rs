//! HTTP/1.1 of the sandbox CRM.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::book::{Invoice, NotPosted, Posted};
use super::{CrmFault, Shared, locked};
use crate::served;

/// Connections at once; the next ones wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 256;
/// Largest body.
const BODY_BYTES_MAX: usize = 16 * 1_024;
/// Time for a head, and for a body.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// Longest life of a connection.
const CONNECTION_LIMIT: Duration = Duration::from_secs(300);
/// Longest [`CrmFault::Slow`].
const SLOW_MS_MAX: u64 = 60_000;
/// Longest text of a payment.
const TEXT_CHARS_MAX: usize = 128;

type Answer = (StatusCode, Value);

/// Accepts until dropped.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    let connection = |stream, place| {
        let connection = connection(stream, Arc::clone(&shared));
        async move {
            let _late = tokio::time::timeout(CONNECTION_LIMIT, connection).await;
            drop(place);
        }
    };
    served::accept(listener, CONNECTIONS_MAX, connection).await
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(response(answer(request, &shared).await)) }
    });
    // An error here is the client's: it left, or spoke no HTTP.
    let _ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn response((status, body): Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refused(status: StatusCode, code: &str) -> Answer {
    (status, json!({ "error": code }))
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Answer {
    match shared.take_fault() {
        Some(CrmFault::Slow(ms)) => tokio::time::sleep(Duration::from_millis(ms.min(SLOW_MS_MAX))).await,
        Some(CrmFault::Error500) => return refused(StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        Some(CrmFault::Unauthorised) => return refused(StatusCode::UNAUTHORIZED, "unauthorised"),
        None => {}
    }
    let (parts, body) = request.into_parts();
    let Some(token) = bearer(&parts.headers) else {
        return refused(StatusCode::UNAUTHORIZED, "unauthorised");
    };
    if !locked(&shared.books).iter().any(|book| book.is_of(&token)) {
        return refused(StatusCode::UNAUTHORIZED, "unauthorised");
    }
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/invoices") => invoices(shared, &token, parts.uri.query().unwrap_or_default()),
        (&Method::POST, "/payments") => {
            let read = tokio::time::timeout(READ_LIMIT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
            match read {
                Ok(Ok(body)) => payment(shared, &token, &parts.headers, &body.to_bytes()),
                Ok(Err(_)) => refused(StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
                Err(_) => refused(StatusCode::REQUEST_TIMEOUT, "too_slow"),
            }
        }
        (_, "/invoices" | "/payments") => refused(StatusCode::METHOD_NOT_ALLOWED, "method"),
        _ => refused(StatusCode::NOT_FOUND, "not_found"),
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn invoices(shared: &Shared, token: &str, query: &str) -> Answer {
    let Ok(url) = reqwest::Url::parse(&format!("http://sandbox/?{query}")) else {
        return refused(StatusCode::BAD_REQUEST, "query");
    };
    let value = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned())
    };
    let unpaid = match value("status").as_deref() {
        None | Some("unpaid") => true,
        Some("paid") => false,
        Some(_) => return refused(StatusCode::BAD_REQUEST, "status"),
    };
    let mut books = locked(&shared.books);
    let Some(book) = books.iter_mut().find(|book| book.is_of(token)) else {
        return refused(StatusCode::UNAUTHORIZED, "unauthorised");
    };
    let found = match (value("caller"), value("account")) {
        (Some(caller), None) if is_number(&caller) => book.of_caller(&caller, unpaid),
        (Some(_), None) => Vec::new(),
        (None, Some(account)) => book.of_account(&account, unpaid),
        _ => return refused(StatusCode::BAD_REQUEST, "caller_or_account"),
    };
    (StatusCode::OK, json!({ "invoices": found.iter().map(shown).collect::<Vec<_>>() }))
}

/// A number that may get an invoice: an anonymous caller does not.
fn is_number(caller: &str) -> bool {
    caller
        .strip_prefix('+')
        .is_some_and(|digits| (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn shown(invoice: &Invoice) -> Value {
    json!({
        "account": invoice.account,
        "name": invoice.name,
        "amount": format!("{}.{:02}", invoice.amount_minor / 100, invoice.amount_minor % 100),
        "currency": invoice.currency,
        "due": invoice.due,
        "house_number": invoice.house_number,
        "postcode": invoice.postcode,
        "email": invoice.email,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentBody {
    event: String,
    account: String,
    amount: String,
    currency: String,
    #[serde(default)]
    auth_code: String,
    #[serde(default)]
    reference: String,
}

fn payment(shared: &Shared, token: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    if key.is_empty() || key.len() > TEXT_CHARS_MAX {
        return refused(StatusCode::BAD_REQUEST, "idempotency_key");
    }
    let Ok(body) = serde_json::from_slice::<PaymentBody>(body) else {
        return refused(StatusCode::BAD_REQUEST, "body");
    };
    let texts = [&body.event, &body.account, &body.auth_code, &body.reference];
    let sound =
        |text: &&String| text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
    if !texts.iter().all(sound) || body.event.is_empty() || body.account.is_empty() {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "text");
    }
    let Some(amount_minor) = minor_units(&body.amount) else {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "amount");
    };
    let posted = Posted {
        event: body.event,
        account: body.account,
        amount_minor,
        currency: body.currency,
        auth_code: body.auth_code,
        reference: body.reference,
        allocated: false,
    };
    let mut books = locked(&shared.books);
    let Some(book) = books.iter_mut().find(|book| book.is_of(token)) else {
        return refused(StatusCode::UNAUTHORIZED, "unauthorised");
    };
    match book.post(key, posted) {
        Ok(true) => (StatusCode::CREATED, json!({ "posted": true })),
        Ok(false) => (StatusCode::OK, json!({ "posted": true, "repeated": true })),
        Err(NotPosted::KeyReused) => refused(StatusCode::CONFLICT, "key_reused"),
        Err(NotPosted::Currency) => refused(StatusCode::UNPROCESSABLE_ENTITY, "currency"),
        Err(NotPosted::Full) => refused(StatusCode::INSUFFICIENT_STORAGE, "full"),
    }
}

/// `12.50` → 1250; positive, two decimals, nothing else.
fn minor_units(text: &str) -> Option<i64> {
    let (pounds, pence) = text.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if pounds.is_empty() || pounds.len() > 9 || pence.len() != 2 || !digits(pounds) || !digits(pence) {
        return None;
    }
    let minor = pounds.parse::<i64>().ok()? * 100 + pence.parse::<i64>().ok()?;
    (minor > 0).then_some(minor)
}

#[cfg(test)]
mod unit {
    use super::minor_units;

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!((minor_units("12.50"), minor_units("0.01")), (Some(1_250), Some(1)));
        for wrong in
            ["", "12", "12.5", "12.500", ".50", "-1.00", "0.00", "1e2.00", "1,000.00", "9999999999.00"]
        {
            assert_eq!(minor_units(wrong), None, "{wrong}");
        }
    }
}
