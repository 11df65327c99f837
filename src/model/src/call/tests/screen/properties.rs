//! What holds of the agent's screen along every call.

use super::*;
use crate::screen::{Primary, Stage};
use proptest::prelude::*;
use std::collections::HashSet;

/// Words of a call that ends in all the ways there are; `card` stands for one of two cards.
const WORDS: &[&str] = &[
    "secure",
    "unsecure",
    "collect:INV1:1250",
    "collect:INV1:1250",
    "collect:INV2:900",
    "card",
    "card",
    "number",
    "k:*",
    "k:#",
    "cancel",
    "reask:pan",
    "reask:code",
    "reask:expiry",
    "code",
    "more",
    "take",
    "take",
    "paid:recorded",
    "paid:unrecorded",
    "paid:unrecorded/unsettled",
    "paid:unrecorded/taken",
    "paid:declined",
    "paid:declined/code",
    "paid:declined/expiry",
    "paid:declined/later",
    "paid:approved",
    "paid:unknown",
    "paid:pending",
    "paid:held",
    "paid:rejected",
    "paid:not_charged",
    "paid:review",
    "paid:voided",
    "+1s",
    "+40s",
    "+700s",
    "bye:c",
    "unwell:storm",
    "well",
    "leaked",
];

/// Two cards of one brand with nothing else in common: number, expiry, code.
const CARDS: [[&str; 3]; 2] = [["4111111111111111", "1230", "123"], ["4263970000005262", "0931", "907"]];

