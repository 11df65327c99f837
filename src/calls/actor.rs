//! The call: feeds the model, carries its effects out, and decides nothing.

use super::Surroundings;
use super::payment::{self, Job};
use super::registry::Entry;
use crate::metrics::CallMeter;
use actix::{
    Actor, ActorContext, AsyncContext, Context, Handler, Message, MessageResult, SpawnHandle, StreamHandler,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tonewall_model::call::{Attempted, Call, CallView, Command, Effect, EndedWhy, Input, Refused, Side};
use tonewall_model::card::Kept;
use tonewall_model::ids::AttemptId;
use tonewall_telephony::media::{self, KeysOf, MediaHandle, MediaNote};
use tonewall_telephony::sip::{Dial, Leg, LegError, LegEvent, Reply};
use tracing::{error, info, warn};

/// Messages that may wait for an actor. It empties them in microseconds: a full mailbox is a sick
/// call.
const MAILBOX_MAX: usize = 128;

/// A relayed change must be answered before the asker's own transaction ends (32 s).
const RELAY_MAX: Duration = Duration::from_secs(20);

/// A note of the media thread.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Noted(pub MediaNote);

/// News of an attempt, and what may be kept of its card.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Paid(pub AttemptId, pub Attempted, pub Option<Kept>);

/// A request for a sign of life.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Beat;

/// The end of the call, wanted by the operator.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Kill;

/// The answer of the other leg to a relayed change.
#[derive(Message)]
#[rtype(result = "()")]
struct Relayed(Side, Result<Vec<u8>, u16>);

/// An agent's wish.
#[derive(Message)]
#[rtype(result = "Result<CallView, Refused>")]
pub(super) struct Wish(pub Command);

/// What a leg brings, and which dial of that leg it was: what an earlier one still says counts no more.
struct OnLeg(Side, u32, LegEvent);

/// A fault to set off, so that tests can see it contained (feature `faults`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum Fault {
    /// The handler panics.
    Panic,
    /// A future that the actor spawned panics.
    PanicInFuture,
    /// The actor waits for ever.
    Hang,
    /// The handler blocks its thread for four seconds.
    Block,
    /// The next payment task panics after its attempt was recorded.
    PaymentPanic,
    /// A key is put into what leaves the secured line: the independent ear has to hear it.
    Leak,
}

/// One call.
pub struct CallActor {
    call: Call,
    around: Surroundings,
    entry: Arc<Entry>,
    customer: Leg,
    customer_events: Option<mpsc::Receiver<LegEvent>>,
    agent: Option<Leg>,
    dials: u32,
    media: Option<MediaHandle>,
    nat: (Option<std::net::IpAddr>, Option<std::net::IpAddr>),
    max_forwards: u8,
    replies: (Option<Reply>, Option<Reply>),
    epoch: Instant,
    timer: Option<SpawnHandle>,
    meter: CallMeter,
    #[cfg(feature = "faults")]
    payment_fault: bool,
}

/// What an actor is made of; all of it can cross to its thread.
pub(super) struct Parts {
    pub call: Call,
    pub around: Surroundings,
    pub entry: Arc<Entry>,
    pub events: mpsc::Receiver<LegEvent>,
    pub media: MediaHandle,
    pub nat: (Option<std::net::IpAddr>, Option<std::net::IpAddr>),
    pub max_forwards: u8,
    pub epoch: Instant,
}

impl CallActor {
    pub(super) fn new(parts: Parts) -> CallActor {
        CallActor {
            customer: parts.entry.customer.clone(),
            customer_events: Some(parts.events),
            agent: None,
            dials: 0,
            call: parts.call,
            meter: CallMeter::new(parts.around.metrics.clone()),
            around: parts.around,
            entry: parts.entry,
            media: Some(parts.media),
            nat: parts.nat,
            max_forwards: parts.max_forwards,
            replies: (None, None),
            epoch: parts.epoch,
            timer: None,
            #[cfg(feature = "faults")]
            payment_fault: false,
        }
    }

