//! The connector of the sandbox gateway: JSON both ways, bearer credential, one idempotency key an
//! attempt.

use super::sandbox_answer as answer;
use super::{
    Ask, Gateway, Head, Header, Method, Order, Profile, Raw, Reading, Reason, Recovery, ReferenceRule,
    Refuse, Request, Resolution, Undo,
};
use crate::sealed::{Sealed, Writer};
use crate::{bearer, text};
use serde_json::json;
use std::time::Duration;
use tonewall_model::card::{Address, Kept};
use tonewall_model::payment::Outcome;
use tonewall_model::tenant::GatewayAccount;
use tonewall_secret::{Cvc, Secret};

/// Bytes of the longest sale: 300 of names and punctuation, 40 of reference, 30 of card, 40 of
/// address and amount. Twice that costs nothing; too little would refuse a good sale.
const SALE_LEN_MAX: usize = 1024;

/// How long the gateway may go on saying "not found" of a payment it has: its default lag is 2 s and
/// its slow card works for 1.5 s. Longer only keeps a customer waiting for "nothing was charged".
const FIND_LAG: Duration = Duration::from_secs(5);

/// Characters of a house number that it takes.
const HOUSE_NUMBER_LEN_MAX: usize = 6;

/// Digits of a postcode that it takes.
const POSTCODE_LEN_MAX: usize = 8;

static PROFILE: Profile = Profile {
    name: "sandbox",
    recovery: Recovery::FindByReference { lag: FIND_LAG },
    may_replay: true,
    reference: ReferenceRule { len_max: 40, punctuation: "._-", digits_max: 12 },
    loopback_http: true,
};

/// The sandbox gateway.
pub struct Sandbox;

impl Gateway for Sandbox {
    fn profile(&self) -> &Profile {
        &PROFILE
    }

    fn sale(
        &self,
        account: &GatewayAccount,
        order: &Order,
        card: &Kept,
        code: Cvc,
    ) -> Result<Sealed, Refuse> {
        let reference = PROFILE.reference.check(order.attempt.as_str())?;
        let head = post(account, "/v1/payments", Some(reference))?;
        let mut body = Writer::with_capacity(SALE_LEN_MAX);
        body.raw("{\"reference\":").string(reference);
        body.raw(",\"amount_minor\":").number(order.amount.minor);
        body.raw(",\"currency\":").string(order.amount.currency.code());
        body.raw(",\"channel\":\"moto\",\"card\":{\"number\":").pan(&card.pan);
        body.raw(",\"expiry_month\":").number(card.expiry.month.into());
        body.raw(",\"expiry_year\":").number(card.expiry.year.into());
        body.raw(",\"cvc\":").cvc(code);
        body.raw("}");
        if let Some(address) = &card.address {
            write_address(&mut body, address);
        }
        if let Some(reason) = order.agreement {
            body.raw(",\"store_card\":true,\"agreement\":{\"initiator\":\"cardholder\",\"reason\":");
            body.string(reason_word(reason)).raw(",\"network_transaction_id\":null}");
        }
        body.raw("}");
        body.seal(head)
    }

    fn request(&self, account: &GatewayAccount, order: &Order, ask: &Ask<'_>) -> Result<Request, Refuse> {
        let reference = PROFILE.reference.check(order.attempt.as_str())?;
        match ask {
            Ask::Charge { token, agreement } => {
                let head = post(account, "/v1/payments", Some(reference))?;
                let body = json!({
                    "reference": reference,
                    "amount_minor": order.amount.minor,
                    "currency": order.amount.currency.code(),
                    "channel": "recurring",
                    "token": token.expose(),
                    "agreement": {
                        "initiator": "merchant",
                        "reason": reason_word(agreement.reason),
                        "network_transaction_id": agreement.network_transaction_id,
                    },
                });
                Ok(Request { head, body: body.to_string().into_bytes() })
            }
            Ask::Find => {
                let path = format!("/v1/payments?reference={reference}");
                Ok(Request { head: head(account, Method::Get, &path, None)?, body: Vec::new() })
            }
            Ask::Void { gateway_ref } => {
                let path = format!("/v1/payments/{}/void", payment_id(gateway_ref)?);
                Ok(Request { head: post(account, &path, None)?, body: b"{}".to_vec() })
            }
            Ask::Refund { gateway_ref, reference, amount } => {
                if amount.currency != order.amount.currency {
                    return Err(Refuse::Currency);
                }
                let reference = PROFILE.reference.check(reference)?;
                let path = format!("/v1/payments/{}/refund", payment_id(gateway_ref)?);
                let body = json!({"amount_minor": amount.minor, "reference": reference});
                Ok(Request {
                    head: post(account, &path, Some(reference))?,
                    body: body.to_string().into_bytes(),
                })
            }
        }
    }

    fn read_sale(&self, order: &Order, raw: &Raw) -> Reading<Outcome> {
        answer::sale(order, raw)
    }

    fn read_find(&self, order: &Order, raw: &Raw) -> Reading<Resolution> {
        answer::find(order, raw)
    }

    fn read_undo(&self, order: &Order, ask: &Ask<'_>, raw: &Raw) -> Reading<Undo> {
        match ask {
            Ask::Refund { gateway_ref, reference, amount } => {
                answer::refund(gateway_ref, reference, *amount, raw)
            }
            Ask::Void { .. } | Ask::Find | Ask::Charge { .. } => answer::void(order, raw),
        }
    }
}

/// House number and postcode, each where there is something that the gateway takes.
fn write_address(body: &mut Writer, address: &Address) {
    let house = address.house_number.trim();
    let numerals = address.house_digits();
    let house = if house.chars().count() <= HOUSE_NUMBER_LEN_MAX { house } else { &numerals };
    let postcode = address.postcode_digits();
    let house = (1..=HOUSE_NUMBER_LEN_MAX).contains(&house.chars().count()).then_some(house);
    let postcode = (1..=POSTCODE_LEN_MAX).contains(&postcode.len()).then_some(postcode.as_str());
    let parts = [("house_number", house), ("postcode_digits", postcode)];
    let mut open = ",\"address\":{";
    for (name, value) in parts {
        let Some(value) = value else { continue };
        body.raw(open).string(name).raw(":").string(value);
        open = ",";
    }
    if open == "," {
        body.raw("}");
    }
}

fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Recurring => "recurring",
        Reason::Instalment => "instalment",
        Reason::Unscheduled => "unscheduled",
    }
}

/// An id as the gateway gives them; anything else could lead to another path.
fn payment_id(gateway_ref: &str) -> Result<String, Refuse> {
    let id = text::identifier(gateway_ref, answer::ID_LEN_MAX).ok_or(Refuse::GatewayRef)?;
    if id.starts_with("pay_") { Ok(id) } else { Err(Refuse::GatewayRef) }
}

fn post(account: &GatewayAccount, path: &str, key: Option<&str>) -> Result<Head, Refuse> {
    let mut head = head(account, Method::Post, path, key)?;
    let value = Secret::new("application/json".to_owned());
    head.headers.push(Header { name: "content-type", value });
    Ok(head)
}

fn head(account: &GatewayAccount, method: Method, path: &str, key: Option<&str>) -> Result<Head, Refuse> {
    let base = bearer::base(&account.url)?;
    let mut headers = vec![bearer::header(&account.secret)?];
    if let Some(key) = key {
        headers.push(Header { name: "idempotency-key", value: Secret::new(key.to_owned()) });
    }
    Ok(Head { method, url: format!("{base}{path}"), headers })
}

#[cfg(test)]
#[path = "sandbox_tests.rs"]
mod tests;
