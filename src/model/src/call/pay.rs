//! The payment of a call: what is collected, and what became of each attempt.

use super::again::{Again, after_no};
use super::{Authorise, Call, Command, Effect};
use crate::capture::{self, Field};
use crate::card::guard::holds_card_number;
use crate::card::{Expiry, Kept};
use crate::dtmf::Unwell;
use crate::ids::{AttemptId, PaymentId};
use crate::money::Money;
use crate::payment::DeclineClass;
use crate::payment::attempt::AttemptState;
use crate::tenant::Brand;
use std::time::Duration;

/// Longest account or invoice reference.
const ACCOUNT_LEN_MAX: usize = 64;

/// Why an agent's wish cannot be met now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The call has ended.
    CallOver,
    /// Another agent has this call.
    NotYours,
    /// The agent's phone has not answered yet.
    NotConnected,
    /// A field is open: the line stays secured until it is closed.
    FieldOpen,
    /// An attempt is under way, or its outcome is unknown: it must not be taken again.
    Unresolved,
    /// This payment has been taken.
    AlreadyTaken,
    /// The card is not complete.
    NotComplete,
    /// The account reference is empty, too long or holds control characters.
    BadAccount,
    /// The account reference holds what may be a card number: those are stored nowhere (PCI DSS 3.2.1).
    CardNumber,
    /// Nothing of the customer passes just now, and why: no key would count.
    Unwell(Unwell),
    /// A key was heard leaving the secured line: nothing more may be keyed on this call.
    Leaked,
    /// The capture says no.
    Capture(capture::Refusal),
}

/// What agents may see of the card of an attempt (PCI DSS 3.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardShown {
    /// Its brand.
    pub brand: Brand,
    /// Its last four digits.
    pub last4: String,
    /// Its expiry.
    pub expiry: Expiry,
    /// The keyed fields that went with it, and the digits that each had.
    pub keyed: Vec<(Field, u8)>,
}

impl CardShown {
    /// Digits that this field had; 0 for one that was not keyed.
    pub fn digits_of(&self, field: Field) -> u8 {
        self.keyed.iter().find(|(keyed, _)| *keyed == field).map_or(0, |(_, digits)| *digits)
    }
}

/// Why an attempt is in no row: nothing was sent for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unrecorded {
    /// An earlier attempt for this account, perhaps on another call, is not settled: it must not be
    /// taken again.
    Unsettled,
    /// The same was taken a moment ago under another payment, and nobody has said that this is a
    /// second one.
    TakenBefore,
    /// It can never be recorded under this account.
    Account,
    /// The ledger could not take it up just then.
    NotStarted,
}

/// News of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// The attempt is in the ledger; the request leaves.
    Recorded,
    /// It could not be recorded, so nothing was sent: the card has to be keyed again.
    NotRecorded {
        /// Why.
        why: Unrecorded,
        /// What the agent may say.
        say: String,
    },
    /// It is concluded, or its outcome is unknown.
    Concluded {
        /// Where it stands.
        state: AttemptState,
        /// The issuer's authorisation code.
        auth_code: Option<String>,
        /// What the agent may say.
        say: String,
        /// The field to ask for again, where one is wrong.
        fix: Option<Field>,
        /// What may sensibly be done next, after a bank's no.
        class: Option<DeclineClass>,
    },
}

/// The payment of a call.
#[derive(Default)]
pub(super) struct Pay {
    pub order: Option<Order>,
    pub attempt: Option<Attempt>,
    /// Orders of this call that were taken before the present one.
    taken: Vec<(String, Money)>,
    /// Attempts at the present order.
    pub attempts: u8,
    /// Every attempt so far; a card each, hence few (`PANS_A_CALL_MAX`).
    used: Vec<AttemptId>,
    pub failed: Option<capture::FailWhy>,
    pub cancelled: bool,
}

pub(super) struct Order {
    pub payment: PaymentId,
    pub account: String,
    pub amount: Money,
    /// The agent has said that it is to be taken although the same was taken a moment ago.
    pub confirmed: bool,
}

pub(super) struct Attempt {
    pub id: AttemptId,
    pub card: CardShown,
    pub state: AttemptState,
    pub auth_code: Option<String>,
    pub say: String,
    pub fix: Option<Field>,
    pub class: Option<DeclineClass>,
    pub unrecorded: Option<Unrecorded>,
}

