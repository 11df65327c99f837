//! Sending: everything about a gateway that is dangerous, in one place.
//!
//! A sale is sent once. The same body with the same key goes out again only where the gateway
//! declares that it charges a key once, only until the first complete answer, and only within the
//! horizon. A refused connection means that nothing was sent. Whatever else is not a complete answer
//! is [`Outcome::Unknown`], and the caller resolves it by [`GatewayClient::resolve`], without a card.

use crate::gateways::{
    Agreement, Ask, Gateway, Head, Order, Raw, Reading, Recovery, Refuse, Request, Resolution, Undo, words,
};
use crate::replay::{Bounds, Heard, Next, Replay};
pub use crate::transport::NotBuilt;
use crate::transport::{Sent, Transport};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;
use tonewall_model::card::{Card, Kept};
use tonewall_model::money::Money;
use tonewall_model::payment::{DeclineClass, Outcome, UnknownWhy};
use tonewall_model::tenant::GatewayAccount;
use tonewall_secret::{Secret, wipe};

/// How long a sealed body may be kept for replays.
/// Longer holds card data past the customer's patience; shorter leaves more attempts to the resolver.
pub const AUTHORISATION_HORIZON: Duration = Duration::from_secs(90);

/// How long queries, voids and refunds go on.
/// Longer holds up the resolver's queue; shorter only means that it asks again by its own schedule.
pub const QUERY_HORIZON: Duration = Duration::from_secs(30);

/// How long one connection may take, TLS included.
/// Longer keeps the agent waiting for a gateway that is down; shorter fails over slow links.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// First wait before the same request goes out again; it doubles each time.
/// Longer delays the answer to one lost packet; shorter meets the first request still at work (409).
pub const BACK_OFF_FIRST: Duration = Duration::from_millis(250);

/// Longest wait before the same request goes out again.
/// Longer wastes the horizon; shorter hammers a gateway that is coming back.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// Sends of one request, whatever came of them: about half a minute of back-off.
/// More adds load to a sick gateway and no knowledge; fewer leaves more attempts to the resolver.
pub const TRIES_MAX: u32 = 10;

/// Sends of a request that never left us because nothing listens.
/// More keeps the agent waiting for a gateway that is down; fewer fails during a gateway's restart.
pub const CONNECT_TRIES_MAX: u32 = 3;

/// How long to wait for the connection's own handle on a sent body to be given up.
/// Longer delays the outcome; shorter reports a late wipe that a busy machine made late.
pub const WIPE_WAIT: Duration = Duration::from_secs(2);

/// Bounds of all waits and counts; the constants of this module, smaller in tests.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// See [`AUTHORISATION_HORIZON`].
    pub authorisation_horizon: Duration,
    /// See [`QUERY_HORIZON`].
    pub query_horizon: Duration,
    /// See [`CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// See [`BACK_OFF_FIRST`].
    pub back_off_first: Duration,
    /// See [`BACK_OFF_MAX`].
    pub back_off_max: Duration,
    /// See [`TRIES_MAX`].
    pub tries_max: u32,
    /// See [`CONNECT_TRIES_MAX`].
    pub connect_tries_max: u32,
    /// See [`WIPE_WAIT`].
    pub wipe_wait: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            authorisation_horizon: AUTHORISATION_HORIZON,
            query_horizon: QUERY_HORIZON,
            connect_timeout: CONNECT_TIMEOUT,
            back_off_first: BACK_OFF_FIRST,
            back_off_max: BACK_OFF_MAX,
            tries_max: TRIES_MAX,
            connect_tries_max: CONNECT_TRIES_MAX,
            wipe_wait: WIPE_WAIT,
        }
    }
}

/// The one way to every gateway; one for the process.
pub struct GatewayClient {
    transport: Transport,
    pace: Pace,
}

/// How an exchange ended.
enum Ended<T> {
    /// With a complete answer; an earlier send of the same request may have left a doubt.
    Done { told: T, doubt: Option<UnknownWhy> },
    /// Without one.
    Open(Heard),
    /// It was never begun.
    Refused(Refuse),
}

/// What every exchange needs to know.
#[derive(Clone, Copy)]
struct Errand<'a> {
    gateway: &'a dyn Gateway,
    account: &'a GatewayAccount,
    order: &'a Order,
    /// No send begins or lasts beyond this.
    horizon: Duration,
    /// Whether it may be sent again after it may have arrived.
    may_replay: bool,
}

impl GatewayClient {
    /// Needs a rustls provider installed in the process.
    pub fn new(pace: Pace) -> Result<GatewayClient, NotBuilt> {
        Ok(GatewayClient { transport: Transport::new(pace.connect_timeout)?, pace })
    }

