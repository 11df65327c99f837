//! What the mask costs beside spandsp's detector, both timed by turns in the same run.

use super::adapter;
use serde_json::{Value, json};
use tonewall_loadtest::corpus::{sound, spandsp, voice};
use tonewall_loadtest::rng::Rng;

/// Rounds; each takes the least of five runs a side, and of the rounds the least counts: what else the
/// machine does only ever adds, and for minutes adds a third to one side and a tenth to the other.
const ROUNDS: usize = 9;

/// Talk that both listen to, s.
const TALK_S: f64 = 240.0;

/// CPU of a packet of 20 ms as the least of all rounds, in µs; null in a build without optimisation,
/// and where spandsp is missing.
pub fn cost(seed: u64) -> Value {
    let talk = sound::pcm(&voice::talk(&mut Rng::named(seed, "cost"), TALK_S, -26.0, -12.0));
    let (mut ours, mut ear, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = if cfg!(debug_assertions) { 0 } else { ROUNDS };
    for _ in 0..rounds {
        ours.push(adapter::us_per_packet(&talk));
        theirs.extend(spandsp::us_per_packet(&talk));
        ear.push(adapter::ear_us_per_packet(&talk));
    }
    let (ours, ear, theirs) = (least(&ours), least(&ear), least(&theirs));
    json!({
        "cpu_us_per_packet": ours,
        "spandsp_us_per_packet": theirs,
        "cpu_ratio_to_spandsp": ours.zip(theirs).map(|(ours, theirs)| ours / theirs),
        "ear_us_per_packet": ear,
    })
}

fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}
