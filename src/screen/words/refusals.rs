//! Wishes that cannot be met, in words for the agent.

use crate::screen::problem::Problem;
use tonewall_model::call::Refused;
use tonewall_model::capture::Refusal;
use tonewall_model::cpa::NotTerms;
use tonewall_model::money::NotMoney;

/// What the call says no to.
pub(in crate::screen) fn refused(why: Refused) -> Problem {
    match why {
        Refused::CallOver => Problem::from(crate::calls::DeskError::Gone),
        Refused::NotYours => Problem::conflict("not_yours", "Another agent has this call."),
        Refused::NotConnected => Problem::conflict("not_connected", "Your phone has not answered yet."),
        Refused::FieldOpen => {
            Problem::conflict("field_open", "The customer is keying. Stop the card entry first.")
        }
        Refused::Unresolved => Problem::conflict(
            "unresolved",
            "A payment is under way, or we don't know yet if it went through. Don't take it again.",
        ),
        Refused::AlreadyTaken => {
            Problem::conflict("already_taken", "This payment has been taken on this call.")
        }
        Refused::NotComplete => Problem::conflict("not_complete", "The card is not complete yet."),
        Refused::BadAccount => {
            Problem::at("account", "bad_account", "Enter the account or invoice, at most 64 characters.")
        }
        Refused::CardNumber => Problem::at("account", "card_number", super::CARD_NUMBER),
        Refused::Unwell(why) => Problem::conflict(
            "line_not_clear",
            format!("The line is not clear: nothing can be asked for just now. {}", super::unwell(why)),
        ),
        Refused::Leaked => Problem::conflict(
            "line_not_secure",
            "A tone may have been heard: nothing more can be keyed on this call. Offer another way to pay.",
        ),
        Refused::Capture(why) => capture(why),
    }
}

fn capture(why: Refusal) -> Problem {
    match why {
        Refusal::AlreadyOpen => Problem::conflict("capture_open", "The card is being asked for already."),
        Refusal::NotOpen => Problem::conflict("capture_not_open", "No card is being asked for."),
        Refusal::NotTaken => Problem::conflict("capture_not_taken", "No card was sent before."),
        Refusal::NotReached(_) => {
            Problem::conflict("field_not_reached", "A field before this one is still missing.")
        }
        Refusal::NotAsked(_) => Problem::conflict("field_not_asked", "This is not asked for here."),
        Refusal::PanLocked => Problem::conflict(
            "card_number_locked",
            "No further card can be keyed on this call. Offer another way to pay.",
        ),
        Refusal::NoMoreTime => {
            Problem::conflict("no_more_time", "The time was extended as often as it may be.")
        }
        Refusal::AddressUnusable => Problem::at(
            "postcode",
            "bad_address",
            "House number and postcode have at most 12 characters each.",
        ),
    }
}

/// Typed text that is no amount.
pub(in crate::screen) fn not_money(why: NotMoney) -> Problem {
    let words = match why {
        NotMoney::NotANumber => "Enter an amount in figures, such as 12.50.",
        NotMoney::TooManyDecimals => "The amount has more decimals than the currency.",
        NotMoney::NotPositive => "The amount has to be more than nothing.",
        NotMoney::TooMuch => "The amount is higher than one payment may be.",
    };
    Problem::at("amount", "bad_amount", words)
}

/// Terms that cannot be agreed on; `end` is the input of whichever end was given.
pub(in crate::screen) fn not_terms(why: NotTerms, end: &'static str) -> Problem {
    match why {
        NotTerms::Amount(why) => not_money(why),
        NotTerms::StartPast => {
            Problem::at("start", "start_past", "The first payment cannot lie in the past.")
        }
        NotTerms::StartTooFar => {
            Problem::at("start", "start_too_far", "The first payment is at most a year from today.")
        }
        NotTerms::TooFew => Problem::at(end, "too_few", "An agreement has at least two payments."),
        NotTerms::TooMany => Problem::at(end, "too_many", "An agreement has at most 120 payments."),
        NotTerms::EndTooFar => {
            Problem::at(end, "end_too_far", "The last payment is at most ten years after the first.")
        }
    }
}