    fn feed(&mut self, input: Input, ctx: &mut Context<Self>) {
        let effects = self.call.step(self.epoch.elapsed(), input);
        self.carry_out(effects, ctx);
        self.entry.beat();
    }

    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            match effect {
                Effect::Ring => self.customer.ring(),
                Effect::Answer(sdp) => self.customer.answer(sdp),
                Effect::Reject(code) => self.customer.reject(code, None),
                Effect::Dial { offer, auto_answer } => self.dial(offer, auto_answer, ctx),
                Effect::End(side) => self.end(side),
                Effect::Settle(side, settled) => {
                    let nat = if side == Side::Customer { self.nat.0 } else { self.nat.1 };
                    let is_customer = side == Side::Customer;
                    if is_customer && self.entry.trail.lock().media_at(settled.rtp.ip()) {
                        self.around.registry.record(self.call.id(), &self.entry);
                    }
                    self.tell_media(ctx, |media| media.settle(media_side(side), settled, nat));
                }
                Effect::Secure(on) => {
                    self.entry.trail.lock().secure(on, OffsetDateTime::now_utc());
                    self.tell_media(ctx, |media| media.secure(on));
                }
                Effect::Field(open) => self.tell_media(ctx, |media| media.field(open)),
                Effect::SlowKeys(on) => self.tell_media(ctx, |media| media.slow_keys(on)),
                Effect::Reinvite(side, sdp) => self.reinvite(side, sdp, ctx),
                Effect::AcceptOffer(side, sdp) => {
                    if let Some(reply) = self.reply(side) {
                        self.around.runtime.spawn(reply.accept(Some(sdp)));
                    }
                }
                Effect::RefuseOffer(side, code) => {
                    if let Some(reply) = self.reply(side) {
                        self.around.runtime.spawn(reply.refuse(code));
                    }
                }
                Effect::Authorise(order) => self.authorise(order),
                Effect::Changed => self.publish(),
                Effect::Over(why) => self.over(why, ctx),
            }
        }
        self.set_timer(ctx);
    }

    fn publish(&mut self) {
        let view = self.call.view();
        self.meter.see(&view, Instant::now());
        self.entry.trail.lock().see(&view);
        self.entry.view.send_replace(view);
    }

    /// The media thread takes no orders: nothing can be said of the mask any more.
    fn tell_media(
        &mut self,
        ctx: &mut Context<Self>,
        order: impl FnOnce(&MediaHandle) -> Result<(), media::MediaError>,
    ) {
        if let Some(media) = &self.media
            && order(media).is_err()
        {
            warn!(call = %self.call.id(), "media does not take orders: the call is ended");
            media.control().shut();
            ctx.notify(Kill);
        }
    }

    fn dial(&mut self, offer: Vec<u8>, auto_answer: bool, ctx: &mut Context<Self>) {
        let plan = self.call.plan();
        let Some(trunk) = self.call.tenant().trunk(&plan.trunk) else {
            return self.feed(Input::Failed(503), ctx);
        };
        let dial = Dial {
            to: plan.extension.clone(),
            address: trunk.address,
            tcp: trunk.transport == tonewall_model::tenant::Transport::Tcp,
            from: self.call.caller().to_owned(),
            offer,
            credential: trunk.credential.as_ref().map(|c| (c.username.clone(), c.password.expose().clone())),
            max_forwards: self.max_forwards,
            auto_answer,
        };
        let entered = self.around.runtime.enter();
        let placed = self.around.sip.dial(dial);
        drop(entered);
        match placed {
            Ok((leg, events)) => {
                if let Some(media) = &self.media {
                    media.listen_to(media::Side::Agent, leg.info());
                }
                self.entry.agent.store(Some(Arc::new(leg.clone())));
                self.agent = Some(leg);
                self.dials += 1;
                ctx.add_stream(on_leg(Side::Agent, self.dials, events));
            }
            Err(_) => self.feed(Input::Failed(404), ctx),
        }
    }

    fn leg(&self, side: Side) -> Option<&Leg> {
        match side {
            Side::Customer => Some(&self.customer),
            Side::Agent => self.agent.as_ref(),
        }
    }

    fn end(&self, side: Side) {
        if let Some(leg) = self.leg(side).cloned() {
            self.around.runtime.spawn(async move { leg.end(480).await });
        }
    }

    fn reply(&mut self, side: Side) -> Option<Reply> {
        match side {
            Side::Customer => self.replies.0.take(),
            Side::Agent => self.replies.1.take(),
        }
    }

    fn reinvite(&self, side: Side, sdp: Vec<u8>, ctx: &mut Context<Self>) {
        let (Some(leg), address) = (self.leg(side).cloned(), ctx.address()) else { return };
        self.around.runtime.spawn(async move {
            let answer = match tokio::time::timeout(RELAY_MAX, leg.reinvite(sdp)).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(LegError::Refused(code))) => Err(code),
                Ok(Err(LegError::NotNow)) => Err(491),
                Ok(Err(LegError::Lost)) | Err(_) => Err(504),
            };
            let _ = address.try_send(Relayed(side, answer));
        });
    }

    fn authorise(&mut self, order: tonewall_model::call::Authorise) {
        let job = Job {
            order,
            call: self.call.id().clone(),
            agent: self.call.plan().agent.clone(),
            extension: self.call.plan().extension.clone(),
            tenant: Arc::clone(self.call.tenant()),
            #[cfg(feature = "faults")]
            panic_after_recording: std::mem::take(&mut self.payment_fault),
        };
        payment::start(&self.around, job);
    }

    fn over(&mut self, why: EndedWhy, ctx: &mut Context<Self>) {
        self.publish();
        // What media saw goes into the evidence, so the end is told before media is closed.
        self.around.registry.ended(self.call.id(), why);
        if let Some(media) = self.media.take() {
            let counts = media.control().counts();
            info!(call = %self.call.id(), ?counts, "media of the call");
            media.close();
        }
        ctx.stop();
    }

    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        if let Some(at) = self.call.next_timeout() {
            let wait = at.saturating_sub(self.epoch.elapsed());
            self.timer = Some(ctx.run_later(wait, |actor, ctx| {
                actor.timer = None;
                actor.feed(Input::Timer, ctx);
            }));
        }
    }

    fn drain_keys(&mut self, of: KeysOf, ctx: &mut Context<Self>) {
        while let Some(key) = self.media.as_ref().and_then(|media| media.take_key(of)) {
            let input = match of {
                KeysOf::Customer => Input::Key(key),
                KeysOf::Agent => Input::AgentKey(key),
            };
            self.feed(input, ctx);
        }
    }
}

