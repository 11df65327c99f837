//! What people may see of a call: counts, allowed digits, words.

use super::{Call, CardShown, LegState, Unrecorded};
use crate::capture::{FailWhy, Field, Progress};
use crate::dtmf::Unwell;
use crate::ids::{AgentId, AttemptId, CallId};
use crate::money::Money;
use crate::payment::DeclineClass;
use crate::payment::attempt::AttemptState;
use crate::route::RouteKind;
use std::time::Duration;

/// Why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedWhy {
    /// The customer hung up, or gave up.
    CustomerHungUp,
    /// The agent hung up.
    AgentHungUp,
    /// The agent's phone could not be reached.
    AgentUnreachable,
    /// The legs have no codec in common.
    NoCommonCodec,
    /// It lasted longer than a call may.
    TooLong,
    /// The node is being emptied.
    Shutdown,
    /// Something of ours failed; the line was closed.
    Crashed,
}

impl EndedWhy {
    /// The word in rows, events and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            EndedWhy::CustomerHungUp => "customer_hung_up",
            EndedWhy::AgentHungUp => "agent_hung_up",
            EndedWhy::AgentUnreachable => "agent_unreachable",
            EndedWhy::NoCommonCodec => "no_common_codec",
            EndedWhy::TooLong => "too_long",
            EndedWhy::Shutdown => "shutdown",
            EndedWhy::Crashed => "crashed",
        }
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The agent's phone is being rung.
    Ringing,
    /// Both legs are up.
    Connected,
    /// Over.
    Ended(EndedWhy),
}

/// Where its payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayState {
    /// Nothing has been sent.
    None,
    /// An attempt was made and stands here.
    Attempt(AttemptState),
}

/// What may be seen of the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayView {
    /// Where it stands.
    pub state: PayState,
    /// The attempt.
    pub attempt: Option<AttemptId>,
    /// The issuer's authorisation code.
    pub auth_code: Option<String>,
    /// The card of the attempt.
    pub card: Option<CardShown>,
    /// Account or invoice.
    pub account: Option<String>,
    /// How much.
    pub amount: Option<Money>,
    /// What the agent may say.
    pub say: String,
    /// What may sensibly be done next, after a bank's no.
    pub class: Option<DeclineClass>,
    /// The field that the bank objected to.
    pub fix: Option<Field>,
    /// Attempts at this payment on this call.
    pub attempts: u8,
    /// Why the attempt, which is `Rejected` then, is in no row.
    pub unrecorded: Option<Unrecorded>,
}

impl PayView {
    /// Before any attempt.
    pub fn none() -> PayView {
        PayView {
            state: PayState::None,
            attempt: None,
            auth_code: None,
            card: None,
            account: None,
            amount: None,
            say: String::new(),
            class: None,
            fix: None,
            attempts: 0,
            unrecorded: None,
        }
    }
}

/// What may be seen of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallView {
    /// Its id.
    pub id: CallId,
    /// Its route.
    pub route: RouteKind,
    /// The agent, where known.
    pub agent: Option<AgentId>,
    /// Who calls.
    pub caller: String,
    /// Where it stands.
    pub phase: Phase,
    /// Whether the line is secured.
    pub secured: bool,
    /// From INVITE to the first packet on a secured line, in ms.
    pub secured_ms: Option<u32>,
    /// Why nothing of the customer passes on the secured line; `None` while it can be vouched for.
    pub unwell: Option<Unwell>,
    /// Whether a key was heard leaving the secured line: nothing more may be keyed on this call.
    pub leaked: bool,
    /// Whether repeats of a key within a moment count as one press.
    pub slow_keys: bool,
    /// The capture, as its machine shows it.
    pub capture: Progress,
    /// Whether keys are, or may again be, asked for.
    pub capture_open: bool,
    /// When the whole time of the capture ends, on the clock of [`Call::step`]; `None` while none is
    /// open.
    pub capture_ends: Option<Duration>,
    /// Whether the card is complete.
    pub capture_complete: bool,
    /// Why the last capture failed.
    pub capture_failed: Option<FailWhy>,
    /// Whether the agent ended the last capture.
    pub capture_cancelled: bool,
    /// The payment.
    pub payment: PayView,
    /// Presses so far.
    pub keys: u32,
}

pub(super) fn of(call: &Call) -> CallView {
    let phase = match (call.ended, call.agent.state) {
        (Some(why), _) => Phase::Ended(why),
        (None, LegState::Up) => Phase::Connected,
        (None, _) => Phase::Ringing,
    };
    let capture = call.capture.progress();
    let open = call.capture.is_open();
    let attempt = call.pay.attempt.as_ref();
    let order = call.pay.order.as_ref();
    CallView {
        id: call.id.clone(),
        route: call.plan.route,
        agent: call.plan.agent.clone(),
        caller: call.caller.clone(),
        phase,
        secured: call.secured,
        secured_ms: call.secured_ms,
        unwell: call.unwell.filter(|_| call.secured && call.ended.is_none()),
        leaked: call.leaked,
        slow_keys: call.slow_keys,
        capture_complete: open && capture.field.is_none(),
        capture,
        capture_open: open,
        capture_ends: call.capture.ends_at(),
        capture_failed: call.pay.failed,
        capture_cancelled: call.pay.cancelled,
        payment: PayView {
            state: attempt.map_or(PayState::None, |attempt| PayState::Attempt(attempt.state)),
            attempt: attempt.map(|attempt| attempt.id.clone()),
            auth_code: attempt.and_then(|attempt| attempt.auth_code.clone()),
            card: attempt.map(|attempt| attempt.card.clone()),
            account: order.map(|order| order.account.clone()),
            amount: order.map(|order| order.amount),
            say: attempt.map(|attempt| attempt.say.clone()).unwrap_or_default(),
            class: attempt.and_then(|attempt| attempt.class),
            fix: attempt.and_then(|attempt| attempt.fix),
            attempts: call.pay.attempts,
            unrecorded: attempt.and_then(|attempt| attempt.unrecorded),
        },
        keys: call.keys,
    }
}
