//! A key that somebody talks over: what stays the same for 50 ms while the voice moves.
//!
//! One window cannot tell a key from two harmonics when other harmonics are as loud. But a key keeps
//! both frequencies, phases and levels from its first to its last period, so what is added up in
//! phase over many windows is the key alone; harmonics of a voice glide and cancel.

use super::detector::is_twist_of_phones;
use super::filters::Energy;
use super::fit::{BANK, Fit, Pair, Tables, WINDOW, WINDOW_HOPS};
use super::front::{Front, LOOK_BACK_HOPS};
use super::shares::Shares;
use super::suspicion::Look;

/// A pair that is added up.
pub struct Steady {
    /// Which one.
    pub pair: Pair,
    /// Windows so far.
    pub hops: u32,
    misses: u32,
    /// Sums of the tones' amplitudes (cosine, sine), turned back to the first window.
    sums: [[f32; 2]; 2],
    /// Sums of squared amplitudes.
    squares: [f32; 2],
    /// How far the tones have turned since the first window: cosine, sine.
    turned: [[f32; 2]; 2],
    energy: Energy,
    /// Least energy that the pair had a window before the first; `None` if nothing is known.
    before: Option<f32>,
}

/// What is enough: the shorter, the steadier and the more alone.
struct Proof {
    /// Windows.
    hops: u32,
    /// See [`Steady::coherence`].
    coherence: f32,
    /// Share of what was in the band all the while.
    share: f32,
}

/// What is enough of any pair. Looser by 0.04 and 0.06, they report a digit in every few hours of talk.
const PROOFS: [Proof; 7] = [
    Proof { hops: 10, coherence: 0.955, share: 0.87 },
    Proof { hops: 13, coherence: 0.94, share: 0.83 },
    Proof { hops: 13, coherence: 0.8, share: 0.9 },
    Proof { hops: 16, coherence: 0.93, share: 0.63 },
    Proof { hops: 19, coherence: 0.91, share: 0.61 },
    Proof { hops: 22, coherence: 0.89, share: 0.63 },
    Proof { hops: 25, coherence: 0.86, share: 0.63 },
];

/// What is enough of a pair that came at once and is even.
const PROOFS_OF_NEW: [Proof; 5] = [
    Proof { hops: 16, coherence: 0.91, share: 0.59 },
    Proof { hops: 19, coherence: 0.88, share: 0.57 },
    Proof { hops: 22, coherence: 0.84, share: 0.57 },
    Proof { hops: 25, coherence: 0.81, share: 0.56 },
    Proof { hops: 28, coherence: 0.78, share: 0.55 },
];

/// What is enough of a pair with hardly anything below it and beside it, which no voice leaves alone: a
/// codec for voices makes it waver as a voice does. A tone of 23 ms has 14 windows.
const PROOF_OF_LONE: Proof = Proof { hops: 16, coherence: 0.5, share: 0.67 };
const LONE: Shares = Shares { band: 0.67, voice: 0.95, all: 0.67 };

/// What is enough of any pair shortly after a key, if it is as loud: who keys goes on keying. Talk that
/// nobody keyed in would hold such pairs too.
const PROOFS_EXPECTED: [Proof; 5] = [
    Proof { hops: 13, coherence: 0.9, share: 0.54 },
    Proof { hops: 16, coherence: 0.86, share: 0.52 },
    Proof { hops: 19, coherence: 0.82, share: 0.5 },
    Proof { hops: 22, coherence: 0.78, share: 0.5 },
    Proof { hops: 28, coherence: 0.72, share: 0.5 },
];

/// Ratio of squared amplitudes either way up to which a tone is as loud: 4 dB, for a voice beside it adds
/// or takes some.
const LIKE: f32 = 2.5;

/// What a pair needs that a voice makes while it keeps its pitch, one or the other: the pitch and its
/// other harmonics would be heard too. In 66 h of talk no other pair was taken for a key; with 0.02 less in
/// each, one of these was.
const SUNG: [Shares; 2] =
    [Shares { band: 0.66, voice: 0.88, all: 0.63 }, Shares { band: 0.8, voice: 0.6, all: 0.75 }];

/// How much louder than before it began: a key comes at once, harmonics glide into its place.
const GROWN: f32 = 8.0;

/// Ratio of squared amplitudes either way: 6 dB. Phones send both alike; of two harmonics the upper
/// one is mostly the weaker by more.
const EVEN_MAX: f32 = 4.0;

/// What any pair needs of the voice below the band, and of all there was.
const ANY: Shares = Shares { band: 0.49, voice: 0.6, all: 0.45 };

/// Lowest tone: −29 dBm0. Who speaks softly enough to be drowned by less is no caller.
const TONE_MIN: f32 = 22_400.0 * 22_400.0 * 1.26e-3;

/// What a pair needs to be added up at all, as a share of its band.
const FAIR: f32 = 0.5;

