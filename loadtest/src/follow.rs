//! A customer who follows a person: waits for each field that the agent's screen opens, and keys what is asked.

use std::time::Duration;

use tokio::sync::watch;

use crate::api::CallView;
use crate::call::{CallError, STEP_MAX, SimCall};
use crate::customer::{Behaviour, HELD_MS, TestCard, wrong_code, wrong_number};
use crate::leg::{End, LegState};
use crate::party::PressError;
use crate::voice::{Press, Talk};

/// What a customer brings to a call.
#[derive(Clone, Debug)]
pub struct Script {
    /// How they behave.
    pub behaviour: Behaviour,
    /// Their cards: the first, and after each decline the next one, when a card number is asked for again; the same one
    /// if only its code was mistyped. At least one.
    pub cards: Vec<TestCard>,
    /// House number and postcode, for an organisation that has them keyed: their digits are keyed.
    pub address: (String, String),
    /// Finding the card and the key, before each field.
    pub pause: Duration,
    /// How long the number is said aloud by [`Behaviour::SpeaksNumber`].
    pub speaks_for: Duration,
    /// How long the customer stays at most.
    pub stay_max: Duration,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            behaviour: Behaviour::Normal,
            cards: vec![TestCard::default()],
            address: ("12".into(), "TD15 9EN".into()),
            pause: Duration::from_millis(1_500),
            speaks_for: Duration::from_secs(8),
            stay_max: Duration::from_secs(1_200),
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowedTo {
    /// The agent, a button, or the service ended the call.
    TheEnd,
    /// The customer hung up, as the behaviour wants it.
    HungUp,
    /// The customer had enough of it and hung up.
    TooLong,
}

/// What came of following.
#[derive(Clone, Debug)]
pub struct Followed {
    /// How it ended.
    pub to: FollowedTo,
    /// Fields that were keyed, repetitions counted.
    pub fields_keyed: usize,
    /// Cards of the script that were begun.
    pub cards_begun: usize,
    /// The last view.
    pub view: CallView,
}

/// Repetitions that a customer puts up with.
const FIELDS_MAX: usize = 64;

/// Stays on the line and keys whatever the agent's screen asks for, until somebody ends the call.
///
/// # Errors
/// The call was not answered or not listed, or keys could not be sent although the call stood.
pub async fn follow(call: &mut SimCall<'_>, script: &Script) -> Result<Followed, CallError> {
    call.wait_answered(STEP_MAX).await?;
    call.wait_ringing(STEP_MAX).await?;
    call.find(STEP_MAX).await?;
    let views = call.views()?;
    let mut customer = Customer { prompts: Prompts::new(script), call, script, views, keyed: 0 };
    let to = match tokio::time::timeout(script.stay_max, customer.play()).await {
        Ok(to) => to?,
        Err(_) => FollowedTo::TooLong,
    };
    let (fields_keyed, cards_begun) = (customer.keyed, customer.prompts.begun);
    match to {
        FollowedTo::TheEnd => {}
        FollowedTo::HungUp | FollowedTo::TooLong => call.hangup().await?,
    }
    // The last word about a payment may come after the goodbye.
    let ended = call.wait_view("the end of the call", STEP_MAX, |view| view.state == "ended").await;
    let view = ended.or_else(|error| call.view().ok_or(error))?;
    Ok(Followed { to, fields_keyed, cards_begun, view })
}

/// What a view asks of the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Nothing,
    Key(String),
    HangUp,
}

/// A field that was keyed, as it stood when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answered {
    field: String,
    tries_left: Option<u32>,
    attempt: Option<String>,
    /// Whether digits have been seen in it since.
    filled: bool,
}

/// Tells from views when a field wants to be keyed (again); knows no clock and no socket.
struct Prompts<'a> {
    script: &'a Script,
    answered: Option<Answered>,
    card: usize,
    /// Cards whose number was keyed.
    begun: usize,
    /// Declines after which another card was taken, or would have been.
    declines: usize,
    wrong_number: bool,
    wrong_code: bool,
    /// The last code was the wrong one.
    mistyped: bool,
}

impl<'a> Prompts<'a> {
    fn new(script: &'a Script) -> Self {
        Self {
            script,
            answered: None,
            card: 0,
            begun: 0,
            declines: 0,
            wrong_number: script.behaviour == Behaviour::WrongLuhnFirst,
            wrong_code: script.behaviour == Behaviour::WrongCodeFirst,
            mistyped: false,
        }
    }

    /// Takes in a view.
    fn wish(&mut self, view: &CallView) -> Wish {
        let field = view.capture.field.as_deref().filter(|_| view.capture.state == "open");
        let Some(field) = field else {
            self.answered = None;
            return Wish::Nothing;
        };
        if let Some(answered) = &mut self.answered {
            let emptied = answered.filled && view.capture.filled == 0;
            answered.filled |= view.capture.filled > 0;
            let same = answered.field == field
                && answered.tries_left == view.capture.tries_left
                && answered.attempt == view.payment.attempt_id;
            if same && !emptied {
                return Wish::Nothing;
            }
            self.answered = None;
        }
        match (self.script.behaviour, field) {
            (Behaviour::Silent, _) | (_, "address") => Wish::Nothing,
            (Behaviour::HangsUpAtCode, "cvc") => Wish::HangUp,
            _ => Wish::Key(field.to_owned()),
        }
    }

