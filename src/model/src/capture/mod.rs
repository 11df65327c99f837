//! Keys in, progress out, and at last a [`Card`]: the machine of the keypad dialogue.
//!
//! Fields come in order: number, expiry, code, then house number and postcode where the plan has the
//! customer key them. Each is closed by the end key and emptied by the clear key. No field closes by
//! itself: a stopped caller is a hint to the agent, never a submission.

mod clock;
mod fields;
mod kept;
mod progress;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_answers;
#[cfg(test)]
mod tests_fields;
#[cfg(test)]
mod tests_kept;
#[cfg(test)]
mod tests_properties;
#[cfg(test)]
mod tests_times;

pub(crate) use fields::order;
pub use kept::KEPT_MAX;
pub use progress::{Effect, FailWhy, Field, Problem, Progress, Refusal, Stall, Warning};

use crate::card::{Address, BrandGuess, Card, YearMonth};
use crate::tenant::{AddressCheck, CapturePlan, EndKey};
use clock::{Wait, Window};
use fields::{Held, Keyed};
use std::time::Duration;
use tonewall_secret::{Key, KeyKind};

/// Good card numbers that one call may bring. Card testers try many; a customer with five cards is
/// rare. They are counted and not compared. A number that was kept counts again each time it is used,
/// since codes can be guessed with it: so a call makes no more attempts than this.
pub const PANS_A_CALL_MAX: u8 = 5;

/// What a capture is told.
pub enum Input {
    /// Begin; or begin again after a failure, a cancellation or a card that was taken.
    Open,
    /// The customer pressed a key.
    Key(Key),
    /// The customer pressed a key that did not get here: the field begins anew, and no try is lost.
    KeyLost,
    /// The time of [`Capture::next_timeout`] has come.
    Timer,
    /// The agent wants this field again; the others are kept, except that a new number always needs
    /// its code again.
    Reask(Field),
    /// The agent gives the customer more time.
    MoreTime,
    /// The agent typed house number and postcode; at any time, the latest counts.
    Address(Address),
    /// The agent ends it.
    Cancel,
    /// A key was heard on its way: nothing more may be keyed. A card that is complete stays.
    Leaked,
}

enum State {
    Idle,
    Keying {
        keyed: Keyed,
        wait: Wait,
        problem: Option<Problem>,
    },
    AwaitingAddress,
    Complete,
    /// The card went with an attempt; `kept_until` is set while some of it is held again.
    Taken {
        kept_until: Option<Duration>,
    },
    Failed,
    Cancelled,
}

/// The capture of one call; it counts card numbers across reopenings, so one a call and no more.
pub struct Capture {
    plan: CapturePlan,
    today: YearMonth,
    state: State,
    held: Held,
    typed: Option<Address>,
    window: Window,
    /// Failed submissions: number, expiry, code, house number, postcode.
    failed: [u8; 5],
    pans: u8,
    ignored: u16,
    objected: Option<Field>,
}

impl Capture {
    /// A capture that waits for [`Input::Open`]. `today` decides which expiry dates are past.
    pub fn new(plan: &CapturePlan, today: YearMonth) -> Capture {
        Capture {
            plan: plan.clone(),
            today,
            state: State::Idle,
            held: Held::default(),
            typed: None,
            window: Window::new(plan, Duration::ZERO),
            failed: [0; 5],
            pans: 0,
            ignored: 0,
            objected: None,
        }
    }

