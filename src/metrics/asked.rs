//! Which field a call asks for, as its views show it one after the other.

use tonewall_model::call::{CallView, Phase};
use tonewall_model::capture::Field;

/// The field that is asked for, and how many tries it has left.
#[derive(Default)]
pub(crate) struct Asking(Option<(Field, u8)>);

/// What one view changes.
pub(crate) enum Turn {
    /// Nothing.
    Stays,
    /// What was keyed was not accepted: the same field once more.
    Again(Field),
    /// Another field or none is asked for; this one no longer.
    Other(Option<Field>),
}

impl Asking {
    /// The view as it is published. Cheap: it is called for every key.
    pub fn see(&mut self, view: &CallView) -> Turn {
        let is_over = matches!(view.phase, Phase::Ended(_));
        let field = view.capture.field.filter(|_| view.capture_open && !is_over);
        let before = std::mem::replace(&mut self.0, field.map(|field| (field, view.capture.tries_left)));
        match (before, self.0) {
            (Some((asked, tries)), Some((now, left))) if asked == now => {
                if left < tries {
                    Turn::Again(now)
                } else {
                    Turn::Stays
                }
            }
            (before, _) => Turn::Other(before.map(|(field, _)| field)),
        }
    }

    /// Nothing is asked for any more; what was.
    pub fn end(&mut self) -> Option<Field> {
        self.0.take().map(|(field, _)| field)
    }
}
