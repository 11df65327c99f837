//! Doors on the readers of foreign bytes, for fuzz targets (feature `fuzz`).

use crate::media::rtcp;
use crate::sip::doorman::{Verdict, judge};
use crate::sip::{info, kpml};

/// Reads the body of an INFO as `application/dtmf-relay` and as `application/dtmf`; whether either
/// held a key. What was a digit is blanked, and the length stays.
pub fn info_body(body: &mut [u8]) -> bool {
    let relay = info::take_key("application/dtmf-relay", body).is_some();
    relay | info::take_key("application/dtmf", body).is_some()
}

/// Reads the body of a NOTIFY as a KPML report and blanks all of it; the number of keys in it.
pub fn kpml_body(body: &mut [u8]) -> usize {
    kpml::take_keys("application/kpml-response+xml", body).len()
}

/// Judges a SIP message as from a datagram and as from a stream; `false` if what passed would not pass
/// again as it is.
pub fn sip_bytes(raw: &[u8]) -> bool {
    [true, false].into_iter().all(|whole| match judge(raw, whole) {
        Verdict::Pass(once, _) => matches!(judge(&once, whole), Verdict::Pass(twice, _) if once == twice),
        Verdict::Answer(_) | Verdict::Drop(_) => true,
    })
}

/// What of an RTCP packet crosses a call.
pub fn rtcp_bytes(raw: &[u8]) -> Option<Vec<u8>> {
    rtcp::crossing(raw).map(|compound| compound.bytes().to_vec())
}
