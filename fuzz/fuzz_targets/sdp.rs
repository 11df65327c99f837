//! Offers and answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tonewall_model::dtmf::fuzz::sdp(data));