    /// One step. `now` counts from an epoch of the caller's choice and is the same one throughout.
    pub fn step(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        if self.is_open() && self.window.is_over(now) {
            return self.fail(FailWhy::TimedOut);
        }
        match (&mut self.state, input) {
            (State::Idle | State::Taken { .. } | State::Failed | State::Cancelled, Input::Open) => {
                self.open(now, None)
            }
            (State::Keying { .. } | State::AwaitingAddress | State::Complete, Input::Open) => {
                refuse(Refusal::AlreadyOpen)
            }

            (State::Keying { .. }, Input::Key(key)) => self.key(now, key),
            (State::Keying { keyed, .. }, Input::KeyLost) => {
                let field = keyed.field;
                self.ask(now, field, Some(Problem::KeyLost))
            }
            (State::AwaitingAddress | State::Complete, Input::Key(_) | Input::KeyLost) => {
                self.ignored = self.ignored.saturating_add(1);
                self.show()
            }
            // The line is not asking: the press is wiped unread.
            (
                State::Idle | State::Taken { .. } | State::Failed | State::Cancelled,
                Input::Key(_) | Input::KeyLost,
            ) => Vec::new(),

            (State::Keying { keyed, wait, .. }, Input::Timer) => {
                let stalled = wait.fire(now, &self.plan, keyed.filled());
                let warned = self.window.fire(now);
                if stalled || warned { self.show() } else { Vec::new() }
            }
            (State::AwaitingAddress | State::Complete, Input::Timer) => {
                if self.window.fire(now) {
                    self.show()
                } else {
                    Vec::new()
                }
            }
            (State::Taken { kept_until: Some(until) }, Input::Timer) if *until <= now => self.forget_kept(),
            (State::Idle | State::Taken { .. } | State::Failed | State::Cancelled, Input::Timer) => {
                Vec::new()
            }

            (State::Keying { .. } | State::AwaitingAddress | State::Complete, Input::Reask(field)) => {
                self.reask(now, field)
            }
            (State::Idle | State::Taken { .. } | State::Failed | State::Cancelled, Input::Reask(_)) => {
                refuse(Refusal::NotOpen)
            }

            (State::Keying { .. } | State::AwaitingAddress | State::Complete, Input::MoreTime) => {
                self.more_time(now)
            }
            (State::Idle | State::Taken { .. } | State::Failed | State::Cancelled, Input::MoreTime) => {
                refuse(Refusal::NotOpen)
            }

            // Not card data and not in order: taken in every state, also between two captures.
            (_, Input::Address(address)) => self.address(address),

            (State::Keying { .. } | State::AwaitingAddress | State::Complete, Input::Cancel) => {
                self.close(State::Cancelled);
                vec![Effect::Cancelled]
            }
            (State::Taken { kept_until: Some(_) }, Input::Cancel) => self.forget_kept(),
            (State::Idle | State::Taken { .. } | State::Failed | State::Cancelled, Input::Cancel) => {
                refuse(Refusal::NotOpen)
            }

            (State::Keying { .. }, Input::Leaked) => self.fail(FailWhy::Leaked),
            // Its code would have to be keyed again.
            (State::Taken { .. }, Input::Leaked) => self.forget_kept(),
            (
                State::Idle | State::AwaitingAddress | State::Complete | State::Failed | State::Cancelled,
                Input::Leaked,
            ) => Vec::new(),
        }
    }

    /// When [`Input::Timer`] is due, if it is.
    pub fn next_timeout(&self) -> Option<Duration> {
        let whole = self.is_open().then(|| self.window.next());
        match &self.state {
            State::Keying { keyed, wait, .. } => {
                whole.into_iter().chain(wait.next(&self.plan, keyed.filled())).min()
            }
            State::Taken { kept_until } => *kept_until,
            _ => whole,
        }
    }

    /// Whether its plan has this field.
    pub fn asks(&self, field: Field) -> bool {
        match field {
            Field::Address => self.plan.address == AddressCheck::Typed,
            keyed => order(&self.plan).contains(&keyed),
        }
    }

    /// When its whole time is over; `None` while none is open.
    pub fn ends_at(&self) -> Option<Duration> {
        self.is_open().then(|| self.window.ends_at())
    }

    /// The card, once, when everything is there; nothing of number, expiry and code stays here.
    pub fn take_card(&mut self) -> Option<Card> {
        if !matches!(self.state, State::Complete) {
            return None;
        }
        let address = self.given_address();
        let held = std::mem::take(&mut self.held);
        self.state = State::Taken { kept_until: None };
        let ((pan, brand), read, cvc) = (held.pan?, held.expiry?, held.cvc?);
        Some(Card { pan, expiry: read.expiry, cvc, brand, address })
    }

