//! What the other side hears of a secured line in place of a key.

use super::g711::Law;
use crate::tenant::MaskStyle;

/// How long the mask outlasts the last suspicion: 20 ms. Suspicion ends up to 15 ms before the
/// tone's last sample when the tone fades; larger only costs talk.
pub const TAIL_SAMPLES: i64 = 160;

/// Length of the flat tone: 60 ms whatever the key, so that it tells that a key was pressed and
/// nothing else. Keys at the highest rate (80 ms each) still come out one by one.
const FLAT_SAMPLES: u32 = 480;

/// Silence after a flat tone, so that two keys are two tones.
const FLAT_PAUSE_SAMPLES: u32 = 160;

/// Rise and fall of the flat tone: 5 ms. A sharp edge clicks, and a click is a little of every
/// frequency, the DTMF band included.
const FLAT_EDGE_SAMPLES: u32 = 40;

/// Keys whose flat tones may wait for each other; more is no person keying.
const FLAT_QUEUE_MAX: u8 = 8;

/// One period of the flat tone, 400 Hz at −18 dBm0: below the DTMF band (600–1,750 Hz).
const FLAT_PERIOD: [f32; 20] = period(22_400.0 * 0.126);

const fn period(peak: f32) -> [f32; 20] {
    // sin(2πk/20) for the first quarter; the rest is its mirror image.
    const QUARTER: [f32; 6] = [0.0, 0.309_017, 0.587_785_25, 0.809_017, 0.951_056_5, 1.0];
    let mut wave = [0.0; 20];
    let mut k = 0;
    while k < 20 {
        let folded = if k % 10 <= 5 { k % 10 } else { 10 - k % 10 };
        wave[k] = if k < 10 { peak * QUARTER[folded] } else { -peak * QUARTER[folded] };
        k += 1;
    }
    wave
}

/// Noise from a counter: multiplications and shifts until no bit follows from its neighbour's.
fn scatter(counter: u32) -> u32 {
    let mut noise = counter.wrapping_mul(0x9E37_79B1);
    noise = (noise ^ (noise >> 15)).wrapping_mul(0x85EB_CA77);
    noise = (noise ^ (noise >> 13)).wrapping_mul(0xC2B2_AE3D);
    noise ^ (noise >> 16)
}

/// The sound of the mask on one leg.
pub struct Mask {
    /// Companding law of what leaves.
    pub law: Law,
    /// The tenant's choice.
    pub style: MaskStyle,
    /// Samples left of the flat tone and the pause behind it.
    flat_left: u32,
    flat_queue: u8,
}

impl Mask {
    /// A mask that has nothing to say yet.
    pub fn new(law: Law, style: MaskStyle) -> Mask {
        Mask { law, style, flat_left: 0, flat_queue: 0 }
    }

    /// A key was pressed: it will be heard as one flat tone, if the tenant chose so.
    pub fn key(&mut self) {
        if matches!(self.style, MaskStyle::Tone | MaskStyle::Closed) {
            self.flat_queue = (self.flat_queue + 1).min(FLAT_QUEUE_MAX);
        }
    }

    /// No flat tone is owed any more: the line is no longer secured.
    pub fn quiet(&mut self) {
        (self.flat_left, self.flat_queue) = (0, 0);
    }

    /// Writes what the other side hears over a packet that leaves now, of that RTP timestamp;
    /// `muted` takes the packet's own sound away, a flat tone does so in any case.
    pub fn render(&mut self, payload: &mut [u8], timestamp: u32, muted: bool) -> bool {
        if muted {
            self.fill(payload, timestamp);
        }
        let mut sounded = false;
        for code in payload {
            if self.flat_left == 0 {
                if self.flat_queue == 0 {
                    break;
                }
                self.flat_queue -= 1;
                self.flat_left = FLAT_SAMPLES + FLAT_PAUSE_SAMPLES;
            }
            *code = self.flat();
            sounded = true;
        }
        sounded
    }

    /// Writes silence, or low noise if the tenant chose so. The noise depends on the RTP timestamp
    /// alone: were it drawn from one run, it would tell how much has been masked before.
    pub fn fill(&self, payload: &mut [u8], timestamp: u32) {
        if self.style != MaskStyle::Comfort {
            payload.fill(self.law.silence());
            return;
        }
        for (n, code) in payload.iter_mut().enumerate() {
            // ±32 of 32,768: about −66 dBm0, a quiet line.
            *code = self.law.encode((scatter(timestamp.wrapping_add(n as u32)) >> 26) as i16 - 32);
        }
    }

    fn flat(&mut self) -> u8 {
        self.flat_left -= 1;
        let Some(left) = self.flat_left.checked_sub(FLAT_PAUSE_SAMPLES) else { return self.law.silence() };
        let at = FLAT_SAMPLES - 1 - left;
        let edge = at.min(left).min(FLAT_EDGE_SAMPLES) as f32 / FLAT_EDGE_SAMPLES as f32;
        // A smoothstep: flat at both ends like a raised cosine, without a table.
        let gain = edge * edge * (3.0 - 2.0 * edge);
        self.law.encode((gain * FLAT_PERIOD[(at % 20) as usize]) as i16)
    }
}
