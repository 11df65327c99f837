//! Begin again after a bank's no, with what may be kept of the card: never its code.

use super::fields::{self, Held};
use super::progress::{Effect, Field, Refusal};
use super::{Capture, PANS_A_CALL_MAX, State, refuse};
use crate::card::Kept;
use std::time::Duration;

/// How long what is kept of a card waits for the agent after a bank's no. Longer holds a number in
/// memory for nobody; shorter has all of it keyed again while the customer looks for the card.
pub const KEPT_MAX: Duration = Duration::from_secs(5 * 60);

impl Capture {
    /// Takes back what may be used again of the card that was taken, for [`KEPT_MAX`] at most; where no
    /// card was taken, or no further number may be used, it is wiped at once.
    pub fn keep(&mut self, now: Duration, kept: Kept) -> Vec<Effect> {
        let State::Taken { kept_until } = &mut self.state else { return Vec::new() };
        if self.pans >= PANS_A_CALL_MAX {
            return Vec::new();
        }
        *kept_until = Some(now.saturating_add(KEPT_MAX));
        self.held = Held::of_kept(kept, &self.plan);
        self.show()
    }

    /// Wipes what was kept, if anything was.
    pub fn forget_kept(&mut self) -> Vec<Effect> {
        match &mut self.state {
            State::Taken { kept_until: kept_until @ Some(_) } => {
                *kept_until = None;
                self.held = Held::default();
                self.show()
            }
            _ => Vec::new(),
        }
    }

    /// Begins again after a bank's no; `objected` is the field that the bank objected to, if it named
    /// one. `again` is the field to be asked for again of the same card: what was kept of the rest stays
    /// closed, and the code is asked for in any case. Without it, or where nothing was kept, all of a
    /// card is asked for. A typed address is kept unless it is the one to fix.
    pub fn reopen_after_decline(
        &mut self,
        now: Duration,
        objected: Option<Field>,
        again: Option<Field>,
    ) -> Vec<Effect> {
        let State::Taken { kept_until } = self.state else { return refuse(Refusal::NotTaken) };
        let wrong = [objected, again];
        if [Field::Address, Field::HouseNumber, Field::Postcode].iter().any(|f| wrong.contains(&Some(*f))) {
            self.typed = None;
        }
        let is_kept = kept_until.is_some_and(|until| now < until) && self.pans < PANS_A_CALL_MAX;
        if !is_kept || again.is_none() || wrong.contains(&Some(Field::Pan)) {
            return self.open(now, objected);
        }
        wrong.into_iter().flatten().for_each(|field| self.held.forget(field));
        self.pans += 1;
        self.begin(now, objected);
        let order = fields::order(&self.plan);
        match objected.or(again).filter(|field| order.contains(field)) {
            Some(field) => self.ask(now, field, None),
            None => self.ask_next(now),
        }
    }
}
