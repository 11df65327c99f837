//! One direction of a call: judge, hold, mask, pass on.

use super::config::{EventPts, PipelineConfig};
use super::ear::Ear;
use super::event;
use super::health::{Health, Unwell};
use super::hold::{self, Held, Hold, PACKET_SAMPLES_MAX};
use super::mask::Mask;
use super::order::Place;
use super::rtp::{HEADER_LEN, Header};
use super::stats::{Stats, Verdict};
use super::{Press, Transport};
use crate::tenant::MaskStyle;
use tonewall_secret::Key;

/// Longest datagram that is looked at: an Ethernet MTU. Longer ones are dropped.
const DATAGRAM_MAX: usize = 1_500;

/// Comfort noise at 8,000 Hz (RFC 3389 §4), and what it had before (RFC 3551 §6). It needs no
/// negotiation, and as our answers name no other type for it, none can be negotiated.
const COMFORT_NOISE_PTS: [u8; 2] = [13, 19];

/// Whether the line is secured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Packets pass at once.
    Open,
    /// Packets wait and are masked.
    Secured,
    /// Open as soon as no tone is suspected any more: a key that was pressed while the line was
    /// secured is masked to its end.
    Opening,
    /// Only silence leaves, for good.
    Shut,
}

/// A datagram that was understood.
struct Arrival<'a> {
    now_us: u64,
    rtp: &'a [u8],
    header: Header,
    payload: &'a [u8],
    place: Place,
}

/// One direction of one call, towards the agent or from there: see the module.
pub struct Pipeline {
    config: PipelineConfig,
    state: State,
    ear: Ear,
    hold: Hold,
    mask: Mask,
    stats: Stats,
    health: Health,
    field_open: bool,
    /// See [`Stats::hold_ms_max`].
    hold_ms_max: u8,
    /// Payload types that carried events before they were negotiated anew: a sender may go on with
    /// an event, and a network with a packet, of then.
    former_event_pts: EventPts,
}

impl Pipeline {
    /// An open line.
    pub fn new(config: PipelineConfig) -> Pipeline {
        let mask = Mask::new(config.law, config.style);
        let mut ear = Ear::new();
        ear.set_dial_tone(config.dial_tone_hz);
        Pipeline {
            config,
            state: State::Open,
            ear,
            hold: Hold::new(),
            mask,
            stats: Stats::default(),
            health: Health::new(),
            field_open: false,
            hold_ms_max: 0,
            former_event_pts: EventPts::default(),
        }
    }

    /// Takes over what a re-INVITE negotiated. If the coding changed, a secured line is mute until
    /// the detector is warm again; while it is secured, packets of former event types are events.
    pub fn reconfigure(&mut self, config: PipelineConfig) {
        if config.hears_otherwise(&self.config) {
            self.ear.restart();
            self.health.recoded();
            self.hold.mute();
        }
        if self.field_open && config.is_coded_otherwise(&self.config) {
            self.health.trip(Unwell::Coding);
        }
        self.health.renegotiated();
        if self.state != State::Open {
            self.former_event_pts = self.config.event_pts.and(&self.former_event_pts);
        }
        if config.dial_tone_hz != self.config.dial_tone_hz {
            self.ear.set_dial_tone(config.dial_tone_hz);
        }
        (self.mask.law, self.mask.style) = (config.law, config.style);
        self.config = config;
        self.fail_closed();
    }

    /// Secures or opens the line, from the next packet on. Arrival moves by the hold; nothing is
    /// lost, repeated or renumbered.
    pub fn set_secured(&mut self, on: bool) {
        self.state = match (self.state, on) {
            (State::Shut, _) => State::Shut,
            (_, true) => State::Secured,
            (State::Secured | State::Opening, false) => State::Opening,
            (State::Open, false) => State::Open,
        };
    }

    /// A field was opened or closed. While one is open a key is expected, so that less is enough to
    /// suspect one (and 2 % of gap-free talk is muted rather than 0.03 %); a tenant who chose `closed` lets
    /// nothing of the customer pass; and another coding or source makes the line unwell.
    pub fn set_field_open(&mut self, open: bool) {
        self.field_open = open;
        self.fail_closed();
    }

    /// Merges repeats of a key for customers whose phone doubles tones or who hold keys unsteadily:
    /// the same key again within 400 ms of its end is the same press.
    pub fn set_slow_keys(&mut self, on: bool) {
        self.ear.set_slow_keys(on);
    }

    /// Why nothing of the customer passes a secured line just now and no press is reported; `None`
    /// while the line can be vouched for. A detector that has not heard enough yet lets nothing pass
    /// either, but is not unwell.
    pub fn unwell(&self) -> Option<Unwell> {
        self.health.unwell()
    }

