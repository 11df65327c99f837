//! RTCP: what crosses a call once crosses again as it is.
#![no_main]

use tonewall_telephony::fuzz::rtcp_bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(once) = rtcp_bytes(data) {
        assert_eq!(rtcp_bytes(&once), Some(once));
    }
});
