//! Which keys are reported: ITU-T Q.24 in categories.

use super::gsm;
use super::leak::{Spoil, clean, talk_under};
use super::network::{coded, decoded};
use super::product::Report;
use super::sound::{Digit, Sound, Train, add_echo, add_noise, add_tone, below, pcm, samples};
use super::voice;
use crate::g711::Law;
use crate::rng::Rng;

/// How late a report may come after its digit and still belong to it.
const GRACE_MS: f64 = 80.0;

/// Reports against the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Digits in the sound.
    pub digits: usize,
    /// Reported rightly, once or more.
    pub found: usize,
    /// Further reports of a digit.
    pub doubled: usize,
    /// Reports of another digit, or of none.
    pub wrong: usize,
}

impl Score {
    /// Digits that were found, %.
    pub fn found_pct(&self) -> f64 {
        100.0 * self.found as f64 / self.digits.max(1) as f64
    }

    /// Adds another one.
    pub fn add(&mut self, other: Score) {
        self.digits += other.digits;
        self.found += other.found;
        self.doubled += other.doubled;
        self.wrong += other.wrong;
    }
}

/// A report belongs to the digit whose span, and 80 ms more, holds it.
pub fn score(reports: &[Report], truth: &[Digit]) -> Score {
    let mut score = Score { digits: truth.len(), ..Score::default() };
    let mut found = vec![false; truth.len()];
    for report in reports {
        let owner = truth
            .iter()
            .rposition(|digit| digit.start < report.at && report.at <= digit.end + samples(GRACE_MS));
        match owner {
            Some(index) if truth[index].code == report.code && !found[index] => {
                found[index] = true;
                score.found += 1;
            }
            Some(index) if truth[index].code == report.code => score.doubled += 1,
            _ => score.wrong += 1,
        }
    }
    score
}

/// One category: its name decides, with the seed, what is in it.
pub struct Category {
    /// Name.
    pub name: &'static str,
    /// The keys.
    pub train: Train,
    /// What is done to them.
    pub spoil: Spoil,
}

fn of(name: &'static str, train: Train, spoil: Spoil) -> Category {
    Category { name, train, spoil }
}

fn snr(sound: &mut Sound, train: &Train, rng: &mut Rng, db: f64) {
    add_noise(&mut sound.samples, rng, voice::under(train.low_dbm0, train.high_dbm0, db));
}

fn tones(sound: &mut Sound, tones: &[(f64, f64)]) {
    for (hz, dbm0) in tones {
        add_tone(&mut sound.samples, *hz, *dbm0, *hz);
    }
}

/// Blocks of 20 ms are lost: zeros, or the last block again, fading.
pub(super) fn lose(sound: &mut Sound, rng: &mut Rng, share: f64, repeat: bool) {
    let mut gain = 1.0;
    for at in (160..sound.samples.len() / 160 * 160).step_by(160) {
        if super::sound::range(rng, 0.0, 1.0) >= share {
            gain = 1.0;
            continue;
        }
        gain *= 0.8;
        for n in at..at + 160 {
            sound.samples[n] = if repeat { gain * sound.samples[n - 160] } else { 0.0 };
        }
    }
}

/// Must be taken: timing, frequency, twist, level.
fn accept_pure() -> Vec<Category> {
    let train = |on, off| Train::new(160, on, off, -10.0);
    let plain = || train(50.0, 50.0);
    let at = |dbm0| Train::new(160, 50.0, 50.0, dbm0);
    vec![
        of("50/50", plain(), clean),
        of("80/80", train(80.0, 80.0), clean),
        of("40/60", train(40.0, 60.0), clean),
        of("45/55", train(45.0, 55.0), clean),
        of("40/53", train(40.0, 53.0), clean),
        of("60/40", train(60.0, 40.0), clean),
        of("40/40", train(40.0, 40.0), clean),
        of("500/100", Train { digits: 40, ..train(500.0, 100.0) }, clean),
        of("off 1 %", plain().off(0.01, 0.01), clean),
        of("off 1.5 %", plain().off(0.015, 0.015), clean),
        of("off 1.8 %", plain().off(0.018, 0.018), clean),
        of("twist +4", plain().levels(-14.0, -10.0), clean),
        of("twist +3", plain().levels(-13.0, -10.0), clean),
        of("twist -6", plain().levels(-8.0, -14.0), clean),
        of("twist -8", plain().levels(-8.0, -16.0), clean),
        of("-3 dBm0", at(-3.0), clean),
        of("-8 dBm0", at(-8.0), clean),
        of("-15 dBm0", at(-15.0), clean),
        of("-20 dBm0", at(-20.0), clean),
        of("-25 dBm0", at(-25.0), clean),
        of(
            "mixed",
            Train {
                on_more_ms: 50.0,
                off_more_ms: 80.0,
                louder_db: 22.0,
                ..Train::new(160, 40.0, 40.0, -25.0)
            },
            clean,
        ),
        of("0 dBm0", at(0.0), clean),
        of("+3 dBm0, clipped", at(3.0), clean),
    ]
}

