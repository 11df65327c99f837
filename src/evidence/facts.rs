//! All that is known of a call when it has ended.

use super::body::role_word;
use super::trail::{FieldFact, Span, Told, Trail};
use std::net::IpAddr;
use time::OffsetDateTime;
use tonewall_model::call::{CallView, EndedWhy};
use tonewall_model::ids::{AgentId, CallId, TenantId};
use tonewall_model::tenant::{MaskStyle, TrunkRole};
use tonewall_store::{CallRecord, RESTART};
use tonewall_telephony::media::{EarWitness, Witness};

/// Why a call whose process died has ended, in its record.
pub(super) const INTERRUPTED: &str = "interrupted";

/// What an independent ear says of what left the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It listened and heard no key.
    Green,
    /// It heard a key.
    Red,
    /// It had nothing to listen to: this says nothing, good or bad.
    NotHeard,
}

impl Verdict {
    /// Every one.
    pub const ALL: [Verdict; 3] = [Verdict::Green, Verdict::Red, Verdict::NotHeard];

    /// The word in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Green => "green",
            Verdict::Red => "red",
            Verdict::NotHeard => "not_heard",
        }
    }

    /// Of one ear on a line that was secured, or never was.
    fn of(ear: &EarWitness, was_secured: bool) -> Verdict {
        match ear {
            _ if ear.is_red => Verdict::Red,
            _ if ear.windows == 0 || !was_secured => Verdict::NotHeard,
            _ => Verdict::Green,
        }
    }
}

/// One end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub trunk: String,
    pub role: Option<TrunkRole>,
}

/// What was seen of a call while it was up.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub secured: Told<Span>,
    pub secured_ms: u64,
    pub fields: Told<FieldFact>,
    pub presses: u32,
    pub presses_open: u32,
    pub witness: Witness,
    pub style: MaskStyle,
    pub dial_tone_hz: Option<[u16; 2]>,
    pub customer: End,
    pub agent: End,
    pub signalling: IpAddr,
    pub media: Vec<IpAddr>,
}

/// Whether the organisation's own switch carried the customer's side, and by what that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Pbx { because: &'static str },
    CarrierEdge { because: &'static str },
    Unknown,
}

/// What becomes a record.
#[derive(Clone, Debug)]
pub struct Facts {
    pub(super) tenant: TenantId,
    pub(super) call: CallId,
    pub(super) route: String,
    pub(super) agent: Option<AgentId>,
    pub(super) started: OffsetDateTime,
    pub(super) ended: Option<OffsetDateTime>,
    pub(super) ended_why: String,
    pub(super) scope: Scope,
    /// `None` where nobody is left who saw the call.
    pub(super) seen: Option<Seen>,
}

impl Facts {
    /// Of a call that ended under our eyes. The trail is finished here.
    pub fn of(
        view: &CallView,
        trail: &mut Trail,
        witness: Witness,
        started: OffsetDateTime,
        (ended, why): (OffsetDateTime, EndedWhy),
    ) -> Facts {
        trail.finish(view, ended);
        let tenant = &trail.start.tenant;
        let end =
            |name: &String| End { trunk: name.clone(), role: tenant.trunk(name).map(|trunk| trunk.role) };
        let scope = match trail.through_pbx() {
            (true, true) => Scope::Pbx { because: "signalling_and_media" },
            (true, false) => Scope::Pbx { because: "signalling" },
            (false, true) => Scope::Pbx { because: "media" },
            (false, false) => Scope::CarrierEdge { because: "signalling_and_media" },
        };
        let seen = Seen {
            secured: trail.secured.clone(),
            secured_ms: trail.secured_ms,
            fields: trail.fields.clone(),
            presses: view.keys,
            presses_open: trail.presses_open,
            witness,
            style: tenant.mask,
            dial_tone_hz: tenant.dial_tone_hz,
            customer: end(&trail.start.customer_trunk),
            agent: end(&trail.start.agent_trunk),
            signalling: trail.start.signalling,
            media: trail.media.clone(),
        };
        Facts {
            tenant: tenant.id.clone(),
            call: view.id.clone(),
            route: view.route.as_str().to_owned(),
            agent: view.agent.clone(),
            started,
            ended: Some(ended),
            ended_why: why.as_str().to_owned(),
            scope,
            seen: Some(seen),
        }
    }

    /// Of a call of which only its rows are left. When it ended is not known where its process died
    /// with it: the row has the time of the next start.
    pub fn of_row(tenant: TenantId, row: CallRecord) -> Facts {
        let is_cut = row.ended_why.as_deref() == Some(RESTART);
        let told = |role| row.scope.as_deref() == Some(role_word(role));
        let scope = match () {
            () if told(TrunkRole::Pbx) => Scope::Pbx { because: "call_record" },
            () if told(TrunkRole::CarrierEdge) => Scope::CarrierEdge { because: "call_record" },
            () => Scope::Unknown,
        };
        Facts {
            tenant,
            call: row.id,
            route: row.route,
            agent: row.agent,
            started: row.started_at,
            ended: row.ended_at.filter(|_| !is_cut),
            ended_why: match row.ended_why {
                Some(why) if !is_cut => why,
                _ => INTERRUPTED.to_owned(),
            },
            scope,
            seen: None,
        }
    }

    /// Its tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Its call.
    pub fn call(&self) -> &CallId {
        &self.call
    }

    /// What the record says of leaks: red if any ear was, green only if every ear that there was
    /// listened.
    pub fn verdict(&self) -> Verdict {
        let Some(seen) = &self.seen else { return Verdict::NotHeard };
        let ears = [Some(seen.to_agent()), seen.tap()];
        let any = |verdict| ears.into_iter().flatten().any(|own| own == verdict);
        match () {
            () if any(Verdict::Red) => Verdict::Red,
            () if any(Verdict::NotHeard) => Verdict::NotHeard,
            () => Verdict::Green,
        }
    }
}

impl Seen {
    /// Of the ear towards the agent.
    pub fn to_agent(&self) -> Verdict {
        Verdict::of(&self.witness.to_agent, self.secured.count > 0)
    }

    /// Of the ear on the tap, where there is one.
    pub fn tap(&self) -> Option<Verdict> {
        self.witness.tap.map(|tap| Verdict::of(&tap, self.secured.count > 0))
    }
}
