//! Steps of one call, seen in its views.

use super::asked::{Asking, Turn};
use super::{Metrics, Step};
use std::time::Instant;
use tonewall_model::call::{CallView, Phase};
use tonewall_model::capture::Field;
use tonewall_model::dtmf::Unwell;

/// Counts what the views of one call show. Dropped with a field still asked for, it counts that one
/// as abandoned: the call ended, or its actor died.
pub struct CallMeter {
    metrics: Metrics,
    secured_ms: Option<u32>,
    unwell: Option<Unwell>,
    leaked: bool,
    asking: Asking,
    /// When the field was asked for.
    since: Instant,
}

impl CallMeter {
    /// A meter of a call that has shown nothing yet.
    pub fn new(metrics: Metrics) -> CallMeter {
        CallMeter {
            metrics,
            secured_ms: None,
            unwell: None,
            leaked: false,
            asking: Asking::default(),
            since: Instant::now(),
        }
    }

    /// The view as it is published at `now`. Cheap: it is called for every key.
    pub fn see(&mut self, view: &CallView, now: Instant) {
        if view.secured_ms != self.secured_ms {
            self.secured_ms = view.secured_ms;
            view.secured_ms.into_iter().for_each(|ms| self.metrics.secured(ms));
        }
        if view.unwell != std::mem::replace(&mut self.unwell, view.unwell) {
            view.unwell.into_iter().for_each(|why| self.metrics.unwell(why));
        }
        if view.leaked && !std::mem::replace(&mut self.leaked, true) {
            self.metrics.leaked();
        }
        match self.asking.see(view) {
            Turn::Stays => {}
            Turn::Again(field) => self.count(field, Step::TryAgain, now),
            Turn::Other(left) => {
                left.into_iter().for_each(|field| self.count(field, outcome(view, field), now));
                self.since = now;
            }
        }
    }

    fn count(&self, field: Field, step: Step, now: Instant) {
        self.metrics.capture_step(field, step, now.saturating_duration_since(self.since));
    }
}

impl Drop for CallMeter {
    fn drop(&mut self) {
        let left = self.asking.end();
        left.into_iter().for_each(|field| self.count(field, Step::Abandoned, Instant::now()));
    }
}

/// What became of a field that is asked for no more.
pub(crate) fn outcome(view: &CallView, field: Field) -> Step {
    let shown = &view.capture;
    let complete = view.capture_complete
        || match field {
            Field::Address => shown.address_given,
            keyed => shown.closed.iter().any(|(closed, _)| *closed == keyed),
        };
    match view.phase {
        Phase::Ended(_) => Step::Abandoned,
        _ if view.capture_failed.is_some() => Step::Failed,
        _ if view.capture_cancelled => Step::Cancelled,
        _ if complete => Step::Complete,
        _ => Step::Left,
    }
}
