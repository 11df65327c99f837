//! What the agent's screen shows of a call and offers at it, as enums; the words are the screen's.
//!
//! ```text
//! dialling → ready → secure → pan → expiry → cvc (→ house number → postcode | → address) → review
//!     → processing → approved | declined | unknown | held → wrap-up
//! ```
//! Every stage has one primary action. Money comes first: where a payment is under way, taken or not
//! known, no field and no failed capture hides it.

mod fields;
mod offers;

pub use fields::{FieldShown, FieldState, fields};
pub use offers::{Offer, must_choose, offers};

use crate::call::{CallView, EndedWhy, PayState, Phase, Unrecorded};
use crate::capture::{FailWhy, Field};
use crate::payment::{AttemptState, Means};

/// Where the agent stands with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Connected on an open line: nothing is asked for. Also the screen without a call.
    Ready,
    /// The agent's phone is being rung.
    Dialling,
    /// The line is secured and no field is open.
    Secure,
    /// The card number is asked for.
    Pan,
    /// The expiry date is asked for.
    Expiry,
    /// The security code is asked for.
    Cvc,
    /// The house number is asked for, by keypad.
    HouseNumber,
    /// The postcode is asked for, by keypad.
    Postcode,
    /// The card is there; the agent has to type house number and postcode.
    Address,
    /// Everything is there: the payment can be taken.
    Review,
    /// The request is at the gateway.
    Processing,
    /// Money is taken.
    Approved,
    /// No money is taken, or it has gone back: the customer has not paid.
    Declined,
    /// Nobody knows yet whether money moved: it must not be taken again.
    Unknown,
    /// Approved and held for review at the gateway: must not be taken again either.
    Held,
    /// The keys did not come to a card.
    CaptureFailed,
    /// The agent ended the capture, and no payment waits for a decision.
    Cancelled,
    /// The agent has wrapped up what was on the screen.
    WrapUp,
    /// The call is over, and no payment was made of it.
    Ended,
}

impl Stage {
    /// Every stage, in the order of a call.
    pub const ALL: [Stage; 19] = [
        Stage::Ready,
        Stage::Dialling,
        Stage::Secure,
        Stage::Pan,
        Stage::Expiry,
        Stage::Cvc,
        Stage::HouseNumber,
        Stage::Postcode,
        Stage::Address,
        Stage::Review,
        Stage::Processing,
        Stage::Approved,
        Stage::Declined,
        Stage::Unknown,
        Stage::Held,
        Stage::CaptureFailed,
        Stage::Cancelled,
        Stage::WrapUp,
        Stage::Ended,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Ready => "ready",
            Stage::Dialling => "dialling",
            Stage::Secure => "secure",
            Stage::Pan => "pan",
            Stage::Expiry => "expiry",
            Stage::Cvc => "cvc",
            Stage::HouseNumber => "house_number",
            Stage::Postcode => "postcode",
            Stage::Address => "address",
            Stage::Review => "review",
            Stage::Processing => "processing",
            Stage::Approved => "approved",
            Stage::Declined => "declined",
            Stage::Unknown => "unknown",
            Stage::Held => "held",
            Stage::CaptureFailed => "capture_failed",
            Stage::Cancelled => "cancelled",
            Stage::WrapUp => "wrap_up",
            Stage::Ended => "ended",
        }
    }
}

/// What the line is, as the agent must know it at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// No call.
    None,
    /// The agent's phone rings.
    Ringing,
    /// Connected and not secured: tones are heard.
    Open,
    /// Secured: tones are hidden.
    Secured,
    /// Secured, and nothing of the customer passes for now: the sound cannot be judged.
    Unclear,
    /// A tone may have been heard on the secured line: nothing more may be keyed on this call.
    Leaked,
    /// It was secured and is not any more: tones are heard.
    Released,
    /// The call is over.
    Ended,
    /// Something of ours failed; the line was closed.
    Faulty,
}

