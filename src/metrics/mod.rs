//! What operators may count: one registry a system, read at a port of its own.
//!
//! | file | holds |
//! |---|---|
//! | `families` | every name, its help, labels and buckets |
//! | `asked` | which field a call asks for, view by view |
//! | `call` | [`CallMeter`]: steps of a capture, seen in the views of a call |
//! | `scrape` | gauges of other parts, read when somebody asks |
//! | `process` | memory, descriptors and times of the process, from `/proc` |
//!
//! A label has a small set of words known at build time: no tenant, no agent, nothing that a caller
//! brings, and nothing of a card (DESIGN §6: no metric varies with a digit's value).

mod asked;
mod call;
mod families;
mod process;
mod scrape;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tests_server;

pub(crate) use asked::{Asking, Turn};
pub use call::CallMeter;
pub(crate) use call::outcome as step_outcome;

use crate::evidence::Verdict;
use families::Families;
use std::sync::Arc;
use std::time::Duration;
use tonewall_model::call::EndedWhy;
use tonewall_model::capture::Field;
use tonewall_model::dtmf::Unwell;
use tonewall_model::payment::AttemptState;
use tonewall_model::route::RouteKind;

/// The words of a label.
pub(crate) trait Word: Copy + 'static {
    /// Every one of them: each is there from the start, at zero.
    const ALL: &'static [Self];
    /// As it stands in the text.
    fn word(self) -> &'static str;
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl Word for $name {
            const ALL: &'static [$name] = &[$($name::$variant,)+];
            fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }
    };
}

words!(
    /// How one field of a capture went.
    Step {
        /// Keyed and accepted.
        Complete = "complete",
        /// Keyed, not accepted, asked again: a try is gone.
        TryAgain = "try_again",
        /// The capture ended on it: no tries or no time left.
        Failed = "failed",
        /// The agent ended the capture.
        Cancelled = "cancelled",
        /// The agent went to another field before it was complete.
        Left = "left",
        /// The call ended on it.
        Abandoned = "abandoned",
    }
);

words!(
    /// How a sign-in ended.
    SignIn {
        /// Signed in.
        Accepted = "accepted",
        /// Name or password was wrong.
        Refused = "refused",
        /// The name is locked after too many failures.
        Locked = "locked",
    }
);

words!(
    /// What became of a receipt.
    Receipt {
        /// An agent asked for it.
        Queued = "queued",
        /// The mail server took it.
        Sent = "sent",
        /// The mail server could not be reached, or asked to try later.
        Delayed = "delayed",
        /// The mail server will never take it, or it waited too long.
        Refused = "refused",
    }
);

words!(
    /// What became of a job other than a receipt.
    JobRun {
        /// Done.
        Done = "done",
        /// To be tried again.
        Delayed = "delayed",
    }
);

words!(
    /// What became of a call's record of evidence.
    Evidence {
        /// Written: no ear heard a key.
        Green = "green",
        /// Written: an ear heard a key.
        Red = "red",
        /// Written: no ear had anything to judge.
        NotHeard = "not_heard",
        /// The ledger did not take it; it is tried again.
        Delayed = "delayed",
        /// Given up: what was observed is lost.
        Lost = "lost",
    }
);

impl Evidence {
    /// Written, with this verdict.
    pub fn of(verdict: Verdict) -> Evidence {
        match verdict {
            Verdict::Green => Evidence::Green,
            Verdict::Red => Evidence::Red,
            Verdict::NotHeard => Evidence::NotHeard,
        }
    }
}

/// The counts of one system. A clone counts into the same.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

impl Metrics {
    /// All at zero.
    pub fn new() -> Metrics {
        Metrics(Arc::new(Families::new()))
    }

    /// A call is over.
    pub fn call_ended(&self, route: RouteKind, why: EndedWhy) {
        self.0.calls.with_label_values(&[route.as_str(), why.as_str()]).inc();
    }

    /// A field of a capture went so, `took` after it was asked for.
    pub fn capture_step(&self, field: Field, outcome: Step, took: Duration) {
        let field = families::field_word(field);
        self.0.steps.with_label_values(&[field, outcome.word()]).inc();
        if outcome == Step::Complete {
            self.0.step_seconds.with_label_values(&[field]).observe(took.as_secs_f64());
        }
    }

    /// An attempt came to rest, or moved on from [`AttemptState::Unknown`].
    pub fn payment(&self, state: AttemptState) {
        self.0.payments.with_label_values(&[state.as_str()]).inc();
    }

    /// A view shows a key; `since` its packet arrived on the media thread.
    pub fn key_shown(&self, since: Duration) {
        self.0.key_seconds.observe(since.as_secs_f64());
    }

    /// A line is secured, `ms` after the INVITE or the wish.
    pub fn secured(&self, ms: u32) {
        self.0.secure_seconds.observe(f64::from(ms) / 1e3);
    }

    /// A secured line could not be vouched for any more.
    pub fn unwell(&self, why: Unwell) {
        self.0.unwell.with_label_values(&[why.as_str()]).inc();
    }

    /// A key was heard leaving a secured line.
    pub fn leaked(&self) {
        self.0.leaks.inc();
    }

    /// A sign-in ended.
    pub fn sign_in(&self, outcome: SignIn) {
        self.0.sign_ins.with_label_values(&[outcome.word()]).inc();
    }

    /// Browsers reported so many breaches of the content security policy.
    pub fn csp_reports(&self, count: u64) {
        self.0.csp_reports.inc_by(count);
    }

    /// Something became of a receipt.
    pub fn receipt(&self, state: Receipt) {
        self.0.receipts.with_label_values(&[state.word()]).inc();
    }

    /// Something became of a record of evidence.
    pub fn evidence(&self, outcome: Evidence) {
        self.0.evidence.with_label_values(&[outcome.word()]).inc();
    }

    /// A job other than a receipt was tried.
    pub fn job(&self, run: JobRun) {
        self.0.jobs.with_label_values(&[run.word()]).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}
