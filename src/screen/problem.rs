//! Why an agent's wish on the screen was not met, in words for the agent.

use super::words::refused;
use crate::calls::DeskError;
use tonewall_store::StoreError;

/// Which sort of no it is; HTTP has a status for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Nothing of this agent's under that id (404).
    NotFound,
    /// The call has ended (410).
    Gone,
    /// Not now (409).
    Conflict,
    /// What was typed cannot be used (422).
    Unprocessable,
    /// Something of ours does not answer (503).
    Unavailable,
}

/// A wish that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The sort.
    pub kind: ProblemKind,
    /// For programs and tests.
    pub code: &'static str,
    /// For the agent.
    pub message: String,
    /// The input that it is about, by its name in the form.
    pub field: Option<&'static str>,
}

impl Problem {
    /// Of any sort.
    pub fn new(kind: ProblemKind, code: &'static str, message: impl Into<String>) -> Problem {
        Problem { kind, code, message: message.into(), field: None }
    }

    /// What was typed into a field cannot be used.
    pub(super) fn at(field: &'static str, code: &'static str, message: impl Into<String>) -> Problem {
        let message = message.into();
        Problem { kind: ProblemKind::Unprocessable, code, message, field: Some(field) }
    }

    /// Not as things stand.
    pub(super) fn conflict(code: &'static str, message: impl Into<String>) -> Problem {
        Problem::new(ProblemKind::Conflict, code, message)
    }

    pub(super) fn not_found() -> Problem {
        Problem::new(ProblemKind::NotFound, "not_found", "There is no such call of yours.")
    }

    pub(super) fn no_entropy() -> Problem {
        Problem::new(
            ProblemKind::Unavailable,
            "no_entropy",
            "Nothing was done. Please try again in a moment.",
        )
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Problem {
        match error {
            DeskError::NotFound => Problem::not_found(),
            DeskError::Gone => Problem::new(ProblemKind::Gone, "call_ended", "The call has ended."),
            DeskError::Busy => Problem::new(
                ProblemKind::Unavailable,
                "call_busy",
                "The call did not answer. Please try again in a moment.",
            ),
            DeskError::Refused(why) => refused(why),
            DeskError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::NotFound => Problem::not_found(),
            _ => Problem::new(
                ProblemKind::Unavailable,
                "ledger_unavailable",
                "It could not be saved just now. Nothing was changed: please try again in a moment.",
            ),
        }
    }
}
