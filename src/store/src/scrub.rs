//! A last look at foreign text before it is stored: gateways have been seen to echo card numbers
//! in errors. Connectors must not let them through; this is the second lock.

use tonewall_model::card::guard;

/// Digits of a card number (ISO/IEC 7812-1; test numbers of 12 digits are not in use).
const PAN_LEN: std::ops::RangeInclusive<usize> = 13..=19;

/// Longest text of one stored field, in bytes; the rest is cut off.
const TEXT_MAX: usize = 4_000;

/// Whether `text` holds the card of which these are the first six and last four, wherever it stands
/// in a longer run of digits. Spaces and dashes between digits count as part of the run.
pub(crate) fn holds_card(text: &str, first6: &str, last4: &str) -> bool {
    runs(text).any(|run| run.find(0, |window| window.is_card(first6, last4)).is_some())
}

/// Whether `text` holds anything that could be a card number.
pub(crate) fn could_hold_card(text: &str) -> bool {
    guard::holds_card_number(text) || runs(text).any(|run| run.find(0, Window::could_be_card).is_some())
}

/// A reference, which must stay exact: only this very card's number is taken out of it.
pub(crate) fn reference(text: &str, first6: &str, last4: &str) -> String {
    masked(text, |window| window.is_card(first6, last4))
}

/// Words, which need not stay exact: anything that could be a card number is truncated to its
/// first six and last four.
pub(crate) fn words(text: &str) -> String {
    masked(&parted(text), Window::could_be_card)
}

/// The text with every number truncated that people or gateways have put other punctuation into.
fn parted(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(found) = guard::card_number_in(rest) {
        let number = &rest[found.clone()];
        // Digits of other scripts have no first six to be kept.
        let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
        out.push_str(&rest[..found.start]);
        out.extend(digits.iter().take(6).filter(|_| digits.len() >= *PAN_LEN.start()));
        out.push('*');
        out.extend(
            digits.iter().skip(digits.len().saturating_sub(4)).filter(|_| digits.len() >= *PAN_LEN.start()),
        );
        rest = &rest[found.end..];
    }
    out.push_str(rest);
    out
}

/// A maximal run of digits, with single spaces or dashes allowed between them: where each digit
/// stands in the text, and the digit.
struct Run(Vec<(usize, u8)>);

/// Some neighbouring digits of a run.
struct Window {
    digits: Vec<u8>,
    /// Whether it begins and ends at an edge of the run or at a separator.
    is_whole: bool,
}

impl Window {
    fn is_card(&self, first6: &str, last4: &str) -> bool {
        first6.len() == 6
            && last4.len() == 4
            && self.digits.starts_with(first6.as_bytes())
            && self.digits.ends_with(last4.as_bytes())
            && self.luhn_ok()
    }

    /// A first digit that banks issue (ISO/IEC 7812-1) and the right check digit.
    fn could_be_card(&self) -> bool {
        self.is_whole && matches!(self.digits.first(), Some(b'2'..=b'6')) && self.luhn_ok()
    }

    fn luhn_ok(&self) -> bool {
        let value = |(place, digit): (usize, &u8)| {
            let value = u32::from(digit - b'0') << (place % 2);
            if value > 9 { value - 9 } else { value }
        };
        self.digits.iter().rev().enumerate().map(value).sum::<u32>().is_multiple_of(10)
    }
}

impl Run {
    fn window(&self, start: usize, len: usize) -> Option<Window> {
        let part = self.0.get(start..start + len)?;
        let parted = |a: Option<&(usize, u8)>, b: Option<&(usize, u8)>| match (a, b) {
            (Some((a, _)), Some((b, _))) => b - a > 1,
            _ => true,
        };
        let before = start.checked_sub(1).and_then(|index| self.0.get(index));
        let is_whole = parted(before, part.first()) && parted(part.last(), self.0.get(start + len));
        Some(Window { digits: part.iter().map(|(_, digit)| *digit).collect(), is_whole })
    }

