//! The mask under the corpus of `loadtest`: its figures, and the doors by which others can judge it.

mod adapter;
mod cost;
mod doors;
mod peers;
mod plots;
mod svg;

use serde_json::{Value, json};
use std::path::Path;
use tonewall_loadtest::corpus::figures::{Size, changed_pct, figures, percentile_ms};
use tonewall_loadtest::corpus::listener::Listener;
use tonewall_loadtest::corpus::network::{Datagram, Network, coded, delays_us, packets};
use tonewall_loadtest::corpus::product::{Product, Style};
use tonewall_loadtest::corpus::sound::pcm;
use tonewall_loadtest::corpus::{gsm, leak, spandsp, voice};
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::rng::Rng;

/// Figures that mean little without a program: talk without espeak-ng is one mild voice, and the hard
/// set without sox lacks its GSM round trips.
const NEEDS_ESPEAK: &[&str] = &[
    "muted_speech_field_open_pct",
    "muted_speech_pct",
    "muted_at_3pct_loss_pct",
    "red_verdicts_per_1000h",
    "false_digits_speech",
    "spandsp_false_digits_speech",
];
const NEEDS_SOX: &[&str] = &[
    "hard_named",
    "accept_pct",
    "accept_worst_category",
    "accept_worst_category_pct",
    "doubled",
    "accept_wrong",
    "spandsp_accept_pct",
    "spandsp_accept_wrong",
];

/// All keys, because a goal of 0 is about each of them, and a little of the talk.
const SHORT: Size = Size { every: 1, ..Size::SHORT };

/// All figures of the mask as one JSON object; the whole sets or the short ones.
pub fn mask_figures(seed: u64, whole: bool) -> Value {
    let size = if whole { Size::WHOLE } else { SHORT };
    let mut all = json!(figures(&adapter::product(), seed, size));
    merge(&mut all, cost::cost(seed));
    merge(&mut all, delays(seed));
    merge(&mut all, muted_while_asked(seed));
    if let Some(folder) = std::env::var_os("TONEWALL_TEST_PLOTS") {
        plots::draw(seed, Path::new(&folder)).expect("the plots can be written");
    }
    let mut missing = Vec::new();
    if std::env::var_os("TONEWALL_TEST_PEERS").is_some() {
        match peers::rtpengine(seed) {
            Some(theirs) => merge(&mut all, theirs),
            None => missing.push("rtpengine-daemon"),
        }
    }
    for (program, is_there, keys) in [
        ("espeak-ng", voice::has_espeak(), NEEDS_ESPEAK),
        ("sox", gsm::is_there(), NEEDS_SOX),
        ("libspandsp-dev", spandsp::is_there(), &[]),
    ] {
        if is_there {
            continue;
        }
        missing.push(program);
        keys.iter().for_each(|key| all[*key] = Value::Null);
    }
    merge(&mut all, json!({ "missing": missing, "seed": seed, "whole": whole }));
    all
}

fn merge(all: &mut Value, more: Value) {
    let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) else { return };
    all.extend(more);
}

/// Share of packets of 20 ms of gap-free talk that are changed while a field is open, %.
fn muted_while_asked(seed: u64) -> Value {
    let mut rng = Rng::named(seed, "talk while a field is open");
    let sent = packets(Law::A, &coded(Law::A, &pcm(&voice::talk(&mut rng, 600.0, -26.0, -12.0))), 20);
    let left = adapter::secure_asked(Law::A, 20, Style::Silence, &sent).datagrams;
    json!({ "muted_speech_field_open_pct": changed_pct(&sent, &left) })
}

/// Added delay in ms at the other packet lengths, and on a line that is not secured, from a sender that
/// is up to 1 ms late.
fn delays(seed: u64) -> Value {
    let mut rng = Rng::named(seed, "delay at every packet length");
    let codes = coded(Law::A, &pcm(&voice::talk(&mut rng, 30.0, -22.0, -18.0)));
    let network = Network { jitter_ms: 1.0, ..Network::default() };
    let mut all = json!({});
    for ptime_ms in [10, 30, 40] {
        let arrived = network.carry(&mut rng, packets(Law::A, &codes, ptime_ms));
        let left = adapter::secure(Law::A, ptime_ms, Style::Silence, &arrived).datagrams;
        let mut delays = delays_us(&arrived, &left);
        for (name, share) in [("p50", 50), ("p99", 99)] {
            all[format!("delay_ptime{ptime_ms}_{name}_ms")] = json!(percentile_ms(&mut delays, share));
        }
    }
    let arrived = network.carry(&mut rng, packets(Law::A, &codes, 20));
    let p99_ms = |left: &[Datagram]| percentile_ms(&mut delays_us(&arrived, left), 99);
    let open_ms = p99_ms(&adapter::relay(Law::A, 20, &arrived).datagrams);
    // The control: the same measure finds the delay of the same packets on a secured line.
    let secured_ms = p99_ms(&adapter::secure(Law::A, 20, Style::Silence, &arrived).datagrams);
    all["delay_open_p99_ms"] = json!(open_ms.filter(|_| secured_ms.is_some_and(|ms| ms >= 20.0)));
    all
}

/// Seeds and sources of which a key was named once, among some two million.
const ONCE_NAMED: [(u64, &str); 7] = [
    (283, "plain PCMA 80 ms -20 dBm0 spoken true"),
    (294, "plain PCMA 40 ms -25 dBm0 spoken true"),
    (429, "plain PCMA 50 ms -20 dBm0 spoken true"),
    (473, "plain PCMA 80 ms -25 dBm0 spoken true"),
    (9804, "plain PCMU 80 ms -20 dBm0 spoken true"),
    (206, "GSM 50 ms PCMA 10"),
    (9907, "GSM 50 ms PCMA 10"),
];

/// The same of keys that a voice hid which was as loud just then: the six that were named of 1,123,200.
const NAMED_UNLESS_ASKED_FOR: [(u64, &str); 6] = [
    (312, "plain PCMU 40 ms -8 dBm0 spoken true"),
    (374, "plain PCMU 80 ms -8 dBm0 spoken true"),
    (438, "plain PCMA 80 ms -8 dBm0 spoken true"),
    (630, "plain PCMA 80 ms -20 dBm0 spoken true"),
    (764, "plain PCMU 80 ms -25 dBm0 spoken true"),
    (778, "plain PCMA 50 ms -25 dBm0 spoken true"),
];

#[test]
fn keys_that_were_named_once_are_not_any_more() {
    are_not_named(&adapter::product(), &ONCE_NAMED);
}

#[test]
fn keys_that_a_voice_hides_are_not_named_while_a_field_is_open() {
    let product = Product { secure: &adapter::secure_asked, ..adapter::product() };
    are_not_named(&product, &NAMED_UNLESS_ASKED_FOR);
}

fn are_not_named(product: &Product, sources: &[(u64, &str)]) {
    let listener = Listener::patient();
    for (seed, name) in sources {
        if name.starts_with("GSM") && !gsm::is_there() {
            println!("{name}: sox is not here, so nothing is judged of it");
            continue;
        }
        let all = leak::plain().into_iter().chain(leak::hard());
        let source = all.into_iter().find(|source| source.name == *name).expect(name);
        let named = leak::judge(product, &listener, *seed, &source);
        assert!(named.control * 100 >= named.digits * 95, "{named:?}");
        assert_eq!(named.masked, 0, "{named:?}");
    }
}
