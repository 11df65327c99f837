//! When the line cannot be vouched for: no field is open, and none is opened.

use super::{Call, Effect, Refused};
use crate::capture::{self, Field};
use crate::dtmf::Unwell;
use std::time::Duration;

impl Call {
    /// A field that is being keyed when the line turns unclear has lost keys, or may have: it is emptied
    /// at once, and asked for again when the line is clear.
    pub(super) fn health(&mut self, now: Duration, unwell: Option<Unwell>) -> Vec<Effect> {
        if self.unwell == unwell {
            return Vec::new();
        }
        let turns = self.unwell.is_some() != unwell.is_some();
        self.unwell = unwell;
        if turns {
            self.key_again(now);
        }
        vec![Effect::Changed]
    }

    /// For the rest of the call: what was heard cannot be unheard, and why is not known yet.
    pub(super) fn leak(&mut self, now: Duration) -> Vec<Effect> {
        if std::mem::replace(&mut self.leaked, true) {
            return Vec::new();
        }
        let effects = self.capture.step(now, capture::Input::Leaked);
        self.captured(effects);
        vec![Effect::Changed]
    }

    /// Whether the customer may be asked for keys.
    pub(super) fn may_ask(&self) -> Result<(), Refused> {
        match (self.leaked, self.unwell) {
            (true, _) => Err(Refused::Leaked),
            (false, Some(why)) if self.secured => Err(Refused::Unwell(why)),
            (false, _) => Ok(()),
        }
    }

    pub(super) fn merge_keys(&mut self, on: bool) -> Vec<Effect> {
        match std::mem::replace(&mut self.slow_keys, on) == on {
            true => Vec::new(),
            false => vec![Effect::SlowKeys(on), Effect::Changed],
        }
    }

    /// The field that the customer is asked to key. None while the agent types the address, nor when the
    /// card is complete: the two have to hear each other then.
    fn keyed_field(&self) -> Option<Field> {
        self.capture.field().filter(|field| *field != Field::Address)
    }

    /// Empties the field that is being keyed, if one is, and asks for it again.
    fn key_again(&mut self, now: Duration) {
        if let Some(field) = self.keyed_field() {
            let effects = self.capture.step(now, capture::Input::Reask(field));
            self.captured(effects);
        }
    }

    /// Media hears of a field before people see it asked for, and after the line is secured for it; people
    /// are told once of a step.
    pub(super) fn with_field(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        let open = self.keyed_field().is_some();
        if std::mem::replace(&mut self.field_told, open) != open {
            let seen = |effect: &Effect| matches!(effect, Effect::Changed | Effect::Over(_));
            let place = effects.iter().position(seen).unwrap_or(effects.len());
            effects.insert(place, Effect::Field(open));
        }
        effects.dedup_by(|next, last| matches!((next, last), (Effect::Changed, Effect::Changed)));
        effects
    }
}
