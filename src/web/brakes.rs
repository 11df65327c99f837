//! What bounds sign-ins before anything is written: failures of one source, and names that no agent
//! has. Both are kept in memory, in tables of bounded length; what is oldest makes room.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use time::{Duration, OffsetDateTime};
use tonewall_model::sign_in::{Guard, Verdict};

/// Names that no agent has which are counted: nothing hangs on it but that they look like all others.
const STRANGERS_MAX: usize = 4_096;

/// Sources that are remembered.
const SOURCES_MAX: usize = 4_096;

/// Failures from one source within [`SOURCE_WINDOW`]. Fewer stop an office behind one address whose
/// people mistype; more let one machine lock name after name.
const SOURCE_FAILURES_MAX: u32 = 30;

/// Time within which they count together, from the first one on.
pub(super) const SOURCE_WINDOW: Duration = Duration::minutes(10);

/// A failure that was counted.
pub(super) struct Counted {
    /// What was known of the name before.
    pub before: Option<Guard>,
    /// What is known of it now.
    pub after: Guard,
}

/// Failures under names that no agent has.
#[derive(Default)]
pub(super) struct Strangers(Mutex<HashMap<String, Guard>>);

impl Strangers {
    /// Counts a failure of this name; `None` if it is locked.
    pub fn count(&self, name: &str, now: OffsetDateTime) -> Option<Counted> {
        let mut names = self.0.lock();
        let before = names.get(name).copied();
        if matches!(Guard::verdict(before, now), Verdict::Locked { .. }) {
            return None;
        }
        if before.is_none() {
            make_room(&mut names, STRANGERS_MAX, |guard| guard.first_at);
        }
        let after = Guard::after_failure(before, now);
        names.insert(name.to_owned(), after);
        Some(Counted { before, after })
    }
}

/// Failures by where they came from.
#[derive(Default)]
pub(super) struct Sources(Mutex<HashMap<String, Tally>>);

struct Tally {
    failures: u32,
    first_at: OffsetDateTime,
}

impl Sources {
    /// Whether somebody at `origin` may try at all.
    pub fn may_try(&self, origin: &str, now: OffsetDateTime) -> bool {
        let sources = self.0.lock();
        let own = sources.get(&source_of(origin)).filter(|own| now - own.first_at < SOURCE_WINDOW);
        own.is_none_or(|own| own.failures < SOURCE_FAILURES_MAX)
    }

    /// Counts a failure.
    pub fn failed(&self, origin: &str, now: OffsetDateTime) {
        let (source, mut sources) = (source_of(origin), self.0.lock());
        if !sources.contains_key(&source) {
            make_room(&mut sources, SOURCES_MAX, |tally| tally.first_at);
        }
        let own = sources.entry(source).or_insert(Tally { failures: 0, first_at: now });
        if now - own.first_at >= SOURCE_WINDOW {
            *own = Tally { failures: 0, first_at: now };
        }
        own.failures = own.failures.saturating_add(1);
    }
}

/// An address, or of IPv6 the network: whoever has one address there has all of its /64.
fn source_of(origin: &str) -> String {
    match origin.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => origin.to_owned(),
    }
}

fn make_room<T>(table: &mut HashMap<String, T>, len_max: usize, at: impl Fn(&T) -> OffsetDateTime) {
    if table.len() < len_max {
        return;
    }
    let oldest = table.iter().min_by_key(|(_, own)| at(own)).map(|(key, _)| key.clone());
    if let Some(oldest) = oldest {
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(second)
    }

    #[test]
    fn a_source_is_stopped_after_thirty_failures_in_ten_minutes() {
        let sources = Sources::default();
        for second in 0..30 {
            assert!(sources.may_try("192.0.2.7", at(second)), "{second}");
            sources.failed("192.0.2.7", at(second));
        }
        assert!(!sources.may_try("192.0.2.7", at(30)) && !sources.may_try("192.0.2.7", at(599)));
        assert!(sources.may_try("192.0.2.8", at(30)), "another address is not concerned");
        assert!(sources.may_try("192.0.2.7", at(600)), "ten minutes after the first one");
        sources.failed("192.0.2.7", at(600));
        assert!(sources.may_try("192.0.2.7", at(601)), "it counts anew");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let sources = Sources::default();
        for host in 0..30 {
            sources.failed(&format!("2001:db8:1:2::{host:x}"), at(0));
        }
        assert!(!sources.may_try("2001:db8:1:2:ffff::1", at(1)));
        assert!(sources.may_try("2001:db8:1:3::1", at(1)));
    }

    #[test]
    fn both_tables_are_bounded_and_lose_the_oldest() {
        let (strangers, sources) = (Strangers::default(), Sources::default());
        for nth in 0..5_000 {
            assert!(strangers.count(&format!("n{nth}"), at(nth)).is_some());
            sources.failed(&format!("s{nth}"), at(nth));
        }
        assert_eq!((strangers.0.lock().len(), sources.0.lock().len()), (STRANGERS_MAX, SOURCES_MAX));
        assert!(!strangers.0.lock().contains_key("n0") && strangers.0.lock().contains_key("n4999"));
    }
}
