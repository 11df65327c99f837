//! How many wrong passwords a name may bring before it is locked (PCI DSS 8.3.4).

use time::{Duration, OffsetDateTime};

/// Wrong passwords that lock a name. Fewer lock people out who mistype; more help whoever guesses.
pub const FAILURES_MAX: u8 = 6;

/// Time within which they count together.
pub const WINDOW: Duration = Duration::minutes(30);

/// How long a locked name stays locked: the least that PCI DSS 8.3.4 allows.
pub const LOCKED_FOR: Duration = Duration::minutes(30);

/// What is remembered of a name that was given with a wrong password; a right one clears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Failures that count.
    pub failures: u8,
    /// From when on they count.
    pub first_at: OffsetDateTime,
    /// Until when no password is even looked at.
    pub locked_until: Option<OffsetDateTime>,
}

/// Whether a password may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may; so many more wrong ones lock the name.
    Open {
        /// At least 1.
        tries_left: u8,
    },
    /// The name is locked.
    Locked {
        /// Until then.
        until: OffsetDateTime,
    },
}

impl Guard {
    /// Whether a password for this name may be looked at now.
    pub fn verdict(guard: Option<Guard>, now: OffsetDateTime) -> Verdict {
        match guard {
            Some(Guard { locked_until: Some(until), .. }) if now < until => Verdict::Locked { until },
            Some(own) if own.locked_until.is_none() => {
                let counted = own.counted(now);
                Verdict::Open { tries_left: FAILURES_MAX.saturating_sub(counted).max(1) }
            }
            _ => Verdict::Open { tries_left: FAILURES_MAX },
        }
    }

    /// What to remember after a wrong password. While the name is locked nothing is counted.
    pub fn after_failure(guard: Option<Guard>, now: OffsetDateTime) -> Guard {
        let first = Guard { failures: 1, first_at: now, locked_until: None };
        let next = match guard {
            None => first,
            Some(own) if own.locked_until.is_some_and(|until| now < until) => return own,
            Some(Guard { locked_until: Some(_), .. }) => first,
            Some(own) => match own.counted(now) {
                0 => first,
                // Still the first window, or one that begins now with what is left of it.
                counted if counted == own.failures => Guard { failures: counted.saturating_add(1), ..own },
                counted => Guard { failures: counted.saturating_add(1), first_at: now, locked_until: None },
            },
        };
        let locked = next.failures >= FAILURES_MAX;
        Guard { locked_until: locked.then(|| later(now, LOCKED_FOR)), ..next }
    }

    /// Failures that may lie within the window now. Only the first one's time is kept: when it has
    /// left, the others may still be in it, until a second window has passed.
    fn counted(&self, now: OffsetDateTime) -> u8 {
        match now - self.first_at {
            age if age < WINDOW => self.failures,
            age if age < WINDOW * 2 => self.failures.saturating_sub(1),
            _ => 0,
        }
    }
}

/// The far end of the calendar is far enough.
fn later(at: OffsetDateTime, by: Duration) -> OffsetDateTime {
    at.checked_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::minutes(minute)
    }

    fn told(verdict: Verdict) -> String {
        match verdict {
            Verdict::Open { tries_left } => format!("open {tries_left}"),
            Verdict::Locked { until } => format!("locked {}", (until - at(0)).whole_minutes()),
        }
    }

    /// What is said after a wrong password in each of these minutes.
    fn wrong(minutes: &[i64]) -> String {
        let mut guard = None;
        let said = minutes.iter().map(|minute| {
            guard = Some(Guard::after_failure(guard, at(*minute)));
            told(Guard::verdict(guard, at(*minute)))
        });
        said.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn six_within_half_an_hour_lock_a_name() {
        assert_eq!(told(Guard::verdict(None, at(0))), "open 6");
        assert_eq!(wrong(&[0, 1, 2, 3, 4, 5]), "open 5, open 4, open 3, open 2, open 1, locked 35");
        assert_eq!(wrong(&[0, 0, 0, 0, 0, 29]), "open 5, open 4, open 3, open 2, open 1, locked 59");
        // The first one has left when the sixth comes.
        assert_eq!(wrong(&[0, 1, 2, 3, 4, 30]), "open 5, open 4, open 3, open 2, open 1, open 1");
        // A fixed window from the first one on would let these six through.
        assert_eq!(
            wrong(&[0, 28, 28, 29, 31, 31, 31]),
            "open 5, open 4, open 3, open 2, open 2, open 1, locked 61"
        );
        assert_eq!(wrong(&[0, 0, 0, 0, 0, 60]), "open 5, open 4, open 3, open 2, open 1, open 5");
    }

    #[test]
    fn a_lock_ends_by_itself_and_is_not_prolonged() {
        let mut guard = None;
        for _ in 0..6 {
            guard = Some(Guard::after_failure(guard, at(0)));
        }
        assert_eq!(told(Guard::verdict(guard, at(29))), "locked 30");
        assert_eq!(guard, Some(Guard::after_failure(guard, at(29))), "nothing counts while it is locked");
        assert_eq!(told(Guard::verdict(guard, at(30))), "open 6");
        assert_eq!(told(Guard::verdict(Some(Guard::after_failure(guard, at(30))), at(30))), "open 5");
    }

    #[test]
    fn the_ends_of_the_calendar_and_of_the_count() {
        let odd = Guard { failures: u8::MAX, first_at: at(0), locked_until: None };
        assert_eq!(told(Guard::verdict(Some(odd), at(1))), "open 1");
        let last = time::PrimitiveDateTime::MAX.assume_utc();
        let guard = Guard::after_failure(Some(Guard { first_at: last, ..odd }), last);
        assert_eq!(guard.locked_until, Some(last));
        // A clock that was set back forgives nothing.
        assert_eq!(told(Guard::verdict(Some(Guard { failures: 5, ..odd }), at(-999))), "open 1");
    }

    proptest! {
        #[test]
        fn no_more_than_five_go_by_in_any_half_hour(gaps in prop::collection::vec(0_i64..40, 0..60)) {
            let (mut guard, mut minute) = (None, 0);
            // Wrong passwords that were looked at and did not lock the name.
            let mut passed: Vec<i64> = Vec::new();
            for gap in gaps {
                minute += gap;
                if let Verdict::Locked { .. } = Guard::verdict(guard, at(minute)) {
                    continue;
                }
                guard = Some(Guard::after_failure(guard, at(minute)));
                match Guard::verdict(guard, at(minute)) {
                    Verdict::Locked { .. } => passed.clear(),
                    Verdict::Open { .. } => passed.push(minute),
                }
                let recent = passed.iter().filter(|passed| minute - **passed < 30).count();
                prop_assert!(recent < usize::from(FAILURES_MAX), "{recent} by minute {minute}");
            }
        }

        #[test]
        fn whoever_pauses_an_hour_is_never_locked(failures in 1_u8..6, rounds in 1_i64..20) {
            let mut guard = None;
            for round in 0..rounds {
                for _ in 0..failures {
                    guard = Some(Guard::after_failure(guard, at(round * 60)));
                }
                prop_assert_eq!(Guard::verdict(guard, at(round * 60)), Verdict::Open { tries_left: 6 - failures });
            }
        }
    }
}