    /// Whether keys are, or may again be, asked for.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Keying { .. } | State::AwaitingAddress | State::Complete)
    }

    /// The field that is asked for, as [`Progress::field`]; asked at every key, so nothing is built for it.
    pub fn field(&self) -> Option<Field> {
        match &self.state {
            State::Keying { keyed, .. } => Some(keyed.field),
            State::AwaitingAddress => Some(Field::Address),
            State::Idle | State::Complete | State::Taken { .. } | State::Failed | State::Cancelled => None,
        }
    }

    /// What may be seen of it now: the same as the last [`Effect::Progress`].
    pub fn progress(&self) -> Progress {
        let mut progress = Progress {
            field: self.field(),
            filled: 0,
            brand: self.held.brand(),
            last4: self.held.pan.as_ref().map(|(pan, _)| pan.masked().last4).filter(|text| !text.is_empty()),
            expiry: self.held.expiry.map(|read| read.expiry),
            closed: self.held.closed(),
            code_digits: self.held.cvc.as_ref().map_or(0, |cvc| cvc.len() as u8),
            address_given: self.given_address().is_some(),
            problem: None,
            tries_left: 0,
            warnings: Vec::new(),
            stalled: None,
            ignored: self.ignored,
        };
        if self.is_open() {
            let objected = self.objected.map(Warning::BankObjected);
            let ending = self.window.ending_soon.then_some(Warning::EndingSoon);
            progress.warnings = self.held.warnings();
            progress.warnings.extend(objected.into_iter().chain(ending));
        }
        if let State::Keying { keyed, wait, problem } = &self.state {
            self.show_keying(&mut progress, keyed, wait, *problem);
        }
        progress
    }

    fn show_keying(&self, progress: &mut Progress, keyed: &Keyed, wait: &Wait, problem: Option<Problem>) {
        let guess = keyed.guess(&self.plan);
        progress.filled = keyed.filled() as u8;
        progress.brand = guess.as_ref().and_then(BrandGuess::certain).or(progress.brand);
        progress.problem = problem.or_else(|| keyed.overlong(progress.brand));
        progress.tries_left = self.tries_left(keyed.field);
        progress.stalled = wait.stalled;
        progress.warnings.extend(match guess {
            Some(BrandGuess::Unknown) => Some(Warning::BrandUnknown),
            Some(BrandGuess::NotTaken(brand)) => Some(Warning::BrandNotTaken(brand)),
            Some(BrandGuess::Open(_) | BrandGuess::Certain(_)) | None => None,
        });
        if wait.stalled == Some(Stall::BetweenKeys) {
            progress.warnings.extend(match keyed.length_problem(progress.brand) {
                None => Some(Warning::EndKeyAwaited),
                Some(Problem::TooShort { by }) => Some(Warning::DigitsShort(by)),
                Some(_) => None,
            });
        }
    }

    fn show(&self) -> Vec<Effect> {
        vec![Effect::Progress(self.progress())]
    }

    fn open(&mut self, now: Duration, objected: Option<Field>) -> Vec<Effect> {
        if self.pans >= PANS_A_CALL_MAX {
            return self.fail(FailWhy::PanLocked);
        }
        self.held = Held::default();
        self.begin(now, objected);
        self.ask_next(now)
    }

    /// Tries and time are new with each card that is asked for.
    fn begin(&mut self, now: Duration, objected: Option<Field>) {
        self.failed = [0; 5];
        self.objected = objected;
        self.window = Window::new(&self.plan, now);
    }

    /// Asks for the first field that is missing, or is complete.
    fn ask_next(&mut self, now: Duration) -> Vec<Effect> {
        let missing = order(&self.plan).iter().find(|field| !self.held.has(**field));
        match missing {
            Some(field) => self.ask(now, *field, None),
            None if self.plan.address == AddressCheck::Typed && self.typed.is_none() => {
                self.state = State::AwaitingAddress;
                self.show()
            }
            None => {
                self.state = State::Complete;
                vec![Effect::Progress(self.progress()), Effect::Complete]
            }
        }
    }

    fn ask(&mut self, now: Duration, field: Field, problem: Option<Problem>) -> Vec<Effect> {
        self.state = State::Keying { keyed: Keyed::new(field), wait: Wait::new(now), problem };
        self.show()
    }

    fn key(&mut self, now: Duration, key: Key) -> Vec<Effect> {
        let State::Keying { keyed, wait, problem } = &mut self.state else { return Vec::new() };
        match (key.kind(), self.plan.end_key) {
            (KeyKind::Digit, _) => {
                keyed.push(key);
                *wait = Wait::new(now);
                *problem = None;
                self.show()
            }
            (KeyKind::Star, EndKey::Star) | (KeyKind::Hash, EndKey::Hash) => {
                let keyed = std::mem::replace(keyed, Keyed::new(keyed.field));
                self.submit(now, keyed)
            }
            (KeyKind::Star, EndKey::Hash) | (KeyKind::Hash, EndKey::Star) => {
                let field = keyed.field;
                self.ask(now, field, None)
            }
            (KeyKind::Letter, _) => {
                self.ignored = self.ignored.saturating_add(1);
                self.show()
            }
        }
    }

    fn submit(&mut self, now: Duration, keyed: Keyed) -> Vec<Effect> {
        let field = keyed.field;
        match self.held.close(keyed, &self.plan, self.today) {
            Ok(()) => {
                self.pans += u8::from(field == Field::Pan);
                self.objected = self.objected.filter(|objected| *objected != field);
                self.ask_next(now)
            }
            // A second press of the end key, mostly: it costs nothing.
            Err(Problem::Empty) => self.ask(now, field, Some(Problem::Empty)),
            Err(problem) => {
                self.failed[slot(field)] = self.failed[slot(field)].saturating_add(1);
                let mut effects = self.ask(now, field, Some(problem));
                if self.tries_left(field) == 0 {
                    effects.extend(self.fail(FailWhy::TooManyTries(field)));
                }
                effects
            }
        }
    }

    fn reask(&mut self, now: Duration, field: Field) -> Vec<Effect> {
        if field == Field::Address && self.plan.address == AddressCheck::Typed {
            self.typed = None;
            if matches!(self.state, State::Complete) {
                self.state = State::AwaitingAddress;
            }
            return self.show();
        }
        let order = order(&self.plan);
        let Some(place) = order.iter().position(|known| *known == field) else {
            return refuse(Refusal::NotAsked(field));
        };
        // One that is being keyed has been reached: after a bank's no the order may be another.
        let is_asked = matches!(&self.state, State::Keying { keyed, .. } if keyed.field == field);
        if let Some(missing) = order[..place].iter().find(|before| !is_asked && !self.held.has(**before)) {
            return refuse(Refusal::NotReached(*missing));
        }
        if field == Field::Pan && self.pans >= PANS_A_CALL_MAX {
            return refuse(Refusal::PanLocked);
        }
        self.held.forget(field);
        self.ask(now, field, None)
    }

    fn more_time(&mut self, now: Duration) -> Vec<Effect> {
        if !self.window.extend() {
            return refuse(Refusal::NoMoreTime);
        }
        if let State::Keying { wait, .. } = &mut self.state {
            *wait = Wait::new(now);
        }
        self.show()
    }

    fn address(&mut self, address: Address) -> Vec<Effect> {
        if self.plan.address != AddressCheck::Typed {
            return refuse(Refusal::NotAsked(Field::Address));
        }
        if !address.is_sendable() {
            return refuse(Refusal::AddressUnusable);
        }
        self.typed = Some(address);
        self.objected = self.objected.filter(|objected| *objected != Field::Address);
        if matches!(self.state, State::AwaitingAddress) {
            self.state = State::Complete;
            return vec![Effect::Progress(self.progress()), Effect::Complete];
        }
        self.show()
    }

    fn fail(&mut self, why: FailWhy) -> Vec<Effect> {
        self.close(State::Failed);
        vec![Effect::Failed(why)]
    }

    /// Ends it: every digit that is here is wiped by the drop of its field.
    fn close(&mut self, last: State) {
        self.held = Held::default();
        self.objected = None;
        self.state = last;
    }

    fn tries_left(&self, field: Field) -> u8 {
        self.plan.tries.max(1).saturating_sub(self.failed[slot(field)])
    }

    fn given_address(&self) -> Option<Address> {
        match self.plan.address {
            AddressCheck::Off => None,
            AddressCheck::Typed => self.typed.clone(),
            AddressCheck::Keyed => self.held.keyed_address(),
        }
    }
}

fn refuse(why: Refusal) -> Vec<Effect> {
    vec![Effect::Refused(why)]
}

/// Where [`Capture::failed`] counts a field; the typed address has no tries and shares the last.
fn slot(field: Field) -> usize {
    match field {
        Field::Pan => 0,
        Field::Expiry => 1,
        Field::Code => 2,
        Field::HouseNumber => 3,
        Field::Postcode | Field::Address => 4,
    }
}