    /// Spoils the detector.
    #[cfg(test)]
    pub fn poison(&mut self) {
        self.ear.poison();
    }

    /// Whether the line is secured (or shut).
    pub fn is_secured(&self) -> bool {
        matches!(self.state, State::Secured | State::Shut)
    }

    /// Fails closed: from now on only silence leaves, and no press is reported. For good.
    pub fn shut(&mut self) {
        self.state = State::Shut;
        self.hold.mute();
        self.mask.quiet();
    }

    /// Takes a whole datagram from the accepted source. `out` gets what leaves now (this packet,
    /// an earlier one, both or none), `press` each new press.
    pub fn packet(
        &mut self,
        now_us: u64,
        rtp: &[u8],
        out: &mut dyn FnMut(&[u8]),
        press: &mut dyn FnMut(Press),
    ) -> Verdict {
        self.stats.packets_in += 1;
        self.health.datagram(now_us);
        if rtp.len() > DATAGRAM_MAX {
            self.stats.too_long += 1;
            return Verdict::TooLong;
        }
        let Some((header, payload)) = Header::read(rtp) else {
            self.stats.not_rtp += 1;
            return Verdict::NotRtp;
        };
        let is_audio = header.payload_type == self.config.audio_pt;
        let is_event = !is_audio && self.is_event(header.payload_type);
        if !is_audio && !is_event && !COMFORT_NOISE_PTS.contains(&header.payload_type) {
            self.stats.unknown_payload_type += 1;
            return Verdict::UnknownPayloadType;
        }
        let arrival = Arrival { now_us, rtp, header, payload: &rtp[payload], place: Place::Next };
        if self.state == State::Shut {
            return self.shut_packet(&arrival, is_audio, out);
        }
        let arrival = Arrival { place: self.ear.place(&header), ..arrival };
        match arrival.place {
            Place::Late => self.stats.late += 1,
            Place::Duplicate => self.stats.duplicate += 1,
            Place::Next | Place::AfterGap | Place::Restart => {}
        }
        self.health.source(header.ssrc, self.field_open);
        if is_audio {
            self.health.audio(now_us, &header, arrival.place, arrival.payload.len() as u32);
        }
        self.fail_closed();
        match (is_audio, is_event) {
            (true, _) => self.audio(&arrival, out, press),
            (_, true) => self.event(&arrival, out, press),
            _ => self.comfort_noise(&arrival, out),
        }
    }

    /// A key came by SIP INFO.
    pub fn info(&mut self, now_us: u64, key: Key, press: &mut dyn FnMut(Press)) {
        self.signal(now_us, key, Transport::Info, press);
    }

    /// A key came by a KPML report (RFC 4730).
    pub fn kpml(&mut self, now_us: u64, key: Key, press: &mut dyn FnMut(Press)) {
        self.signal(now_us, key, Transport::Kpml, press);
    }

    /// Lets packets go whose successor is overdue.
    pub fn timer(&mut self, now_us: u64, out: &mut dyn FnMut(&[u8])) {
        while self.hold.deadline_us().is_some_and(|deadline_us| deadline_us <= now_us) {
            self.stats.expired += 1;
            self.release_oldest(true, out);
        }
    }

    /// When [`Pipeline::timer`] wants to be called: a packet's hold and 5 ms are over.
    pub fn next_timeout_us(&self) -> Option<u64> {
        self.hold.deadline_us()
    }

    /// Counts so far.
    pub fn stats(&self) -> Stats {
        let (holes, suspicions) = (self.ear.holes, self.ear.suspicions);
        Stats { holes, suspicions, hold_ms_max: self.hold_ms_max.into(), ..self.stats }
    }

    fn signal(&mut self, now_us: u64, key: Key, transport: Transport, press: &mut dyn FnMut(Press)) {
        if self.state != State::Shut {
            self.heard(press, |ear, press| ear.signal(now_us, key, transport, press));
        }
    }

