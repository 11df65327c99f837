//! What goes wrong: banks, gateways, power, ledgers, callers, packets, requests. Each with the behaviour
//! that Tonewall promises, on real processes and sockets.

mod api;
mod endings;
mod gateway;
mod http;
mod ledger;
mod outcomes;
mod power;
mod refused;
mod rtp;
mod sip;
mod till;
mod unwell;
