//! Invoices and payments of one organisation.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::rng::Rng;
use crate::stage::caller_number;

/// Callers who have invoices from the start: +447700900001 and so on.
const SEEDED_CALLERS: usize = 40;
/// Invoices of an organisation; a number that calls beyond them has none.
const INVOICES_MAX: usize = 20_000;
/// Payments of an organisation.
const PAYMENTS_MAX: usize = 20_000;
/// Invoices in one answer.
const ANSWER_MAX: usize = 20;

const FIRST: [&str; 12] = [
    "Mary",
    "Tomasz",
    "Aoife",
    "Gareth",
    "Priya",
    "Siân",
    "Oluwaseun",
    "Hannah",
    "Zoë",
    "Callum",
    "Mei",
    "Desmond",
];
const LAST: [&str; 12] = [
    "Collins",
    "Nowak",
    "O'Brien",
    "Évans",
    "Patel",
    "Llewellyn",
    "Adeyemi",
    "Fraser-Smith",
    "Müller",
    "Whitaker",
    "Tan",
    "Grant",
];
const POSTCODES: [&str; 8] =
    ["TD15 9EN", "LS1 4AP", "CF10 3NP", "EH1 1YZ", "BT1 5GS", "M1 1AE", "SA1 3RD", "NE1 7RU"];

/// One invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its number, for example `INV-1001`.
    pub account: String,
    /// Whose it is.
    pub name: String,
    /// What is left to pay, minor units.
    pub amount_minor: i64,
    /// ISO 4217; two decimals.
    pub currency: String,
    /// `YYYY-MM-DD`.
    pub due: String,
    /// House number.
    pub house_number: String,
    /// Postcode.
    pub postcode: String,
    /// E-mail address, at a domain that is nobody's.
    pub email: String,
    /// The customer's number, E.164.
    pub caller: String,
}

/// A payment that was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Id of the event.
    pub event: String,
    /// What was paid.
    pub account: String,
    /// Minor units.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// The issuer's authorisation code.
    pub auth_code: String,
    /// Id of the attempt.
    pub reference: String,
    /// Whether there was such an invoice; money for an unknown account is taken and kept apart.
    pub allocated: bool,
}

/// Why a payment was not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotPosted {
    /// The key was used with another body.
    KeyReused,
    /// No room.
    Full,
    /// The currency is not the organisation's.
    Currency,
}

/// The books of one organisation.
pub(super) struct Book {
    token: String,
    currency: String,
    rng: Rng,
    next_account: u32,
    invoices: BTreeMap<u32, Invoice>,
    known: HashSet<String>,
    payments: Vec<Posted>,
    keys: HashMap<String, usize>,
}

impl Book {
    pub(super) fn open(token: &str, currency: &str, seed: u64, first_account: u32) -> Self {
        let mut book = Self {
            token: token.to_owned(),
            currency: currency.to_owned(),
            rng: Rng::named(seed, token),
            next_account: first_account,
            invoices: BTreeMap::new(),
            known: HashSet::new(),
            payments: Vec::new(),
            keys: HashMap::new(),
        };
        for index in 1..=SEEDED_CALLERS {
            book.meet(&caller_number(index));
        }
        book
    }

    pub(super) fn is_of(&self, token: &str) -> bool {
        self.token == token
    }

    pub(super) fn payments(&self) -> Vec<Posted> {
        self.payments.clone()
    }

    /// Invoices of a number, oldest first.
    pub(super) fn of_caller(&mut self, caller: &str, unpaid: bool) -> Vec<Invoice> {
        self.meet(caller);
        self.pick(unpaid, |invoice| invoice.caller == caller)
    }

    /// The invoice of an account, if it has that status.
    pub(super) fn of_account(&self, account: &str, unpaid: bool) -> Vec<Invoice> {
        self.pick(unpaid, |invoice| invoice.account.eq_ignore_ascii_case(account))
    }