/// Windows in a row with less, after which it is given up.
const MISSES_MAX: u32 = 3;

impl Steady {
    /// Begins with a window that may be the first of a key.
    pub fn begin(front: &Front, tables: &Tables, look: &Look) -> Option<Steady> {
        let is_fair = look.tuned.is_some() && is_fair(&look.nominal, &look.energy);
        is_fair.then(|| {
            let mut steady = Steady {
                pair: look.pair,
                hops: 0,
                misses: 0,
                sums: [[0.0; 2]; 2],
                squares: [0.0; 2],
                turned: [[1.0, 0.0]; 2],
                energy: Energy::default(),
                before: before(front, tables, look.pair),
            };
            steady.add(&look.nominal, &look.energy);
            steady
        })
    }

    /// Goes on with the next window, and adds it if correlations are known; `None` if the pair is gone.
    pub fn go_on(
        mut self,
        tables: &Tables,
        correlations: Option<&[f32; BANK]>,
        energy: &Energy,
    ) -> Option<Steady> {
        for (turned, turn) in self.turned.iter_mut().zip(tables.hop_turns(self.pair)) {
            let [c, s] = *turned;
            *turned = [c * turn[0] - s * turn[1], s * turn[0] + c * turn[1]];
        }
        let fit = correlations.map(|found| tables.nominal(self.pair, found));
        let is_fair = fit.is_some_and(|fit| is_fair(&fit, energy));
        self.misses = if is_fair { 0 } else { self.misses + 1 };
        if let Some(fit) = fit {
            self.add(&fit, energy);
        }
        (self.misses <= MISSES_MAX).then_some(self)
    }

    fn add(&mut self, fit: &Fit, energy: &Energy) {
        let [a, b, c, d] = fit.amplitudes();
        for (tone, [cosine, sine]) in [[a, b], [c, d]].into_iter().enumerate() {
            // A·cos(ωn) + B·sin(ωn) is the real part of (A − iB)·e^{iωn}.
            let [turned, turned_sine] = self.turned[tone];
            self.sums[tone][0] += cosine * turned - sine * turned_sine;
            self.sums[tone][1] += -sine * turned - cosine * turned_sine;
            self.squares[tone] += cosine * cosine + sine * sine;
        }
        self.hops += 1;
        self.energy.band += energy.band;
        self.energy.voice += energy.voice;
        self.energy.all += energy.all;
    }

    /// Whether it has stayed the same for long enough to be a key; `expected` are the squared amplitudes of
    /// one that was pressed shortly before.
    pub fn is_key(&self, expected: Option<[f32; 2]>) -> bool {
        let hops = self.hops as f32;
        let [low, high] = self.squared();
        let energy = 0.5 * WINDOW as f32 * hops * (low + high);
        let share = energy / self.energy.band;
        let coherence = self.coherence();
        let proves =
            |proof: &Proof| self.hops >= proof.hops && coherence > proof.coherence && share > proof.share;
        let is_even = low < EVEN_MAX * high && high < EVEN_MAX * low;
        let is_new = is_even && self.before.is_none_or(|before| energy > GROWN * hops * before);
        let is_like = |now: f32, then: f32| now < LIKE * then && then < LIKE * now;
        let is_expected = expected.is_some_and(|then| is_like(low, then[0]) && is_like(high, then[1]));
        let holds = |shares: &Shares| shares.hold_energy(energy, &self.energy);
        is_twist_of_phones(low, high)
            && low.min(high) > TONE_MIN
            && holds(&ANY)
            && (is_expected && PROOFS_EXPECTED.iter().any(proves)
                || (!self.pair.is_sung() || SUNG.iter().any(holds))
                    && (PROOFS.iter().any(proves)
                        || is_new && PROOFS_OF_NEW.iter().any(proves)
                        || holds(&LONE) && proves(&PROOF_OF_LONE)))
    }

    /// Squared amplitudes of the two tones, as far as they stayed the same.
    pub fn squared(&self) -> [f32; 2] {
        let hops = self.hops as f32;
        self.sums.map(|[cosine, sine]| (cosine * cosine + sine * sine) / (hops * hops))
    }

    /// How much of the two tones stayed the same, 0 to 1: the lesser of both.
    pub fn coherence(&self) -> f32 {
        let [low, high] = self.squared();
        let hops = self.hops as f32;
        (low * hops / self.squares[0]).min(high * hops / self.squares[1])
    }
}

/// Least energy of a pair 12.5 to 25 ms ago.
fn before(front: &Front, tables: &Tables, pair: Pair) -> Option<f32> {
    let energy = |ago| front.window(ago).map(|window| tables.nominal_again(pair, &window).energy);
    (WINDOW_HOPS..=LOOK_BACK_HOPS).filter_map(energy).reduce(f32::min)
}

fn is_fair(fit: &Fit, energy: &Energy) -> bool {
    fit.energy > FAIR * energy.band
}
