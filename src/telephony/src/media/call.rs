//! Media of one call: four sockets, the pipeline towards the agent, the relay towards the customer.

use super::control::{MediaNote, MediaPlan, Side};
use super::rtcp;
use super::shared::Shared;
use super::source::{Admission, Source};
use mio::net::UdpSocket;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tonewall_model::dtmf::{EventPts, Law, Listener, Pipeline, PipelineConfig, Press, Verdict, rtp};
use tonewall_model::sdp::Settled;

/// Packets that are drained from a socket at one wake-up before the next call has its turn.
pub(crate) const DRAIN_MAX: usize = 32;

/// One leg's sockets and what was settled for it.
pub(crate) struct MediaLeg {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    source: Source,
    rtcp_source: Source,
    settled: Option<Settled>,
}

impl MediaLeg {
    pub fn new(rtp: UdpSocket, rtcp: UdpSocket) -> MediaLeg {
        MediaLeg { rtp, rtcp, source: Source::new(), rtcp_source: Source::new(), settled: None }
    }

    fn settle(&mut self, settled: Settled, nat: Option<IpAddr>) {
        self.source.expect(settled.rtp, nat);
        self.rtcp_source.expect(settled.rtcp, nat);
        self.settled = Some(settled);
    }

    /// Payload types that this leg may send.
    fn event_pts(&self) -> Vec<u8> {
        self.settled.and_then(|settled| settled.event_pt).into_iter().collect()
    }

    fn expects(&self, payload_type: u8) -> bool {
        self.settled.is_some_and(|s| s.audio_pt == payload_type || s.event_pt == Some(payload_type))
    }
}

/// How an owner hears of its call.
pub(crate) type Note = Box<dyn Fn(MediaNote) + Send + Sync>;

pub(crate) struct MediaCall {
    pub customer: MediaLeg,
    pub agent: MediaLeg,
    pub shared: Arc<Shared>,
    pub note: Note,
    plan: MediaPlan,
    pipeline: Pipeline,
    listener: Listener,
    flowing: bool,
    /// Zero of the thread's clock; the thread sets it when it takes the call.
    pub epoch: Instant,
}

impl MediaCall {
    pub fn new(
        customer: MediaLeg,
        agent: MediaLeg,
        shared: Arc<Shared>,
        note: Note,
        plan: MediaPlan,
    ) -> MediaCall {
        let config = PipelineConfig {
            law: Law::Mu,
            audio_pt: 0,
            event_pts: EventPts::default(),
            out_audio_pt: 0,
            out_event_pt: None,
            style: plan.style,
            dial_tone_hz: plan.dial_tone_hz,
            ptime_ms: 20,
        };
        MediaCall {
            customer,
            agent,
            shared,
            note,
            plan,
            pipeline: Pipeline::new(config.clone()),
            listener: Listener::new(config),
            flowing: false,
            epoch: Instant::now(),
        }
    }

    /// Offer and answer are through on one leg.
    pub fn settle(&mut self, side: Side, settled: Settled, nat: Option<IpAddr>) {
        match side {
            Side::Customer => self.customer.settle(settled, nat),
            Side::Agent => self.agent.settle(settled, nat),
        }
        if let Some(config) = self.config(&self.customer, &self.agent) {
            self.pipeline.reconfigure(config);
        }
        if let Some(config) = self.config(&self.agent, &self.customer) {
            self.listener.reconfigure(config);
        }
    }

    fn config(&self, from: &MediaLeg, to: &MediaLeg) -> Option<PipelineConfig> {
        let own = from.settled?;
        let out = to.settled.unwrap_or(own);
        Some(PipelineConfig {
            law: own.law,
            audio_pt: own.audio_pt,
            event_pts: EventPts::new(&from.event_pts()),
            out_audio_pt: out.audio_pt,
            out_event_pt: out.event_pt,
            style: self.plan.style,
            dial_tone_hz: self.plan.dial_tone_hz,
            ptime_ms: own.ptime_ms,
        })
    }

    pub fn secure(&mut self, on: bool) {
        self.pipeline.set_secured(on);
    }

    pub fn field(&mut self, open: bool) {
        self.pipeline.set_field_open(open);
    }

    pub fn slow_keys(&mut self, on: bool) {
        self.pipeline.set_slow_keys(on);
    }

    /// A digit came by SIP INFO.
    pub fn info(&mut self, now_us: u64, side: Side, key: tonewall_secret::Key) {
        let arrived = self.arrived(now_us);
        let (shared, note) = (&*self.shared, &self.note);
        let mut heard = |press| bring(shared, note, side, arrived, press);
        match side {
            Side::Customer => self.pipeline.info(now_us, key, &mut heard),
            Side::Agent => self.listener.info(now_us, key, &mut heard),
        }
    }

