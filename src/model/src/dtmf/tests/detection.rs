//! Which keys are reported: ITU-T Q.24 in categories, and talk, which holds none.

use super::sound::{Digit, Rng, Sound, Train, add, add_echo, add_noise, add_tone, music, speech};
use super::wire::{Network, config, drive, encode, packets};
use crate::dtmf::rtp::Header;
use crate::dtmf::{Law, Pipeline};
use crate::tenant::MaskStyle;

/// Reports against the truth.
#[derive(Default, Debug)]
struct Score {
    digits: usize,
    found: usize,
    twice: usize,
    wrong: usize,
}

/// A report belongs to the digit whose span, and 80 ms more, holds it.
fn score(reports: &[(u64, u8)], truth: &[Digit]) -> Score {
    let mut score = Score { digits: truth.len(), ..Score::default() };
    let mut found = vec![false; truth.len()];
    for (at_us, code) in reports {
        let at = (*at_us / 125) as usize;
        // Packets arrive when they are full, 20 ms at most after the sound.
        let owner = truth.iter().rposition(|digit| digit.start < at && at <= digit.end + 800);
        match owner {
            Some(index) if truth[index].code == *code && !found[index] => {
                found[index] = true;
                score.found += 1;
            }
            Some(index) if truth[index].code == *code => score.twice += 1,
            _ => score.wrong += 1,
        }
    }
    score
}

fn listen(law: Law, network: Network, rng: &mut Rng, sound: &Sound) -> Score {
    let sent = packets(law, &encode(law, &sound.samples), 20);
    let mut pipeline = Pipeline::new(config(law, MaskStyle::Silence, 20));
    let output = drive(&mut pipeline, &network.carry(rng, sent));
    let reports: Vec<_> = output.presses.iter().map(|press| (press.0, press.1)).collect();
    score(&reports, &sound.truth)
}

type Spoil = fn(&mut Sound, &mut Rng);

struct Category {
    name: &'static str,
    train: Train,
    network: Network,
    spoil: Spoil,
}

fn category(name: &'static str, train: Train) -> Category {
    Category { name, train, network: Network::default(), spoil: |_, _| {} }
}

fn spoilt(name: &'static str, train: Train, spoil: Spoil) -> Category {
    Category { spoil, ..category(name, train) }
}

fn lossy(name: &'static str, train: Train, loss: f64, reorder: f64) -> Category {
    Category { network: Network { loss, reorder, jitter_ms: 3.0 }, ..category(name, train) }
}

fn talk_under(sound: &mut Sound, rng: &mut Rng, dbm0: f64) {
    let talk = speech(rng, sound.samples.len() as f64 / 8_000.0, dbm0, dbm0);
    add(&mut sound.samples, &talk);
}

