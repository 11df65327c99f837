//! What an agent may show and say.
//!
//! Fixed words of our own: a gateway's text may name a cause (lost, stolen, fraud) that nobody may
//! say to a caller, so [`DeclineClass::NeverRetry`] sounds exactly like any other refusal of a card.

use tonewall_model::payment::DeclineClass;

/// Nothing left us.
pub(crate) const NOT_SENT: &str =
    "The payment could not be sent. Nothing was charged. Please tell your team lead.";

/// The gateway's door was closed.
pub(crate) const NOT_REACHED: &str =
    "The payment system could not be reached. Nothing was charged. Please try again.";

/// The gateway asked for patience for longer than we have.
pub(crate) const BUSY: &str =
    "The payment system is busy. Nothing was charged. Please try again in a minute.";

/// The gateway refused the request for a reason that only an operator can mend.
pub(super) const NOT_ACCEPTED: &str =
    "The payment was not accepted by the payment system. Nothing was charged. Please tell your team lead.";

/// A void or a refund did not get through.
pub(crate) const NOT_UNDONE_NOW: &str = "The payment could not be undone now. Please try again.";

/// The gateway will not undo a payment as it stands.
pub(super) const NOT_UNDONE: &str = "The payment cannot be undone as it stands. Please tell your team lead.";

const NUMBER: &str = "The card number was not accepted. Nothing was charged. Please ask for it again.";
const EXPIRY: &str = "The expiry date was not accepted. Please ask for it again.";
const CODE: &str = "The security code was not accepted. Please ask for it again.";
const OTHER_CARD: &str = "The bank did not accept this card. Please ask for another card.";

/// After a decline.
pub(super) fn declined(class: DeclineClass, gateway_code: &str) -> &'static str {
    match (class, gateway_code) {
        (DeclineClass::FixData, "expired_card") => EXPIRY,
        (DeclineClass::FixData, "incorrect_cvc") => CODE,
        (DeclineClass::FixData, _) => "The bank did not accept the card details. Please ask for them again.",
        (DeclineClass::TryOtherCard | DeclineClass::NeverRetry, _) => OTHER_CARD,
        (DeclineClass::RetryLater, _) => {
            "The bank did not accept this payment now. Please ask for another card, or try again later."
        }
        (DeclineClass::CallIssuer, _) => {
            "The bank asks its customer to call it. Please ask for another card, or try again afterwards."
        }
        (DeclineClass::NeedsSca, _) => {
            "The bank wants this payment confirmed online, which a telephone cannot do. Please ask for another card."
        }
    }
}

/// After a refusal by the gateway's validation.
pub(super) fn rejected(gateway_code: &str) -> &'static str {
    match gateway_code {
        "invalid_number" | "not_a_test_card" => NUMBER,
        "invalid_expiry" => EXPIRY,
        "invalid_cvc" => CODE,
        _ => NOT_ACCEPTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_never_to_be_tried_again_sounds_like_any_other() {
        for code in ["lost_card", "stolen_card", "fraudulent", "pickup"] {
            let said = declined(DeclineClass::NeverRetry, code);
            assert_eq!(said, declined(DeclineClass::TryOtherCard, "generic_decline"));
        }
    }
}
