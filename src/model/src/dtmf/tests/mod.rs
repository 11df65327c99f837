//! The mask from the outside: generated sound goes in as RTP, a listener judges what comes out.

mod behaviour;
mod closed;
mod detection;
mod health;
mod judge;
mod leak;
mod robust;
mod secrecy;
mod sound;
mod transports;
mod verdict;
mod wire;
