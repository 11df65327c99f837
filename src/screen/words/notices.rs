//! Hints while a customer seems stuck, or the time runs out.

use super::{clear_key, counted, end_key};
use crate::screen::shown::{NoticeShown, Tone};
use tonewall_model::capture::{Progress, Stall, Warning};
use tonewall_model::tenant::EndKey;

/// Why keys may have stopped, and what to ask.
pub(in crate::screen) fn stalled(progress: &Progress, key: EndKey) -> Option<NoticeShown> {
    let (title, words) = match progress.stalled? {
        Stall::FirstKey => (
            "No key yet".to_owned(),
            "Ask whether the customer has found the keypad: a mobile phone shows it during a call."
                .to_owned(),
        ),
        Stall::BetweenKeys => between_keys(progress, key),
    };
    Some(NoticeShown { tone: Tone::Info, title, words })
}

fn between_keys(progress: &Progress, key: EndKey) -> (String, String) {
    let (end, clear) = (end_key(key), clear_key(key));
    let short = progress.warnings.iter().find_map(|warning| match warning {
        Warning::DigitsShort(by) => Some(*by),
        _ => None,
    });
    match short {
        Some(by) => (
            format!("The keys have stopped, {} short", counted(usize::from(by), "digit")),
            format!("Ask for the rest and then {end}; or {clear} to start this one again."),
        ),
        None if progress.warnings.contains(&Warning::EndKeyAwaited) => {
            ("All digits are in".to_owned(), format!("Ask the customer to press {end}."))
        }
        None => (
            "The keys have stopped".to_owned(),
            format!("Ask the customer to go on, or to press {clear} and start this one again."),
        ),
    }
}

/// Four fifths of the time are over.
pub(in crate::screen) fn ending_soon() -> NoticeShown {
    NoticeShown {
        tone: Tone::Warn,
        title: "Time is running out".to_owned(),
        words: "Everything keyed is wiped when it is over. Choose More time if the customer is still keying."
            .to_owned(),
    }
}

/// The agent ended the capture.
pub(in crate::screen) fn cancelled() -> NoticeShown {
    NoticeShown {
        tone: Tone::Info,
        title: "Card entry stopped".to_owned(),
        words: "Everything keyed is wiped and nothing has been taken.".to_owned(),
    }
}

/// The rows of the call cannot be read.
pub(in crate::screen) fn unreadable() -> NoticeShown {
    NoticeShown {
        tone: Tone::Warn,
        title: "Records not reachable".to_owned(),
        words: "Receipts and earlier payments of this call may be missing here for a moment. The line and the card entry are not affected.".to_owned(),
    }
}