impl Pay {
    /// Whether nobody may send anything for this payment now.
    fn unresolved(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.state.is_live())
    }

    /// Whether the present attempt took its payment.
    fn approved(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.state == AttemptState::Approved)
    }

    /// Whether the card of the attempt may be used again when one field of it is put right, or later:
    /// nothing is kept of a card that the agent is not offered again.
    fn may_go_again(&self, typed_address: bool) -> bool {
        let no = self.attempt.as_ref().filter(|attempt| attempt.state == AttemptState::Declined);
        let again = no.and_then(|no| after_no(no.class, no.fix, self.attempts, typed_address));
        // Another number is another card.
        again.is_some_and(|again| again != Again::Field(Field::Pan))
    }

    pub fn news(&mut self, id: &AttemptId, news: Attempted) -> Vec<Effect> {
        let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.id == *id) else {
            return Vec::new();
        };
        // News out of order must not make anybody forget money that was taken.
        let undone = |state| matches!(state, AttemptState::Voided | AttemptState::Refunded);
        match news {
            Attempted::Recorded => {}
            Attempted::NotRecorded { .. } if attempt.state != AttemptState::Sending => {}
            Attempted::Concluded { state, .. }
                if attempt.state == AttemptState::Approved && !undone(state) => {}
            Attempted::NotRecorded { why, say } => {
                (attempt.state, attempt.say) = (AttemptState::Rejected, say);
                attempt.unrecorded = Some(why);
                // Nothing of it is in the ledger: it never was one.
                self.attempts = self.attempts.saturating_sub(1);
            }
            Attempted::Concluded { state, auth_code, say, fix, class } => {
                (attempt.state, attempt.auth_code, attempt.say) = (state, auth_code, say);
                (attempt.fix, attempt.class, attempt.unrecorded) = (fix, class, None);
            }
        }
        vec![Effect::Changed]
    }
}

/// Whether two references name one account: as people mean them, and as the ledger compares them, case
/// and blanks make no other one.
pub fn same_account(one: &str, other: &str) -> bool {
    let folded = |account: &str| account.replace(' ', "").to_lowercase();
    folded(one) == folded(other)
}

impl Call {
    /// News of an attempt. What was kept of its card is wiped here unless it may go again and the line
    /// is still secured.
    pub(super) fn paid(
        &mut self,
        now: Duration,
        id: &AttemptId,
        news: Attempted,
        kept: Option<Kept>,
    ) -> Vec<Effect> {
        let effects = self.pay.news(id, news);
        if effects.is_empty() {
            return effects;
        }
        match kept {
            _ if !self.pay.may_go_again(self.capture.asks(Field::Address)) => {
                drop(self.capture.forget_kept())
            }
            Some(kept) if self.secured => drop(self.capture.keep(now, kept)),
            Some(_) | None => {}
        }
        effects
    }

    pub(super) fn pay_command(&mut self, now: Duration, command: Command) -> Result<Vec<Effect>, Refused> {
        match command {
            Command::Collect { payment, account, amount, confirmed } => {
                self.collect(now, Order { payment, account, amount, confirmed })
            }
            Command::Take(attempt) => self.take(attempt),
            Command::Address(address) => self.tell_capture(now, capture::Input::Address(address)),
            Command::Reask(field) => self.reask(now, field),
            Command::MoreTime => self.tell_capture(now, capture::Input::MoreTime),
            Command::Cancel => self.tell_capture(now, capture::Input::Cancel),
            Command::Secure
            | Command::Unsecure
            | Command::Claim(_)
            | Command::SlowKeys(_)
            | Command::Hangup => Ok(Vec::new()),
        }
    }

    fn collect(&mut self, now: Duration, order: Order) -> Result<Vec<Effect>, Refused> {
        let Order { payment, account, amount, confirmed } = order;
        let account_ok = !account.trim().is_empty()
            && account.chars().count() <= ACCOUNT_LEN_MAX
            && !account.chars().any(char::is_control);
        if !account_ok {
            return Err(Refused::BadAccount);
        }
        if holds_card_number(&account) {
            return Err(Refused::CardNumber);
        }
        let account = account.trim().to_owned();
        if self.pay.unresolved() {
            return Err(Refused::Unresolved);
        }
        let is = |of: &str, its: Money| same_account(of, &account) && its == amount;
        let same = self.pay.order.as_ref().is_some_and(|own| is(&own.account, own.amount));
        let before = self.pay.taken.iter().any(|(of, its)| is(of, *its));
        if before || (same && self.pay.approved()) {
            return Err(Refused::AlreadyTaken);
        }
        // A bank's no belongs to its own order.
        let fix = self.pay.attempt.as_ref().filter(|_| same).and_then(|attempt| attempt.fix);
        let effects = self.open(now, fix, None)?;
        // The same account and amount again after a decline is the same payment: one chain.
        if !same {
            if let Some(order) = self.pay.order.take().filter(|_| self.pay.approved()) {
                self.pay.taken.push((order.account, order.amount));
            }
            self.pay.order = Some(Order { payment, account, amount, confirmed });
            (self.pay.attempt, self.pay.attempts) = (None, 0);
        } else if let Some(order) = &mut self.pay.order {
            order.confirmed |= confirmed;
        }
        Ok(effects)
    }

