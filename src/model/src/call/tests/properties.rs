//! What holds for every sequence of inputs and wishes.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// Words that a step is drawn from; what goes well is drawn often enough to reach a payment.
const WORDS: &[&str] = &[
    "begin",
    "ring",
    "answer:8",
    "answer:0,8",
    "answer:9",
    "fail:486",
    "fail:603",
    "ack:-",
    "ack:8",
    "ack:0,8",
    "offer:c:8",
    "offer:c:0,8/sendonly",
    "offer:c:-",
    "offer:c:9",
    "offer:c:junk",
    "offer:a:8/inactive",
    "offer:a:0,8",
    "offer:a:-",
    "reanswer:a:8",
    "reanswer:a:0",
    "reanswer:a:!488",
    "reanswer:c:8",
    "reanswer:c:8,0/recvonly",
    "reanswer:c:junk",
    "bye:c",
    "bye:a",
    "a:*7",
    "lost",
    "unwell:source",
    "unwell:detector",
    "well",
    "well",
    "leaked",
    "slow",
    "fast",
    "flow",
    "timer",
    "shutdown",
    "+1s",
    "+21s",
    "+61s",
    "+700s",
    "+4h",
    "secure",
    "unsecure",
    "collect:INV1:1250",
    "collect:INV2:900",
    "collect:INV1:900",
    "take:0",
    "cancel",
    "reask:pan",
    "reask:code",
    "more",
    "hangup",
    "k:4111",
    "k:#*",
];

/// Words that carry a call on.
const GOOD: &[&str] = &[
    "answer:8",
    "ack:8",
    "collect:INV1:1250",
    "collect:INV2:900",
    "card",
    "card",
    "take",
    "take",
    "paid:declined",
    "paid:declined/code",
    "paid:declined/expiry",
    "paid:declined/later",
    "reask:code",
    "reask:expiry",
    "code",
    "paid:approved",
    "paid:unknown",
    "paid:unrecorded",
    "paid:rejected",
    "offer:c:8",
    "offer:a:8",
    "reanswer:a:8",
    "reanswer:c:8",
    "secure",
    "unsecure",
    "+1s",
    "flow",
];

fn word() -> impl Strategy<Value = &'static str> {
    prop_oneof![2 => prop::sample::select(WORDS), 5 => prop::sample::select(GOOD)]
}

fn at(side: Side) -> usize {
    match side {
        Side::Customer => 0,
        Side::Agent => 1,
    }
}

/// What the outside knows of a call from its effects alone, and what it may then expect.
#[derive(Default)]
struct Witness {
    route_2: bool,
    relay: Option<Side>,
    offers: [i32; 2],
    laws: [Option<Law>; 2],
    attempts: HashSet<AttemptId>,
    secured: bool,
    field: bool,
    slow_keys: bool,
    agent_settled: bool,
    answers: u32,
    rejects: u32,
    dials: u32,
    overs: u32,
    /// Keys that the customer pressed, lost ones too.
    keys: u32,
}

impl Witness {
    fn before(&mut self, input: &Input) {
        match input {
            Input::Offer(side, _) => self.offers[at(*side)] += 1,
            Input::Key(_) | Input::KeyLost if self.overs == 0 => self.keys += 1,
            Input::Reanswered(side, _) if self.relay == Some(*side) => self.relay = None,
            _ => {}
        }
    }

