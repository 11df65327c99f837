//! Keys on a secured line: what a patient listener on the far side can name.

use super::detection::lose;
use super::gsm;
use super::listener::Listener;
use super::network::{Network, coded, decoded, laid_out, packets, silence};
use super::product::{Product, Style};
use super::sound::{Digit, Sound, Train, add, add_echo, add_noise, add_tone, below, pcm};
use super::voice;
use crate::g711::Law;
use crate::rng::Rng;

/// What one source told.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Category, and how it was sent.
    pub source: String,
    /// Keys in it.
    pub digits: usize,
    /// Keys named on the far side of the mask.
    pub masked: usize,
    /// Keys named on the near side: the control.
    pub control: usize,
    /// Longest run of a key's own samples that came through.
    pub residue: usize,
}

/// How one source is sent.
pub struct Source {
    /// The category's name; with the seed it decides what is in it.
    pub name: String,
    /// Coding.
    pub law: Law,
    /// Packet length.
    pub ptime_ms: u8,
    /// What happens on the way.
    pub network: Network,
    /// The keys.
    pub train: Train,
    /// What is done to them.
    pub spoil: Spoil,
}

/// Changes a sound; the train says how loud its keys are.
pub type Spoil = fn(&mut Sound, &Train, &mut Rng);

/// Nothing is done.
pub fn clean(_: &mut Sound, _: &Train, _: &mut Rng) {}

/// Talk `db` under the power of the keys, over the whole sound.
pub fn talk_under(sound: &mut Sound, train: &Train, rng: &mut Rng, db: f64) {
    let dbm0 = voice::under(train.low_dbm0, train.high_dbm0, db);
    let talk = voice::talk(rng, sound.samples.len() as f64 / 8_000.0, dbm0, dbm0);
    add(&mut sound.samples, &talk);
}

fn noise_under(sound: &mut Sound, train: &Train, rng: &mut Rng, db: f64) {
    add_noise(&mut sound.samples, rng, voice::under(train.low_dbm0, train.high_dbm0, db));
}

fn dial_tone(sound: &mut Sound, hz: &[f64], dbm0: f64) {
    for hz in hz {
        add_tone(&mut sound.samples, *hz, dbm0, *hz);
    }
}

