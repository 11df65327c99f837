//! The live stream of one screen: the whole of it at first and after each change, and a beat every
//! second that says whether the line is secured.

use super::desk::{Past, Screens, Subject, Who, seen};
use super::facts::CallFacts;
use super::shown::{OtherShown, Screen};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tonewall_model::call::{CallView, Phase};
use tonewall_model::ids::CallId;
use tonewall_store::StoreError;

/// A screen that hears nothing for two of these says that the line is not secure.
const BEAT: Duration = Duration::from_secs(1);

/// How long the list of earlier calls is believed without a word of change.
const PAST_FRESH: Duration = Duration::from_secs(30);

/// Shortest time between two looks at the list of earlier calls: all screens of an organisation hear
/// of each of its calls. Just under a beat, so that a look that is due at a beat happens there.
const PAST_PAUSE: Duration = Duration::from_millis(900);

/// How long a change waits for rows that are being read, so that people see it at once and whole.
/// Longer makes a slow database stop the screen; shorter shows half of a change more often.
const HOLD_MAX: Duration = Duration::from_millis(500);

/// What a stream brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The screen as it is now.
    Screen(Box<Screen>),
    /// Nothing else has changed.
    Beat {
        /// Of the last screen.
        seq: u64,
        /// Whether the call on screen is live on a secured line, now.
        secured: bool,
    },
}

/// One screen, followed.
pub struct Follow {
    screens: Screens,
    who: Who,
    wanted: Option<CallId>,
    beat: Interval,
    /// Calls that come, end or change hands at the tenant.
    calls: watch::Receiver<u64>,
    pub(super) past: PastCalls,
    /// The agent's own calls when somebody last told of a change.
    own: Vec<(CallId, bool)>,
    on: On,
    others: Vec<OtherShown>,
    last: Option<Screen>,
    beat_owed: bool,
}

/// Something that is being read while the screen goes on.
struct Reading<T> {
    since: Instant,
    rows: Pin<Box<dyn Future<Output = T> + Send>>,
}

impl<T> Reading<T> {
    fn of(rows: impl Future<Output = T> + Send + 'static) -> Reading<T> {
        Reading { since: Instant::now(), rows: Box::pin(rows) }
    }
}

/// Earlier calls, as they were read last.
#[derive(Default)]
pub(super) struct PastCalls {
    calls: Vec<Past>,
    /// They may have changed, or could not be read.
    pub(super) is_due: bool,
    pub(super) asked_at: Option<Instant>,
    reading: Option<Reading<Option<Vec<Past>>>>,
}

impl PastCalls {
    fn shall_read(&self, now: Instant) -> bool {
        let pause = if self.is_due { PAST_PAUSE } else { PAST_FRESH };
        self.reading.is_none() && self.asked_at.is_none_or(|at| now.duration_since(at) >= pause)
    }
}

/// What is on the screen, and who tells of its changes.
struct On {
    subject: Subject,
    id: Option<CallId>,
    views: Option<watch::Receiver<CallView>>,
    rows: Option<watch::Receiver<u64>>,
    facts: CallFacts,
    /// Its rows have to be read.
    is_stale: bool,
    reading: Option<Reading<Result<CallFacts, StoreError>>>,
}

impl On {
    fn nothing() -> On {
        On {
            subject: Subject::Nothing,
            id: None,
            views: None,
            rows: None,
            facts: CallFacts::default(),
            is_stale: false,
            reading: None,
        }
    }
}

enum Woke {
    Beat,
    View,
    Rows,
    Calls,
    /// The rows of the call on screen are here.
    Facts(Result<Box<CallFacts>, StoreError>),
    /// Earlier calls are here; none where they could not be read.
    Past(Option<Vec<Past>>),
}

impl Screens {
    /// Follows a screen; the first frame is the whole of it. To be called within a tokio runtime.
    pub fn follow(&self, who: Who, wanted: Option<CallId>) -> Follow {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let calls = self.desk().around().events.subscribe_tenant(&who.tenant);
        Follow {
            screens: self.clone(),
            who,
            wanted,
            beat,
            calls,
            past: PastCalls::default(),
            own: Vec::new(),
            on: On::nothing(),
            others: Vec::new(),
            last: None,
            beat_owed: false,
        }
    }
}

