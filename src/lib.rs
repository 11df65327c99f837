//! Tonewall: card payments by keypad on live telephone calls.
//!
//! The two natural paths, as text:
//!
//! **Data.** UDP → `telephony::media` (receive, suspect, detect, mask in place, send) →
//! `secret::KeyRing` → [`calls`]' actor → `model::call` → `model::capture` → `Card` →
//! `Effect::Authorise` → `store`: attempt row committed → payment task → `connectors`: request, HTTP,
//! reading → `Outcome` → `store`: state, entries, outbox and audit in one transaction → view →
//! the agent's screen.
//!
//! **Control.** INVITE → `telephony::sip` → [`tenancy`] by number → tenant's supervisor (admission,
//! PIN, plan) → arbiter by hash of the call id → call actor { `model::call`, media, legs } → offer
//! leg B → 200 → bridge → BYE, CANCEL or time-out → call record → actor stops.
//!
//! Web, jobs and calls meet only at rows, views and news of attempts; commands come back through [`calls::Desk`].

#![forbid(unsafe_code)]

pub mod calls;
pub mod cli;
pub mod config;
mod crm;
pub mod demo;
mod digitless;
pub mod events;
pub mod evidence;
pub mod harden;
pub mod jobs;
pub mod letters;
pub mod metrics;
mod random;
pub mod screen;
pub mod system;
pub mod tenancy;
pub mod web;
