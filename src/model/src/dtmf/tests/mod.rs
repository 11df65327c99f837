//! The mask from the outside: generated sound goes in as RTP, a listener judges what comes out.

mod behaviour;
mod closed;
mod delay;
mod detection;
mod health;
mod judge;
mod leak;
mod robust;
mod sameness;
mod secrecy;
mod silence;
mod sound;
mod transports;
mod verdict;
mod wire;