fn must_accept() -> Vec<Category> {
    let train = |on, off, dbm0| Train::new(64, on, off, dbm0);
    let plain = |dbm0| train(50.0, 50.0, dbm0);
    let mut all: Vec<Category> = vec![
        category("50/50", plain(-10.0)),
        category("80/80", train(80.0, 80.0, -10.0)),
        category("40/60", train(40.0, 60.0, -10.0)),
        category("45/55", train(45.0, 55.0, -10.0)),
        category("40/53", train(40.0, 53.0, -10.0)),
        category("60/40", train(60.0, 40.0, -10.0)),
        category("40/40", train(40.0, 40.0, -10.0)),
        category("500/100", Train::new(20, 500.0, 100.0, -10.0)),
        category("off 1 %", plain(-10.0).off(0.01, 0.01)),
        category("off 1.5 %", plain(-10.0).off(0.015, 0.015)),
        category("off 1.8 %", plain(-10.0).off(0.018, 0.018)),
        category("twist +4", plain(0.0).levels(-14.0, -10.0)),
        category("twist +3", plain(0.0).levels(-13.0, -10.0)),
        category("twist -6", plain(0.0).levels(-8.0, -14.0)),
        category("twist -8", plain(0.0).levels(-8.0, -16.0)),
        category("-3 dBm0", plain(-3.0)),
        category("-8 dBm0", plain(-8.0)),
        category("-20 dBm0", plain(-20.0)),
        category("-25 dBm0", plain(-25.0)),
        category("0 dBm0", plain(0.0)),
        category("+3 dBm0, clipped", plain(3.0)),
        spoilt("SNR 20", plain(-12.0), |sound, rng| add_noise(&mut sound.samples, rng, -29.0)),
        spoilt("SNR 15", plain(-12.0), |sound, rng| add_noise(&mut sound.samples, rng, -24.0)),
        spoilt("SNR 12", plain(-12.0), |sound, rng| add_noise(&mut sound.samples, rng, -21.0)),
        spoilt("SNR 15 at -25", plain(-25.0), |sound, rng| add_noise(&mut sound.samples, rng, -37.0)),
        spoilt("hum", plain(-12.0), |sound, _| {
            add_tone(&mut sound.samples, 50.0, -20.0, 0.0);
            add_tone(&mut sound.samples, 150.0, -30.0, 0.0);
        }),
        spoilt("dial tone 350 + 440", plain(-10.0), |sound, _| {
            add_tone(&mut sound.samples, 350.0, -15.0, 0.0);
            add_tone(&mut sound.samples, 440.0, -15.0, 1.0);
        }),
        spoilt("dial tone 425", plain(-10.0), |sound, _| add_tone(&mut sound.samples, 425.0, -15.0, 0.0)),
        spoilt("echo -20 dB", plain(-10.0), |sound, _| add_echo(&mut sound.samples, -20.0, 30.0)),
        spoilt("echo -10 dB", plain(-10.0), |sound, _| add_echo(&mut sound.samples, -10.0, 20.0)),
        spoilt("break of 8 ms", train(80.0, 80.0, -10.0), |sound, rng| {
            for digit in &sound.truth {
                let at = digit.start + 240 + rng.below(160);
                sound.samples[at..at + 64].fill(0.0);
            }
        }),
        spoilt("speech 17 dB under", train(80.0, 80.0, -10.0), |sound, rng| talk_under(sound, rng, -24.0)),
        spoilt("speech 12 dB under", train(80.0, 80.0, -10.0), |sound, rng| talk_under(sound, rng, -19.0)),
    ];
    all.push(lossy("1 % lost, 50/50", Train::new(192, 50.0, 50.0, -10.0), 0.01, 0.0));
    all.push(lossy("3 % lost, 50/50", Train::new(192, 50.0, 50.0, -10.0), 0.03, 0.0));
    all.push(lossy("3 % lost, 100/100", Train::new(128, 100.0, 100.0, -10.0), 0.03, 0.0));
    all.push(lossy("1 % reordered, 80/80", Train::new(128, 80.0, 80.0, -10.0), 0.0, 0.01));
    all
}

fn must_reject() -> Vec<Category> {
    let short = |on| Train::new(64, on, 80.0, -10.0);
    let long = || Train::new(64, 100.0, 80.0, -10.0);
    vec![
        category("15 ms", short(15.0)),
        category("20 ms", short(20.0)),
        category("23 ms", short(23.0)),
        category("both off 3.5 %", long().off(0.035, 0.035)),
        category("both off 4.5 %", long().off(0.045, 0.045)),
        category("low off 3.5 %", long().off(0.035, 0.0)),
        category("high off 3.5 %", long().off(0.0, 0.035)),
        category("low off 4.5 %", long().off(0.045, 0.0)),
        category("high off 4.5 %", long().off(0.0, 0.045)),
        category("-55 dBm0", Train::new(64, 100.0, 80.0, -55.0)),
        category("low tone alone", long().levels(-8.0, -200.0)),
        category("high tone alone", long().levels(-200.0, -8.0)),
    ]
}

