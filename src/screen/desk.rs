//! Which call is on an agent's screen, and the live stream of it.
//!
//! An agent sees own calls, and calls of the organisation that nobody has yet. On the screen is, in
//! this order: the call that was asked for; the live call of this agent; a live call that rings at
//! this agent's phone and names nobody; the newest call that is over and not wrapped up; nothing.

use super::build::{self, OnScreen, Scene};
use super::draft::Drafts;
use super::facts::CallFacts;
use super::ledger;
use super::lookup::Lookups;
use super::shown::{OtherShown, Screen};
use crate::calls::{CallHandle, Desk};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tonewall_model::call::{CallView, EndedWhy, Phase};
use tonewall_model::ids::{AgentId, CallId, TenantId};
use tonewall_model::tenant::{MaskStyle, Tenant};
use tonewall_store::{AttemptRow, CallRecord, StoreError, TenantStore};
use tracing::warn;

/// How long a call that is over waits to be wrapped up. Longer greets an agent with yesterday's
/// calls; shorter forgets one over a break.
const UNFINISHED_MAX: Duration = Duration::from_secs(8 * 3_600);

/// Longest call, by which a call may have begun before it ended.
const CALL_MAX: Duration = tonewall_model::call::CALL_MAX;

/// Unfinished calls of an agent's shift that are looked at. More costs a query each.
const PAST_MAX: u64 = 20;

/// Calls that are listed beside the one on screen.
const OTHERS_MAX: usize = 8;

/// Longest wait for rows. Longer makes a screen stand still while the database does; shorter shows
/// it as unreachable when it is merely busy.
const READ_MAX: Duration = Duration::from_millis(1_500);

/// Longest wait of somebody who asks for a screen once. Longer and a module that lost its stream shows
/// an old line for so long; shorter shows no rows when the database is merely busy.
const CURRENT_MAX: Duration = Duration::from_millis(500);

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The organisation.
    pub tenant: TenantId,
    /// The agent.
    pub agent: AgentId,
}

/// What the node offers to screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether receipts can be sent by mail.
    pub mail_on: bool,
}

/// The screens of all agents.
#[derive(Clone)]
pub struct Screens(Arc<Inner>);

pub(super) struct Inner {
    pub desk: Desk,
    pub lookups: Lookups,
    pub drafts: Drafts,
    options: Options,
}

/// A call that is in rows alone.
#[derive(Clone)]
pub(super) struct Past {
    record: CallRecord,
    attempts: Vec<AttemptRow>,
}

/// What is on the screen.
#[derive(Clone)]
pub(super) enum Subject {
    Nothing,
    Known(CallHandle),
    Rows(Box<Past>),
}

impl Subject {
    /// Which call it is.
    pub fn id(&self) -> Option<CallId> {
        match self {
            Subject::Nothing => None,
            Subject::Known(handle) => Some(handle.look(|view| view.id.clone())),
            Subject::Rows(past) => Some(past.record.id.clone()),
        }
    }
}

