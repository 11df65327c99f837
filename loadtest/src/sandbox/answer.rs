//! What goes back to a client: a status, a JSON body, and how the connection treats them.

use serde::Serialize;
use serde_json::json;

/// What the connection does with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// Sends it.
    Whole,
    /// Sends a 500 in its place.
    Error500,
    /// Sends 200 and something that is not JSON.
    Garbage,
    /// Sends its first half, promising more, then resets.
    Truncated,
    /// Resets at once.
    Reset,
    /// Sends nothing for so many milliseconds, then closes (FIN).
    HangThenClose(u64),
    /// Sends nothing for so many milliseconds, then resets (RST).
    HangThenReset(u64),
}

/// An answer, true in itself; `wire` may spoil it on the way.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    pub wire: Wire,
    /// It is the stored answer of an earlier request.
    pub replayed: bool,
    /// The work was done: the answer is stored under the idempotency key.
    pub done: bool,
}

impl Answer {
    /// 200: the work was done.
    pub(super) fn ok(body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self { status: 200, body, wire: Wire::Whole, replayed: false, done: true },
            Err(_) => Refusal::INTERNAL.into(),
        }
    }

    /// 204.
    pub(super) fn empty() -> Self {
        Self { status: 204, body: Vec::new(), wire: Wire::Whole, replayed: false, done: true }
    }

    /// Nothing was done, and the connection gives no proper answer either.
    pub(super) fn undone(wire: Wire) -> Self {
        Self { wire, ..Refusal::INTERNAL.into() }
    }

    /// The same answer, spoilt on the way.
    pub(super) fn over(self, wire: Wire) -> Self {
        Self { wire, ..self }
    }
}

/// An error answer. Its words are fixed: no value that was sent is ever repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: &'static str,
    pub field: Option<&'static str>,
}

const fn refusal(status: u16, code: &'static str, message: &'static str) -> Refusal {
    Refusal { status, code, message, field: None }
}

impl Refusal {
    pub(super) const INVALID_JSON: Self =
        refusal(400, "invalid_json", "the body is not the JSON of this request");
    pub(super) const MISSING_KEY: Self =
        refusal(400, "missing_idempotency_key", "this request needs an Idempotency-Key");
    pub(super) const INVALID_KEY: Self =
        refusal(400, "invalid_idempotency_key", "an Idempotency-Key is 1 to 64 visible ASCII characters");
    pub(super) const MISSING_REFERENCE: Self =
        refusal(400, "missing_reference", "name one reference in the query");
    pub(super) const UNAUTHORISED: Self =
        refusal(401, "unauthorised", "the merchant secret is missing or wrong");
    pub(super) const NOT_FOUND: Self = refusal(404, "not_found", "there is nothing of that name");
    pub(super) const METHOD: Self = refusal(405, "method_not_allowed", "this path does not take that method");
    pub(super) const TIMEOUT: Self = refusal(408, "request_timeout", "the request did not arrive in time");
    pub(super) const IN_PROGRESS: Self =
        refusal(409, "in_progress", "the first request with this key is still being worked on");
    pub(super) const DUPLICATE_REFERENCE: Self =
        refusal(409, "duplicate_reference", "this reference has been used; nothing was done now");
    pub(super) const TOO_LARGE: Self = refusal(413, "too_large", "the body is larger than 16 KiB");
    pub(super) const MEDIA_TYPE: Self = refusal(415, "unsupported_media_type", "send application/json");
    pub(super) const MISMATCH: Self = refusal(
        422,
        "idempotency_mismatch",
        "this key came before with another request; nothing was done now",
    );
    pub(super) const OVER_REFUND: Self =
        refusal(422, "over_refund", "more than what remains of this payment");
    pub(super) const INVALID_STATE: Self =
        refusal(422, "invalid_state", "the payment's state does not allow this");
    pub(super) const RATE_LIMITED: Self = refusal(429, "rate_limited", "too many requests; nothing was done");
    pub(super) const INTERNAL: Self = refusal(500, "internal", "something went wrong");
    pub(super) const CAPACITY: Self = refusal(503, "capacity", "a table is full; nothing was done");

    /// 422: `field` breaks a rule.
    pub(super) const fn field(code: &'static str, field: &'static str, message: &'static str) -> Self {
        Self { status: 422, code, message, field: Some(field) }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, code, message, field } = refusal;
        let body = json!({"error": {"code": code, "message": message, "field": field}});
        Self { status, body: body.to_string().into_bytes(), wire: Wire::Whole, replayed: false, done: false }
    }
}

impl From<Result<Self, Refusal>> for Answer {
    fn from(result: Result<Self, Refusal>) -> Self {
        result.unwrap_or_else(Self::from)
    }
}