impl Line {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Line::None => "none",
            Line::Ringing => "ringing",
            Line::Open => "open",
            Line::Secured => "secured",
            Line::Unclear => "unclear",
            Line::Leaked => "leaked",
            Line::Released => "released",
            Line::Ended => "ended",
            Line::Faulty => "faulty",
        }
    }
}

/// The one action that the primary button and its key stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Primary {
    /// Nothing is to be done, or the agent has to choose among the offers first.
    None,
    /// Secure the line.
    Secure,
    /// Ask for the card.
    Collect,
    /// Take over house number and postcode as typed.
    Address,
    /// Take the payment.
    Take,
    /// Send the receipt.
    Receipt,
    /// Wrap up.
    WrapUp,
    /// Somebody else is at it: the customer, the bank, a phone that rings; or the line is not clear.
    Busy,
}

impl Primary {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Primary::None => "none",
            Primary::Secure => "secure",
            Primary::Collect => "collect",
            Primary::Address => "address",
            Primary::Take => "take",
            Primary::Receipt => "receipt",
            Primary::WrapUp => "wrap_up",
            Primary::Busy => "busy",
        }
    }
}

/// What the screen must know besides the call itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whether it is known what is to be paid: an invoice is on the screen, or was asked for before.
    pub order_known: bool,
    /// The means agreed on since the last attempt at this payment, if any.
    pub choice: Option<Means>,
    /// Receipts of this payment, queued ones included.
    pub receipts: usize,
    /// Whether the agent has wrapped up what is on the screen; no longer true once a newer payment is.
    pub wrapped: bool,
    /// Whether the agent types house number and postcode.
    pub typed_address: bool,
    /// Whether the line has been secured on this call before.
    pub was_secured: bool,
}

/// What became of the money, as far as it decides the screen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Charge {
    /// Nothing was sent.
    None,
    /// The request is at the gateway.
    Sending,
    /// Not known, or not final.
    Unknown,
    Held,
    Taken,
    /// Nothing was sent: an earlier attempt for the account is not settled.
    Unsettled,
    /// Nothing was sent: the same was taken a moment ago.
    TakenBefore,
    /// An attempt was made, and the customer has not paid.
    Unpaid,
}

fn charge(view: &CallView) -> Charge {
    match view.payment.state {
        PayState::None => Charge::None,
        PayState::Attempt(state) => match state {
            AttemptState::Sending => Charge::Sending,
            AttemptState::Unknown | AttemptState::Pending | AttemptState::Review => Charge::Unknown,
            AttemptState::Held => Charge::Held,
            AttemptState::Approved => Charge::Taken,
            AttemptState::Rejected => match view.payment.unrecorded {
                Some(Unrecorded::Unsettled) => Charge::Unsettled,
                Some(Unrecorded::TakenBefore) => Charge::TakenBefore,
                Some(Unrecorded::Account | Unrecorded::NotStarted) | None => Charge::Unpaid,
            },
            AttemptState::Declined
            | AttemptState::NotCharged
            | AttemptState::Voided
            | AttemptState::Refunded => Charge::Unpaid,
        },
    }
}

/// Whether a card is being asked for. A call that crashed left its last view behind: it asks nothing.
fn is_asking(view: &CallView) -> bool {
    view.capture_open && view.phase == Phase::Connected
}

/// Where the agent stands.
pub fn stage(view: &CallView, facts: &Facts) -> Stage {
    let wrapped = facts.wrapped && !must_choose(view, facts);
    match charge(view) {
        Charge::Sending => return Stage::Processing,
        Charge::Unknown => return Stage::Unknown,
        Charge::Taken | Charge::Held if wrapped && !is_asking(view) => return Stage::WrapUp,
        Charge::Held => return Stage::Held,
        // A yes that came late, while the next card was keyed, is a yes.
        Charge::Taken => return Stage::Approved,
        Charge::None | Charge::Unpaid | Charge::Unsettled | Charge::TakenBefore => {}
    }
    if view.phase == Phase::Ringing {
        return Stage::Dialling;
    }
    if is_asking(view) {
        return asked(view.capture.field);
    }
    let ended = matches!(view.phase, Phase::Ended(_));
    match (wrapped, view.capture_failed.is_some(), charge(view)) {
        (true, _, _) => Stage::WrapUp,
        (false, _, Charge::Unsettled) => Stage::Unknown,
        (false, true, _) => Stage::CaptureFailed,
        (false, false, Charge::Unpaid | Charge::TakenBefore) => Stage::Declined,
        (false, false, _) if ended => Stage::Ended,
        (false, false, _) if view.capture_cancelled => Stage::Cancelled,
        (false, false, _) if view.secured => Stage::Secure,
        (false, false, _) => Stage::Ready,
    }
}

