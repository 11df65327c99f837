//! A media runtime with one call between two phones.

use super::phone::{DEADLINE, Phone};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;
use tonewall_model::dtmf::Law;
use tonewall_model::tenant::MaskStyle;
use tonewall_telephony::media::{
    MediaHandle, MediaNote, MediaOptions, MediaPlan, MediaRuntime, Side, Witness,
};

pub struct World {
    pub runtime: MediaRuntime,
    pub handle: MediaHandle,
    pub customer: Phone,
    pub agent: Phone,
    notes: Receiver<MediaNote>,
    pub told: Vec<MediaNote>,
}

impl World {
    /// Both legs are up and the line is open.
    pub fn new(tap: Option<PathBuf>) -> World {
        let world = World::before_the_answer(tap);
        world.handle.settle(Side::Agent, world.agent.settled(), None).expect("a thread that turns");
        world
    }

    /// The customer's leg is up, the agent's phone rings.
    pub fn before_the_answer(tap: Option<PathBuf>) -> World {
        let bind = [127, 0, 0, 1].into();
        let options = MediaOptions { bind, advertised: None, ports: 28_500..=28_899, threads: 1 };
        let runtime = MediaRuntime::start(&options).expect("a runtime");
        let (sender, notes) = sync_channel(10_000);
        let plan = MediaPlan { style: MaskStyle::Silence, dial_tone_hz: None, tap };
        let handle = runtime.open(plan, move |note| {
            // A test that has heard enough is gone.
            let _ = sender.try_send(note);
        });
        let handle = handle.expect("sockets");
        let (mut customer, mut agent) = (Phone::new(Law::A, 0xC0), Phone::new(Law::A, 0xA6));
        customer.to = handle.address(Side::Customer);
        agent.to = handle.address(Side::Agent);
        handle.settle(Side::Customer, customer.settled(), None).expect("a thread that turns");
        World { runtime, handle, customer, agent, notes, told: Vec::new() }
    }

    /// The line is secured from the first packet on.
    pub fn secured(self) -> World {
        self.handle.secure(true).expect("a thread that turns");
        self
    }

    /// Waits for a note that `wanted` is about.
    pub fn note(&mut self, wanted: impl Fn(&MediaNote) -> bool) -> MediaNote {
        let until = Instant::now() + DEADLINE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let note = self.notes.recv_timeout(left).expect("the note in time");
            self.told.push(note);
            if wanted(&note) {
                return note;
            }
        }
    }

    /// How many of the notes so far are of a kind.
    pub fn notes(&mut self, of: impl Fn(&MediaNote) -> bool) -> usize {
        self.told.extend(self.notes.try_iter());
        self.told.iter().filter(|note| of(note)).count()
    }

    pub fn witness(&self) -> Witness {
        self.handle.control().witness()
    }
}
