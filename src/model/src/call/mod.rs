//! One call: two legs, a capture, a payment and the mask, and the only place that knows all of them.
//!
//! ```text
//! Route 1   A: INVITE ─ ring ─ 200 ──────────┐ answered when B is
//!           B:        INVITE ─ ring ─ 200 ───┘ secured when the agent says so
//! Route 2   A: INVITE ─ 200                    answered at once: the transfer has to complete
//!           B:        INVITE ─ ring ─ 200      rung back, secured before the first packet
//! ```
//! Signalling, media and gateway are told by [`Effect`]s; what happens there comes in as [`Input`].

mod again;
mod health;
mod keys;
mod legs;
mod pay;
#[cfg(test)]
pub(crate) mod tests;
mod view;

pub(crate) use again::{Again, RETRY_ATTEMPTS_MAX, after_no};
pub use pay::{Attempted, CardShown, Refused, Unrecorded, same_account};
pub use view::{CallView, EndedWhy, PayState, PayView, Phase};

use crate::capture::{self, Capture};
use crate::card::{Address, Card, Kept, YearMonth};
use crate::dtmf::{Law, Unwell};
use crate::ids::{AgentId, AttemptId, CallId, PaymentId};
use crate::money::Money;
use crate::route::{Plan, RouteKind};
use crate::sdp::{Direction, Local, Remote, Settled};
use crate::tenant::Tenant;
use legs::LegState;
use pay::Pay;
use std::sync::Arc;
use std::time::Duration;
use tonewall_secret::Key;

/// How long an agent's phone may ring on Route 1. Longer than a person waits; shorter would cut a
/// hunt group off that still goes round.
pub const RING_MAX: Duration = Duration::from_secs(60);

/// How long a rung-back phone may take on Route 2: it answers by itself. Longer leaves the customer
/// in silence; shorter fails a phone that wakes up slowly.
pub const RING_BACK_MAX: Duration = Duration::from_secs(20);

/// Tries to ring an agent back: the phone may still be busy with the transfer itself.
pub const RING_BACK_TRIES: u8 = 4;

/// Pause between them.
pub const RING_BACK_PAUSE: Duration = Duration::from_millis(1_000);

/// Longest call. Longer ones are forgotten handsets; shorter would end real ones.
pub const CALL_MAX: Duration = Duration::from_secs(4 * 3_600);

/// A leg of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Leg A: the customer.
    Customer,
    /// Leg B: the agent.
    Agent,
}

impl Side {
    /// The other leg.
    pub fn other(self) -> Side {
        match self {
            Side::Customer => Side::Agent,
            Side::Agent => Side::Customer,
        }
    }
}

/// What happens to a call.
pub enum Input {
    /// It begins: the customer's INVITE was taken.
    Begin,
    /// The agent's phone rings.
    Ringing,
    /// The agent's phone answered with this SDP.
    Answered(Vec<u8>),
    /// The agent's side refused, or the network did.
    Failed(u16),
    /// The customer's ACK; after a late offer with its SDP answer.
    Confirmed(Option<Vec<u8>>),
    /// A leg proposes a change of its media.
    Offer(Side, Option<Vec<u8>>),
    /// The other leg answered the relayed change; `Err` holds its refusal.
    Reanswered(Side, Result<Vec<u8>, u16>),
    /// A leg that had asked for an offer of ours answered it.
    LateAnswer(Side, Vec<u8>),
    /// A leg is over.
    Ended(Side),
    /// The customer pressed a key.
    Key(Key),
    /// The agent pressed a key on the phone.
    AgentKey(Key),
    /// A key was lost on the way: the field cannot be trusted.
    KeyLost,
    /// The first packet of the customer has reached the agent's port.
    Flowing,
    /// Nothing of the customer passes, and why; `None`: the line can be vouched for again.
    Health(Option<Unwell>),
    /// The independent ear has heard a key leave the secured line.
    Leaked,
    /// News of the attempt under way; with a bank's no, what may be kept of the card.
    Paid(AttemptId, Attempted, Option<Kept>),
    /// The time of [`Call::next_timeout`] has come.
    Timer,
    /// The operator wants the node empty.
    Shutdown,
}

/// What an agent asks of a call.
pub enum Command {
    /// Secure the line.
    Secure,
    /// Open the line again.
    Unsecure,
    /// Collect this amount for this account from a card that is keyed from its number on; what was
    /// kept of another is wiped.
    Collect {
        /// Id of the payment, should it be a new one.
        payment: PaymentId,
        /// The customer's account or invoice.
        account: String,
        /// How much.
        amount: Money,
        /// It is to be taken even where the same was taken a moment ago.
        confirmed: bool,
    },
    /// House number and postcode, typed.
    Address(Address),
    /// Ask for one field again; after a bank's no, for this field and the code of the same card, as
    /// far as the rest of it was kept.
    Reask(capture::Field),
    /// Take charge of a call that names no agent (Route 1).
    Claim(AgentId),
    /// Give more time.
    MoreTime,
    /// Count repeats of a key within a moment as one press, or no longer: for telephones that double
    /// their tones.
    SlowKeys(bool),
    /// Take the payment.
    Take(AttemptId),
    /// End the capture.
    Cancel,
    /// End the call.
    Hangup,
}

