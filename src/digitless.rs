//! Bytes as text without a digit, so that a token or a hash is never mistaken for a card number by
//! whoever sweeps a page, a table or a log for them.

/// Four bits a letter, from `a` to `p`; the high ones first.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(b'a' + half)).collect()
}

/// Whether it is the text of so many bytes.
pub(crate) fn is_text(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|letter| (b'a'..=b'p').contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_a_byte_and_no_digit() {
        assert_eq!(text(&[0x00, 0x1f, 0xa0, 0xff]), "aabpkapp");
        let every: Vec<u8> = (0..=255).collect();
        assert!(is_text(&text(&every), 256));
        for other in ["", "a", "aq", "aA", "a0", "aaa", "é"] {
            assert!(!is_text(other, 1), "{other}");
        }
    }
}
