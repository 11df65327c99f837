//! The text is what Prometheus reads; the meter counts what the views of a call show.

use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;
use tonewall_model::call::{CallView, PayView, Phase};
use tonewall_model::capture::{FailWhy, Progress};
use tonewall_model::ids::CallId;

/// After at least one of everything.
fn counted() -> Metrics {
    let metrics = Metrics::new();
    metrics.call_ended(RouteKind::OnDemand, EndedWhy::AgentHungUp);
    metrics.capture_step(Field::Pan, Step::Complete, Duration::from_millis(12_500));
    metrics.payment(AttemptState::Declined);
    metrics.key_shown(Duration::from_micros(800));
    metrics.key_shown(Duration::from_secs(3));
    metrics.secured(284);
    metrics.unwell(Unwell::Source);
    metrics.leaked();
    metrics.sign_in(SignIn::Locked);
    metrics.csp_reports(1);
    metrics.receipt(Receipt::Sent);
    metrics.job(JobRun::Done);
    metrics.evidence(Evidence::Red);
    metrics
}

/// A sample's name and labels, as they stand in the text, and its value.
pub(super) type Samples = BTreeMap<String, f64>;

/// Reads the text format 0.0.4 and refuses what a strict reader would: a sample outside its family, a
/// family without help or type, a repeated sample, buckets that fall.
pub(super) fn read(text: &str) -> Samples {
    let mut samples = Samples::new();
    let mut families = BTreeSet::new();
    let (mut name, mut kind, mut bucket) = (String::new(), String::new(), 0.0);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (of, help) = rest.split_once(' ').expect("help has words");
            assert!(help.ends_with('.') && families.insert(of.to_owned()), "{line}");
            (name, kind) = (of.to_owned(), String::new());
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (of, is) = rest.split_once(' ').expect("a type");
            assert!(of == name && ["counter", "gauge", "histogram"].contains(&is), "{line}");
            assert_eq!(is == "counter", of.ends_with("_total"), "{line}");
            kind = is.to_owned();
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let value: f64 = value.parse().expect("a number");
        assert!(!kind.is_empty() && value >= 0.0, "{line}");
        let own = series.split('{').next().expect("a name");
        let suffix = own.strip_prefix(name.as_str()).unwrap_or_else(|| panic!("not of {name}: {line}"));
        match (kind.as_str(), suffix) {
            ("histogram", "_bucket") => {
                assert!(value >= bucket, "buckets fall: {line}");
                bucket = value;
            }
            ("histogram", "_count") => {
                assert_eq!(value, bucket, "{line}");
                bucket = 0.0;
            }
            ("histogram", "_sum") | ("counter" | "gauge", "") => {}
            _ => panic!("{line}"),
        }
        assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }
    assert!(text.ends_with('\n') && families.len() > 30);
    samples
}

#[test]
fn the_text_is_what_prometheus_reads() {
    let text = counted().written().expect("written");
    let samples = read(&text);
    let expected = [
        ("tonewall_calls_total{ended=\"agent_hung_up\",route=\"on_demand\"}", 1.0),
        ("tonewall_calls_total{ended=\"crashed\",route=\"in_path\"}", 0.0),
        ("tonewall_capture_steps_total{field=\"pan\",outcome=\"complete\"}", 1.0),
        ("tonewall_capture_step_duration_seconds_bucket{field=\"pan\",le=\"10\"}", 0.0),
        ("tonewall_capture_step_duration_seconds_bucket{field=\"pan\",le=\"15\"}", 1.0),
        ("tonewall_payments_total{outcome=\"declined\"}", 1.0),
        ("tonewall_payments_total{outcome=\"unknown\"}", 0.0),
        ("tonewall_key_to_event_seconds_bucket{le=\"0.001\"}", 1.0),
        ("tonewall_key_to_event_seconds_bucket{le=\"1\"}", 1.0),
        ("tonewall_key_to_event_seconds_bucket{le=\"+Inf\"}", 2.0),
        ("tonewall_secure_seconds_bucket{le=\"0.3\"}", 1.0),
        ("tonewall_sign_ins_total{outcome=\"locked\"}", 1.0),
        ("tonewall_line_unwell_total{why=\"source\"}", 1.0),
        ("tonewall_line_unwell_total{why=\"storm\"}", 0.0),
        ("tonewall_leaks_total", 1.0),
        ("tonewall_csp_reports_total", 1.0),
        ("tonewall_receipts_total{state=\"sent\"}", 1.0),
        ("tonewall_outbox_events_total{outcome=\"done\"}", 1.0),
        ("tonewall_media_dropped_total{why=\"stranger\"}", 0.0),
        ("tonewall_calls_live", 0.0),
    ];
    for (series, value) in expected {
        assert_eq!(samples.get(series), Some(&value), "{series}");
    }
    checked(&text);
}

