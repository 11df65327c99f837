//! The mask from the outside: generated sound goes in as RTP, a listener judges what comes out.

mod behaviour;
mod closed;
mod delay;
mod detection;
mod dial_tone;
mod health;
mod judge;
mod leak;
mod loss;
mod robust;
mod sameness;
mod secrecy;
mod silence;
mod sound;
mod transports;
mod verdict;
mod wire;
