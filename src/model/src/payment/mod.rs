//! The life of a payment attempt, and the words in which every gateway's answer is told.

pub mod outcome;

pub use outcome::{Approval, Check, Checks, Decline, DeclineClass, Outcome, UnknownWhy};
