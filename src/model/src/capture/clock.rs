//! The waits of a capture.

use super::progress::Stall;
use crate::tenant::CapturePlan;
use std::time::Duration;

/// A warning comes, and an extension adds, this part of the whole time: 2 of 10 minutes. A larger
/// divisor warns later and extends by less.
const TOTAL_PARTS: u32 = 5;

/// Extensions of one capture: with five, it lasts twice its time at most. More would let a line stay
/// secured, and a code in memory, for as long as somebody clicks.
const EXTENSIONS_MAX: u8 = 5;

/// The whole time of one capture.
pub(super) struct Window {
    part: Duration,
    deadline: Duration,
    extensions: u8,
    pub(super) ending_soon: bool,
}

impl Window {
    pub(super) fn new(plan: &CapturePlan, now: Duration) -> Window {
        let deadline = now.saturating_add(plan.total);
        Window { part: plan.total / TOTAL_PARTS, deadline, extensions: 0, ending_soon: false }
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.deadline
    }

    /// `false` when it was extended as often as it may be.
    pub(super) fn extend(&mut self) -> bool {
        if self.extensions == EXTENSIONS_MAX {
            return false;
        }
        self.extensions += 1;
        self.deadline = self.deadline.saturating_add(self.part);
        self.ending_soon = false;
        true
    }

    pub(super) fn ends_at(&self) -> Duration {
        self.deadline
    }

    fn warn_at(&self) -> Duration {
        self.deadline.saturating_sub(self.part)
    }

    pub(super) fn next(&self) -> Duration {
        if self.ending_soon { self.deadline } else { self.warn_at() }
    }

    /// Whether the warning has just become due.
    pub(super) fn fire(&mut self, now: Duration) -> bool {
        let due = !self.ending_soon && now >= self.warn_at();
        self.ending_soon |= due;
        due
    }
}

/// The wait for the next key of an open field.
pub(super) struct Wait {
    since: Duration,
    pub(super) stalled: Option<Stall>,
}

impl Wait {
    pub(super) fn new(now: Duration) -> Wait {
        Wait { since: now, stalled: None }
    }

    fn kind(filled: usize) -> Stall {
        if filled == 0 { Stall::FirstKey } else { Stall::BetweenKeys }
    }

    fn at(&self, plan: &CapturePlan, filled: usize) -> Duration {
        self.since.saturating_add(match Wait::kind(filled) {
            Stall::FirstKey => plan.first_key,
            Stall::BetweenKeys => plan.between_keys,
        })
    }

    pub(super) fn next(&self, plan: &CapturePlan, filled: usize) -> Option<Duration> {
        self.stalled.is_none().then(|| self.at(plan, filled))
    }

    /// Whether the stall has just become due.
    pub(super) fn fire(&mut self, now: Duration, plan: &CapturePlan, filled: usize) -> bool {
        let due = self.stalled.is_none() && now >= self.at(plan, filled);
        if due {
            self.stalled = Some(Wait::kind(filled));
        }
        due
    }
}
