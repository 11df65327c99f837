//! RTCP: what crosses a call once crosses again as it is, and is never longer than what came.
#![no_main]

use tonewall_telephony::fuzz::rtcp_bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(once) = rtcp_bytes(data) {
        assert!(once.len() <= data.len());
        assert_eq!(rtcp_bytes(&once), Some(once));
    }
});
