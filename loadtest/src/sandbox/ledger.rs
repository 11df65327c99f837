//! What the gateway has done: payments, voids, refunds. Holds faces of cards, never a number.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::answer::Refusal;
use super::cards::{Decline, DeclineBody};
use super::order::{CardFace, Channel};

/// Most payments kept; more are refused (503) until the tester empties the ledger.
const PAYMENTS_MAX: usize = 100_000;
/// Most refunds of one payment.
const REFUNDS_MAX: usize = 100;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Money moved.
    Approved,
    /// The issuer said no.
    Declined,
    /// Money is reserved, and moves unless the payment is voided.
    Held,
    /// Money will move in a moment.
    Pending,
}

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Check {
    Match,
    Mismatch,
    NotChecked,
    NotProvided,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Checks {
    pub cvc: Check,
    pub house_number: Check,
    pub postcode: Check,
}

struct Refund {
    reference: String,
    amount_minor: i64,
}

/// What is decided about a payment when it is made.
pub(super) struct Facts {
    pub id: String,
    pub merchant: String,
    pub reference: String,
    pub amount_minor: i64,
    pub currency: String,
    pub channel: Channel,
    pub status: Status,
    pub auth_code: String,
    pub decline: Option<Decline>,
    pub checks: Checks,
    pub face: CardFace,
    pub token: Option<String>,
    pub network_transaction_id: Option<String>,
}

/// One try at a payment that reached the issuer.
pub(super) struct Payment {
    facts: Facts,
    created: Instant,
    voided: bool,
    refunds: Vec<Refund>,
}

/// A payment as an answer carries it.
#[derive(Serialize)]
pub(super) struct PaymentView<'a> {
    id: &'a str,
    reference: &'a str,
    amount_minor: i64,
    currency: &'a str,
    channel: Channel,
    status: Status,
    auth_code: Option<&'a str>,
    decline: Option<DeclineBody>,
    checks: Checks,
    card: &'a CardFace,
    token: Option<&'a str>,
    network_transaction_id: Option<&'a str>,
    voided: bool,
    refunded_minor: i64,
}

/// A refund as an answer carries it.
#[derive(Serialize)]
pub(super) struct RefundView {
    id: String,
    payment_id: String,
    reference: String,
    amount_minor: i64,
    currency: String,
    status: &'static str,
    refunded_minor: i64,
    remaining_minor: i64,
}

/// One row of the tester's ledger: everything under one reference of one merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// Merchant id.
    pub merchant: String,
    /// The merchant's reference.
    pub reference: String,
    /// Amount of the latest payment, in minor units.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// Channel of the latest payment.
    pub channel: Channel,
    /// Where the latest payment stands.
    pub status: Status,
    /// How often money was taken (approved, held, pending), voided or not. More than 1 is a double charge.
    pub times_charged: u32,
    /// Whether the latest payment was voided.
    pub voided: bool,
    /// Refunded of all payments together.
    pub refunded_minor: i64,
    /// What the cardholder is out of pocket: charged, less voided and refunded.
    pub net_minor: i64,
    /// Brand of the card.
    pub brand: String,
    /// Last four digits of the card.
    pub last4: String,
    /// Gateway's id of the latest payment.
    pub id: String,
}

impl Payment {
    fn status_at(&self, now: Instant, pending: Duration) -> Status {
        match self.facts.status {
            Status::Pending if self.age(now) >= pending => Status::Approved,
            status => status,
        }
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.created)
    }

    fn is_charged(&self) -> bool {
        self.facts.status != Status::Declined
    }

    fn refunded_minor(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount_minor).sum()
    }

    fn net_minor(&self) -> i64 {
        if self.voided || !self.is_charged() { 0 } else { self.facts.amount_minor - self.refunded_minor() }
    }

    fn may_void(&self) -> bool {
        self.is_charged() && self.refunds.is_empty()
    }

    pub(super) fn view(&self, now: Instant, pending: Duration) -> PaymentView<'_> {
        let status = self.status_at(now, pending);
        let has_auth_code = matches!(status, Status::Approved | Status::Held);
        PaymentView {
            id: &self.facts.id,
            reference: &self.facts.reference,
            amount_minor: self.facts.amount_minor,
            currency: &self.facts.currency,
            channel: self.facts.channel,
            status,
            auth_code: has_auth_code.then_some(self.facts.auth_code.as_str()),
            decline: self.facts.decline.map(Decline::body),
            checks: self.facts.checks,
            card: &self.facts.face,
            token: self.facts.token.as_deref(),
            network_transaction_id: self.facts.network_transaction_id.as_deref(),
            voided: self.voided,
            refunded_minor: self.refunded_minor(),
        }
    }
}

/// Every payment of every merchant.
#[derive(Default)]
pub(super) struct Ledger {
    payments: Vec<Payment>,
    by_id: HashMap<String, usize>,
    /// (merchant, reference) → payments, oldest first.
    by_reference: HashMap<(String, String), Vec<usize>>,
}

impl Ledger {
    /// Whether a payment may be written: there is room, and (`unique`) its reference is free. Asked under the lock
    /// under which `add` follows, before a token or an id is made.
    pub(super) fn admits(&self, merchant: &str, reference: &str, unique: bool) -> Result<(), Refusal> {
        if self.payments.len() >= PAYMENTS_MAX {
            return Err(Refusal::CAPACITY);
        }
        if unique && self.by_reference.contains_key(&(merchant.to_owned(), reference.to_owned())) {
            return Err(Refusal::DUPLICATE_REFERENCE);
        }
        Ok(())
    }

