//! Whole calls.

pub mod containment;
mod payment;
