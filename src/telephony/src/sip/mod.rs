//! SIP: the only place that knows its syntax.
//!
//! `doorman` judges raw bytes before the stack sees them and `rewrite` puts them right, `endpoint`
//! brings requests to their dialog, `leg` is a dialog as the rest of Tonewall sees it, `session` the
//! timers, `inspector` the digest repairs and `kpml` the key reports that the stack lacks.

mod dial;
pub(crate) mod doorman;
mod endpoint;
mod head;
pub(crate) mod info;
mod inspector;
pub(crate) mod kpml;
mod leg;
#[cfg(test)]
mod properties;
mod rewrite;
mod session;
mod tcp;
mod udp;

pub use dial::{BadTarget, Dial};
pub use endpoint::{Incoming, Invite, SipEndpoint, SipGauges, SipOptions};
pub use info::InfoInlet;
pub use leg::{Leg, LegEnd, LegError, LegEvent, Reply};