    /// The digits for the field that this view asks for, which counts as answered from now on. `declines` is how many
    /// attempts were declined so far: a number that is asked for after one more of them is another card's.
    fn answer(&mut self, field: &str, view: &CallView, declines: usize) -> String {
        self.answered = Some(Answered {
            field: field.to_owned(),
            tries_left: view.capture.tries_left,
            attempt: view.payment.attempt_id.clone(),
            filled: false,
        });
        if field == "pan" && std::mem::replace(&mut self.declines, declines) < declines {
            // A code that was mistyped is not the card's fault.
            let same_card = std::mem::take(&mut self.mistyped);
            let last = self.script.cards.len().saturating_sub(1);
            self.card = if same_card { self.card } else { (self.card + 1).min(last) };
        }
        let Some(card) = self.script.cards.get(self.card) else { return String::new() };
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect();
        match field {
            "pan" => {
                self.begun = self.begun.max(self.card + 1);
                if std::mem::take(&mut self.wrong_number) {
                    wrong_number(&card.pan)
                } else {
                    card.pan.clone()
                }
            }
            "expiry" => card.expiry.clone(),
            "cvc" => {
                self.mistyped = std::mem::take(&mut self.wrong_code);
                if self.mistyped { wrong_code(&card.cvc).to_owned() } else { card.cvc.clone() }
            }
            "house_number" => digits(&self.script.address.0),
            "postcode" => digits(&self.script.address.1),
            _ => String::new(),
        }
    }
}

struct Customer<'c, 's, 'p> {
    call: &'c SimCall<'s>,
    script: &'p Script,
    prompts: Prompts<'p>,
    views: watch::Receiver<CallView>,
    keyed: usize,
}

