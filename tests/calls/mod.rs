//! Whole calls.

mod containment;
mod payment;
