//! Signalling and media: SIP on sockets, RTP on sockets, and nothing of what a call decides.

#![forbid(unsafe_code)]

#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod media;
pub mod sip;
