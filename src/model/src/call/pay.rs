//! The payment of a call: what is collected, and what became of each attempt.

use super::{Authorise, Call, Command, Effect};
use crate::capture::{self, Field};
use crate::card::Expiry;
use crate::ids::{AttemptId, PaymentId};
use crate::money::Money;
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
}

/// News of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// The attempt is in the ledger; the request leaves.
    Recorded,
    /// It could not be recorded, so nothing was sent: the card has to be keyed again.
    NotRecorded {
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
    },
}

/// The payment of a call.
#[derive(Default)]
pub(super) struct Pay {
    pub order: Option<Order>,
    pub attempt: Option<Attempt>,
    /// Orders of this call that were taken before the present one.
    taken: Vec<(String, Money)>,
    /// Every attempt so far; a card each, hence few (`PANS_A_CALL_MAX`).
    used: Vec<AttemptId>,
    pub failed: Option<capture::FailWhy>,
    pub cancelled: bool,
}

pub(super) struct Order {
    pub payment: PaymentId,
    pub account: String,
    pub amount: Money,
}

pub(super) struct Attempt {
    pub id: AttemptId,
    pub card: CardShown,
    pub state: AttemptState,
    pub auth_code: Option<String>,
    pub say: String,
    pub fix: Option<Field>,
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
            Attempted::NotRecorded { say } => {
                (attempt.state, attempt.say) = (AttemptState::Rejected, say);
            }
            Attempted::Concluded { state, auth_code, say, fix } => {
                (attempt.state, attempt.auth_code, attempt.say, attempt.fix) = (state, auth_code, say, fix);
            }
        }
        vec![Effect::Changed]
    }
}

impl Call {
    pub(super) fn pay_command(&mut self, now: Duration, command: Command) -> Result<Vec<Effect>, Refused> {
        match command {
            Command::Collect { payment, account, amount } => self.collect(now, payment, account, amount),
            Command::Take(attempt) => self.take(attempt),
            Command::Address(address) => self.tell_capture(now, capture::Input::Address(address)),
            Command::Reask(field) => self.tell_capture(now, capture::Input::Reask(field)),
            Command::MoreTime => self.tell_capture(now, capture::Input::MoreTime),
            Command::Cancel => self.tell_capture(now, capture::Input::Cancel),
            Command::Secure | Command::Unsecure | Command::Hangup => Ok(Vec::new()),
        }
    }

    fn collect(
        &mut self,
        now: Duration,
        payment: PaymentId,
        account: String,
        amount: Money,
    ) -> Result<Vec<Effect>, Refused> {
        let account_ok = !account.trim().is_empty()
            && account.chars().count() <= ACCOUNT_LEN_MAX
            && !account.chars().any(char::is_control);
        if !account_ok {
            return Err(Refused::BadAccount);
        }
        let account = account.trim().to_owned();
        if self.pay.unresolved() {
            return Err(Refused::Unresolved);
        }
        let same = self.pay.order.as_ref().is_some_and(|own| own.account == account && own.amount == amount);
        let last = self.pay.attempt.as_ref().map(|attempt| (attempt.state, attempt.fix));
        let before = self.pay.taken.iter().any(|taken| *taken == (account.clone(), amount));
        if before || (same && self.pay.approved()) {
            return Err(Refused::AlreadyTaken);
        }
        let mut effects = self.secure(now)?;
        let opened = match last {
            Some((_, fix)) => match self.capture.reopen_after_decline(now, fix).as_slice() {
                [capture::Effect::Refused(capture::Refusal::NotTaken)] => {
                    self.capture.step(now, capture::Input::Open)
                }
                opened => opened.to_vec(),
            },
            None => self.capture.step(now, capture::Input::Open),
        };
        let opened = self.captured_or_refused(opened)?;
        // The same account and amount again after a decline is the same payment: one chain.
        if !same {
            if let Some(order) = self.pay.order.take().filter(|_| self.pay.approved()) {
                self.pay.taken.push((order.account, order.amount));
            }
            self.pay.order = Some(Order { payment, account, amount });
            self.pay.attempt = None;
        }
        effects.extend(opened);
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
        let Some(card) = self.capture.take_card() else { return Err(Refused::NotComplete) };
        self.pay.used.push(id.clone());
        self.pay.attempt = Some(Attempt {
            id: id.clone(),
            card: CardShown { brand: card.brand, last4: card.pan.masked().last4, expiry: card.expiry },
            state: AttemptState::Sending,
            auth_code: None,
            say: String::from("Taking the payment."),
            fix: None,
        });
        let authorise = Authorise {
            attempt: id,
            payment: order.payment.clone(),
            account: order.account.clone(),
            amount: order.amount,
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
                capture::Effect::Progress(_) => (self.pay.failed, self.pay.cancelled) = (None, false),
                capture::Effect::Complete | capture::Effect::Refused(_) => {}
            }
        }
        if effects.is_empty() { Vec::new() } else { vec![Effect::Changed] }
    }
}
