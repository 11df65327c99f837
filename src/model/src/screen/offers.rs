//! What may be done after a no, by its class; a call never ends in one without the agent having chosen.
//!
//! Whatever is done with a card, its code is keyed again: it went with the attempt (PCI DSS 3.3.1). Its
//! number and expiry are kept for a while where one field is to be put right or the bank may say yes
//! later; whether they still are is seen by the closed fields of the capture.

use super::{Charge, Facts, Stage, charge, is_asking, stage};
use crate::call::{Again, CallView, PayState, Phase, RETRY_ATTEMPTS_MAX, after_no};
use crate::capture::{FailWhy, Field};
use crate::payment::{AttemptState, Means};

/// One thing that the agent may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offer {
    /// Ask for this field of the same card again, and for its code.
    Reask(Field),
    /// Ask for another card.
    OtherCard,
    /// Try the same card once more, with its code keyed again: nothing was wrong with it.
    Retry,
    /// A link to a payment page.
    PayLink,
    /// A bank transfer.
    BankTransfer,
    /// Not now.
    Later,
}

impl Offer {
    /// The means that it records, if it is one.
    pub fn means(self) -> Option<Means> {
        match self {
            Offer::PayLink => Some(Means::PayLink),
            Offer::BankTransfer => Some(Means::BankTransfer),
            Offer::Later => Some(Means::Later),
            Offer::Reask(_) | Offer::OtherCard | Offer::Retry => None,
        }
    }
}

/// Means other than a card.
const MEANS: [Offer; 3] = [Offer::PayLink, Offer::BankTransfer, Offer::Later];

/// Whether the agent still has to choose: the customer has not paid, and nothing else is agreed on.
/// While a next card is asked for, or an answer is awaited, the question is not open.
pub fn must_choose(view: &CallView, facts: &Facts) -> bool {
    let refused = match charge(view) {
        Charge::Unpaid => true,
        Charge::None => view.capture_failed.is_some(),
        Charge::Sending | Charge::Unknown | Charge::Held | Charge::Taken => false,
        // Perhaps, or surely, the customer has paid.
        Charge::Unsettled | Charge::TakenBefore => false,
    };
    refused && !is_asking(view) && facts.choice.is_none()
}

/// What the agent may choose now, best first; cards only while the customer is on the line.
pub fn offers(view: &CallView, facts: &Facts) -> Vec<Offer> {
    // A card has to be keyed.
    let live = view.phase == Phase::Connected && !view.leaked && view.unwell.is_none();
    let order_known = facts.order_known || view.payment.amount.is_some();
    let mut offers = Vec::new();
    match stage(view, facts) {
        // The customer has paid.
        Stage::Declined if charge(view) == Charge::TakenBefore => return offers,
        Stage::Declined if live => offers.extend(cards(view, facts)),
        Stage::CaptureFailed if live => {
            let other = matches!(view.capture_failed, Some(FailWhy::TooManyTries(_)));
            offers.extend(other.then_some(Offer::OtherCard));
        }
        Stage::Declined | Stage::CaptureFailed => {}
        // The customer may have no card at hand.
        Stage::Ready | Stage::Secure | Stage::Cancelled | Stage::Ended if order_known => {}
        Stage::Ready
        | Stage::Secure
        | Stage::Cancelled
        | Stage::Ended
        | Stage::Dialling
        | Stage::Pan
        | Stage::Expiry
        | Stage::Cvc
        | Stage::HouseNumber
        | Stage::Postcode
        | Stage::Address
        | Stage::Review
        | Stage::Processing
        | Stage::Approved
        | Stage::Unknown
        | Stage::Held
        | Stage::WrapUp => return offers,
    }
    offers.extend(MEANS);
    offers
}

/// What may be done with a card after a no.
fn cards(view: &CallView, facts: &Facts) -> Vec<Offer> {
    let pay = &view.payment;
    let first = match pay.state {
        PayState::Attempt(AttemptState::Declined) => {
            after_no(pay.class, pay.fix, pay.attempts, facts.typed_address).map(|again| match again {
                Again::Field(field) => Offer::Reask(field),
                Again::Retry => Offer::Retry,
            })
        }
        // No bank has said no to this card.
        PayState::Attempt(_) => (pay.attempts <= RETRY_ATTEMPTS_MAX).then_some(Offer::Retry),
        PayState::None => None,
    };
    first.into_iter().chain([Offer::OtherCard]).collect()
}
