//! How captures and calls end, in words.

use super::field_label;
use crate::screen::shown::{NoticeShown, Tone};
use tonewall_model::call::EndedWhy;
use tonewall_model::capture::FailWhy;
use tonewall_model::route::RouteKind;

/// A capture that ended without a card: what happened, and what to say. Nothing was taken.
pub(in crate::screen) fn failed(why: FailWhy) -> (NoticeShown, String) {
    let (title, words, say) = match why {
        FailWhy::TooManyTries(field) => (
            "Too many tries",
            format!(
                "The {} didn't come through, and its tries are used up. Everything keyed is wiped and nothing has been taken.",
                field_label(field).to_lowercase()
            ),
            "I'm sorry, the keypad isn't working for us. Nothing has been taken. Shall I send you a link to pay instead?",
        ),
        FailWhy::TimedOut => (
            "The time is over",
            "Everything keyed is wiped and nothing has been taken. You can start again.".to_owned(),
            "I'm sorry, that took too long for the system. Nothing has been taken. Shall we start again?",
        ),
        FailWhy::PanLocked => (
            "No further card on this call",
            "As many cards as one call may bring were keyed. Nothing has been taken with the last one."
                .to_owned(),
            "I'm sorry, I can't take another card on this call. Shall I send you a link to pay instead?",
        ),
        FailWhy::Leaked => (
            "Card entry stopped",
            "A tone may have been heard on this line. Everything keyed is wiped and nothing has been taken."
                .to_owned(),
            "I'm sorry, I can't take a card on this line. Nothing has been taken. Shall I send you a link to pay instead?",
        ),
    };
    let tone = if why == FailWhy::Leaked { Tone::Bad } else { Tone::Warn };
    (NoticeShown { tone, title: title.to_owned(), words }, say.to_owned())
}

/// Why a call ended, in one sentence.
pub(in crate::screen) fn what_ended(why: EndedWhy, route: RouteKind) -> &'static str {
    match why {
        EndedWhy::CustomerHungUp => "The customer hung up.",
        EndedWhy::AgentHungUp => "You ended the call.",
        EndedWhy::AgentUnreachable if route == RouteKind::OnDemand => {
            "Your phone did not answer when it was rung back."
        }
        EndedWhy::AgentUnreachable => "Your phone did not answer.",
        EndedWhy::NoCommonCodec => "The two phones could not agree on a way to carry sound.",
        EndedWhy::TooLong => "The call was longer than a call may be.",
        EndedWhy::Shutdown => "The service is being restarted.",
        EndedWhy::Crashed => "Something of ours stopped working and the call was closed.",
    }
}

/// How the call ended.
pub(in crate::screen) enum End {
    /// While this process looked on.
    Why(EndedWhy, RouteKind),
    /// With the process that carried it.
    Restart,
}

/// The notice of a call that is over; `money` says what became of the payment.
pub(in crate::screen) fn ended(end: &End, money: &str) -> NoticeShown {
    let (tone, title, what) = match end {
        End::Restart => (
            Tone::Bad,
            "Call cut off",
            "This call was cut off when the service restarted. The line is not secured.",
        ),
        End::Why(EndedWhy::Crashed, route) => {
            (Tone::Bad, "Call closed", what_ended(EndedWhy::Crashed, *route))
        }
        End::Why(why @ (EndedWhy::CustomerHungUp | EndedWhy::AgentHungUp), route) => {
            (Tone::Info, "Call ended", what_ended(*why, *route))
        }
        End::Why(why, route) => (Tone::Warn, "Call ended", what_ended(*why, *route)),
    };
    let words = if money.is_empty() { what.to_owned() } else { format!("{what} {money}") };
    NoticeShown { tone, title: title.to_owned(), words }
}
