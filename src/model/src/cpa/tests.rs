use super::*;
use crate::money::Currency;
use expect_test::{Expect, expect};
use proptest::prelude::*;

/// `2026-11-22`.
fn date(text: &str) -> Date {
    let part = |range| -> i32 { text.get(range).and_then(|part: &str| part.parse().ok()).expect("a number") };
    let month = Month::try_from(part(5..7) as u8).expect("a month");
    Date::from_calendar_date(part(0..4), month, part(8..10) as u8).expect("a date")
}

fn terms(every: Every, start: &str, end: &str) -> Terms {
    let end = end.parse().map_or_else(|_| End::Until(date(end)), End::Count);
    Terms { amount: Money { minor: 2_500, currency: Currency::GBP }, every, start: date(start), end }
}

fn dates(terms: &Terms) -> String {
    terms.dates().iter().map(Date::to_string).collect::<Vec<_>>().join(" ")
}

fn every_of(word: &str) -> Every {
    Every::parse(word).expect("a frequency")
}

/// One line a case: frequency, start, end.
fn check(cases: &[(&str, &str, &str)], expected: Expect) {
    let line = |(every, start, end): &(&str, &str, &str)| {
        let terms = terms(every_of(every), start, end);
        format!("{every} {start} {end} => {} = {}\n", dates(&terms), terms.total())
    };
    expected.assert_eq(&cases.iter().map(line).collect::<String>());
}