    /// One field of a card that is being keyed; or the same payment again after a no, with what was
    /// kept of its card.
    fn reask(&mut self, now: Duration, field: Field) -> Result<Vec<Effect>, Refused> {
        let unpaid = |attempt: &&Attempt| !attempt.state.is_live() && attempt.state != AttemptState::Approved;
        let Some(attempt) = self.pay.attempt.as_ref().filter(unpaid).filter(|_| !self.capture.is_open())
        else {
            if self.capture.is_open() && field != Field::Address {
                self.may_ask()?;
            }
            return self.tell_capture(now, capture::Input::Reask(field));
        };
        if !self.capture.asks(field) {
            return Err(Refused::Capture(capture::Refusal::NotAsked(field)));
        }
        let fix = attempt.fix;
        self.open(now, fix, Some(field))
    }

    /// Asks for a card on a secured line; `fix` is the field that the bank objected to, `again` the one
    /// that the agent wants of the same card.
    fn open(
        &mut self,
        now: Duration,
        fix: Option<Field>,
        again: Option<Field>,
    ) -> Result<Vec<Effect>, Refused> {
        self.may_ask()?;
        // Also where its time is over, and only the timer has not come yet.
        if self.capture.is_open() {
            return Err(Refused::Capture(capture::Refusal::AlreadyOpen));
        }
        let mut effects = self.secure(now)?;
        let opened = match self.capture.reopen_after_decline(now, fix, again).as_slice() {
            [capture::Effect::Refused(capture::Refusal::NotTaken)] => {
                self.capture.step(now, capture::Input::Open)
            }
            opened => opened.to_vec(),
        };
        effects.extend(self.captured_or_refused(opened)?);
        Ok(effects)
    }

    fn take(&mut self, id: AttemptId) -> Result<Vec<Effect>, Refused> {
        if self.pay.unresolved() || self.pay.used.contains(&id) {
            return Err(Refused::Unresolved);
        }
        // The yes may have come late, while a card was keyed for the next attempt.
        if self.pay.approved() {
            return Err(Refused::AlreadyTaken);
        }
        let Some(order) = &self.pay.order else { return Err(Refused::NotComplete) };
        let keyed = self.capture.progress().closed;
        let Some(card) = self.capture.take_card() else { return Err(Refused::NotComplete) };
        self.pay.used.push(id.clone());
        self.pay.attempt = Some(Attempt {
            id: id.clone(),
            card: CardShown { brand: card.brand, last4: card.pan.masked().last4, expiry: card.expiry, keyed },
            state: AttemptState::Sending,
            auth_code: None,
            say: String::from("Taking the payment."),
            fix: None,
            class: None,
            unrecorded: None,
        });
        self.pay.attempts = self.pay.attempts.saturating_add(1);
        let authorise = Authorise {
            attempt: id,
            payment: order.payment.clone(),
            account: order.account.clone(),
            amount: order.amount,
            confirmed: order.confirmed,
            card,
        };
        Ok(vec![Effect::Authorise(authorise), Effect::Changed])
    }

    fn tell_capture(&mut self, now: Duration, input: capture::Input) -> Result<Vec<Effect>, Refused> {
        let effects = self.capture.step(now, input);
        self.captured_or_refused(effects)
    }

    fn captured_or_refused(&mut self, effects: Vec<capture::Effect>) -> Result<Vec<Effect>, Refused> {
        match effects.as_slice() {
            [capture::Effect::Refused(why)] => Err(Refused::Capture(*why)),
            _ => Ok(self.captured(effects)),
        }
    }

    /// What a step of the capture means for the call.
    pub(super) fn captured(&mut self, effects: Vec<capture::Effect>) -> Vec<Effect> {
        for effect in &effects {
            match effect {
                capture::Effect::Failed(why) => self.pay.failed = Some(*why),
                capture::Effect::Cancelled => self.pay.cancelled = true,
                capture::Effect::Progress(_) if self.capture.is_open() => {
                    (self.pay.failed, self.pay.cancelled) = (None, false);
                }
                // An address that was typed after the end, or a kept card that is wiped, begins nothing.
                capture::Effect::Progress(_) | capture::Effect::Complete | capture::Effect::Refused(_) => {}
            }
        }
        if effects.is_empty() { Vec::new() } else { vec![Effect::Changed] }
    }
}