/// Lets promtool judge a text; whether it did is told, so that nobody takes the one for the other.
pub(super) fn checked(text: &str) {
    match promtool(text) {
        Some((passed, said)) => assert!(passed && said.trim().is_empty(), "promtool: {said}"),
        None => println!("promtool is not here: the text was checked by the strict reader alone"),
    }
}

/// What `promtool check metrics` says of a text, where it is installed.
fn promtool(text: &str) -> Option<(bool, String)> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("is read");
    let output = child.wait_with_output().expect("ends");
    println!("promtool check metrics ran");
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn labels_hold_words_of_ours_and_no_digit() {
    let text = counted().written().expect("written");
    let mut labels = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, rest)) = line.split_once('{') else { continue };
        let (pairs, _) = rest.split_once('}').expect("closed");
        for (name, value) in pairs.split(',').map(|pair| pair.split_once('=').expect("a pair")) {
            let value = value.trim_matches('"');
            let word = value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(word || ["le", "version"].contains(&name), "{line}");
            labels += 1;
        }
    }
    assert!(labels > 100);
}

#[test]
fn each_time_that_a_line_turns_unclear_counts_and_a_leak_once() {
    let metrics = Metrics::new();
    let mut meter = CallMeter::new(metrics.clone());
    let of = |unwell, leaked| CallView { unwell, leaked, ..view(None) };
    let (clock, storm) = (Some(Unwell::Clock), Some(Unwell::Storm));
    let views = [of(None, false), of(clock, false), of(clock, false), of(storm, false), of(None, true)];
    let none = of(None, false);
    let start = [none.clone(), of(Some(Unwell::Detector), false)];
    let last = [of(clock, true), none, of(None, true)];
    for view in start.into_iter().chain(views).chain(last) {
        meter.see(&view, Instant::now());
    }
    let samples = read(&metrics.written().expect("written"));
    let of = |why: &str| samples[&format!("tonewall_line_unwell_total{{why=\"{why}\"}}")];
    assert_eq!((of("clock"), of("storm"), of("source"), of("detector")), (2.0, 1.0, 0.0, 1.0));
    assert_eq!(samples["tonewall_leaks_total"], 1.0);
}

#[test]
fn a_clone_counts_into_the_same() {
    let metrics = Metrics::new();
    metrics.clone().csp_reports(1);
    let samples = read(&metrics.written().expect("written"));
    assert_eq!(samples["tonewall_csp_reports_total"], 1.0);
    // And another system into its own.
    let other = read(&Metrics::new().written().expect("written"));
    assert_eq!(other["tonewall_csp_reports_total"], 0.0);
}

/// A call that is connected, with a capture at `field`.
pub(crate) fn view(field: Option<Field>) -> CallView {
    CallView {
        id: CallId::from_random(1),
        route: RouteKind::OnDemand,
        agent: None,
        caller: String::new(),
        phase: Phase::Connected,
        secured: true,
        secured_ms: Some(120),
        unwell: None,
        leaked: false,
        slow_keys: false,
        capture: Progress {
            field,
            filled: 0,
            brand: None,
            last4: None,
            expiry: None,
            closed: Vec::new(),
            code_digits: 0,
            address_given: false,
            problem: None,
            tries_left: 3,
            warnings: Vec::new(),
            stalled: None,
            ignored: 0,
        },
        capture_open: true,
        capture_ends: None,
        capture_complete: field.is_none(),
        capture_failed: None,
        capture_cancelled: false,
        payment: PayView::none(),
        keys: 0,
    }
}

