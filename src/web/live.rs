//! The live stream of a screen: server-sent events (HTML standard, "Server-sent events").
//!
//! `screen` events hold the whole screen, the first one at once; a `beat` comes every second and says
//! whether the line is secured, so that a screen that hears none for two knows nothing; `bye` says
//! that nobody is signed in any more.

use super::desk::{Wanted, who};
use super::problem::Problem;
use super::session::{CHECK_MAX, SignedIn, Watching};
use super::streams::{Seat, Streams};
use crate::calls::Desk;
use crate::screen::{Follow, Frame, Screens};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{Error, HttpResponse};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How often a stream looks whether its session still holds. A shorter time costs a query a stream;
/// a longer one shows calls for so long to who should not see them.
const RECHECK: Duration = Duration::from_secs(60);

/// Keeps nginx from holding events back.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One open stream.
struct Live {
    desk: Data<Desk>,
    signed_in: SignedIn,
    seat: Seat,
    follow: Follow,
    next_check: Instant,
    over: bool,
}

/// `GET /desk/events`
pub(super) async fn events(
    wanted: Query<Wanted>,
    signed_in: Watching,
    desk: Data<Desk>,
    screens: Data<Screens>,
    streams: Data<Streams>,
) -> Result<HttpResponse, Problem> {
    let Watching(signed_in) = signed_in;
    let wanted = wanted.call()?;
    let seat = Streams::open(&streams, signed_in.token.hash(), &signed_in.tenant.id, &signed_in.agent)?;
    let follow = screens.follow(who(&signed_in), wanted);
    let live = Live { desk, signed_in, seat, follow, next_check: Instant::now() + RECHECK, over: false };
    let retry = futures_util::stream::iter([Ok::<Bytes, Error>(Bytes::from_static(b"retry: 1000\n\n"))]);
    let frames = futures_util::stream::unfold(live, Live::step);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((ACCEL_BUFFERING, "no"))
        .streaming(futures_util::StreamExt::chain(retry, frames)))
}

impl Live {
    async fn step(mut self) -> Option<(Result<Bytes, Error>, Live)> {
        if self.over {
            return None;
        }
        if !self.still_holds().await {
            self.over = true;
        }
        let frame = match self.over {
            true => Bytes::from_static(BYE),
            false => tokio::select! {
                biased;
                () = self.seat.ended() => {
                    self.over = true;
                    Bytes::from_static(BYE)
                }
                frame = self.follow.next() => written(&frame),
            },
        };
        Some((Ok(frame), self))
    }

    /// Looks at the session, once in a while. A store that does not answer, or not in time, says nothing
    /// of it: the next look tells.
    async fn still_holds(&mut self) -> bool {
        if Instant::now() < self.next_check {
            return true;
        }
        self.next_check = Instant::now() + RECHECK;
        let token = self.signed_in.token.clone();
        let check = SignedIn::at(&self.desk, token, OffsetDateTime::now_utc(), false);
        match tokio::time::timeout(CHECK_MAX, check).await {
            Ok(Ok(signed_in)) => {
                self.signed_in = signed_in;
                true
            }
            Ok(Err(problem)) => problem.status != StatusCode::UNAUTHORIZED,
            Err(_) => true,
        }
    }
}

const BYE: &[u8] = b"event: bye\ndata: {}\n\n";

/// A frame on the wire. JSON has no line breaks of its own, so that one `data` line holds it.
fn written(frame: &Frame) -> Bytes {
    match frame {
        Frame::Screen(screen) => {
            let data = serde_json::to_string(screen).unwrap_or_else(|_| "null".to_owned());
            // A comment to browsers; tells a measurement when the frame left.
            let sent = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
            Bytes::from(format!(": sent {sent}\nevent: screen\nid: {}\ndata: {data}\n\n", screen.seq))
        }
        Frame::Beat { seq, secured } => {
            Bytes::from(format!("event: beat\ndata: {{\"seq\":{seq},\"secured\":{secured}}}\n\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen;
    use crate::tenancy::tests::Folder;
    use crate::web::session::Token;
    use crate::web::tests::desk_reading_on;
    use actix_web::FromRequest;
    use actix_web::dev::Payload;
    use actix_web::test::TestRequest;
    use tonewall_model::ids::{AgentId, TenantId};

    /// Just under two beats: a screen that hears nothing for longer takes the line for lost.
    const IN_TIME: Duration = Duration::from_millis(1_900);

    #[actix_web::test]
    async fn a_ledger_that_stands_still_holds_no_beat_and_no_poll_back() {
        let still = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        crate::cli::install_tls();
        let folder = Folder::new("live-still");
        let desk = Data::new(desk_reading_on(still.handle().clone(), &folder).await);
        let harbour = TenantId::parse("harbour").expect("a slug");
        let tenant = desk.around().tenants.snapshot().tenant(&harbour).cloned().expect("a tenant");
        let (agent, token) = (AgentId("ada".to_owned()), Token::fresh().expect("random bits"));

        let plain = TestRequest::default().app_data(desk.clone());
        let cookie = token.set_cookie(&plain.to_http_request());
        let cookie = cookie.split(';').next().expect("a cookie").to_owned();
        let request = TestRequest::default().app_data(desk.clone()).insert_header(("cookie", cookie));
        let poll = Watching::from_request(&request.to_http_request(), &mut Payload::None);
        let poll = tokio::time::timeout(IN_TIME, poll).await.expect("an answer in time");
        assert_eq!(poll.err().map(|problem| problem.status), Some(StatusCode::SERVICE_UNAVAILABLE));

        let screens = Screens::new(desk.get_ref().clone(), screen::Options { mail_on: true });
        let seat = Streams::open(&Data::default(), token.hash(), &harbour, &agent).expect("a place");
        let signed_in = SignedIn { tenant, agent, name: "Ada".to_owned(), token };
        let follow = screens.follow(who(&signed_in), None);
        let mut live = Live { desk, signed_in, seat, follow, next_check: Instant::now(), over: false };
        for nth in 0..3 {
            live.next_check = Instant::now();
            let step = tokio::time::timeout(IN_TIME, live.step()).await.expect("a frame in time");
            let (frame, next) = step.expect("the stream goes on");
            let frame = String::from_utf8_lossy(&frame.expect("bytes")).into_owned();
            let kind = if nth == 0 { "event: screen" } else { "event: beat" };
            assert!(frame.contains(kind), "{nth}: {frame}");
            live = next;
        }
        still.shutdown_background();
    }
}
