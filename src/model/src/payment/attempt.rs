//! The life of one attempt to take one payment: which state may follow which news.
//!
//! ```text
//! Sending ──answer──▶ Approved | Declined | Rejected | Held | Pending | Unknown
//! Unknown, Pending, Held ──late news──▶ Approved | Declined | … | NotCharged | Voided | Review
//! Review ──a person──▶ Approved | NotCharged        Approved, Held ──a person──▶ Voided | Refunded
//! ```
//! Late news (a query, a webhook, a settlement file) moves nothing else, and no time-out is ever a
//! decline: [`Outcome::Unknown`] leads to [`AttemptState::Unknown`] alone.

use super::{Approval, Outcome};
use crate::ids::AgentId;

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// Recorded; the request is about to leave, or has left.
    Sending,
    /// Money is taken.
    Approved,
    /// The bank said no.
    Declined,
    /// Refused before it reached the bank.
    Rejected,
    /// Approved, but held for review at the gateway.
    Held,
    /// The gateway will tell later.
    Pending,
    /// Nobody knows whether money moved.
    Unknown,
    /// Was unknown; by now it is certain that no money moved.
    NotCharged,
    /// Was unknown and stayed so; a person has to look.
    Review,
    /// Undone before settlement.
    Voided,
    /// Paid back in full.
    Refunded,
}

/// Every state, for tables and tests.
pub const ATTEMPT_STATES: [AttemptState; 11] = [
    AttemptState::Sending,
    AttemptState::Approved,
    AttemptState::Declined,
    AttemptState::Rejected,
    AttemptState::Held,
    AttemptState::Pending,
    AttemptState::Unknown,
    AttemptState::NotCharged,
    AttemptState::Review,
    AttemptState::Voided,
    AttemptState::Refunded,
];

impl AttemptState {
    /// The word in rows, events and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            AttemptState::Sending => "sending",
            AttemptState::Approved => "approved",
            AttemptState::Declined => "declined",
            AttemptState::Rejected => "rejected",
            AttemptState::Held => "held",
            AttemptState::Pending => "pending",
            AttemptState::Unknown => "unknown",
            AttemptState::NotCharged => "not_charged",
            AttemptState::Review => "review",
            AttemptState::Voided => "voided",
            AttemptState::Refunded => "refunded",
        }
    }

    /// The state that a word of [`AttemptState::as_str`] names.
    pub fn parse(word: &str) -> Option<AttemptState> {
        ATTEMPT_STATES.into_iter().find(|state| state.as_str() == word)
    }

    /// The state in which a gateway's answer leaves an attempt.
    pub fn of(outcome: &Outcome) -> AttemptState {
        match outcome {
            Outcome::Approved(_) => AttemptState::Approved,
            Outcome::Declined(_) => AttemptState::Declined,
            Outcome::Rejected { .. } => AttemptState::Rejected,
            Outcome::Held(_) => AttemptState::Held,
            Outcome::Pending { .. } => AttemptState::Pending,
            Outcome::Unknown(_) => AttemptState::Unknown,
        }
    }

    /// Whether it is settled if money moved.
    pub fn is_terminal(self) -> bool {
        !self.is_live()
    }

    /// Whether the question is open, so that taking the payment again could charge twice. At most
    /// one live attempt exists for a payment, and for an account of a tenant.
    pub fn is_live(self) -> bool {
        match self {
            AttemptState::Sending
            | AttemptState::Held
            | AttemptState::Pending
            | AttemptState::Unknown
            | AttemptState::Review => true,
            AttemptState::Approved
            | AttemptState::Declined
            | AttemptState::Rejected
            | AttemptState::NotCharged
            | AttemptState::Voided
            | AttemptState::Refunded => false,
        }
    }
}

/// What a resolver found out about an attempt whose end is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The gateway (query, webhook, settlement file) tells what became of it.
    Found(Outcome),
    /// The gateway has no such payment, and its query lag has passed.
    NotFound,
    /// Money was taken, and has been given back already: the gateway undoes by reference.
    Voided,
    /// The horizon has passed without certainty.
    GiveUp,
}

