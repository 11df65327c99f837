//! Every word that people read on the screen: British English, plain and short. What happened,
//! whether money moved, what to do next; codes only among the details; never "invalid".

mod ends;
mod fields;
mod figures;
mod line;
mod notices;
mod outcome;
mod refusals;
mod say;

pub(super) use ends::{End, ended, failed};
pub(super) use fields::{brand, confirm, field_label, hint, note, spoken, state_words, tries};
pub(super) use figures::{Zone, date};
pub(super) use line::{LineOf, line, unwell};
pub(super) use notices::{cancelled, ending_soon, stalled, unreadable};
pub(super) use outcome::{card, outcome};
pub(super) use refusals::{not_money, not_terms, refused};
pub(super) use say::{Saying, agreed, approved, remind, say};

use crate::screen::lookup::Search;
use tonewall_model::capture::Field;
use tonewall_model::payment::Means;
use tonewall_model::route::RouteKind;
use tonewall_model::screen::{Offer, Primary, Stage};
use tonewall_model::tenant::{EndKey, Number, NumberRoute, Tenant};
use tonewall_store::OutboxRow;

/// The key that ends a field, as people call it.
pub(super) fn end_key(key: EndKey) -> &'static str {
    match key {
        EndKey::Star => "star",
        EndKey::Hash => "hash",
    }
}

/// The key that clears a field.
pub(super) fn clear_key(key: EndKey) -> &'static str {
    match key {
        EndKey::Star => "hash",
        EndKey::Hash => "star",
    }
}

/// How an agent brings a call to the screen.
pub(super) fn dial(tenant: &Tenant) -> String {
    let on_demand = |number: &&Number| matches!(number.route, NumberRoute::OnDemand { .. });
    match tenant.numbers.iter().find(on_demand) {
        Some(number) => format!("{} and your PIN", number.number),
        None => "Calls to your numbers appear here by themselves".to_owned(),
    }
}

/// Another means of payment, as it is agreed.
pub(super) fn means(means: Means) -> &'static str {
    match means {
        Means::PayLink => "Pay link sent",
        Means::BankTransfer => "Bank transfer agreed",
        Means::Later => "Customer will pay later",
    }
}

/// "1 digit", "2 digits".
pub(super) fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// What a box for text says when a card number is typed into it.
pub(super) const CARD_NUMBER: &str = "This looks like a card number. Don't type card numbers here.";

/// The button of an offer; `kept`: number and expiry are still here, so that one field is enough.
pub(super) fn offer(offer: Offer, kept: bool) -> &'static str {
    match offer {
        Offer::Reask(Field::Expiry) if kept => "Ask for expiry date and code again",
        Offer::Reask(Field::Code) if kept => "Ask for the security code again",
        Offer::Retry if kept => "Try the same card again: ask for its code",
        Offer::Reask(Field::Pan) => "Ask for this card again: check the number",
        Offer::Reask(Field::Expiry) => "Ask for this card again: check the expiry date",
        Offer::Reask(Field::Code) => "Ask for this card again: check the security code",
        Offer::Reask(Field::HouseNumber | Field::Postcode | Field::Address) => {
            "Ask for this card again: check the address"
        }
        Offer::OtherCard => "Use another card",
        Offer::Retry => "Try the same card again",
        Offer::PayLink => "Pay link sent",
        Offer::BankTransfer => "Bank transfer agreed",
        Offer::Later => "Customer will pay later",
    }
}

