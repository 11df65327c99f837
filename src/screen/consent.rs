//! What ties a customer's consent to the wording that was read out.

use crate::digitless;
use sha2::{Digest, Sha256};
use time::Date;
use tonewall_model::cpa::CONSENT_VERSION;
use tonewall_model::ids::CallId;

/// SHA-256 of the wording and the dates on this call, as text without digits.
pub(super) fn mark(call: &CallId, wording: &str, dates: &[Date]) -> String {
    let mut hasher = Sha256::new();
    for part in [call.as_str(), CONSENT_VERSION, wording] {
        hasher.update(part);
        hasher.update([0]);
    }
    for date in dates {
        hasher.update(date.to_julian_day().to_be_bytes());
    }
    digitless::text(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_differs_has_another_mark() {
        let (call, other) = (CallId::from_random(1), CallId::from_random(2));
        let date = |day| Date::from_ordinal_date(2027, day).expect("a date");
        let marks = [
            mark(&call, "words", &[date(1), date(2)]),
            mark(&call, "words", &[date(1), date(3)]),
            mark(&call, "words", &[date(1)]),
            mark(&call, "other words", &[date(1), date(2)]),
            mark(&other, "words", &[date(1), date(2)]),
        ];
        assert_eq!(marks[0], mark(&call, "words", &[date(1), date(2)]));
        for (at, own) in marks.iter().enumerate() {
            assert!(digitless::is_text(own, 32), "{own}");
            assert!(marks[..at].iter().all(|before| before != own), "{at}");
        }
    }
}