    fn pick(&self, unpaid: bool, wanted: impl Fn(&Invoice) -> bool) -> Vec<Invoice> {
        let of_status = |invoice: &&Invoice| (invoice.amount_minor > 0) == unpaid;
        self.invoices.values().filter(of_status).filter(|i| wanted(i)).take(ANSWER_MAX).cloned().collect()
    }

    /// A number's first call: one invoice, for every third customer two.
    fn meet(&mut self, caller: &str) {
        if caller.ends_with("999")
            || self.invoices.len() + 2 > INVOICES_MAX
            || !self.known.insert(caller.to_owned())
        {
            return;
        }
        let pick = |rng: &mut Rng, from: &[&'static str]| from[rng.below(from.len() as u32) as usize];
        let (first, last) = (pick(&mut self.rng, &FIRST), pick(&mut self.rng, &LAST));
        let (house_number, postcode) =
            (format!("{}", 1 + self.rng.below(180)), pick(&mut self.rng, &POSTCODES).to_owned());
        let count = if self.next_account.is_multiple_of(3) { 2 } else { 1 };
        for _ in 0..count {
            let number = self.next_account;
            self.next_account = self.next_account.wrapping_add(1);
            let invoice = Invoice {
                account: format!("INV-{number}"),
                name: format!("{first} {last}"),
                amount_minor: i64::from(1_000 + self.rng.below(24_000)),
                currency: self.currency.clone(),
                due: date_in(self.rng.below(40) as i64 - 10),
                house_number: house_number.clone(),
                postcode: postcode.clone(),
                email: format!("{}.{}@example.com", plain(first), plain(last)),
                caller: caller.to_owned(),
            };
            self.invoices.insert(number, invoice);
        }
    }

    /// Books a payment once for each key. `true`: it is new; `false`: it was there.
    pub(super) fn post(&mut self, key: &str, mut posted: Posted) -> Result<bool, NotPosted> {
        let account =
            self.invoices.values_mut().find(|invoice| invoice.account.eq_ignore_ascii_case(&posted.account));
        if let Some(place) = self.keys.get(key) {
            let earlier = &self.payments[*place];
            posted.allocated = earlier.allocated;
            return if *earlier == posted { Ok(false) } else { Err(NotPosted::KeyReused) };
        }
        if posted.currency != self.currency {
            return Err(NotPosted::Currency);
        }
        if self.payments.len() >= PAYMENTS_MAX {
            return Err(NotPosted::Full);
        }
        posted.allocated = account.is_some();
        if let Some(invoice) = account {
            invoice.amount_minor = (invoice.amount_minor - posted.amount_minor).max(0);
        }
        self.keys.insert(key.to_owned(), self.payments.len());
        self.payments.push(posted);
        Ok(true)
    }
}

/// A name as an address has it: lower case, ASCII letters.
fn plain(name: &str) -> String {
    let letter = |c: char| match c {
        'é' | 'É' | 'ë' => 'e',
        'â' => 'a',
        'ü' => 'u',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(letter).filter(char::is_ascii_lowercase).collect()
}

/// The date in so many days, `YYYY-MM-DD`, in UTC.
fn date_in(days: i64) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds as i64 / 86_400 + days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a number of days since 1970-01-01, by eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar() {
        assert_eq!((civil(0), civil(59), civil(-1)), ((1970, 1, 1), (1970, 3, 1), (1969, 12, 31)));
        assert_eq!((civil(11_016), civil(11_017)), ((2000, 2, 29), (2000, 3, 1)));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }

    #[test]
    fn the_same_seed_gives_the_same_customers() {
        let open = |seed| Book::open("t", "GBP", seed, 1_001);
        let all = |book: Book| book.invoices.into_values().collect::<Vec<_>>();
        assert_eq!(all(open(5)), all(open(5)));
        assert_ne!(all(open(5)), all(open(6)));
        for invoice in all(open(5)) {
            assert!(invoice.email.is_ascii() && invoice.amount_minor >= 1_000, "{invoice:?}");
        }
    }
}
