//! A payment from request to answer.

use std::time::{Duration, Instant};

use super::answer::{Answer, Refusal, Wire};
use super::cards::{Behaviour, Decline};
use super::gateway::{Gateway, State, read};
use super::ledger::{Check, Checks, Facts, Status};
use super::order::{AddressRequest, PaymentRequest, ReadCard, current_months};

/// A stored card: its face and how it behaves.
pub(super) struct Token {
    pub merchant: String,
    pub card: ReadCard,
}

/// A payment ready to be decided; no card number in it.
struct Order {
    request: PaymentRequest,
    card: ReadCard,
    behaviour: Behaviour,
}

impl Gateway {
    /// `decline`: whatever the card, the issuer says no.
    pub(super) async fn pay(&self, merchant: &str, body: &[u8], decline: bool) -> Answer {
        let order = match self.order(merchant, body, decline) {
            Ok(order) => order,
            Err(refusal) => return refusal.into(),
        };
        let (slow_ms, hang_ms) = {
            let state = self.lock();
            (state.faults.slow_ms, state.faults.hang_ms)
        };
        let wire = match order.behaviour {
            Behaviour::Error500Before => return Refusal::INTERNAL.into(),
            Behaviour::HangBefore => return Answer::undone(Wire::HangThenClose(hang_ms)),
            Behaviour::ResetBefore => return Answer::undone(Wire::Reset),
            Behaviour::RateLimited => return Refusal::RATE_LIMITED.into(),
            Behaviour::HangAfter => Wire::HangThenClose(hang_ms),
            Behaviour::ResetAfter => Wire::Reset,
            Behaviour::GarbageAfter => Wire::Garbage,
            Behaviour::TruncatedAfter => Wire::Truncated,
            Behaviour::Error500After => Wire::Error500,
            _ => Wire::Whole,
        };
        if order.behaviour == Behaviour::Slow {
            tokio::time::sleep(Duration::from_millis(slow_ms)).await;
        }
        match self.charge(merchant, order) {
            Ok(answer) => answer.over(wire),
            Err(refusal) => refusal.into(),
        }
    }

    /// Reads and checks a request. On return the card's number and code are wiped.
    fn order(&self, merchant: &str, body: &[u8], decline: bool) -> Result<Order, Refusal> {
        let mut request: PaymentRequest = read(body)?;
        request.check()?;
        let card = match (request.card.take(), &request.token) {
            (Some(card), _) => card.read()?,
            (None, Some(token)) => self.stored(merchant, token)?,
            (None, None) => return Err(Refusal::INVALID_JSON),
        };
        let behaviour = match card.behaviour {
            _ if decline => Behaviour::Decline(Decline::GenericDecline),
            _ if card.expired => Behaviour::Decline(Decline::ExpiredCard),
            Behaviour::ApproveThenDeclineToken if request.token.is_some() => {
                Behaviour::Decline(Decline::GenericDecline)
            }
            behaviour => behaviour,
        };
        Ok(Order { request, card, behaviour })
    }

    fn stored(&self, merchant: &str, token: &str) -> Result<ReadCard, Refusal> {
        let state = self.lock();
        let stored = state.tokens.get(token).filter(|stored| stored.merchant == merchant);
        let stored =
            stored.ok_or(Refusal::field("unknown_token", "token", "this merchant has no such token"))?;
        let expired = stored.card.expiry_months < current_months();
        Ok(ReadCard { expired, cvc_given: false, ..stored.card.clone() })
    }

    /// Writes the payment and answers, in one step under the lock.
    fn charge(&self, merchant: &str, order: Order) -> Result<Answer, Refusal> {
        let mut state = self.lock();
        let unique = state.faults.idempotency;
        state.ledger.admits(merchant, &order.request.reference, unique)?;
        let facts = self.facts(&mut state, merchant, order)?;
        let (now, pending) = (Instant::now(), state.pending());
        let payment = state.ledger.add(facts, now);
        Ok(Answer::ok(&payment.view(now, pending)))
    }

    fn facts(&self, state: &mut State, merchant: &str, order: Order) -> Result<Facts, Refusal> {
        let Order { request, card, behaviour } = order;
        let (status, decline) = match behaviour {
            Behaviour::Decline(decline) => (Status::Declined, Some(decline)),
            Behaviour::Held => (Status::Held, None),
            Behaviour::Pending => (Status::Pending, None),
            _ => (Status::Approved, None),
        };
        let good = decline.is_none();
        let token = match request.token {
            None if request.store_card && good => {
                Some(self.store(state, Token { merchant: merchant.to_owned(), card: card.clone() })?)
            }
            token => token,
        };
        let network_transaction_id =
            (good && request.agreement.is_some()).then(|| self.new_id(state, "NTI").0);
        let (id, auth_code) = self.new_id(state, "pay_");
        Ok(Facts {
            id,
            merchant: merchant.to_owned(),
            reference: request.reference,
            amount_minor: request.amount_minor,
            currency: request.currency,
            channel: request.channel,
            status,
            auth_code,
            decline,
            checks: checks(behaviour, card.cvc_given, request.address.as_ref()),
            face: card.face,
            token,
            network_transaction_id,
        })
    }
}

fn checks(behaviour: Behaviour, cvc_given: bool, address: Option<&AddressRequest>) -> Checks {
    let given = |given: bool, result: Check| if given { result } else { Check::NotProvided };
    let (cvc, house_number, postcode) = match behaviour {
        Behaviour::CvcMismatch | Behaviour::Decline(Decline::IncorrectCvc) => {
            (Check::Mismatch, Check::Match, Check::Match)
        }
        Behaviour::AddressMismatch => (Check::Match, Check::Mismatch, Check::Mismatch),
        Behaviour::HouseNumberMismatch => (Check::Match, Check::Mismatch, Check::Match),
        Behaviour::PostcodeMismatch => (Check::Match, Check::Match, Check::Mismatch),
        Behaviour::AddressNotChecked => (Check::Match, Check::NotChecked, Check::NotChecked),
        _ => (Check::Match, Check::Match, Check::Match),
    };
    Checks {
        cvc: given(cvc_given, cvc),
        house_number: given(address.is_some_and(|address| address.house_number.is_some()), house_number),
        postcode: given(address.is_some_and(|address| address.postcode_digits.is_some()), postcode),
    }
}
