//! Work that nobody waits for: one file a job.

pub mod evidence;
pub mod outbox;
pub mod resolve;
