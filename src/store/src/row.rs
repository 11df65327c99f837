//! What goes into the store and what comes out of it.

use crate::error::StoreError;
use crate::scrub;
use time::OffsetDateTime;
use tonewall_model::ids::{AgentId, AttemptId, CallId, PaymentId};
use tonewall_model::ledger::LedgerAccount;
use tonewall_model::money::{AMOUNT_MINOR_MAX, Money};
use tonewall_model::payment::{AttemptState, Outcome};

/// Longest text of one field, in bytes.
pub(crate) const FIELD_MAX: usize = 256;

/// Refuses texts that hold what could be a card number: people type them where they must not.
pub(crate) fn refuse_card_number(texts: &[&str]) -> Result<(), StoreError> {
    match texts.iter().any(|text| scrub::could_hold_card(text)) {
        true => Err(StoreError::Invalid("a field holds what could be a card number")),
        false => Ok(()),
    }
}

/// What may be kept of a card: one truncation (PCI SSC FAQ 1091) and its expiry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardFacts {
    /// Brand as a word, such as `visa`.
    pub brand: String,
    /// First six digits, or empty.
    pub first6: String,
    /// Last four digits, or empty.
    pub last4: String,
    /// `MM/YY`, or empty.
    pub expiry: String,
}

impl CardFacts {
    /// Whether `text` holds this very card's number.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        scrub::holds_card(text, &self.first6, &self.last4)
    }

    fn check(&self) -> Result<(), StoreError> {
        let digits = |text: &str, len: usize| {
            text.is_empty() || text.len() == len && text.bytes().all(|b| b.is_ascii_digit())
        };
        if !digits(&self.first6, 6) || !digits(&self.last4, 4) {
            return Err(StoreError::Invalid("a card is kept as first six and last four digits"));
        }
        let expiry = self.expiry.as_bytes();
        let is_expiry = expiry.len() == 5
            && expiry.iter().enumerate().all(|(i, b)| if i == 2 { *b == b'/' } else { b.is_ascii_digit() });
        if !expiry.is_empty() && !is_expiry {
            return Err(StoreError::Invalid("an expiry is written MM/YY"));
        }
        let is_word = self.brand.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-');
        if self.brand.len() > 32 || !is_word {
            return Err(StoreError::Invalid("a brand is a short lower-case word"));
        }
        Ok(())
    }
}

/// An attempt about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// Our reference at the gateway.
    pub id: AttemptId,
    /// The payment that it belongs to; created with the first attempt, and unchangeable then.
    pub payment: PaymentId,
    /// The call.
    pub call: CallId,
    /// The agent who takes the payment.
    pub agent: AgentId,
    /// The customer's account or invoice at the tenant: 1 to 64 characters.
    pub account: String,
    /// How much.
    pub amount: Money,
    /// The gateway's name.
    pub gateway: String,
    /// The merchant there.
    pub merchant: String,
    /// The idempotency key where it is not the id (a continuous authority's period).
    pub idempotency_key: Option<String>,
    /// The card.
    pub card: CardFacts,
    /// When the sender gives up at the latest.
    pub deadline_at: OffsetDateTime,
    /// Refuse it where the same was taken under another payment at this time or later.
    pub taken_since: Option<OffsetDateTime>,
    /// Now.
    pub at: OffsetDateTime,
}

impl NewAttempt {
    /// Whether it can be stored; nothing with the look of this card's number gets in as text.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.card.check()?;
        if !(1..=AMOUNT_MINOR_MAX).contains(&self.amount.minor) {
            return Err(StoreError::Invalid("an amount is positive and within the limit"));
        }
        if !(1..=64).contains(&self.account.chars().count()) {
            return Err(StoreError::Invalid("an account has 1 to 64 characters"));
        }
        let key = self.idempotency_key.as_deref().unwrap_or_default();
        let texts = [&self.agent.0, &self.account, &self.gateway, &self.merchant, key];
        for text in texts {
            if text.len() > FIELD_MAX {
                return Err(StoreError::Invalid("a field has at most 256 bytes"));
            }
            if self.card.is_in(text) {
                return Err(StoreError::Invalid("a field holds the card's number"));
            }
        }
        Ok(())
    }

    pub(crate) fn key(&self) -> &str {
        self.idempotency_key.as_deref().unwrap_or(self.id.as_str())
    }
}

/// An attempt as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Our reference at the gateway.
    pub id: AttemptId,
    /// Its payment.
    pub payment: PaymentId,
    /// Its call.
    pub call: CallId,
    /// The agent who took it.
    pub agent: AgentId,
    /// The customer's account or invoice.
    pub account: String,
    /// How much.
    pub amount: Money,
    /// The gateway's name.
    pub gateway: String,
    /// The merchant there.
    pub merchant: String,
    /// The key under which the gateway knows repeats.
    pub idempotency_key: String,
    /// The card.
    pub card: CardFacts,
    /// Where it stands.
    pub state: AttemptState,
    /// Moves so far.
    pub fence: u64,
    /// When its sender gives up at the latest.
    pub deadline_at: OffsetDateTime,
    /// What the gateway told last; after a void or refund still the approval.
    pub outcome: Option<Outcome>,
    /// When it was recorded.
    pub created_at: OffsetDateTime,
    /// When it became certain whether money moved.
    pub concluded_at: Option<OffsetDateTime>,
}

/// The result of telling news to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concluded {
    /// The attempt as stored now.
    pub attempt: AttemptRow,
    /// Whether this news moved it; `false` when the store knew it already.
    pub moved: bool,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Which move booked it (the attempt's fence after the move).
    pub fence: u64,
    /// Where.
    pub account: LedgerAccount,
    /// Debit (positive) or credit (negative).
    pub money: Money,
    /// When.
    pub at: OffsetDateTime,
}

/// One call, for reports and evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// The call.
    pub id: CallId,
    /// How it came to us, as a word: `in_path`, `on_demand`, `agent_first`.
    pub route: String,
    /// The agent, once known.
    pub agent: Option<AgentId>,
    /// The customer's number, where it was not withheld.
    pub caller: Option<String>,
    /// First request.
    pub started_at: OffsetDateTime,
    /// First secured.
    pub secured_at: Option<OffsetDateTime>,
    /// Both legs gone.
    pub ended_at: Option<OffsetDateTime>,
    /// Why, as a word.
    pub ended_why: Option<String>,
    /// Presses counted.
    pub keys: u32,
    /// What was observed of the media path, as a word for evidence.
    pub scope: Option<String>,
    /// When its agent had done with it. Written by
    /// [`crate::TenantStore::call_wrap`] and [`crate::TenantStore::call_unwrap`] alone: a record that
    /// is written over another leaves it as it stands.
    pub wrapped_at: Option<OffsetDateTime>,
}

impl CallRecord {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let agent = self.agent.as_ref().map(|agent| agent.0.as_str());
        let texts = [
            Some(self.route.as_str()),
            agent,
            self.caller.as_deref(),
            self.ended_why.as_deref(),
            self.scope.as_deref(),
        ];
        if texts.into_iter().flatten().any(|text| text.len() > FIELD_MAX) {
            return Err(StoreError::Invalid("a field has at most 256 bytes"));
        }
        Ok(())
    }
}
