//! Every decision of Tonewall, and nothing else: no socket, no clock, no database, no JSON, no async.
//!
//! If a decision needs "now", now is an argument. A machine is an enum stepped by
//! `step(now, input)`; it cannot fail, it returns effects. Foreign bytes that make no sense become
//! a `Malformed` outcome, never a panic. The crate `time` is used as a calendar alone: no clock is read.
//!
//! | module | decides |
//! |---|---|
//! | [`dtmf`] | what is a digit, what the other side hears |
//! | [`capture`], [`card`] | keys in, at last a card out; what could be a card number in free text |
//! | [`sdp`], [`route`], [`pin`] | offers and answers, whose call it is, who may dial in |
//! | [`call`] | all of these together: effects, and what people may see |
//! | [`payment`], [`ledger`] | the life of an attempt, the rows of its outcome, other means |
//! | [`screen`] | what the agent's screen shows and offers; its words are elsewhere |
//! | [`cpa`] | what a customer agrees to for later payments, and their dates |
//! | [`sign_in`] | when a name is locked |
//! | [`tenant`], [`money`], [`ids`] | the validated tenant, minor units, names of things |

#![forbid(unsafe_code)]

pub mod call;
pub mod capture;
pub mod card;
pub mod cpa;
pub mod dtmf;
pub mod ids;
pub mod ledger;
pub mod money;
pub mod payment;
pub mod pin;
pub mod route;
pub mod screen;
pub mod sdp;
pub mod sign_in;
pub mod tenant;
