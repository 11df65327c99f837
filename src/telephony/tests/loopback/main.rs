//! Media and signalling on real loopback sockets: phones of the test's own on both sides of a call.

mod foreign;
mod kpml;
mod mask;
mod phone;
mod rtcp;
mod tap;
mod tones;
mod watch;
mod world;