    fn audio(
        &mut self,
        arrival: &Arrival,
        out: &mut dyn FnMut(&[u8]),
        press: &mut dyn FnMut(Press),
    ) -> Verdict {
        let &Arrival { now_us, ref header, place, payload, .. } = arrival;
        if matches!(place, Place::Late | Place::Duplicate) {
            return self.out_of_order(arrival, payload.len(), out);
        }
        let law = self.config.law;
        if self.field_open {
            self.ear.expect_key();
        }
        let heard = self.heard(press, |ear, press| ear.audio(now_us, law, header, place, payload, press));
        if heard.suspicious {
            self.stats.masked += 1;
            self.hold.mute();
        }
        self.check_ear();
        if heard.hole || place != Place::Next {
            self.release_all(true, out);
        }
        self.hold.judged(payload.len());
        if self.state == State::Opening && !self.ear.is_masking() && !self.is_closed() {
            self.open(out);
        }
        if self.state == State::Open {
            self.relay(arrival, self.config.out_audio_pt, out);
            return if payload.len() > PACKET_SAMPLES_MAX { Verdict::TooLong } else { Verdict::Relayed };
        }
        if payload.len() > PACKET_SAMPLES_MAX {
            self.stats.too_long += 1;
            self.release_all(true, out);
            self.silent(*header, payload.len(), out);
            return Verdict::TooLong;
        }
        let muted = heard.muted || self.is_silenced();
        self.hold_back(now_us, *header, payload, muted, out);
        if muted { Verdict::Masked } else { Verdict::Held }
    }

    fn event(
        &mut self,
        arrival: &Arrival,
        out: &mut dyn FnMut(&[u8]),
        press: &mut dyn FnMut(Press),
    ) -> Verdict {
        let &Arrival { now_us, ref header, place, payload, .. } = arrival;
        self.heard(press, |ear, press| ear.event(now_us, header, payload, press));
        if let (State::Open, Some(payload_type)) = (self.state, self.config.out_event_pt) {
            self.relay(arrival, payload_type, out);
            return Verdict::Relayed;
        }
        let samples = self.config.stand_in_samples();
        let until = event::blocks(payload, header.timestamp).last().map(|block| block.until());
        let timestamp = until.map_or(header.timestamp, |until| until.wrapping_sub(samples as u32));
        self.stand_in(arrival, Header { timestamp, ..*header }, place, out)
    }

    fn comfort_noise(&mut self, arrival: &Arrival, out: &mut dyn FnMut(&[u8])) -> Verdict {
        if self.state == State::Open {
            self.relay(arrival, arrival.header.payload_type, out);
            return Verdict::Relayed;
        }
        self.stand_in(arrival, arrival.header, arrival.place, out)
    }

    fn is_event(&self, payload_type: u8) -> bool {
        self.config.event_pts.contains(payload_type) || self.former_event_pts.contains(payload_type)
    }

    /// Whether the tenant lets nothing of the customer pass just now.
    fn is_closed(&self) -> bool {
        self.field_open && self.config.style == MaskStyle::Closed
    }

    /// Whether nothing of the customer passes, whatever it sounds like.
    fn is_silenced(&self) -> bool {
        self.is_closed() || self.health.is_mute()
    }

    /// Silences what waits, too, if nothing may pass any more. A line that cannot be vouched for owes
    /// no flat tones either: the presses behind them will be asked for again.
    fn fail_closed(&mut self) {
        if self.state == State::Open {
            return;
        }
        if self.is_silenced() {
            self.hold.mute();
        }
        if self.health.unwell().is_some() {
            self.mask.quiet();
        }
    }

    /// Asks the ear how it is. One whose filters give no numbers would never be suspicious again.
    fn check_ear(&mut self) {
        let is_finite = self.ear.is_finite();
        self.health.heard(self.ear.is_warm(), is_finite);
        if !is_finite {
            self.ear.restart();
            self.fail_closed();
        }
    }

    fn open(&mut self, out: &mut dyn FnMut(&[u8])) {
        self.release_all(false, out);
        self.mask.quiet();
        self.state = State::Open;
        self.former_event_pts = EventPts::default();
    }

    /// Puts a silent audio packet where one without audio was, so that no gap arises. What waits
    /// before it is muted: an event tells that a key is down, and neither it nor comfort noise
    /// lets anybody judge how the tone of a packet before goes on.
    fn stand_in(
        &mut self,
        arrival: &Arrival,
        header: Header,
        place: Place,
        out: &mut dyn FnMut(&[u8]),
    ) -> Verdict {
        let samples = self.config.stand_in_samples();
        if place == Place::Duplicate {
            return Verdict::Duplicate;
        }
        self.stats.replaced += 1;
        if self.state == State::Open || place == Place::Late {
            self.silent(header, samples, out);
            return Verdict::Replaced;
        }
        self.hold.mute();
        if place != Place::Next {
            self.release_all(true, out);
        }
        self.hold.judged(samples);
        self.hold_back(arrival.now_us, header, &[0; PACKET_SAMPLES_MAX][..samples], true, out);
        Verdict::Replaced
    }

