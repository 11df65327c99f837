//! Bodies of INFO with a key in them: what changes is blanked, and nothing moves.
#![no_main]

use tonewall_telephony::fuzz::info_body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut body = data.to_vec();
    info_body(&mut body);
    assert_eq!(body.len(), data.len());
    assert!(body.iter().zip(data).all(|(left, sent)| left == sent || *left == b'x'));
});
