//! The outside judge of Tonewall: simulated customers, PBX and agents that speak only wire protocols.
#![forbid(unsafe_code)]

pub mod decoder;
pub mod dtmf;
pub mod fit;
pub mod g711;
pub mod lane;
pub mod leg;
pub mod listen;
pub mod peer;
pub mod rng;
pub mod rtp;
pub mod sandbox;
pub mod sdp;
pub mod sip;
pub mod speech;
pub mod ua;
mod uas;
pub mod voice;
