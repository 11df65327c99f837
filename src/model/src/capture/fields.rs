//! The fields of a capture: digits while they are keyed, values once they are closed.

use super::progress::{Field, Problem, Warning};
use crate::card::{
    Address, BrandGuess, ExpiryProblem, Kept, LEN_MAX, ReadExpiry, YearMonth, guess, read_expiry,
};
use crate::tenant::{AddressCheck, Brand, CapturePlan};
use tonewall_secret::{Cvc, Entry, Key, Pan, Plain};

/// Digits that a card number usually has, until its brand is known.
const PAN_LEN_USUAL: usize = 16;
/// Digits of MMYY.
const EXPIRY_LEN_USUAL: usize = 4;
/// Digits of MMYYYY.
const EXPIRY_LEN_MAX: usize = 6;
/// Digits of MYY.
const EXPIRY_LEN_MIN: usize = 3;
/// Digits of a house number or a postcode; no country has more, a card number has.
const ADDRESS_LEN_MAX: usize = 8;

/// The keyed fields of a plan, in order.
pub(crate) fn order(plan: &CapturePlan) -> &'static [Field] {
    match plan.address {
        AddressCheck::Keyed => &[Field::Pan, Field::Expiry, Field::Code, Field::HouseNumber, Field::Postcode],
        AddressCheck::Off | AddressCheck::Typed => &[Field::Pan, Field::Expiry, Field::Code],
    }
}

enum Digits {
    Secret(Entry),
    Plain(Plain),
}

/// A field while it is keyed.
pub(super) struct Keyed {
    pub(super) field: Field,
    digits: Digits,
    /// Digits that came after the last one that a field can hold.
    beyond: u8,
}

impl Keyed {
    pub(super) fn new(field: Field) -> Keyed {
        let digits = match field {
            Field::Pan | Field::Code => Digits::Secret(Entry::new()),
            _ => Digits::Plain(Plain::new()),
        };
        Keyed { field, digits, beyond: 0 }
    }

    /// Adds a digit; one that no longer fits is counted, since dropping it in silence would turn a
    /// wrong number into a right one.
    pub(super) fn push(&mut self, key: Key) {
        let fits = match &mut self.digits {
            Digits::Secret(entry) => entry.push(&key),
            Digits::Plain(plain) => plain.push(&key),
        };
        if !fits {
            self.beyond = self.beyond.saturating_add(1);
        }
    }

    /// Digits held, 19 at most.
    pub(super) fn filled(&self) -> usize {
        match &self.digits {
            Digits::Secret(entry) => entry.len(),
            Digits::Plain(plain) => plain.len(),
        }
    }

    /// What the first digits of a card number tell; `None` for another field.
    pub(super) fn guess(&self, plan: &CapturePlan) -> Option<BrandGuess> {
        match (&self.digits, self.field) {
            (Digits::Secret(entry), Field::Pan) => Some(guess(entry.prefix(), &plan.brands)),
            _ => None,
        }
    }

    /// Whether the number of digits cannot be right; asked at the end key and when keys stop.
    pub(super) fn length_problem(&self, brand: Option<Brand>) -> Option<Problem> {
        let len = self.filled() + usize::from(self.beyond);
        let (usual, good): (usize, &[usize]) = match (self.field, brand) {
            (Field::Pan, Some(brand)) => (brand.usual_len(), brand.lengths()),
            (Field::Pan, None) => (PAN_LEN_USUAL, &[16, 17, 18, LEN_MAX]),
            (Field::Code, brand) => match brand.map_or(3, Brand::code_len) {
                4 => (4, &[4]),
                _ => (3, &[3]),
            },
            (Field::Expiry, _) => (EXPIRY_LEN_USUAL, &[EXPIRY_LEN_MIN, 4, 5, EXPIRY_LEN_MAX]),
            (Field::HouseNumber | Field::Postcode | Field::Address, _) => {
                (0, &[0, 1, 2, 3, 4, 5, 6, 7, ADDRESS_LEN_MAX])
            }
        };
        if good.contains(&len) {
            return None;
        }
        let below = good.iter().rev().find(|good| **good < len).copied().unwrap_or(0);
        Some(match len < usual {
            true => Problem::TooShort { by: narrow(usual - len) },
            false => Problem::TooLong { by: narrow(len - below) },
        })
    }

    /// Whether more digits have come than any number of the brand has; known before the end key.
    pub(super) fn overlong(&self, brand: Option<Brand>) -> Option<Problem> {
        let longest = match (self.field, brand) {
            (Field::Pan, brand) => brand.and_then(|brand| brand.lengths().last()).copied().unwrap_or(LEN_MAX),
            (Field::Code, brand) => brand.map_or(4, Brand::code_len),
            (Field::Expiry, _) => EXPIRY_LEN_MAX,
            (Field::HouseNumber | Field::Postcode | Field::Address, _) => ADDRESS_LEN_MAX,
        };
        let len = self.filled() + usize::from(self.beyond);
        (len > longest).then(|| Problem::TooLong { by: narrow(len - longest) })
    }
}

fn narrow(digits: usize) -> u8 {
    u8::try_from(digits).unwrap_or(u8::MAX)
}

/// The closed fields of one card.
#[derive(Default)]
pub(super) struct Held {
    pub(super) pan: Option<(Pan, Brand)>,
    pub(super) expiry: Option<ReadExpiry>,
    pub(super) cvc: Option<Cvc>,
    pub(super) house_number: Option<String>,
    pub(super) postcode: Option<String>,
    /// Whether it is a card that a bank has seen.
    seen_by_bank: bool,
}