impl Screens {
    /// Over these calls.
    pub fn new(desk: Desk, options: Options) -> Screens {
        let around = desk.around();
        let lookups = Lookups::new(around.runtime.clone(), Arc::clone(&around.events));
        Screens(Arc::new(Inner { lookups, drafts: Drafts::default(), options, desk }))
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(super) fn mail_on(&self) -> bool {
        self.0.options.mail_on
    }

    /// The calls under it.
    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// The screen as it is now; of rows what comes within half a second.
    pub async fn current(&self, who: &Who, wanted: Option<&CallId>) -> Screen {
        let Some(tenant) = self.tenant(who) else { return Screen::default() };
        let until = tokio::time::Instant::now() + CURRENT_MAX;
        let past = tokio::time::timeout_at(until, self.past(who, wanted)).await;
        let past = past.ok().flatten().unwrap_or_default();
        let (subject, others) = self.choose(who, &tenant, wanted, &past);
        let facts = match subject.id() {
            Some(id) => match tokio::time::timeout_at(until, self.facts(who, &id)).await {
                Ok(Ok(facts)) => facts,
                Ok(Err(_)) | Err(_) => CallFacts { unreadable: true, ..CallFacts::default() },
            },
            None => CallFacts::default(),
        };
        self.build(who, &tenant, &subject, &facts, others)
    }

    pub(super) fn tenant(&self, who: &Who) -> Option<Arc<Tenant>> {
        self.0.desk.around().tenants.snapshot().tenant(&who.tenant).cloned()
    }

    pub(super) fn store(&self, who: &Who) -> TenantStore {
        self.0.desk.around().store.tenant(&who.tenant)
    }

    /// The rows of a call.
    pub(super) async fn facts(&self, who: &Who, call: &CallId) -> Result<CallFacts, StoreError> {
        let load = CallFacts::load(&self.0.desk.around().runtime, self.store(who), call.clone());
        let facts = tokio::time::timeout(READ_MAX, load).await.unwrap_or(Err(StoreError::Busy));
        if let Err(error) = &facts {
            warn!(%call, %error, "rows of a call cannot be read for its screen");
        }
        facts
    }

    /// Calls of this agent that are in rows alone, newest first: unfinished ones, and the one that is
    /// wanted. `None` where they cannot be read.
    pub(super) async fn past(&self, who: &Who, wanted: Option<&CallId>) -> Option<Vec<Past>> {
        let (store, who, wanted) = (self.store(who), who.clone(), wanted.cloned());
        let read = self.0.desk.around().runtime.spawn(async move {
            let now = OffsetDateTime::now_utc();
            let since = now - UNFINISHED_MAX - CALL_MAX;
            let mut records = store.calls_unfinished(&who.agent, since, PAST_MAX).await?;
            records.retain(|record| ledger::ended_at(record) + UNFINISHED_MAX > now);
            if let Some(wanted) = wanted
                && !records.iter().any(|record| record.id == wanted)
            {
                match store.call(&wanted).await {
                    Ok(record) if record.agent.as_ref() == Some(&who.agent) => records.push(record),
                    Ok(_) | Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            let mut past = Vec::new();
            for record in records {
                let attempts = store.attempts_of_call(&record.id).await?;
                past.push(Past { record, attempts });
            }
            Ok(past)
        });
        match tokio::time::timeout(READ_MAX, read).await {
            Ok(Ok(Ok(past))) => Some(past),
            Ok(Ok(Err(error))) => {
                warn!(%error, "earlier calls cannot be read for a screen");
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// What is on the screen, and what is listed beside it.
    pub(super) fn choose(
        &self,
        who: &Who,
        tenant: &Tenant,
        wanted: Option<&CallId>,
        past: &[Past],
    ) -> (Subject, Vec<OtherShown>) {
        let extension = tenant.agent(&who.agent).map(|agent| agent.extension.as_str());
        let seen = self.seen_by(who);
        // What was wrapped up a moment ago may have been read before.
        let is_past =
            |id: &CallId| self.0.desk.handle(&who.tenant, id).is_err() && !self.0.drafts.of(id).wrapped;
        let past: Vec<&Past> = past.iter().filter(|past| is_past(&past.record.id)).collect();
        let asked = wanted.and_then(|id| {
            let of_known = seen.iter().find(|call| call.id == *id && (call.is_live || !call.is_wrapped));
            let of_past = past.iter().find(|past| past.record.id == *id && past.record.wrapped_at.is_none());
            of_known
                .map(|call| call.subject())
                .or(of_past.map(|past| Subject::Rows(Box::new((*past).clone()))))
        });
        let rings_here = |call: &&Known| !call.is_own && Some(call.handle.extension()) == extension;
        let live = || seen.iter().filter(|call| call.is_live);
        let unfinished = || {
            let of_known = seen.iter().find(|call| call.is_unfinished());
            let of_past = past.iter().find(|past| ledger::is_unfinished(&past.record, past.attempts.len()));
            match (of_known, of_past) {
                (Some(call), Some(past)) if past.record.started_at > call.handle.started_at() => {
                    Some(Subject::Rows(Box::new((*past).clone())))
                }
                (Some(call), _) => Some(call.subject()),
                (None, past) => past.map(|past| Subject::Rows(Box::new((*past).clone()))),
            }
        };
        let subject = asked
            .or_else(|| live().find(|call| call.is_own).map(|call| call.subject()))
            .or_else(|| live().find(rings_here).map(|call| call.subject()))
            .or_else(unfinished)
            .unwrap_or(Subject::Nothing);
        let on = subject.id();
        let listed = seen.iter().filter(|call| call.is_live || call.is_unfinished());
        let of_known = listed.map(|call| call.handle.look(|view| build::other(view, &who.agent)));
        let of_past = past.iter().filter(|past| ledger::is_unfinished(&past.record, past.attempts.len()));
        let of_past = of_past.map(|past| build::other(&ledger::view(&past.record, &[]), &who.agent));
        let is_other = |other: &OtherShown| on.as_ref().is_none_or(|on| on.as_str() != other.id);
        let others = of_known.chain(of_past).filter(is_other).take(OTHERS_MAX).collect();
        (subject, others)
    }

    /// The calls of the registry that are this agent's, in a fixed order, and whether each is live. Not
    /// those that nobody has: no row of this agent's tells of them.
    pub(super) fn own_calls(&self, who: &Who) -> Vec<(CallId, bool)> {
        let own = |view: &CallView| {
            (view.agent.as_ref() == Some(&who.agent)).then(|| (view.id.clone(), is_live(view)))
        };
        let mut own: Vec<_> = self.0.desk.pick(&who.tenant, own).into_iter().map(|(_, call)| call).collect();
        own.sort_unstable_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        own
    }

    /// Own calls, and live ones that nobody has; newest first.
    fn seen_by(&self, who: &Who) -> Vec<Known> {
        let look = |view: &CallView| {
            let (is_own, is_live) = (view.agent.as_ref() == Some(&who.agent), is_live(view));
            let is_seen = is_own || (is_live && view.agent.is_none());
            let crashed = view.phase == Phase::Ended(EndedWhy::Crashed);
            let matters = crashed || view.payment.account.is_some();
            is_seen.then(|| (view.id.clone(), is_own, is_live, matters))
        };
        let seen = self.0.desk.pick(&who.tenant, look).into_iter();
        let known = |(handle, (id, is_own, is_live, matters))| {
            let is_wrapped = self.0.drafts.of(&id).wrapped;
            Known { handle, id, is_own, is_live, matters, is_wrapped }
        };
        seen.map(known).collect()
    }

    /// Puts it together.
    pub(super) fn build(
        &self,
        who: &Who,
        tenant: &Arc<Tenant>,
        subject: &Subject,
        facts: &CallFacts,
        others: Vec<OtherShown>,
    ) -> Screen {
        let now = OffsetDateTime::now_utc();
        let scene =
            |call| Scene { tenant, agent: &who.agent, now, mail_on: self.0.options.mail_on, call, others };
        let Some(seen) = seen(subject, facts) else { return build::screen(&scene(None)) };
        let id = &seen.view.id;
        if seen.is_known && is_live(&seen.view) {
            self.0.lookups.appear(tenant, id, &seen.view.caller);
        }
        let mut draft = self.0.drafts.of(id);
        draft.wrapped |=
            !seen.is_known && facts.record.as_ref().is_some_and(|record| record.wrapped_at.is_some());
        let lookup = self.0.lookups.of(id);
        build::screen(&scene(Some(OnScreen {
            view: &seen.view,
            facts,
            lookup: &lookup,
            draft: &draft,
            started_at: seen.started_at,
            clock: seen.clock,
            through_pbx: seen.through_pbx,
            cut_off: seen.cut_off,
            closes: tenant.mask == MaskStyle::Closed,
        })))
    }
}

/// A call of the registry that an agent sees.
struct Known {
    handle: CallHandle,
    id: CallId,
    /// This agent's; else nobody's.
    is_own: bool,
    is_live: bool,
    /// There is something to do or to know: money was asked for, or it crashed.
    matters: bool,
    is_wrapped: bool,
}

fn is_live(view: &CallView) -> bool {
    !matches!(view.phase, Phase::Ended(_))
}

impl Known {
    /// Over, not wrapped up, and with something to do or to know.
    fn is_unfinished(&self) -> bool {
        self.is_own && !self.is_live && !self.is_wrapped && self.matters
    }

    fn subject(&self) -> Subject {
        Subject::Known(self.handle.clone())
    }
}

/// What a subject is to the screen.
pub(super) struct Seen {
    pub view: CallView,
    pub is_known: bool,
    started_at: OffsetDateTime,
    clock: Duration,
    through_pbx: bool,
    cut_off: bool,
}

/// The subject as it is now; `None` for nothing.
pub(super) fn seen(subject: &Subject, facts: &CallFacts) -> Option<Seen> {
    Some(match subject {
        Subject::Nothing => return None,
        Subject::Known(handle) => Seen {
            view: handle.view(),
            is_known: true,
            started_at: handle.started_at(),
            clock: handle.clock(),
            through_pbx: handle.through_pbx(),
            cut_off: false,
        },
        Subject::Rows(past) => {
            let (record, attempts) = match &facts.record {
                Some(record) => (record, &facts.attempts),
                None => (&past.record, &past.attempts),
            };
            Seen {
                view: ledger::view(record, attempts),
                is_known: false,
                started_at: record.started_at,
                clock: Duration::ZERO,
                through_pbx: false,
                cut_off: ledger::was_cut_off(record),
            }
        }
    })
}
