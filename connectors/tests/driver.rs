//! How often a card body is sent, with which key, and what is told afterwards, over real sockets.

mod world;

use std::time::{Duration, Instant};
use tonewall_connectors::driver::GatewayClient;
use tonewall_connectors::gateways::{
    Agreement, Ask, Gateway, Order, Profile, Raw, Reading, Reason, Recovery, ReferenceRule, Refuse, Request,
    Resolution, Sandbox, Undo,
};
use tonewall_connectors::sealed::Sealed;
use tonewall_model::card::Kept;
use tonewall_model::money::{Currency, Money};
use tonewall_model::payment::{Outcome, UnknownWhy};
use tonewall_model::tenant::GatewayAccount;
use tonewall_secret::{Cvc, Secret};
use world::{
    Act, PATIENT, ScriptedGateway, Seen, account, card_of, client, declined, order, payment, refusal,
};

const NUMBER: &str = "4242424242424242";

fn approved() -> Act {
    Act::Answer(200, payment("approved", false))
}

/// Long enough for an answer over loopback on a busy machine, short enough to be waited for.
const SHORT: Duration = Duration::from_millis(400);

/// Every way in which a gateway leaves us in doubt, and what is then known.
fn doubts() -> Vec<(Act, Duration, UnknownWhy)> {
    let huge = payment("approved", false) + &" ".repeat(300_000);
    vec![
        (Act::Close, PATIENT, UnknownWhy::ConnectionLost),
        (Act::Reset, PATIENT, UnknownWhy::ConnectionLost),
        (Act::Bytes(b"SSH-2.0-gateway\r\n".to_vec()), PATIENT, UnknownWhy::ConnectionLost),
        (Act::Cut(payment("approved", false)), PATIENT, UnknownWhy::Unreadable),
        (Act::Cut(String::new()), PATIENT, UnknownWhy::Unreadable),
        (Act::Answer(200, "<html>".into()), PATIENT, UnknownWhy::Unreadable),
        (Act::Answer(200, huge), PATIENT, UnknownWhy::Unreadable),
        (Act::Answer(204, String::new()), PATIENT, UnknownWhy::Unreadable),
        (Act::Redirect("/v1/elsewhere".into()), PATIENT, UnknownWhy::Unreadable),
        (Act::Answer(500, refusal("internal")), PATIENT, UnknownWhy::ServerError),
        (Act::Answer(503, refusal("capacity")), PATIENT, UnknownWhy::ServerError),
        (Act::Answer(409, refusal("in_progress")), PATIENT, UnknownWhy::TimedOut),
        (Act::Stall, SHORT, UnknownWhy::TimedOut),
        (Act::StallMidway, SHORT, UnknownWhy::TimedOut),
    ]
}

async fn authorise(client: &GatewayClient, gateway: &dyn Gateway, url: String, timeout: Duration) -> Outcome {
    client.authorise(gateway, &account(url, timeout), &order(), card_of(NUMBER.chars())).await.0
}

/// Every send was the same body under the same key, and was the sale.
fn assert_same_sale(seen: &[Seen]) {
    for request in seen {
        assert!(request.head.starts_with("post /v1/payments http/1.1\r\n"), "{}", request.head);
        assert_eq!(request.header("idempotency-key"), Some(order().attempt.as_str()));
        assert_eq!(request.header("authorization"), Some("bearer sk_demo"));
        assert_eq!(request.header("connection"), Some("close"));
        assert_eq!(request.body, seen[0].body);
        let body = String::from_utf8_lossy(&request.body);
        assert!(body.contains(&format!("\"number\":\"{NUMBER}\"")) && body.contains("\"cvc\":\"123\""));
    }
}