impl Follow {
    /// The next frame; a second at most. May be dropped while it waits: nothing is lost by it but
    /// the time to the next beat.
    pub async fn next(&mut self) -> Frame {
        if std::mem::take(&mut self.beat_owed) {
            return self.beat_frame();
        }
        if self.last.is_none() {
            let screen = self.first().await;
            self.beat.reset();
            return self.screen_frame(screen);
        }
        loop {
            let woke = self.wait().await;
            let is_beat = matches!(woke, Woke::Beat);
            // Nothing is awaited from here on: no store may keep a beat back.
            let news = self.look(woke).filter(|screen| self.is_news(screen));
            // The beat comes in any case: whoever counts beats must not miss one for a change.
            self.beat_owed = is_beat && news.is_some();
            match (news, is_beat) {
                (Some(screen), _) => return self.screen_frame(screen),
                (None, true) => return self.beat_frame(),
                (None, false) => {}
            }
        }
    }

    /// The first screen: with its rows where they come in time.
    async fn first(&mut self) -> Screen {
        let until = Instant::now() + HOLD_MAX;
        let mut woke = Woke::Calls;
        loop {
            let screen = self.look(woke);
            if let Some(screen) = screen
                && self.past.reading.is_none()
            {
                return screen;
            }
            match tokio::time::timeout_at(until, self.wait()).await {
                Ok(next) => woke = next,
                Err(_) => return self.shown(),
            }
        }
    }

    async fn wait(&mut self) -> Woke {
        let Follow { beat, calls, on, past, .. } = self;
        let woke = tokio::select! {
            biased;
            () = changed(on.views.as_mut()) => Woke::View,
            () = changed(on.rows.as_mut()) => Woke::Rows,
            () = changed(Some(calls)) => Woke::Calls,
            facts = read(on.reading.as_mut()) => Woke::Facts(facts.map(Box::new)),
            calls = read(past.reading.as_mut()) => Woke::Past(calls),
            _ = beat.tick() => Woke::Beat,
        };
        match woke {
            Woke::Facts(_) => on.reading = None,
            Woke::Past(_) => past.reading = None,
            Woke::Beat | Woke::View | Woke::Rows | Woke::Calls => {}
        }
        woke
    }

    /// The screen after this; `None` while it waits for rows.
    fn look(&mut self, woke: Woke) -> Option<Screen> {
        let is_view = matches!(woke, Woke::View);
        // Rows that tell nothing new are not asked for again because they do.
        let is_answer = matches!(woke, Woke::Facts(_) | Woke::Past(_));
        self.hear(woke);
        // A key on a live call changes nothing about which call it is.
        if !is_view || !self.is_live() {
            self.read_past();
            let Some(tenant) = self.screens.tenant(&self.who) else { return Some(Screen::default()) };
            let chosen = self.screens.choose(&self.who, &tenant, self.wanted.as_ref(), &self.past.calls);
            self.others = chosen.1;
            self.turn_to(chosen.0);
        }
        self.read_rows(is_answer);
        let on = &self.on;
        let waits = on.reading.as_ref().is_some_and(|reading| reading.since.elapsed() < HOLD_MAX);
        if waits && !on.facts.unreadable { None } else { Some(self.shown()) }
    }

    fn hear(&mut self, woke: Woke) {
        match woke {
            Woke::View => {}
            // Rows that could not be read are asked for again at the beat: keys must not wait for them.
            Woke::Beat => self.on.is_stale |= self.on.facts.unreadable,
            Woke::Rows => self.on.is_stale = true,
            Woke::Calls => {
                let own = self.screens.own_calls(&self.who);
                self.past.is_due |= own != self.own;
                self.own = own;
            }
            Woke::Facts(Ok(facts)) => self.on.facts = *facts,
            Woke::Facts(Err(_)) => self.on.facts.unreadable = true,
            Woke::Past(Some(calls)) => self.past.calls = calls,
            Woke::Past(None) => self.past.is_due = true,
        }
    }

    /// The screen of what is known now.
    fn shown(&mut self) -> Screen {
        let Some(tenant) = self.screens.tenant(&self.who) else { return Screen::default() };
        // Rows that keep people waiting are told of like rows that cannot be read.
        self.on.facts.unreadable |= self.on.reading.is_some();
        self.screens.build(&self.who, &tenant, &self.on.subject, &self.on.facts, self.others.clone())
    }

