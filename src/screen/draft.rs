//! What an agent typed for a call and no row keeps: it lives as long as the process, which is enough
//! for a reload of the page.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Instant;
use tonewall_model::card::Address;
use tonewall_model::ids::{AttemptId, CallId};
use tonewall_model::money::Money;

/// Calls that are remembered; the longest untouched are forgotten first. It is bounded by the calls
/// of a few hours; a smaller number would forget live ones.
const DRAFTS_MAX: usize = 8_192;

/// One call's.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Draft {
    /// Account and amount that were typed, while they do not stand.
    pub order: Option<(String, Money)>,
    /// The question about a payment that was taken before.
    pub duplicate: Option<String>,
    /// The attempt on screen when another means was agreed: what is in no row cannot be named by one.
    pub answered: Option<AttemptId>,
    /// House number and postcode, as typed.
    pub address: Option<Address>,
    /// The agent has wrapped up, and began nothing since.
    pub wrapped: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Drafts(Mutex<HashMap<CallId, (Draft, Instant)>>);

impl Drafts {
    /// What is remembered of a call.
    pub fn of(&self, call: &CallId) -> Draft {
        self.0.lock().get(call).map(|(draft, _)| draft.clone()).unwrap_or_default()
    }

    /// Changes it.
    pub fn change(&self, call: &CallId, change: impl FnOnce(&mut Draft)) {
        let mut drafts = self.0.lock();
        if drafts.len() >= DRAFTS_MAX && !drafts.contains_key(call) {
            let mut ages: Vec<Instant> = drafts.values().map(|(_, touched)| *touched).collect();
            ages.sort_unstable();
            let oldest_kept = ages[ages.len() / 4];
            drafts.retain(|_, (_, touched)| *touched >= oldest_kept);
        }
        let (draft, touched) =
            drafts.entry(call.clone()).or_insert_with(|| (Draft::default(), Instant::now()));
        change(draft);
        *touched = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_are_bounded_and_the_newest_stay() {
        let drafts = Drafts::default();
        let calls = 2 * DRAFTS_MAX as u128;
        for nth in 0..calls {
            drafts.change(&CallId::from_random(nth), |draft| draft.wrapped = true);
        }
        assert!(drafts.0.lock().len() <= DRAFTS_MAX);
        assert!(drafts.of(&CallId::from_random(calls - 1)).wrapped);
        assert_eq!(drafts.of(&CallId::from_random(0)), Draft::default());
    }
}
