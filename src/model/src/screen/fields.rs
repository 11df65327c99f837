//! The keyed fields as the agent sees them: states, counts and hints, never a digit.

use super::{Charge, charge, is_asking};
use crate::call::CallView;
use crate::capture::{Field, Problem, Stall, Warning, order};
use crate::tenant::{Brand, CapturePlan};

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldState {
    /// Not asked for yet.
    Next,
    /// Asked for.
    Asking,
    /// Asked for, and the first key is late.
    Waiting,
    /// Keys are coming.
    Keying,
    /// Asked for, and no key counts: the line is not clear. It will be asked for again.
    Paused,
    /// Closed and well-formed, which does not mean that the card is good.
    Complete,
    /// What was keyed could not be taken: asked for again.
    TryAgain,
    /// On its way with an attempt; nothing of it is here any more.
    Locked,
}

impl FieldState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldState::Next => "next",
            FieldState::Asking => "asking",
            FieldState::Waiting => "waiting",
            FieldState::Keying => "keying",
            FieldState::Paused => "paused",
            FieldState::Complete => "complete",
            FieldState::TryAgain => "try_again",
            FieldState::Locked => "locked",
        }
    }
}

/// One keyed field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldShown {
    /// Which.
    pub field: Field,
    /// Where it stands.
    pub state: FieldState,
    /// Digits keyed, 19 at most.
    pub filled: u8,
    /// Fewest and most digits that it usually has; `None` where any number will do, or the brand
    /// that decides it is not known.
    pub expected: Option<(u8, u8)>,
    /// Digits that are missing up to the usual length, where that is what is wrong.
    pub short_by: Option<u8>,
    /// Whether it may be asked for again by itself.
    pub can_reask: bool,
}

/// The keyed fields of a plan, in the order in which they are asked for.
pub fn fields(view: &CallView, plan: &CapturePlan) -> Vec<FieldShown> {
    order(plan).iter().map(|field| shown(view, *field)).collect()
}

fn shown(view: &CallView, field: Field) -> FieldShown {
    let sent = view.payment.card.as_ref().filter(|_| is_locked(view));
    let brand = view.capture.brand.or(sent.map(|card| card.brand));
    let is_asked = is_asking(view) && view.capture.field == Some(field);
    let closed = view.capture.closed.iter().find(|(closed, _)| *closed == field).map(|(_, digits)| *digits);
    let state = match (sent.is_some(), is_asked, closed) {
        (true, _, _) => FieldState::Locked,
        (false, true, _) => asked(view),
        (false, false, Some(_)) => FieldState::Complete,
        (false, false, None) => FieldState::Next,
    };
    let digits_sent = || sent.map_or(0, |card| card.digits_of(field));
    FieldShown {
        field,
        state,
        filled: if is_asked { view.capture.filled } else { closed.unwrap_or_else(digits_sent) },
        expected: expected(field, brand),
        short_by: if is_asked { short_by(view) } else { None },
        can_reask: is_asking(view) && !view.leaked && view.unwell.is_none() && (is_asked || closed.is_some()),
    }
}

/// Whether the card went with an attempt and no other one has been begun since.
fn is_locked(view: &CallView) -> bool {
    let begun_again = is_asking(view) || view.capture_failed.is_some() || view.capture_cancelled;
    charge(view) != Charge::None && !begun_again
}

fn asked(view: &CallView) -> FieldState {
    let capture = &view.capture;
    if view.unwell.is_some() {
        return FieldState::Paused;
    }
    match (capture.filled, capture.problem, capture.stalled) {
        (1.., _, _) => FieldState::Keying,
        // The end key alone costs nothing and means nothing.
        (0, Some(Problem::Empty) | None, Some(Stall::FirstKey)) => FieldState::Waiting,
        (0, Some(Problem::Empty) | None, _) => FieldState::Asking,
        (0, Some(_), _) => FieldState::TryAgain,
    }
}

fn short_by(view: &CallView) -> Option<u8> {
    let warned = view.capture.warnings.iter().find_map(|warning| match warning {
        Warning::DigitsShort(by) => Some(*by),
        _ => None,
    });
    match view.capture.problem {
        Some(Problem::TooShort { by }) => Some(by),
        _ => warned,
    }
}

fn expected(field: Field, brand: Option<Brand>) -> Option<(u8, u8)> {
    match field {
        Field::Pan => brand.map(Brand::usual_lengths),
        Field::Expiry => Some((4, 4)),
        Field::Code => Some(match brand.map(|brand| brand.code_len() as u8) {
            Some(digits) => (digits, digits),
            None => (3, 4),
        }),
        Field::HouseNumber | Field::Postcode | Field::Address => None,
    }
}
