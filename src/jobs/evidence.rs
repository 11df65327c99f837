//! Calls that ended and owe their evidence, because whoever saw them is gone: what their rows tell is
//! recorded, and that nobody saw more.

use crate::evidence::Recorder;
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;

/// How often the ledger is asked. Nothing waits for these records: they come a quarter of an hour
/// after their calls at the earliest.
const TICK: Duration = Duration::from_secs(60);

/// Runs until dropped.
pub async fn run(recorder: Arc<Recorder>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = recorder.record_owed(false).await {
            warn!(%error, "calls that owe evidence cannot be read");
        }
    }
}
