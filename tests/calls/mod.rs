//! Whole calls.

mod payment;
