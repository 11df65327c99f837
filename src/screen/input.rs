//! What agents type, checked before anything else sees it: length, characters, and that nobody types
//! a card number (PCI DSS 3.2.1).

use super::problem::Problem;
use super::words;
use time::{Date, Month};
use tonewall_model::card::guard::holds_card_number;
use tonewall_model::cpa::{End, Every, Terms};
use tonewall_model::money::{Currency, Money};

/// Longest account or invoice reference, as in the model.
const ACCOUNT_LEN_MAX: usize = 64;

/// Longest note: a sentence or two. The store takes more.
const NOTE_LEN_MAX: usize = 300;

/// Longest address (RFC 5321 §4.5.3.1.3, without the brackets), and its part before the `@`.
const EMAIL_LEN_MAX: usize = 254;
const LOCAL_LEN_MAX: usize = 64;

/// Longest label of a domain name (RFC 1035 §2.3.4).
const LABEL_LEN_MAX: usize = 63;

/// What was typed about an authority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgreementForm {
    /// Of each payment: `12.50`.
    pub amount: String,
    /// `week`, `fortnight`, `four_weeks`, `month`, `quarter` or `year`.
    pub every: String,
    /// The first payment: `2027-01-01`.
    pub start: String,
    /// How many payments; or empty, and `until` is told.
    pub count: String,
    /// The last day; or empty, and `count` is told.
    pub until: String,
    /// Whether the customer has agreed to the wording that was read out.
    pub agreed: bool,
    /// Which wording that was: the preview's own mark.
    pub read: String,
}

