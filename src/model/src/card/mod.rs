//! A keyed card: its parts, and the rules that tell a mistyped one from a good one.

mod address;
mod brand;
mod expiry;
pub mod guard;

pub use address::{ADDRESS_PART_LEN_MAX, Address};
pub use brand::{BrandGuess, LEN_MAX, guess};
pub use expiry::{Expiry, ExpiryProblem, ReadExpiry, YearMonth, read_expiry};

use crate::tenant::Brand;
use tonewall_secret::{Cvc, Pan};

/// A complete, plausible card on its way to the gateway.
///
/// It is moved and never cloned: whoever holds it is the only one who does, and dropping it wipes
/// number and code (PCI DSS 3.3.1).
pub struct Card {
    /// Card number; of a valid length for its brand, check digit right where the brand has one.
    pub pan: Pan,
    /// Last month in which the card is good.
    pub expiry: Expiry,
    /// Security code, spent by one authorisation.
    pub cvc: Cvc,
    /// Brand by issuer range, one that the tenant takes.
    pub brand: Brand,
    /// House number and postcode, where the tenant checks them.
    pub address: Option<Address>,
}

impl Card {
    /// Parts it: the code is spent by one request, the rest may outlive a bank's no.
    pub fn part(self) -> (Kept, Cvc) {
        let Card { pan, expiry, cvc, brand, address } = self;
        (Kept { pan, expiry, brand, address }, cvc)
    }
}

/// A card without its security code: what may be kept of it after a bank's no, so that the customer
/// need not key all of it again. It has no place for a code, which is never kept (PCI DSS 3.3.1.2).
///
/// Moved and never cloned, like [`Card`]: dropping it wipes the number.
///
/// ```compile_fail
/// fn copy(kept: &tonewall_model::card::Kept) -> tonewall_model::card::Kept { kept.clone() }
/// ```
/// ```compile_fail
/// fn show(kept: &tonewall_model::card::Kept) -> String { format!("{kept:?}") }
/// ```
pub struct Kept {
    /// Card number.
    pub pan: Pan,
    /// Last month in which the card is good.
    pub expiry: Expiry,
    /// Brand by issuer range.
    pub brand: Brand,
    /// House number and postcode, where the tenant checks them.
    pub address: Option<Address>,
}
