//! The line in words, icon and colour: always visible, never colour alone.

use crate::screen::shown::{LineShown, Tone};
use tonewall_model::dtmf::Unwell;
use tonewall_model::route::RouteKind;
use tonewall_model::screen::Line;

/// What has to be said of a line whose customer side the tenant's own switch carries (DESIGN §8).
const SCOPE_PBX: &str = "PBX carries card tones: in scope";

/// What the words for a line depend on beside what it is.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::screen) struct LineOf {
    /// How the call came.
    pub route: Option<RouteKind>,
    /// The customer's side crosses the tenant's own switch.
    pub through_pbx: bool,
    /// Why the line is not clear.
    pub unwell: Option<Unwell>,
    /// The customer is asked for keys.
    pub keying: bool,
    /// Nothing of the customer passes while they are.
    pub closes: bool,
    /// The card is complete, and can be taken.
    pub complete: bool,
}

/// Words, what they mean, icon, colour role.
type Said = (&'static str, &'static str, &'static str, Tone);

/// The line for people.
pub(in crate::screen) fn line(line: Line, of: LineOf) -> LineShown {
    let (words, detail, icon, tone) = said(line, of);
    let is_secured = matches!(line, Line::Secured | Line::Unclear);
    let scope = (of.through_pbx && is_secured).then(|| SCOPE_PBX.to_owned());
    let unwell = of.unwell.filter(|_| line == Line::Unclear).map(|why| unwell(why).to_owned());
    LineShown {
        state: line.as_str(),
        words: words.into(),
        detail: detail.into(),
        icon,
        tone,
        scope,
        unwell,
        leaked: line == Line::Leaked,
    }
}

fn said(line: Line, of: LineOf) -> Said {
    match line {
        Line::None => ("No call", "No call is on your screen.", "phone", Tone::Quiet),
        Line::Ringing => ("Connecting", ringing(of.route), "phone-ringing", Tone::Info),
        Line::Open => (
            "Line open",
            "Keys can be heard. Secure the line before the customer keys a card.",
            "lock-open",
            Tone::Warn,
        ),
        Line::Secured => ("Line secure", secured(of), "shield-check", Tone::Ok),
        Line::Unclear if of.keying => (
            "Line not clear",
            "Nothing of the customer is passed to you. Wait until this clears; the field will be asked for again.",
            "shield-off",
            Tone::Warn,
        ),
        Line::Unclear => (
            "Line not clear",
            "Nothing of the customer is passed to you. Wait until this clears.",
            "shield-off",
            Tone::Warn,
        ),
        Line::Leaked if of.complete => (
            "A tone may have been heard",
            "Nothing more can be keyed on this call. The card that is complete can still be taken. Tell your team lead.",
            "shield-alert",
            Tone::Bad,
        ),
        Line::Leaked => (
            "A tone may have been heard",
            "Do not go on. Nothing more can be keyed on this call: offer another way to pay, and tell your team lead.",
            "shield-alert",
            Tone::Bad,
        ),
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
    }
}

fn ringing(route: Option<RouteKind>) -> &'static str {
    match route {
        Some(RouteKind::OnDemand) => {
            "Your phone is being rung. The line is secured before you are put through."
        }
        _ => "Your phone is being rung.",
    }
}

/// What the switch in front of us records is out of our hands: the words must not promise it.
fn secured(of: LineOf) -> &'static str {
    match (of.keying && of.closes, of.through_pbx) {
        (true, false) => "You cannot hear the customer while they key. They can hear you.",
        (true, true) => {
            "You cannot hear the customer while they key. They can hear you. Your phone system still carries the tones."
        }
        (false, true) => {
            "Tones are hidden from you and from a recording of your side. Your phone system still carries them."
        }
        (false, false) => "Tones are hidden from you and from the recording.",
    }
}

/// Why a line is not clear.
pub(in crate::screen) fn unwell(why: Unwell) -> &'static str {
    match why {
        Unwell::Detector => "The tone detector had to start again.",
        Unwell::Storm => "Far more sound arrives than one call has.",
        Unwell::Clock => "The sound has jumped in time.",
        Unwell::Coding => "A phone changed how it sends sound in the middle of a field.",
        Unwell::Source => "The sound comes from another source than before.",
    }
}
