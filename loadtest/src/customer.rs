//! What a simulated customer does from the first ring to the goodbye.

use std::time::Duration;

use crate::api::CallView;
use crate::call::{CallError, CallPlan, STEP_MAX, SimCall};
pub use crate::follow::{Followed, FollowedTo, Script, follow};
use crate::party::Keys;
use crate::sandbox::REFUSED_CODES;
use crate::voice::Press;

/// How a customer behaves at the keypad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// Keys what is asked for.
    #[default]
    Normal,
    /// A phone that reports every press as tone, telephone-event and INFO at once.
    DuplicateKeys,
    /// 40 ms on, 40 ms off: the shortest that must be taken.
    ShortTones,
    /// Holds the last key of every field for 4 s.
    HeldKey,
    /// Keys the card number with a wrong last digit first.
    WrongLuhnFirst,
    /// Keys nothing.
    Silent,
    /// Hangs up when asked for the code.
    HangsUpAtCode,
    /// Says the card number aloud first, and keys it only then.
    SpeaksNumber,
    /// Keys a security code that the sandbox gateway declines, then the right one.
    WrongCodeFirst,
}

/// A published test card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCard {
    /// Number.
    pub pan: String,
    /// Month and year as keyed, `MMYY`.
    pub expiry: String,
    /// Code.
    pub cvc: String,
}

impl Default for TestCard {
    fn default() -> Self {
        Self { pan: "4111111111111111".into(), expiry: "1230".into(), cvc: "123".into() }
    }
}

/// The payment that the agent takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// Account or invoice.
    pub account: String,
    /// Minor units.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// House number and postcode, if the tenant asks for them.
    pub address: (String, String),
}

impl Default for Purchase {
    fn default() -> Self {
        let address = ("12".to_owned(), "TD15 9EN".to_owned());
        Self { account: "INV-1001".into(), amount_minor: 1_250, currency: "GBP".into(), address }
    }
}

/// Fields and repetitions that one capture may ask for.
const STEPS_MAX: usize = 16;
/// How long a held key is held.
pub(crate) const HELD_MS: u32 = 4_000;
/// How long a number is said aloud in [`pay`].
const SPEAKS: Duration = Duration::from_secs(2);
/// How long a silent customer is waited for.
const SILENCE_MAX: Duration = Duration::from_secs(120);

impl Behaviour {
    /// The plan as this customer carries it out.
    pub fn adapt(self, plan: CallPlan) -> CallPlan {
        match self {
            Behaviour::DuplicateKeys => CallPlan { keys: Keys::All, ..plan },
            Behaviour::ShortTones => {
                CallPlan { press: Press { on_ms: 40, off_ms: 40, ..plan.press }, ..plan }
            }
            _ => plan,
        }
    }

    /// Whether a payment comes of it.
    pub fn pays(self) -> bool {
        !matches!(self, Behaviour::Silent | Behaviour::HangsUpAtCode)
    }
}

/// Takes a payment: the agent opens it, the customer keys what is asked, the agent takes it, once.
/// `Ok(None)` when this customer does not pay.
pub async fn pay(
    call: &SimCall<'_>,
    purchase: &Purchase,
    card: &TestCard,
    behaviour: Behaviour,
) -> Result<Option<CallView>, CallError> {
    let mut view = call.open_payment(&purchase.account, purchase.amount_minor, &purchase.currency).await?;
    if behaviour == Behaviour::Silent {
        call.wait_view("a failed capture", SILENCE_MAX, |view| {
            matches!(view.capture.state.as_str(), "failed" | "cancelled")
        })
        .await?;
        return Ok(None);
    }
    let mut wrong_first = behaviour == Behaviour::WrongLuhnFirst;
    for _ in 0..STEPS_MAX {
        if view.capture.state != "open" {
            break;
        }
        let field = view.capture.field.clone().unwrap_or_default();
        view = match field.as_str() {
            "pan" if std::mem::take(&mut wrong_first) => {
                call.key_field("pan", &wrong_number(&card.pan)).await?
            }
            "pan" => {
                if behaviour == Behaviour::SpeaksNumber {
                    call.wait_field("pan").await?;
                    tokio::time::sleep(SPEAKS).await;
                }
                key(call, "pan", &card.pan, behaviour).await?
            }
            "expiry" => key(call, "expiry", &card.expiry, behaviour).await?,
            "cvc" if behaviour == Behaviour::HangsUpAtCode => {
                call.hangup().await?;
                return Ok(None);
            }
            "cvc" if behaviour == Behaviour::WrongCodeFirst => {
                key(call, "cvc", wrong_code(&card.cvc), behaviour).await?
            }
            "cvc" => key(call, "cvc", &card.cvc, behaviour).await?,
            _ => {
                call.address(&purchase.address.0, &purchase.address.1).await?;
                let still = |view: &CallView| {
                    view.capture.state == "open" && view.capture.field.as_deref() == Some(field.as_str())
                };
                call.wait_view("the end of the address", STEP_MAX, |view| !still(view)).await?
            }
        };
    }
    call.take().await?;
    Ok(Some(call.wait_outcome().await?))
}

async fn key(
    call: &SimCall<'_>,
    field: &str,
    digits: &str,
    behaviour: Behaviour,
) -> Result<CallView, CallError> {
    if behaviour != Behaviour::HeldKey || digits.is_empty() {
        return call.key_field(field, digits).await;
    }
    let (first, last) = digits.split_at(digits.len() - 1);
    let before = call.wait_field(field).await?;
    call.press(first).await?;
    let held = Press { on_ms: HELD_MS, ..call.plan().press };
    call.customer().press(last, call.plan().keys, &held).await?;
    call.finish_field(field, &before).await
}

/// A code of the same length that the sandbox gateway declines.
pub(crate) fn wrong_code(cvc: &str) -> &'static str {
    REFUSED_CODES.into_iter().find(|code| code.len() == cvc.len()).unwrap_or(REFUSED_CODES[0])
}

/// The number with its check digit off by one.
pub(crate) fn wrong_number(pan: &str) -> String {
    let mut digits = pan.to_owned();
    let wrong = digits.pop().and_then(|last| last.to_digit(10)).map_or(0, |last| (last + 1) % 10);
    digits.push_str(&wrong.to_string());
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrong_number_differs_in_its_check_digit_alone() {
        assert_eq!(wrong_number("4111111111111111"), "4111111111111112");
        assert_eq!(wrong_number("4242424242424249"), "4242424242424240");
        assert_eq!((wrong_code("123"), wrong_code("1234")), ("200", "2000"));
    }

    #[test]
    fn behaviour_changes_keys_and_times() {
        assert_eq!(Behaviour::DuplicateKeys.adapt(CallPlan::default()).keys, Keys::All);
        assert_eq!(Behaviour::ShortTones.adapt(CallPlan::default()).press.on_ms, 40);
        assert!(Behaviour::Normal.pays() && !Behaviour::Silent.pays());
    }
}
