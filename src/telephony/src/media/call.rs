//! Media of one call: four sockets, a pipeline for each direction, and what watches over them.
//!
//! Both directions are secured together. Towards the agent the tenant's mask takes the place of
//! keys. Towards the customer it is silence, for keys of the agent and for what the agent's phone
//! throws back of the customer's: neither the customer's line nor the tap is to carry them.

use super::control::{MediaNote, MediaPlan, Side};
use super::leg::{MediaLeg, receive};
use super::outlet::{self, Left, Line};
use super::rtcp;
use super::shared::Shared;
use super::source::Admission;
use super::tap::{Feed, Note};
use super::watch::Watch;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tonewall_model::dtmf::{EventPts, Law, Pipeline, PipelineConfig, Press, Transport, Unwell, Verdict};
use tonewall_model::sdp::Settled;
use tonewall_model::tenant::MaskStyle;
use tonewall_secret::Key;

/// Packets that are drained from a socket at one wake-up before the next call has its turn.
pub(crate) const DRAIN_MAX: usize = 32;

/// How long a line is mute after a packet over the rate of its port. Shorter would let pieces of a
/// flood be heard between its drops; longer mutes talk after a burst.
const STORM_US: u64 = 1_000_000;

pub(crate) struct MediaCall {
    pub customer: MediaLeg,
    pub agent: MediaLeg,
    shared: Arc<Shared>,
    note: Note,
    plan: MediaPlan,
    /// Customer to agent.
    pipeline: Pipeline,
    /// Agent to customer.
    back: Pipeline,
    /// On what leaves towards the agent.
    watch: Watch,
    tap: Option<Feed>,
    storm_until_us: Option<u64>,
    unwell: Option<Unwell>,
    /// The owner has been told that the customer's packets reach the agent.
    flowing: bool,
    #[cfg(feature = "faults")]
    leaking: bool,
    /// Zero of the thread's clock; the thread sets it when it takes the call.
    epoch: Instant,
    /// The earliest deadline that the thread knows of this call.
    pub armed_us: Option<u64>,
}

impl MediaCall {
    pub fn new(
        (customer, agent): (MediaLeg, MediaLeg),
        shared: Arc<Shared>,
        note: Note,
        plan: MediaPlan,
        tap: Option<Feed>,
    ) -> MediaCall {
        let config = |style| PipelineConfig {
            law: Law::Mu,
            audio_pt: 0,
            event_pts: EventPts::default(),
            out_audio_pt: 0,
            out_event_pt: None,
            style,
            dial_tone_hz: plan.dial_tone_hz,
            ptime_ms: 20,
        };
        MediaCall {
            customer,
            agent,
            shared,
            note,
            pipeline: Pipeline::new(config(plan.style)),
            back: Pipeline::new(config(MaskStyle::Silence)),
            plan,
            watch: Watch::default(),
            tap,
            storm_until_us: None,
            unwell: None,
            flowing: false,
            #[cfg(feature = "faults")]
            leaking: false,
            epoch: Instant::now(),
            armed_us: None,
        }
    }

    /// A thread has taken the call.
    pub fn begin(&mut self, epoch: Instant, now_us: u64) {
        self.epoch = epoch;
        if let Some(tap) = &mut self.tap {
            tap.begin(now_us);
        }
    }

    /// Offer and answer are through on one leg.
    pub fn settle(&mut self, side: Side, settled: Settled, nat: Option<IpAddr>) {
        match side {
            Side::Customer => self.customer.settle(settled, nat),
            Side::Agent => self.agent.settle(settled, nat),
        }
        if let Some(config) = self.config(&self.customer, &self.agent, self.plan.style) {
            self.pipeline.reconfigure(config);
        }
        if let Some(config) = self.config(&self.agent, &self.customer, MaskStyle::Silence) {
            self.back.reconfigure(config);
        }
    }

    fn config(&self, from: &MediaLeg, to: &MediaLeg, style: MaskStyle) -> Option<PipelineConfig> {
        let own = from.settled?;
        let out = to.settled.unwrap_or(own);
        Some(PipelineConfig {
            law: own.law,
            audio_pt: own.audio_pt,
            event_pts: from.event_pts(),
            out_audio_pt: out.audio_pt,
            out_event_pt: out.event_pt,
            style,
            dial_tone_hz: self.plan.dial_tone_hz,
            ptime_ms: own.ptime_ms,
        })
    }

    pub fn secure(&mut self, now_us: u64, on: bool) {
        self.pipeline.set_secured(on);
        self.back.set_secured(self.pipeline.is_secured());
        self.tell_health(now_us);
    }

