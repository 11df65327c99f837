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
        let field = self.capture.progress().field.filter(|field| turns && *field != Field::Address);
        if let Some(field) = field {
            let effects = self.capture.step(now, capture::Input::Reask(field));
            self.captured(effects);
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

    /// Whether the customer is asked for keys. Not while the agent types the address, nor when the card
    /// is complete: the two have to hear each other then.
    pub(super) fn is_keying(&self) -> bool {
        let field = self.capture.progress().field;
        self.capture.is_open() && field.is_some_and(|field| field != Field::Address)
    }

    /// Media hears of a field before people see it asked for, and after the line is secured for it.
    pub(super) fn with_field(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        let open = self.is_keying();
        if std::mem::replace(&mut self.field_told, open) != open {
            let seen = |effect: &Effect| matches!(effect, Effect::Changed | Effect::Over(_));
            let place = effects.iter().position(seen).unwrap_or(effects.len());
            effects.insert(place, Effect::Field(open));
        }
        effects
    }
}
