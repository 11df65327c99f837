//! Suspicion and detection over one stream of samples.

/// Samples between two looks: 2.5 ms.
pub const HOP: usize = 20;

/// What the detector says at a hop.
#[derive(Clone, Copy)]
pub enum Tone {
    /// A digit was recognised; it began this many samples ago.
    Began {
        /// RFC 4733 event code. Secret: never shown.
        code: u8,
        /// Samples since its onset.
        ago: u32,
    },
    /// The digit goes on.
    Goes,
    /// Nothing to report.
    Nothing,
}

/// First cut.
pub struct Tones {
    block: [f32; 100],
    filled: usize,
    heard: u32,
    last: u8,
    same: u8,
    reported: bool,
    off: u8,
    suspicious: bool,
}

impl Tones {
    pub fn new() -> Tones {
        Tones {
            block: [0.0; 100],
            filled: 0,
            heard: 0,
            last: 255,
            same: 0,
            reported: false,
            off: 0,
            suspicious: false,
        }
    }
    pub fn restart(&mut self) {
        *self = Tones::new();
    }
    pub fn skip(&mut self, _samples: u32) {
        self.filled = 0;
    }
    pub fn heard(&self) -> u32 {
        self.heard
    }
    /// Takes one sample; at the end of a hop says whether it is suspicious and what is detected.
    pub fn push(&mut self, sample: f32) -> Option<(bool, Tone)> {
        self.heard = self.heard.saturating_add(1);
        self.block[self.filled] = sample;
        self.filled += 1;
        if self.filled < 100 {
            return (self.filled % HOP == 0)
                .then_some((self.suspicious, if self.reported { Tone::Goes } else { Tone::Nothing }));
        }
        self.filled = 0;
        let found = self.pair();
        self.suspicious = found.is_some();
        match found {
            Some(code) => {
                self.off = 0;
                self.same = if code == self.last { self.same + 1 } else { 1 };
                self.last = code;
                if self.same == 3 && !self.reported {
                    self.reported = true;
                    return Some((true, Tone::Began { code, ago: 300 }));
                }
                self.same = self.same.min(4);
            }
            None => {
                self.off += 1;
                if self.off >= 2 {
                    self.off = 2;
                    (self.same, self.last, self.reported) = (0, 255, false);
                }
            }
        }
        Some((self.suspicious, if self.reported { Tone::Goes } else { Tone::Nothing }))
    }
    fn pair(&self) -> Option<u8> {
        const F: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
        let mut p = [0.0f32; 8];
        let mut e = 0.0;
        for x in &self.block {
            e += x * x;
        }
        if e < 100.0 * 100.0 * 100.0 {
            return None;
        }
        for (k, f) in F.iter().enumerate() {
            let c = 2.0 * (2.0 * std::f32::consts::PI * f / 8000.0).cos();
            let (mut a, mut b) = (0.0, 0.0);
            for x in &self.block {
                let t = x + c * a - b;
                b = a;
                a = t;
            }
            p[k] = (a * a + b * b - c * a * b) * 2.0 / 100.0;
        }
        let best = |r: std::ops::Range<usize>| r.max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap_or(0);
        let (l, h) = (best(0..4), best(4..8));
        if (p[l] + p[h]) / e < 0.65 {
            return None;
        }
        const MAP: [u8; 16] = [1, 2, 3, 12, 4, 5, 6, 13, 7, 8, 9, 14, 10, 0, 11, 15];
        Some(MAP[l * 4 + h - 4])
    }
}
