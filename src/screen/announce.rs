//! What a screen reader says: when a field is asked for, complete or wrong, when the outcome is
//! there, and when the line changes. Never for a key: sixteen announcements would drown the call.
//!
//! The texts are a function of those things alone, so that they change exactly then.

use super::shown::{Announce, Screen};
use super::words;
use tonewall_model::call::{CallView, Phase};
use tonewall_model::capture::{Field, Problem};
use tonewall_model::screen::{Line, Stage};

/// The texts for a screen that has everything else.
pub(super) fn announce(view: &CallView, stage: Stage, line: Line, shown: &Screen) -> Announce {
    let outcome = shown.outcome.as_ref().filter(|_| stage != Stage::WrapUp);
    let of_outcome = outcome.map(|outcome| format!("{}. {}", outcome.title, outcome.money));
    let ended = matches!(view.phase, Phase::Ended(_)) && stage != Stage::WrapUp;
    let of_notice = shown.notice.as_ref().filter(|_| ended || stage == Stage::CaptureFailed);
    let of_notice = of_notice.map(|notice| format!("{}. {}", notice.title, notice.words));
    // A notice of an end tells of the money too.
    let assertive = match (of_notice, of_outcome) {
        (Some(notice), _) => notice,
        (None, Some(outcome)) => outcome,
        (None, None) if line == Line::Faulty => shown.line.words.clone(),
        (None, None) if line == Line::Leaked => format!("{}. {}", shown.line.words, shown.line.detail),
        (None, None) => String::new(),
    };
    let parts = [format!("{}.", shown.line.words), progress(view, stage, line, shown)];
    let polite: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Announce { polite: polite.join(" "), assertive }
}

fn progress(view: &CallView, stage: Stage, line: Line, shown: &Screen) -> String {
    match stage {
        Stage::Pan | Stage::Expiry | Stage::Cvc | Stage::HouseNumber | Stage::Postcode
            if line == Line::Unclear =>
        {
            shown.line.detail.clone()
        }
        Stage::Pan | Stage::Expiry | Stage::Cvc | Stage::HouseNumber | Stage::Postcode => asking(view, shown),
        Stage::Address => format!("{} Type house number and postcode.", complete(view)),
        Stage::Review => format!("{} {} is possible now.", complete(view), shown.primary.label),
        Stage::Processing => "The payment is with the bank.".to_owned(),
        Stage::Cancelled => "Card entry stopped.".to_owned(),
        Stage::WrapUp => "Wrapped up.".to_owned(),
        Stage::Ready
        | Stage::Dialling
        | Stage::Secure
        | Stage::Approved
        | Stage::Declined
        | Stage::Unknown
        | Stage::Held
        | Stage::CaptureFailed
        | Stage::Ended => String::new(),
    }
}

fn asking(view: &CallView, shown: &Screen) -> String {
    let Some(field) = view.capture.field else { return String::new() };
    let label = words::field_label(field);
    match view.capture.problem {
        None | Some(Problem::Empty) => {
            format!("{} Asking for the {}.", complete(view), label.to_lowercase()).trim_start().to_owned()
        }
        // It is told with the first digit too many, and would be told with each.
        Some(Problem::TooLong { .. }) => format!("{label}: too many digits."),
        Some(_) => {
            let own = shown.fields.iter().find(|own| own.name == super::field_name(field));
            let (note, tries) = own.map_or(("", ""), |own| (own.note.as_str(), own.tries.as_str()));
            format!("{label}: {note}. Asking again. {tries}").trim_end().to_owned()
        }
    }
}

/// The field that was closed last.
fn complete(view: &CallView) -> String {
    let Some((field, _)) = view.capture.closed.last() else { return String::new() };
    let label = words::field_label(*field);
    match (field, &view.capture.last4, view.capture.expiry) {
        (Field::Pan, Some(last4), _) => format!("{label} complete, ending {last4}."),
        (Field::Expiry, _, Some(expiry)) => format!("{label} complete, {expiry}."),
        _ => format!("{label} complete."),
    }
}
