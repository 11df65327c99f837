//! What an agent's screen shows, as data: the first paint and every frame of the live stream are the
//! same structure, so that they cannot disagree.
//!
//! Every value is text for people or a word of a small set. Of a card there are counts, brand, last
//! four and expiry, and nothing else (PCI DSS 3.4.1).

use serde::Serialize;

/// The colour role of a message; never the only sign of its meaning (WCAG 1.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Good.
    Ok,
    /// Needs care.
    Warn,
    /// Bad.
    Bad,
    /// For information.
    Info,
    /// Nothing to see.
    #[default]
    Quiet,
}

/// The whole screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Screen {
    /// Grows with every screen of one stream; a smaller one than shown is old.
    pub seq: u64,
    /// Whose agent this is.
    pub tenant: TenantShown,
    /// Who is signed in.
    pub agent: AgentShown,
    /// How to bring a call here; holds no PIN.
    pub dial: String,
    /// The call on screen.
    pub call: Option<CallShown>,
    /// Other live or unfinished calls of this agent, and calls that nobody has.
    pub others: Vec<OtherShown>,
    /// A word of `model::screen::Stage`.
    pub stage: &'static str,
    /// The line.
    pub line: LineShown,
    /// What is collected.
    pub order: OrderShown,
    /// The same was taken a moment ago: take it again?
    pub duplicate: Option<DuplicateShown>,
    /// The customer's unpaid invoices.
    pub invoices: InvoicesShown,
    /// House number and postcode.
    pub address: AddressShown,
    /// The fields of the capture, in order.
    pub fields: Vec<FieldShown>,
    /// The mode for telephones that double their tones.
    pub slow_keys: SlowKeysShown,
    /// Seconds until the whole capture ends.
    pub left_s: Option<u64>,
    /// Whether the end is so near that the countdown is shown.
    pub ending: bool,
    /// What the agent may say now.
    pub say: String,
    /// A reminder beside it, or empty.
    pub remind: String,
    /// What happened that the agent should know.
    pub notice: Option<NoticeShown>,
    /// What became of the payment.
    pub outcome: Option<OutcomeShown>,
    /// What may be done now beside the primary action.
    pub offers: Vec<OfferShown>,
    /// The other means of payment that was agreed.
    pub choice: Option<ChoiceShown>,
    /// The one primary action.
    pub primary: PrimaryShown,
    /// Which other actions are possible.
    pub can: Can,
    /// Receipts.
    pub receipt: ReceiptsShown,
    /// The continuous payment authority.
    pub agreement: AgreementShown,
    /// For screen readers; changes only where something is worth an announcement.
    pub announce: Announce,
}

/// The organisation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TenantShown {
    /// Its name.
    pub name: String,
    /// Its slug.
    pub slug: String,
}

/// The agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgentShown {
    /// Their name.
    pub name: String,
    /// Their id.
    pub id: String,
}

/// A call.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CallShown {
    /// Its id.
    pub id: String,
    /// Who calls.
    pub caller: String,
    /// How it came, in words.
    pub route: String,
    /// When it began: `15:04`.
    pub started: String,
}

/// A call that is not on screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OtherShown {
    /// Its id.
    pub id: String,
    /// Who calls.
    pub caller: String,
    /// Where it stands.
    pub words: String,
}

/// The line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LineShown {
    /// `none`, `ringing`, `open`, `secured`, `unclear`, `leaked`, `released`, `ended` or `faulty`.
    pub state: &'static str,
    /// In two or three words.
    pub words: String,
    /// What that means.
    pub detail: String,
    /// Name of its icon.
    pub icon: &'static str,
    /// Its colour role.
    pub tone: Tone,
    /// What has to be said about PCI scope.
    pub scope: Option<String>,
    /// Why nothing of the customer passes just now.
    pub unwell: Option<String>,
    /// Whether a tone may have been heard: nothing more can be keyed on this call.
    pub leaked: bool,
}

/// What is collected.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OrderShown {
    /// Account or invoice.
    pub account: String,
    /// `£12.50`, or empty.
    pub amount: String,
    /// `12.50`, or empty.
    pub amount_input: String,
    /// ISO 4217.
    pub currency: String,
    /// Whether it stands: a capture was opened for it.
    pub fixed: bool,
}

/// A question before a payment that looks like one that was taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DuplicateShown {
    /// The earlier payment, and the question.
    pub words: String,
}

/// The customer's unpaid invoices.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InvoicesShown {
    /// `off`, `searching`, `found`, `none` or `unavailable`.
    pub state: &'static str,
    /// The same for people.
    pub words: String,
    /// Those found.
    pub items: Vec<InvoiceShown>,
}

/// One invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InvoiceShown {
    /// Its number.
    pub account: String,
    /// The customer's name.
    pub name: String,
    /// `£12.50`.
    pub amount: String,
    /// `12.50`.
    pub amount_input: String,
    /// When it is due: `1 Dec 2026`, or empty.
    pub due: String,
    /// The customer's house number, or empty.
    pub house_number: String,
    /// The customer's postcode, or empty.
    pub postcode: String,
    /// The customer's e-mail address, or empty.
    pub email: String,
}