/// How an approved payment was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reversal {
    /// Before settlement: the customer is never debited.
    Void,
    /// After settlement, in full.
    Refund,
}

/// What a person read in the gateway's own records about an attempt under review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Money was taken.
    Charged(Approval),
    /// No money was taken.
    NotCharged,
}

/// Anything that may move an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The answer to the request, or the reason why there is none.
    Answer(Outcome),
    /// Found out later by a machine.
    Late(Resolution),
    /// A void or refund that the gateway has confirmed.
    Reversed {
        /// Which of the two.
        how: Reversal,
        /// Who asked for it.
        by: AgentId,
    },
    /// A person's decision on an attempt under review.
    Decided {
        /// What the gateway's records say.
        verdict: Verdict,
        /// Who looked.
        by: AgentId,
    },
}

impl From<Outcome> for News {
    fn from(outcome: Outcome) -> News {
        News::Answer(outcome)
    }
}

impl From<Resolution> for News {
    fn from(resolution: Resolution) -> News {
        News::Late(resolution)
    }
}

impl News {
    /// What the gateway told, where the news carries it.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            News::Answer(outcome) | News::Late(Resolution::Found(outcome)) => Some(outcome.clone()),
            News::Decided { verdict: Verdict::Charged(approval), .. } => {
                Some(Outcome::Approved(approval.clone()))
            }
            News::Late(Resolution::NotFound | Resolution::Voided | Resolution::GiveUp)
            | News::Decided { verdict: Verdict::NotCharged, .. }
            | News::Reversed { .. } => None,
        }
    }

    /// The state that this news would lead to from `state`, allowed or not.
    pub fn target(&self, state: AttemptState) -> AttemptState {
        match self {
            News::Answer(outcome) | News::Late(Resolution::Found(outcome)) => AttemptState::of(outcome),
            // The gateway has acknowledged a pending or held payment: its silence proves nothing.
            News::Late(Resolution::NotFound) => match state {
                AttemptState::Pending | AttemptState::Held => AttemptState::Review,
                _ => AttemptState::NotCharged,
            },
            News::Late(Resolution::Voided) => AttemptState::Voided,
            News::Late(Resolution::GiveUp) => AttemptState::Review,
            News::Reversed { how: Reversal::Void, .. } => AttemptState::Voided,
            News::Reversed { how: Reversal::Refund, .. } => AttemptState::Refunded,
            News::Decided { verdict: Verdict::Charged(_), .. } => AttemptState::Approved,
            News::Decided { verdict: Verdict::NotCharged, .. } => AttemptState::NotCharged,
        }
    }
}

