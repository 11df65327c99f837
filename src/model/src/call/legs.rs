//! The two dialogs of a call: who is rung, answered, changed and ended when.

use super::{
    BOTH_LAWS, Call, Effect, EndedWhy, OPEN, RING_BACK_MAX, RING_BACK_PAUSE, RING_BACK_TRIES, RING_MAX, Side,
    rings_back,
};
use crate::dtmf::Law;
use crate::sdp::{self, Direction, Remote, Settled};
use std::time::Duration;

/// Where a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegState {
    /// Nothing yet.
    Down,
    /// INVITE out (agent) or in (customer), no answer yet.
    Early,
    /// Answered.
    Up,
    /// Over.
    Over,
}

impl Call {
    pub(super) fn begin(&mut self, now: Duration) -> Vec<Effect> {
        if self.customer.state != LegState::Down {
            return Vec::new();
        }
        self.customer.state = LegState::Early;
        let mut effects = Vec::new();
        if rings_back(&self.plan) {
            // The PBX waits for our 200 to complete the transfer and free the agent's phone. Muted
            // from the first packet: the agent's leg is only ever rung on a secured line.
            self.secured = true;
            effects.push(Effect::Secure(true));
            effects.extend(self.answer_customer(None));
        }
        effects.extend(self.dial(now));
        effects.push(Effect::Changed);
        effects
    }

    /// Rings the agent's phone with the laws that the customer's leg can still speak.
    pub(super) fn dial(&mut self, now: Duration) -> Vec<Effect> {
        self.agent.state = LegState::Early;
        let auto_answer = rings_back(&self.plan);
        self.ring_backs = self.ring_backs.saturating_add(1);
        self.ring_until = Some(now + if auto_answer { RING_BACK_MAX } else { RING_MAX });
        let offer = sdp::offer(self.agent.local, &self.common_laws(), OPEN);
        self.agent.local.version += 1;
        vec![Effect::Dial { offer, auto_answer }]
    }

    fn common_laws(&self) -> Vec<Law> {
        match (&self.customer.settled, &self.customer.remote) {
            (Some(settled), _) => vec![settled.law],
            (None, Some(remote)) => {
                let mut laws: Vec<Law> = Vec::new();
                for (_, law) in &remote.audio {
                    if !laws.contains(law) {
                        laws.push(*law);
                    }
                }
                laws
            }
            (None, None) => BOTH_LAWS.to_vec(),
        }
    }

    pub(super) fn ringing(&mut self) -> Vec<Effect> {
        match self.customer.state {
            LegState::Early => vec![Effect::Ring, Effect::Changed],
            _ => Vec::new(),
        }
    }

    pub(super) fn answered(&mut self, answer: &[u8]) -> Vec<Effect> {
        match self.agent.state {
            LegState::Early => {}
            // It crossed our CANCEL.
            LegState::Down => return vec![Effect::End(Side::Agent)],
            // Of a leg that we gave up before: ending "the agent's" now would end the good one.
            LegState::Up | LegState::Over => return Vec::new(),
        }
        let fitting = sdp::read(answer).ok().and_then(|remote| Some((self.common_law(&remote)?, remote)));
        let Some((law, remote)) = fitting else {
            let mut effects = vec![Effect::End(Side::Agent)];
            effects.extend(self.give_up(488, EndedWhy::NoCommonCodec));
            return effects;
        };
        (self.ring_until, self.agent.state) = (None, LegState::Up);
        let settled = remote.settle_answer(Some(law));
        (self.agent.remote, self.agent.settled) = (Some(remote), Some(settled));
        let mut effects = vec![Effect::Settle(Side::Agent, settled)];
        if self.customer.state == LegState::Early {
            effects.extend(self.answer_customer(Some(settled.law)));
        }
        effects.push(Effect::Changed);
        effects
    }

    /// The law that the agent's side likes best of those that the customer's leg has.
    fn common_law(&self, remote: &Remote) -> Option<Law> {
        let laws = self.common_laws();
        remote.audio.iter().map(|(_, law)| *law).find(|law| laws.contains(law))
    }

    /// 200 to the customer: the answer to its offer, or our offer where it made none.
    fn answer_customer(&mut self, law: Option<Law>) -> Vec<Effect> {
        self.customer.state = LegState::Up;
        let local = self.customer.local;
        self.customer.local.version += 1;
        let Some(remote) = &self.customer.remote else {
            let laws = law.map_or_else(|| BOTH_LAWS.to_vec(), |law| vec![law]);
            return vec![Effect::Answer(sdp::offer(local, &laws, OPEN))];
        };
        let settled = remote.settle(law);
        let answer = sdp::answer(local, remote, &settled, remote.direction.mirrored());
        self.customer.settled = Some(settled);
        vec![Effect::Settle(Side::Customer, settled), Effect::Answer(answer)]
    }