#[tokio::test]
async fn a_complete_answer_ends_it_with_one_send() {
    for (act, expected) in [
        (approved(), "Approved"),
        (Act::Answer(200, payment("declined", false)), "Declined"),
        (Act::Answer(200, payment("held", false)), "Held"),
        (Act::Answer(200, payment("pending", false)), "Pending"),
        (Act::Answer(422, refusal("invalid_number")), "Rejected"),
        (Act::Answer(401, refusal("unauthorised")), "Rejected"),
        (Act::Answer(200, payment("approved", true)), "Unknown(EchoMismatch)"),
        (Act::Answer(200, payment("approved", false).replace("1250", "1251")), "Unknown(EchoMismatch)"),
        (Act::Answer(409, refusal("duplicate_reference")), "Unknown(EchoMismatch)"),
    ] {
        let gateway = ScriptedGateway::start([act]).await;
        let outcome = authorise(&client(|_| {}), &Sandbox, gateway.url(), PATIENT).await;
        assert!(format!("{outcome:?}").starts_with(expected), "{outcome:?}, not {expected}");
        assert_eq!(gateway.seen().len(), 1, "{expected}");
        assert_same_sale(&gateway.seen());
    }
}

#[tokio::test]
async fn only_a_no_that_leaves_the_card_usable_gives_it_back() {
    let no = |code, class| Act::Answer(200, declined(code, class));
    for (act, expected) in [
        (no("incorrect_cvc", "fix_data"), Some("4242 03/31")),
        (no("expired_card", "fix_data"), Some("4242 03/31")),
        (no("processing_error", "retry_later"), Some("4242 03/31")),
        (no("generic_decline", "try_other_card"), None),
        (no("stolen_card", "never_retry"), None),
        (no("call_issuer", "call_issuer"), None),
        (no("authentication_required", "needs_sca"), None),
        (no("x", "a new class"), None),
        (approved(), None),
        (Act::Answer(200, payment("held", false)), None),
        (Act::Answer(200, payment("pending", false)), None),
        (Act::Answer(422, refusal("invalid_cvc")), None),
        (Act::Answer(200, declined("incorrect_cvc", "fix_data").replace("1250", "1251")), None),
        (Act::Answer(429, refusal("rate_limited")), None),
        (Act::Close, None),
        (Act::ResetAndGo, None),
    ] {
        let shown = format!("{act:.200?}");
        let gateway = ScriptedGateway::start([act]).await;
        let (client, account) = (client(|_| {}), account(gateway.url(), PATIENT));
        let card = card_of(NUMBER.chars());
        let (outcome, kept) = client.authorise(&Sandbox, &account, &order(), card).await;
        let kept = kept.map(|kept| format!("{} {}", kept.pan.masked().last4, kept.expiry));
        assert_eq!(kept.as_deref(), expected, "{shown}: {outcome:?}");
    }
}

#[tokio::test]
async fn doubt_is_cleared_by_the_same_body_under_the_same_key() {
    for (act, timeout, why) in doubts() {
        let shown = format!("{act:.60?}");
        let gateway = ScriptedGateway::start([act, approved()]).await;
        let outcome = authorise(&client(|_| {}), &Sandbox, gateway.url(), timeout).await;
        assert!(matches!(outcome, Outcome::Approved(_)), "{shown} {why:?}: {outcome:?}");
        assert_eq!(gateway.seen().len(), 2, "{shown}");
        assert_same_sale(&gateway.seen());
    }
}

#[tokio::test]
async fn doubt_stays_where_the_gateway_charges_a_key_twice() {
    for (act, timeout, why) in doubts() {
        let shown = format!("{act:.60?}");
        let gateway = ScriptedGateway::start([act, approved()]).await;
        let outcome = authorise(&client(|_| {}), &WITHOUT_KEYS, gateway.url(), timeout).await;
        assert_eq!(outcome, Outcome::Unknown(why), "{shown}");
        assert_eq!(gateway.seen().len(), 1, "{shown}: sent once");
    }
}

#[tokio::test]
async fn sends_are_counted() {
    let gateway = ScriptedGateway::start([Act::Reset]).await;
    let outcome = authorise(&client(|_| {}), &Sandbox, gateway.url(), PATIENT).await;
    assert_eq!(outcome, Outcome::Unknown(UnknownWhy::ConnectionLost));
    assert_eq!(gateway.seen().len(), 4);
    assert_same_sale(&gateway.seen());
}

