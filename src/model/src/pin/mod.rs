//! PINs dialled by agents: whose they are, and how often somebody may be wrong.

mod dial;
mod failures;

pub use dial::{DialString, dial_string, redact};

use crate::ids::{AgentId, TenantId};
use failures::Failures;
use std::net::IpAddr;
use std::time::Duration;
use tonewall_secret::Secret;

/// How long a wrong PIN counts. Longer annoys forgetful agents, shorter helps guessers.
const WINDOW: Duration = Duration::from_secs(30 * 60);

/// Wrong PINs of one caller: 240 a day, with which one caller needs 58 days for an even chance
/// against fifty PINs of six digits. More helps guessers, fewer lock out agents who mistype.
const TRIES: usize = 5;

/// Wrong PINs of one trunk that are still a bad day and no attack.
const TRUNK_FAILURES_MAX: usize = 20;

/// Delay of every answer on a trunk under attack. A trunk is slowed and never shut, because behind it
/// is a whole contact centre; longer keeps honest agents waiting, shorter slows guessers less.
const TARPIT: Duration = Duration::from_secs(2);

/// Callers and trunks that are remembered; beyond, the one whose last failure is oldest is forgotten.
const IDENTITIES_MAX: usize = 10_000;

/// Bytes of an asserted identity that count: more is no telephone number.
const IDENTITY_LEN_MAX: usize = 64;

/// Who dials, as far as the trunk vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// The asserted identity (RFC 3325).
    Asserted(&'a str),
    /// The source address, where nobody is asserted.
    Source(IpAddr),
}

/// Where a PIN was dialled.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The tenant of the number that was dialled.
    pub tenant: &'a TenantId,
    /// The tenant's trunk on which the call came.
    pub trunk: &'a str,
    /// The caller.
    pub caller: Caller<'a>,
}

/// What becomes of a dialled PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this agent's.
    Agent(AgentId),
    /// It is nobody's, or more than one person's.
    Wrong {
        /// Tries that the caller has left.
        tries_left: u8,
    },
    /// The caller was wrong too often; whether the PIN is right is not told.
    Locked {
        /// When the next try counts, on the clock of `now`.
        until: Duration,
    },
}

/// The verdict, and what the trunk has to suffer for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whose PIN it is.
    pub verdict: Verdict,
    /// Wait that long before acting on the verdict, whatever it is.
    pub tarpit: Duration,
    /// Raise an alarm: the trunk has just gone over 20 failures in half an hour.
    pub alarm: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Identity {
    Asserted(TenantId, String),
    Source(TenantId, IpAddr),
}

/// Counts wrong PINs, in bounded memory.
pub struct PinGuard {
    callers: Failures<Identity>,
    trunks: Failures<(TenantId, String)>,
}

impl PinGuard {
    /// One that has seen nothing.
    pub fn new() -> PinGuard {
        PinGuard {
            callers: Failures::new(WINDOW, TRIES, IDENTITIES_MAX),
            trunks: Failures::new(WINDOW, TRUNK_FAILURES_MAX + 1, IDENTITIES_MAX),
        }
    }

    /// Judges a dialled PIN against those of a tenant's agents (and its one-time codes, chained on).
    ///
    /// All of them are compared whether or not the caller is locked out, so that time tells nothing.
    /// `now` counts from any epoch that stays the same.
    pub fn check<'a>(
        &mut self,
        now: Duration,
        origin: Origin<'_>,
        pins: impl Iterator<Item = (&'a AgentId, &'a Secret<String>)>,
        dialled: &Secret<String>,
    ) -> Ruling {
        let owner = owner(pins, dialled);
        let caller = identity(&origin);
        let trunk = (origin.tenant.clone(), origin.trunk.to_owned());
        let locked = self.callers.count(now, &caller) >= TRIES;
        let verdict = match owner {
            _ if locked => Verdict::Locked { until: self.callers.oldest_ends(&caller).unwrap_or(now) },
            Some(agent) => {
                self.callers.clear(&caller);
                Verdict::Agent(agent.clone())
            }
            None => {
                self.callers.add(now, &caller);
                let left = TRIES.saturating_sub(self.callers.count(now, &caller));
                Verdict::Wrong { tries_left: left as u8 }
            }
        };
        let attacked_before = self.under_attack(now, &trunk);
        if !matches!(verdict, Verdict::Agent(_)) {
            self.trunks.add(now, &trunk);
        }
        let attacked = self.under_attack(now, &trunk);
        let tarpit = if attacked { TARPIT } else { Duration::ZERO };
        Ruling { verdict, tarpit, alarm: attacked && !attacked_before }
    }

    fn under_attack(&self, now: Duration, trunk: &(TenantId, String)) -> bool {
        self.trunks.count(now, trunk) > TRUNK_FAILURES_MAX
    }
}