fn run(categories: Vec<Category>, seed: u64) -> Vec<(&'static str, Score)> {
    let one = |category: Category| {
        let mut rng = Rng::new(seed, category.name);
        let mut sound = category.train.make(&mut rng);
        (category.spoil)(&mut sound, &mut rng);
        let law = if rng.below(2) == 0 { Law::A } else { Law::Mu };
        (category.name, listen(law, category.network, &mut rng, &sound))
    };
    categories.into_iter().map(one).collect()
}

#[test]
fn digits_that_must_be_taken_are_taken_once() {
    let (mut digits, mut found) = (0, 0);
    let mut bad = Vec::new();
    for seed in [20_261_122, 4] {
        for (name, score) in run(must_accept(), seed) {
            println!("{name}: {score:?}");
            digits += score.digits;
            found += score.found;
            if score.found * 100 < score.digits * 97 || score.twice > 0 || score.wrong > 0 {
                bad.push(format!("{name}: {score:?}"));
            }
        }
    }
    println!("accepted {found} of {digits}");
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(found * 1_000 >= digits * 995, "{found} of {digits}");
}

/// Harder than any standard: peaks of the voice are as loud as the key.
#[test]
fn digits_that_somebody_talks_over_are_mostly_taken() {
    let talk =
        |name| spoilt(name, Train::new(128, 80.0, 80.0, -10.0), |sound, rng| talk_under(sound, rng, -14.0));
    for (name, score) in run(vec![talk("speech 7 dB under")], 4) {
        println!("{name}: {score:?}");
        assert!(score.found * 100 >= score.digits * 85 && score.twice + score.wrong == 0, "{score:?}");
    }
}

#[test]
fn digits_that_must_be_refused_are_refused() {
    let (mut digits, mut reports) = (0, 0);
    for seed in [20_261_122, 4] {
        for (name, score) in run(must_reject(), seed) {
            println!("{name}: {score:?}");
            digits += score.digits;
            reports += score.found + score.twice + score.wrong;
        }
    }
    assert!(reports * 1_000 <= digits * 5, "{reports} reports of {digits}");
}

/// Share of a secured line's packets that leave without the sound that came, and digits heard.
fn muted(sound: &[f64]) -> (f64, usize, u64) {
    let law = Law::A;
    let sent = packets(law, &encode(law, sound), 20);
    let mut pipeline = Pipeline::new(config(law, MaskStyle::Silence, 20));
    // The detector is warm when the line is secured.
    let (before, after) = sent.split_at(10);
    drive(&mut pipeline, before);
    pipeline.set_secured(true);
    let output = drive(&mut pipeline, after);
    assert_eq!(output.packets.len(), after.len());
    let own =
        |sent: &[u8]| Header::read(sent).map(|(header, payload)| (header.timestamp, sent[payload].to_vec()));
    let same = output.packets.iter().zip(after).filter(|(out, sent)| own(&out.bytes) == own(&sent.bytes));
    // The last packet has no successor and leaves muted.
    let changed = (after.len() - 1).saturating_sub(same.count());
    (changed as f64 / after.len() as f64, output.presses.len(), pipeline.stats().suspicions)
}

#[test]
fn talk_holds_no_digit_and_is_heard() {
    let talk = speech(&mut Rng::new(11, "speech"), 600.0, -26.0, -12.0);
    let (share, digits, suspicions) = muted(&talk);
    println!("10 min of talk: {:.3} % muted, {suspicions} suspicions, {digits} digits", 100.0 * share);
    assert_eq!(digits, 0);
    assert!(share <= 0.000_5, "{:.3} % muted", 100.0 * share);
}

/// Two steady notes within 2 % of a key's tones are a key by ITU-T Q.24; chance makes few of them.
#[test]
fn music_holds_hardly_a_digit() {
    let (share, digits, suspicions) = muted(&music(&mut Rng::new(11, "music"), 300.0));
    println!("5 min of music: {:.3} % muted, {suspicions} suspicions, {digits} digits", 100.0 * share);
    assert!(digits <= 1, "{digits}");
}