struct Trial {
    script: Script,
    attempts: u128,
    card: [&'static str; 3],
}

impl Trial {
    fn new(route_2: bool, card: [&'static str; 3]) -> Trial {
        let kind = if route_2 { RouteKind::OnDemand } else { RouteKind::InPath };
        Trial { script: Script::new(plan(kind, ""), "8,0"), attempts: 0, card }
    }

    fn word(&mut self, word: &str) {
        let [number, expiry, code] = self.card;
        match word {
            "card" => drop(self.script.run(&format!("k:{number}* k:{expiry}* k:{code}*"))),
            "code" => drop(self.script.run(&format!("k:{code}*"))),
            "number" => drop(self.script.run(&format!("k:{}", &number[..9]))),
            "take" => {
                self.attempts += 1;
                self.script.word(&format!("take:{}", self.attempts));
            }
            _ => match word.strip_prefix("paid:") {
                Some(news) => drop(self.script.word(&format!("paid:{}:{news}", self.attempts))),
                None => drop(self.script.word(word)),
            },
        }
    }

    fn view(&self) -> CallView {
        self.script.call.view()
    }
}

fn any_facts() -> impl Strategy<Value = screen::Facts> {
    let choice = prop::option::weighted(0.3, prop::sample::select(&Means::ALL[..]));
    let flags = prop::array::uniform4(any::<bool>());
    (choice, 0_usize..3, flags).prop_map(|(choice, receipts, flags)| {
        let [order_known, wrapped, typed_address, was_secured] = flags;
        screen::Facts { order_known, choice, receipts, wrapped, typed_address, was_secured }
    })
}

fn is_card(offer: &Offer) -> bool {
    offer.means().is_none()
}

fn holds(view: &CallView, facts: &screen::Facts) {
    let (stage, primary) = (screen::stage(view, facts), screen::primary(view, facts));
    let offers = screen::offers(view, facts);
    let shown = told(view, facts);
    let undecided = screen::must_choose(view, facts);
    assert!(primary != Primary::None || undecided || stage == Stage::WrapUp, "{shown}");
    if undecided {
        assert_ne!(primary, Primary::WrapUp, "{shown}");
        assert!(stage != Stage::WrapUp && offers.iter().any(|offer| !is_card(offer)), "{shown}");
    }
    let live_attempt = matches!(view.payment.state, PayState::Attempt(state) if state.is_live());
    let taken = view.payment.state == PayState::Attempt(AttemptState::Approved);
    if live_attempt || taken {
        assert!(offers.is_empty(), "{shown}");
        assert!(!matches!(primary, Primary::Take | Primary::Collect | Primary::Secure), "{shown}");
    }
    if view.payment.state == PayState::Attempt(AttemptState::Sending) {
        assert_eq!((stage, primary), (Stage::Processing, Primary::Busy), "{shown}");
    }
    let not_known = [AttemptState::Unknown, AttemptState::Pending, AttemptState::Review];
    let not_known = not_known.map(PayState::Attempt).contains(&view.payment.state);
    let unsettled = view.payment.unrecorded == Some(Unrecorded::Unsettled);
    assert!(stage != Stage::Unknown || not_known || unsettled, "{shown}");
    assert!(!not_known || stage == Stage::Unknown, "{shown}");
    if unsettled && !view.capture_open {
        assert!(offers.is_empty() && primary != Primary::Collect && !undecided, "{shown}");
    }
    assert!(primary != Primary::Take || view.capture_complete, "{shown}");
    assert!(
        !matches!(stage, Stage::Pan | Stage::Expiry | Stage::Cvc | Stage::Review) || view.secured,
        "{shown}"
    );
    let over = matches!(view.phase, Phase::Ended(_));
    let wants_a_line = matches!(primary, Primary::Secure | Primary::Collect | Primary::Take | Primary::Busy);
    assert!(!over || stage == Stage::Processing || !wants_a_line, "{shown}");
    assert!(!over || !offers.iter().any(is_card), "{shown}");
    let unique: HashSet<&Offer> = offers.iter().collect();
    assert_eq!(unique.len(), offers.len(), "{shown}");
}

/// What a call accepts of what its screen offers.
fn offered_is_accepted(trial: &mut Trial, facts: &screen::Facts) {
    let view = trial.view();
    let wishes = screen::offers(&view, facts).into_iter().filter(is_card).map(|offer| match offer {
        Offer::Reask(field) => Command::Reask(field),
        _ => Command::Collect {
            payment: PaymentId::from_random(99),
            account: view.payment.account.clone().expect("an order"),
            amount: view.payment.amount.expect("an order"),
            confirmed: false,
        },
    });
    if let Some(wish) = wishes.into_iter().next() {
        let now = trial.script.now;
        assert!(trial.script.call.command(now, wish).is_ok(), "{}", told(&view, facts));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_makes_it_offer_what_it_must_not(
        route_2 in any::<bool>(),
        connected in prop::bool::weighted(0.95),
        words in prop::collection::vec(prop::sample::select(WORDS), 0..40),
        facts in any_facts(),
    ) {
        let mut trial = Trial::new(route_2, CARDS[0]);
        trial.word("begin");
        holds(&trial.view(), &facts);
        if connected {
            trial.word("answer:8");
        }
        for word in words {
            trial.word(word);
            holds(&trial.view(), &facts);
            // The last view of an actor that died, as its tombstone keeps it.
            holds(&CallView { phase: Phase::Ended(EndedWhy::Crashed), ..trial.view() }, &facts);
        }
        offered_is_accepted(&mut trial, &facts);
    }

    #[test]
    fn no_digit_shows(words in prop::collection::vec(prop::sample::select(WORDS), 0..40), facts in any_facts()) {
        let [mut one, mut other] = CARDS.map(|card| Trial::new(false, card));
        for word in ["begin", "answer:8"].into_iter().chain(words) {
            one.word(word);
            other.word(word);
            let (a, b) = (one.view(), other.view());
            let plan = &tenant().capture;
            prop_assert_eq!(told(&a, &facts), told(&b, &facts));
            prop_assert_eq!(screen::fields(&a, plan), screen::fields(&b, plan));
        }
    }
}

#[test]
fn the_words_of_these_histories_reach_every_stage_but_the_addresses() {
    let mut reached = HashSet::new();
    let mut note = |trial: &Trial| {
        for words in ["", "wrapped", "wrapped later"] {
            reached.insert(screen::stage(&trial.view(), &facts(words)).as_str());
        }
    };
    for news in ["approved", "declined", "unknown", "held", "recorded"] {
        for last in ["bye:c", "cancel", "+700s"] {
            let mut trial = Trial::new(false, CARDS[1]);
            let words = ["begin", "answer:8", "secure", "collect:INV1:1250", "number", "k:#", "card", "take"];
            let news = format!("paid:{news}");
            for word in words.into_iter().chain([news.as_str(), last]) {
                trial.word(word);
                note(&trial);
            }
        }
    }
    for words in [["collect:INV1:1250", "cancel"], ["collect:INV1:1250", "+700s"], ["bye:c", "more"]] {
        let mut trial = Trial::new(false, CARDS[1]);
        for word in ["begin", "answer:8"].into_iter().chain(words) {
            trial.word(word);
            note(&trial);
        }
    }
    let mut trial = Trial::new(false, CARDS[1]);
    ["begin", "answer:8", "collect:INV1:1250"].into_iter().for_each(|word| trial.word(word));
    let [number, expiry, _] = CARDS[1];
    for keys in [number, expiry] {
        trial.word(&format!("k:{keys}*"));
        note(&trial);
    }
    let missing: Vec<&str> =
        Stage::ALL.map(Stage::as_str).into_iter().filter(|stage| !reached.contains(stage)).collect();
    assert_eq!(missing, ["house_number", "postcode", "address"]);
}
