//! The REST shape: requests out, invoices in. Pure.

use super::{Account, CrmError, INVOICES_MAX, Invoice, Paid};
use crate::gateways::{Head, Header, Method, Raw, Request};
use crate::{bearer, text};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use tonewall_model::ids::EventId;
use tonewall_model::money::{Currency, Money};
use tonewall_secret::Secret;

/// Characters of an account or invoice number, as the ledger takes them.
const ACCOUNT_LEN_MAX: usize = 64;

/// Characters of a name.
const NAME_LEN_MAX: usize = 80;

/// Characters of a house number or postcode.
const ADDRESS_LEN_MAX: usize = 12;

/// Characters of an e-mail address (RFC 5321 §4.5.3.1.3, less the angle brackets).
const EMAIL_LEN_MAX: usize = 254;

/// A question for unpaid invoices, `by` caller or account.
pub(super) fn find(account: &Account, by: &str, value: &str) -> Result<Request, CrmError> {
    let value = exact(value, ACCOUNT_LEN_MAX).ok_or(CrmError::NotAsked)?;
    let mut head = head(account, Method::Get, "/invoices")?;
    let mut url = Url::parse(&head.url).map_err(|_| CrmError::SetUp(crate::gateways::Refuse::Url))?;
    url.query_pairs_mut().append_pair(by, &value).append_pair("status", "unpaid");
    head.url = url.into();
    Ok(Request { head, body: Vec::new() })
}

/// Word of a payment.
pub(super) fn record(account: &Account, event: &EventId, paid: &Paid) -> Result<Request, CrmError> {
    let mut head = head(account, Method::Post, "/payments")?;
    let header = |name, value: &str| Header { name, value: Secret::new(value.to_owned()) };
    head.headers.push(header("idempotency-key", event.as_str()));
    head.headers.push(header("content-type", "application/json"));
    let body = json!({
        "event": event.as_str(),
        "account": paid.account,
        "amount": decimal(paid.amount),
        "currency": paid.amount.currency.code(),
        "auth_code": paid.auth_code,
        "reference": paid.reference,
    });
    Ok(Request { head, body: body.to_string().into_bytes() })
}

fn head(account: &Account, method: Method, path: &str) -> Result<Head, CrmError> {
    let base = bearer::base(&account.url).map_err(CrmError::SetUp)?;
    let token = bearer::header(&account.token).map_err(CrmError::SetUp)?;
    Ok(Head { method, url: format!("{base}{path}"), headers: vec![token] })
}

/// `12.50`: no sign for the currency, no thousands separators.
fn decimal(amount: Money) -> String {
    let mut text = amount.to_string();
    text.truncate(text.find(' ').unwrap_or(text.len()));
    text
}

/// What an answer held.
pub(super) struct Found {
    /// The usable ones, at most [`INVOICES_MAX`].
    pub invoices: Vec<Invoice>,
    /// How many could not be used.
    pub unusable: usize,
}

#[derive(Deserialize)]
struct Answer {
    invoices: Vec<Value>,
}

#[derive(Deserialize)]
struct Line {
    account: String,
    amount: Amount,
    currency: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    due: Option<String>,
    #[serde(default)]
    house_number: Option<String>,
    #[serde(default)]
    postcode: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

/// An amount is taken from its text. A JSON number with a fraction would pass through a float, and
/// its line cannot be used.
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Text(String),
    Whole(u64),
}

/// Reads an answer to [`find`]. One bad line does not hide the others; only bad ones are an error.
pub(super) fn read_found(raw: &Raw) -> Result<Found, CrmError> {
    match raw.status {
        200 => {}
        404 => return Ok(Found { invoices: Vec::new(), unusable: 0 }),
        401 | 403 => return Err(CrmError::Unauthorised),
        status => return Err(CrmError::Status(status)),
    }
    let body = std::str::from_utf8(&raw.body).map_err(|_| CrmError::Unreadable)?;
    let answer: Answer = serde_json::from_str(body).map_err(|_| CrmError::Unreadable)?;
    let (mut invoices, mut unusable) = (Vec::new(), 0);
    for line in answer.invoices {
        match serde_json::from_value(line).ok().and_then(invoice) {
            Some(invoice) if invoices.len() < INVOICES_MAX => invoices.push(invoice),
            Some(_) => break,
            None => unusable += 1,
        }
    }
    if invoices.is_empty() && unusable > 0 {
        return Err(CrmError::Unreadable);
    }
    Ok(Found { invoices, unusable })
}

fn invoice(line: Line) -> Option<Invoice> {
    let currency = Currency::parse(&line.currency)?;
    let amount = match line.amount {
        Amount::Text(text) => Money::parse(&text, currency),
        Amount::Whole(whole) => Money::parse(&whole.to_string(), currency),
    };
    let words = |text: Option<String>, len_max| text::words(&text.unwrap_or_default(), len_max);
    Some(Invoice {
        account: exact(&line.account, ACCOUNT_LEN_MAX)?,
        name: words(line.name, NAME_LEN_MAX),
        amount: amount.ok()?,
        due: line.due.filter(|due| is_date(due)),
        house_number: words(line.house_number, ADDRESS_LEN_MAX),
        postcode: words(line.postcode, ADDRESS_LEN_MAX),
        email: line
            .email
            .and_then(|email| exact(&email, EMAIL_LEN_MAX))
            .filter(|email| is_email(email))
            .unwrap_or_default(),
    })
}

/// A text that is of use exactly or not at all: trimmed, 1 to `len_max` characters, visible, and no
/// card number.
fn exact(text: &str, len_max: usize) -> Option<String> {
    let text = text.trim();
    let fits = (1..=len_max).contains(&text.chars().count()) && text.chars().all(text::is_visible);
    (fits && !text::holds_pan(text)).then(|| text.to_owned())
}

/// `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let at = |(place, byte): (usize, u8)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(at)
}

fn is_email(text: &str) -> bool {
    let sides = text.split_once('@');
    sides.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()) && !text.contains(' ')
}

/// Reads an answer to [`record`].
pub(super) fn read_recorded(raw: &Raw) -> Result<(), CrmError> {
    match raw.status {
        200 | 201 | 204 => Ok(()),
        401 | 403 => Err(CrmError::Unauthorised),
        status @ (400 | 409 | 422) => Err(CrmError::Refused(status)),
        status => Err(CrmError::Status(status)),
    }
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