/// One line without control characters and without a card number.
fn line(field: &'static str, text: &str, len_max: usize) -> Result<String, Problem> {
    let text = text.trim();
    if holds_card_number(text) {
        return Err(Problem::at(field, "card_number", words::CARD_NUMBER));
    }
    if text.chars().count() > len_max {
        return Err(Problem::at(field, "too_long", format!("Use at most {len_max} characters.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::at(field, "bad_characters", "Use letters, digits and common signs only."));
    }
    Ok(text.to_owned())
}

/// An account or invoice.
pub(super) fn account(text: &str) -> Result<String, Problem> {
    match line("account", text, ACCOUNT_LEN_MAX)? {
        text if text.is_empty() => {
            Err(Problem::at("account", "bad_account", "Enter the account or invoice."))
        }
        text => Ok(text),
    }
}

/// An amount, exactly.
pub(super) fn amount(text: &str, currency: Currency) -> Result<Money, Problem> {
    let text = line("amount", text, ACCOUNT_LEN_MAX)?;
    Money::parse(&text, currency).map_err(words::not_money)
}

/// A part of an address.
pub(super) fn address_part(field: &'static str, text: &str) -> Result<String, Problem> {
    line(field, text, tonewall_model::card::ADDRESS_PART_LEN_MAX)
}

/// A note; may be empty.
pub(super) fn note(text: &str) -> Result<String, Problem> {
    line("note", text, NOTE_LEN_MAX)
}

/// An address of the everyday form: `name@host.domain`, ASCII, nothing quoted. Whether it exists
/// only its mail server knows.
pub(super) fn email(text: &str) -> Result<String, Problem> {
    let text = line("email", text, EMAIL_LEN_MAX)?;
    let wrong =
        || Problem::at("email", "bad_email", "Check the e-mail address: it looks like name@example.com.");
    let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let local_ok = (1..=LOCAL_LEN_MAX).contains(&local.len())
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
    let label_ok = |label: &str| {
        (1..=LABEL_LEN_MAX).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let domain_ok = domain.contains('.') && domain.split('.').all(label_ok);
    if local_ok && domain_ok { Ok(text) } else { Err(wrong()) }
}

/// The terms of an authority, checked against today in the tenant's time zone.
pub(super) fn terms(form: &AgreementForm, currency: Currency, today: Date) -> Result<Terms, Problem> {
    let amount = amount(&form.amount, currency)?;
    let every = Every::parse(form.every.trim())
        .ok_or_else(|| Problem::at("every", "bad_choice", "Choose how often the payment is taken."))?;
    let start = date("start", &form.start)?;
    let (end_field, end) = match (form.count.trim(), form.until.trim()) {
        ("", "") => {
            return Err(Problem::at("count", "missing", "Enter how many payments, or the last day."));
        }
        ("", until) => ("until", End::Until(date("until", until)?)),
        (count, "") => {
            let count = count.parse().map_err(|_| {
                Problem::at("count", "bad_count", "Enter the number of payments in figures, 2 to 120.")
            })?;
            ("count", End::Count(count))
        }
        _ => {
            return Err(Problem::at(
                "until",
                "both_ends",
                "Enter the number of payments or the last day, not both.",
            ));
        }
    };
    let terms = Terms { amount, every, start, end };
    terms.check(today).map_err(|why| words::not_terms(why, end_field))?;
    Ok(terms)
}

/// `2027-01-31`, as date inputs send it.
fn date(field: &'static str, text: &str) -> Result<Date, Problem> {
    let parsed = || {
        let mut parts = text.trim().splitn(3, '-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if year.len() != 4 || month.len() != 2 || day.len() != 2 {
            return None;
        }
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
    };
    parsed().ok_or_else(|| Problem::at(field, "bad_date", "Enter a date that exists, such as 31/01/2027."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_addresses_and_no_others() {
        for good in ["ann@example.com", "a.b+c@mail.example.co.uk", " o'neil@example.ie ", "x_1@a-b.example"]
        {
            assert_eq!(email(good).as_deref(), Ok(good.trim()), "{good:?}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        let bad = [
            "",
            "ann",
            "ann@",
            "@example.com",
            "ann@example",
            "a b@example.com",
            "ann@exa mple.com",
            "a@@b.com",
            "ann@example..com",
            ".ann@example.com",
            "ann@-a.com",
            "a\u{7}nn@example.com",
            "ann@example.com>",
            "\"a\"@example.com",
            "ann@ex\u{e4}mple.com",
            "a@b.com,c@d.com",
            &long,
        ];
        for bad in bad {
            assert_eq!(email(bad).expect_err(bad).field, Some("email"), "{bad:?}");
        }
    }

    #[test]
    fn card_numbers_are_refused_in_every_box() {
        for typed in
            ["4263970000005262", "4263 9700 0000 5262", "4263-9700-0000-5262", "x 4111111111111111 y"]
        {
            for problem in [
                account(typed).expect_err(typed),
                note(typed).expect_err(typed),
                address_part("postcode", typed).expect_err(typed),
                email(&format!("{}@example.com", typed.replace(' ', "."))).expect_err(typed),
                amount(typed, Currency::GBP).expect_err(typed),
            ] {
                assert_eq!(problem.code, "card_number", "{typed}");
                assert!(!problem.message.contains("4263"), "{typed}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_terms_is_told_at_its_input() {
        let today = Date::from_calendar_date(2026, Month::November, 22).expect("a date");
        let good = AgreementForm {
            amount: "12.50".into(),
            every: "month".into(),
            start: "2027-01-31".into(),
            count: "12".into(),
            ..AgreementForm::default()
        };
        let made = terms(&good, Currency::GBP, today).expect("terms");
        assert_eq!((made.dates().len(), made.total().minor), (12, 15_000));
        type Change = fn(&mut AgreementForm);
        let cases: &[(&str, Change, &str)] = &[
            ("amount", |form| form.amount = "0".into(), "bad_amount"),
            ("every", |form| form.every = "day".into(), "bad_choice"),
            ("start", |form| form.start = "31/01/2027".into(), "bad_date"),
            ("start", |form| form.start = "2027-02-29".into(), "bad_date"),
            ("start", |form| form.start = "2026-11-21".into(), "start_past"),
            ("start", |form| form.start = "2028-11-22".into(), "start_too_far"),
            ("count", |form| form.count = "1".into(), "too_few"),
            ("count", |form| form.count = "many".into(), "bad_count"),
            ("count", |form| form.count = String::new(), "missing"),
            ("until", |form| form.until = "2028-01-01".into(), "both_ends"),
        ];
        for (field, change, code) in cases {
            let mut form = good.clone();
            change(&mut form);
            let problem = terms(&form, Currency::GBP, today).expect_err(code);
            assert_eq!((problem.field, problem.code), (Some(*field), *code));
        }
    }
}
