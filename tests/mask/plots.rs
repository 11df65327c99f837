//! What the figures sum up, by category: detection beside spandsp, leaks beside rtpengine.

use super::svg::{Chart, Group, Row};
use super::{adapter, peers};
use std::path::Path;
use tonewall_loadtest::corpus::detection::{Category, judge, must_accept, must_reject, takes};
use tonewall_loadtest::corpus::figures::Size;
use tonewall_loadtest::corpus::leak::{self, Source};
use tonewall_loadtest::corpus::listener::Listener;
use tonewall_loadtest::corpus::spandsp;

/// The delay buffer of rtpengine that is drawn, ms.
const BUFFER_MS: u16 = 60;

/// Draws both plots into a folder.
pub fn draw(seed: u64, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("mask-detection.svg"), detection(seed).svg())?;
    std::fs::write(folder.join("mask-leak.svg"), leaks(seed).svg())
}

fn detection(seed: u64) -> Chart {
    Chart {
        title: "Keys reported, by category".to_owned(),
        note: format!("% of the keys of a category, as PCM, A-law and µ-law together; seed {seed}"),
        series: vec!["Tonewall", "spandsp (no dial-tone filter)"],
        groups: vec![
            Group { title: "Must be taken (goal 99.5 %, each 97 %)", rows: reported(seed, must_accept()) },
            Group { title: "Must be refused (goal 0.5 %)", rows: reported(seed, must_reject()) },
        ],
    }
}

fn reported(seed: u64, categories: Vec<Category>) -> Vec<Row> {
    let product = adapter::product();
    let row = |category: &Category| {
        let takes = takes(seed, category, Size::WHOLE.takes);
        let ours = judge(|pcm| Some((product.detect)(pcm)), &takes);
        let theirs = judge(spandsp::detect, &takes);
        let percent = [ours, theirs].map(|score| score.map(|score| score.found_pct()));
        Row { label: category.name.to_owned(), percent: percent.to_vec() }
    };
    categories.iter().map(row).collect()
}

fn leaks(seed: u64) -> Chart {
    Chart {
        title: "Keys that a 3 ms listener names, by category".to_owned(),
        note: format!("% of the keys of a category behind each mask, and without any; goal 0; seed {seed}"),
        series: vec!["Tonewall", "rtpengine, delay-buffer 60", "no mask"],
        groups: vec![
            Group {
                title: "Plain keys",
                rows: named(seed, leak::plain(), |name| plain_kind(name).to_owned()),
            },
            Group { title: "Hard keys", rows: named(seed, leak::hard(), hard_kind) },
        ],
    }
}

/// A source's category without its law, level and length.
fn plain_kind(name: &str) -> &'static str {
    if name.ends_with("true") { "talk 13 dB under" } else { "quiet" }
}

/// `25 ms PCMA 20` is of the category `25 ms`.
fn hard_kind(name: &str) -> String {
    name.rsplitn(3, ' ').nth(2).unwrap_or(name).to_owned()
}

#[derive(Default)]
struct Tally {
    kind: String,
    keys: usize,
    masked: usize,
    control: usize,
    /// Keys that went through rtpengine, and those named behind it.
    theirs: Option<(usize, usize)>,
}

/// Sums of the sources of each category, in their order. rtpengine gets those that come in packets of
/// 20 ms over a good network: it plays in real time.
fn named(seed: u64, sources: Vec<Source>, kind: impl Fn(&str) -> String) -> Vec<Row> {
    let (product, listener) = (adapter::product(), Listener::patient());
    let mut tallies: Vec<Tally> = Vec::new();
    let played: Vec<&Source> = sources.iter().filter(|source| is_played(source)).collect();
    let theirs = peers::named_behind(seed, &played, Some(BUFFER_MS));
    let mut theirs = played.iter().zip(theirs.unwrap_or_default());
    for source in &sources {
        let one = leak::judge(&product, &listener, seed, source);
        let kind = kind(&source.name);
        let at = tallies.iter().position(|tally| tally.kind == kind).unwrap_or(tallies.len());
        if at == tallies.len() {
            tallies.push(Tally { kind, ..Tally::default() });
        }
        let tally = &mut tallies[at];
        tally.keys += one.digits;
        tally.masked += one.masked;
        tally.control += one.control;
        let named = if is_played(source) { theirs.next().and_then(|(_, named)| named) } else { None };
        if let Some(named) = named {
            let (keys, before) = tally.theirs.unwrap_or_default();
            tally.theirs = Some((keys + source.train.digits, before + named));
        }
    }
    let percent = |named: usize, keys: usize| 100.0 * named as f64 / keys.max(1) as f64;
    let row = |tally: Tally| Row {
        percent: vec![
            Some(percent(tally.masked, tally.keys)),
            tally.theirs.map(|(keys, named)| percent(named, keys)),
            Some(percent(tally.control, tally.keys)),
        ],
        label: tally.kind,
    };
    tallies.into_iter().map(row).collect()
}

fn is_played(source: &Source) -> bool {
    let network = &source.network;
    source.ptime_ms == 20 && network.loss + network.reorder + network.jitter_ms == 0.0
}
