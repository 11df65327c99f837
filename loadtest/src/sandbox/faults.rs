//! How the gateway misbehaves: the twelve answers, their weights, and what is drawn next.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Longest of every settable time, in milliseconds.
pub(super) const TIME_MS_MAX: u64 = 120_000;
/// Most answers that may be forced in advance.
pub(super) const NEXT_MAX: usize = 1_000;
/// Largest weight: twelve of them still fit a `u32`.
const WEIGHT_MAX: u32 = 1_000_000;

/// One of the twelve answers. "Before" is before the work is done (nothing charged), "after" is after it (charged).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The card's own behaviour.
    Ok,
    /// A payment is declined.
    Decline,
    /// Done, after half of `hang_ms`.
    Slow,
    /// Not done; held for `hang_ms`, then reset.
    TimeoutBefore,
    /// Done; held for `hang_ms`, then reset.
    TimeoutAfter,
    /// Not done; reset (RST) at once.
    ResetBefore,
    /// Done; reset (RST) at once.
    ResetAfter,
    /// Not done; 500.
    E500Before,
    /// Done; 500.
    E500After,
    /// Done; 200, not JSON.
    GarbageAfter,
    /// Done; 200 promising 900 bytes, cut, reset.
    TruncatedAfter,
    /// Not done; 429.
    E429,
}

/// A weight for each of the twelve answers; a weight left out of the JSON is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "each field is the weight of the `Fault` of its name")]
pub struct FaultMix {
    pub ok: u32,
    pub decline: u32,
    pub slow: u32,
    pub timeout_before: u32,
    pub timeout_after: u32,
    pub reset_before: u32,
    pub reset_after: u32,
    pub e500_before: u32,
    pub e500_after: u32,
    pub garbage_after: u32,
    pub truncated_after: u32,
    pub e429: u32,
}

impl FaultMix {
    /// The hostile mix that the product's payment exactness is measured against.
    pub const HOSTILE: Self = Self {
        ok: 60,
        decline: 5,
        slow: 5,
        timeout_before: 5,
        timeout_after: 5,
        reset_before: 4,
        reset_after: 4,
        e500_before: 3,
        e500_after: 3,
        garbage_after: 2,
        truncated_after: 2,
        e429: 2,
    };

    fn weights(&self) -> [(Fault, u32); 12] {
        [
            (Fault::Ok, self.ok),
            (Fault::Decline, self.decline),
            (Fault::Slow, self.slow),
            (Fault::TimeoutBefore, self.timeout_before),
            (Fault::TimeoutAfter, self.timeout_after),
            (Fault::ResetBefore, self.reset_before),
            (Fault::ResetAfter, self.reset_after),
            (Fault::E500Before, self.e500_before),
            (Fault::E500After, self.e500_after),
            (Fault::GarbageAfter, self.garbage_after),
            (Fault::TruncatedAfter, self.truncated_after),
            (Fault::E429, self.e429),
        ]
    }

    /// Weights are bounded and not all 0.
    pub(super) fn is_valid(&self) -> bool {
        let weights = self.weights();
        weights.iter().all(|(_, weight)| *weight <= WEIGHT_MAX)
            && weights.iter().any(|(_, weight)| *weight > 0)
    }

    /// The answer that `random` falls on.
    pub(super) fn pick(&self, random: u64) -> Fault {
        let weights = self.weights();
        let total: u64 = weights.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut point = random % total.max(1);
        for (fault, weight) in weights {
            if point < u64::from(weight) {
                return fault;
            }
            point -= u64::from(weight);
        }
        Fault::Ok
    }
}

/// Every setting that may change while the gateway runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Weights of the twelve answers; `None`: chaos is off and the cards alone decide.
    pub mix: Option<FaultMix>,
    /// Answers forced on the next payments, voids and refunds, before the mix is drawn. At most 1,000.
    pub next: VecDeque<Fault>,
    /// A payment younger than this is not found by its reference.
    pub query_lag_ms: u64,
    /// How long the slow test card takes.
    pub slow_ms: u64,
    /// How long a connection without an answer is held.
    pub hang_ms: u64,
    /// When a pending payment becomes approved.
    pub pending_ms: u64,
    /// Whether idempotency keys and unique references are enforced.
    pub idempotency: bool,
}

impl Faults {
    /// Takes the next forced answer, else draws one from the mix, else `Ok`.
    pub(super) fn draw(&mut self, random: &mut SplitMix) -> Fault {
        if let Some(fault) = self.next.pop_front() {
            return fault;
        }
        self.mix.map_or(Fault::Ok, |mix| mix.pick(random.next()))
    }

    /// The first setting that is out of its bounds, by name.
    pub(super) fn invalid_field(&self) -> Option<&'static str> {
        let times = [
            ("query_lag_ms", self.query_lag_ms),
            ("slow_ms", self.slow_ms),
            ("hang_ms", self.hang_ms),
            ("pending_ms", self.pending_ms),
        ];
        if let Some((name, _)) = times.iter().find(|(_, time_ms)| *time_ms > TIME_MS_MAX) {
            return Some(name);
        }
        if self.mix.is_some_and(|mix| !mix.is_valid()) {
            return Some("mix");
        }
        (self.next.len() > NEXT_MAX).then_some("next")
    }
}

/// A change to the settings: what is `None` stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultsPatch {
    #[serde(default, deserialize_with = "given")]
    mix: Option<Option<MixPatch>>,
    next: Option<VecDeque<Fault>>,
    query_lag_ms: Option<u64>,
    slow_ms: Option<u64>,
    hang_ms: Option<u64>,
    pending_ms: Option<u64>,
    idempotency: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MixPatch {
    Named(NamedMix),
    Weights(FaultMix),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum NamedMix {
    Default,
}

/// Tells `"mix":null` (turn it off) from a field left out (leave it).
fn given<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Option<MixPatch>>, D::Error> {
    Option::deserialize(input).map(Some)
}

impl FaultsPatch {
    /// The settings after this change; not yet checked for bounds.
    pub(super) fn applied_to(self, now: &Faults) -> Faults {
        Faults {
            mix: match self.mix {
                None => now.mix,
                Some(None) => None,
                Some(Some(MixPatch::Named(NamedMix::Default))) => Some(FaultMix::HOSTILE),
                Some(Some(MixPatch::Weights(mix))) => Some(mix),
            },
            next: self.next.unwrap_or_else(|| now.next.clone()),
            query_lag_ms: self.query_lag_ms.unwrap_or(now.query_lag_ms),
            slow_ms: self.slow_ms.unwrap_or(now.slow_ms),
            hang_ms: self.hang_ms.unwrap_or(now.hang_ms),
            pending_ms: self.pending_ms.unwrap_or(now.pending_ms),
            idempotency: self.idempotency.unwrap_or(now.idempotency),
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): a seed gives the same faults again.
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
