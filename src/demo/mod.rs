//! The demo's own world: simulated customers who are called from the page, and the mailbox that receipts arrive in.
//!
//! | file | holds |
//! |---|---|
//! | here | [`Controls`]: what the page may ask of it |
//! | `cast` | behaviours and cards to choose from |
//! | `director` | [`Director`]: has the simulated customers call |
//! | `world` | [`World`]: gateway, CRM, mailbox, phones, and the product among them |
//! | `once` | one call from ring to receipt, and what was measured |

mod cast;
mod director;
pub mod once;
mod world;

pub use director::Director;
pub use world::{Plan, World, config};

use std::fmt;
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tonewall_loadtest::customer::{Behaviour, TestCard};
use tonewall_loadtest::mailbox::{Mailbox, Message};
use tonewall_model::ids::{AgentId, TenantId};

/// Calls that wait to be placed; more than a person presses in the time that one takes.
const WAITING_MAX: usize = 8;

/// Something to choose on the page. Never holds a card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For the form.
    pub value: &'static str,
    /// For people.
    pub label: &'static str,
}

/// A simulated customer who shall call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceCall {
    /// Whom the call is for.
    pub tenant: TenantId,
    /// Who takes it: rung back on Route 2, the extension of a number on Route 1.
    pub agent: AgentId,
    /// A [`Choice::value`] of [`Controls::behaviours`]; empty for the first.
    pub behaviour: String,
    /// A [`Choice::value`] of [`Controls::cards`]; empty for the first.
    pub card: String,
    /// The customer's number, E.164; `None` for the next customer.
    pub caller: Option<String>,
}

/// Why no call was placed; `Display` gives words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPlaced {
    /// The behaviour is not one of the list.
    NoSuchBehaviour,
    /// The card is not one of the list.
    NoSuchCard,
    /// The caller is no E.164 number.
    BadCaller,
    /// Too many calls wait already.
    TooMany,
    /// The demo is ending.
    Closing,
}

impl fmt::Display for NotPlaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotPlaced::NoSuchBehaviour => "Choose one of the behaviours in the list.",
            NotPlaced::NoSuchCard => "Choose one of the cards in the list.",
            NotPlaced::BadCaller => "Give the number with its country code, for example +447700900123.",
            NotPlaced::TooMany => "Several calls are being placed already. Try again in a moment.",
            NotPlaced::Closing => "The demo is ending: no more calls.",
        })
    }
}

impl std::error::Error for NotPlaced {}

/// A call as the director of the demo gets it.
pub(crate) struct Wanted {
    pub tenant: TenantId,
    pub agent: AgentId,
    pub behaviour: Behaviour,
    pub cards: Vec<TestCard>,
    pub caller: Option<String>,
}

/// One line of the mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSummary {
    /// For [`Controls::mail_one`].
    pub id: String,
    /// The From field.
    pub from: String,
    /// Recipients, with commas.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// When it arrived.
    pub at: OffsetDateTime,
    /// Size.
    pub bytes: usize,
}

impl MailSummary {
    fn of(message: &Message) -> MailSummary {
        MailSummary {
            id: message.id.clone(),
            from: message.header("from").unwrap_or(&message.from).to_owned(),
            to: message.to.join(", "),
            subject: message.subject().to_owned(),
            at: OffsetDateTime::from(message.arrived),
            bytes: message.raw.len(),
        }
    }
}

/// One mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// As in the list.
    pub summary: MailSummary,
    /// All header fields in order.
    pub headers: Vec<(String, String)>,
    /// The plain-text part.
    pub text: Option<String>,
    /// The HTML part, pictures in it as `data:` URLs. Foreign: show it in a sandbox only.
    pub html: Option<String>,
}

/// What the page may ask of the demo.
#[derive(Clone)]
pub struct Controls {
    calls: mpsc::Sender<Wanted>,
    mailbox: Arc<Mailbox>,
}

impl Controls {
    /// Controls, and where the wanted calls come out.
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> (Controls, mpsc::Receiver<Wanted>) {
        let (calls, wanted) = mpsc::channel(WAITING_MAX);
        (Controls { calls, mailbox }, wanted)
    }