    /// Takes a payment from a card. When it returns, the code and the body are wiped, and so is the rest
    /// of the card unless a bank's no leaves it usable: then it comes back with the outcome.
    ///
    /// The attempt has to be in the ledger before this is called.
    pub async fn authorise(
        &self,
        gateway: &dyn Gateway,
        account: &GatewayAccount,
        order: &Order,
        card: Card,
    ) -> (Outcome, Option<Kept>) {
        let (card, code) = card.part();
        let sealed = match gateway.sale(account, order, &card, code) {
            Ok(sealed) => sealed,
            Err(refuse) => return (outcome(Ended::Refused(refuse)), None),
        };
        wipe::scrub_registers();
        let errand = self.sale_errand(gateway, account, order);
        let read = |raw: &Raw| gateway.read_sale(order, raw);
        let ended = self.exchange(errand, sealed.head(), sealed.body(), read).await;
        if !sealed.wiped(self.pace.wipe_wait).await {
            tracing::error!(attempt = %order.attempt, "a sent card body is still held by its connection");
        }
        let outcome = outcome(ended);
        let kept = Some(card).filter(|_| leaves_it_usable(&outcome));
        wipe::scrub_registers();
        (outcome, kept)
    }

    /// Charges a stored card under its agreement.
    pub async fn charge(
        &self,
        gateway: &dyn Gateway,
        account: &GatewayAccount,
        order: &Order,
        token: &Secret<String>,
        agreement: &Agreement,
    ) -> Outcome {
        let errand = self.sale_errand(gateway, account, order);
        let read = |raw: &Raw| gateway.read_sale(order, raw);
        outcome(self.ask(errand, &Ask::Charge { token, agreement }, read).await)
    }

    /// Asks what became of an attempt. `since_sent`: at least how long ago it was last sent.
    ///
    /// "Not found" is believed only once the last send must have been given up by the gateway and its
    /// query lag has passed.
    pub async fn resolve(
        &self,
        gateway: &dyn Gateway,
        account: &GatewayAccount,
        order: &Order,
        since_sent: Duration,
    ) -> Resolution {
        let Recovery::FindByReference { lag } = gateway.profile().recovery else {
            return Resolution::Unclear(UnknownWhy::TimedOut);
        };
        let believed_after = account.timeout.saturating_add(lag);
        let errand = self.query_errand(gateway, account, order, true);
        match self.ask(errand, &Ask::Find, |raw| gateway.read_find(order, raw)).await {
            Ended::Done { told: Resolution::NotFound, .. } if since_sent < believed_after => {
                Resolution::NotYet { ask_again: believed_after - since_sent }
            }
            Ended::Done { told, .. } => told,
            Ended::Open(heard) => Resolution::Unclear(unanswered(heard)),
            Ended::Refused(_) => Resolution::Unclear(UnknownWhy::ConnectionLost),
        }
    }

    /// Undoes a payment before it settles. It may be asked as often as one likes.
    pub async fn void(
        &self,
        gateway: &dyn Gateway,
        account: &GatewayAccount,
        order: &Order,
        gateway_ref: &str,
    ) -> Undo {
        let errand = self.query_errand(gateway, account, order, true);
        self.undo(errand, &Ask::Void { gateway_ref }).await
    }

    /// Gives back all or part of a payment; `reference` is ours, one a refund.
    pub async fn refund(
        &self,
        gateway: &dyn Gateway,
        account: &GatewayAccount,
        order: &Order,
        gateway_ref: &str,
        reference: &str,
        amount: Money,
    ) -> Undo {
        let errand = self.query_errand(gateway, account, order, gateway.profile().may_replay);
        self.undo(errand, &Ask::Refund { gateway_ref, reference, amount }).await
    }

    async fn undo(&self, errand: Errand<'_>, ask: &Ask<'_>) -> Undo {
        match self.ask(errand, ask, |raw| errand.gateway.read_undo(errand.order, ask, raw)).await {
            Ended::Done { told: Undo::Refused { .. } | Undo::NotFound, doubt: Some(why) } => {
                Undo::Unclear(why)
            }
            Ended::Done { told, .. } => told,
            Ended::Open(Heard::Unclear(why)) => Undo::Unclear(why),
            Ended::Open(heard) => {
                let (code, _) = untouched(heard);
                Undo::Refused { code, say: words::NOT_UNDONE_NOW.to_owned() }
            }
            Ended::Refused(refuse) => {
                Undo::Refused { code: refuse.code().to_owned(), say: refuse.say().to_owned() }
            }
        }
    }

