//! What a live call leaves behind for its record: when the line was secured, how each field went, and
//! which addresses were seen.

use super::body::role_word;
use crate::metrics::{Asking, Step, Turn, step_outcome};
use std::net::IpAddr;
use std::sync::Arc;
use time::OffsetDateTime;
use tonewall_model::call::CallView;
use tonewall_model::capture::{FailWhy, Field};
use tonewall_model::tenant::{Tenant, TrunkRole};

/// Spans, and fields, of a call that are told one by one; of the others it is told how many there
/// were. More than a person goes through; fewer would cut long calls with many cards short.
pub(super) const TOLD_MAX: usize = 64;

/// Addresses of the customer's media that are told: one, and one more for each transfer.
const ADDRESSES_MAX: usize = 8;

/// What is known when a call begins.
pub struct Start {
    /// The organisation as it was then.
    pub tenant: Arc<Tenant>,
    /// The trunk that brought the call.
    pub customer_trunk: String,
    /// The trunk of the agent's side.
    pub agent_trunk: String,
    /// Where the INVITE came from.
    pub signalling: IpAddr,
    /// Where the customer's offer says that media is; `None` where it made none.
    pub media: Option<IpAddr>,
}

/// A time in which the line was secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(super) on: OffsetDateTime,
    pub(super) off: OffsetDateTime,
}

/// How one field went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFact {
    pub(super) field: Field,
    /// `complete`, `failed`, `timed_out`, `cancelled`, `left` (for another field), `abandoned` (by the
    /// end of the call).
    pub(super) outcome: &'static str,
    /// Times that it was keyed, not accepted, and asked for again.
    pub(super) reasked: u8,
    /// Digits in it at the end.
    pub(super) digits: u8,
}

/// The first [`TOLD_MAX`] of something, and how many there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<T> {
    pub(super) first: Vec<T>,
    pub(super) count: u32,
}

impl<T> Told<T> {
    pub(super) fn new() -> Told<T> {
        Told { first: Vec::new(), count: 0 }
    }

    pub(super) fn push(&mut self, one: T) {
        self.count = self.count.saturating_add(1);
        if self.first.len() < TOLD_MAX {
            self.first.push(one);
        }
    }
}

/// What a call has left so far.
pub struct Trail {
    pub(super) start: Start,
    /// Where the customer's media went, from the first offer on.
    pub(super) media: Vec<IpAddr>,
    pub(super) secured: Told<Span>,
    pub(super) secured_ms: u64,
    pub(super) fields: Told<FieldFact>,
    /// Presses while the line was open: whoever listened has heard them.
    pub(super) presses_open: u32,
    presses: u32,
    since: Option<OffsetDateTime>,
    asking: Asking,
    /// Of the field that is asked for: how often once more, and digits in it.
    reasked: u8,
    filled: u8,
}

impl Trail {
    /// Of a call that begins.
    pub fn new(start: Start) -> Trail {
        Trail {
            media: start.media.into_iter().collect(),
            start,
            secured: Told::new(),
            secured_ms: 0,
            fields: Told::new(),
            presses_open: 0,
            presses: 0,
            since: None,
            asking: Asking::default(),
            reasked: 0,
            filled: 0,
        }
    }

    /// The line is secured, or open again, from now on.
    pub fn secure(&mut self, on: bool, now: OffsetDateTime) {
        match (on, self.since) {
            (true, None) => self.since = Some(now),
            (false, Some(since)) => {
                self.since = None;
                // A clock that was set back makes no negative span.
                let span = Span { on: since, off: now.max(since) };
                let length = (span.off - span.on).whole_milliseconds();
                self.secured_ms = self.secured_ms.saturating_add(u64::try_from(length).unwrap_or(0));
                self.secured.push(span);
            }
            _ => {}
        }
    }

    /// The customer's media is at this address from now on. Whether that changes what is said of scope.
    pub fn media_at(&mut self, address: IpAddr) -> bool {
        let before = self.customer_via();
        if self.media.len() < ADDRESSES_MAX && !self.media.contains(&address) {
            self.media.push(address);
        }
        self.customer_via() != before
    }

    /// The view as it is published. Cheap: it is called for every key.
    pub fn see(&mut self, view: &CallView) {
        let pressed = view.keys.saturating_sub(self.presses);
        self.presses = view.keys;
        self.presses_open += if view.secured { 0 } else { pressed };
        match self.asking.see(view) {
            Turn::Stays => {}
            Turn::Again(_) => self.reasked = self.reasked.saturating_add(1),
            Turn::Other(left) => {
                left.into_iter().for_each(|field| self.close(field, view));
                self.reasked = 0;
            }
        }
        self.filled = view.capture.filled;
    }

    /// The call is over: what is open ends with it.
    pub fn finish(&mut self, view: &CallView, now: OffsetDateTime) {
        let left = self.asking.end();
        left.into_iter().for_each(|field| self.close(field, view));
        self.secure(false, now);
    }

    fn close(&mut self, field: Field, view: &CallView) {
        let timed_out = view.capture_failed == Some(FailWhy::TimedOut);
        let outcome = match step_outcome(view, field) {
            Step::Complete => "complete",
            Step::Failed if timed_out => "timed_out",
            Step::Failed | Step::TryAgain => "failed",
            Step::Cancelled => "cancelled",
            Step::Left => "left",
            Step::Abandoned => "abandoned",
        };
        let closed = view.capture.closed.iter().find(|(closed, _)| *closed == field);
        let digits = closed.filter(|_| outcome == "complete").map_or(self.filled, |(_, digits)| *digits);
        self.fields.push(FieldFact { field, outcome, reasked: self.reasked, digits });
    }

    /// Who carries the customer's side, as far as signalling and media addresses tell: the organisation's
    /// own switch where either is one of its, since whatever crosses that is in PCI scope (DESIGN §8).
    /// The one judgement for screen, call record and evidence.
    pub fn customer_via(&self) -> TrunkRole {
        match self.through_pbx() {
            (false, false) => TrunkRole::CarrierEdge,
            _ => TrunkRole::Pbx,
        }
    }

    /// The same as the word of records.
    pub fn scope_word(&self) -> &'static str {
        role_word(self.customer_via())
    }

    /// What of the customer's side belongs to the organisation's own switch: signalling, media.
    pub(super) fn through_pbx(&self) -> (bool, bool) {
        let Start { tenant, customer_trunk, .. } = &self.start;
        let mut pbx = tenant.trunks.iter().filter(|trunk| trunk.role == TrunkRole::Pbx);
        let signalling = tenant.trunk(customer_trunk).is_some_and(|trunk| trunk.role == TrunkRole::Pbx);
        let media =
            pbx.any(|pbx| self.media.iter().any(|ip| pbx.peers.contains(ip) || pbx.address.ip() == *ip));
        (signalling, media)
    }
}