    /// `complete`: whether the card was, before the step.
    fn sees(&mut self, effect: &Effect, complete: bool) {
        let ended = self.overs > 0;
        match effect {
            Effect::Dial { .. } => {
                self.dials += 1;
                assert!(!self.agent_settled, "a second agent is rung");
                assert!(self.dials <= if self.route_2 { u32::from(RING_BACK_TRIES) } else { 1 });
                assert!(self.secured || !self.route_2);
            }
            Effect::Answer(_) => self.answers += 1,
            Effect::Reject(_) => self.rejects += 1,
            Effect::Settle(side, settled) => {
                let first = *side == Side::Agent && !std::mem::replace(&mut self.agent_settled, true);
                assert!(!(first && self.route_2) || self.secured, "the agent would hear the first packets");
                self.laws[at(*side)] = Some(settled.law);
            }
            Effect::Secure(on) => {
                assert_ne!(self.secured, *on, "told twice");
                self.secured = *on;
            }
            Effect::Field(open) => {
                assert_ne!(self.field, *open, "told twice");
                assert!(self.secured || !open, "a field before the mask");
                self.field = *open;
            }
            Effect::SlowKeys(on) => {
                assert_ne!(self.slow_keys, *on, "told twice");
                self.slow_keys = *on;
            }
            Effect::Reinvite(side, _) => assert!(self.relay.replace(*side).is_none(), "two relays"),
            Effect::AcceptOffer(side, _) | Effect::RefuseOffer(side, _) => self.offers[at(*side)] -= 1,
            Effect::Authorise(order) => {
                assert!(complete && order.card.pan.len() == 16 && order.card.cvc.len() == 3);
                assert!(self.attempts.insert(order.attempt.clone()), "an attempt is made twice");
            }
            Effect::Over(_) => self.overs += 1,
            Effect::Ring | Effect::End(_) | Effect::Changed => {}
        }
        let after = matches!(effect, Effect::Changed | Effect::RefuseOffer(..));
        assert!(!ended || after, "{} after the end", show(effect));
        // Everything that we say has to be an SDP that its reader can use.
        let _ = show_sdp(effect);
    }

    fn agrees(&self, call: &Call) {
        let view = call.view();
        assert_eq!(view.secured, self.secured, "the mask and the screen differ");
        assert!(view.secured || !view.capture_open, "a field on an open line");
        let keying = view.capture_open && view.capture.field.is_some();
        assert_eq!(self.field, keying, "media and the screen differ");
        assert!(!(keying && view.leaked), "a field after a leak");
        assert!(!keying || view.unwell.is_none() || view.capture.filled == 0, "keys of an unclear line");
        assert_eq!(self.slow_keys, view.slow_keys);
        assert_eq!(self.keys, view.keys, "a press is not counted");
        assert!(view.secured || view.capture.closed.is_empty(), "a number is held on an open line");
        let over = matches!(view.phase, Phase::Ended(_));
        assert!(!over || view.capture.closed.is_empty(), "a number is held after the call");
        assert!(view.capture_open || view.capture.code_digits == 0, "a code is held after the capture");
        assert_eq!(matches!(view.phase, Phase::Ended(_)), self.overs == 1);
        assert_eq!(call.next_timeout().is_none(), self.overs == 1);
        assert!(self.overs <= 1 && self.answers + self.rejects <= 1);
        let waiting = |side| self.relay == Some(side) && self.overs == 0;
        for side in [Side::Customer, Side::Agent] {
            assert_eq!(self.offers[at(side)], i32::from(waiting(side.other())), "offers of {}", name(side));
        }
        if let [Some(customer), Some(agent)] = self.laws {
            assert!(customer == agent, "the legs speak two laws");
        }
    }
}

fn show_sdp(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Answer(sdp)
        | Effect::Dial { offer: sdp, .. }
        | Effect::Reinvite(_, sdp)
        | Effect::AcceptOffer(_, sdp) => Some(told(sdp)),
        _ => None,
    }
}

struct Trial {
    script: Script,
    witness: Witness,
    attempts: u128,
}

impl Trial {
    fn input(&mut self, input: Input) {
        let complete = self.script.call.view().capture_complete;
        self.witness.before(&input);
        let effects = self.script.call.step(self.script.now, input);
        self.check(effects, complete);
    }

    fn check(&mut self, effects: Vec<Effect>, complete: bool) {
        effects.iter().for_each(|effect| self.witness.sees(effect, complete));
        let looks = effects.iter().filter(|effect| matches!(effect, Effect::Changed)).count();
        assert!(looks <= 1, "people are told twice");
        self.script.note(effects);
        self.witness.agrees(&self.script.call);
    }

