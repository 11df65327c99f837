//! Payloads of telephone-events (RFC 4733).
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tonewall_model::dtmf::fuzz::telephone_event(data));
