//! Watching an actor's task from outside: how it ended.

use super::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tonewall_model::ids::CallId;

/// A call without a sign of life for this long is ended: its future never completes. Longer leaves
/// customer and agent on a call that nobody steers; shorter ends calls on a machine under load.
const SILENT_MAX: Duration = Duration::from_secs(5);

/// How often the signs of life are asked for.
const BEAT: Duration = Duration::from_secs(1);

/// Reports a panic of the actor, in a handler or in a future that it spawned, and its abort. An
/// actor that stopped by itself has said so before.
pub(super) async fn actor(task: JoinHandle<()>, call: CallId, registry: Arc<Registry>) {
    match task.await {
        Ok(()) => registry.crashed(&call, "actor stopped without an end"),
        Err(error) if error.is_panic() => registry.crashed(&call, "panic"),
        Err(_) => registry.crashed(&call, "aborted"),
    }
}

/// Asks all calls for signs of life, until dropped.
pub async fn beats(registry: Arc<Registry>) {
    let mut tick = tokio::time::interval(BEAT);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        registry.sweep(SILENT_MAX);
    }
}
