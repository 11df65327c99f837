//! Everything that talks to somebody else's system.
//!
//! | module | does |
//! |---|---|
//! | [`gateways`] | payment gateways, pure: an order becomes a request, an answer becomes an outcome |
//! | [`sealed`] | the one request body with a card in it: written once, never copied, wiped |
//! | [`driver`] | sends: one client, deadlines, and the rule when a request may be sent again |
//! | [`crm`] | the tenant's own system of invoices: what a caller owes, what was paid |
//! | [`mail`] | letters over SMTP |
//!
//! A gateway's wire format is known here and nowhere else, and only here may card digits be read.

#![forbid(unsafe_code)]

mod bearer;
pub mod crm;
pub mod driver;
pub mod gateways;
pub mod mail;
mod replay;
pub mod sealed;
mod text;
mod transport;
