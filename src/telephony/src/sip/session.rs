//! SIP session timers (RFC 4028), which the stack does not have: one a dialog.
//!
//! We never ask for a timer on a call that we place; on a call that we take, the caller's wish is
//! granted, and the caller refreshes unless it asked us to.

use super::leg::Leg;
use rsipstack::sip::{Header, HeadersExt, Request};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Least interval that we accept (RFC 4028 §4: 90 s). Smaller would let a caller make us refresh
/// or tear down every few seconds.
pub(crate) const MIN_SE_S: u32 = 90;

/// The BYE goes out this much before expiry, or a third of the interval if that is less (§10).
const EARLY: Duration = Duration::from_secs(32);

/// What was agreed for one dialog, and when it was last refreshed.
pub(crate) struct Session {
    agreed: Option<Agreed>,
    refreshed: Mutex<Instant>,
    sdp: Mutex<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Agreed {
    interval: Duration,
    ours: bool,
    peer_supports: bool,
}

/// The interval asked for is below [`MIN_SE_S`]: 422 with Min-SE.
#[derive(Debug)]
pub(crate) struct TooSmall;

impl Session {
    /// No timer.
    pub fn none() -> Session {
        Session { agreed: None, refreshed: Mutex::new(Instant::now()), sdp: Mutex::new(Vec::new()) }
    }

    /// What an incoming INVITE asks for.
    pub fn asked_by(invite: &Request) -> Result<Session, TooSmall> {
        let mut session = Session::none();
        let asked = invite.headers.iter().find_map(|header| match header {
            Header::SessionExpires(value) => Some(value.value().to_owned()),
            _ => None,
        });
        session.agreed = match asked {
            Some(value) => agree(&value, invite.header_contains_token("Supported", "timer"))?,
            None => None,
        };
        Ok(session)
    }

    /// Header fields of our 200.
    pub fn answer_headers(&self) -> Vec<Header> {
        let Some(agreed) = self.agreed else { return Vec::new() };
        let refresher = if agreed.ours { "uas" } else { "uac" };
        let value = format!("{};refresher={refresher}", agreed.interval.as_secs());
        let mut headers = vec![Header::SessionExpires(value.into())];
        if agreed.peer_supports {
            headers.push(Header::Require("timer".into()));
        }
        headers
    }

    /// Remembers the SDP that we sent last: a refresh repeats it.
    pub fn sent(&self, sdp: &[u8]) {
        if let Ok(mut own) = self.sdp.lock() {
            own.clear();
            own.extend_from_slice(sdp);
        }
    }

    /// The peer refreshed, or answered our refresh.
    pub fn refreshed(&self) {
        if let Ok(mut refreshed) = self.refreshed.lock() {
            *refreshed = Instant::now();
        }
    }

    fn refreshed_at(&self) -> Instant {
        self.refreshed.lock().map_or_else(|_| Instant::now(), |at| *at)
    }
}

fn agree(value: &str, peer_supports: bool) -> Result<Option<Agreed>, TooSmall> {
    let mut parts = value.split(';').map(str::trim);
    let Some(Ok(seconds)) = parts.next().map(str::parse::<u32>) else { return Ok(None) };
    if seconds < MIN_SE_S {
        return Err(TooSmall);
    }
    let asked_ours = parts.any(|part| part.eq_ignore_ascii_case("refresher=uas"));
    // A peer that does not know the extension will never refresh: then it is ours to do (§9).
    let ours = asked_ours || !peer_supports;
    Ok(Some(Agreed { interval: Duration::from_secs(u64::from(seconds)), ours, peer_supports }))
}

/// Refreshes at half time where that is ours to do; returns when the session has expired.
pub(crate) async fn expiry(leg: &Leg) {
    let session = &leg.0.session;
    let Some(agreed) = session.agreed else { return std::future::pending().await };
    let last_moment = agreed.interval - EARLY.min(agreed.interval / 3);
    loop {
        let since = session.refreshed_at();
        if agreed.ours {
            sleep_until(since + agreed.interval / 2).await;
            let sdp = session.sdp.lock().map(|sdp| sdp.clone()).unwrap_or_default();
            if leg.reinvite(sdp).await.is_ok() {
                session.refreshed();
                continue;
            }
        }
        sleep_until(since + last_moment).await;
        if session.refreshed_at() == since {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refreshes_and_what_is_too_small() {
        let agreed = |value, supports| agree(value, supports).expect("acceptable");
        let timer = |ours| Some(Agreed { interval: Duration::from_secs(1_800), ours, peer_supports: true });
        assert_eq!(agreed("1800", true), timer(false));
        assert_eq!(agreed("1800;refresher=uac", true), timer(false));
        assert_eq!(agreed("1800 ; refresher=UAS", true), timer(true));
        assert!(agreed("1800", false).is_some_and(|a| a.ours));
        assert_eq!(agreed("soon", true), None);
        assert!(agree("89", true).is_err() && agree("90", true).is_ok());
    }
}