impl Default for PinGuard {
    fn default() -> Self {
        PinGuard::new()
    }
}

fn identity(origin: &Origin<'_>) -> Identity {
    let tenant = origin.tenant.clone();
    match origin.caller {
        Caller::Asserted(text) => {
            Identity::Asserted(tenant, text[..text.floor_char_boundary(IDENTITY_LEN_MAX)].to_owned())
        }
        Caller::Source(address) => Identity::Source(tenant, address),
    }
}

/// The one person whose PIN it is; every candidate is compared, also after a match. A PIN of two
/// people names nobody.
fn owner<'a>(
    pins: impl Iterator<Item = (&'a AgentId, &'a Secret<String>)>,
    dialled: &Secret<String>,
) -> Option<&'a AgentId> {
    let (mut found, mut matches) = (None, 0_u32);
    for (agent, pin) in pins {
        let same = pin.matches(dialled.expose().as_bytes());
        matches += u32::from(same);
        found = if same { Some(agent) } else { found };
    }
    found.filter(|_| matches == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "482913";

    struct Desk {
        guard: PinGuard,
        tenant: TenantId,
        agents: Vec<(AgentId, Secret<String>)>,
    }

    impl Desk {
        fn new() -> Desk {
            let agent = |id: &str, pin: &str| (AgentId(id.into()), Secret::new(String::from(pin)));
            let agents = vec![
                agent("ann", RIGHT),
                agent("bob", "700116"),
                agent("cyd", "55500011"),
                agent("dee", "55500011"),
            ];
            Desk { guard: PinGuard::new(), tenant: TenantId::parse("harbour").expect("a slug"), agents }
        }

        fn dial(&mut self, at_s: u64, trunk: &str, caller: Caller<'_>, pin: &str) -> Ruling {
            let origin = Origin { tenant: &self.tenant, trunk, caller };
            let pins = self.agents.iter().map(|(agent, pin)| (agent, pin));
            self.guard.check(Duration::from_secs(at_s), origin, pins, &Secret::new(pin.to_owned()))
        }

        fn say(&mut self, at_s: u64, caller: &str, pin: &str) -> String {
            match self.dial(at_s, "pbx", Caller::Asserted(caller), pin).verdict {
                Verdict::Agent(agent) => agent.to_string(),
                Verdict::Wrong { tries_left } => format!("wrong {tries_left}"),
                Verdict::Locked { until } => format!("locked {}", until.as_secs()),
            }
        }
    }

    #[test]
    fn tries_of_a_caller() {
        let cases: &[&[(u64, &str, &str, &str)]] = &[
            &[(0, "2001", RIGHT, "ann"), (1, "2001", "700116", "bob")],
            // Whoever shares a PIN has none.
            &[(0, "2001", "55500011", "wrong 4")],
            &[(0, "2001", "", "wrong 4"), (0, "2001", "48291", "wrong 3"), (0, "2001", "4829130", "wrong 2")],
            // Five are wrong, the sixth is locked though it is right, another caller is not.
            &[
                (0, "2001", "1", "wrong 4"),
                (60, "2001", "1", "wrong 3"),
                (120, "2001", "1", "wrong 2"),
                (180, "2001", "1", "wrong 1"),
                (240, "2001", "1", "wrong 0"),
                (300, "2001", RIGHT, "locked 1800"),
                (300, "2002", RIGHT, "ann"),
                (1799, "2001", RIGHT, "locked 1800"),
                (1800, "2001", "1", "wrong 0"),
                (1801, "2001", RIGHT, "locked 1860"),
                (1860, "2001", RIGHT, "ann"),
            ],
            // Success clears the count.
            &[
                (0, "2001", "1", "wrong 4"),
                (1, "2001", "1", "wrong 3"),
                (2, "2001", RIGHT, "ann"),
                (3, "2001", "1", "wrong 4"),
            ],
        ];
        for case in cases {
            let mut desk = Desk::new();
            for (at_s, caller, pin, expected) in *case {
                assert_eq!(desk.say(*at_s, caller, pin), *expected, "{caller} at {at_s}");
            }
        }
    }

    #[test]
    fn callers_without_an_identity_are_counted_by_source() {
        let mut desk = Desk::new();
        let source = |last| Caller::Source(IpAddr::from([192, 0, 2, last]));
        for _ in 0..TRIES {
            desk.dial(0, "pbx", source(1), "1");
        }
        assert!(matches!(desk.dial(1, "pbx", source(1), RIGHT).verdict, Verdict::Locked { .. }));
        assert!(matches!(desk.dial(1, "pbx", source(2), RIGHT).verdict, Verdict::Agent(_)));
        // Text that looks like the address is another identity.
        assert!(matches!(
            desk.dial(1, "pbx", Caller::Asserted("192.0.2.1"), RIGHT).verdict,
            Verdict::Agent(_)
        ));
    }

    #[test]
    fn another_tenant_s_callers_are_not_counted() {
        let mut desk = Desk::new();
        for _ in 0..TRIES {
            desk.say(0, "2001", "1");
        }
        desk.tenant = TenantId::parse("quay").expect("a slug");
        assert_eq!(desk.say(0, "2001", RIGHT), "ann");
    }

    #[test]
    fn a_trunk_is_slowed_and_reported_once_but_never_shut() {
        let mut desk = Desk::new();
        let wrong = |desk: &mut Desk, at_s, n: u32| {
            let caller = format!("9{n}");
            desk.dial(at_s, "pbx", Caller::Asserted(&caller), "1")
        };
        for n in 0..20 {
            let ruling = wrong(&mut desk, 0, n);
            assert_eq!((ruling.alarm, ruling.tarpit), (false, Duration::ZERO), "failure {n}");
        }
        let over = wrong(&mut desk, 10, 20);
        assert_eq!((over.alarm, over.tarpit), (true, TARPIT));
        let more = wrong(&mut desk, 20, 21);
        assert_eq!((more.alarm, more.tarpit), (false, TARPIT));
        let right = desk.dial(30, "pbx", Caller::Asserted("2001"), RIGHT);
        assert_eq!(right.verdict, Verdict::Agent(AgentId("ann".into())));
        assert_eq!(right.tarpit, TARPIT, "a right PIN must not be told by its speed");
        let elsewhere = desk.dial(30, "carrier", Caller::Asserted("2001"), RIGHT);
        assert_eq!(elsewhere.tarpit, Duration::ZERO);
        let later = desk.dial(1_900, "pbx", Caller::Asserted("2001"), RIGHT);
        assert_eq!(later.tarpit, Duration::ZERO);
    }

    #[test]
    fn tries_while_locked_count_against_the_trunk() {
        let mut desk = Desk::new();
        for n in 0..20 {
            let ruling = desk.dial(n, "pbx", Caller::Asserted("2001"), "1");
            assert_eq!(ruling.tarpit, Duration::ZERO);
        }
        assert!(desk.dial(20, "pbx", Caller::Asserted("2001"), RIGHT).alarm);
    }

    #[test]
    fn memory_is_bounded() {
        let mut desk = Desk::new();
        for n in 0..=IDENTITIES_MAX {
            let caller = format!("{n}");
            desk.dial(0, "pbx", Caller::Asserted(&caller), "1");
        }
        assert_eq!(desk.guard.callers.len(), IDENTITIES_MAX);
        assert_eq!(desk.say(0, "0", "1"), "wrong 4", "the oldest was forgotten");
        assert_eq!(desk.say(0, &IDENTITIES_MAX.to_string(), "1"), "wrong 3");
    }

    #[test]
    fn an_endless_identity_is_cut() {
        let mut desk = Desk::new();
        let long = "\u{e9}".repeat(1_000);
        assert_eq!(desk.say(0, &long, "1"), "wrong 4");
        assert_eq!(desk.say(0, &long[..100], "1"), "wrong 3");
    }
}
