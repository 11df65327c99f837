//! One simulated call, driven step by step.

use std::time::{Duration, Instant};

use crate::api::{ApiError, CallView, Follower};
use crate::g711::Law;
use crate::judge::{Evidence, Heard};
use crate::latency::onsets;
use crate::leg::{SipError, SipKey};
use crate::party::{Keys, Party, PressError};
use crate::peer::MediaPeer;
use crate::rng::Rng;
use crate::sdp::{Direction, Sdp};
use crate::stage::Stage;
use crate::ua::Invite;
use crate::voice::{Format, Press, Talk};

/// Longest wait for a step that needs no person.
pub const STEP_MAX: Duration = Duration::from_secs(10);
/// Longest wait for the outcome of a payment.
pub const OUTCOME_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(40);

/// What a customer does.
#[derive(Clone, Debug, PartialEq)]
pub struct CallPlan {
    /// User of the Request-URI: the tenant's number, or the speed dial with the agent's PIN.
    pub dial: String,
    /// The customer's number, E.164.
    pub caller: String,
    /// Whether the agent has to secure the line by the API (in path), or it is secured from the first packet.
    pub secure_by_api: bool,
    /// How the phone reports keys.
    pub keys: Keys,
    /// How keys are pressed.
    pub press: Press,
    /// Pressed after every field; `None` for nothing.
    pub terminator: Option<char>,
    /// Preferred law; the other one is offered too.
    pub law: Law,
    /// Payload type of telephone-event in the offer.
    pub event_payload_type: Option<u8>,
    /// Further header fields of the INVITE.
    pub headers: Vec<(String, String)>,
}

impl Default for CallPlan {
    fn default() -> Self {
        Self {
            dial: String::new(),
            caller: "+447700900123".into(),
            secure_by_api: false,
            keys: Keys::InBand,
            press: Press::default(),
            terminator: Some('*'),
            law: Law::A,
            event_payload_type: Some(101),
            headers: Vec::new(),
        }
    }
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// No media port.
    Socket(std::io::ErrorKind),
    /// SIP on the customer's leg.
    Customer(SipError),
    /// The agent's phone did not ring in time.
    AgentNotCalled,
    /// SIP on the agent's leg.
    Agent(SipError),
    /// The API does not show the call.
    NotListed,
    /// The API refused or failed.
    Api(ApiError),
    /// The API's view did not become what was waited for.
    Stuck {
        /// What was waited for.
        waited_for: &'static str,
        /// State of the call, of the keying with its field, and of the payment, at the deadline.
        was: String,
    },
    /// No audio of the customer at the agent's port.
    NoAudio,
    /// Keys.
    Press(PressError),
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CallError::Socket(kind) => write!(f, "no media port: {kind}"),
            CallError::Customer(error) => write!(f, "customer's leg: {error}"),
            CallError::AgentNotCalled => write!(f, "the agent's phone did not ring"),
            CallError::Agent(error) => write!(f, "agent's leg: {error}"),
            CallError::NotListed => write!(f, "the API does not show the call"),
            CallError::Api(error) => write!(f, "API: {error}"),
            CallError::Stuck { waited_for, was } => write!(f, "waited for {waited_for}, was {was}"),
            CallError::NoAudio => write!(f, "no audio reached the agent"),
            CallError::Press(error) => write!(f, "keys: {error}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<ApiError> for CallError {
    fn from(error: ApiError) -> Self {
        CallError::Api(error)
    }
}

impl From<PressError> for CallError {
    fn from(error: PressError) -> Self {
        CallError::Press(error)
    }
}

/// A call under way. Dropping it closes its media; hang up first.
pub struct SimCall<'a> {
    stage: &'a Stage,
    plan: CallPlan,
    customer: Party,
    agent: Option<Party>,
    follower: Option<Follower>,
    secure_command_ms: Option<f64>,
}