/// The state after `news`, or `None` when that move is not allowed from `state`.
///
/// News that leads to the very state in which the attempt is already is no move, hence `None`.
/// An answer may arrive late too (its task was given up and the attempt made Unknown): it then
/// counts as found.
pub fn after(state: AttemptState, news: &News) -> Option<AttemptState> {
    use AttemptState::{Approved, Held, Pending, Review, Sending, Unknown};
    let to = news.target(state);
    let allowed = match (state, news) {
        (Sending, News::Answer(_)) => true,
        (Unknown | Pending | Held, News::Answer(_) | News::Late(_)) => to != Unknown,
        (Approved, News::Reversed { .. }) => true,
        (Held, News::Reversed { how: Reversal::Void, .. }) => true,
        (Review, News::Decided { .. }) => true,
        _ => false,
    };
    // Held is further along than pending: word of it that comes out of order moves nothing.
    let backwards = state == Held && to == Pending;
    (allowed && !backwards && to != state).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::AttemptState::*;
    use super::*;
    use crate::payment::{Decline, DeclineClass, UnknownWhy};
    use proptest::prelude::*;

    fn declined() -> Outcome {
        Outcome::Declined(Decline {
            class: DeclineClass::TryOtherCard,
            scheme_code: Some("05".into()),
            advice: None,
            gateway_code: "DECLINED".into(),
            say: "The bank said no.".into(),
        })
    }

    fn outcomes() -> Vec<Outcome> {
        vec![
            Outcome::Approved(Approval::default()),
            declined(),
            Outcome::Rejected { code: "E1".into(), say: "Not accepted.".into() },
            Outcome::Held(Approval::default()),
            Outcome::Pending { gateway_ref: "p-1".into() },
            Outcome::Unknown(UnknownWhy::TimedOut),
        ]
    }

    fn every_news() -> Vec<News> {
        let by = || AgentId("lead".into());
        let mut all: Vec<News> = outcomes().into_iter().map(News::Answer).collect();
        all.extend(outcomes().into_iter().map(|outcome| Resolution::Found(outcome).into()));
        all.extend([Resolution::NotFound, Resolution::Voided, Resolution::GiveUp].map(News::from));
        all.extend([Reversal::Void, Reversal::Refund].map(|how| News::Reversed { how, by: by() }));
        all.push(News::Decided { verdict: Verdict::Charged(Approval::default()), by: by() });
        all.push(News::Decided { verdict: Verdict::NotCharged, by: by() });
        all
    }

    /// Which states each state may become, in the order of [`ATTEMPT_STATES`].
    fn reachable(from: AttemptState) -> Vec<AttemptState> {
        let to: Vec<AttemptState> = every_news().iter().filter_map(|news| after(from, news)).collect();
        ATTEMPT_STATES.into_iter().filter(|state| to.contains(state)).collect()
    }

    #[test]
    fn the_whole_table_of_moves() {
        let table: &[(AttemptState, &[AttemptState])] = &[
            (Sending, &[Approved, Declined, Rejected, Held, Pending, Unknown]),
            (Unknown, &[Approved, Declined, Rejected, Held, Pending, NotCharged, Review, Voided]),
            (Pending, &[Approved, Declined, Rejected, Held, Review, Voided]),
            (Held, &[Approved, Declined, Rejected, Review, Voided]),
            (Approved, &[Voided, Refunded]),
            (Review, &[Approved, NotCharged]),
            (Declined, &[]),
            (Rejected, &[]),
            (NotCharged, &[]),
            (Voided, &[]),
            (Refunded, &[]),
        ];
        assert_eq!(table.len(), ATTEMPT_STATES.len());
        for (from, to) in table {
            assert_eq!(reachable(*from), *to, "from {}", from.as_str());
        }
    }

    #[test]
    fn words_parse_back() {
        for state in ATTEMPT_STATES {
            assert_eq!(AttemptState::parse(state.as_str()), Some(state));
            assert_ne!(state.is_live(), state.is_terminal());
        }
        assert_eq!(AttemptState::parse("Approved"), None);
    }

    #[test]
    fn late_news_is_refused_while_sending_and_after_the_end() {
        for from in [Sending, Approved, Declined, Rejected, NotCharged, Review, Voided, Refunded] {
            for news in every_news().iter().filter(|news| matches!(news, News::Late(_))) {
                assert_eq!(after(from, news), None, "{} by {news:?}", from.as_str());
            }
        }
    }

    proptest! {
        #[test]
        fn no_walk_makes_a_decline_of_silence_or_forgets_money(
            picks in prop::collection::vec(0..every_news().len(), 0..12),
        ) {
            let all = every_news();
            let mut state = Sending;
            let mut told_no = false;
            for pick in picks {
                let news = &all[pick];
                let Some(to) = after(state, news) else { continue };
                prop_assert_ne!(to, Sending);
                told_no |= matches!(news.outcome(), Some(Outcome::Declined(_)));
                prop_assert!(to != Declined || told_no, "only a decline declines");
                if state == Approved {
                    prop_assert!(matches!(to, Voided | Refunded), "money taken is never forgotten");
                }
                state = to;
            }
        }
    }
}
