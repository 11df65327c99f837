//! Keys of both sides: the customer's are for a field, the agent's for the line.

use super::{Call, Effect};
use crate::capture;
use std::time::Duration;
use tonewall_secret::Key;

impl Call {
    pub(super) fn key(&mut self, now: Duration, key: Key) -> Vec<Effect> {
        self.keys = self.keys.saturating_add(1);
        // A key on an open line is not for a field: whoever hears it has heard it. Keys among sound
        // that cannot be judged may be any number of keys.
        if !self.secured || self.unwell.is_some() {
            return vec![Effect::Changed];
        }
        let effects = self.capture.step(now, capture::Input::Key(key));
        let mut effects = self.captured(effects);
        if effects.is_empty() {
            // No field took it, but it was pressed: the count is what people see.
            effects.push(Effect::Changed);
        }
        effects
    }

    /// The agent's keys are never card digits; the tenant's code secures the line (Route 1).
    pub(super) fn agent_key(&mut self, now: Duration, key: &Key) -> Vec<Effect> {
        let code: Vec<char> = self.plan.secure_code.chars().collect();
        if code.is_empty() || self.secured {
            return Vec::new();
        }
        let is =
            |place: usize| code.get(place).and_then(|c| Key::from_char(*c)).is_some_and(|k| k.same_as(key));
        // Keys that were wrong may still end in the beginning of the code: `1112` holds `112`.
        while self.code_matched > 0 && !is(self.code_matched) {
            self.code_matched = begun_at_end(&code[..self.code_matched]);
        }
        self.code_matched += usize::from(is(self.code_matched));
        if self.code_matched < code.len() {
            return Vec::new();
        }
        self.code_matched = 0;
        self.secure(now).unwrap_or_default()
    }

    /// It was pressed, so it counts; a field with a hole in it is cleared and asked for again.
    pub(super) fn key_lost(&mut self, now: Duration) -> Vec<Effect> {
        self.keys = self.keys.saturating_add(1);
        let effects = self.capture.step(now, capture::Input::KeyLost);
        self.captured(effects);
        vec![Effect::Changed]
    }
}

/// How many of the last of these keys are the first of them.
fn begun_at_end(keys: &[char]) -> usize {
    (0..keys.len()).rev().find(|len| keys[..*len] == keys[keys.len() - len..]).unwrap_or(0)
}