impl<'a> SimCall<'a> {
    /// Sends the INVITE and returns; the customer speaks as soon as the call is answered.
    pub fn start(stage: &'a Stage, plan: CallPlan) -> Result<Self, CallError> {
        let ua = stage.carrier_ua();
        let seed = Rng::named(stage.config.seed, &format!("customer {}", stage.next_call())).bits();
        let format = Format { law: plan.law, event_payload_type: plan.event_payload_type };
        let peer = MediaPeer::bind(&stage.media, ua.addr().ip(), seed, format, Talk::Speech);
        let mut peer = peer.map_err(|error| CallError::Socket(error.kind()))?;
        let other = if plan.law == Law::A { Law::Mu } else { Law::A };
        let offer = Sdp {
            rtp: peer.rtp(),
            laws: vec![plan.law, other],
            event_payload_type: plan.event_payload_type,
            direction: Direction::SendRecv,
        };
        let leg = ua.invite(Invite {
            to: stage.config.sip,
            dial: plan.dial.clone(),
            caller: plan.caller.clone(),
            offer,
            headers: plan.headers.clone(),
        });
        peer.follow(leg.remote_sdp());
        let customer = Party { leg, peer };
        Ok(Self { stage, plan, customer, agent: None, follower: None, secure_command_ms: None })
    }

    /// The plan.
    pub fn plan(&self) -> &CallPlan {
        &self.plan
    }

    /// The customer's phone.
    pub fn customer(&self) -> &Party {
        &self.customer
    }

    /// The agent's phone, once it has rung and was waited for.
    pub fn agent(&self) -> Option<&Party> {
        self.agent.as_ref()
    }

    /// Waits until the customer's call is answered.
    pub async fn wait_answered(&self, within: Duration) -> Result<(), CallError> {
        self.customer.leg.wait_up(within).await.map_err(CallError::Customer)
    }

    /// Waits until the agent's phone has rung and been answered.
    pub async fn wait_agent(&mut self, within: Duration) -> Result<(), CallError> {
        if self.agent.is_none() {
            self.agent = Some(self.claim_agent(within).await?);
        }
        match &self.agent {
            Some(agent) => agent.leg.wait_up(within).await.map_err(CallError::Agent),
            None => Err(CallError::AgentNotCalled),
        }
    }

    /// Waits until the agent's phone rings; it need not be answered.
    pub async fn wait_ringing(&mut self, within: Duration) -> Result<(), CallError> {
        if self.agent.is_none() {
            self.agent = Some(self.claim_agent(within).await?);
        }
        Ok(())
    }

    /// Waits for the agent's phone, but not longer than the customer's call lives.
    async fn claim_agent(&self, within: Duration) -> Result<Party, CallError> {
        tokio::select! {
            party = self.stage.agents.claim(&self.plan.caller, within) => party.ok_or(CallError::AgentNotCalled),
            Some(end) = self.customer.leg.wait_end(within) => Err(CallError::Customer(SipError::Ended(end))),
        }
    }

    /// Waits until both are on the line, the line is secured (by command, if the plan says so), and the customer's
    /// audio reaches the agent.
    pub async fn wait_secured(&mut self) -> Result<CallView, CallError> {
        self.wait_agent(STEP_MAX).await?;
        self.wait_answered(STEP_MAX).await?;
        self.find(STEP_MAX).await?;
        if self.plan.secure_by_api {
            self.secure().await?;
        }
        let view = self.wait_view("a secured line", STEP_MAX, |view| view.secured).await?;
        self.wait_audio(STEP_MAX).await?;
        Ok(view)
    }

    /// Waits for ten packets at the agent's port.
    pub async fn wait_audio(&self, within: Duration) -> Result<(), CallError> {
        let agent = self.agent.as_ref().ok_or(CallError::AgentNotCalled)?;
        let missing = 10u64.saturating_sub(agent.peer.received_count());
        if agent.peer.wait_packets(missing, within).await { Ok(()) } else { Err(CallError::NoAudio) }
    }

