//! Every decision of Tonewall, and nothing else: no socket, no clock, no database, no JSON, no async.
//!
//! If a decision needs "now", now is an argument. A machine is an enum stepped by
//! `step(now, input)`; it cannot fail, it returns effects. Foreign bytes that make no sense become
//! a `Malformed` outcome, never a panic.

#![forbid(unsafe_code)]

pub mod call;
pub mod capture;
pub mod card;
pub mod dtmf;
pub mod ids;
pub mod ledger;
pub mod money;
pub mod payment;
pub mod pin;
pub mod route;
pub mod sdp;
pub mod tenant;
