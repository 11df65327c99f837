//! Bodies of NOTIFY with KPML reports (RFC 4730): all of it is blanked, however many keys it says.
#![no_main]

use tonewall_telephony::fuzz::kpml_body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut body = data.to_vec();
    assert!(kpml_body(&mut body) <= 16);
    assert_eq!(body, vec![b'x'; data.len()]);
});
