//! The life of a payment attempt, and the words in which every gateway's answer is told.

pub mod attempt;
pub mod means;
pub mod outcome;

pub use attempt::{AttemptState, News, Resolution, Reversal, Verdict};
pub use means::Means;
pub use outcome::{Approval, Check, Checks, Decline, DeclineClass, Outcome, UnknownWhy};
