//! When a request may be sent again. No clock and no socket: time comes in as an argument.
//!
//! What was never sent may be sent again. What may have arrived may be sent again only where the
//! gateway charges a key once, and whatever the later sends bring, the doubt about the first stays
//! until a complete answer to this key resolves it.

use std::time::Duration;
use tonewall_model::payment::UnknownWhy;

/// Bounds of one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// No send begins after this.
    pub horizon: Duration,
    /// First wait between two sends; it doubles.
    pub back_off_first: Duration,
    /// Longest wait between two sends.
    pub back_off_max: Duration,
    /// Sends, those that reached nobody included.
    pub tries_max: u32,
    /// Sends when the gateway cannot be reached and nothing has ever left us.
    pub connect_tries_max: u32,
}

/// What one send brought, short of a complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// No connection: nothing left us.
    NotReached,
    /// The gateway says that it did nothing.
    Untouched(String),
    /// Nobody knows.
    Unclear(UnknownWhy),
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send again after this wait.
    Again(Duration),
    /// Stop; this is how it ended.
    Stop(Heard),
}

/// One request on its way to an answer.
pub(crate) struct Replay {
    bounds: Bounds,
    /// Whether a request that may have arrived may be sent again.
    may_replay: bool,
    tries: u32,
    doubt: Option<UnknownWhy>,
}

impl Replay {
    pub(crate) fn new(bounds: Bounds, may_replay: bool) -> Replay {
        Replay { bounds, may_replay, tries: 0, doubt: None }
    }

    /// Why an earlier send may have moved money, if one may have.
    pub(crate) fn doubt(&self) -> Option<UnknownWhy> {
        self.doubt
    }

    /// Sends so far that have been heard of.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// After a send that brought no complete answer; `elapsed` since the first send began.
    pub(crate) fn after(&mut self, elapsed: Duration, heard: Heard) -> Next {
        self.tries += 1;
        if let Heard::Unclear(why) = heard {
            self.doubt = Some(why);
        }
        let wait = self.back_off();
        let spent = self.tries >= self.bounds.tries_max
            || elapsed.saturating_add(wait) >= self.bounds.horizon
            || (self.doubt.is_some() && !self.may_replay)
            || (self.doubt.is_none()
                && heard == Heard::NotReached
                && self.tries >= self.bounds.connect_tries_max);
        match (spent, self.doubt) {
            (false, _) => Next::Again(wait),
            (true, Some(why)) => Next::Stop(Heard::Unclear(why)),
            (true, None) => Next::Stop(heard),
        }
    }

    fn back_off(&self) -> Duration {
        let doublings = (self.tries - 1).min(16);
        self.bounds.back_off_first.saturating_mul(1 << doublings).min(self.bounds.back_off_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds {
        horizon: Duration::from_secs(90),
        back_off_first: Duration::from_millis(250),
        back_off_max: Duration::from_secs(2),
        tries_max: 6,
        connect_tries_max: 3,
    };

    /// One letter a send: `r` not reached, `b` untouched (busy), `t` timed out, `l` connection lost.
    fn heard(letter: char) -> Heard {
        match letter {
            'r' => Heard::NotReached,
            'b' => Heard::Untouched("busy".into()),
            't' => Heard::Unclear(UnknownWhy::TimedOut),
            _ => Heard::Unclear(UnknownWhy::ConnectionLost),
        }
    }

    /// Sends come one second apart; what each is answered, and what follows.
    fn check(may_replay: bool, sends: &str, expected: Expect) {
        let mut replay = Replay::new(BOUNDS, may_replay);
        let mut told = Vec::new();
        for (second, letter) in sends.chars().enumerate() {
            told.push(match replay.after(Duration::from_secs(second as u64), heard(letter)) {
                Next::Again(wait) => format!("{letter}: again in {wait:?}"),
                Next::Stop(end) => format!("{letter}: stop, {end:?}"),
            });
        }
        expected.assert_eq(&told.join("\n"));
    }

    #[test]
    fn what_never_left_is_sent_again_a_few_times() {
        check(
            false,
            "rrr",
            expect![[r#"
            r: again in 250ms
            r: again in 500ms
            r: stop, NotReached"#]],
        );
        check(
            false,
            "rb",
            expect![[r#"
            r: again in 250ms
            b: again in 500ms"#]],
        );
    }

    #[test]
    fn what_may_have_arrived_is_not_sent_again_without_keys() {
        check(false, "t", expect!["t: stop, Unclear(TimedOut)"]);
        check(
            false,
            "rbl",
            expect![[r#"
            r: again in 250ms
            b: again in 500ms
            l: stop, Unclear(ConnectionLost)"#]],
        );
    }

    #[test]
    fn doubt_survives_a_gateway_that_is_busy_or_gone() {
        check(
            true,
            "trrrrr",
            expect![[r#"
            t: again in 250ms
            r: again in 500ms
            r: again in 1s
            r: again in 2s
            r: again in 2s
            r: stop, Unclear(TimedOut)"#]],
        );
        check(
            true,
            "lbbbbb",
            expect![[r#"
            l: again in 250ms
            b: again in 500ms
            b: again in 1s
            b: again in 2s
            b: again in 2s
            b: stop, Unclear(ConnectionLost)"#]],
        );
        check(
            true,
            "bbbbbb",
            expect![[r#"
            b: again in 250ms
            b: again in 500ms
            b: again in 1s
            b: again in 2s
            b: again in 2s
            b: stop, Untouched("busy")"#]],
        );
    }

    #[test]
    fn no_send_begins_after_the_horizon() {
        let mut replay = Replay::new(BOUNDS, true);
        let last = replay.after(Duration::from_millis(89_800), heard('t'));
        assert_eq!(last, Next::Stop(Heard::Unclear(UnknownWhy::TimedOut)));
    }

    proptest! {
        #[test]
        fn it_ends_and_never_forgets_a_doubt(
            may_replay in any::<bool>(), sends in "[rbtl]{1,40}", step_ms in 0_u64..20_000,
        ) {
            let mut replay = Replay::new(BOUNDS, may_replay);
            let (mut elapsed, mut doubted) = (Duration::ZERO, false);
            for (count, letter) in sends.chars().enumerate() {
                prop_assert!(count < BOUNDS.tries_max as usize, "sent more often than allowed");
                prop_assert!(elapsed < BOUNDS.horizon, "sent after the horizon");
                prop_assert!(!doubted || may_replay, "sent again what may have arrived");
                doubted |= matches!(letter, 't' | 'l');
                elapsed += Duration::from_millis(step_ms);
                match replay.after(elapsed, heard(letter)) {
                    Next::Again(wait) => elapsed += wait,
                    Next::Stop(end) => {
                        prop_assert_eq!(matches!(end, Heard::Unclear(_)), doubted);
                        break;
                    }
                }
            }
        }
    }
}
