//! Steps of one call, seen in its views.

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
    asked: Option<Asked>,
}

/// The field that is asked for.
struct Asked {
    field: Field,
    since: Instant,
    tries_left: u8,
}

impl CallMeter {
    /// A meter of a call that has shown nothing yet.
    pub fn new(metrics: Metrics) -> CallMeter {
        CallMeter { metrics, secured_ms: None, unwell: None, leaked: false, asked: None }
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
        let is_over = matches!(view.phase, Phase::Ended(_));
        let field = view.capture.field.filter(|_| view.capture_open && !is_over);
        let tries_left = view.capture.tries_left;
        match &mut self.asked {
            Some(asked) if field == Some(asked.field) => {
                if tries_left < asked.tries_left {
                    let took = now.saturating_duration_since(asked.since);
                    self.metrics.capture_step(asked.field, Step::TryAgain, took);
                }
                asked.tries_left = tries_left;
            }
            _ => {
                self.close(|field| outcome(view, field), now);
                self.asked = field.map(|field| Asked { field, since: now, tries_left });
            }
        }
    }

    fn close(&mut self, outcome: impl FnOnce(Field) -> Step, now: Instant) {
        if let Some(Asked { field, since, .. }) = self.asked.take() {
            self.metrics.capture_step(field, outcome(field), now.saturating_duration_since(since));
        }
    }
}

impl Drop for CallMeter {
    fn drop(&mut self) {
        self.close(|_| Step::Abandoned, Instant::now());
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