    /// The customer's ACK: after a late offer it holds the answer.
    pub(super) fn confirmed(&mut self, answer: Option<&[u8]>) -> Vec<Effect> {
        if self.customer.state != LegState::Up || self.customer.settled.is_some() {
            return Vec::new();
        }
        let wanted = self.agent.settled.map(|settled| settled.law);
        match answer.map(sdp::read) {
            Some(Ok(remote)) if wanted.is_none_or(|law| remote.audio.iter().any(|(_, own)| *own == law)) => {
                let settled = remote.settle_answer(wanted);
                (self.customer.remote, self.customer.settled) = (Some(remote), Some(settled));
                vec![Effect::Settle(Side::Customer, settled), Effect::Changed]
            }
            _ => self.end_both(EndedWhy::NoCommonCodec),
        }
    }

    /// The answer to an offer of ours that a leg had asked for: its media may have moved. What cannot
    /// be used leaves the session as it was (RFC 3264 §8).
    pub(super) fn late_answer(&mut self, side: Side, answer: &[u8]) -> Vec<Effect> {
        let leg = self.leg_mut(side);
        let (LegState::Up, Some(own)) = (leg.state, leg.settled) else { return Vec::new() };
        let Ok(remote) = sdp::read(answer) else { return Vec::new() };
        if !remote.audio.iter().any(|(_, law)| *law == own.law) {
            return Vec::new();
        }
        let settled = remote.settle_answer(Some(own.law));
        (leg.remote, leg.settled) = (Some(remote), Some(settled));
        vec![Effect::Settle(side, settled), Effect::Changed]
    }

    /// The agent's side refused or stayed silent.
    pub(super) fn failed(&mut self, now: Duration, code: u16) -> Vec<Effect> {
        if self.agent.state != LegState::Early {
            return Vec::new();
        }
        (self.agent.state, self.ring_until) = (LegState::Down, None);
        let transient = matches!(code, 408 | 480 | 486 | 487 | 491 | 503);
        if rings_back(&self.plan) && transient && self.ring_backs < RING_BACK_TRIES {
            self.redial_at = Some(now + RING_BACK_PAUSE);
            return vec![Effect::Changed];
        }
        self.give_up(passed_on(code), EndedWhy::AgentUnreachable)
    }

    fn give_up(&mut self, code: u16, why: EndedWhy) -> Vec<Effect> {
        let effect = match self.customer.state {
            LegState::Early => Effect::Reject(code),
            _ => Effect::End(Side::Customer),
        };
        self.agent.state = LegState::Over;
        self.customer.state = LegState::Over;
        let mut effects = vec![effect];
        effects.extend(self.over(why));
        effects
    }

    /// A change from one leg is relayed to the other, whose answer decides.
    pub(super) fn offered(&mut self, side: Side, offer: Option<&[u8]>) -> Vec<Effect> {
        if let Some(code) = self.not_now(side) {
            return vec![Effect::RefuseOffer(side, code)];
        }
        let Some(offer) = offer else { return self.offer_of_ours(side) };
        let remote = match sdp::read(offer) {
            Ok(remote) => remote,
            Err(why) => return vec![Effect::RefuseOffer(side, why.status())],
        };
        let law = self.leg(side).settled.map(|settled| settled.law);
        if law.is_some_and(|law| !remote.audio.iter().any(|(_, own)| *own == law)) {
            return vec![Effect::RefuseOffer(side, 488)];
        }
        let direction = remote.direction;
        self.leg_mut(side).remote = Some(remote);
        let other = side.other();
        if self.leg(other).state != LegState::Up {
            return self.accept_change(side, direction.mirrored());
        }
        self.relaying = Some(side);
        let laws: Vec<Law> = law.into_iter().collect();
        let leg = self.leg_mut(other);
        let relayed = sdp::offer(leg.local, &laws, direction);
        leg.local.version += 1;
        vec![Effect::Reinvite(other, relayed)]
    }

    /// Why an offer of this leg has to wait, as a status: 491 while an offer of ours is out, 500
    /// while one of theirs is unanswered (RFC 3311 §5.2), 481 where there is no dialog.
    fn not_now(&self, side: Side) -> Option<u16> {
        let unconfirmed = |leg: &super::Leg| leg.state == LegState::Up && leg.settled.is_none();
        match (self.leg(side).state, side) {
            (LegState::Down | LegState::Over, _) => Some(481),
            (LegState::Early, Side::Customer) => Some(500),
            (LegState::Early, Side::Agent) => Some(491),
            // A relayed change must wait for the ACK of a late offer too: it may hold the law.
            (LegState::Up, _) => (self.relaying.is_some() || unconfirmed(&self.customer)).then_some(491),
        }
    }

