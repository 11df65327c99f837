//! What the templates are filled with. A fact that a receipt must state is an error when missing.

use super::words::{at, day, line, money};
use super::{LettersError, colour};
use serde::Serialize;
use time::{Date, OffsetDateTime};
use tonewall_model::cpa::Every;
use tonewall_model::money::Money;
use tonewall_model::tenant::{Brand, Tenant};

/// Follows the reader's theme.
pub(super) const READER_S_THEME: (&str, &str) = ("light dark", "(prefers-color-scheme: dark)");

/// What a receipt states of one payment.
#[derive(Clone)]
pub struct ReceiptFacts<'a> {
    /// Who took it.
    pub tenant: &'a Tenant,
    /// How much.
    pub amount: Money,
    /// When.
    pub at: OffsetDateTime,
    /// What for: the customer's account or invoice.
    pub account: &'a str,
    /// The card's brand, as a word of [`Brand::as_str`].
    pub brand: &'a str,
    /// The card's last four digits.
    pub last4: &'a str,
    /// The issuer's authorisation code.
    pub auth_code: &'a str,
    /// Our reference.
    pub reference: &'a str,
    /// The payment provider's reference, or empty.
    pub gateway_ref: &'a str,
    /// What was agreed on the same call.
    pub agreement: Option<AgreementFacts<'a>>,
}

/// What a receipt states of a continuous payment authority.
#[derive(Clone)]
pub struct AgreementFacts<'a> {
    /// Our reference.
    pub reference: &'a str,
    /// Of each payment.
    pub amount: Money,
    /// How often.
    pub every: Every,
    /// Every payment's day, in order.
    pub dates: &'a [Date],
}

/// A receipt's template data.
#[derive(Serialize)]
pub(super) struct View {
    pub subject: String,
    /// What a mailbox shows beside the subject.
    preview: String,
    /// `content` of the `color-scheme` metas.
    pub scheme: &'static str,
    /// Media query of the dark rules.
    pub dark_media: &'static str,
    /// Address of the logo.
    pub logo: Option<String>,
    brand: BrandView,
    amount: String,
    paid_at: String,
    rows: Vec<Row>,
    agreement: Option<AgreementView>,
}

#[derive(Serialize)]
struct BrandView {
    name: String,
    colour: String,
    ink: &'static str,
    statement: String,
    legal: String,
    address: String,
    help: String,
    refunds: String,
}

#[derive(Serialize)]
struct AgreementView {
    rows: Vec<Row>,
    cancel: String,
}

#[derive(Serialize)]
struct Row {
    label: &'static str,
    value: String,
}

pub(super) fn of(facts: &ReceiptFacts<'_>) -> Result<View, LettersError> {
    let brand = brand(facts.tenant)?;
    let amount = money(facts.amount);
    let card = card(facts.brand, facts.last4)?;
    let row = |label, value| Row { label, value };
    let mut rows = vec![
        row("Paid to", brand.name.clone()),
        row("For", required(facts.account, "what was paid for")?),
        row("Payment type", "Sale by telephone".to_owned()),
        row("Card", card.clone()),
        row("Authorisation code", required(facts.auth_code, "the authorisation code")?),
        row("Payment reference", required(facts.reference, "our reference")?),
    ];
    if !facts.gateway_ref.is_empty() {
        rows.push(row("Provider\u{2019}s reference", line(facts.gateway_ref)));
    }
    let paid_at = at(facts.at, &facts.tenant.time_zone)?;
    let agreement = facts.agreement.as_ref().map(|agreement| agreed(agreement, &card, &brand.help));
    let (scheme, dark_media) = READER_S_THEME;
    Ok(View {
        subject: format!("Receipt: {amount} to {}", brand.name),
        preview: format!("{amount} paid by card on {paid_at}"),
        scheme,
        dark_media,
        logo: facts.tenant.branding.logo.as_ref().map(|_| "cid:logo".to_owned()),
        brand,
        amount,
        paid_at,
        rows,
        agreement: agreement.transpose()?,
    })
}

fn brand(tenant: &Tenant) -> Result<BrandView, LettersError> {
    let branding = &tenant.branding;
    let ink =
        colour::ink_on(&branding.colour).ok_or_else(|| LettersError::Colour(branding.colour.clone()))?;
    Ok(BrandView {
        name: required(&tenant.name, "the organisation's name")?,
        colour: branding.colour.clone(),
        ink,
        statement: required(&branding.statement_name, "the name on the statement")?,
        legal: required(&branding.legal_name, "the company's legal name")?,
        address: required(&branding.address, "the company's address")?,
        help: required(&branding.help, "how to get help")?,
        refunds: required(&branding.refund_policy, "the refund policy")?,
    })
}

fn agreed(facts: &AgreementFacts<'_>, card: &str, help: &str) -> Result<AgreementView, LettersError> {
    let dates = (facts.dates.first(), facts.dates.last());
    let (Some(first), Some(last)) = dates else {
        return Err(LettersError::Missing("the dates of the agreed payments"));
    };
    let count = facts.dates.len();
    let total = i64::try_from(count).ok().and_then(|count| facts.amount.minor.checked_mul(count));
    let total = total.ok_or(LettersError::Missing("the total of the agreed payments"))?;
    let total = money(Money { minor: total, ..facts.amount });
    let row = |label, value| Row { label, value };
    let rows = vec![
        row("Each payment", money(facts.amount)),
        row("How often", capitalised(facts.every.words())),
        row("First payment", day(*first)),
        row("Last payment", day(*last)),
        row("In all", format!("{count} payments, {total}")),
        row("Card", card.to_owned()),
        row("Agreement reference", required(facts.reference, "the agreement's reference")?),
    ];
    let cancel = format!(
        "tell your bank or us at any time, up to the end of the business day before a payment is due. {help}"
    );
    Ok(AgreementView { rows, cancel })
}

/// A sentence's beginning.
fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `Visa ending 5262`: four digits and no more, whatever was passed in (PCI DSS 3.4.1).
fn card(brand: &str, last4: &str) -> Result<String, LettersError> {
    let missing = || LettersError::Missing("the card's brand and last four digits");
    if last4.len() != 4 || !last4.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(missing());
    }
    let name = match Brand::parse(brand).ok_or_else(missing)? {
        Brand::Visa => "Visa",
        Brand::Mastercard => "Mastercard",
        Brand::Amex => "American Express",
        Brand::Discover => "Discover",
        Brand::Diners => "Diners Club",
        Brand::Jcb => "JCB",
        Brand::UnionPay => "UnionPay",
        Brand::Maestro => "Maestro",
    };
    Ok(format!("{name} ending {last4}"))
}

fn required(text: &str, what: &'static str) -> Result<String, LettersError> {
    let line = line(text);
    if line.is_empty() { Err(LettersError::Missing(what)) } else { Ok(line) }
}
