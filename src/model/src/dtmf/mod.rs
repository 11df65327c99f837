//! DTMF on one leg of a call: suspicion, detection, and what the other side hears instead.
//!
//! Two jobs, two thresholds (DESIGN §7). *Suspicion* is loose and quick: 20 ms of anything like a
//! pair of keypad tones silences the line. *Detection* is strict (ITU-T Q.24): it reports a
//! press, once, over all transports. Between them stands the hold: on a secured line a packet
//! leaves only after what follows it has been judged: 30 ms behind packets shorter than 20 ms, else
//! one packet of its own length.
//!
//! ```text
//! datagram → rtp → order → tones (suspicion, detector) → presses → Press
//!                       ↘ event (RFC 4733)            ↗
//!                         hold → mask → datagram
//! ```
//!
//! Nothing here knows a socket or a clock, allocates, or keeps a digit longer than matching needs.

mod config;
mod detector;
mod doors;
mod ear;
mod event;
mod filters;
mod fit;
mod front;
#[doc(hidden)]
pub mod fuzz;
pub mod g711;
mod health;
mod hold;
mod mask;
mod order;
mod pipeline;
mod presses;
pub mod rtp;
mod shares;
mod stats;
mod steady;
mod suspicion;
#[cfg(test)]
mod tests;
mod tones;
mod verdict;

pub use config::{EventPts, PipelineConfig};
pub use doors::{mask_g711, scan};
pub use g711::Law;
pub use health::Unwell;
pub use pipeline::Pipeline;
pub use stats::{Stats, Verdict};
use tonewall_secret::Key;
pub use verdict::{LeakWatch, TALLY_SHARES};

/// How a press was signalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As tones in the audio.
    InBand,
    /// As RFC 4733 telephone-event packets.
    Event,
    /// As SIP INFO.
    Info,
    /// As a KPML report in a NOTIFY (RFC 4730).
    Kpml,
}

/// One press of one key, counted once however many transports brought it.
pub struct Press {
    /// Which key.
    pub key: Key,
    /// The transport that brought it first.
    pub transport: Transport,
}