    fn read_past(&mut self) {
        let now = Instant::now();
        if !self.past.shall_read(now) {
            return;
        }
        let (screens, who, wanted) = (self.screens.clone(), self.who.clone(), self.wanted.clone());
        (self.past.asked_at, self.past.is_due) = (Some(now), false);
        self.past.reading = Some(Reading::of(async move { screens.past(&who, wanted.as_ref()).await }));
    }

    fn turn_to(&mut self, subject: Subject) {
        let id = subject.id();
        let same_kind = matches!(
            (&self.on.subject, &subject),
            (Subject::Known(_), Subject::Known(_)) | (Subject::Rows(_), Subject::Rows(_))
        );
        if id == self.on.id && (same_kind || id.is_none()) {
            return;
        }
        let events = &self.screens.desk().around().events;
        self.on = On {
            rows: id.as_ref().map(|id| events.subscribe(id)),
            views: match &subject {
                Subject::Known(handle) => Some(handle.watch()),
                Subject::Nothing | Subject::Rows(_) => None,
            },
            is_stale: id.is_some(),
            facts: CallFacts::default(),
            reading: None,
            id,
            subject,
        };
    }

    fn read_rows(&mut self, is_answer: bool) {
        let Some(id) = self.on.id.clone().filter(|_| self.on.reading.is_none()) else { return };
        let is_behind =
            || seen(&self.on.subject, &self.on.facts).is_some_and(|s| self.on.facts.is_behind(&s.view));
        if !self.on.is_stale && (is_answer || !is_behind()) {
            return;
        }
        let (screens, who) = (self.screens.clone(), self.who.clone());
        self.on.is_stale = false;
        self.on.reading = Some(Reading::of(async move { screens.facts(&who, &id).await }));
    }

    fn is_live(&self) -> bool {
        self.on.views.as_ref().is_some_and(|views| !matches!(views.borrow().phase, Phase::Ended(_)))
    }

    /// Whether people would see a difference; the countdown counts only while it is shown.
    fn is_news(&self, screen: &Screen) -> bool {
        let Some(last) = &self.last else { return true };
        let mut alike = last.clone();
        alike.seq = screen.seq;
        if !screen.ending {
            alike.left_s = screen.left_s;
        }
        alike != *screen
    }

    fn screen_frame(&mut self, mut screen: Screen) -> Frame {
        screen.seq = self.seq() + 1;
        self.last = Some(screen.clone());
        Frame::Screen(Box::new(screen))
    }

    fn beat_frame(&self) -> Frame {
        let secured = |views: &watch::Receiver<CallView>| {
            let view = views.borrow();
            view.phase == Phase::Connected && view.secured
        };
        Frame::Beat { seq: self.seq(), secured: self.on.views.as_ref().is_some_and(secured) }
    }

    fn seq(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.seq)
    }
}

/// Waits for a change; for ever where there is nobody to tell of one.
async fn changed<T>(channel: Option<&mut watch::Receiver<T>>) {
    let told = match channel {
        Some(channel) => channel.changed().await.is_ok(),
        None => false,
    };
    if !told {
        std::future::pending::<()>().await;
    }
}

/// Waits for rows; for ever where none are asked for.
async fn read<T>(reading: Option<&mut Reading<T>>) -> T {
    match reading {
        Some(reading) => reading.rows.as_mut().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn earlier_calls_are_read_when_due_and_seldom() {
        let start = Instant::now();
        let mut past = PastCalls::default();
        assert!(past.shall_read(start), "nothing is known yet");
        past.asked_at = Some(start);
        for (is_due, later_ms, shall) in [
            (true, 0, false),
            (true, 899, false),
            (true, 1_000, true),
            (false, 29_999, false),
            (false, 30_000, true),
        ] {
            past.is_due = is_due;
            assert_eq!(
                past.shall_read(start + Duration::from_millis(later_ms)),
                shall,
                "{is_due} {later_ms}"
            );
        }
        past.reading = Some(Reading::of(std::future::pending()));
        assert!(!past.shall_read(start + Duration::from_secs(60)), "one at a time");
    }
}