    /// `side` answered what we relayed to it, or refused.
    pub(super) fn reanswered(&mut self, side: Side, answer: Result<Vec<u8>, u16>) -> Vec<Effect> {
        let Some(asker) = self.relaying.take_if(|asker| *asker == side.other()) else { return Vec::new() };
        let wanted = self.leg(side).settled.map(|settled| settled.law);
        let speaks =
            |remote: &Remote| wanted.is_none_or(|law| remote.audio.iter().any(|(_, own)| *own == law));
        let remote = match answer.map(|sdp| sdp::read(&sdp)) {
            Ok(Ok(remote)) if speaks(&remote) => remote,
            // Nothing is transcoded: another law than the one that was offered helps nobody.
            Ok(_) => return vec![Effect::RefuseOffer(asker, 488)],
            Err(code) => return vec![Effect::RefuseOffer(asker, passed_on(code))],
        };
        let direction = remote.direction;
        let settled = remote.settle_answer(wanted);
        let leg = self.leg_mut(side);
        (leg.remote, leg.settled) = (Some(remote), Some(settled));
        let mut effects = vec![Effect::Settle(side, settled)];
        effects.extend(self.accept_change(asker, direction));
        effects
    }

    fn accept_change(&mut self, side: Side, direction: Direction) -> Vec<Effect> {
        let wanted = self.leg(side).settled.map(|settled| settled.law);
        let leg = self.leg_mut(side);
        let Some(remote) = leg.remote.clone() else { return vec![Effect::RefuseOffer(side, 488)] };
        let settled: Settled = remote.settle(wanted);
        let answer = sdp::answer(leg.local, &remote, &settled, direction);
        leg.local.version += 1;
        leg.settled = Some(settled);
        vec![Effect::Settle(side, settled), Effect::AcceptOffer(side, answer), Effect::Changed]
    }

    /// A re-INVITE without SDP asks what we offer: what the leg has (RFC 3264 §8).
    fn offer_of_ours(&mut self, side: Side) -> Vec<Effect> {
        let laws = self.leg(side).settled.map_or_else(|| BOTH_LAWS.to_vec(), |settled| vec![settled.law]);
        let leg = self.leg_mut(side);
        let offer = sdp::offer(leg.local, &laws, OPEN);
        leg.local.version += 1;
        vec![Effect::AcceptOffer(side, offer)]
    }

    pub(super) fn leg_ended(&mut self, side: Side) -> Vec<Effect> {
        // The last word of a phone that rang too long, before it is rung again.
        if side == Side::Agent && self.agent.state == LegState::Down {
            return Vec::new();
        }
        let why = match side {
            Side::Customer => EndedWhy::CustomerHungUp,
            Side::Agent => EndedWhy::AgentHungUp,
        };
        self.leg_mut(side).state = LegState::Over;
        self.end_both(why)
    }

    /// Ends what is left of both legs.
    pub(super) fn end_both(&mut self, why: EndedWhy) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(asker) = self.relaying.take() {
            effects.push(Effect::RefuseOffer(asker, 481));
        }
        match self.customer.state {
            LegState::Early => effects.push(Effect::Reject(480)),
            LegState::Up => effects.push(Effect::End(Side::Customer)),
            LegState::Down | LegState::Over => {}
        }
        if matches!(self.agent.state, LegState::Early | LegState::Up) {
            effects.push(Effect::End(Side::Agent));
        }
        (self.customer.state, self.agent.state) = (LegState::Over, LegState::Over);
        effects.extend(self.over(why));
        effects
    }

    /// Everything keyed is wiped; what is under way at the gateway goes on without the call.
    fn over(&mut self, why: EndedWhy) -> Vec<Effect> {
        let _ = self.capture.step(self.began, crate::capture::Input::Cancel);
        (self.ring_until, self.redial_at) = (None, None);
        self.ended = Some(why);
        vec![Effect::Changed, Effect::Over(why)]
    }

    fn leg(&self, side: Side) -> &super::Leg {
        match side {
            Side::Customer => &self.customer,
            Side::Agent => &self.agent,
        }
    }

    fn leg_mut(&mut self, side: Side) -> &mut super::Leg {
        match side {
            Side::Customer => &mut self.customer,
            Side::Agent => &mut self.agent,
        }
    }
}

/// What one leg is told of the other's refusal. A challenge that we cannot answer is our fault, not
/// its own (RFC 3261 §8.1.3.5).
fn passed_on(code: u16) -> u16 {
    match code {
        401 | 407 => 503,
        400..=699 => code,
        _ => 503,
    }
}
