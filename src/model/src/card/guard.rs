//! A look at free text before it is taken: nobody may type a card number into it (PCI DSS 3.2.1).

use std::ops::Range;

/// Shortest card number that is looked for (ISO/IEC 7812-1 allows fewer; no brand issues them).
const LEN_MIN: usize = 13;

/// Zeros of the decimal digits that Unicode knows (category Nd), ascending; each is followed by one
/// to nine. Keyboards and voice typing bring more than ASCII.
const ZEROS: &[u32] = &[
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC,
    0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0,
];

/// Whether `text` holds what could be a card number: 13 to 19 digits of any script with a right Luhn
/// check digit and a first digit that card issuers have, in one piece or with punctuation, blanks and
/// invisible characters between them.
///
/// A number stands in whole groups of digits: `4111 1111 1111 1111 12/30` holds one, and no part of a
/// longer unbroken run is tried, since of 16 digits some part passes four times of five.
///
/// Blanks, hyphens, dots and slashes may stand anywhere in a number. Other punctuation also joins the
/// words of a sentence, as in `22/11/2026 15:04:05`: across it a number is seen where there is no
/// blank in it, or where its groups are as those of card numbers.
///
/// ```
/// use tonewall_model::card::guard::holds_card_number;
/// assert!(holds_card_number("card 4111-1111-1111-1111, exp 12/30"));
/// assert!(holds_card_number("4111, 1111, 1111, 1111"));
/// assert!(!holds_card_number("ring back on 447700900123"));
/// ```
pub fn holds_card_number(text: &str) -> bool {
    card_number_in(text).is_some()
}

/// Where the first of them stands in `text`, from its first to its last digit, in bytes.
pub fn card_number_in(text: &str) -> Option<Range<usize>> {
    let mut groups: Vec<Group> = Vec::new();
    let (mut joined, mut gap) = (false, Gap::default());
    for (at, c) in text.char_indices() {
        let separates = match digit(c) {
            Some(digit) => {
                if !joined {
                    groups.push(Group { gap: std::mem::take(&mut gap), digits: Vec::new(), span: at..at });
                }
                let group = groups.last_mut().expect("one was pushed where none was open");
                group.digits.push(digit);
                group.span.end = at + c.len_utf8();
                joined = true;
                continue;
            }
            None => gap.takes(c),
        };
        joined = false;
        // Anything else ends a run: no number goes on beyond it.
        if !separates {
            if let Some(found) = find(&groups) {
                return Some(found);
            }
            groups.clear();
        }
    }
    find(&groups)
}

/// What stands before a group of digits.
#[derive(Clone, Copy, Default)]
struct Gap {
    /// Some of it is a blank.
    is_blank: bool,
    /// Some of it is punctuation that seldom stands in numbers.
    is_odd: bool,
}

impl Gap {
    /// Takes a character up, if it may stand between digits.
    fn takes(&mut self, c: char) -> bool {
        self.is_blank |= c.is_whitespace();
        let is_usual = is_usual(c);
        self.is_odd |= !is_usual && c.is_ascii_punctuation();
        is_usual || c.is_ascii_punctuation() || is_invisible(c)
    }
}

/// Digits in one piece.
struct Group {
    gap: Gap,
    digits: Vec<u8>,
    span: Range<usize>,
}

/// The first neighbouring groups that make a card number.
fn find(groups: &[Group]) -> Option<Range<usize>> {
    (0..groups.len()).find_map(|first| {
        let mut number: Vec<u8> = Vec::with_capacity(super::LEN_MAX);
        for (nth, group) in groups[first..].iter().enumerate() {
            if number.len() + group.digits.len() > super::LEN_MAX {
                return None;
            }
            number.extend(&group.digits);
            let is_number = number.len() >= LEN_MIN && is_issued(number[0]) && luhn_ok(&number);
            if is_number && is_joined(&groups[first..=first + nth]) {
                return Some(groups[first].span.start..group.span.end);
            }
        }
        None
    })
}

/// Whether the gaps within these groups may be those of one number.
fn is_joined(groups: &[Group]) -> bool {
    let any = |is: fn(&Gap) -> bool| groups[1..].iter().any(|group| is(&group.gap));
    !any(|gap| gap.is_odd) || !any(|gap| gap.is_blank) || is_grouped(groups)
}

/// Groups of one size, of which the last may be shorter; or those printed on cards.
fn is_grouped(groups: &[Group]) -> bool {
    let sizes: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    let (Some(first), Some(last)) = (sizes.first(), sizes.last()) else { return false };
    let is_even = sizes[..sizes.len() - 1].iter().all(|size| size == first) && last <= first;
    is_even || matches!(sizes[..], [4, 6, 4 | 5] | [6, 7..=13])
}