    async fn ask<T>(&self, errand: Errand<'_>, ask: &Ask<'_>, read: impl Fn(&Raw) -> Reading<T>) -> Ended<T> {
        match errand.gateway.request(errand.account, errand.order, ask) {
            Ok(Request { head, body }) => self.exchange(errand, &head, Bytes::from(body), read).await,
            Err(refuse) => Ended::Refused(refuse),
        }
    }

    /// Sends until there is a complete answer, or until [`Replay`] says stop.
    async fn exchange<T>(
        &self,
        errand: Errand<'_>,
        head: &Head,
        body: Bytes,
        read: impl Fn(&Raw) -> Reading<T>,
    ) -> Ended<T> {
        let profile = errand.gateway.profile();
        let prepared = match self.transport.prepare(profile.loopback_http, head) {
            Ok(prepared) => prepared,
            Err(refuse) => return Ended::Refused(refuse),
        };
        let began = Instant::now();
        let mut replay = Replay::new(self.bounds(errand.horizon), errand.may_replay);
        loop {
            let left = errand.horizon.saturating_sub(began.elapsed());
            let heard = match prepared.send(body.clone(), errand.account.timeout.min(left)).await {
                Sent::NotReached => Heard::NotReached,
                Sent::Unclear(why) => Heard::Unclear(why),
                Sent::Answer(raw) => match read(&raw) {
                    Reading::Done(told) => return Ended::Done { told, doubt: replay.doubt() },
                    Reading::Unclear(why) => Heard::Unclear(why),
                    Reading::Untouched { code } => Heard::Untouched(code),
                },
            };
            wipe::scrub_registers();
            let (gateway, attempt, tries) = (profile.name, &errand.order.attempt, replay.tries() + 1);
            tracing::warn!(gateway, %attempt, tries, ?heard, "no complete answer from the gateway");
            match replay.after(began.elapsed(), heard) {
                Next::Again(wait) => tokio::time::sleep(wait).await,
                Next::Stop(heard) => return Ended::Open(heard),
            }
        }
    }

    fn bounds(&self, horizon: Duration) -> Bounds {
        let Pace { back_off_first, back_off_max, tries_max, connect_tries_max, .. } = self.pace;
        Bounds { horizon, back_off_first, back_off_max, tries_max, connect_tries_max }
    }

    fn sale_errand<'a>(
        &self,
        gateway: &'a dyn Gateway,
        account: &'a GatewayAccount,
        order: &'a Order,
    ) -> Errand<'a> {
        let (horizon, may_replay) = (self.pace.authorisation_horizon, gateway.profile().may_replay);
        Errand { gateway, account, order, horizon, may_replay }
    }

    fn query_errand<'a>(
        &self,
        gateway: &'a dyn Gateway,
        account: &'a GatewayAccount,
        order: &'a Order,
        may_replay: bool,
    ) -> Errand<'a> {
        Errand { gateway, account, order, horizon: self.pace.query_horizon, may_replay }
    }
}

/// Whether the same card may do once a field is put right, or later.
fn leaves_it_usable(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Declined(no) => matches!(no.class, DeclineClass::FixData | DeclineClass::RetryLater),
        Outcome::Approved(_)
        | Outcome::Rejected { .. }
        | Outcome::Held(_)
        | Outcome::Pending { .. }
        | Outcome::Unknown(_) => false,
    }
}

/// A refusal proves nothing about an earlier send of the same request that may have arrived.
fn outcome(ended: Ended<Outcome>) -> Outcome {
    match ended {
        Ended::Done { told: Outcome::Rejected { .. }, doubt: Some(why) } => Outcome::Unknown(why),
        Ended::Done { told, .. } => told,
        Ended::Open(Heard::Unclear(why)) => Outcome::Unknown(why),
        Ended::Open(heard) => {
            let (code, say) = untouched(heard);
            Outcome::Rejected { code, say }
        }
        Ended::Refused(refuse) => {
            Outcome::Rejected { code: refuse.code().to_owned(), say: refuse.say().to_owned() }
        }
    }
}

/// Code and words where nothing happened at the gateway.
fn untouched(heard: Heard) -> (String, String) {
    match heard {
        Heard::Untouched(code) => (code, words::BUSY.to_owned()),
        Heard::NotReached | Heard::Unclear(_) => {
            ("gateway_not_reached".to_owned(), words::NOT_REACHED.to_owned())
        }
    }
}

/// Why a question about an attempt has no answer.
fn unanswered(heard: Heard) -> UnknownWhy {
    match heard {
        Heard::Unclear(why) => why,
        Heard::NotReached => UnknownWhy::ConnectionLost,
        Heard::Untouched(_) => UnknownWhy::TimedOut,
    }
}