    /// The first window from `from` on that `is_bad`, longest first: its first and last index.
    fn find(&self, from: usize, is_bad: impl Fn(&Window) -> bool) -> Option<(usize, usize)> {
        (from..self.0.len()).find_map(|start| {
            let bad = |len: &usize| self.window(start, *len).is_some_and(|window| is_bad(&window));
            PAN_LEN.rev().find(bad).map(|len| (start, start + len - 1))
        })
    }
}

fn runs(text: &str) -> impl Iterator<Item = Run> + '_ {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        at += bytes.get(at..)?.iter().position(u8::is_ascii_digit)?;
        let mut run = Run(Vec::new());
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'0'..=b'9' => run.0.push((at, *byte)),
                b' ' | b'-' if run.0.last().is_some_and(|(last, _)| last + 1 == at) => {}
                _ => break,
            }
            at += 1;
        }
        Some(run)
    })
}

fn masked(text: &str, is_bad: impl Fn(&Window) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for run in runs(text) {
        let mut from = 0;
        while let Some((first, last)) = run.find(from, &is_bad) {
            let shown = |range: std::ops::Range<usize>| run.0[range].iter().map(|(_, d)| char::from(*d));
            out.push_str(&text[done..run.0[first].0]);
            out.extend(shown(first..first + 6));
            out.push('*');
            out.extend(shown(last - 3..last + 1));
            done = run.0[last].0 + 1;
            from = last + 1;
        }
    }
    out.push_str(&text[done..]);
    let end = (0..=out.len().min(TEXT_MAX)).rev().find(|end| out.is_char_boundary(*end)).unwrap_or(0);
    out.truncate(end);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_card_numbers_and_keep_the_rest() {
        let cases = [
            ("card 4111111111111111 refused", "card 411111*1111 refused"),
            ("4242 4242 4242 4242/378282246310005", "424242*4242/378282*0005"),
            ("5555-5555-5555-4444 and 4000000000000002.", "555555*4444 and 400000*0002."),
            ("order 4111111111111112, code 05", "order 4111111111111112, code 05"),
            ("05 4111111111111111-12", "05 411111*1111-12"),
            ("\u{e9}4111111111111111\u{e9}", "\u{e9}411111*1111\u{e9}"),
            ("card 4111,1111:1111_1111, 12/30", "card 411111*1111, 12/30"),
            ("4242\u{200b}424242424242;5555, 5555, 5555, 4444", "424242*4242;555555*4444"),
            ("٤١١١111111111111 refused", "* refused"),
            ("refused at 2026-11-22 15:04:05.003", "refused at 2026-11-22 15:04:05.003"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected);
        }
        assert_eq!(words(&"\u{e9}".repeat(3_000)).len(), TEXT_MAX);
    }

    #[test]
    fn a_reference_loses_only_the_very_card() {
        let visa = |text: &str| reference(text, "411111", "1111");
        assert_eq!(visa("ref-4111111111111111-x"), "ref-411111*1111-x");
        assert_eq!(visa("ref-5555555555554444"), "ref-5555555555554444");
        assert_eq!(visa("20264111111111111111"), "2026411111*1111");
        assert!(holds_card("4111 1111 1111 1111", "411111", "1111"));
        assert!(!holds_card("4111 1111 1111 1111", "424242", "4242"));
        assert!(!holds_card("4111 1111 1111 1111", "", ""));
    }

    #[test]
    fn what_a_person_typed_could_hold_a_card() {
        for text in [
            "4111|1111,1111;1111",
            "4111111111111111",
            "it is 4242-4242-4242-4242.",
            "x4000 0000 0000 0002@example.org",
        ] {
            assert!(could_hold_card(text), "{text}");
        }
        for text in ["", "INV-4111", "4111111111111112", "+44 7700 900123", "2026-11-22 17:27:01"] {
            assert!(!could_hold_card(text), "{text}");
        }
    }
}
