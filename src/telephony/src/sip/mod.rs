//! SIP: the only place that knows its syntax.
//!
//! `doorman` judges raw bytes before the stack sees them and `rewrite` puts them right, `endpoint`
//! brings requests to their dialog, `leg` is a dialog as the rest of Tonewall sees it, `session` the
//! timers and `inspector` the digest repairs that the stack lacks.

mod dial;
mod doorman;
mod endpoint;
mod head;
mod info;
mod inspector;
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
