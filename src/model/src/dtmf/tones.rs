//! Suspicion and detection over one stream of samples.

use super::detector::{Detector, Tone};
use super::fit::{TABLES, Tables};
use super::front::Front;
use super::suspicion::{BURST_HOPS, Look, Suspicion};

/// How long a key is looked for more loosely after a break in the sound: 100 ms, in which a key on
/// either side of it shows itself.
const DOUBT_HOPS: u32 = 40;

/// The two judges of one stream, behind one front end.
pub struct Tones {
    tables: &'static Tables,
    front: Front,
    suspicion: Suspicion,
    detector: Detector,
    heard_samples: u32,
}

impl Tones {
    pub fn new() -> Tones {
        Tones {
            tables: &TABLES,
            front: Front::new(),
            suspicion: Suspicion::default(),
            detector: Detector::default(),
            heard_samples: 0,
        }
    }

    /// Forgets all but that keys are being pressed: another stream, another coding, or too long a hole.
    pub fn restart(&mut self) {
        self.suspicion.restart();
        self.front.restart();
        self.detector = Detector::default();
        self.heard_samples = 0;
    }

    /// Takes a dial tone of the tenant's own out before anything is judged, besides the usual ones.
    pub fn set_dial_tone(&mut self, hz: Option<[u16; 2]>) {
        self.front.set_dial_tone(hz);
    }

    /// A few samples are missing.
    pub fn hole(&mut self, samples: u32) {
        self.front.hole();
        self.detector.hole(samples);
    }

    /// A key was pressed, by whatever transport, or asked for: more are likely to follow.
    pub fn alert(&mut self) {
        self.suspicion.alert();
    }

    /// Whether what the filters give is still a number: what is none is never suspicious.
    pub fn is_finite(&self) -> bool {
        let energy = self.front.energy();
        (energy.band + energy.voice + energy.dial).is_finite()
    }

    /// Samples heard since the start.
    pub fn heard_samples(&self) -> u32 {
        self.heard_samples
    }

    /// Takes coded samples up to the end of a hop; says how many, whether there is suspicion at the
    /// end of the hop, and what is detected there.
    pub fn take<C: Copy>(&mut self, linear: impl Fn(C) -> f32, codes: &[C]) -> (usize, Option<(bool, Tone)>) {
        let (taken, complete) = self.front.take(self.tables, linear, codes);
        self.heard_samples = self.heard_samples.saturating_add(taken as u32);
        if !complete {
            return (taken, None);
        }
        if let Some(samples) = self.front.patched() {
            self.hole(samples);
        }
        let broken = self.front.is_broken();
        if broken {
            self.suspicion.doubt(DOUBT_HOPS);
        } else if self.front.has_burst() {
            self.suspicion.doubt(BURST_HOPS);
        }
        if !self.front.is_full() {
            return (taken, broken.then_some((true, Tone::Nothing)));
        }
        let energy = Look::energy(&self.front);
        let wanted = energy.as_ref().is_some_and(Look::may_hold_pair) || self.detector.is_down();
        let correlations = wanted.then(|| self.front.correlations(self.tables));
        let look = energy.map(|energy| Look::at(&self.front, self.tables, energy, correlations.as_ref()));
        let suspicious = self.suspicion.judge(&self.front, self.tables, look.as_ref());
        let tone = self.detector.judge(&self.front, self.tables, correlations.as_ref(), look.as_ref());
        (taken, Some((suspicious || broken || !matches!(tone, Tone::Nothing), tone)))
    }
}
