//! The mask's corpus: sounds made by code from a seed, the listeners that judge, and the figures.
//!
//! Nothing here knows the product: it is passed in ([`product::Product`]), so that the same sets judge
//! anything that takes RTP or PCM. A category's content depends on seed and category name only.

pub mod detection;
pub mod figures;
pub mod gsm;
pub mod leak;
pub mod listener;
pub mod nasty;
pub mod network;
pub mod product;
pub mod sound;
pub mod spandsp;
#[cfg(test)]
mod tests;
mod text;
pub mod voice;