    /// Finds the call in the API by the customer's number and follows it from then on.
    pub async fn find(&mut self, within: Duration) -> Result<CallView, CallError> {
        if let Some(follower) = &self.follower {
            return Ok(follower.view());
        }
        let deadline = Instant::now() + within;
        loop {
            let mut last = CallError::NotListed;
            match self.stage.api.live_calls(&self.plan.caller).await {
                Ok(calls) => {
                    if let Some(view) = calls.into_iter().next() {
                        self.follower = Some(self.stage.api.follow(view.clone()));
                        return Ok(view);
                    }
                }
                Err(error) => last = CallError::Api(error),
            }
            if Instant::now() >= deadline {
                return Err(last);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The last known view, once [`SimCall::find`] has succeeded.
    pub fn view(&self) -> Option<CallView> {
        self.follower.as_ref().map(Follower::view)
    }

    /// Every view from now on, once [`SimCall::find`] has succeeded; a slow reader sees the last one only.
    pub fn views(&self) -> Result<tokio::sync::watch::Receiver<CallView>, CallError> {
        self.follower.as_ref().map(Follower::views).ok_or(CallError::NotListed)
    }

    /// Attempts that were declined or rejected so far, as the event stream showed.
    pub fn declines(&self) -> usize {
        self.follower.as_ref().map_or(0, Follower::declines)
    }

    /// The product's id of the call.
    pub fn id(&self) -> Result<String, CallError> {
        self.view().map(|view| view.id).ok_or(CallError::NotListed)
    }

    /// Waits until the API's view satisfies `wanted`.
    pub async fn wait_view(
        &self,
        waited_for: &'static str,
        within: Duration,
        wanted: impl Fn(&CallView) -> bool,
    ) -> Result<CallView, CallError> {
        let follower = self.follower.as_ref().ok_or(CallError::NotListed)?;
        follower
            .wait(within, wanted)
            .await
            .map_err(|view| CallError::Stuck { waited_for, was: sketch(&view) })
    }

    /// Secures the line by the API and keeps the time from the command to the secured view.
    pub async fn secure(&mut self) -> Result<CallView, CallError> {
        let started = Instant::now();
        let id = self.id()?;
        self.stage.api.command(&id, "secure").await?;
        let view = self.wait_view("a secured line", STEP_MAX, |view| view.secured).await?;
        self.secure_command_ms = Some(started.elapsed().as_secs_f64() * 1_000.0);
        Ok(view)
    }

    /// Milliseconds from the last secure command to the secured view.
    pub fn secure_command_ms(&self) -> Option<f64> {
        self.secure_command_ms
    }

    /// A command of this call; see [`crate::api::Api::command`].
    pub async fn command(&self, command: &str) -> Result<CallView, CallError> {
        Ok(self.stage.api.command(&self.id()?, command).await?)
    }

    /// Opens a payment and waits for the first field.
    pub async fn open_payment(
        &self,
        account: &str,
        amount_minor: i64,
        currency: &str,
    ) -> Result<CallView, CallError> {
        self.stage.api.payment(&self.id()?, account, amount_minor, currency).await?;
        self.wait_view("an open field", STEP_MAX, |view| view.capture.state == "open").await
    }

    /// Presses keys as the plan says, whatever is open.
    pub async fn press(&self, keys: &str) -> Result<(), CallError> {
        Ok(self.customer.press(keys, self.plan.keys, &self.plan.press).await?)
    }

    /// Waits until `field` is open, keys `digits` and the terminator, and waits until the product has moved on:
    /// another field, the end of the capture, or a problem with this one.
    pub async fn key_field(&self, field: &str, digits: &str) -> Result<CallView, CallError> {
        let before = self.wait_field(field).await?;
        self.press(digits).await?;
        self.finish_field(field, &before).await
    }

    /// Waits until `field` is open.
    pub async fn wait_field(&self, field: &str) -> Result<CallView, CallError> {
        self.wait_view("an open field", STEP_MAX, |view| is_open(view, field)).await
    }

    /// Presses the terminator after the digits of `field`, and waits until the product has moved on since `before`.
    pub async fn finish_field(&self, field: &str, before: &CallView) -> Result<CallView, CallError> {
        if let Some(key) = self.plan.terminator {
            self.press(&key.to_string()).await?;
        }
        let refused = |view: &CallView| {
            view.capture.problem.is_some() && view.capture.tries_left != before.capture.tries_left
        };
        self.wait_view("the end of a field", STEP_MAX, |view| !is_open(view, field) || refused(view)).await
    }

    /// Gives the address by the API.
    pub async fn address(&self, house_number: &str, postcode: &str) -> Result<CallView, CallError> {
        Ok(self.stage.api.address(&self.id()?, house_number, postcode).await?)
    }

    /// Takes the payment; the keying has to be complete.
    pub async fn take(&self) -> Result<CallView, CallError> {
        self.wait_view("a complete card", STEP_MAX, |view| view.capture.state == "complete").await?;
        self.command("take").await
    }

    /// Waits for the outcome of the payment.
    pub async fn wait_outcome(&self) -> Result<CallView, CallError> {
        self.wait_view("an outcome", OUTCOME_MAX, |view| view.payment.is_final()).await
    }

    /// Packets that the agent heard in the last `window` (customer → agent).
    pub fn agent_hears(&self, window: Duration) -> usize {
        self.agent.as_ref().map_or(0, |agent| agent.hears(window))
    }

    /// Packets that the customer heard in the last `window` (agent → customer).
    pub fn customer_hears(&self, window: Duration) -> usize {
        self.customer.hears(window)
    }

    /// What a verdict rests on, as it stands now.
    pub fn evidence(&self) -> Evidence {
        let keyed = self.customer.peer.keyed();
        let sip_key = |key: char| SipKey { at: Instant::now(), keys: key.to_string() };
        let event_types = |party: &Party| {
            let local = party.leg.local_sdp().and_then(|sdp| sdp.event_payload_type);
            local.into_iter().chain(party.peer.format().event_payload_type).collect()
        };
        Evidence {
            invited_at: self.customer.leg.started(),
            sent: self.customer.peer.sent(),
            sip_keys_sent: keyed
                .iter()
                .filter(|press| press.carrier.is_none())
                .map(|press| sip_key(press.key))
                .collect(),
            keyed,
            received: self.agent.as_ref().map(|agent| agent.peer.received()).unwrap_or_default(),
            counts: self.follower.as_ref().map(Follower::counts).unwrap_or_default(),
            sip_keys_received: self.agent.as_ref().map(|agent| agent.leg.keys_heard()).unwrap_or_default(),
            customer_event_types: event_types(&self.customer),
            agent_event_types: self.agent.as_ref().map(event_types).unwrap_or_default(),
        }
    }

    /// When each press so far began: its first packet's sending; see [`crate::latency::onsets`].
    pub fn onsets(&self) -> Vec<Option<Instant>> {
        onsets(&self.customer.peer.sent().packets, &self.customer.peer.keyed())
    }

    /// Listens to everything so far. Takes processor time: about a second for a minute of call in a debug build.
    pub fn hear(&self) -> Heard {
        self.evidence().judge()
    }

    /// The customer hangs up; waits until the agent's leg has ended too.
    pub async fn hangup(&self) -> Result<(), CallError> {
        self.customer.leg.hangup().await.map_err(CallError::Customer)?;
        let Some(agent) = &self.agent else { return Ok(()) };
        match agent.leg.wait_end(STEP_MAX).await {
            Some(_) => Ok(()),
            None => Err(CallError::Agent(SipError::TimedOut)),
        }
    }

    /// The agent hangs up; waits until the customer's leg has ended too.
    pub async fn agent_hangup(&self) -> Result<(), CallError> {
        let agent = self.agent.as_ref().ok_or(CallError::AgentNotCalled)?;
        agent.leg.hangup().await.map_err(CallError::Agent)?;
        match self.customer.leg.wait_end(STEP_MAX).await {
            Some(_) => Ok(()),
            None => Err(CallError::Customer(SipError::TimedOut)),
        }
    }
}

fn is_open(view: &CallView, field: &str) -> bool {
    view.capture.state == "open" && view.capture.field.as_deref() == Some(field)
}

/// What an error may say about a view: states only.
fn sketch(view: &CallView) -> String {
    let capture = &view.capture;
    format!(
        "call {}, secured {}, capture {} {} problem {}, payment {}",
        view.state,
        view.secured,
        capture.state,
        capture.field.as_deref().unwrap_or("-"),
        capture.problem.as_deref().unwrap_or("-"),
        view.payment.state
    )
}
