//! What may be done again with a card that a bank has said no to. The screen offers it, and the call
//! keeps the card for it.

use crate::capture::Field;
use crate::payment::DeclineClass;

/// Attempts after which a wrong security code is no longer asked for again: another card may do.
const CODE_ATTEMPTS_MAX: u8 = 2;

/// Attempts after which the same card is not tried again at a bank that does not answer. Schemes
/// charge for repeated tries.
pub(crate) const RETRY_ATTEMPTS_MAX: u8 = 1;

/// One way to use the same card again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// With this field put right.
    Field(Field),
    /// As it is: nothing was wrong with it.
    Retry,
}

/// After a bank's no of this class, the how many-th attempt of the payment it was; `fix` is the field
/// that the bank objected to, if it named one.
pub(crate) fn after_no(
    class: Option<DeclineClass>,
    fix: Option<Field>,
    attempts: u8,
    typed_address: bool,
) -> Option<Again> {
    match class? {
        DeclineClass::FixData => match fix.unwrap_or(Field::Code) {
            Field::Code => (attempts <= CODE_ATTEMPTS_MAX).then_some(Again::Field(Field::Code)),
            Field::Address => typed_address.then_some(Again::Field(Field::Address)),
            field => Some(Again::Field(field)),
        },
        DeclineClass::RetryLater => (attempts <= RETRY_ATTEMPTS_MAX).then_some(Again::Retry),
        DeclineClass::TryOtherCard
        | DeclineClass::NeverRetry
        | DeclineClass::CallIssuer
        | DeclineClass::NeedsSca => None,
    }
}
