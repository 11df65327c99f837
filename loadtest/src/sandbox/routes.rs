//! Every path of the gateway, as one table.

use std::sync::Arc;

use hyper::Method;
use serde_json::json;
use zeroize::Zeroizing;

use super::answer::{Answer, Refusal};
use super::cards::TEST_CARDS;
use super::faults::FaultsPatch;
use super::gateway::{Gateway, Post, PostRequest, read};

/// A request, read whole.
pub(super) struct Request {
    pub method: Method,
    pub path: String,
    pub query: String,
    /// The merchant secret, from `Authorization: Bearer`.
    pub secret: Option<Zeroizing<String>>,
    pub idempotency_key: Option<String>,
    pub is_json: bool,
    pub body: Zeroizing<Vec<u8>>,
}

/// What a path and a method ask for.
enum Route {
    Ping,
    Payment(String),
    Payments,
    ForgetToken(String),
    Post(Post),
}

/// Answers one request. Runs to its end even when the client has left.
pub(super) async fn answer(gateway: Arc<Gateway>, request: Request) -> Answer {
    let path = request.path.clone();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["v1", "test-cards"]) => test_cards(),
        (_, ["_test", what]) => tester(&gateway, &request, what).into(),
        (_, ["v1", rest @ ..]) => merchant(&gateway, request, rest).await,
        _ => Refusal::NOT_FOUND.into(),
    }
}

async fn merchant(gateway: &Gateway, request: Request, rest: &[&str]) -> Answer {
    let Some(merchant) = request.secret.as_ref().and_then(|secret| gateway.merchant(secret)) else {
        return Refusal::UNAUTHORISED.into();
    };
    match route(request.method.as_str(), rest) {
        Err(refusal) => refusal.into(),
        Ok(Route::Ping) => Answer::ok(&json!({"ok": true, "merchant": merchant})),
        Ok(Route::Payment(id)) => gateway.payment(&merchant, &id).into(),
        Ok(Route::Payments) => match reference_of(&request.query) {
            Some(reference) => gateway.payments(&merchant, reference).into(),
            None => Refusal::MISSING_REFERENCE.into(),
        },
        Ok(Route::ForgetToken(token)) => gateway.forget_token(&merchant, &token).into(),
        Ok(Route::Post(_)) if !request.is_json && !request.body.is_empty() => Refusal::MEDIA_TYPE.into(),
        Ok(Route::Post(post)) => {
            let Request { path, idempotency_key: key, body, .. } = request;
            gateway.post(PostRequest { merchant, post, path, key, body }).await
        }
    }
}

fn route(method: &str, rest: &[&str]) -> Result<Route, Refusal> {
    Ok(match (method, rest) {
        ("GET", ["ping"]) => Route::Ping,
        ("POST", ["payments"]) => Route::Post(Post::Pay),
        ("GET", ["payments"]) => Route::Payments,
        ("POST", ["payments", "void-by-reference"]) => Route::Post(Post::VoidByReference),
        ("GET", ["payments", id]) => Route::Payment((*id).to_owned()),
        ("POST", ["payments", id, "void"]) => Route::Post(Post::Void { id: (*id).to_owned() }),
        ("POST", ["payments", id, "refund"]) => Route::Post(Post::Refund { id: (*id).to_owned() }),
        ("POST", ["tokens"]) => Route::Post(Post::Tokenise),
        ("DELETE", ["tokens", token]) => Route::ForgetToken((*token).to_owned()),
        (
            _,
            ["ping" | "payments" | "tokens"]
            | ["payments" | "tokens", _]
            | ["payments", _, "void" | "refund"],
        ) => {
            return Err(Refusal::METHOD);
        }
        _ => return Err(Refusal::NOT_FOUND),
    })
}

/// The one `reference` of a query. References need no percent-encoding, so none is undone.
fn reference_of(query: &str) -> Option<&str> {
    let mut found = query.split('&').filter_map(|pair| pair.strip_prefix("reference="));
    let reference = found.next().filter(|reference| !reference.is_empty())?;
    found.next().is_none().then_some(reference)
}

fn test_cards() -> Answer {
    let cards: Vec<_> = TEST_CARDS
        .iter()
        .map(|(number, behaviour, description)| {
            json!({"number": number, "behaviour": behaviour, "description": description})
        })
        .collect();
    Answer::ok(&json!({"cards": cards}))
}

fn tester(gateway: &Gateway, request: &Request, what: &str) -> Result<Answer, Refusal> {
    match (request.method.as_str(), what) {
        ("GET", "ledger") => {
            let charges = gateway.charges();
            let times_charged: u64 = charges.iter().map(|charge| u64::from(charge.times_charged)).sum();
            let net_minor: i64 = charges.iter().map(|charge| charge.net_minor).sum();
            Ok(Answer::ok(
                &json!({"charges": charges, "times_charged": times_charged, "net_minor": net_minor}),
            ))
        }
        ("DELETE", "ledger") => {
            gateway.forget_all();
            Ok(Answer::empty())
        }
        ("GET", "faults") => Ok(Answer::ok(&gateway.lock().faults)),
        ("PUT", "faults") => {
            let patch: FaultsPatch = read(&request.body)?;
            let mut state = gateway.lock();
            let faults = patch.applied_to(&state.faults);
            if let Some(field) = faults.invalid_field() {
                return Err(Refusal::field("invalid_request", field, "out of bounds"));
            }
            state.faults = faults;
            Ok(Answer::ok(&state.faults))
        }
        (_, "ledger" | "faults") => Err(Refusal::METHOD),
        _ => Err(Refusal::NOT_FOUND),
    }
}

#[cfg(test)]
mod tests {
    use super::reference_of;

    #[test]
    fn a_query_names_exactly_one_reference() {
        assert_eq!(reference_of("reference=a-1"), Some("a-1"));
        assert_eq!(reference_of("x=1&reference=a-1"), Some("a-1"));
        for bad in ["", "reference=", "reference", "ref=1", "reference=a&reference=b"] {
            assert_eq!(reference_of(bad), None, "{bad}");
        }
    }
}
