//! What every answer says to the browser beside its content, and the count of what browsers report.

use crate::calls::Desk;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpRequest, HttpResponse};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// The policy of every page: nothing but our own files; no inline script or style, no eval, and no
/// way for a script to write markup. Reports go by `report-uri`: what replaced it is sent a minute late,
/// and not at all to a loopback address.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; report-uri /csp-report";

/// The same for a page that shows letters in frames.
pub(super) const POLICY_WITH_FRAMES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; frame-src 'self'; require-trusted-types-for 'script'; \
    report-uri /csp-report";

/// The policy of a letter in such a frame: it looks as a mail program shows it, and can do nothing.
pub(super) const POLICY_OF_LETTERS: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; \
    img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Reports of one body that are counted: more than one page sends at once.
const REPORTS_MAX: usize = 100;

/// Reports are free to send, and lines of the log are not: the metric has the count.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// When the last report was logged.
static WARNED: Mutex<Option<Instant>> = parking_lot::const_mutex(None);

/// Adds the headers to whatever comes back; what a handler set itself stays.
pub(super) async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let secure = super::session::is_https(request.request());
    let mut response = next.call(request).await?.map_into_boxed_body();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| default(headers, name, value);
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(OPENER_POLICY, "same-origin");
    set(RESOURCE_POLICY, "same-origin");
    set(PERMISSIONS_POLICY, "camera=(), microphone=(), geolocation=(), payment=()");
    set(CACHE_CONTROL, "no-store");
    if secure {
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    Ok(response)
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Takes reports and counts them; their content may hold what a page held, so it goes nowhere.
pub(super) async fn report(request: HttpRequest, body: Bytes, desk: Data<Desk>) -> HttpResponse {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let count = match kind.split(';').next().unwrap_or_default().trim() {
        "application/csp-report" => 1,
        "application/reports+json" => match serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(&body) {
            Ok(reports) => reports.len().clamp(1, REPORTS_MAX) as u64,
            Err(_) => 1,
        },
        _ => return HttpResponse::UnsupportedMediaType().finish(),
    };
    desk.around().metrics.csp_reports(count);
    if is_due(&WARNED, Instant::now()) {
        tracing::warn!("browsers report violations of the content security policy; the metric counts them");
    }
    HttpResponse::NoContent().finish()
}

/// Whether a line is due now; the next one is after [`WARN_EVERY`].
fn is_due(last: &Mutex<Option<Instant>>, now: Instant) -> bool {
    let mut last = last.lock();
    let due = last.is_none_or(|last| now.saturating_duration_since(last) >= WARN_EVERY);
    if due {
        *last = Some(now);
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute() {
        let (last, begin) = (Mutex::new(None), Instant::now());
        let due =
            [0, 1, 59, 60, 61, 119, 120].map(|second| is_due(&last, begin + Duration::from_secs(second)));
        assert_eq!(due, [true, false, false, true, false, false, true]);
    }
}