fn media_side(side: Side) -> media::Side {
    match side {
        Side::Customer => media::Side::Customer,
        Side::Agent => media::Side::Agent,
    }
}

fn on_leg(
    side: Side,
    dial: u32,
    events: mpsc::Receiver<LegEvent>,
) -> impl futures_util::Stream<Item = OnLeg> {
    futures_util::stream::unfold(events, move |mut events| async move {
        events.recv().await.map(|event| (OnLeg(side, dial, event), events))
    })
}

impl Actor for CallActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MAX);
        if let Some(media) = &self.media {
            media.listen_to(media::Side::Customer, self.customer.info());
        }
        if let Some(events) = self.customer_events.take() {
            ctx.add_stream(on_leg(Side::Customer, 0, events));
        }
        self.feed(Input::Begin, ctx);
    }
}

impl StreamHandler<OnLeg> for CallActor {
    fn handle(&mut self, OnLeg(side, dial, event): OnLeg, ctx: &mut Self::Context) {
        if side == Side::Agent && dial != self.dials {
            return;
        }
        let input = match (side, event) {
            (Side::Agent, LegEvent::Ringing) => Input::Ringing,
            (Side::Agent, LegEvent::Answered(sdp)) => Input::Answered(sdp),
            (Side::Agent, LegEvent::Failed(code)) => Input::Failed(code),
            (Side::Customer, LegEvent::Confirmed(sdp)) => Input::Confirmed(sdp),
            (side, LegEvent::Offer(sdp, reply)) => {
                let slot = match side {
                    Side::Customer => &mut self.replies.0,
                    Side::Agent => &mut self.replies.1,
                };
                // One change at a time: the one under way keeps its answer (RFC 3261 §14.2).
                if slot.is_some() {
                    self.around.runtime.spawn(reply.refuse(500));
                    return;
                }
                *slot = Some(reply);
                Input::Offer(side, sdp)
            }
            (side, LegEvent::LateAnswer(sdp)) => Input::LateAnswer(side, sdp),
            (side, LegEvent::Ended(_)) => Input::Ended(side),
            (Side::Customer, LegEvent::Failed(_)) => Input::Ended(Side::Customer),
            (Side::Customer, LegEvent::Ringing | LegEvent::Answered(_))
            | (Side::Agent, LegEvent::Confirmed(_)) => return,
        };
        self.feed(input, ctx);
    }

