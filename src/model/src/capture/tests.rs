//! Scripts of keys and times, and what the agent sees of them.
//!
//! A script is a list of words: keys (`4111111111111111*`), a wait (`+30s`), or what an agent does
//! (`open`, `reask:code`, `more`, `address:12,TD15_9EN`, `cancel`), and what the call does with the
//! card (`take`, `declined:expiry`; after `keep`, which gives back what was taken without its code,
//! `again:expiry` and, where the bank objected to another field, `again:code/expiry`). The field is opened before the first word. One line a word: the
//! last progress, then the other effects.

pub(super) use super::*;
pub(super) use crate::card::Kept;
pub(super) use crate::tenant::Brand;
pub(super) use expect_test::{Expect, expect};
use std::fmt::Write;

pub(super) const TODAY: YearMonth = YearMonth { year: 2026, month: 11 };

pub(super) fn plan() -> CapturePlan {
    CapturePlan {
        end_key: EndKey::Star,
        first_key: Duration::from_secs(30),
        between_keys: Duration::from_secs(8),
        total: Duration::from_secs(600),
        tries: 3,
        brands: vec![Brand::Visa, Brand::Mastercard, Brand::Maestro, Brand::UnionPay],
        address: AddressCheck::Off,
    }
}

pub(super) fn typed() -> CapturePlan {
    CapturePlan { address: AddressCheck::Typed, ..plan() }
}

pub(super) fn keyed() -> CapturePlan {
    CapturePlan { address: AddressCheck::Keyed, ..plan() }
}

pub(super) fn amex() -> CapturePlan {
    CapturePlan { brands: vec![Brand::Amex, Brand::Diners], ..plan() }
}

pub(super) fn field(name: &str) -> Field {
    match name {
        "pan" => Field::Pan,
        "expiry" => Field::Expiry,
        "code" => Field::Code,
        "house" => Field::HouseNumber,
        "postcode" => Field::Postcode,
        "address" => Field::Address,
        other => panic!("no field {other}"),
    }
}

/// One line for a progress.
pub(super) fn line(progress: &Progress) -> String {
    let mut text = match progress.field {
        Some(field) => format!("{field:?} {}", progress.filled),
        None => "-".to_owned(),
    };
    let mut add = |part: std::fmt::Arguments<'_>| text.write_fmt(part).expect("a string takes all");
    if let Some(brand) = progress.brand {
        add(format_args!(" {brand:?}"));
    }
    if let Some(last4) = &progress.last4 {
        add(format_args!(" ..{last4}"));
    }
    if let Some(expiry) = progress.expiry {
        add(format_args!(" {expiry}"));
    }
    if progress.code_digits > 0 {
        add(format_args!(" code:{}", progress.code_digits));
    }
    if progress.address_given {
        add(format_args!(" address"));
    }
    if let Some(problem) = progress.problem {
        add(format_args!(" !{problem:?} left:{}", progress.tries_left));
    }
    for warning in &progress.warnings {
        add(format_args!(" ?{warning:?}"));
    }
    if let Some(stall) = progress.stalled {
        add(format_args!(" stalled:{stall:?}"));
    }
    if progress.ignored > 0 {
        add(format_args!(" ignored:{}", progress.ignored));
    }
    text
}

pub(super) struct Script {
    pub(super) capture: Capture,
    pub(super) now: Duration,
    pub(super) sent: Option<Kept>,
}

impl Script {
    pub(super) fn new(plan: &CapturePlan) -> Script {
        Script { capture: Capture::new(plan, TODAY), now: Duration::from_secs(1_000), sent: None }
    }

    pub(super) fn input(&mut self, input: Input) -> Vec<Effect> {
        self.capture.step(self.now, input)
    }

    pub(super) fn wait(&mut self, seconds: &str) -> Vec<Effect> {
        let target = self.now + Duration::from_secs(seconds.parse().expect("seconds"));
        let mut effects = Vec::new();
        // Stall, warning and end: three at most.
        for _ in 0..4 {
            let Some(at) = self.capture.next_timeout().filter(|at| *at <= target) else {
                self.now = target;
                return effects;
            };
            self.now = at.max(self.now);
            effects.extend(self.input(Input::Timer));
        }
        panic!("a timer that is due again and again");
    }

    fn word(&mut self, word: &str) -> Vec<Effect> {
        let (verb, rest) = word.split_once(':').unwrap_or((word, ""));
        match verb {
            "open" => self.input(Input::Open),
            "timer" => self.input(Input::Timer),
            "lost" => self.input(Input::KeyLost),
            "more" => self.input(Input::MoreTime),
            "cancel" => self.input(Input::Cancel),
            "reask" => self.input(Input::Reask(field(rest))),
            "declined" => {
                self.capture.reopen_after_decline(self.now, (!rest.is_empty()).then(|| field(rest)), None)
            }
            "again" => {
                let (again, objected) = rest.split_once('/').unwrap_or((rest, ""));
                let objected = (!objected.is_empty()).then(|| field(objected));
                self.capture.reopen_after_decline(self.now, objected, Some(field(again)))
            }
            "keep" => {
                let kept = self.sent.take().expect("a card was taken");
                self.capture.keep(self.now, kept)
            }
            "address" => {
                let (house, postcode) = rest.split_once(',').expect("house,postcode");
                let postcode = postcode.replace('_', " ");
                self.input(Input::Address(Address { house_number: house.into(), postcode }))
            }
            _ if word.starts_with('+') => self.wait(word.trim_matches(['+', 's'])),
            keys => {
                keys.chars().flat_map(|c| self.input(Input::Key(Key::from_char(c).expect("a key")))).collect()
            }
        }
    }

    pub(super) fn run(&mut self, script: &str) -> String {
        let mut shown = String::new();
        for word in script.split_whitespace() {
            if word == "take" {
                shown += &format!("{}\n", self.take());
                continue;
            }
            let effects = self.word(word);
            let last = effects.iter().rev().find_map(|effect| match effect {
                Effect::Progress(progress) => Some(line(progress)),
                _ => None,
            });
            let others = effects.iter().filter(|effect| !matches!(effect, Effect::Progress(_)));
            let parts: Vec<String> = last.into_iter().chain(others.map(|e| format!("{e:?}"))).collect();
            shown += &format!("{}\n", if parts.is_empty() { "nothing".into() } else { parts.join(" => ") });
        }
        shown
    }

    fn take(&mut self) -> String {
        match self.capture.take_card() {
            None => "no card".into(),
            Some(card) => {
                let address = card.address.as_ref();
                let address = address.map(|a| format!(" {:?}/{:?}", a.house_digits(), a.postcode_digits()));
                let told = format!(
                    "card {:?} {} {} code:{}{}",
                    card.brand,
                    card.pan.masked().last4,
                    card.expiry,
                    card.cvc.len(),
                    address.unwrap_or_default()
                );
                self.sent = Some(card.part().0);
                told
            }
        }
    }
}

pub(super) fn check_with(plan: CapturePlan, script: &str, expected: Expect) {
    let mut run = Script::new(&plan);
    run.input(Input::Open);
    expected.assert_eq(&run.run(script));
}

pub(super) fn check(script: &str, expected: Expect) {
    check_with(plan(), script, expected);
}

pub(super) const VISA: &str = "4111111111111111* 1230* 123*";