    pub fn field(&mut self, open: bool) {
        self.pipeline.set_field_open(open);
    }

    pub fn slow_keys(&mut self, on: bool) {
        self.pipeline.set_slow_keys(on);
    }

    /// From now on the customer's packets go to the agent as they came, secured or not.
    #[cfg(feature = "faults")]
    pub fn plant_leak(&mut self) {
        self.leaking = true;
    }

    /// A digit came by signalling.
    pub fn signalled(&mut self, now_us: u64, side: Side, transport: Transport, key: Key) {
        let arrived = self.arrived(now_us);
        let (shared, note) = (&*self.shared, &self.note);
        let mut heard = |press| bring(shared, note, side, arrived, press);
        let pipeline = match side {
            Side::Customer => &mut self.pipeline,
            Side::Agent => &mut self.back,
        };
        match transport {
            Transport::Kpml => pipeline.kpml(now_us, key, &mut heard),
            Transport::Info | Transport::InBand | Transport::Event => pipeline.info(now_us, key, &mut heard),
        }
        self.shared.counted(&self.pipeline.stats());
    }

    fn arrived(&self, now_us: u64) -> Instant {
        self.epoch + Duration::from_micros(now_us)
    }

    pub fn next_timeout_us(&self) -> Option<u64> {
        let timeouts = [self.pipeline.next_timeout_us(), self.back.next_timeout_us(), self.storm_until_us];
        timeouts.into_iter().flatten().min()
    }

    pub fn timer(&mut self, now_us: u64) {
        self.heed_owner();
        let (line, masks) = (self.line(now_us), self.masks());
        let MediaCall { customer, agent, shared, pipeline, back, watch, tap, note, .. } = self;
        pipeline.timer(now_us, &mut |packet| {
            if masks {
                to_agent(line, agent, shared, note, watch, tap, packet);
            }
        });
        let line = Line { mute: false, ..line };
        back.timer(now_us, &mut |packet| to_customer(line, customer, shared, tap, packet));
        self.tell_health(now_us);
    }

    /// Whether it is the pipeline's packets that leave towards the agent: always, but for a planted leak.
    fn masks(&self) -> bool {
        #[cfg(feature = "faults")]
        return !self.leaking;
        #[cfg(not(feature = "faults"))]
        true
    }

    /// The line as it is now: the pipelines hear of an order before any packet does.
    fn line(&self, now_us: u64) -> Line {
        let secured = self.pipeline.is_secured();
        let mute = secured && self.storm_until_us.is_some_and(|until| now_us < until);
        Line { now_us, secured, mute }
    }

    /// A line whose owner is gone stays secured for good, and mute towards the agent.
    fn heed_owner(&mut self) {
        if self.shared.shut.load(Ordering::Acquire) {
            self.pipeline.shut();
            self.back.set_secured(true);
        }
    }

    /// Tells the owner when what can be said of a secured line has changed.
    fn tell_health(&mut self, now_us: u64) {
        if self.storm_until_us.is_some_and(|until| until <= now_us) {
            self.storm_until_us = None;
        }
        self.shared.counted(&self.pipeline.stats());
        let storm = self.storm_until_us.map(|_| Unwell::Storm);
        let secured = self.pipeline.is_secured();
        let unwell = self.pipeline.unwell().or(storm).filter(|_| secured);
        if unwell != self.unwell {
            self.unwell = unwell;
            if unwell.is_some() {
                self.shared.count(|own| &own.unwell);
            }
            (self.note)(MediaNote::Health(unwell));
        }
    }

    /// Drains what waits on the customer's RTP socket; `true` when there is more.
    pub fn customer_rtp(&mut self, now_us: u64, buffer: &mut [u8]) -> bool {
        self.heed_owner();
        let arrived = self.arrived(now_us);
        for _ in 0..DRAIN_MAX {
            let Some((len, from)) = receive(&self.customer.rtp, buffer) else { return false };
            match self.customer.admit(&self.shared, now_us, from, &buffer[..len]) {
                Admission::Taken => self.customer_packet(now_us, arrived, &buffer[..len]),
                Admission::OverRate => self.storm_until_us = Some(now_us + STORM_US),
                Admission::Stranger => continue,
            }
            self.tell_health(now_us);
        }
        true
    }

