//! Whom the page may let call, and which cards they hold.

use super::Choice;
use tonewall_loadtest::customer::{Behaviour, TestCard};

const fn choice(value: &'static str, label: &'static str) -> Choice {
    Choice { value, label }
}

/// Behaviours by their names; the first is the default.
pub(super) const BEHAVIOURS: &[Choice] = &[
    choice("normal", "Keys what is asked"),
    choice("speaks_number", "Says the number first"),
    choice("wrong_luhn_first", "Mistypes the card number once"),
    choice("wrong_code_first", "Keys a wrong security code first"),
    choice("held_keys", "Holds the last key of each field"),
    choice("duplicate_keys", "Phone reports every key three times"),
    choice("short_tones", "Very short tones (40 ms)"),
    choice("silent", "Keys nothing"),
    choice("hangs_up_at_code", "Hangs up when asked for the code"),
];

/// The behaviour of a name.
pub(super) fn behaviour_of(value: &str) -> Option<Behaviour> {
    Some(match value {
        "" | "normal" => Behaviour::Normal,
        "speaks_number" => Behaviour::SpeaksNumber,
        "wrong_luhn_first" => Behaviour::WrongLuhnFirst,
        "wrong_code_first" => Behaviour::WrongCodeFirst,
        "held_keys" => Behaviour::HeldKey,
        "duplicate_keys" => Behaviour::DuplicateKeys,
        "short_tones" => Behaviour::ShortTones,
        "silent" => Behaviour::Silent,
        "hangs_up_at_code" => Behaviour::HangsUpAtCode,
        _ => return None,
    })
}

/// A card of the demo: its number never reaches the page, which knows it by `choice.value`.
struct Held {
    choice: Choice,
    pan: &'static str,
    cvc: &'static str,
}

const fn held(value: &'static str, label: &'static str, pan: &'static str, cvc: &'static str) -> Held {
    Held { choice: choice(value, label), pan, cvc }
}

/// All published test cards, which the sandbox gateway answers as the label says. The first is the default.
const CARDS: &[Held] = &[
    held("visa", "Visa, approved", "4263970000005262", "907"),
    held("mastercard", "Mastercard, approved", "5555555555554444", "314"),
    held("amex", "American Express, approved", "378282246310005", "2718"),
    held("maestro", "Maestro, approved", "6771798021000008", "161"),
    held("funds", "Visa, declined: not enough money", "4000000000009995", "141"),
    held("generic", "Visa, declined: no reason given", "4000000000000002", "141"),
    held("code", "Visa, declined: wrong security code", "4000000000000127", "141"),
    held("lost", "Visa, declined: do not try again", "4000000000009987", "141"),
    held("call_issuer", "Visa, declined: customer must call the bank", "4000130000001724", "141"),
    held("held", "Visa, held for review", "4000000000009235", "141"),
    held("slow", "Visa, approved slowly", "4000000000000077", "141"),
    held("unknown", "Visa, gateway never answers", "4000000000000259", "141"),
];

/// Month and year of every card, as keyed.
const EXPIRY: &str = "1230";

/// Cards by their names.
pub(super) static CHOICES: [Choice; CARDS.len()] = {
    let mut choices = [choice("", ""); CARDS.len()];
    let mut at = 0;
    while at < CARDS.len() {
        choices[at] = CARDS[at].choice;
        at += 1;
    }
    choices
};

/// The cards that this customer has at hand: the chosen one, and after a decline another that is approved.
pub(super) fn cards_of(value: &str) -> Option<Vec<TestCard>> {
    let chosen = match value {
        "" => &CARDS[0],
        _ => CARDS.iter().find(|held| held.choice.value == value)?,
    };
    let spare = if chosen.choice.value == CARDS[0].choice.value { &CARDS[1] } else { &CARDS[0] };
    let card = |held: &Held| TestCard { pan: held.pan.into(), expiry: EXPIRY.into(), cvc: held.cvc.into() };
    Some(vec![card(chosen), card(spare)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonewall_loadtest::sandbox::TEST_CARDS;

    #[test]
    fn every_choice_is_known() {
        for choice in BEHAVIOURS {
            assert!(behaviour_of(choice.value).is_some(), "{}", choice.value);
        }
        for choice in &CHOICES {
            assert_eq!(cards_of(choice.value).map(|cards| cards.len()), Some(2), "{}", choice.value);
            assert!(!choice.label.chars().any(|c| c.is_ascii_digit()), "{}", choice.label);
        }
        assert_eq!((behaviour_of("x"), cards_of("x")), (None, None));
        assert_eq!((behaviour_of(""), cards_of("")), (Some(Behaviour::Normal), cards_of("visa")));
    }

    #[test]
    fn every_card_is_one_of_the_sandbox() {
        for held in CARDS {
            assert!(TEST_CARDS.iter().any(|card| card.0 == held.pan), "{}", held.choice.value);
        }
    }
}
