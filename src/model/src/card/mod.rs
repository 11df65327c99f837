//! A keyed card: its parts, and the rules that tell a mistyped one from a good one.

mod address;
mod brand;
mod expiry;

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