#[tokio::test]
async fn the_horizon_ends_it_in_the_middle_of_a_send() {
    let gateway = ScriptedGateway::start([Act::Stall]).await;
    let began = Instant::now();
    let client = client(|pace| pace.authorisation_horizon = SHORT);
    let outcome = authorise(&client, &Sandbox, gateway.url(), PATIENT).await;
    assert_eq!(outcome, Outcome::Unknown(UnknownWhy::TimedOut));
    assert!(began.elapsed() >= SHORT && began.elapsed() < PATIENT / 2, "{:?}", began.elapsed());
    assert_eq!(gateway.seen().len(), 1);
}

#[tokio::test]
async fn a_closed_port_means_that_nothing_was_sent() {
    let gateway = ScriptedGateway::start([Act::ResetAndGo]).await;
    let url = gateway.url();
    let first = authorise(&client(|pace| pace.tries_max = 1), &Sandbox, url.clone(), PATIENT).await;
    assert_eq!(first, Outcome::Unknown(UnknownWhy::ConnectionLost), "this one closes the port");
    for gateway in [&Sandbox as &dyn Gateway, &WITHOUT_KEYS] {
        let outcome = authorise(&client(|_| {}), gateway, url.clone(), PATIENT).await;
        let Outcome::Rejected { code, say } = outcome else { panic!("{outcome:?}") };
        assert_eq!(code, "gateway_not_reached");
        assert!(say.contains("Nothing was charged"));
    }
}

#[tokio::test]
async fn a_doubt_outlives_a_port_that_closes() {
    let gateway = ScriptedGateway::start([Act::ResetAndGo]).await;
    let outcome = authorise(&client(|_| {}), &Sandbox, gateway.url(), PATIENT).await;
    assert_eq!(outcome, Outcome::Unknown(UnknownWhy::ConnectionLost), "the first send may have arrived");
    assert_eq!(gateway.seen().len(), 1);
}

#[tokio::test]
async fn a_doubt_outlives_a_refusal() {
    for (status, code) in [(401, "unauthorised"), (422, "invalid_number"), (429, "rate_limited")] {
        let refused = Act::Answer(status, refusal(code));
        let gateway = ScriptedGateway::start([Act::Close, refused]).await;
        let outcome = authorise(&client(|_| {}), &Sandbox, gateway.url(), PATIENT).await;
        assert_eq!(outcome, Outcome::Unknown(UnknownWhy::ConnectionLost), "{code}");
    }
}

