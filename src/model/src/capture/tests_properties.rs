//! What holds for every sequence of inputs.

use super::tests::*;
use proptest::prelude::*;

/// One thing that happens, without saying which digit is keyed.
#[derive(Clone, Debug)]
enum Step {
    /// So many digits.
    Digits(u8),
    /// A whole field, as the field that is open wants it, and the end key.
    Fill,
    /// The end key; `false` spoils the check digit of a card number.
    End(bool),
    Clear,
    Letter,
    Wait(u16),
    Open,
    Reask(Field),
    Lost,
    MoreTime,
    Address,
    Cancel,
    Take,
    Declined(Option<Field>),
    /// What was kept of the last card comes back.
    Keep,
    Again(Option<Field>, Field),
}

fn any_field() -> impl Strategy<Value = Field> {
    proptest::sample::select(vec![
        Field::Pan,
        Field::Expiry,
        Field::Code,
        Field::HouseNumber,
        Field::Postcode,
        Field::Address,
    ])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..24u8).prop_map(Step::Digits),
        16 => Just(Step::Fill),
        6 => any::<bool>().prop_map(Step::End),
        2 => Just(Step::Clear),
        2 => Just(Step::Letter),
        4 => (0..200u16).prop_map(Step::Wait),
        4 => Just(Step::Open),
        3 => any_field().prop_map(Step::Reask),
        2 => Just(Step::Lost),
        2 => Just(Step::MoreTime),
        2 => Just(Step::Address),
        1 => Just(Step::Cancel),
        2 => Just(Step::Take),
        2 => proptest::option::of(any_field()).prop_map(Step::Declined),
        3 => Just(Step::Keep),
        4 => (proptest::option::of(any_field()), any_field()).prop_map(|(objected, field)| Step::Again(objected, field)),
    ]
}

fn any_plan() -> impl Strategy<Value = CapturePlan> {
    let end = proptest::sample::select(vec![EndKey::Star, EndKey::Hash]);
    let address = proptest::sample::select(vec![AddressCheck::Off, AddressCheck::Typed, AddressCheck::Keyed]);
    (end, address).prop_map(|(end_key, address)| CapturePlan { end_key, address, ..plan() })
}

/// Issuer prefixes of every brand, two of them not taken and one of nobody.
const BINS: &[&[u8; 6]] =
    &[b"411111", b"555555", b"222100", b"620000", b"677179", b"378282", b"601111", b"999999"];

/// A customer and an agent who act on what the screen asks, with digits of their own.
struct Actor {
    script: Script,
    plan: CapturePlan,
    bin: usize,
    /// Makes the digits that may differ between two actors.
    seed: u64,
    /// Digits of the card number that is being keyed: the actor knows what it keys.
    pan: Vec<u8>,
    seen: Vec<Effect>,
    /// Cards that were taken.
    taken: usize,
    /// The last of them without its code.
    sent: Option<Kept>,
    /// Whether a code was keyed since the last card was taken.
    fresh_code: bool,
}

impl Actor {
    fn new(plan: &CapturePlan, bin: usize, seed: u64) -> Actor {
        let script = Script::new(plan);
        Actor {
            script,
            plan: plan.clone(),
            bin,
            seed,
            pan: vec![],
            seen: vec![],
            taken: 0,
            sent: None,
            fresh_code: false,
        }
    }

    fn run(mut self, steps: &[Step]) -> Actor {
        self.input(Input::Open);
        for step in steps {
            self.step(step);
            self.assert_nothing_outlives();
        }
        self
    }