/// What is to be done.
pub enum Effect {
    /// Ring the customer's leg.
    Ring,
    /// Answer the customer's leg.
    Answer(Vec<u8>),
    /// Refuse the customer's leg.
    Reject(u16),
    /// Ring the agent's phone with this offer.
    Dial {
        /// The offer.
        offer: Vec<u8>,
        /// Ask the phone to answer by itself.
        auto_answer: bool,
    },
    /// End a leg.
    End(Side),
    /// Tell media what a leg settled on.
    Settle(Side, Settled),
    /// Secure or open the line.
    Secure(bool),
    /// Tell media that the customer is asked for keys, or no longer.
    Field(bool),
    /// Tell media to merge repeats of a key, or no longer.
    SlowKeys(bool),
    /// Relay a change to a leg.
    Reinvite(Side, Vec<u8>),
    /// Accept the change that a leg proposed.
    AcceptOffer(Side, Vec<u8>),
    /// Refuse it.
    RefuseOffer(Side, u16),
    /// Record the attempt, then take the payment.
    Authorise(Authorise),
    /// What people see has changed.
    Changed,
    /// The call is over: write its record and stop.
    Over(EndedWhy),
}

/// A payment to take.
pub struct Authorise {
    /// Our reference.
    pub attempt: AttemptId,
    /// The chain that it belongs to.
    pub payment: PaymentId,
    /// The customer's account or invoice.
    pub account: String,
    /// How much.
    pub amount: Money,
    /// It is to be taken even where the same was taken a moment ago.
    pub confirmed: bool,
    /// The card, on its only way out.
    pub card: Card,
}

/// What a call starts with.
pub struct Start {
    /// Its id.
    pub id: CallId,
    /// The tenant as it was when the call began.
    pub tenant: Arc<Tenant>,
    /// What is to be done with it.
    pub plan: Plan,
    /// Who calls.
    pub caller: String,
    /// The customer's offer; `None` asks for one of ours.
    pub offer: Option<Remote>,
    /// Where we take the customer's media.
    pub customer: Local,
    /// Where we take the agent's media.
    pub agent: Local,
    /// This month, for expiry dates.
    pub today: YearMonth,
}

/// The call.
pub struct Call {
    id: CallId,
    tenant: Arc<Tenant>,
    plan: Plan,
    caller: String,
    customer: Leg,
    agent: Leg,
    capture: Capture,
    pay: Pay,
    secured: bool,
    secured_ms: Option<u32>,
    unwell: Option<Unwell>,
    leaked: bool,
    slow_keys: bool,
    /// What media was told last of the field.
    field_told: bool,
    flowing: bool,
    keys: u32,
    code_matched: usize,
    relaying: Option<Side>,
    ring_backs: u8,
    ring_until: Option<Duration>,
    redial_at: Option<Duration>,
    began: Duration,
    ended: Option<EndedWhy>,
}

/// One leg as the call sees it.
struct Leg {
    state: LegState,
    local: Local,
    remote: Option<Remote>,
    settled: Option<Settled>,
}

impl Call {
    /// A call that waits for [`Input::Begin`].
    pub fn new(start: Start, now: Duration) -> Call {
        let leg = |local, remote| Leg { state: LegState::Down, local, remote, settled: None };
        Call {
            capture: Capture::new(&start.tenant.capture, start.today),
            id: start.id,
            tenant: start.tenant,
            plan: start.plan,
            caller: start.caller,
            customer: leg(start.customer, start.offer),
            agent: leg(start.agent, None),
            pay: Pay::default(),
            secured: false,
            secured_ms: None,
            unwell: None,
            leaked: false,
            slow_keys: false,
            field_told: false,
            flowing: false,
            keys: 0,
            code_matched: 0,
            relaying: None,
            ring_backs: 0,
            ring_until: None,
            redial_at: None,
            began: now,
            ended: None,
        }
    }

    /// Its id.
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// Its tenant.
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who calls.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// One step; `now` counts from an epoch of the caller's choice and is the same one throughout.
    pub fn step(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        if self.ended.is_some() {
            return self.after_the_end(input);
        }
        let effects = self.stepped(now, input);
        self.with_field(effects)
    }

