//! Requests as they come off the wire, and what makes one valid. Card fields live here only, and are wiped on drop.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::answer::Refusal;
use super::cards::{Behaviour, Decline, REFUSED_CODES, behaviour_of, brand_of, luhn_holds};

/// Largest amount, in minor units: £999,999.99.
const AMOUNT_MINOR_MAX: i64 = 99_999_999;
/// A run of digits as long as the shortest card number: refused in a reference, lest somebody puts a card there.
const PAN_DIGITS_MIN: usize = 13;

/// Where a payment comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Mail order or telephone order: the cardholder is on the line.
    Moto,
    /// The merchant charges under an agreement.
    Recurring,
}

/// `POST /v1/payments`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentRequest {
    pub reference: String,
    pub amount_minor: i64,
    pub currency: String,
    pub channel: Channel,
    pub card: Option<CardRequest>,
    pub token: Option<String>,
    pub address: Option<AddressRequest>,
    #[serde(default)]
    pub store_card: bool,
    pub agreement: Option<AgreementRequest>,
}

/// A card as keyed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardRequest {
    number: Zeroizing<String>,
    expiry_month: u8,
    expiry_year: u16,
    cvc: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressRequest {
    pub house_number: Option<String>,
    pub postcode_digits: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgreementRequest {
    initiator: Initiator,
    #[serde(rename = "reason")]
    _reason: Reason,
    network_transaction_id: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Initiator {
    Cardholder,
    Merchant,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    Recurring,
    Instalment,
    Unscheduled,
}

/// `POST /v1/payments/{id}/refund`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundRequest {
    pub amount_minor: i64,
    pub reference: String,
}

/// `POST /v1/payments/void-by-reference`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VoidByReferenceRequest {
    pub reference: String,
}

/// `POST /v1/tokens`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    pub card: CardRequest,
}

/// A void needs no fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

/// What is kept of a card: its face, truncated as PCI DSS 3.4.1 allows (first six and last four).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CardFace {
    pub brand: &'static str,
    pub first6: String,
    pub last4: String,
    /// `MM/YY`.
    pub expiry: String,
}

/// A valid card, its number and code already gone.
#[derive(Clone, Debug)]
pub(super) struct ReadCard {
    pub face: CardFace,
    pub behaviour: Behaviour,
    pub expired: bool,
    pub cvc_given: bool,
    /// Whole months since year 0, to judge a token's expiry later.
    pub expiry_months: u32,
}

impl CardRequest {
    /// Checks a card and keeps its face. The first broken rule is the answer.
    pub(super) fn read(&self) -> Result<ReadCard, Refusal> {
        let number = self.number.as_str();
        if !(12..=19).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::field("invalid_number", "card.number", "a card number is 12 to 19 digits"));
        }
        if !luhn_holds(number) {
            return Err(Refusal::field("invalid_number", "card.number", "the check digit does not hold"));
        }
        let Some(behaviour) = behaviour_of(number) else {
            return Err(Refusal::field(
                "not_a_test_card",
                "card.number",
                "this gateway takes published test cards only",
            ));
        };
        if !(1..=12).contains(&self.expiry_month) {
            return Err(Refusal::field("invalid_expiry", "card.expiry_month", "a month is 1 to 12"));
        }
        if !(2000..=2099).contains(&self.expiry_year) {
            return Err(Refusal::field("invalid_expiry", "card.expiry_year", "a year is 2000 to 2099"));
        }
        let brand = brand_of(number);
        let cvc_digits = if brand == "amex" { 4 } else { 3 };
        if let Some(cvc) = &self.cvc
            && (cvc.len() != cvc_digits || !cvc.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err(Refusal::field("invalid_cvc", "card.cvc", "three digits, four for American Express"));
        }
        let refused_code = self.cvc.as_ref().is_some_and(|cvc| REFUSED_CODES.contains(&cvc.as_str()));
        let behaviour = match behaviour {
            Behaviour::Approve if refused_code => Behaviour::Decline(Decline::IncorrectCvc),
            behaviour => behaviour,
        };
        let expiry_months = u32::from(self.expiry_year) * 12 + u32::from(self.expiry_month) - 1;
        Ok(ReadCard {
            face: CardFace {
                brand,
                first6: number[..6].to_owned(),
                last4: number[number.len() - 4..].to_owned(),
                expiry: format!("{:02}/{:02}", self.expiry_month, self.expiry_year % 100),
            },
            behaviour,
            expired: expiry_months < current_months(),
            cvc_given: self.cvc.is_some(),
            expiry_months,
        })
    }

    pub(super) fn has_cvc(&self) -> bool {
        self.cvc.is_some()
    }
}

