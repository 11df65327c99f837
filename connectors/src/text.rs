//! What may be kept of a text that somebody else's system sent.
//!
//! A gateway may echo a card number in an error, and in a CRM people have typed card numbers into
//! names, so nothing of their answers is kept unseen.

/// Shortest card number (ISO/IEC 7812-1; 12 exist at Maestro, whose numbers begin otherwise).
const PAN_LEN_MIN: usize = 12;

/// Longest card number.
const PAN_LEN_MAX: usize = 19;

/// Digits in a row, from which on a free text loses them: the middle ten of a card number are
/// secret, six and four at its ends are not.
const RUN_LEN_MAX: usize = 8;

/// Free text: visible ASCII, at most `len_max` characters, long runs of digits blanked.
///
/// A run goes on across one space, dot, dash, comma or slash at a time, as people group card numbers.
pub(crate) fn clean(text: &str, len_max: usize) -> String {
    let visible = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    blanked(text.chars().map(visible).collect(), RUN_LEN_MAX, len_max)
}

/// Words for people, in any script: trimmed, at most `len_max` characters, everything invisible
/// dropped, and any run of digits blanked that is long enough for a card number.
pub(crate) fn words(text: &str, len_max: usize) -> String {
    let shown = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| is_visible(*c));
    let shown: String = shown.collect();
    let single = shown.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    blanked(single.chars().collect(), PAN_LEN_MIN - 1, len_max).trim_end().to_owned()
}

/// Whether a character shows and takes no part in directing others: no control character, no line
/// end, nothing of zero width, no bidirectional override (Unicode UAX #9).
pub(crate) fn is_visible(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !c.is_control() && !hidden
}

/// At most `len_max` characters, in which runs of more than `run_max` digits are blanked.
fn blanked(mut text: Vec<char>, run_max: usize, len_max: usize) -> String {
    for (start, end) in digit_runs(&text) {
        if text[start..end].iter().filter(|c| c.is_numeric()).count() > run_max {
            text[start..end].fill('#');
        }
    }
    text.truncate(len_max);
    text.into_iter().collect()
}

/// An identifier that has to be kept exactly or not at all: 1 to `len_max` of `A-Z a-z 0-9 . _ : -`,
/// and no card number in it.
pub(crate) fn identifier(text: &str, len_max: usize) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    let fits = (1..=len_max).contains(&text.len()) && text.bytes().all(allowed);
    (fits && !holds_pan(text)).then(|| text.to_owned())
}

/// Whether a run of digits, grouped or not, has a card number's length and a right check digit; or
/// is longer than any card number, so that one may be inside.
///
/// Parts of a run are not tried: in 16 random digits four times of five some part passes.
///
/// Digits of another script than ASCII have no value here: a run with one of them counts as a card
/// number by its length alone.
pub(crate) fn holds_pan(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    digit_runs(&chars).into_iter().any(|(start, end)| {
        let numerals = chars[start..end].iter().filter(|c| c.is_numeric());
        let digits: Option<Vec<u32>> = numerals.clone().map(|c| c.to_digit(10)).collect();
        match numerals.count() {
            PAN_LEN_MIN..=PAN_LEN_MAX => digits.is_none_or(|digits| luhn_holds(&digits)),
            len => len > PAN_LEN_MAX,
        }
    })
}

/// Start and end of each run of digits, single separators within it included.
fn digit_runs(chars: &[char]) -> Vec<(usize, usize)> {
    let separates = |c: char| matches!(c, ' ' | '.' | '-' | ',' | '/');
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (place, _) in chars.iter().enumerate().filter(|(_, c)| c.is_numeric()) {
        match runs.last_mut() {
            Some((_, end)) if *end == place => *end += 1,
            Some((_, end)) if *end + 1 == place && separates(chars[*end]) => *end = place + 1,
            _ => runs.push((place, place + 1)),
        }
    }
    runs
}

fn luhn_holds(digits: &[u32]) -> bool {
    let value = |(place, digit): (usize, &u32)| match (place % 2, *digit) {
        (0, digit) => digit,
        (_, digit) if digit > 4 => 2 * digit - 9,
        (_, digit) => 2 * digit,
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_loses_card_numbers_however_grouped() {
        let cases = [
            ("card 4242424242424242 declined", "card ################ declined"),
            ("4242 4242 4242 4242", "###################"),
            ("4242-4242-4242-4242.", "###################."),
            ("34 3782822463 1000", "##################"),
            ("middle 4242424242", "middle ##########"),
            ("ref 12345678 of 12.50", "ref 12345678 of 12.50"),
            ("51", "51"),
            ("caf\u{e9}\n\u{661}\u{662}", "caf????"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text, 80), expected, "{text:?}");
        }
        assert_eq!(clean("try_again_later", 9), "try_again");
    }

    #[test]
    fn words_keep_their_script_and_lose_what_does_not_show() {
        let cases = [
            ("  Zo\u{eb}\t Lindqvist\r\n", "Zo\u{eb} Lindqvist"),
            ("a\u{202e}b\u{200b}c\u{0}d", "abcd"),
            ("card 4111  1111 1111\t1111 of Zo\u{eb}", "card ################### of Zo\u{eb}"),
            ("\u{664}\u{661}\u{661}\u{661}1111-1111-1111", "##################"),
            ("41111111\u{200b}11111111", "################"),
            ("tel 07700 900123", "tel 07700 900123"),
            ("<b>", "<b>"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text, 80), expected, "{text:?}");
        }
        assert_eq!(words("abc def", 4), "abc");
        assert!(holds_pan("4111 1111.1111-1111") && !holds_pan("4111 1111 1111 1112"));
        assert!(holds_pan("\u{ff14}111111111111112"), "no value is known of a fullwidth digit");
    }

    #[test]
    fn identifiers_are_kept_exactly_or_not_at_all() {
        for good in ["pay_k3vq8m2xw7bnc4td", "482913", "4111111111111112", "a:b.c-d"] {
            assert_eq!(identifier(good, 40).as_deref(), Some(good));
        }
        let bad = [
            "",
            "4111111111111111",
            "pay_4242424242424242",
            "x4242-4242-4242-4242",
            "12345678901234567890",
            "a b",
            "a/b",
            "\u{e9}",
        ];
        for bad in bad {
            assert_eq!(identifier(bad, 40), None, "{bad:?}");
        }
        assert_eq!(identifier("abcde", 4), None);
    }
}
