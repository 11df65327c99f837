//! Integration tests: one binary. Every test drives the real `tonewall serve` over real sockets.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod browser;
mod calls;
mod evidence;
mod failures;
mod figures;
mod interop;
mod mask;
mod support;
mod tidy;