impl PaymentRequest {
    /// Every rule but those of the card and the token.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        check_reference(&self.reference)?;
        check_amount(self.amount_minor)?;
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Refusal::field("invalid_currency", "currency", "three capital letters (ISO 4217)"));
        }
        if self.currency == "XTS" {
            return Err(Refusal::field(
                "currency_not_enabled",
                "currency",
                "this merchant does not take that currency",
            ));
        }
        if self.card.is_some() == self.token.is_some() {
            return Err(Refusal::field("invalid_request", "card", "either a card or a token"));
        }
        if self.store_card && self.card.is_none() {
            return Err(Refusal::field("invalid_request", "store_card", "only a keyed card can be stored"));
        }
        if let Some(address) = &self.address {
            address.check()?;
        }
        self.check_agreement()
    }

    fn check_agreement(&self) -> Result<(), Refusal> {
        let wrong = |field, message| Err(Refusal::field("invalid_agreement", field, message));
        match (self.channel, &self.agreement) {
            (Channel::Moto, None) => Ok(()),
            (Channel::Moto, Some(agreement)) => match agreement {
                AgreementRequest { initiator: Initiator::Merchant, .. } => {
                    wrong("agreement.initiator", "the cardholder initiates on the telephone")
                }
                AgreementRequest { network_transaction_id: Some(_), .. } => wrong(
                    "agreement.network_transaction_id",
                    "the first payment of an agreement has none yet",
                ),
                _ => Ok(()),
            },
            (Channel::Recurring, None) => wrong("agreement", "a recurring payment needs its agreement"),
            (Channel::Recurring, Some(agreement)) => match &agreement.network_transaction_id {
                _ if agreement.initiator == Initiator::Cardholder => {
                    wrong("agreement.initiator", "the merchant initiates a recurring payment")
                }
                Some(id)
                    if (1..=64).contains(&id.len())
                        && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
                {
                    if self.card.as_ref().is_some_and(CardRequest::has_cvc) {
                        return wrong("card.cvc", "no security code without the cardholder");
                    }
                    Ok(())
                }
                _ => wrong("agreement.network_transaction_id", "the id of the first payment is needed"),
            },
        }
    }
}

impl AddressRequest {
    fn check(&self) -> Result<(), Refusal> {
        if self.house_number.as_ref().is_some_and(|text| !(1..=6).contains(&text.chars().count())) {
            return Err(Refusal::field("invalid_address", "address.house_number", "1 to 6 characters"));
        }
        let digits =
            |text: &String| (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if self.postcode_digits.as_ref().is_some_and(|text| !digits(text)) {
            return Err(Refusal::field("invalid_address", "address.postcode_digits", "1 to 8 digits"));
        }
        Ok(())
    }
}

/// `[A-Za-z0-9._-]{1,40}`, and nothing in it as long as a card number.
pub(super) fn check_reference(reference: &str) -> Result<(), Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=40).contains(&reference.len()) || !reference.bytes().all(allowed) {
        return Err(Refusal::field(
            "invalid_reference",
            "reference",
            "1 to 40 letters, digits, dots, dashes, underscores",
        ));
    }
    let long_run = |run: &[u8]| run.iter().all(u8::is_ascii_digit);
    if reference.as_bytes().windows(PAN_DIGITS_MIN).any(long_run) {
        return Err(Refusal::field(
            "invalid_reference",
            "reference",
            "13 digits in a row look like a card number",
        ));
    }
    Ok(())
}

pub(super) fn check_amount(amount_minor: i64) -> Result<(), Refusal> {
    if (1..=AMOUNT_MINOR_MAX).contains(&amount_minor) {
        return Ok(());
    }
    Err(Refusal::field("invalid_amount", "amount_minor", "1 to 99999999 minor units"))
}

/// This month (UTC) as whole months since year 0.
pub(super) fn current_months() -> u32 {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    months_of(unix_s / 86_400)
}

/// Months since year 0 of a day since 1970-01-01, by the proleptic Gregorian calendar in years that begin in March,
/// so that the leap day comes last.
fn months_of(unix_day: u64) -> u32 {
    let day = unix_day + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let months = (era * 400 + year_of_era) * 12 + month_from_march + 2;
    u32::try_from(months).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{check_reference, months_of};

    #[test]
    fn months_follow_the_calendar() {
        let cases = [
            (0, 1970, 1),
            (30, 1970, 1),
            (31, 1970, 2),
            (58, 1970, 2),
            (59, 1970, 3),
            (11_016, 2000, 2), // 29 February 2000
            (11_017, 2000, 3),
            (20_453, 2025, 12),
            (20_454, 2026, 1),
        ];
        for (day, year, month) in cases {
            assert_eq!(months_of(day), year * 12 + month - 1, "day {day}");
        }
    }

    #[test]
    fn a_reference_cannot_hold_a_card_number() {
        for good in ["a", "INV-1001", "at_01hx7kq2.3", "123456789012", &"a".repeat(40)] {
            assert!(check_reference(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "é", "x4111111111111111", "1234567890123", &"a".repeat(41)] {
            assert!(check_reference(bad).is_err(), "{bad}");
        }
    }
}