    fn asked(&self) -> Option<Field> {
        self.script.capture.progress().field
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Digits(count) => (0..*count).for_each(|_| self.digit(true)),
            Step::Fill => self.fill(),
            Step::End(good) => self.end(*good),
            Step::Clear => self.key(if self.plan.end_key == EndKey::Star { '#' } else { '*' }),
            Step::Letter => self.key('B'),
            Step::Wait(seconds) => {
                let effects = self.script.wait(&seconds.to_string());
                self.see(effects);
            }
            Step::Open => self.input(Input::Open),
            Step::Reask(field) => self.input(Input::Reask(*field)),
            Step::Lost => self.input(Input::KeyLost),
            Step::MoreTime => self.input(Input::MoreTime),
            Step::Address => {
                self.input(Input::Address(Address { house_number: "1".into(), postcode: "AB1".into() }));
            }
            Step::Cancel => self.input(Input::Cancel),
            Step::Take => self.take(),
            Step::Declined(fix) => {
                let effects = self.script.capture.reopen_after_decline(self.script.now, *fix, None);
                self.see(effects);
            }
            Step::Keep => {
                let Some(kept) = self.sent.take() else { return };
                let effects = self.script.capture.keep(self.script.now, kept);
                self.see(effects);
            }
            Step::Again(objected, field) => {
                let now = self.script.now;
                let effects = self.script.capture.reopen_after_decline(now, *objected, Some(*field));
                self.see(effects);
            }
        }
    }

    fn take(&mut self) {
        let Some(card) = self.script.capture.take_card() else { return };
        assert_plausible(&card, &self.plan);
        assert!(std::mem::take(&mut self.fresh_code), "a card without a fresh code");
        self.taken += 1;
        self.sent = Some(card.part().0);
    }

    fn fill(&mut self) {
        if self.script.capture.progress().filled > 0 {
            self.step(&Step::Clear);
        }
        match self.asked() {
            Some(Field::Pan) => (0..15).for_each(|_| self.digit(true)),
            Some(Field::Expiry) => "1230".chars().for_each(|c| self.key(c)),
            _ => (0..3).for_each(|_| self.digit(true)),
        }
        self.end(true);
    }

    /// The end key, after the check digit where a card number has begun and has room for it: two
    /// actors must differ in digits and not in the verdict on them.
    fn end(&mut self, good: bool) {
        if self.asked() == Some(Field::Pan) && (6..=18).contains(&self.pan.len()) {
            self.key(char::from(self.check_digit(good)));
        }
        self.key(if self.plan.end_key == EndKey::Star { '*' } else { '#' });
    }

    fn digit(&mut self, good: bool) {
        let own = char::from(b'0' + self.own_digit());
        let digit = match self.asked() {
            Some(Field::Pan) => match self.pan.len() {
                place @ ..6 => char::from(BINS[self.bin][place]),
                18 => char::from(self.check_digit(good)),
                _ => own,
            },
            // The date is shown, so both actors key the same.
            Some(Field::Expiry) => '1',
            _ => own,
        };
        self.key(digit);
    }

    fn own_digit(&mut self) -> u8 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.seed >> 33) % 10) as u8
    }

    /// The Luhn digit that completes the number, or the one after it.
    fn check_digit(&self, good: bool) -> u8 {
        let sum: u32 = self
            .pan
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| u32::from(digit - b'0') << ((place + 1) % 2))
            .map(|value| if value > 9 { value - 9 } else { value })
            .sum();
        b'0' + ((10 - sum % 10 + u32::from(!good)) % 10) as u8
    }

    fn key(&mut self, key: char) {
        let before = self.asked();
        let code_before = self.script.capture.progress().code_digits;
        self.input(Input::Key(Key::from_char(key).expect("a key")));
        match key {
            '0'..='9' if before == Some(Field::Pan) => self.pan.push(key as u8),
            'B' => (),
            _ => self.pan.clear(),
        }
        self.fresh_code |= code_before == 0 && self.script.capture.progress().code_digits > 0;
    }

    /// Outside a capture no code is held, and a number only with an end to it.
    fn assert_nothing_outlives(&self) {
        let capture = &self.script.capture;
        if !capture.is_open() {
            let progress = capture.progress();
            assert_eq!(progress.code_digits, 0);
            assert!(progress.closed.is_empty() || capture.next_timeout() > Some(self.script.now));
        }
    }

    fn input(&mut self, input: Input) {
        let effects = self.script.input(input);
        self.see(effects);
    }

    fn see(&mut self, effects: Vec<Effect>) {
        if self.script.capture.progress().filled == 0 {
            self.pan.clear();
        }
        self.seen.extend(effects);
    }
}

