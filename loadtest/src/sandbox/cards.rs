//! The test cards: which number behaves how, and what a decline says.

use serde::Serialize;

/// What the gateway does with a payment by this card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Approved, every check matches.
    Approve,
    /// Approved when keyed, declined when charged by token: a continuous payment authority that goes bad.
    ApproveThenDeclineToken,
    /// Declined by the issuer.
    Decline(Decline),
    /// Authorised, kept for review: settles unless it is voided.
    Held,
    /// Answered before the issuer has; approved a settable time later.
    Pending,
    /// Approved; the security code does not match.
    CvcMismatch,
    /// Approved; neither house number nor postcode matches.
    AddressMismatch,
    /// Approved; the house number does not match.
    HouseNumberMismatch,
    /// Approved; the postcode does not match.
    PostcodeMismatch,
    /// Approved; the issuer does not check addresses.
    AddressNotChecked,
    /// Approved after `slow_ms`.
    Slow,
    /// Charged; the connection is held for `hang_ms` and closed without an answer.
    HangAfter,
    /// Charged; the connection is reset at once.
    ResetAfter,
    /// Charged; answered 200 with a body that is not JSON.
    GarbageAfter,
    /// Charged; the answer is cut short and the connection reset.
    TruncatedAfter,
    /// Charged; answered 500.
    Error500After,
    /// Not charged; answered 500.
    Error500Before,
    /// Not charged; held for `hang_ms` and closed without an answer.
    HangBefore,
    /// Not charged; the connection is reset at once.
    ResetBefore,
    /// Not charged; answered 429.
    RateLimited,
}

/// Why an issuer declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decline {
    /// No reason given.
    GenericDecline,
    /// Not enough money.
    InsufficientFunds,
    /// Too many payments by this card.
    CardVelocityExceeded,
    /// The issuer's system failed.
    ProcessingError,
    /// Out of date.
    ExpiredCard,
    /// Wrong security code.
    IncorrectCvc,
    /// Reported lost.
    LostCard,
    /// Reported stolen.
    StolenCard,
    /// Blocked as fraud.
    Fraudulent,
    /// The cardholder must call the bank.
    CallIssuer,
    /// The cardholder must authenticate, which the telephone cannot do.
    AuthenticationRequired,
}

/// How a decline is spelt in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DeclineBody {
    /// The gateway's own code.
    pub code: &'static str,
    /// What the merchant may do: `fix_data`, `try_other_card`, `retry_later`, `never_retry`, `call_issuer`, `needs_sca`.
    pub class: &'static str,
    /// The issuer's response code (ISO 8583 field 39, or the scheme's extension of it).
    pub scheme_code: &'static str,
    /// Advice on retrying, if the scheme gives any.
    pub advice: Option<&'static str>,
    /// The gateway's words, NOT fit for a cardholder's ears: they name lost, stolen and fraud.
    pub message: &'static str,
}

impl Decline {
    /// The decline as an answer carries it.
    #[must_use]
    pub const fn body(self) -> DeclineBody {
        let (code, class, scheme_code, advice, message) = match self {
            Self::GenericDecline => ("generic_decline", "try_other_card", "05", None, "Do not honour"),
            Self::InsufficientFunds => {
                ("insufficient_funds", "retry_later", "51", Some("try_again_later"), "Insufficient funds")
            }
            Self::CardVelocityExceeded => (
                "card_velocity_exceeded",
                "retry_later",
                "65",
                Some("try_again_later"),
                "Activity limit exceeded",
            ),
            Self::ProcessingError => {
                ("processing_error", "retry_later", "96", Some("try_again_later"), "System malfunction")
            }
            Self::ExpiredCard => {
                ("expired_card", "fix_data", "54", Some("confirm_card_data"), "Expired card")
            }
            Self::IncorrectCvc => {
                ("incorrect_cvc", "fix_data", "N7", Some("confirm_card_data"), "CVC mismatch")
            }
            Self::LostCard => {
                ("lost_card", "never_retry", "41", Some("do_not_try_again"), "Lost card, pick up")
            }
            Self::StolenCard => {
                ("stolen_card", "never_retry", "43", Some("do_not_try_again"), "Stolen card, pick up")
            }
            Self::Fraudulent => {
                ("fraudulent", "never_retry", "59", Some("do_not_try_again"), "Suspected fraud")
            }
            Self::CallIssuer => {
                ("call_issuer", "call_issuer", "01", Some("call_issuer"), "Refer to card issuer")
            }
            Self::AuthenticationRequired => (
                "authentication_required",
                "needs_sca",
                "1A",
                Some("authenticate"),
                "Additional authentication required",
            ),
        };
        DeclineBody { code, class, scheme_code, advice, message }
    }
}

