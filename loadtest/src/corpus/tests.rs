//! The judge is judged: what it makes from a seed, what it hears, what it counts.

use super::detection::{Score, must_accept, score, takes};
use super::figures::{Size, figures, percentile_ms, red_per_1000h};
use super::leak::{hard, judge, plain};
use super::listener::Listener;
use super::network::{Datagram, Network, coded, decoded, delays_us, laid_out, packets, silence};
use super::product::{Passed, Product, Report, Secure, Style};
use super::sound::{Digit, Train};
use crate::g711::Law;
use crate::rng::Rng;

/// A relay that masks nothing.
fn relay(_: Law, _: u8, _: Style, arrived: &[Datagram]) -> Passed {
    Passed { datagrams: arrived.to_vec(), reports: Vec::new() }
}

/// A relay that lets nothing be heard.
fn mute(law: Law, _: u8, _: Style, arrived: &[Datagram]) -> Passed {
    let mut datagrams = arrived.to_vec();
    for datagram in &mut datagrams {
        datagram.bytes[12..].fill(silence(law));
    }
    Passed { datagrams, reports: Vec::new() }
}

fn product<'a>(secure: &'a Secure<'a>) -> Product<'a> {
    Product {
        secure,
        detect: &|_| Vec::new(),
        verdict: &|_| false,
        tally: &|_| vec![(1.0, 0)],
        state_bytes: 0,
    }
}

#[test]
fn a_take_depends_on_seed_category_and_number_only() {
    let all = must_accept();
    let [first, second] = &takes(3, &all[0], 2)[..] else { panic!("two takes") };
    assert_eq!(first.samples, takes(3, &all[0], 1)[0].samples);
    assert_ne!(first.samples, second.samples);
    assert_ne!(first.samples, takes(4, &all[0], 1)[0].samples);
    assert_eq!(plain().len() * 48, 1_728);
}

#[test]
fn the_listener_names_everything_on_an_open_line_and_nothing_on_a_mute_one() {
    let listener = Listener::patient();
    let source = &plain()[0];
    let open = judge(&product(&relay), &listener, 5, source);
    assert_eq!((open.masked, open.control, open.digits), (48, 48, 48));
    let shut = judge(&product(&mute), &listener, 5, source);
    assert_eq!((shut.masked, shut.residue, shut.control), (0, 0, 48));
}

#[test]
fn every_hard_category_has_a_name_of_its_own() {
    let mut names: Vec<String> = hard().into_iter().map(|source| source.name).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn packets_come_apart_and_together_again() {
    let sound = Train::new(3, 50.0, 50.0, -10.0).make(&mut Rng::new(1));
    for law in [Law::A, Law::Mu] {
        let codes = coded(law, &sound.pcm());
        let whole = codes.len() - codes.len() % 160;
        let sent = packets(law, &codes, 20);
        assert_eq!(laid_out(&sent, whole, silence(law)), codes[..whole]);
        assert_eq!(decoded(law, &codes).len(), codes.len());
        assert!(delays_us(&sent, &sent).iter().all(|delay| *delay == 0));
        let bad = Network { loss: 0.2, reorder: 0.2, jitter_ms: 5.0 };
        let arrived = bad.carry(&mut Rng::new(2), sent.clone());
        assert!(arrived.len() < sent.len() && arrived.is_sorted_by_key(|packet| packet.at_us));
    }
}

#[test]
fn reports_are_scored_by_span() {
    let truth = [Digit { code: 5, start: 100, end: 500 }, Digit { code: 6, start: 2_000, end: 2_400 }];
    let report = |at, code| Report { at, code };
    let reports = [report(400, 5), report(600, 5), report(1_500, 5), report(2_300, 7)];
    assert_eq!(score(&reports, &truth), Score { digits: 2, found: 1, doubled: 1, wrong: 2 });
}

#[test]
fn a_red_verdict_that_was_seen_is_never_extrapolated_away() {
    let innocent = [(0.45, 20), (0.55, 6), (0.65, 1), (0.845, 0), (0.985, 0)];
    let guess = red_per_1000h(&innocent, 0, 3.0).expect("five shares");
    assert!(guess > 0.0 && guess < 10.0, "{guess}");
    assert_eq!(red_per_1000h(&innocent, 1, 3.0), Some(1_000.0 / 3.0));
    let sighted_often = [(0.45, 9_000), (0.55, 8_500), (0.65, 8_000), (0.845, 7_000), (0.985, 6_000)];
    let more = red_per_1000h(&sighted_often, 1, 3.0).expect("five shares");
    assert!(more > 1_000.0 / 3.0, "{more}");
    assert_eq!(red_per_1000h(&innocent[..4], 0, 3.0), None);
}

/// It takes no key and lets no packet out.
#[test]
fn what_does_nothing_has_no_figure_of_nought() {
    let size = Size { every: 1_000, takes: 1, talk_minutes: 1, stress_minutes: 1 };
    let gone = |_: Law, _: u8, _: Style, _: &[Datagram]| Passed::default();
    let deaf = figures(&product(&gone), 5, size);
    assert!(deaf.control_plain_named_pct >= 98.0 && deaf.plain_named == Some(0), "{deaf:?}");
    assert_eq!((deaf.accept_pct, deaf.doubled, deaf.false_digits_speech), (0.0, None, None));
    assert_eq!((deaf.delay_p50_ms, deaf.delay_p99_ms), (None, None));
    assert_eq!((deaf.red_verdicts_per_1000h, deaf.planted_leak_found), (None, false));
}

#[test]
fn a_percentile_of_nothing_is_none() {
    assert_eq!(percentile_ms(&mut [], 50), None);
    assert_eq!(percentile_ms(&mut [7_000], 99), Some(7.0));
    let mut all: Vec<u64> = (1..=200).rev().map(|ms| ms * 1_000).collect();
    assert_eq!([0, 50, 99, 100].map(|p| percentile_ms(&mut all, p)), [1.0, 100.0, 198.0, 200.0].map(Some));
}