fn without_last4(effects: &[Effect]) -> Vec<Effect> {
    let mut effects = effects.to_vec();
    for effect in &mut effects {
        if let Effect::Progress(progress) = effect {
            progress.last4 = progress.last4.as_ref().map(|text| "#".repeat(text.len()));
        }
    }
    effects
}

fn assert_plausible(card: &Card, plan: &CapturePlan) {
    assert!(plan.brands.contains(&card.brand));
    assert!(card.brand.lengths().contains(&card.pan.len()));
    assert!(card.pan.luhn_ok() || !card.brand.luhn_always());
    assert_eq!(card.cvc.len(), card.brand.code_len());
    assert!((1..=12).contains(&card.expiry.month));
    assert!(YearMonth { year: card.expiry.year, month: card.expiry.month } >= TODAY);
    assert!(plan.address != AddressCheck::Typed || card.address.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_gives_only_plausible_cards_and_bounded_counts(
        plan in any_plan(), bin in 0..BINS.len(), seed: u64, steps in prop::collection::vec(step(), 0..60),
    ) {
        let actor = Actor::new(&plan, bin, seed).run(&steps);
        for effect in &actor.seen {
            if let Effect::Progress(progress) = effect {
                prop_assert!(progress.filled <= 19);
                prop_assert!(progress.tries_left <= plan.tries);
                prop_assert!(progress.last4.as_ref().is_none_or(|text| text.len() == 4));
            }
        }
        let completed = actor.seen.iter().filter(|effect| **effect == Effect::Complete).count();
        prop_assert!(actor.taken <= completed);
        prop_assert!(actor.taken <= usize::from(PANS_A_CALL_MAX));
    }

    #[test]
    fn what_is_shown_does_not_vary_with_the_digits_behind_the_bin(
        plan in any_plan(), bin in 0..BINS.len(), seeds: (u64, u64), steps in prop::collection::vec(step(), 0..60),
    ) {
        let [one, other] = [seeds.0, seeds.1].map(|seed| Actor::new(&plan, bin, seed).run(&steps));
        let (one, other) = (without_last4(&one.seen), without_last4(&other.seen));
        prop_assert_eq!(one.len(), other.len());
        for (one, other) in one.iter().zip(&other) {
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn a_timer_at_the_time_it_is_due_always_moves_on(
        plan in any_plan(), bin in 0..BINS.len(), seed: u64, steps in prop::collection::vec(step(), 0..30),
    ) {
        let mut script = Actor::new(&plan, bin, seed).run(&steps).script;
        // Stall, warning and end, at most.
        for _ in 0..3 {
            let Some(due) = script.capture.next_timeout() else { break };
            prop_assert!(!script.capture.step(due.max(script.now), Input::Timer).is_empty());
        }
        prop_assert!(script.capture.next_timeout().is_none());
    }
}

#[test]
fn the_actor_of_these_tests_reaches_cards() {
    let steps = [Step::Fill, Step::Fill, Step::Fill, Step::Take];
    for (bin, taken) in [(0, true), (1, true), (2, true), (3, true), (4, true), (5, false), (7, false)] {
        let actor = Actor::new(&plan(), bin, 7).run(&steps);
        assert_eq!(actor.taken, usize::from(taken), "{:?}", BINS[bin]);
        assert_eq!(actor.seen.contains(&Effect::Complete), taken);
    }
}

#[test]
fn the_actor_of_these_tests_reaches_a_second_attempt_with_a_kept_number() {
    let again = Step::Again(Some(Field::Code), Field::Code);
    let first = [Step::Fill, Step::Fill, Step::Fill, Step::Take, Step::Keep];
    let actor = Actor::new(&plan(), 0, 7).run(&[&first[..], &[again, Step::Fill, Step::Take]].concat());
    assert_eq!(actor.taken, 2);
    let fields: Vec<Option<Field>> = actor
        .seen
        .iter()
        .filter_map(|effect| match effect {
            Effect::Progress(progress) => Some(progress.field),
            _ => None,
        })
        .collect();
    let second = &fields[fields.iter().position(Option::is_none).expect("a complete card")..];
    assert!(!second.contains(&Some(Field::Pan)) && second.contains(&Some(Field::Code)));
}