    fn customer_packet(&mut self, now_us: u64, arrived: Instant, packet: &[u8]) {
        let line = self.line(now_us);
        self.shared.count(|own| &own.customer_packets);
        let masks = self.masks();
        let MediaCall { agent, shared, pipeline, watch, tap, note, .. } = self;
        let verdict = pipeline.packet(
            now_us,
            packet,
            &mut |packet| {
                if masks {
                    to_agent(line, agent, shared, note, watch, tap, packet);
                }
            },
            &mut |press| bring(shared, note, Side::Customer, arrived, press),
        );
        if !masks {
            to_agent(line, agent, shared, note, watch, tap, packet);
        }
        tally(shared, verdict);
        if !self.flowing && self.shared.counters.to_agent.load(Ordering::Relaxed) > 0 {
            self.flowing = true;
            (self.note)(MediaNote::Flowing);
        }
    }

    /// Drains what waits on the agent's RTP socket; `true` when there is more.
    pub fn agent_rtp(&mut self, now_us: u64, buffer: &mut [u8]) -> bool {
        self.heed_owner();
        let arrived = self.arrived(now_us);
        let line = Line { mute: false, ..self.line(now_us) };
        for _ in 0..DRAIN_MAX {
            let Some((len, from)) = receive(&self.agent.rtp, buffer) else { return false };
            if self.agent.admit(&self.shared, now_us, from, &buffer[..len]) != Admission::Taken {
                continue;
            }
            self.shared.count(|own| &own.agent_packets);
            let MediaCall { customer, shared, back, tap, note, .. } = self;
            back.packet(
                now_us,
                &buffer[..len],
                &mut |packet| to_customer(line, customer, shared, tap, packet),
                &mut |press| bring(shared, note, Side::Agent, arrived, press),
            );
        }
        true
    }

    /// Drains one RTCP socket; `true` when there is more.
    pub fn rtcp(&mut self, now_us: u64, side: Side, buffer: &mut [u8]) -> bool {
        let (from_leg, to_leg) = match side {
            Side::Customer => (&mut self.customer, &self.agent),
            Side::Agent => (&mut self.agent, &self.customer),
        };
        for _ in 0..DRAIN_MAX {
            let Some((len, from)) = receive(&from_leg.rtcp, buffer) else { return false };
            let ssrc =
                buffer[..len].get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
            if from_leg.rtcp_source.admit(now_us, from, ssrc) != Admission::Taken {
                self.shared.count(|own| &own.strangers);
                continue;
            }
            if let Some(target) = to_leg.rtcp_source.target()
                && let Some(compound) = rtcp::crossing(&buffer[..len])
            {
                let _ = to_leg.rtcp.send_to(compound.bytes(), target);
            }
        }
        true
    }
}

fn to_agent(
    line: Line,
    agent: &MediaLeg,
    shared: &Shared,
    note: &Note,
    watch: &mut Watch,
    tap: &mut Option<Feed>,
    packet: &[u8],
) {
    let law = agent.settled.map_or(Law::Mu, |settled| settled.law);
    let left = outlet::send(line, (Side::Customer, agent), shared, tap, packet, &mut |header, payload| {
        if !line.secured {
            return watch.pause();
        }
        let turned = watch.listen(law, header.ssrc, header.timestamp, payload);
        shared.to_agent_ear.store(&watch.witness());
        if turned {
            shared.tell_leak(&**note);
        }
    });
    if left == Left::Sent {
        shared.count(|own| &own.to_agent);
    }
}

fn to_customer(line: Line, customer: &MediaLeg, shared: &Shared, tap: &mut Option<Feed>, packet: &[u8]) {
    outlet::send(line, (Side::Agent, customer), shared, tap, packet, &mut |_, _| ());
}

fn bring(shared: &Shared, note: &Note, side: Side, arrived: Instant, press: Press) {
    let (ring, told) = match side {
        Side::Customer => (&shared.customer_keys, MediaNote::CustomerKey(arrived)),
        Side::Agent => (&shared.agent_keys, MediaNote::AgentKey),
    };
    if ring.push(press.key) {
        note(told);
    } else {
        shared.count(|own| &own.keys_lost);
        // What the agent keys never reaches a field: there is none to be keyed again.
        if side == Side::Customer {
            note(MediaNote::KeyLost);
        }
    }
}

fn tally(shared: &Shared, verdict: Verdict) {
    match verdict {
        Verdict::Masked => shared.count(|own| &own.masked),
        Verdict::Replaced | Verdict::Late | Verdict::Shut => shared.count(|own| &own.muted),
        Verdict::NotRtp | Verdict::UnknownPayloadType | Verdict::TooLong | Verdict::Duplicate => {
            shared.count(|own| &own.dropped);
        }
        Verdict::Relayed | Verdict::Held => {}
    }
}
