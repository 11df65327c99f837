//! Signalling and media: SIP on sockets, RTP on sockets, and nothing of what a call decides.

#![forbid(unsafe_code)]

pub mod media;
pub mod sip;
