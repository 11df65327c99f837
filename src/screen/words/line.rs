//! The line in words, icon and colour: always visible, never colour alone.

use crate::screen::shown::{LineShown, Tone};
use tonewall_model::route::RouteKind;
use tonewall_model::screen::Line;

/// What has to be said of a line whose customer side the tenant's own switch carries (DESIGN §8).
const SCOPE_PBX: &str = "PBX carries card tones: in scope";

/// The line for people. `through_pbx`: the customer's side crosses the tenant's own switch.
pub(in crate::screen) fn line(line: Line, route: Option<RouteKind>, through_pbx: bool) -> LineShown {
    let (words, detail, icon, tone) = match line {
        Line::None => ("No call", "No call is on your screen.", "phone", Tone::Quiet),
        Line::Ringing => (
            "Connecting",
            match route {
                Some(RouteKind::OnDemand) => {
                    "Your phone is being rung. The line is secured before you are put through."
                }
                _ => "Your phone is being rung.",
            },
            "phone-ringing",
            Tone::Info,
        ),
        Line::Open => (
            "Line open",
            "Keys can be heard. Secure the line before the customer keys a card.",
            "lock-open",
            Tone::Warn,
        ),
        // What the switch in front of us records is out of our hands: the words must not promise it.
        Line::Secured if through_pbx => (
            "Line secure",
            "Tones are hidden from you and from a recording of your side. Your phone system still carries them.",
            "shield-check",
            Tone::Ok,
        ),
        Line::Secured => {
            ("Line secure", "Tones are hidden from you and from the recording.", "shield-check", Tone::Ok)
        }
        Line::Released => {
            ("Line released", "The line is back to normal: keys can be heard.", "lock-open", Tone::Quiet)
        }
        Line::Ended => ("Call ended", "Nobody is on the line.", "phone-off", Tone::Quiet),
        Line::Faulty => (
            "LINE NOT SECURE",
            "Something of ours stopped working and the call was closed. Don't take a card on it.",
            "shield-alert",
            Tone::Bad,
        ),
    };
    let scope = (through_pbx && line == Line::Secured).then(|| SCOPE_PBX.to_owned());
    LineShown { state: line.as_str(), words: words.into(), detail: detail.into(), icon, tone, scope }
}
