//! RTP: sockets, relay and mask of every call, on threads of their own.
//!
//! A call has two legs of two sockets each (RTP, RTCP). One thread owns all four; nothing on the
//! path from a customer's packet to the agent's port awaits, locks or allocates. The owner of a call
//! holds a [`MediaHandle`]; when that is dropped without [`MediaHandle::close`] the mask shuts.
//!
//! ```text
//! customer → source → Pipeline → outlet → agent      outlet → watch (is a key in what left?)
//!    agent → source → Pipeline → outlet → customer   outlet → tap → queue → tap_writer → wav, watch
//! ```

mod call;
mod control;
mod leg;
mod outlet;
mod ports;
pub(crate) mod rtcp;
mod shared;
mod source;
mod tap;
mod tap_writer;
mod thread;
mod watch;
mod wav;

pub use control::{
    MediaControl, MediaError, MediaHandle, MediaNote, MediaOptions, MediaPlan, MediaRuntime, Side,
};
pub use shared::{Counts, EarWitness, KeysOf, Witness};
