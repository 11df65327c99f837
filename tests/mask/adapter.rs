//! The product as the corpus wants it: the pipeline of a call, its detector, its ear.

use rustix::time::{ClockId, clock_gettime};
use tonewall_loadtest::corpus::network::{Datagram, coded, packets, samples_at};
use tonewall_loadtest::corpus::product::{Passed, Product, Report, Style};
use tonewall_loadtest::g711::Law;
use tonewall_model::dtmf::{self, EventPts, LeakWatch, Pipeline, PipelineConfig};
use tonewall_model::tenant::MaskStyle;
use tonewall_secret::Key;

/// The product's own code for [`tonewall_loadtest::corpus::figures::figures`].
pub fn product() -> Product<'static> {
    Product {
        secure: &secure,
        detect: &detect,
        verdict: &|pcm| heard(pcm).is_red(),
        tally: &|pcm| {
            let tally = heard(pcm).tally();
            dtmf::TALLY_SHARES.iter().zip(tally).map(|(share, count)| (f64::from(*share), count)).collect()
        },
        state_bytes: size_of::<Pipeline>(),
    }
}

/// Passes datagrams through one secured direction of a call, its timer included.
pub fn secure(law: Law, ptime_ms: u8, style: Style, arrivals: &[Datagram]) -> Passed {
    let mut pipeline = pipeline(law, ptime_ms, style);
    pipeline.set_secured(true);
    pass(pipeline, arrivals)
}

/// The same while a field is open.
pub fn secure_asked(law: Law, ptime_ms: u8, style: Style, arrivals: &[Datagram]) -> Passed {
    let mut pipeline = pipeline(law, ptime_ms, style);
    pipeline.set_secured(true);
    pipeline.set_field_open(true);
    pass(pipeline, arrivals)
}

/// The same on a line that is open.
pub fn relay(law: Law, ptime_ms: u8, arrivals: &[Datagram]) -> Passed {
    pass(pipeline(law, ptime_ms, Style::Silence), arrivals)
}

/// CPU microseconds that a secured line takes for a packet of 20 ms: the least of five rounds.
pub fn us_per_packet(pcm: &[i16]) -> f64 {
    let law = Law::A;
    let arrivals = packets(law, &coded(law, pcm), 20);
    least_us(arrivals.len(), || {
        let mut pipeline = pipeline(law, 20, Style::Silence);
        pipeline.set_secured(true);
        for arrival in &arrivals {
            pipeline.packet(arrival.at_us, &arrival.bytes, &mut |_| (), &mut |_| ());
        }
    })
}

/// The same of the ear that listens to what leaves.
pub fn ear_us_per_packet(pcm: &[i16]) -> f64 {
    let codes = coded(Law::A, pcm);
    least_us(codes.len() / 160, || {
        let mut ear = LeakWatch::default();
        for packet in codes.chunks_exact(160) {
            ear.listen(dtmf::Law::A, packet);
        }
        std::hint::black_box(ear.is_red());
    })
}

fn pass(mut pipeline: Pipeline, arrivals: &[Datagram]) -> Passed {
    let mut passed = Passed::default();
    for arrival in arrivals {
        overdue(&mut pipeline, arrival.at_us, &mut passed);
        let Passed { datagrams, reports } = &mut passed;
        let at_us = arrival.at_us;
        let mut out = |bytes: &[u8]| datagrams.push(Datagram { at_us, bytes: bytes.to_vec() });
        pipeline.packet(at_us, &arrival.bytes, &mut out, &mut |press| {
            reports.push(Report { at: samples_at(at_us), code: code(&press.key) });
        });
    }
    overdue(&mut pipeline, u64::MAX, &mut passed);
    passed
}

/// Lets the timer go off that the media thread would have waited for.
fn overdue(pipeline: &mut Pipeline, until_us: u64, passed: &mut Passed) {
    while let Some(at_us) = pipeline.next_timeout_us().filter(|at_us| *at_us < until_us) {
        let keep = &mut passed.datagrams;
        pipeline.timer(at_us, &mut |bytes| keep.push(Datagram { at_us, bytes: bytes.to_vec() }));
    }
}

fn detect(pcm: &[i16]) -> Vec<Report> {
    let mut reports = Vec::new();
    dtmf::scan(pcm, &mut |at, key| reports.push(Report { at, code: code(&key) }));
    reports
}

fn heard(pcm: &[i16]) -> LeakWatch {
    let mut ear = LeakWatch::default();
    ear.hear(pcm.iter().map(|sample| f32::from(*sample)));
    ear
}

fn pipeline(law: Law, ptime_ms: u8, style: Style) -> Pipeline {
    let audio_pt = law.payload_type();
    let law = match law {
        Law::A => dtmf::Law::A,
        Law::Mu => dtmf::Law::Mu,
    };
    let style = match style {
        Style::Tone => MaskStyle::Tone,
        Style::Silence => MaskStyle::Silence,
        Style::Comfort => MaskStyle::Comfort,
    };
    Pipeline::new(PipelineConfig {
        law,
        audio_pt,
        event_pts: EventPts::new(&[101]),
        out_audio_pt: audio_pt,
        out_event_pt: Some(101),
        style,
        dial_tone_hz: None,
        ptime_ms,
    })
}

fn code(key: &Key) -> u8 {
    let is_it = |code: &u8| Key::from_event(*code).is_some_and(|other| other.same_as(key));
    (0..16).find(is_it).expect("these are all the keys there are")
}

/// CPU time of this thread alone: what else the machine does is not in it, as far as caches allow.
fn least_us(packets: usize, mut round: impl FnMut()) -> f64 {
    let cpu_ns = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    };
    let rounds = (0..5).map(|_| {
        let start = cpu_ns();
        round();
        (cpu_ns() - start) as f64 / 1e3 / packets.max(1) as f64
    });
    rounds.fold(f64::INFINITY, f64::min)
}