/// A kind of keys: name, train, what is done to it.
type Kind = (&'static str, Train, Spoil);

/// Level of the 425 Hz dial tone: the loudest in whole dB at which the listener names 98 % without a
/// mask. At −15 dBm0 he names 35 %, at −21 he names 89 %: a control that fails proves nothing.
const DIAL_425_DBM0: f64 = -22.0;

/// 36 sources of 48 keys: A/µ-law × 40/50/80 ms × −8/−20/−25 dBm0 × quiet / talk 13 dB under.
pub fn plain() -> Vec<Source> {
    let mut all = Vec::new();
    for law in [Law::A, Law::Mu] {
        for spoken in [false, true] {
            for on_ms in [40.0, 50.0, 80.0] {
                for dbm0 in [-8.0, -20.0, -25.0] {
                    let spoil: Spoil = if spoken { |s, t, r| talk_under(s, t, r, 13.0) } else { clean };
                    all.push(Source {
                        name: format!("plain {} {on_ms} ms {dbm0} dBm0 spoken {spoken}", law.name()),
                        law,
                        ptime_ms: 20,
                        network: Network::default(),
                        train: Train::new(48, on_ms, on_ms, dbm0),
                        spoil,
                    });
                }
            }
        }
    }
    all
}

/// The hard categories, over a good network. The two looser ones, 20 ms and off 3 %, are beyond what
/// a receiver must take but not beyond what a listener can name.
fn hard_sounds() -> Vec<Kind> {
    let plain = || Train::new(64, 50.0, 50.0, -10.0);
    let long = |on_ms| Train { on_ms, ..plain() };
    vec![
        ("20 ms", long(20.0), clean),
        ("25 ms", long(25.0), clean),
        ("30 ms", long(30.0), clean),
        ("300 ms", long(300.0), clean),
        ("off 1.5 %", plain().off(0.015, 0.015), clean),
        ("off 3 %", plain().off(0.03, 0.03), clean),
        ("twist -8", plain().levels(-6.0, -14.0), clean),
        ("twist +4", plain().levels(-14.0, -10.0), clean),
        ("twist -10", plain().levels(-6.0, -16.0), clean),
        ("SNR 15", plain(), |s, t, r| noise_under(s, t, r, 15.0)),
        ("SNR 10", plain(), |s, t, r| noise_under(s, t, r, 10.0)),
        ("SNR 6", plain(), |s, t, r| noise_under(s, t, r, 6.0)),
        ("dial tone 350 + 440", plain(), |s, _, _| dial_tone(s, &[350.0, 440.0], -15.0)),
        ("dial tone 425", plain(), |s, _, _| dial_tone(s, &[425.0], DIAL_425_DBM0)),
        ("GSM 80 ms", long(80.0), |s, _, _| gsm::round_trip(s)),
        ("GSM 50 ms", plain(), |s, _, _| gsm::round_trip(s)),
        ("clipped +3", Train::new(64, 50.0, 50.0, 3.0), clean),
        ("echo -20 dB", plain(), |s, _, _| add_echo(&mut s.samples, -20.0, 30.0)),
        ("echo -10 dB", plain(), |s, _, _| add_echo(&mut s.samples, -10.0, 20.0)),
        ("3 % zeros in the sound", plain(), |s, _, r| lose(s, r, 0.03, false)),
        ("3 % repeated in the sound", plain(), |s, _, r| lose(s, r, 0.03, true)),
        ("held 4 s", Train { digits: 4, ..long(4_000.0) }, clean),
        ("held 10 s", Train { digits: 2, ..long(10_000.0) }, clean),
    ]
}

/// Keys that somebody talks over louder than any standard asks for: peaks of the voice are as loud
/// as the key. Alone, one in 6 s, they cannot be told by the ones before.
fn beyond_sounds() -> Vec<Kind> {
    let long = |on_ms| Train { on_ms, ..Train::new(64, 50.0, 50.0, -10.0) };
    vec![
        ("talk 13 dB under, 50 ms", long(50.0), |s, t, r| talk_under(s, t, r, 13.0)),
        ("talk 10 dB under", long(80.0), |s, t, r| talk_under(s, t, r, 10.0)),
        ("talk 7 dB under", long(80.0), |s, t, r| talk_under(s, t, r, 7.0)),
        ("isolated, talk 10 dB under", Train { off_ms: 6_000.0, digits: 16, ..long(80.0) }, |s, t, r| {
            talk_under(s, t, r, 10.0);
        }),
        ("held 4 s under talk", Train { digits: 4, ..long(4_000.0) }, |s, t, r| talk_under(s, t, r, 10.0)),
    ]
}

/// How the hard sounds are sent: both laws at ptime 20, and 10, 30 and 40.
const WAYS: [(Law, u8); 5] = [(Law::A, 20), (Law::Mu, 20), (Law::A, 10), (Law::Mu, 30), (Law::A, 40)];

/// Kinds of keys, each sent in every way over a good network.
fn sent_every_way(kinds: fn() -> Vec<Kind>) -> Vec<Source> {
    let one = |(law, ptime_ms): (Law, u8), (name, train, spoil): Kind| {
        let name = format!("{name} {} {ptime_ms}", law.name());
        Source { name, law, ptime_ms, network: Network::default(), train, spoil }
    };
    WAYS.iter().flat_map(|way| kinds().into_iter().map(|kind| one(*way, kind))).collect()
}

/// Every hard category in every way, and plain keys over bad networks.
pub fn hard() -> Vec<Source> {
    let mut all = sent_every_way(hard_sounds);
    let networks = [
        ("3 % loss", Network { loss: 0.03, ..Network::default() }),
        ("reordering", Network { reorder: 0.05, ..Network::default() }),
        ("jitter 20 ms", Network { jitter_ms: 20.0, ..Network::default() }),
        ("all at once", Network { loss: 0.03, reorder: 0.03, jitter_ms: 10.0 }),
    ];
    for (law, ptime_ms) in WAYS {
        for (name, network) in networks {
            let name = format!("{name} {} {ptime_ms}", law.name());
            let train = Train::new(64, 50.0, 50.0, -10.0);
            all.push(Source { name, law, ptime_ms, network, train, spoil: clean });
        }
    }
    all
}

/// Keys under loud talk in every way: a set of its own, because no goal speaks of it.
pub fn beyond() -> Vec<Source> {
    sent_every_way(beyond_sounds)
}

/// Makes a source, passes it through the product, and listens on both sides.
pub fn judge(product: &Product, listener: &Listener, seed: u64, source: &Source) -> Named {
    let mut rng = Rng::named(seed, &source.name);
    let mut sound = source.train.make(&mut rng);
    (source.spoil)(&mut sound, &source.train, &mut rng);
    let law = source.law;
    let codes = coded(law, &pcm(&sound.samples));
    let style = Style::ALL[below(&mut rng, Style::ALL.len())];
    let arrivals = source.network.carry(&mut rng, packets(law, &codes, source.ptime_ms));
    let passed = (product.secure)(law, source.ptime_ms, style, &arrivals);
    let heard = laid_out(&passed.datagrams, codes.len(), silence(law));
    let sent = decoded(law, &codes);
    let far = decoded(law, &heard);
    // What the last, incomplete packet held was never sent.
    let whole = codes.len() - codes.len() % (usize::from(source.ptime_ms) * 8);
    let truth: Vec<Digit> = sound.truth.iter().copied().filter(|digit| digit.end <= whole).collect();
    let count = |side: &[f64]| truth.iter().filter(|digit| listener.names(side, digit)).count();
    let residue = truth.iter().map(|digit| own_run(&codes, &heard, law, digit)).max().unwrap_or(0);
    Named {
        source: source.name.clone(),
        digits: truth.len(),
        masked: count(&far),
        control: count(&sent),
        residue,
    }
}

/// Longest run of loud samples of a key that came through unchanged.
fn own_run(sent: &[u8], heard: &[u8], law: Law, digit: &Digit) -> usize {
    let mut run = 0;
    let mut longest = 0;
    for at in digit.start..digit.end {
        let loud = law.decode(sent[at]).unsigned_abs() > 224;
        run = if loud && sent[at] == heard[at] { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
