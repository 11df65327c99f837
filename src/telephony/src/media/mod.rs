//! RTP: sockets, relay and mask of every call, on threads of their own.
//!
//! A call has two legs of two sockets each (RTP, RTCP). One thread owns all four; nothing on the
//! path from a customer's packet to the agent's port awaits, locks or allocates. The owner of a call
//! holds a [`MediaHandle`]; when that is dropped without [`MediaHandle::close`] the mask shuts.

mod call;
mod control;
mod ports;
mod rtcp;
mod shared;
mod source;
mod thread;

pub use control::{
    MediaControl, MediaError, MediaHandle, MediaNote, MediaOptions, MediaPlan, MediaRuntime, Side,
};
pub use shared::{Counts, EarWitness, KeysOf, Witness};
