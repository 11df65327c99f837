//! Issuer ranges, lengths and codes of the brands.

use crate::tenant::Brand;

/// Longest card number (ISO/IEC 7812-1 §4.1).
pub const LEN_MAX: usize = 19;

/// Digits that decide the brand; no range below is finer.
const BIN_LEN: u32 = 6;

/// First six digits, both ends included, ascending and without overlap.
///
/// Maestro has 50 and 56–69 less what others have of it, which is why it comes in five pieces.
const RANGES: &[(u32, u32, Brand)] = &[
    (222_100, 272_099, Brand::Mastercard),
    (300_000, 305_999, Brand::Diners),
    (309_500, 309_599, Brand::Diners),
    (340_000, 349_999, Brand::Amex),
    (352_800, 358_999, Brand::Jcb),
    (360_000, 369_999, Brand::Diners),
    (370_000, 379_999, Brand::Amex),
    (380_000, 399_999, Brand::Diners),
    (400_000, 499_999, Brand::Visa),
    (500_000, 509_999, Brand::Maestro),
    (510_000, 559_999, Brand::Mastercard),
    (560_000, 601_099, Brand::Maestro),
    (601_100, 601_199, Brand::Discover),
    (601_200, 619_999, Brand::Maestro),
    (620_000, 629_999, Brand::UnionPay),
    (630_000, 643_999, Brand::Maestro),
    (644_000, 659_999, Brand::Discover),
    (660_000, 699_999, Brand::Maestro),
    (810_000, 819_999, Brand::UnionPay),
];

/// What the digits keyed so far say about the brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrandGuess {
    /// No brand has numbers that begin so.
    Unknown,
    /// Not decided yet: one of these, or none.
    Open(Vec<Brand>),
    /// Every number that begins so is of this brand.
    Certain(Brand),
    /// Certain too, and the tenant does not take it.
    NotTaken(Brand),
}

impl BrandGuess {
    /// The brand, once it is certain; whether or not it is taken.
    pub fn certain(&self) -> Option<Brand> {
        match self {
            BrandGuess::Certain(brand) | BrandGuess::NotTaken(brand) => Some(*brand),
            BrandGuess::Unknown | BrandGuess::Open(_) => None,
        }
    }
}

/// The brand by the first ASCII digits of a number, of which six at most are looked at.
///
/// ```
/// use tonewall_model::{card::{BrandGuess, guess}, tenant::Brand};
/// assert_eq!(guess(b"4", &[Brand::Visa]), BrandGuess::Certain(Brand::Visa));
/// assert_eq!(guess(b"37", &[Brand::Visa]), BrandGuess::NotTaken(Brand::Amex));
/// ```
pub fn guess(prefix: &[u8], taken: &[Brand]) -> BrandGuess {
    let keyed = &prefix[..prefix.len().min(BIN_LEN as usize)];
    if !keyed.iter().all(u8::is_ascii_digit) {
        return BrandGuess::Unknown;
    }
    let span = 10_u32.pow(BIN_LEN - keyed.len() as u32);
    let first = keyed.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')) * span;
    let last = first + span - 1;
    let (mut brands, mut covered) = (Vec::new(), 0);
    for (low, high, brand) in RANGES.iter().filter(|(low, high, _)| *low <= last && *high >= first) {
        covered += last.min(*high) - first.max(*low) + 1;
        if !brands.contains(brand) {
            brands.push(*brand);
        }
    }
    match brands[..] {
        [] => BrandGuess::Unknown,
        [brand] if covered == span && taken.contains(&brand) => BrandGuess::Certain(brand),
        [brand] if covered == span => BrandGuess::NotTaken(brand),
        _ => BrandGuess::Open(brands),
    }
}

