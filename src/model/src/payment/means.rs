//! Other means than a card, which an agent agrees on with a customer whose card was not taken.

/// How the customer is going to pay instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Means {
    /// A link to a payment page.
    PayLink,
    /// A transfer from the customer's bank.
    BankTransfer,
    /// Not now.
    Later,
}

impl Means {
    /// Every means, in the order in which they are offered.
    pub const ALL: [Means; 3] = [Means::PayLink, Means::BankTransfer, Means::Later];

    /// The word in rows, forms, events and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Means::PayLink => "pay_link",
            Means::BankTransfer => "bank_transfer",
            Means::Later => "later",
        }
    }

    /// The means that a word of [`Means::as_str`] names.
    pub fn parse(word: &str) -> Option<Means> {
        Means::ALL.into_iter().find(|means| means.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_parse_back() {
        assert_eq!(Means::ALL.map(Means::as_str), ["pay_link", "bank_transfer", "later"]);
        for means in Means::ALL {
            assert_eq!(Means::parse(means.as_str()), Some(means));
        }
        for bad in ["", "card", "PayLink", "pay_link "] {
            assert_eq!(Means::parse(bad), None, "{bad:?}");
        }
    }
}