#[tokio::test]
async fn a_busy_gateway_has_done_nothing_and_is_asked_again() {
    let busy = Act::Answer(429, refusal("rate_limited"));
    for connector in [&Sandbox as &dyn Gateway, &WITHOUT_KEYS] {
        let gateway = ScriptedGateway::start([busy.clone(), busy.clone(), approved()]).await;
        let outcome = authorise(&client(|_| {}), connector, gateway.url(), PATIENT).await;
        assert!(matches!(outcome, Outcome::Approved(_)), "{outcome:?}");
        assert_eq!(gateway.seen().len(), 3);
        assert_same_sale(&gateway.seen());
    }
    let gateway = ScriptedGateway::start([busy]).await;
    let outcome = authorise(&client(|_| {}), &Sandbox, gateway.url(), PATIENT).await;
    assert!(matches!(&outcome, Outcome::Rejected { code, .. } if code == "rate_limited"), "{outcome:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = ScriptedGateway::start([approved()]).await;
    let gateway = ScriptedGateway::start([Act::Redirect(elsewhere.url())]).await;
    let outcome = authorise(&client(|_| {}), &Sandbox, gateway.url(), PATIENT).await;
    assert_eq!(outcome, Outcome::Unknown(UnknownWhy::Unreadable));
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn no_card_leaves_before_the_other_side_has_proved_itself() {
    let gateway = ScriptedGateway::start([Act::Close]).await;
    let url = format!("https://{}", gateway.address);
    let outcome = authorise(&client(|_| {}), &Sandbox, url, PATIENT).await;
    assert!(
        matches!(&outcome, Outcome::Rejected { code, .. } if code == "gateway_not_reached"),
        "{outcome:?}"
    );
    let hellos = gateway.seen();
    assert_eq!(hellos.len(), 3, "one TLS hello a try");
    for hello in hellos {
        assert_eq!(hello.body.first(), Some(&0x16), "a TLS handshake record (RFC 8446 §5.1)");
        assert!(!hello.body.windows(NUMBER.len()).any(|part| part == NUMBER.as_bytes()));
    }
}

#[tokio::test]
async fn a_card_is_not_sent_in_clear_off_this_machine() {
    let outcome = authorise(&client(|_| {}), &Sandbox, "http://192.0.2.1:8080".into(), PATIENT).await;
    assert!(matches!(&outcome, Outcome::Rejected { code, .. } if code == "refused_url"), "{outcome:?}");
}

async fn resolve(acts: impl IntoIterator<Item = Act>, since_sent: Duration) -> Resolution {
    let gateway = ScriptedGateway::start(acts).await;
    let account = account(gateway.url(), PATIENT);
    let resolution = client(|_| {}).resolve(&Sandbox, &account, &order(), since_sent).await;
    for request in gateway.seen() {
        let line = format!("get /v1/payments?reference={} http/1.1\r\n", order().attempt);
        assert!(request.head.starts_with(&line), "{}", request.head);
        assert!(request.body.is_empty());
    }
    resolution
}

#[tokio::test]
async fn an_attempt_is_resolved_by_our_reference() {
    let found = |payment: String| Act::Answer(200, format!(r#"{{"payments":[{payment}]}}"#));
    let missing = || Act::Answer(404, refusal("not_found"));
    let (early, late) = (Duration::from_secs(1), Duration::from_secs(3600));

    let resolution = resolve([Act::Reset, found(payment("approved", false))], early).await;
    assert!(matches!(resolution, Resolution::Found(Outcome::Approved(_))), "{resolution:?}");
    let resolution = resolve([found(payment("declined", false))], early).await;
    assert!(matches!(resolution, Resolution::Found(Outcome::Declined(_))), "{resolution:?}");
    assert_eq!(resolve([found(payment("approved", true))], early).await, Resolution::Voided);
    assert_eq!(resolve([missing()], late).await, Resolution::NotFound);
    let lag = Duration::from_secs(5);
    let not_yet = Resolution::NotYet { ask_again: PATIENT + lag - early };
    assert_eq!(resolve([missing()], early).await, not_yet);
    let unclear = Resolution::Unclear(UnknownWhy::ServerError);
    assert_eq!(resolve([Act::Answer(500, String::new())], late).await, unclear);
    let unclear = Resolution::Unclear(UnknownWhy::ConnectionLost);
    assert_eq!(resolve([Act::ResetAndGo], late).await, unclear);
    let unclear = Resolution::Unclear(UnknownWhy::TimedOut);
    assert_eq!(resolve([Act::Answer(429, refusal("rate_limited"))], late).await, unclear);
}

#[tokio::test]
async fn a_gateway_that_cannot_be_asked_is_not_asked() {
    let gateway = ScriptedGateway::start([approved()]).await;
    let account = account(gateway.url(), PATIENT);
    let resolution = client(|_| {}).resolve(&WITHOUT_QUERY, &account, &order(), PATIENT).await;
    assert_eq!(resolution, Resolution::Unclear(UnknownWhy::TimedOut));
    assert!(gateway.seen().is_empty());
}

#[tokio::test]
async fn a_void_is_asked_until_it_is_answered() {
    let voided = Act::Answer(200, payment("approved", true));
    let gateway = ScriptedGateway::start([Act::Reset, Act::Answer(500, String::new()), voided]).await;
    let account = account(gateway.url(), PATIENT);
    let undo = client(|_| {}).void(&WITHOUT_KEYS, &account, &order(), "pay_k3vq8m2x").await;
    assert_eq!(undo, Undo::Done { gateway_ref: "pay_k3vq8m2x".into() });
    let seen = gateway.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[0].head.starts_with("post /v1/payments/pay_k3vq8m2x/void "), "{}", seen[0].head);
}

#[tokio::test]
async fn a_refund_is_sent_again_only_under_a_key() {
    let refunded = r#"{"id":"ref_p4","payment_id":"pay_k3vq8m2x","reference":"rf_1","amount_minor":500,
        "currency":"GBP","status":"refunded","refunded_minor":500,"remaining_minor":750}"#;
    let amount = Money { minor: 500, currency: Currency::GBP };
    let refund = async |connector: &dyn Gateway, script: Vec<Act>| {
        let gateway = ScriptedGateway::start(script).await;
        let account = account(gateway.url(), PATIENT);
        let undo = client(|_| {}).refund(connector, &account, &order(), "pay_k3vq8m2x", "rf_1", amount).await;
        assert!(gateway.seen().iter().all(|request| request.header("idempotency-key") == Some("rf_1")));
        (undo, gateway.seen().len())
    };
    let script = || vec![Act::Reset, Act::Answer(200, refunded.into())];
    assert_eq!(refund(&Sandbox, script()).await, (Undo::Done { gateway_ref: "ref_p4".into() }, 2));
    assert_eq!(refund(&WITHOUT_KEYS, script()).await, (Undo::Unclear(UnknownWhy::ConnectionLost), 1));
    let refused = || Act::Answer(422, refusal("over_refund"));
    let (undo, _) = refund(&Sandbox, vec![refused()]).await;
    assert!(matches!(undo, Undo::Refused { .. }), "{undo:?}");
    let (undo, _) = refund(&Sandbox, vec![Act::Reset, refused()]).await;
    assert_eq!(undo, Undo::Unclear(UnknownWhy::ConnectionLost), "the first may have been done");
}

#[tokio::test]
async fn a_stored_card_is_charged_under_its_agreement() {
    let gateway = ScriptedGateway::start([Act::Close, approved()]).await;
    let account = account(gateway.url(), PATIENT);
    let token = Secret::new("tok_k3".to_owned());
    let agreement = Agreement { reason: Reason::Recurring, network_transaction_id: "NTIk3".into() };
    let outcome = client(|_| {}).charge(&Sandbox, &account, &order(), &token, &agreement).await;
    assert!(matches!(outcome, Outcome::Approved(_)), "{outcome:?}");
    let seen = gateway.seen();
    assert_eq!((seen.len(), &seen[0].body), (2, &seen[1].body));
    assert_eq!(seen[1].header("idempotency-key"), Some(order().attempt.as_str()));
    assert!(String::from_utf8_lossy(&seen[0].body).contains("\"token\":\"tok_k3\""));
}

/// What a payment task is: a future that may move between threads.
#[test]
fn the_client_s_futures_may_be_spawned() {
    fn spawnable<F: Future + Send>(_: F) {}
    let (client, account, order) =
        (client(|_| {}), account("https://gateway.example".into(), SHORT), order());
    spawnable(client.authorise(&Sandbox, &account, &order, card_of(NUMBER.chars())));
    spawnable(client.resolve(&Sandbox, &account, &order, SHORT));
    spawnable(client.void(&Sandbox, &account, &order, "pay_a"));
}

/// The sandbox's wire format with another profile.
struct Variant(Profile);

const CAREFUL: Profile = Profile {
    name: "variant",
    recovery: Recovery::FindByReference { lag: Duration::ZERO },
    may_replay: false,
    reference: ReferenceRule { len_max: 40, punctuation: "_", digits_max: 12 },
    loopback_http: true,
};

static WITHOUT_KEYS: Variant = Variant(CAREFUL);
static WITHOUT_QUERY: Variant = Variant(Profile { recovery: Recovery::WebhookOnly, ..CAREFUL });

impl Gateway for Variant {
    fn profile(&self) -> &Profile {
        &self.0
    }

    fn sale(
        &self,
        account: &GatewayAccount,
        order: &Order,
        card: &Kept,
        code: Cvc,
    ) -> Result<Sealed, Refuse> {
        Sandbox.sale(account, order, card, code)
    }

    fn request(&self, account: &GatewayAccount, order: &Order, ask: &Ask<'_>) -> Result<Request, Refuse> {
        Sandbox.request(account, order, ask)
    }

    fn read_sale(&self, order: &Order, raw: &Raw) -> Reading<Outcome> {
        Sandbox.read_sale(order, raw)
    }

    fn read_find(&self, order: &Order, raw: &Raw) -> Reading<Resolution> {
        Sandbox.read_find(order, raw)
    }

    fn read_undo(&self, order: &Order, ask: &Ask<'_>, raw: &Raw) -> Reading<Undo> {
        Sandbox.read_undo(order, ask, raw)
    }
}