impl Customer<'_, '_, '_> {
    async fn play(&mut self) -> Result<FollowedTo, CallError> {
        while self.keyed < FIELDS_MAX {
            let view = self.views.borrow_and_update().clone();
            if view.state == "ended" || self.has_ended() {
                return Ok(FollowedTo::TheEnd);
            }
            match self.prompts.wish(&view) {
                Wish::Nothing => self.wait_for_news().await,
                Wish::HangUp => return Ok(FollowedTo::HungUp),
                Wish::Key(field) => match self.key(&field).await {
                    Ok(()) => {}
                    // A call may end under one's fingers; INFO then finds no dialog.
                    Err(_) if self.has_ended() => return Ok(FollowedTo::TheEnd),
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Ok(FollowedTo::TooLong)
    }

    fn has_ended(&self) -> bool {
        matches!(self.call.customer().leg.state(), LegState::Ended(_))
    }

    /// Until the next view, or the end of the call.
    async fn wait_for_news(&mut self) {
        let leg = &self.call.customer().leg;
        tokio::select! {
            changed = self.views.changed() => if changed.is_err() {
                // Nobody tells us any more: only the end can come. The caller's time bounds it.
                let _: Option<End> = leg.wait_end(self.script.stay_max).await;
            },
            _ = leg.wait_end(self.script.stay_max) => {}
        }
    }

    /// `false` if the call ended meanwhile.
    async fn wait(&self, time: Duration) -> bool {
        if time.is_zero() {
            return !self.has_ended();
        }
        self.call.customer().leg.wait_end(time).await.is_none()
    }

    /// Keys a field after a human pause, if it is still asked for then.
    async fn key(&mut self, field: &str) -> Result<(), PressError> {
        let behaviour = self.script.behaviour;
        if !self.wait(self.script.pause).await {
            return Ok(());
        }
        if behaviour == Behaviour::SpeaksNumber && field == "pan" && self.prompts.begun == 0 {
            self.call.customer().peer.set_talk(Talk::Speech);
            if !self.wait(self.script.speaks_for).await {
                return Ok(());
            }
        }
        let view = self.views.borrow_and_update().clone();
        if self.prompts.wish(&view) != Wish::Key(field.to_owned()) {
            return Ok(());
        }
        let digits = self.prompts.answer(field, &view, self.call.declines());
        self.keyed += 1;
        let (customer, plan) = (self.call.customer(), self.call.plan());
        let held_from =
            if behaviour == Behaviour::HeldKey { digits.len().saturating_sub(1) } else { digits.len() };
        customer.press(&digits[..held_from], plan.keys, &plan.press).await?;
        let held = Press { on_ms: HELD_MS, ..plan.press };
        customer.press(&digits[held_from..], plan.keys, &held).await?;
        if let Some(end) = plan.terminator {
            customer.press(end.encode_utf8(&mut [0; 4]), plan.keys, &plan.press).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(
        field: Option<&str>,
        filled: u32,
        tries_left: u32,
        payment: &str,
        attempt: Option<&str>,
    ) -> CallView {
        let mut view = CallView { state: "connected".into(), ..CallView::default() };
        view.capture.state = if field.is_some() { "open" } else { "complete" }.into();
        view.capture.field = field.map(str::to_owned);
        view.capture.filled = filled;
        view.capture.tries_left = Some(tries_left);
        view.payment.state = payment.into();
        view.payment.attempt_id = attempt.map(str::to_owned);
        view
    }

    fn asked(field: &str) -> Wish {
        Wish::Key(field.to_owned())
    }

    fn script(behaviour: Behaviour) -> Script {
        let second = TestCard { pan: "5555555555554444".into(), ..TestCard::default() };
        Script { behaviour, cards: vec![TestCard::default(), second], ..Script::default() }
    }

    #[test]
    fn a_field_is_keyed_once_and_again_when_it_is_refused_or_emptied() {
        let script = script(Behaviour::WrongLuhnFirst);
        let mut prompts = Prompts::new(&script);
        let open = view(Some("pan"), 0, 3, "none", None);
        assert_eq!(prompts.wish(&open), asked("pan"));
        assert_eq!(prompts.answer("pan", &open, 0), "4111111111111112");
        assert_eq!(prompts.wish(&open), Wish::Nothing, "a view from before the first key");
        assert_eq!(prompts.wish(&view(Some("pan"), 16, 3, "none", None)), Wish::Nothing);
        let refused = view(Some("pan"), 0, 2, "none", None);
        assert_eq!(prompts.wish(&refused), asked("pan"));
        assert_eq!(prompts.answer("pan", &refused, 0), "4111111111111111");
        assert_eq!(prompts.wish(&view(Some("pan"), 5, 2, "none", None)), Wish::Nothing);
        assert_eq!(prompts.wish(&refused), asked("pan"), "the agent emptied it");
    }

    #[test]
    fn after_a_decline_the_code_is_the_same_cards_and_a_number_the_next_cards() {
        let script = script(Behaviour::WrongCodeFirst);
        let mut prompts = Prompts::new(&script);
        let code = view(Some("cvc"), 0, 3, "none", None);
        assert_eq!((prompts.wish(&code), prompts.answer("cvc", &code, 0).as_str()), (asked("cvc"), "200"));
        // No view in between was seen: the attempt tells that it is a new question.
        let again = view(Some("cvc"), 0, 3, "declined", Some("at_1"));
        assert_eq!((prompts.wish(&again), prompts.answer("cvc", &again, 0).as_str()), (asked("cvc"), "123"));
        assert_eq!(prompts.wish(&view(None, 0, 3, "declined", Some("at_2"))), Wish::Nothing);
        let other = view(Some("pan"), 0, 3, "none", None);
        assert_eq!(prompts.wish(&other), asked("pan"));
        assert_eq!(prompts.answer("pan", &other, 2), "5555555555554444");
        assert_eq!(prompts.wish(&view(None, 0, 3, "none", None)), Wish::Nothing);
        assert_eq!(prompts.wish(&other), asked("pan"));
        assert_eq!(prompts.answer("pan", &other, 2), "5555555555554444", "no decline, no other card");
        assert_eq!(prompts.begun, 2);
    }

    #[test]
    fn a_mistyped_code_is_not_the_cards_fault() {
        let script = script(Behaviour::WrongCodeFirst);
        let mut prompts = Prompts::new(&script);
        let (number, code) = (view(Some("pan"), 0, 3, "none", None), view(Some("cvc"), 0, 3, "none", None));
        let mut keyed = Vec::new();
        for declines in 0..3 {
            for asked_for in [&number, &code] {
                let field = asked_for.capture.field.clone().unwrap_or_default();
                keyed.push(prompts.answer(&field, asked_for, declines));
            }
        }
        let (first, second) = ("4111111111111111", "5555555555554444");
        assert_eq!(keyed, [first, "200", first, "123", second, "123"]);
    }

    #[test]
    fn an_address_is_keyed_in_digits_or_told() {
        let script = Script::default();
        let mut prompts = Prompts::new(&script);
        let house = view(Some("house_number"), 0, 3, "none", None);
        assert_eq!(
            (prompts.wish(&house), prompts.answer("house_number", &house, 0).as_str()),
            (asked("house_number"), "12")
        );
        let postcode = view(Some("postcode"), 0, 3, "none", None);
        assert_eq!(
            (prompts.wish(&postcode), prompts.answer("postcode", &postcode, 0).as_str()),
            (asked("postcode"), "159")
        );
        assert_eq!(prompts.wish(&view(Some("address"), 0, 3, "none", None)), Wish::Nothing);
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod on_the_phone;
