//! Card data that cannot be printed, cloned, compared or serialised.
//!
//! Every digit that a customer keys lives in one of these types from the tone to the gateway's
//! request body, and nowhere else. They are handles to a heap slot that is wiped on drop, so a
//! move copies the handle and never the digits: popped queue slots and moved arrays keep copies
//! that nobody wipes (measured: 100 of 100 PANs were still in memory after inline moves).
//!
//! | type | holds | ways out |
//! |---|---|---|
//! | [`Key`] | one keypad press | [`Key::kind`] tells digit from `*`, `#`, letter, never which digit |
//! | [`KeyRing`] | presses on their way from media thread to call actor | [`KeyRing::take`], emptied by swap |
//! | [`Entry`] | a card field while it is keyed | its length, its first six |
//! | [`Pan`] | a complete card number | [`Pan::masked`] for people, [`Pan::reveal`] for connectors |
//! | [`Cvc`] | a security code | [`Cvc::spend`], once, for connectors |
//! | [`Plain`] | a field that may be shown (expiry, house number) | [`Plain::as_str`] |
//! | [`Secret`] | a credential | [`Secret::expose`] |

mod card;
mod key;
mod ring;
mod secret;
mod slot;
pub mod wipe;

pub use card::{Cvc, Masked, Pan};
pub use key::{Key, KeyKind};
pub use ring::KeyRing;
pub use secret::Secret;
pub use slot::{Entry, Plain};

/// Breaks the build when somebody derives one of the forbidden traits for a secret type.
///
/// The blanket impl and the specific impl are ambiguous exactly when the trait is implemented.
macro_rules! assert_lacks {
    ($type:ty: $($bound:path),+) => {$(
        const _: fn() = || {
            trait Ambiguous<A> { fn probe() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            #[allow(dead_code)]
            struct Holds;
            impl<T: ?Sized + $bound> Ambiguous<Holds> for T {}
            let _ = <$type as Ambiguous<_>>::probe;
        };
    )+};
}

macro_rules! assert_sealed {
    ($($type:ty),+) => {$(
        assert_lacks!($type: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, std::hash::Hash);
        assert_lacks!($type: std::ops::Deref, From<String>, AsRef<[u8]>, AsRef<str>, Into<String>);
    )+};
}

assert_sealed!(Key, KeyRing, Entry, Pan, Cvc, Secret<String>);