    fn arrived(&self, now_us: u64) -> Instant {
        self.epoch + Duration::from_micros(now_us)
    }

    pub fn next_timeout_us(&self) -> Option<u64> {
        self.pipeline.next_timeout_us()
    }

    pub fn timer(&mut self, now_us: u64) {
        let (agent, shared) = (&self.agent, &*self.shared);
        self.pipeline.timer(now_us, &mut |packet| send_to_agent(agent, shared, packet));
    }

    /// Drains what waits on the customer's RTP socket; `true` when there is more.
    pub fn customer_rtp(&mut self, now_us: u64, buffer: &mut [u8]) -> bool {
        if self.shared.shut.load(Ordering::Acquire) {
            self.pipeline.shut();
        }
        let arrived = self.arrived(now_us);
        for _ in 0..DRAIN_MAX {
            let Some((len, from)) = receive(&self.customer.rtp, buffer) else { return false };
            if !admit(&mut self.customer, &self.shared, now_us, from, &buffer[..len]) {
                continue;
            }
            self.shared.count(|own| &own.customer_packets);
            let (agent, shared, note) = (&self.agent, &*self.shared, &self.note);
            let verdict = self.pipeline.packet(
                now_us,
                &buffer[..len],
                &mut |packet| send_to_agent(agent, shared, packet),
                &mut |press| bring(shared, note, Side::Customer, arrived, press),
            );
            tally(&self.shared, verdict);
            if !self.flowing && self.shared.counters.to_agent.load(Ordering::Relaxed) > 0 {
                self.flowing = true;
                (self.note)(MediaNote::Flowing);
            }
        }
        true
    }

    /// Drains what waits on the agent's RTP socket; `true` when there is more.
    pub fn agent_rtp(&mut self, now_us: u64, buffer: &mut [u8]) -> bool {
        let arrived = self.arrived(now_us);
        for _ in 0..DRAIN_MAX {
            let Some((len, from)) = receive(&self.agent.rtp, buffer) else { return false };
            if !admit(&mut self.agent, &self.shared, now_us, from, &buffer[..len]) {
                continue;
            }
            self.shared.count(|own| &own.agent_packets);
            let (shared, note) = (&*self.shared, &self.note);
            self.listener.packet(now_us, &buffer[..len], &mut |press| {
                bring(shared, note, Side::Agent, arrived, press)
            });
            if let Some(target) = self.customer.source.target()
                && map_payload_type(&mut buffer[..len], &self.agent, &self.customer)
            {
                let _ = self.customer.rtp.send_to(&buffer[..len], target);
            }
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
                && rtcp::may_cross(&buffer[..len])
            {
                let _ = to_leg.rtcp.send_to(&buffer[..len], target);
            }
        }
        true
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    const ERRORS_MAX: usize = 8;
    for _ in 0..ERRORS_MAX {
        match socket.recv_from(buffer) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            // The ICMP answer to an earlier packet of ours; the next call has the next datagram.
            Err(_) => {}
        }
    }
    None
}

fn admit(leg: &mut MediaLeg, shared: &Shared, now_us: u64, from: SocketAddr, packet: &[u8]) -> bool {
    let ssrc = rtp::Header::read(packet).filter(|(header, _)| leg.expects(header.payload_type));
    match leg.source.admit(now_us, from, ssrc.map(|(header, _)| header.ssrc)) {
        Admission::Taken => true,
        Admission::Stranger => {
            shared.count(|own| &own.strangers);
            false
        }
        Admission::OverRate => {
            shared.count(|own| &own.over_rate);
            false
        }
    }
}

fn send_to_agent(agent: &MediaLeg, shared: &Shared, packet: &[u8]) {
    if let Some(target) = agent.source.target()
        && agent.rtp.send_to(packet, target).is_ok()
    {
        shared.count(|own| &own.to_agent);
    }
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
        note(MediaNote::KeyLost);
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

/// Writes the other leg's payload type into a packet; `false` for one that was not negotiated.
fn map_payload_type(packet: &mut [u8], from: &MediaLeg, to: &MediaLeg) -> bool {
    let (Some(own), Some(out), Some(second)) = (from.settled, to.settled, packet.get_mut(1)) else {
        return false;
    };
    let mapped = match *second & 0x7f {
        pt if pt == own.audio_pt => Some(out.audio_pt),
        pt if own.event_pt == Some(pt) => out.event_pt,
        _ => None,
    };
    let Some(mapped) = mapped else { return false };
    *second = (*second & 0x80) | mapped;
    true
}