    /// Writes a payment that `admits` let in.
    pub(super) fn add(&mut self, facts: Facts, now: Instant) -> &Payment {
        let place = self.payments.len();
        let reference = (facts.merchant.clone(), facts.reference.clone());
        self.by_reference.entry(reference).or_default().push(place);
        self.by_id.insert(facts.id.clone(), place);
        self.payments.push(Payment { facts, created: now, voided: false, refunds: Vec::new() });
        &self.payments[place]
    }

    fn place(&self, merchant: &str, id: &str) -> Result<usize, Refusal> {
        let place = self.by_id.get(id).copied().ok_or(Refusal::NOT_FOUND)?;
        if self.payments[place].facts.merchant != merchant {
            return Err(Refusal::NOT_FOUND);
        }
        Ok(place)
    }

    pub(super) fn get(&self, merchant: &str, id: &str) -> Result<&Payment, Refusal> {
        Ok(&self.payments[self.place(merchant, id)?])
    }

    fn places(
        &self,
        merchant: &str,
        reference: &str,
        now: Instant,
        lag: Duration,
    ) -> Result<Vec<usize>, Refusal> {
        let mut places =
            self.by_reference.get(&(merchant.to_owned(), reference.to_owned())).cloned().unwrap_or_default();
        places.retain(|place| self.payments[*place].age(now) >= lag);
        if places.is_empty() { Err(Refusal::NOT_FOUND) } else { Ok(places) }
    }

    /// The payments under a reference that are at least `lag` old, oldest first; none is `NOT_FOUND`.
    pub(super) fn find(
        &self,
        merchant: &str,
        reference: &str,
        now: Instant,
        lag: Duration,
    ) -> Result<Vec<&Payment>, Refusal> {
        let places = self.places(merchant, reference, now, lag)?;
        Ok(places.into_iter().map(|place| &self.payments[place]).collect())
    }

    /// Voids a payment that is charged and not refunded; again is no error.
    pub(super) fn void(&mut self, merchant: &str, id: &str) -> Result<&Payment, Refusal> {
        let place = self.place(merchant, id)?;
        let payment = &mut self.payments[place];
        if !payment.may_void() {
            return Err(Refusal::INVALID_STATE);
        }
        payment.voided = true;
        Ok(payment)
    }

    /// Voids all payments under a reference, or none.
    pub(super) fn void_by_reference(
        &mut self,
        merchant: &str,
        reference: &str,
        now: Instant,
        lag: Duration,
    ) -> Result<Vec<&Payment>, Refusal> {
        let places = self.places(merchant, reference, now, lag)?;
        if places.iter().any(|place| !self.payments[*place].may_void()) {
            return Err(Refusal::INVALID_STATE);
        }
        for place in &places {
            self.payments[*place].voided = true;
        }
        Ok(places.into_iter().map(|place| &self.payments[place]).collect())
    }

    /// Gives money back; parts add up to the amount at most. `unique`: a refund's reference used before is refused.
    pub(super) fn refund(&mut self, order: RefundOrder<'_>) -> Result<RefundView, Refusal> {
        let place = self.place(order.merchant, order.payment_id)?;
        let payment = &mut self.payments[place];
        if payment.voided || payment.status_at(order.now, order.pending) != Status::Approved {
            return Err(Refusal::INVALID_STATE);
        }
        if order.unique && payment.refunds.iter().any(|refund| refund.reference == order.reference) {
            return Err(Refusal::DUPLICATE_REFERENCE);
        }
        if payment.refunds.len() >= REFUNDS_MAX {
            return Err(Refusal::CAPACITY);
        }
        if order.amount_minor > payment.facts.amount_minor - payment.refunded_minor() {
            return Err(Refusal::OVER_REFUND);
        }
        payment
            .refunds
            .push(Refund { reference: order.reference.to_owned(), amount_minor: order.amount_minor });
        let refunded_minor = payment.refunded_minor();
        Ok(RefundView {
            id: order.id,
            payment_id: payment.facts.id.clone(),
            reference: order.reference.to_owned(),
            amount_minor: order.amount_minor,
            currency: payment.facts.currency.clone(),
            status: "refunded",
            refunded_minor,
            remaining_minor: payment.facts.amount_minor - refunded_minor,
        })
    }

    /// One row for each merchant and reference, oldest first.
    pub(super) fn charges(&self, now: Instant, pending: Duration) -> Vec<Charge> {
        let mut groups: Vec<&Vec<usize>> = self.by_reference.values().collect();
        groups.sort_unstable_by_key(|places| places.first().copied());
        groups.into_iter().filter_map(|places| self.charge(places, now, pending)).collect()
    }

    fn charge(&self, places: &[usize], now: Instant, pending: Duration) -> Option<Charge> {
        let payments = || places.iter().map(|place| &self.payments[*place]);
        let latest = payments().next_back()?;
        Some(Charge {
            merchant: latest.facts.merchant.clone(),
            reference: latest.facts.reference.clone(),
            amount_minor: latest.facts.amount_minor,
            currency: latest.facts.currency.clone(),
            channel: latest.facts.channel,
            status: latest.status_at(now, pending),
            times_charged: payments().map(|payment| u32::from(payment.is_charged())).sum(),
            voided: latest.voided,
            refunded_minor: payments().map(Payment::refunded_minor).sum(),
            net_minor: payments().map(Payment::net_minor).sum(),
            brand: latest.facts.face.brand.to_owned(),
            last4: latest.facts.face.last4.clone(),
            id: latest.facts.id.clone(),
        })
    }
}

/// A refund to be made.
pub(super) struct RefundOrder<'a> {
    pub merchant: &'a str,
    pub payment_id: &'a str,
    /// The refund's own id.
    pub id: String,
    pub reference: &'a str,
    pub amount_minor: i64,
    pub now: Instant,
    pub pending: Duration,
    pub unique: bool,
}
