//! Lines that cannot be vouched for, and other ways to key.

use super::{Change, Stand};
use tonewall_model::capture::{FailWhy, Field};
use tonewall_model::dtmf::Unwell;
use tonewall_model::tenant::Tenant;

/// Name, title, and how it differs from a call that was just put through on a secured line.
pub(super) const LINES: &[(&str, &str, Change)] = &[
    ("unclear", "The line is not clear", |s, _| s.view.unwell = Some(Unwell::Storm)),
    ("unclear_field", "The line is not clear, and a field is open", |s, t| {
        s.ask(t, Field::Expiry);
        s.view.unwell = Some(Unwell::Source);
    }),
    ("leaked", "A tone may have been heard", leaked),
    ("leaked_secure", "A tone may have been heard, and nothing was asked for", |s, t| {
        s.order(t);
        s.view.leaked = true;
    }),
    ("leaked_review", "A tone may have been heard, and the card is complete", |s, t| {
        s.complete(t);
        s.view.leaked = true;
    }),
    ("closed", "Closed while the customer keys", |s, t| {
        s.ask(t, Field::Pan);
        s.view.capture.filled = 6;
        s.closes = true;
    }),
    ("closed_secure", "A line that will be closed", |s, _| s.closes = true),
    ("slow_keys", "Repeated keys count once", |s, t| {
        s.ask(t, Field::Pan);
        s.view.capture.filled = 3;
        s.view.slow_keys = true;
    }),
];

fn leaked(stand: &mut Stand, tenant: &Tenant) {
    stand.fail(tenant, FailWhy::Leaked);
    stand.view.leaked = true;
}
