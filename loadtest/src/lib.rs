//! The outside judge of Tonewall: simulated customers, PBX and agents that speak only wire protocols.
//!
//! `Stage` holds the sockets; `SimCall` is one call driven step by step; `run::run` plays many; `judge` and `listen`
//! say what really reached the agent's RTP port, with a control on the customer's side.
#![forbid(unsafe_code)]

pub mod agent;
pub mod api;
pub mod call;
pub mod cli;
pub mod corpus;
pub mod crm;
pub mod customer;
pub mod decoder;
pub mod dtmf;
#[cfg(test)]
mod fake;
pub mod fit;
pub mod follow;
pub mod g711;
pub mod judge;
pub mod lane;
pub mod latency;
pub mod leg;
pub mod listen;
#[cfg(test)]
mod loopback;
pub mod mailbox;
pub mod party;
pub mod peer;
pub mod rng;
pub mod rtp;
pub mod run;
pub mod sandbox;
pub mod screen;
pub mod sdp;
mod served;
pub mod sip;
pub mod speech;
pub mod stage;
pub mod ua;
mod uas;
pub mod voice;