impl Held {
    /// What was kept of a card after a bank's no: its closed fields, and none for the code.
    pub(super) fn of_kept(kept: Kept, plan: &CapturePlan) -> Held {
        let Kept { pan, expiry, brand, address } = kept;
        // No address where one is keyed: both parts of it were skipped.
        let keyed = (plan.address == AddressCheck::Keyed).then(|| address.unwrap_or_default());
        Held {
            pan: Some((pan, brand)),
            // The agent confirmed the date by taking the payment.
            expiry: Some(ReadExpiry { expiry, completed: false, far: false }),
            cvc: None,
            house_number: keyed.as_ref().map(|address| address.house_number.clone()),
            postcode: keyed.map(|address| address.postcode),
            seen_by_bank: true,
        }
    }

    pub(super) fn has(&self, field: Field) -> bool {
        match field {
            Field::Pan => self.pan.is_some(),
            Field::Expiry => self.expiry.is_some(),
            Field::Code => self.cvc.is_some(),
            Field::HouseNumber => self.house_number.is_some(),
            Field::Postcode => self.postcode.is_some(),
            Field::Address => false,
        }
    }

    /// The closed fields, in order, and how many digits each has; an expiry date counts as MMYY.
    pub(super) fn closed(&self) -> Vec<(Field, u8)> {
        let all = [
            (Field::Pan, self.pan.as_ref().map(|(pan, _)| pan.len())),
            (Field::Expiry, self.expiry.map(|_| EXPIRY_LEN_USUAL)),
            (Field::Code, self.cvc.as_ref().map(Cvc::len)),
            (Field::HouseNumber, self.house_number.as_ref().map(String::len)),
            (Field::Postcode, self.postcode.as_ref().map(String::len)),
        ];
        all.into_iter().filter_map(|(field, digits)| Some((field, narrow(digits?)))).collect()
    }

    /// Forgets a field. A new number needs its own code: the old one belongs to the old card. A number
    /// that a bank has seen was keyed well: another one is another card, with nothing of this one.
    pub(super) fn forget(&mut self, field: Field) {
        match field {
            Field::Pan if self.seen_by_bank => *self = Held::default(),
            Field::Pan => (self.pan, self.cvc) = (None, None),
            Field::Expiry => self.expiry = None,
            Field::Code => self.cvc = None,
            Field::HouseNumber => self.house_number = None,
            Field::Postcode => self.postcode = None,
            Field::Address => (),
        }
    }

    pub(super) fn brand(&self) -> Option<Brand> {
        self.pan.as_ref().map(|(_, brand)| *brand)
    }

    /// Takes over a field at its end key, or says what is wrong with it; its digits are gone then.
    pub(super) fn close(
        &mut self,
        keyed: Keyed,
        plan: &CapturePlan,
        today: YearMonth,
    ) -> Result<(), Problem> {
        let optional = matches!(keyed.field, Field::HouseNumber | Field::Postcode);
        if keyed.filled() == 0 && !optional {
            return Err(Problem::Empty);
        }
        let guess = keyed.guess(plan);
        match guess {
            Some(BrandGuess::Unknown) => return Err(Problem::BrandUnknown),
            Some(BrandGuess::NotTaken(brand)) => return Err(Problem::BrandNotTaken(brand)),
            Some(BrandGuess::Open(_) | BrandGuess::Certain(_)) | None => (),
        }
        let brand = guess.and_then(|guess| guess.certain()).or(self.brand());
        if let Some(problem) = keyed.length_problem(brand) {
            return Err(problem);
        }
        match (keyed.field, keyed.digits) {
            (Field::Pan, Digits::Secret(entry)) => {
                let (pan, brand) = (entry.into_pan(), brand.ok_or(Problem::BrandUnknown)?);
                if brand.luhn_always() && !pan.luhn_ok() {
                    return Err(Problem::CheckDigit);
                }
                self.pan = Some((pan, brand));
            }
            (Field::Code, Digits::Secret(entry)) => self.cvc = Some(entry.into_cvc()),
            (Field::Expiry, Digits::Plain(plain)) => {
                self.expiry = Some(read_expiry(plain.as_str(), today).map_err(expiry_problem)?);
            }
            (Field::HouseNumber, Digits::Plain(plain)) => self.house_number = Some(plain.as_str().into()),
            (Field::Postcode, Digits::Plain(plain)) => self.postcode = Some(plain.as_str().into()),
            // `Keyed::new` pairs them; nothing is kept of a pair that cannot be.
            (Field::Pan | Field::Code, Digits::Plain(_)) | (_, Digits::Secret(_)) => (),
            (Field::Address, Digits::Plain(_)) => (),
        }
        Ok(())
    }

    /// The keyed address; none when the customer skipped both parts of it.
    pub(super) fn keyed_address(&self) -> Option<Address> {
        let (house_number, postcode) = (self.house_number.clone()?, self.postcode.clone()?);
        let address = Address { house_number, postcode };
        (address != Address::default()).then_some(address)
    }

    /// What the agent should confirm about closed fields.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let unproven = self.pan.as_ref().is_some_and(|(pan, _)| !pan.luhn_ok());
        let of_expiry = |test: fn(&ReadExpiry) -> bool| self.expiry.as_ref().is_some_and(test);
        let all = [
            (unproven, Warning::NoCheckDigit),
            (of_expiry(|read| read.completed), Warning::ExpiryCompleted),
            (of_expiry(|read| read.far), Warning::ExpiryFar),
        ];
        all.into_iter().filter_map(|(holds, warning)| holds.then_some(warning)).collect()
    }
}

fn expiry_problem(problem: ExpiryProblem) -> Problem {
    match problem {
        ExpiryProblem::Format => Problem::ExpiryFormat,
        ExpiryProblem::Month => Problem::ExpiryMonth,
        ExpiryProblem::Past => Problem::ExpiryPast,
    }
}