/// The views of one call, a second apart, and what was counted of its steps and its securing.
fn seen(views: &[CallView]) -> Vec<String> {
    let metrics = Metrics::new();
    let start = Instant::now();
    let mut meter = CallMeter::new(metrics.clone());
    for (view, at_s) in views.iter().zip(0..) {
        meter.see(view, start + Duration::from_secs(at_s));
    }
    drop(meter);
    let samples = read(&metrics.written().expect("written"));
    let wanted = |name: &&String| {
        name.starts_with("tonewall_capture_steps") || name.ends_with("_sum") || name.contains("_sum{")
    };
    let counted = samples.iter().filter(|(name, value)| **value > 0.0 && wanted(name));
    let short = |name: &str| name.trim_start_matches("tonewall_").replace('"', "").replace(['{', '}'], " ");
    counted.map(|(name, value)| format!("{}= {value}", short(name))).collect()
}

#[test]
fn a_capture_from_the_first_field_to_the_last() {
    let mut code = view(Some(Field::Code));
    code.capture.closed = vec![(Field::Pan, 16), (Field::Expiry, 4)];
    let mut expiry = view(Some(Field::Expiry));
    expiry.capture.closed = vec![(Field::Pan, 16)];
    let mut again = expiry.clone();
    again.capture.tries_left = 2;
    let mut done = code.clone();
    done.capture.field = None;
    done.capture_complete = true;
    let idle = CallView { capture_open: false, secured_ms: None, ..view(None) };
    let pan = view(Some(Field::Pan));
    expect_test::expect![[r#"
        [
            "capture_step_duration_seconds_sum field=code = 1",
            "capture_step_duration_seconds_sum field=expiry = 3",
            "capture_step_duration_seconds_sum field=pan = 2",
            "capture_steps_total field=code,outcome=complete = 1",
            "capture_steps_total field=expiry,outcome=complete = 1",
            "capture_steps_total field=expiry,outcome=try_again = 1",
            "capture_steps_total field=pan,outcome=complete = 1",
            "secure_seconds_sum= 0.12",
        ]"#]]
    .assert_eq(&format!("{:#?}", seen(&[idle, pan.clone(), pan, expiry, again.clone(), again, code, done])));
}

#[test]
fn a_field_that_is_not_completed() {
    let pan = view(Some(Field::Pan));
    let failed = CallView {
        capture_open: false,
        capture_failed: Some(FailWhy::TooManyTries(Field::Pan)),
        ..view(None)
    };
    let cancelled = CallView { capture_open: false, capture_cancelled: true, ..view(None) };
    let ended = CallView { phase: Phase::Ended(EndedWhy::CustomerHungUp), ..view(Some(Field::Pan)) };
    let mut code = view(Some(Field::Code));
    code.capture.closed = vec![(Field::Pan, 16)];
    let step = |views: &[CallView]| {
        let counted = seen(views);
        counted.into_iter().filter(|line| line.contains("steps")).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(step(&[pan.clone(), failed]), "capture_steps_total field=pan,outcome=failed = 1");
    assert_eq!(step(&[pan.clone(), cancelled]), "capture_steps_total field=pan,outcome=cancelled = 1");
    assert_eq!(step(&[pan.clone(), ended]), "capture_steps_total field=pan,outcome=abandoned = 1");
    // The actor died with the question open.
    assert_eq!(step(std::slice::from_ref(&pan)), "capture_steps_total field=pan,outcome=abandoned = 1");
    // The agent goes back to the number before the code is keyed.
    let back = "capture_steps_total field=code,outcome=left = 1; capture_steps_total field=pan,outcome=abandoned = 1";
    assert_eq!(step(&[code, pan]), back);
}