/// Every number the gateway takes: number, behaviour, description.
///
/// All are test numbers published by payment service providers; any other number is refused, so that a real card
/// keyed by mistake goes nowhere.
pub const TEST_CARDS: &[(&str, Behaviour, &str)] = &[
    ("4242424242424242", Behaviour::Approve, "Visa, approved"),
    ("4111111111111111", Behaviour::Approve, "Visa, approved"),
    ("4012888888881881", Behaviour::Approve, "Visa, approved"),
    ("4000056655665556", Behaviour::Approve, "Visa debit, approved"),
    ("4000058260000005", Behaviour::Approve, "Visa debit (UK), approved"),
    ("4000008260000000", Behaviour::Approve, "Visa (UK), approved"),
    ("4263970000005262", Behaviour::Approve, "Visa, approved"),
    ("5555555555554444", Behaviour::Approve, "Mastercard, approved"),
    ("5105105105105100", Behaviour::Approve, "Mastercard prepaid, approved"),
    ("5200828282828210", Behaviour::Approve, "Mastercard debit, approved"),
    ("2223003122003222", Behaviour::Approve, "Mastercard 2-series, approved"),
    ("378282246310005", Behaviour::Approve, "American Express (four-digit CVC), approved"),
    ("371449635398431", Behaviour::Approve, "American Express (four-digit CVC), approved"),
    ("6011111111111117", Behaviour::Approve, "Discover, approved"),
    ("6011000990139424", Behaviour::Approve, "Discover, approved"),
    ("3056930009020004", Behaviour::Approve, "Diners Club (16 digits), approved"),
    ("36227206271667", Behaviour::Approve, "Diners Club (14 digits), approved"),
    ("3566002020360505", Behaviour::Approve, "JCB, approved"),
    ("6200000000000005", Behaviour::Approve, "UnionPay, approved"),
    ("6771798021000008", Behaviour::Approve, "Maestro, approved"),
    (
        "4000000000000341",
        Behaviour::ApproveThenDeclineToken,
        "approved when keyed, declined when charged by token",
    ),
    ("4000000000000002", Behaviour::Decline(Decline::GenericDecline), "declined: no reason given"),
    ("4000000000009995", Behaviour::Decline(Decline::InsufficientFunds), "declined: insufficient funds"),
    ("4000000000006975", Behaviour::Decline(Decline::CardVelocityExceeded), "declined: too many payments"),
    ("4000000000000119", Behaviour::Decline(Decline::ProcessingError), "declined: processing error"),
    ("4000000000000069", Behaviour::Decline(Decline::ExpiredCard), "declined: expired"),
    ("4000000000000127", Behaviour::Decline(Decline::IncorrectCvc), "declined: wrong CVC"),
    ("4000000000009987", Behaviour::Decline(Decline::LostCard), "declined: lost"),
    ("4000000000009979", Behaviour::Decline(Decline::StolenCard), "declined: stolen"),
    ("4100000000000019", Behaviour::Decline(Decline::Fraudulent), "declined: blocked as fraud"),
    (
        "4000130000001724",
        Behaviour::Decline(Decline::CallIssuer),
        "declined: the cardholder must call the bank",
    ),
    (
        "4000002500003155",
        Behaviour::Decline(Decline::AuthenticationRequired),
        "declined: authentication required",
    ),
    ("4000000000009235", Behaviour::Held, "authorised, held for review"),
    ("4000000000000093", Behaviour::Pending, "pending, approved later"),
    ("4000000000000101", Behaviour::CvcMismatch, "approved, CVC does not match"),
    ("4000000000000010", Behaviour::AddressMismatch, "approved, house number and postcode do not match"),
    ("4000000000000028", Behaviour::HouseNumberMismatch, "approved, house number does not match"),
    ("4000000000000036", Behaviour::PostcodeMismatch, "approved, postcode does not match"),
    ("4000000000000044", Behaviour::AddressNotChecked, "approved, address not checked"),
    ("4000000000000077", Behaviour::Slow, "approved, slowly"),
    ("4000000000000259", Behaviour::HangAfter, "charged, then no answer: held, then closed"),
    ("4000000000002685", Behaviour::ResetAfter, "charged, then no answer: connection reset"),
    ("4000000000001976", Behaviour::GarbageAfter, "charged, then 200 that is not JSON"),
    ("4000000000005423", Behaviour::TruncatedAfter, "charged, then 200 cut short"),
    ("4000000000007726", Behaviour::Error500After, "charged, then 500"),
    ("4000000000005126", Behaviour::Error500Before, "not charged, 500"),
    ("4009830000001985", Behaviour::HangBefore, "not charged, no answer: held, then closed"),
    ("4000000000003055", Behaviour::ResetBefore, "not charged, no answer: connection reset"),
    ("4000000000003220", Behaviour::RateLimited, "not charged, 429"),
];

/// Security codes that decline a card which would be approved (`incorrect_cvc`): with them one card shows a wrong code
/// and its correction on the same call. Three digits, and four for American Express.
pub const REFUSED_CODES: [&str; 2] = ["200", "2000"];

/// The behaviour of a number, if it is a test card.
pub(super) fn behaviour_of(number: &str) -> Option<Behaviour> {
    TEST_CARDS.iter().find(|card| card.0 == number).map(|card| card.1)
}

/// The check digit of ISO/IEC 7812-1 annex B. `number` holds ASCII digits only.
pub(crate) fn luhn_holds(number: &str) -> bool {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            match (place % 2, digit) {
                (0, _) => digit,
                (_, 0..=4) => digit * 2,
                _ => digit * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The brand of a test card, by its leading digits.
pub(super) fn brand_of(number: &str) -> &'static str {
    match number.as_bytes() {
        [b'4', ..] => "visa",
        [b'2' | b'5', ..] => "mastercard",
        [b'3', b'4' | b'7', ..] => "amex",
        [b'3', b'5', ..] => "jcb",
        [b'3', ..] => "diners",
        [b'6', b'0', ..] => "discover",
        [b'6', b'2', ..] => "unionpay",
        _ => "maestro",
    }
}