    /// What a customer can do; the first is the default.
    pub fn behaviours(&self) -> &'static [Choice] {
        cast::BEHAVIOURS
    }

    /// What a customer can pay with; the first is the default.
    pub fn cards(&self) -> &'static [Choice] {
        &cast::CHOICES
    }

    /// Has a customer call. Returns at once: the call rings a moment later.
    ///
    /// # Errors
    /// [`NotPlaced`], in words for people.
    pub fn place(&self, wanted: PlaceCall) -> Result<(), NotPlaced> {
        let behaviour = cast::behaviour_of(&wanted.behaviour).ok_or(NotPlaced::NoSuchBehaviour)?;
        let cards = cast::cards_of(&wanted.card).ok_or(NotPlaced::NoSuchCard)?;
        let caller = wanted.caller.filter(|number| !number.trim().is_empty());
        if caller.as_deref().is_some_and(|number| !is_e164(number)) {
            return Err(NotPlaced::BadCaller);
        }
        let wanted = Wanted { tenant: wanted.tenant, agent: wanted.agent, behaviour, cards, caller };
        self.calls.try_send(wanted).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => NotPlaced::TooMany,
            mpsc::error::TrySendError::Closed(_) => NotPlaced::Closing,
        })
    }

    /// What has arrived, newest first; at most 200.
    pub fn mail(&self) -> Vec<MailSummary> {
        self.mailbox.messages().iter().rev().map(|message| MailSummary::of(message)).collect()
    }

    /// One of them.
    pub fn mail_one(&self, id: &str) -> Option<Mail> {
        let message = self.mailbox.message(id)?;
        Some(Mail {
            summary: MailSummary::of(&message),
            headers: message.headers.clone(),
            text: message.text.clone(),
            html: message.html_whole(),
        })
    }
}

/// `+` and 7 to 15 digits (ITU-T E.164 §6).
fn is_e164(number: &str) -> bool {
    number
        .strip_prefix('+')
        .is_some_and(|digits| (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(behaviour: &str, card: &str, caller: Option<&str>) -> PlaceCall {
        PlaceCall {
            tenant: TenantId::parse("harbour").expect("a slug"),
            agent: AgentId("ada".to_owned()),
            behaviour: behaviour.to_owned(),
            card: card.to_owned(),
            caller: caller.map(str::to_owned),
        }
    }

    fn controls() -> (Controls, mpsc::Receiver<Wanted>) {
        Controls::new(Arc::new(Mailbox::start().expect("a mailbox")))
    }

    #[test]
    fn a_wish_becomes_a_call() {
        let (controls, mut wanted) = controls();
        let first = (controls.behaviours()[0].value, controls.cards()[0].value);
        controls.place(wish("", "", Some(" "))).expect("the defaults");
        let by_default = wanted.try_recv().expect("a call");
        assert_eq!((by_default.behaviour, by_default.caller), (Behaviour::Normal, None));
        controls.place(wish(first.0, first.1, Some("+447700900123"))).expect("the same, named");
        let named = wanted.try_recv().expect("a call");
        assert_eq!((named.behaviour, named.caller.as_deref()), (Behaviour::Normal, Some("+447700900123")));
        assert_eq!(named.cards, by_default.cards);
    }

    #[test]
    fn a_wrong_wish_has_its_reason() {
        let (controls, wanted) = controls();
        let refused = |wanted| controls.place(wanted).expect_err("refused");
        assert_eq!(refused(wish("dances", "", None)), NotPlaced::NoSuchBehaviour);
        assert_eq!(refused(wish("", "4111111111111111", None)), NotPlaced::NoSuchCard);
        for number in ["07700900123", "+44", "+4477009001234567", "+44770090012x", "sip:a@b"] {
            assert_eq!(refused(wish("", "", Some(number))), NotPlaced::BadCaller, "{number}");
        }
        for _ in 0..WAITING_MAX {
            controls.place(wish("", "", None)).expect("there is room");
        }
        assert_eq!(refused(wish("", "", None)), NotPlaced::TooMany);
        drop(wanted);
        assert_eq!(refused(wish("", "", None)), NotPlaced::Closing);
    }

    #[test]
    fn an_empty_mailbox_is_empty() {
        let (controls, _wanted) = controls();
        assert_eq!((controls.mail(), controls.mail_one("ml_1")), (Vec::new(), None));
    }
}