    fn stepped(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        match input {
            Input::Begin => self.begin(now),
            Input::Ringing => self.ringing(),
            Input::Answered(sdp) => self.answered(&sdp),
            Input::Failed(code) => self.failed(now, code),
            Input::Confirmed(sdp) => self.confirmed(sdp.as_deref()),
            Input::Offer(side, sdp) => self.offered(side, sdp.as_deref()),
            Input::Reanswered(side, answer) => self.reanswered(side, answer),
            Input::LateAnswer(side, sdp) => self.late_answer(side, &sdp),
            Input::Ended(side) => self.leg_ended(side),
            Input::Key(key) => self.key(now, key),
            Input::AgentKey(key) => self.agent_key(now, &key),
            Input::KeyLost => self.key_lost(now),
            Input::Flowing => self.flows(now),
            Input::Health(unwell) => self.health(now, unwell),
            Input::Leaked => self.leak(now),
            Input::Paid(attempt, news, kept) => self.paid(now, &attempt, news, kept),
            Input::Timer => self.timer(now),
            Input::Shutdown => self.end_both(EndedWhy::Shutdown),
        }
    }

    /// An agent's wish; `Err` says in a code and words why it cannot be met now.
    pub fn command(&mut self, now: Duration, command: Command) -> Result<Vec<Effect>, Refused> {
        if self.ended.is_some() {
            return Err(Refused::CallOver);
        }
        let effects = match command {
            Command::Hangup => self.end_both(EndedWhy::AgentHungUp),
            Command::Secure => self.secure(now)?,
            Command::Unsecure => self.unsecure()?,
            Command::Claim(agent) => self.claim(agent)?,
            Command::SlowKeys(on) => self.merge_keys(on),
            other => self.pay_command(now, other)?,
        };
        Ok(self.with_field(effects))
    }

    /// When [`Input::Timer`] is due, if it is.
    pub fn next_timeout(&self) -> Option<Duration> {
        if self.ended.is_some() {
            return None;
        }
        let ends = Some(self.began + CALL_MAX);
        [self.capture.next_timeout(), self.ring_until, self.redial_at, ends].into_iter().flatten().min()
    }

    /// What people may see of it.
    pub fn view(&self) -> CallView {
        view::of(self)
    }

    fn timer(&mut self, now: Duration) -> Vec<Effect> {
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if now >= self.began + CALL_MAX {
            return self.end_both(EndedWhy::TooLong);
        }
        if due(self.redial_at) {
            self.redial_at = None;
            return self.dial(now);
        }
        if due(self.ring_until) {
            self.ring_until = None;
            let mut effects = vec![Effect::End(Side::Agent)];
            effects.extend(self.failed(now, 480));
            return effects;
        }
        match due(self.capture.next_timeout()) {
            true => {
                let effects = self.capture.step(now, capture::Input::Timer);
                self.captured(effects)
            }
            false => Vec::new(),
        }
    }

    fn flows(&mut self, now: Duration) -> Vec<Effect> {
        self.flowing = true;
        self.time_securing(now);
        vec![Effect::Changed]
    }

    fn time_securing(&mut self, now: Duration) {
        if self.secured && self.flowing && self.secured_ms.is_none() {
            self.secured_ms = Some(ms(now.saturating_sub(self.began)));
        }
    }

    /// Who speaks to the customer. A call has one agent: the screen that it is on follows from this.
    fn claim(&mut self, agent: AgentId) -> Result<Vec<Effect>, Refused> {
        match &self.plan.agent {
            Some(own) if *own == agent => Ok(Vec::new()),
            Some(_) => Err(Refused::NotYours),
            None => {
                self.plan.agent = Some(agent);
                Ok(vec![Effect::Changed])
            }
        }
    }

    fn secure(&mut self, now: Duration) -> Result<Vec<Effect>, Refused> {
        if self.agent.state != LegState::Up {
            return Err(Refused::NotConnected);
        }
        if self.secured {
            return Ok(Vec::new());
        }
        self.secured = true;
        self.time_securing(now);
        Ok(vec![Effect::Secure(true), Effect::Changed])
    }

    fn unsecure(&mut self) -> Result<Vec<Effect>, Refused> {
        if self.capture.is_open() {
            return Err(Refused::FieldOpen);
        }
        if !self.secured {
            return Ok(Vec::new());
        }
        // Route 2 rings the agent on a line that is secured already, and answers on one.
        if self.agent.state != LegState::Up {
            return Err(Refused::NotConnected);
        }
        self.secured = false;
        self.capture.forget_kept();
        Ok(vec![Effect::Secure(false), Effect::Changed])
    }

    /// After the end only the outcome of a payment under way still counts.
    fn after_the_end(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Paid(attempt, news, _) => self.pay.news(&attempt, news),
            Input::Offer(side, _) => vec![Effect::RefuseOffer(side, 481)],
            _ => Vec::new(),
        }
    }
}

fn ms(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// What the two legs may carry, in our order where the customer asks for our offer.
const BOTH_LAWS: [Law; 2] = [Law::A, Law::Mu];

/// Both ways unless somebody holds.
const OPEN: Direction = Direction::SendRecv;

/// Whether the agent is rung back.
fn rings_back(plan: &Plan) -> bool {
    plan.route == RouteKind::OnDemand
}
