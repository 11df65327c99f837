//! What may be kept of a text that a gateway sent.
//!
//! A gateway may echo a card number in an error, so nothing of its answers is kept unseen.

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
    let mut kept: Vec<char> = text.chars().map(visible).collect();
    for (start, end) in digit_runs(&kept) {
        let digits = kept[start..end].iter().filter(|c| c.is_ascii_digit()).count();
        if digits > RUN_LEN_MAX {
            kept[start..end].fill('#');
        }
    }
    kept.truncate(len_max);
    kept.into_iter().collect()
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
fn holds_pan(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    digit_runs(&chars).into_iter().any(|(start, end)| {
        let digits: Vec<u32> = chars[start..end].iter().filter_map(|c| c.to_digit(10)).collect();
        match digits.len() {
            PAN_LEN_MIN..=PAN_LEN_MAX => luhn_holds(&digits),
            len => len > PAN_LEN_MAX,
        }
    })
}

/// Start and end of each run of digits, single separators within it included.
fn digit_runs(chars: &[char]) -> Vec<(usize, usize)> {
    let separates = |c: char| matches!(c, ' ' | '.' | '-' | ',' | '/');
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (place, _) in chars.iter().enumerate().filter(|(_, c)| c.is_ascii_digit()) {
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