/// The button of the primary action; `amount`: `£12.50`, or empty; `unclear`: nothing can be asked for
/// just now.
pub(super) fn primary(action: Primary, stage: Stage, amount: &str, unclear: bool) -> String {
    let words = match (action, stage) {
        (Primary::None, _) => "Choose what happens next",
        (Primary::Secure, _) => "Secure the line",
        (Primary::Collect, Stage::Declined) => "Use another card",
        (Primary::Collect, Stage::CaptureFailed) => "Ask for a card again",
        (Primary::Collect, Stage::Cancelled) => "Start again",
        (Primary::Collect, _) => "Ask for the card",
        (Primary::Address, _) => "Use this address",
        (Primary::Take, _) if !amount.is_empty() => return format!("Take {amount}"),
        (Primary::Take, _) => "Take payment",
        (Primary::Receipt, _) => "Send receipt",
        (Primary::WrapUp, _) => "Wrap up",
        (Primary::Busy, Stage::Dialling) => "Connecting…",
        (Primary::Busy, Stage::Processing) => "Waiting for the bank, usually under 5 s",
        (Primary::Busy, Stage::Unknown) => "Finding out…",
        (Primary::Busy, _) if unclear => "Waiting for a clear line…",
        (Primary::Busy, _) => "The customer is keying",
    };
    words.to_owned()
}

/// Who calls.
pub(super) fn caller(caller: &str) -> String {
    match caller {
        "" | "anonymous" => "Number withheld".to_owned(),
        known => known.to_owned(),
    }
}

/// How a call came.
pub(super) fn route(route: RouteKind) -> &'static str {
    match route {
        RouteKind::InPath => "Direct call",
        RouteKind::OnDemand => "Transferred for payment",
    }
}

/// Where a search for invoices stands. `left`: those still unpaid; `account`: what was asked for, if
/// not the caller.
pub(super) fn search(search: &Search, left: usize, account: Option<&str>, caller: &str) -> String {
    let whose = match account {
        Some(account) => format!("for {account}"),
        None => format!("of {caller}"),
    };
    match search {
        Search::Off => "Type the account and the amount.".to_owned(),
        Search::Searching => format!("Looking for unpaid invoices {whose}…"),
        Search::Found(_) if left == 0 => format!("Nothing else is unpaid {whose}."),
        Search::Found(_) => format!("{} unpaid {whose}", counted(left, "invoice")),
        Search::None => format!("Nothing unpaid was found {whose}. Type the account and the amount."),
        Search::Unavailable => {
            "The invoices can't be reached just now. Type the account and the amount.".to_owned()
        }
    }
}

/// `2026-12-01` of a CRM as `1 Dec 2026`; anything else as it came.
pub(super) fn due(text: &str) -> String {
    let parsed = || {
        let mut parts = text.splitn(3, '-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
        time::Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
    };
    parsed().map_or_else(|| text.to_owned(), date)
}

/// The question before the same payment is taken twice.
pub(super) fn duplicate(amount: &str, account: &str, time: &str, agent: &str) -> String {
    format!("{amount} for {account} was taken at {time} by {agent}. Take it again?")
}

/// The question where the same was taken between the start of a payment and its taking.
pub(super) const TAKE_AGAIN: &str = "The same was taken for this account a moment ago. Take it again?";

/// An earlier attempt of the account is in the way.
pub(super) const UNSETTLED: &str =
    "An earlier payment for this account is not settled yet. Don't take it again.";

/// Receipts are not set up on this node.
pub(super) const NO_MAIL: &str = "Receipts by e-mail are not set up here.";

/// How far the CRM has been told of a payment; `at`: when it took it.
pub(super) fn write_back(row: &OutboxRow, at: Option<String>) -> String {
    match (at, row.given_up_at, row.attempts) {
        (_, Some(_), _) => "Not saved: enter this payment in the CRM by hand".to_owned(),
        (Some(at), None, _) => format!("Saved {at}"),
        (None, None, 0 | 1) => "Being saved".to_owned(),
        (None, None, _) => "Queued: saves itself when the CRM answers".to_owned(),
    }
}

/// A receipt waits for the mail server.
pub(super) const MAIL_WAITS: &str = "Mail server not reachable: queued, sends itself.";

/// How a customer cancels an authority with the tenant, as a phrase after "with us".
pub(super) fn cancel_how(tenant: &Tenant) -> String {
    match tenant.branding.help.trim() {
        "" => String::new(),
        help => format!("({help})"),
    }
}