/// House number and postcode.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AddressShown {
    /// Whether they are asked.
    pub asked: bool,
    /// Whether the agent types them.
    pub typed: bool,
    /// As typed, or as the CRM has it.
    pub house_number: String,
    /// As typed, or as the CRM has it.
    pub postcode: String,
    /// Whether the capture has them.
    pub given: bool,
}

/// One field of the capture.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FieldShown {
    /// `pan`, `expiry`, `cvc`, `house_number`, `postcode` or `address`.
    pub name: &'static str,
    /// For people.
    pub label: String,
    /// A word of `model::screen::FieldState`.
    pub state: &'static str,
    /// The state for people.
    pub words: String,
    /// Dots; last four of a closed number; the expiry; never a digit of the code.
    pub value: String,
    /// The value for a screen reader.
    pub spoken: String,
    /// The brand, or empty.
    pub brand: String,
    /// How many digits there should be.
    pub hint: String,
    /// What the agent should know, or empty.
    pub note: String,
    /// Tries left, where they are few; or empty.
    pub tries: String,
    /// Whether it can be asked for again.
    pub can_reask: bool,
}

/// The mode for telephones that double their tones.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SlowKeysShown {
    /// Whether it can be chosen now.
    pub offered: bool,
    /// Whether it is on.
    pub on: bool,
    /// The same for `aria-pressed`: `true` or `false`.
    pub pressed: &'static str,
    /// What its button sends as `on`: `1`, or empty to go back.
    pub wish: &'static str,
    /// `on` or `off`.
    pub words: &'static str,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NoticeShown {
    /// Its colour role.
    pub tone: Tone,
    /// In a few words.
    pub title: String,
    /// What it means and what to do.
    pub words: String,
}

/// What became of the payment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OutcomeShown {
    /// Its colour role.
    pub tone: Tone,
    /// Name of its icon.
    pub icon: &'static str,
    /// In a few words.
    pub title: String,
    /// Whether money moved.
    pub money: String,
    /// What to say to the customer.
    pub say: String,
    /// The issuer's authorisation code.
    pub auth_code: Option<String>,
    /// Our reference.
    pub reference: Option<String>,
    /// `Visa ending 5262`, or empty.
    pub card: String,
    /// How far the CRM has been told of it, or empty.
    pub crm: String,
    /// Codes and times, for those who ask.
    pub details: Vec<DetailShown>,
}

/// A line of details.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DetailShown {
    /// What.
    pub k: String,
    /// Its value.
    pub v: String,
}

/// Something that may be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OfferShown {
    /// `reask`, `other_card`, `retry` or `means`.
    pub action: &'static str,
    /// The field or the means; or empty.
    pub value: &'static str,
    /// The button.
    pub label: String,
}

/// The other means that was agreed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ChoiceShown {
    /// What, and when.
    pub words: String,
    /// The agent's note, or empty.
    pub note: String,
}

/// The one primary action.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PrimaryShown {
    /// `none`, `secure`, `collect`, `address`, `take`, `receipt`, `wrap_up` or `busy`.
    pub action: &'static str,
    /// The button.
    pub label: String,
    /// Whether it can be pressed.
    pub enabled: bool,
}

/// Which other actions are possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Can {
    /// Secure the line.
    pub secure: bool,
    /// Release the line.
    pub unsecure: bool,
    /// End the capture.
    pub cancel: bool,
    /// Extend the capture.
    pub more_time: bool,
    /// End the call.
    pub hangup: bool,
    /// Leave the call behind.
    pub wrap_up: bool,
}

/// Receipts of the payment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReceiptsShown {
    /// Whether one can be sent.
    pub offered: bool,
    /// The address to begin with.
    pub email: String,
    /// Those that were asked for, newest first.
    pub items: Vec<ReceiptShown>,
    /// What holds them up, or empty.
    pub words: String,
}

/// One receipt.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReceiptShown {
    /// Its id.
    pub id: String,
    /// Where it goes.
    pub to: String,
    /// `queued`, `sent` or `refused`.
    pub state: &'static str,
    /// The state for people.
    pub words: String,
    /// When it was asked for: `15:05`.
    pub at: String,
}

/// The continuous payment authority.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgreementShown {
    /// Whether one can be set up.
    pub offered: bool,
    /// The one that was set up.
    pub made: Option<AgreementMade>,
    /// Days between which the first payment may lie.
    pub limits: AgreementLimits,
}

/// An authority that was set up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgreementMade {
    /// In one sentence.
    pub words: String,
    /// Its dates: `1 Jan 2027`.
    pub dates: Vec<String>,
}

/// Days between which the first payment may lie, both included: `2026-11-22`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgreementLimits {
    /// The earliest.
    pub start_min: String,
    /// The latest.
    pub start_max: String,
}

/// What an authority would be, before the customer agrees to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgreementPreview {
    /// Every date: `1 Jan 2027`.
    pub dates: Vec<String>,
    /// How many payments.
    pub count: usize,
    /// All of them together: `£120.00`.
    pub total: String,
    /// The wording to read out.
    pub consent: String,
    /// What the agreement brings back, so that it is about this wording and these dates.
    pub read: String,
}

/// For screen readers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Announce {
    /// Told when there is a pause.
    pub polite: String,
    /// Told at once.
    pub assertive: String,
}