fn asked(field: Option<Field>) -> Stage {
    match field {
        Some(Field::Pan) => Stage::Pan,
        Some(Field::Expiry) => Stage::Expiry,
        Some(Field::Code) => Stage::Cvc,
        Some(Field::HouseNumber) => Stage::HouseNumber,
        Some(Field::Postcode) => Stage::Postcode,
        Some(Field::Address) => Stage::Address,
        None => Stage::Review,
    }
}

/// What the line is; `None` stands for no call.
pub fn line(view: Option<&CallView>, facts: &Facts) -> Line {
    let Some(view) = view else { return Line::None };
    match (view.phase, view.secured) {
        (Phase::Ended(EndedWhy::Crashed), _) => Line::Faulty,
        (Phase::Ended(_), _) => Line::Ended,
        // Route 2 rings on a secured line, but nobody is on it yet.
        (Phase::Ringing, _) => Line::Ringing,
        (Phase::Connected, _) if view.leaked => Line::Leaked,
        (Phase::Connected, true) if view.unwell.is_some() => Line::Unclear,
        (Phase::Connected, true) => Line::Secured,
        (Phase::Connected, false) if facts.was_secured => Line::Released,
        (Phase::Connected, false) => Line::Open,
    }
}

/// The one primary action.
pub fn primary(view: &CallView, facts: &Facts) -> Primary {
    match on_a_clear_line(view, facts) {
        // It clears by itself, or the agent wraps up.
        Primary::Collect if view.unwell.is_some() => Primary::Busy,
        action => action,
    }
}

fn on_a_clear_line(view: &CallView, facts: &Facts) -> Primary {
    let live = view.phase == Phase::Connected;
    match stage(view, facts) {
        // No card may be asked for any more.
        Stage::Ready | Stage::Secure if view.leaked => Primary::WrapUp,
        Stage::Ready => Primary::Secure,
        Stage::Secure => Primary::Collect,
        Stage::Dialling
        | Stage::Pan
        | Stage::Expiry
        | Stage::Cvc
        | Stage::HouseNumber
        | Stage::Postcode
        | Stage::Processing => Primary::Busy,
        Stage::Address => Primary::Address,
        Stage::Review => Primary::Take,
        Stage::Approved if facts.receipts == 0 => Primary::Receipt,
        Stage::Approved | Stage::Held | Stage::Ended => Primary::WrapUp,
        // Worth waiting for on the line; what takes the bank days, or a person, is not.
        Stage::Unknown if live && view.payment.state == PayState::Attempt(AttemptState::Unknown) => {
            Primary::Busy
        }
        Stage::Unknown => Primary::WrapUp,
        // The customer has paid: whether once more is asked beside it.
        Stage::Declined if charge(view) == Charge::TakenBefore => Primary::WrapUp,
        Stage::Declined | Stage::CaptureFailed | Stage::Cancelled => {
            let another_card = live && !view.leaked && view.capture_failed != Some(FailWhy::PanLocked);
            match (facts.choice.is_some(), another_card, must_choose(view, facts)) {
                (true, _, _) => Primary::WrapUp,
                (false, true, _) => Primary::Collect,
                (false, false, true) => Primary::None,
                (false, false, false) => Primary::WrapUp,
            }
        }
        Stage::WrapUp => Primary::None,
    }
}