/// Whether card issuers have this first digit (ISO/IEC 7812-1: 2 to 6; UnionPay also 81).
fn is_issued(first: u8) -> bool {
    matches!(first, 2..=6 | 8)
}

/// ISO/IEC 7812-1 annex B.
fn luhn_ok(digits: &[u8]) -> bool {
    let value = |(place, digit): (usize, &u8)| {
        let value = u32::from(*digit) << (place % 2);
        if value > 9 { value - 9 } else { value }
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>().is_multiple_of(10)
}

fn digit(c: char) -> Option<u8> {
    let code = u32::from(c);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
    u8::try_from(code - zero).ok().filter(|value| *value <= 9)
}

/// Blanks, hyphens, dots and slashes.
fn is_usual(c: char) -> bool {
    let hyphen =
        matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}');
    let dot = matches!(c, '.' | '\u{B7}' | '\u{2022}' | '\u{2024}' | '\u{FF0E}' | '\u{3002}');
    let slash = matches!(c, '/' | '\\' | '\u{2044}' | '\u{2215}' | '\u{FF0F}');
    c.is_whitespace() || hyphen || dot || slash
}

/// What shows nothing of its own: control and format characters (Unicode categories Cc and Cf), fillers,
/// variation selectors, and marks over the character before.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{300}'..='\u{36F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{20D0}'..='\u{20FF}' | '\u{2800}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Published test numbers of 13 digits and more, one or two of each brand.
    const CARDS: [&str; 15] = [
        "4111111111111111",
        "4242424242424242",
        "4000000000000002",
        "4263970000005262",
        "4222222222222",
        "5555555555554444",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "3566002020360505",
        "6200000000000005",
        "6771798021000008",
        "3056930009020004",
        "30569309025904",
        "38520000023237",
    ];

    /// What people put between the digits of a number, or nothing.
    const SEPARATORS: [&str; 14] = [
        "", " ", "  ", "-", " - ", ".", "/", "\u{a0}", "\u{2009}", "\u{200b}", "\u{2013}", "\n", "\t",
        "\u{2212}",
    ];

    /// Punctuation, and what nobody sees.
    fn odd() -> impl Strategy<Value = String> {
        prop::string::string_regex(
            "[!-/:-@\\[-`{-~\u{ad}\u{200b}-\u{200f}\u{202e}\u{2063}\u{fe0f}\u{e0020}]{1,3}",
        )
        .expect("a pattern")
    }

    /// The same digits in another script, by its zero.
    fn in_script(number: &str, zero: u32) -> String {
        let digit = |c: char| char::from_u32(zero + c.to_digit(10).expect("a digit")).expect("a digit");
        number.chars().map(digit).collect()
    }

    #[test]
    fn zeros_are_digits_of_unicode_and_ascend() {
        assert!(ZEROS.windows(2).all(|pair| pair[0] + 9 < pair[1]));
        for zero in ZEROS {
            for value in 0..10 {
                let c = char::from_u32(zero + value).expect("a character");
                assert!(c.is_numeric(), "{zero:x} + {value}");
                assert_eq!(digit(c), Some(value as u8));
            }
        }
        assert_eq!(digit('/'), None);
        assert_eq!(digit(':'), None);
        assert_eq!(digit('x'), None);
        assert_eq!(digit('\u{10ffff}'), None);
    }

    #[test]
    fn as_people_type_them() {
        let cases = [
            ("4111111111111111", true),
            ("4111 1111 1111 1111", true),
            ("4111-1111-1111-1111", true),
            ("4111.1111/1111 1111", true),
            ("3782 822463 10005", true),
            ("card:4111111111111111.", true),
            ("4111111111111111 12/30 907", true),
            ("12 4111111111111111", true),
            ("INV-1001 4111 1111 1111 1111 12/30", true),
            ("mail 4111111111111111@example.com", true),
            ("٤١١١ ١١١١ ١١١١ ١١١١", true),
            ("４１１１１１１１１１１１１１１１", true),
            ("٤١١١111111111111", true),
            ("4111111111111112", false),
            ("4111111111111111x1", true),
            ("x4111x1111x1111x1111", false),
            ("4111, 1111, 1111, 1111", true),
            ("4111_1111|1111*1111", true),
            ("4;1:1+1,1(1)1[1]1{1}1<1>1=1&1#1", true),
            ("3782, 822463, 10005; 12/30", true),
            ("621234, 0000000001", true),
            ("4\u{fe0f}\u{20e3}1\u{fe0f}\u{20e3}11111111111111", true),
            ("4111\u{2063}1111\u{202e}1111\u{e0020}1111", true),
            // Of 17, 14 and 16 digits, all with a right check digit.
            ("2026-11-22 15:04:05.003", false),
            ("22/11/2026 15:04:06", false),
            ("£234,567.89, 22/11/2027; 07700 900123", false),
            ("+44 7700 900123, +44 7700 900456", false),
            ("411111111111", false),
            // No part of a longer run, and no first digit that issuers do not have.
            ("00004111111111111111", false),
            ("0000000000000000", false),
            ("1234567890123452", false),
            ("INV-1001", false),
            ("+44 7700 900123", false),
            ("01289 300100 / 01289 300101", false),
            ("22/11/2026 15:04", false),
            ("2026-11-22T15:04:05.123Z", false),
            ("£1,234,567.89", false),
            ("ada.lindqvist@harbour.example", false),
            ("TD15 9EN", false),
            ("Flat 12, 4 Quay St. TD15 1AB", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(holds_card_number(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_text_costs_little() {
        let text = "1 ".repeat(100_000) + &"4".repeat(100_000);
        assert!(!holds_card_number(&text));
    }

    /// Words around a number that neither hold digits nor separate any.
    fn words() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["", "card ", "the number is: ", "(", "£", "a", "№"]).prop_map(String::from)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_published_number_is_found_in_any_grouping(
            card in prop::sample::select(&CARDS[..]),
            between in prop::collection::vec(prop::sample::select(&SEPARATORS[..]), 20),
            zero in prop::sample::select(ZEROS),
            (before, after) in (words(), words()),
        ) {
            let digits = in_script(card, zero);
            let number: String = digits.chars().zip(between).flat_map(|(digit, gap)| {
                std::iter::once(digit).chain(gap.chars())
            }).collect();
            prop_assert!(holds_card_number(&format!("{before}{number}{after}")), "{card} as {number:?}");
        }

        #[test]
        fn every_published_number_is_found_across_any_punctuation(
            card in prop::sample::select(&CARDS[..]),
            gaps in prop::collection::vec(prop::option::of(odd()), 20),
            (size, blank) in (1_usize..=8, prop::sample::select(vec!["", " ", "\n "])),
            (before, after) in (words(), words()),
        ) {
            let digits = || card.chars();
            let unblank: String = digits().zip(&gaps).flat_map(|(digit, gap)| {
                std::iter::once(digit).chain(gap.iter().flat_map(|gap| gap.chars()))
            }).collect();
            prop_assert!(holds_card_number(&format!("{before}{unblank}{after}")), "{card} as {unblank:?}");
            let mut grouped = String::new();
            for (place, digit) in digits().enumerate() {
                if place > 0 && place % size == 0 {
                    grouped.extend([gaps[place].as_deref().unwrap_or(","), blank]);
                }
                grouped.push(digit);
            }
            prop_assert!(holds_card_number(&format!("{before}{grouped}{after}")), "{card} as {grouped:?}");
            let found = card_number_in(&grouped).expect("found before");
            prop_assert!(holds_card_number(&grouped[found]));
        }

        #[test]
        fn one_wrong_digit_makes_it_none(
            card in prop::sample::select(&CARDS[..]),
            place in 0_usize..13,
            by in 1_u8..10,
        ) {
            let mut digits = card.as_bytes().to_vec();
            digits[place] = b'0' + (digits[place] - b'0' + by) % 10;
            let number = String::from_utf8(digits).expect("digits");
            prop_assert!(!holds_card_number(&number), "{number}");
        }

        #[test]
        fn other_things_are_none(
            phone in "(\\+|00|0)[1-9][0-9]{8,9}|\\+44 7[0-9]{3} [0-9]{6}|[0-9]{12}",
            mail in "[a-z]{1,10}[0-9]{0,4}\\.[a-z]{1,10}@[a-z]{1,10}\\.example",
            id in "(cl|at|pm|rc|ag)_[0-9a-hjkmnp-tv-z]{12}[a-hjkmnp-tv-z][0-9a-hjkmnp-tv-z]{7}",
            date in "[0-3][0-9]/[01][0-9]/20[0-9]{2}|20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]",
            amount in "£[0-9]{1,3}(,[0-9]{3}){0,2}\\.[0-9]{2}",
        ) {
            for text in [&phone, &mail, &id, &date, &amount] {
                prop_assert!(!holds_card_number(text), "{text:?}");
            }
            let all = format!("{mail}: {amount}, {date}; {phone}");
            prop_assert!(!holds_card_number(&all), "{all:?}");
        }

        #[test]
        fn nothing_breaks_it(text in any::<String>(), digits in "[0-9 ./-]{0,80}") {
            let _ = (holds_card_number(&text), holds_card_number(&digits));
        }
    }
}