    fn wish(&mut self, command: Command) {
        let complete = self.script.call.view().capture_complete;
        if let Ok(effects) = self.script.call.command(self.script.now, command) {
            self.check(effects, complete);
        }
    }

    fn wait(&mut self, time: &str) {
        let target = self.script.now + span(time);
        for _ in 0..40 {
            let Some(due) = self.script.call.next_timeout().filter(|due| *due <= target) else {
                self.script.now = target;
                return;
            };
            self.script.now = due.max(self.script.now);
            self.input(Input::Timer);
        }
        panic!("a timer that is due again and again");
    }

    fn keys(&mut self, keys: &str) {
        for c in keys.chars() {
            self.input(Input::Key(Key::from_char(c).expect("a key")));
        }
    }

    fn word(&mut self, word: &str) {
        if let Some(time) = word.strip_prefix('+') {
            return self.wait(time);
        }
        let (verb, rest) = word.split_once(':').unwrap_or((word, ""));
        match verb {
            "card" => self.keys("4111111111111111*1230*123*"),
            "code" => self.keys("123*"),
            "k" => self.keys(rest),
            "a" => rest.chars().for_each(|c| self.input(Input::AgentKey(Key::from_char(c).expect("a key")))),
            "paid" => {
                let input = self.script.paid(self.attempts, rest);
                self.input(input);
            }
            "take" if rest.is_empty() => {
                self.attempts += 1;
                self.wish(Command::Take(attempt_id(self.attempts)));
            }
            _ => match self.script.wish(verb, rest) {
                Some(command) => self.wish(command),
                None => {
                    let input = self.script.input(verb, rest);
                    self.input(input);
                }
            },
        }
    }
}

fn run(route_2: bool, offer: &str, words: &[&str]) -> Trial {
    let route = if route_2 { RouteKind::OnDemand } else { RouteKind::InPath };
    let script = Script::new(plan(route, if route_2 { "" } else { "*7" }), offer);
    let mut trial = Trial { script, witness: Witness { route_2, ..Witness::default() }, attempts: 0 };
    words.iter().for_each(|word| trial.word(word));
    trial
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_a_call(
        route_2 in any::<bool>(),
        offer in prop::sample::select(vec!["8,0", "8", "0", "-"]),
        begun in prop::bool::weighted(0.9),
        words in prop::collection::vec(word(), 0..60),
    ) {
        let first: &[&str] = if begun { &["begin"] } else { &[] };
        let words: Vec<&str> = first.iter().chain(&words).copied().collect();
        let mut trial = run(route_2, offer, &words);
        trial.word("shutdown");
        prop_assert_eq!(trial.witness.overs, 1);
        prop_assert_eq!(trial.witness.offers, [0, 0], "an offer was left without an answer");
    }

    #[test]
    fn money_is_taken_once_for_an_order(words in prop::collection::vec(prop::sample::select(GOOD), 0..60)) {
        let mut trial = run(false, "8,0", &["begin", "answer:8"]);
        let mut approved = HashSet::new();
        for word in words {
            trial.word(word);
            let payment = trial.script.call.view().payment;
            if word == "paid:approved" && payment.state == PayState::Attempt(AttemptState::Approved) {
                approved.insert(payment.attempt);
            }
        }
        // Two orders are in the words, so two approvals at most.
        prop_assert!(approved.len() <= 2);
    }
}

#[test]
fn the_words_reach_a_payment_and_the_witness_sees_it() {
    let words =
        ["begin", "answer:8", "collect:INV1:1250", "card", "take", "paid:declined", "collect:INV1:1250"];
    let trial = run(false, "8,0", &[&words[..], &["card", "take:0", "take", "offer:c:8"]].concat());
    // `take:0` is an attempt of its own; the `take` after it finds it under way.
    assert_eq!(trial.witness.attempts.len(), 2);
    assert_eq!((trial.witness.relay, trial.witness.offers), (Some(Side::Agent), [1, 0]));
}