/// Must be taken: noise, hum, dial tone, loss, codec, echo, break, speech.
fn accept_spoilt() -> Vec<Category> {
    let at = |dbm0| Train::new(160, 50.0, 50.0, dbm0);
    let plain = || at(-10.0);
    let long = || Train::new(160, 80.0, 80.0, -10.0);
    let (many, many_long) = (|| Train::new(320, 50.0, 50.0, -10.0), || Train::new(320, 100.0, 100.0, -10.0));
    vec![
        of("SNR 25", at(-12.0), |s, t, r| snr(s, t, r, 25.0)),
        of("SNR 20", at(-12.0), |s, t, r| snr(s, t, r, 20.0)),
        of("SNR 18", at(-12.0), |s, t, r| snr(s, t, r, 18.0)),
        of("SNR 15", at(-12.0), |s, t, r| snr(s, t, r, 15.0)),
        of("SNR 12", at(-12.0), |s, t, r| snr(s, t, r, 12.0)),
        of("SNR 15 at -25", at(-25.0), |s, t, r| snr(s, t, r, 15.0)),
        of("hum 50", at(-12.0), |s, _, _| tones(s, &[(50.0, -20.0), (150.0, -30.0)])),
        of("hum 60", at(-12.0), |s, _, _| tones(s, &[(60.0, -20.0), (180.0, -30.0)])),
        of("dial tone 350 + 440 at -15", plain(), |s, _, _| tones(s, &[(350.0, -15.0), (440.0, -15.0)])),
        of("dial tone 350 + 440 at -22", plain(), |s, _, _| tones(s, &[(350.0, -22.0), (440.0, -22.0)])),
        of("dial tone 425 at -15", plain(), |s, _, _| tones(s, &[(425.0, -15.0)])),
        of("1 % zeros", many(), |s, _, r| lose(s, r, 0.01, false)),
        of("1 % repeated", many(), |s, _, r| lose(s, r, 0.01, true)),
        of("3 % zeros", many(), |s, _, r| lose(s, r, 0.03, false)),
        of("3 % repeated", many(), |s, _, r| lose(s, r, 0.03, true)),
        of("1 % zeros, 100/100", many_long(), |s, _, r| lose(s, r, 0.01, false)),
        of("1 % repeated, 100/100", many_long(), |s, _, r| lose(s, r, 0.01, true)),
        of("3 % zeros, 100/100", many_long(), |s, _, r| lose(s, r, 0.03, false)),
        of("3 % repeated, 100/100", many_long(), |s, _, r| lose(s, r, 0.03, true)),
        of("GSM 80/80", long(), |s, _, _| gsm::round_trip(s)),
        of("GSM 50/50", plain(), |s, _, _| gsm::round_trip(s)),
        of("echo -20 dB", plain(), |s, _, _| add_echo(&mut s.samples, -20.0, 30.0)),
        of("echo -10 dB", plain(), |s, _, _| add_echo(&mut s.samples, -10.0, 20.0)),
        of("break of 8 ms", long(), |s, _, r| {
            for digit in &s.truth {
                let at = digit.start + 240 + below(r, 160);
                s.samples[at..at + 64].fill(0.0);
            }
        }),
        of("talk 17 dB under", long(), |s, t, r| talk_under(s, t, r, 17.0)),
        of("talk 12 dB under", long(), |s, t, r| talk_under(s, t, r, 12.0)),
        of("talk 7 dB under", long(), |s, t, r| talk_under(s, t, r, 7.0)),
    ]
}

/// Every category that must be taken.
pub fn must_accept() -> Vec<Category> {
    let mut all = accept_pure();
    all.extend(accept_spoilt());
    all
}

/// Every category that must be refused.
pub fn must_reject() -> Vec<Category> {
    let short = |on| Train::new(160, on, 80.0, -10.0);
    let long = || Train::new(160, 100.0, 80.0, -10.0);
    vec![
        of("15 ms", short(15.0), clean),
        of("20 ms", short(20.0), clean),
        of("23 ms", short(23.0), clean),
        of("both off 3.5 %", long().off(0.035, 0.035), clean),
        of("both off 4.5 %", long().off(0.045, 0.045), clean),
        of("low off 3.5 %", long().off(0.035, 0.0), clean),
        of("high off 3.5 %", long().off(0.0, 0.035), clean),
        of("low off 4.5 %", long().off(0.045, 0.0), clean),
        of("high off 4.5 %", long().off(0.0, 0.045), clean),
        of("-55 dBm0", Train::new(160, 100.0, 80.0, -55.0), clean),
        of("low tone alone", long().levels(-8.0, -200.0), clean),
        of("high tone alone", long().levels(-200.0, -8.0), clean),
    ]
}

/// How a sound is handed to the detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Pcm,
    /// Through G.711.
    G711(Law),
}

/// All of them.
pub const CODINGS: [Coding; 3] = [Coding::Pcm, Coding::G711(Law::A), Coding::G711(Law::Mu)];

/// Makes a category's sound, so many times over: each take has its own keys, noise and voices. One voice
/// may be worse than most, and one take has seldom more than one.
pub fn takes(seed: u64, category: &Category, takes: usize) -> Vec<Sound> {
    let take = |take| {
        let mut rng = Rng::named(seed, &format!("{} {take}", category.name));
        let mut sound = category.train.make(&mut rng);
        (category.spoil)(&mut sound, &category.train, &mut rng);
        sound
    };
    (0..takes).map(take).collect()
}

/// PCM as a detector behind that coding gets it.
pub fn through(coding: Coding, sound: &[f64]) -> Vec<i16> {
    match coding {
        Coding::Pcm => pcm(sound),
        Coding::G711(law) => pcm(&decoded(law, &coded(law, &pcm(sound)))),
    }
}

/// A detector's score, all takes and codings together; `None` if it isn't there.
pub fn judge(detect: impl Fn(&[i16]) -> Option<Vec<Report>>, takes: &[Sound]) -> Option<Score> {
    let mut total = Score::default();
    for sound in takes {
        for coding in CODINGS {
            total.add(score(&detect(&through(coding, &sound.samples))?, &sound.truth));
        }
    }
    Some(total)
}
