//! Detection without mask or hold: the agent's leg, where a keypad code secures the line.

use super::config::PipelineConfig;
use super::ear::Ear;
use super::order::Place;
use super::rtp::Header;
use super::{Press, Transport};
use tonewall_secret::Key;

/// Listens to one leg and reports its presses.
pub struct Listener {
    config: PipelineConfig,
    ear: Ear,
}

impl Listener {
    /// A listener for a stream as negotiated; only coding and payload types of `config` matter.
    pub fn new(config: PipelineConfig) -> Listener {
        Listener { config, ear: Ear::new() }
    }

    /// Takes over what a re-INVITE negotiated.
    pub fn reconfigure(&mut self, config: PipelineConfig) {
        if config.hears_otherwise(&self.config) {
            self.ear.restart();
        }
        self.config = config;
    }

    /// Judges one datagram; anything that is no RTP of a negotiated payload type is ignored.
    pub fn packet(&mut self, now_us: u64, rtp: &[u8], press: &mut dyn FnMut(Press)) {
        let Some((header, payload)) = Header::read(rtp) else { return };
        let payload = &rtp[payload];
        let is_event = self.config.event_pts.contains(header.payload_type);
        if !is_event && header.payload_type != self.config.audio_pt {
            return;
        }
        match (self.ear.place(&header), is_event) {
            (Place::Duplicate, _) | (Place::Late, false) => {}
            (_, true) => self.ear.event(now_us, &header, payload, press),
            (place, false) => {
                self.ear.audio(now_us, self.config.law, &header, place, payload, press);
            }
        }
    }

    /// A key came by SIP INFO.
    pub fn info(&mut self, now_us: u64, key: Key, press: &mut dyn FnMut(Press)) {
        self.ear.signal(now_us, key, Transport::Info, press);
    }
}