impl Brand {
    /// Lengths of its numbers, in digits, ascending.
    pub fn lengths(self) -> &'static [usize] {
        match self {
            Brand::Visa => &[13, 16, 18, 19],
            Brand::Mastercard => &[16],
            Brand::Amex => &[15],
            Brand::Diners => &[14, 15, 16, 17, 18, 19],
            Brand::Discover | Brand::Jcb | Brand::UnionPay => &[16, 17, 18, 19],
            Brand::Maestro => &[12, 13, 14, 15, 16, 17, 18, 19],
        }
    }

    /// The length that nearly all of its cards have: what a number still being keyed is measured by.
    pub fn usual_len(self) -> usize {
        match self {
            Brand::Amex => 15,
            Brand::Diners => 14,
            _ => 16,
        }
    }

    /// Fewest and most digits that its cards usually have: what a hint to the agent says.
    pub fn usual_lengths(self) -> (u8, u8) {
        match self {
            Brand::Amex => (15, 15),
            Brand::Diners => (14, 16),
            Brand::UnionPay => (16, 19),
            Brand::Maestro => (12, 19),
            Brand::Visa | Brand::Mastercard | Brand::Discover | Brand::Jcb => (16, 16),
        }
    }

    /// Digits of its security code.
    pub fn code_len(self) -> usize {
        if self == Brand::Amex { 4 } else { 3 }
    }

    /// Whether every number of the brand has a Luhn check digit; some of UnionPay have none.
    pub fn luhn_always(self) -> bool {
        self != Brand::UnionPay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Brand] = &[
        Brand::Visa,
        Brand::Mastercard,
        Brand::Amex,
        Brand::Discover,
        Brand::Diners,
        Brand::Jcb,
        Brand::UnionPay,
        Brand::Maestro,
    ];

    /// Digits after which the brand is certain, and the brand; `None` when it never is.
    fn certain_after(number: &str) -> Option<(usize, Brand)> {
        let at = |len: usize| guess(&number.as_bytes()[..len], ALL).certain().map(|brand| (len, brand));
        (0..=number.len()).find_map(at)
    }

    #[test]
    fn ranges_ascend_without_overlap() {
        for pair in RANGES.windows(2) {
            assert!(pair[0].1 < pair[1].0, "{pair:?}");
        }
        assert!(RANGES.iter().all(|(low, high, _)| low <= high && *high < 1_000_000));
    }

    #[test]
    fn the_brand_is_certain_at_the_first_digit_that_decides_it() {
        let cases = [
            ("4111111111111111", 1, Brand::Visa),
            ("5555555555554444", 2, Brand::Mastercard),
            ("500000", 2, Brand::Maestro),
            ("560000", 2, Brand::Maestro),
            ("222100", 4, Brand::Mastercard),
            ("223000", 3, Brand::Mastercard),
            ("230000", 2, Brand::Mastercard),
            ("271000", 3, Brand::Mastercard),
            ("272099", 4, Brand::Mastercard),
            ("378282246310005", 2, Brand::Amex),
            ("340000", 2, Brand::Amex),
            ("3056930009020004", 3, Brand::Diners),
            ("309500", 4, Brand::Diners),
            ("360000", 2, Brand::Diners),
            ("380000", 2, Brand::Diners),
            ("3566002020360505", 3, Brand::Jcb),
            ("352800", 4, Brand::Jcb),
            ("358999", 3, Brand::Jcb),
            ("6011111111111117", 4, Brand::Discover),
            ("601200", 4, Brand::Maestro),
            ("644000", 3, Brand::Discover),
            ("643000", 3, Brand::Maestro),
            ("650000", 2, Brand::Discover),
            ("6200000000000005", 2, Brand::UnionPay),
            ("810000", 2, Brand::UnionPay),
            ("6771798021000008", 2, Brand::Maestro),
        ];
        for (number, digits, brand) in cases {
            assert_eq!(certain_after(number), Some((digits, brand)), "{number}");
        }
    }

    #[test]
    fn neighbours_of_ranges_have_no_brand() {
        for number in
            ["222099", "272100", "306000", "309499", "309600", "352799", "359000", "700000", "0", "9"]
        {
            assert_eq!(certain_after(number), None, "{number}");
            assert_eq!(guess(number.as_bytes(), ALL), BrandGuess::Unknown, "{number}");
        }
    }

    #[test]
    fn a_prefix_names_all_that_it_leaves_open() {
        assert_eq!(guess(b"35", ALL), BrandGuess::Open(vec![Brand::Jcb]));
        assert_eq!(guess(b"3", ALL), BrandGuess::Open(vec![Brand::Diners, Brand::Amex, Brand::Jcb]));
        assert_eq!(guess(b"5", ALL), BrandGuess::Open(vec![Brand::Maestro, Brand::Mastercard]));
        assert_eq!(
            guess(b"6", ALL),
            BrandGuess::Open(vec![Brand::Maestro, Brand::Discover, Brand::UnionPay])
        );
        assert!(matches!(guess(b"", ALL), BrandGuess::Open(brands) if brands.len() == ALL.len()));
        assert_eq!(guess(b"4x", ALL), BrandGuess::Unknown);
    }

    #[test]
    fn six_digits_leave_nothing_open() {
        for bin in 0..1_000_000_u32 {
            let guess = guess(format!("{bin:06}").as_bytes(), ALL);
            assert!(!matches!(guess, BrandGuess::Open(_)), "{bin:06}");
        }
    }

    #[test]
    fn a_brand_that_the_tenant_does_not_take_is_said_as_soon_as_it_is_certain() {
        let taken = [Brand::Visa, Brand::Mastercard];
        assert_eq!(guess(b"37", &taken), BrandGuess::NotTaken(Brand::Amex));
        assert!(matches!(guess(b"3", &taken), BrandGuess::Open(_)));
        assert_eq!(guess(b"4", &taken), BrandGuess::Certain(Brand::Visa));
    }

    #[test]
    fn lengths_codes_and_check_digits() {
        for brand in ALL {
            let lengths = brand.lengths();
            assert!(lengths.is_sorted() && lengths.contains(&brand.usual_len()), "{brand:?}");
            assert!(lengths.iter().all(|len| (12..=LEN_MAX).contains(len)), "{brand:?}");
        }
        assert_eq!(Brand::Amex.code_len(), 4);
        assert_eq!(Brand::Visa.code_len(), 3);
        assert!(Brand::Visa.luhn_always() && !Brand::UnionPay.luhn_always());
    }
}
