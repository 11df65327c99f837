//! The keyed fields of a capture as they are shown: dots, brand, and what PCI DSS 3.4.1 allows.

use super::shown::FieldShown;
use super::{field_name, words};
use tonewall_model::call::CallView;
use tonewall_model::capture::Field;
use tonewall_model::screen::{self, FieldState};
use tonewall_model::tenant::{Brand, CapturePlan};

/// What stands for a digit.
const DOT: char = '•';

/// All of a plan's.
pub(super) fn fields(view: &CallView, plan: &CapturePlan) -> Vec<FieldShown> {
    screen::fields(view, plan).iter().map(|field| shown(view, plan, field)).collect()
}

fn shown(view: &CallView, plan: &CapturePlan, of: &screen::FieldShown) -> FieldShown {
    let (field, progress) = (of.field, &view.capture);
    let is_asked = view.capture_open && progress.field == Some(field);
    let sent = view.payment.card.as_ref().filter(|_| of.state == FieldState::Locked);
    let known = sent.map(|card| card.brand).or(progress.brand);
    let closed = match (of.state, sent) {
        (FieldState::Locked, Some(card)) => allowed(field, Some(&card.last4), Some(card.expiry.to_string())),
        (FieldState::Complete, _) => {
            allowed(field, progress.last4.as_ref(), progress.expiry.map(|expiry| expiry.to_string()))
        }
        _ => String::new(),
    };
    let note = match (is_asked, of.state) {
        (true, _) => words::note(field, progress, plan.end_key),
        (false, FieldState::Complete) => words::confirm(field, progress),
        (false, _) => String::new(),
    };
    FieldShown {
        name: field_name(field),
        label: words::field_label(field).to_owned(),
        state: of.state.as_str(),
        words: words::state_words(field, of.state).to_owned(),
        value: value(field, known, of.filled, &closed),
        spoken: words::spoken(field, of.filled, &closed),
        brand: known
            .filter(|_| field == Field::Pan)
            .map(|known| words::brand(known).to_owned())
            .unwrap_or_default(),
        hint: words::hint(field, of.expected),
        note,
        tries: if is_asked { words::tries(progress.tries_left, plan.tries) } else { String::new() },
        can_reask: of.can_reask,
    }
}

/// What of a closed field may be seen.
fn allowed(field: Field, last4: Option<&String>, expiry: Option<String>) -> String {
    match field {
        Field::Pan => last4.cloned().unwrap_or_default(),
        Field::Expiry => expiry.unwrap_or_default(),
        Field::Code | Field::HouseNumber | Field::Postcode | Field::Address => String::new(),
    }
}

/// `•••• •••• ••` while it is keyed, `•••• •••• •••• 5262` once it is closed.
fn value(field: Field, known: Option<Brand>, filled: u8, closed: &str) -> String {
    let dots = |count: usize| std::iter::repeat_n(DOT, count).collect::<String>();
    match field {
        Field::Pan => {
            // A card that is known from its row alone has its last four and no length.
            let hidden = usize::from(filled).saturating_sub(closed.len());
            let hidden = if filled == 0 && !closed.is_empty() { closed.len() } else { hidden };
            match known {
                Some(Brand::Amex) => grouped(&format!("{}{closed}", dots(hidden)), known),
                // The last four stay together, whatever the length.
                _ => format!("{} {closed}", grouped(&dots(hidden), known)).trim().to_owned(),
            }
        }
        Field::Expiry if !closed.is_empty() => closed.to_owned(),
        _ => dots(usize::from(filled)),
    }
}

/// Groups as they are printed on the card.
fn grouped(text: &str, known: Option<Brand>) -> String {
    let breaks: &[usize] = match known {
        Some(Brand::Amex) => &[4, 10],
        Some(Brand::Diners) if text.chars().count() <= Brand::Diners.usual_len() => &[4, 10],
        _ => &[4, 8, 12, 16],
    };
    let mut shown = String::new();
    for (place, c) in text.chars().enumerate() {
        if breaks.contains(&place) {
            shown.push(' ');
        }
        shown.push(c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_on_the_card() {
        let cases = [
            (None, 0, "", ""),
            (Some(Brand::Visa), 1, "", "•"),
            (Some(Brand::Visa), 10, "", "•••• •••• ••"),
            (Some(Brand::Visa), 16, "5262", "•••• •••• •••• 5262"),
            (Some(Brand::Amex), 15, "0005", "•••• •••••• •0005"),
            (Some(Brand::Diners), 14, "0004", "•••• •••••• 0004"),
            (Some(Brand::Maestro), 19, "0008", "•••• •••• •••• ••• 0008"),
            (Some(Brand::Visa), 0, "5262", "•••• 5262"),
        ];
        for (known, filled, closed, shown) in cases {
            assert_eq!(value(Field::Pan, known, filled, closed), shown);
        }
        assert_eq!(value(Field::Code, None, 3, ""), "•••");
        assert_eq!(value(Field::Expiry, None, 4, "12/30"), "12/30");
        assert_eq!(value(Field::Expiry, None, 2, ""), "••");
    }
}