#[test]
fn dates_follow_from_the_first_one() {
    check(
        &[
            ("week", "2026-12-30", "3"),
            ("fortnight", "2027-02-20", "3"),
            ("four_weeks", "2028-02-01", "3"),
            ("month", "2027-01-15", "3"),
            ("month", "2027-01-31", "5"),
            ("month", "2028-01-30", "3"),
            ("month", "2026-11-30", "5"),
            ("quarter", "2026-11-30", "5"),
            ("year", "2028-02-29", "5"),
            ("month", "2027-01-31", "2027-03-30"),
            ("month", "2027-01-31", "2027-03-31"),
            ("week", "2027-01-01", "2027-01-15"),
            ("week", "2027-01-01", "2027-01-14"),
            ("week", "2027-01-02", "2027-01-01"),
            ("month", "2027-01-31", "0"),
            ("year", "9998-12-31", "9"),
        ],
        expect![[r#"
            week 2026-12-30 3 => 2026-12-30 2027-01-06 2027-01-13 = 75.00 GBP
            fortnight 2027-02-20 3 => 2027-02-20 2027-03-06 2027-03-20 = 75.00 GBP
            four_weeks 2028-02-01 3 => 2028-02-01 2028-02-29 2028-03-28 = 75.00 GBP
            month 2027-01-15 3 => 2027-01-15 2027-02-15 2027-03-15 = 75.00 GBP
            month 2027-01-31 5 => 2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31 = 125.00 GBP
            month 2028-01-30 3 => 2028-01-30 2028-02-29 2028-03-30 = 75.00 GBP
            month 2026-11-30 5 => 2026-11-30 2026-12-30 2027-01-30 2027-02-28 2027-03-30 = 125.00 GBP
            quarter 2026-11-30 5 => 2026-11-30 2027-02-28 2027-05-30 2027-08-30 2027-11-30 = 125.00 GBP
            year 2028-02-29 5 => 2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29 = 125.00 GBP
            month 2027-01-31 2027-03-30 => 2027-01-31 2027-02-28 = 50.00 GBP
            month 2027-01-31 2027-03-31 => 2027-01-31 2027-02-28 2027-03-31 = 75.00 GBP
            week 2027-01-01 2027-01-15 => 2027-01-01 2027-01-08 2027-01-15 = 75.00 GBP
            week 2027-01-01 2027-01-14 => 2027-01-01 2027-01-08 = 50.00 GBP
            week 2027-01-02 2027-01-01 =>  = 0.00 GBP
            month 2027-01-31 0 =>  = 0.00 GBP
            year 9998-12-31 9 => 9998-12-31 9999-12-31 = 50.00 GBP
        "#]],
    );
}

#[test]
fn beyond_the_last_there_is_none() {
    let terms = terms(Every::Month, "2027-01-31", "3");
    assert_eq!(terms.due(2), Some(date("2027-03-31")));
    assert_eq!(terms.due(3), None);
    assert_eq!(terms.due(u16::MAX), None);
}

#[test]
fn what_may_be_agreed_on() {
    let today = date("2026-11-22");
    let told = |every: &str, start: &str, end: &str, minor: i64| {
        let mut terms = terms(every_of(every), start, end);
        terms.amount.minor = minor;
        let said = match terms.check(today) {
            Ok(()) => String::from("yes"),
            Err(why) => format!("{}: {why:?}", why.field()),
        };
        format!("{every} {start} {end} {minor} => {said}\n")
    };
    let cases = [
        ("month", "2026-11-22", "12", 2_500),
        ("month", "2026-11-21", "12", 2_500),
        ("month", "2027-11-22", "12", 2_500),
        ("month", "2027-11-23", "12", 2_500),
        ("month", "2026-12-01", "1", 2_500),
        ("month", "2026-12-01", "2", 2_500),
        ("month", "2026-12-01", "0", 2_500),
        ("month", "2026-12-01", "120", 2_500),
        ("month", "2026-12-01", "121", 2_500),
        ("week", "2026-12-01", "65535", 2_500),
        ("week", "2026-12-01", "120", 2_500),
        ("year", "2026-12-01", "11", 2_500),
        ("year", "2026-12-01", "12", 2_500),
        ("year", "2026-12-01", "120", 2_500),
        ("month", "2026-12-01", "2026-12-31", 2_500),
        ("month", "2026-12-01", "2027-01-01", 2_500),
        ("month", "2026-12-01", "2026-11-30", 2_500),
        ("month", "2026-12-01", "2036-11-30", 2_500),
        ("month", "2026-12-01", "2036-12-01", 2_500),
        ("year", "2026-12-01", "2036-12-01", 2_500),
        ("year", "2026-12-01", "2037-12-01", 2_500),
        ("week", "2026-12-01", "9999-12-31", 2_500),
        ("month", "2026-12-01", "12", 0),
        ("month", "2026-12-01", "12", -1),
        ("month", "2026-12-01", "12", 1_000_000_001),
    ];
    let table: String = cases.map(|(every, start, end, minor)| told(every, start, end, minor)).concat();
    expect![[r#"
        month 2026-11-22 12 2500 => yes
        month 2026-11-21 12 2500 => start: StartPast
        month 2027-11-22 12 2500 => yes
        month 2027-11-23 12 2500 => start: StartTooFar
        month 2026-12-01 1 2500 => end: TooFew
        month 2026-12-01 2 2500 => yes
        month 2026-12-01 0 2500 => end: TooFew
        month 2026-12-01 120 2500 => yes
        month 2026-12-01 121 2500 => end: TooMany
        week 2026-12-01 65535 2500 => end: TooMany
        week 2026-12-01 120 2500 => yes
        year 2026-12-01 11 2500 => yes
        year 2026-12-01 12 2500 => end: EndTooFar
        year 2026-12-01 120 2500 => end: EndTooFar
        month 2026-12-01 2026-12-31 2500 => end: TooFew
        month 2026-12-01 2027-01-01 2500 => yes
        month 2026-12-01 2026-11-30 2500 => end: TooFew
        month 2026-12-01 2036-11-30 2500 => yes
        month 2026-12-01 2036-12-01 2500 => end: TooMany
        year 2026-12-01 2036-12-01 2500 => yes
        year 2026-12-01 2037-12-01 2500 => end: EndTooFar
        week 2026-12-01 9999-12-31 2500 => end: TooMany
        month 2026-12-01 12 0 => amount: Amount(NotPositive)
        month 2026-12-01 12 -1 => amount: Amount(NotPositive)
        month 2026-12-01 12 1000000001 => amount: Amount(TooMuch)
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_year_ahead_of_the_day_that_comes_every_four_years() {
    let today = date("2028-02-29");
    assert_eq!(terms(Every::Month, "2029-02-28", "2").check(today), Ok(()));
    assert_eq!(terms(Every::Month, "2029-03-01", "2").check(today), Err(NotTerms::StartTooFar));
}

#[test]
fn frequencies_parse_back() {
    for every in Every::ALL {
        assert_eq!(Every::parse(every.as_str()), Some(every));
    }
    assert_eq!(Every::parse("Month"), None);
}

#[test]
fn the_wording_read_out() {
    let by_phone = "by calling 01289 300 100";
    let said = |terms: Terms, how: &str| consent_text(&terms, "Harbour Supplies", "5262", how) + "\n";
    let mut yearly = terms(Every::Year, "2028-02-29", "2");
    yearly.amount.minor = 123_456;
    let all = [
        said(terms(Every::Month, "2027-01-01", "12"), by_phone),
        said(terms(Every::Month, "2027-01-31", "2027-06-15"), by_phone),
        said(terms(Every::Fortnight, "2027-01-31", "2"), ""),
        said(yearly, " "),
    ];
    expect![[r#"
        You are giving Harbour Supplies permission to take £25.00 every month from your card ending 5262. The first payment is on 1 January 2027. There will be 12 payments, £300.00 in all. The last is on 1 December 2027. You can cancel at any time, with your bank or with us by calling 01289 300 100, up to the end of the business day before a payment is due. Do you agree?
        You are giving Harbour Supplies permission to take £25.00 every month from your card ending 5262. The first payment is on 31 January 2027. In a month without that day, it is taken on the month's last day. Payments end on 15 June 2027: 5 payments, £125.00 in all. The last is on 31 May 2027. You can cancel at any time, with your bank or with us by calling 01289 300 100, up to the end of the business day before a payment is due. Do you agree?
        You are giving Harbour Supplies permission to take £25.00 every two weeks from your card ending 5262. The first payment is on 31 January 2027. There will be 2 payments, £50.00 in all. The last is on 14 February 2027. You can cancel at any time, with your bank or with us, up to the end of the business day before a payment is due. Do you agree?
        You are giving Harbour Supplies permission to take £1,234.56 every year from your card ending 5262. The first payment is on 29 February 2028. In a month without that day, it is taken on the month's last day. There will be 2 payments, £2,469.12 in all. The last is on 28 February 2029. You can cancel at any time, with your bank or with us, up to the end of the business day before a payment is due. Do you agree?
    "#]].assert_eq(&all.concat());
}

fn any_date() -> impl Strategy<Value = Date> {
    let (first, last) = (Date::MIN.to_julian_day(), Date::MAX.to_julian_day());
    let near = (date("2026-01-01").to_julian_day(), date("2034-12-31").to_julian_day());
    prop_oneof![3 => near.0..=near.1, 1 => first..=last]
        .prop_map(|day| Date::from_julian_day(day).expect("within the calendar"))
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let end = prop_oneof![
        prop_oneof![0_u16..130, any::<u16>()].prop_map(End::Count),
        any_date().prop_map(End::Until),
    ];
    let minor = prop_oneof![1_i64..1_000_000, any::<i64>()];
    (minor, prop::sample::select(&Every::ALL[..]), any_date(), end).prop_map(|(minor, every, start, end)| {
        Terms { amount: Money { minor, currency: Currency::GBP }, every, start, end }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dates_ascend_and_keep_their_anchor(terms in any_terms()) {
        let dates = terms.dates();
        prop_assert!(dates.len() <= usize::from(PAYMENTS_MAX));
        prop_assert!(dates.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(dates.first().is_none_or(|first| *first == terms.start));
        for date in &dates {
            match terms.every {
                Every::Week | Every::Fortnight | Every::FourWeeks => {
                    prop_assert_eq!(date.weekday(), terms.start.weekday());
                }
                Every::Month | Every::Quarter | Every::Year => {
                    let last_day = date.month().length(date.year());
                    prop_assert_eq!(date.day(), terms.start.day().min(last_day));
                }
            }
        }
        if let Every::Year = terms.every {
            prop_assert!(dates.iter().all(|date| date.month() == terms.start.month()));
        }
    }

    #[test]
    fn the_count_is_right_and_the_end_holds(terms in any_terms()) {
        let dates = terms.dates();
        match terms.end {
            End::Until(last) => prop_assert!(dates.iter().all(|date| *date <= last)),
            End::Count(count) => {
                let calendar_holds = terms.start < date("9000-01-01");
                let wanted = usize::from(count.min(PAYMENTS_MAX));
                prop_assert!(dates.len() <= wanted);
                prop_assert!(!calendar_holds || dates.len() == wanted);
            }
        }
        let expected = i128::from(terms.amount.minor) * dates.len() as i128;
        let clamped = expected.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        prop_assert_eq!(i128::from(terms.total().minor), clamped);
    }

    #[test]
    fn agreed_terms_are_within_every_limit(terms in any_terms(), today in any_date(), any_n in any::<u16>()) {
        let _ = (terms.due(any_n), consent_text(&terms, "Harbour", "5262", ""));
        let Ok(()) = terms.check(today) else { return Ok(()) };
        let dates = terms.dates();
        prop_assert!((2..=120).contains(&dates.len()));
        prop_assert!(terms.start >= today && terms.start - today <= Duration::days(366));
        prop_assert!(dates[dates.len() - 1] - terms.start <= Duration::days(3_653));
        prop_assert!(Money::payable(terms.amount.minor, terms.amount.currency).is_ok());
        prop_assert_eq!(terms.due(dates.len() as u16), None);
    }
}

#[test]
fn some_terms_are_agreed_on_among_those_that_are_tried() {
    // Without it the property above could hold of nothing.
    let today = date("2026-11-22");
    let agreed = Every::ALL.map(|every| terms(every, "2027-01-31", "10").check(today));
    assert_eq!(agreed, [Ok(()); 6]);
}
