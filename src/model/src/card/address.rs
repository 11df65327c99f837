//! What an issuer compares of an address.

/// Characters of a house number or a postcode: more than any country's, fewer than a card number,
/// so that nobody can type one into this field.
pub const ADDRESS_PART_LEN_MAX: usize = 12;

/// House number and postcode of the cardholder, as typed by the agent or as keyed digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// House number; empty where a house has a name only.
    pub house_number: String,
    /// Postcode; empty where there is none.
    pub postcode: String,
}

impl Address {
    /// Trimmed parts; `None` when one is longer than [`ADDRESS_PART_LEN_MAX`] or holds a control
    /// character.
    pub fn parse(house_number: &str, postcode: &str) -> Option<Address> {
        let address = Address { house_number: house_number.trim().into(), postcode: postcode.trim().into() };
        address.is_sendable().then_some(address)
    }

    /// Whether both parts are short enough and free of control characters.
    pub fn is_sendable(&self) -> bool {
        let sendable = |part: &str| part.len() <= ADDRESS_PART_LEN_MAX && !part.chars().any(char::is_control);
        sendable(&self.house_number) && sendable(&self.postcode)
    }

    /// The numerals of the postcode, which is all that UK address checks compare: `TD15 9EN` is 159.
    pub fn postcode_digits(&self) -> String {
        digits(&self.postcode)
    }

    /// The numerals of the house number: `12a` is 12.
    pub fn house_digits(&self) -> String {
        digits(&self.house_number)
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_of_an_address() {
        let cases = [
            ("12a", "TD15 9EN", "12", "159"),
            ("Rose Cott.", "SW1A 1AA", "", "11"),
            (" 7 ", " 00150 ", "7", "00150"),
            ("", "", "", ""),
        ];
        for (house, postcode, house_digits, postcode_digits) in cases {
            let address = Address::parse(house, postcode).expect("short enough");
            assert_eq!(address.house_digits(), house_digits, "{house:?}");
            assert_eq!(address.postcode_digits(), postcode_digits, "{postcode:?}");
        }
    }

    #[test]
    fn a_card_number_is_no_address() {
        for bad in ["4111111111111111", "4111 1111 111", "12\u{7}", "4000000000000002"] {
            assert!(Address::parse(bad, "").is_none(), "{bad:?}");
            assert!(Address::parse("", bad).is_none(), "{bad:?}");
        }
    }
}