    /// A leg's stream ends with its dialog; the actor goes on.
    fn finished(&mut self, _ctx: &mut Self::Context) {}
}

impl Handler<Noted> for CallActor {
    type Result = ();

    fn handle(&mut self, Noted(note): Noted, ctx: &mut Self::Context) {
        match note {
            MediaNote::CustomerKey(arrived) => {
                self.drain_keys(KeysOf::Customer, ctx);
                self.around.metrics.key_shown(arrived.elapsed());
            }
            MediaNote::AgentKey => self.drain_keys(KeysOf::Agent, ctx),
            MediaNote::KeyLost => {
                self.drain_keys(KeysOf::Customer, ctx);
                self.feed(Input::KeyLost, ctx);
            }
            MediaNote::Flowing => self.feed(Input::Flowing, ctx),
            MediaNote::Health(unwell) => {
                // Keys from before it are in the ring still, and count.
                self.drain_keys(KeysOf::Customer, ctx);
                if let Some(why) = unwell {
                    warn!(call = %self.call.id(), why = why.as_str(), "the line is not clear");
                }
                self.feed(Input::Health(unwell), ctx);
            }
            MediaNote::Leaked => {
                error!(call = %self.call.id(), "a key was heard leaving the secured line");
                self.feed(Input::Leaked, ctx);
            }
        }
    }
}

impl Handler<Paid> for CallActor {
    type Result = ();

    fn handle(&mut self, Paid(attempt, news, kept): Paid, ctx: &mut Self::Context) {
        self.feed(Input::Paid(attempt, news, kept), ctx);
    }
}

impl Handler<Relayed> for CallActor {
    type Result = ();

    fn handle(&mut self, Relayed(side, answer): Relayed, ctx: &mut Self::Context) {
        self.feed(Input::Reanswered(side, answer), ctx);
    }
}

impl Handler<Beat> for CallActor {
    type Result = ();

    fn handle(&mut self, _: Beat, _ctx: &mut Self::Context) {
        self.entry.beat();
    }
}

impl Handler<Kill> for CallActor {
    type Result = ();

    fn handle(&mut self, _: Kill, ctx: &mut Self::Context) {
        self.feed(Input::Shutdown, ctx);
    }
}

impl Handler<Wish> for CallActor {
    type Result = MessageResult<Wish>;

    fn handle(&mut self, Wish(command): Wish, ctx: &mut Self::Context) -> Self::Result {
        let done = self.call.command(self.epoch.elapsed(), command);
        self.entry.beat();
        MessageResult(match done {
            Ok(effects) => {
                self.carry_out(effects, ctx);
                Ok(self.call.view())
            }
            Err(refused) => Err(refused),
        })
    }
}

impl Handler<Fault> for CallActor {
    type Result = ();

    #[cfg(not(feature = "faults"))]
    fn handle(&mut self, _: Fault, _: &mut Self::Context) {}

    #[cfg(feature = "faults")]
    fn handle(&mut self, fault: Fault, ctx: &mut Self::Context) {
        use actix::WrapFuture;
        match fault {
            Fault::Panic => panic!("fault set off by a test"),
            Fault::PanicInFuture => {
                ctx.spawn(async { panic!("fault set off by a test") }.into_actor(self));
            }
            Fault::Hang => ctx.wait(std::future::pending::<()>().into_actor(self)),
            Fault::Block => {
                let end = Instant::now() + Duration::from_secs(4);
                while Instant::now() < end {
                    std::hint::spin_loop();
                }
            }
            Fault::PaymentPanic => self.payment_fault = true,
            Fault::Leak => self.tell_media(ctx, MediaHandle::plant_leak),
        }
    }
}