    fn shut_packet(&mut self, arrival: &Arrival, is_audio: bool, out: &mut dyn FnMut(&[u8])) -> Verdict {
        self.release_all(true, out);
        let samples = if is_audio { arrival.payload.len() } else { self.config.stand_in_samples() };
        self.silent(arrival.header, samples, out);
        Verdict::Shut
    }

    /// A late packet or a duplicate cannot be judged: the audio around it has been.
    fn out_of_order(&mut self, arrival: &Arrival, samples: usize, out: &mut dyn FnMut(&[u8])) -> Verdict {
        let verdict = if arrival.place == Place::Late { Verdict::Late } else { Verdict::Duplicate };
        match (self.state, verdict) {
            (State::Open, _) => self.relay(arrival, self.config.out_audio_pt, out),
            (_, Verdict::Late) => self.silent(arrival.header, samples, out),
            _ => {}
        }
        verdict
    }

    /// Lets the ear listen, counts its presses, and owes the other side a flat tone for each. What is
    /// pressed on a secured line that cannot be vouched for is no press.
    fn heard<R>(
        &mut self,
        press: &mut dyn FnMut(Press),
        listen: impl FnOnce(&mut Ear, &mut dyn FnMut(Press)) -> R,
    ) -> R {
        let (stats, mask) = (&mut self.stats, &mut self.mask);
        let (is_open, is_tripped) = (self.state == State::Open, self.health.unwell().is_some());
        listen(&mut self.ear, &mut |found: Press| {
            if is_tripped && !is_open {
                return;
            }
            stats.count(found.transport);
            if !is_open {
                mask.key();
            }
            press(found);
        })
    }

    /// Adds a packet to the hold and lets those go that have been judged.
    fn hold_back(
        &mut self,
        now_us: u64,
        header: Header,
        payload: &[u8],
        muted: bool,
        out: &mut dyn FnMut(&[u8]),
    ) {
        while self.hold.is_judged() {
            self.release_oldest(false, out);
        }
        while self.hold.is_full(payload.len()) && !self.hold.is_empty() {
            self.release_oldest(true, out);
        }
        self.hold_ms_max = self.hold_ms_max.max(hold::wait_ms(payload.len()));
        self.hold.push(now_us, header, payload, muted);
    }

    fn release_all(&mut self, muted: bool, out: &mut dyn FnMut(&[u8])) {
        while !self.hold.is_empty() {
            self.release_oldest(muted, out);
        }
    }

    fn release_oldest(&mut self, muted: bool, out: &mut dyn FnMut(&[u8])) {
        let mut payload = [0; PACKET_SAMPLES_MAX];
        let Some(Held { header, samples, muted: held_muted, .. }) = self.hold.take(&mut payload) else {
            return;
        };
        let payload = &mut payload[..usize::from(samples)];
        let sounded = self.mask.render(payload, header.timestamp, muted || held_muted);
        self.stats.muted += u64::from(muted || held_muted || sounded);
        self.send(header, payload, out);
    }

    /// Sends a packet without its own sound, at once; its length may be that of any datagram.
    fn silent(&mut self, header: Header, samples: usize, out: &mut dyn FnMut(&[u8])) {
        let mut payload = [0; DATAGRAM_MAX];
        let payload = &mut payload[..samples.min(DATAGRAM_MAX - HEADER_LEN)];
        self.mask.fill(payload, header.timestamp);
        self.stats.muted += 1;
        self.send(header, payload, out);
    }

    /// On a secured line only what has been judged leaves: header extensions, CSRC list and
    /// padding stay behind.
    fn send(&mut self, header: Header, payload: &[u8], out: &mut dyn FnMut(&[u8])) {
        let mut datagram = [0; DATAGRAM_MAX];
        let header = Header { payload_type: self.config.out_audio_pt, ..header };
        datagram[..HEADER_LEN].copy_from_slice(&header.write());
        let len = HEADER_LEN + payload.len();
        datagram[HEADER_LEN..len].copy_from_slice(payload);
        self.stats.packets_out += 1;
        out(&datagram[..len]);
    }

    fn relay(&mut self, arrival: &Arrival, payload_type: u8, out: &mut dyn FnMut(&[u8])) {
        self.stats.packets_out += 1;
        if payload_type == arrival.header.payload_type {
            return out(arrival.rtp);
        }
        let mut datagram = [0; DATAGRAM_MAX];
        let datagram = &mut datagram[..arrival.rtp.len()];
        datagram.copy_from_slice(arrival.rtp);
        datagram[1] = (datagram[1] & 0x80) | payload_type;
        out(datagram);
    }
}
