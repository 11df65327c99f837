//! Datagrams of any length and type into a secured line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tonewall_model::dtmf::fuzz::rtp(data));
