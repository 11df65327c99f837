//! SIP messages: what the doorman lets pass, he lets pass again as it is.
#![no_main]

use tonewall_telephony::fuzz::sip_bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| assert!(sip_bytes(data)));
