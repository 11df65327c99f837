//! Errors of the API: a status, a code for programs, words for people.

use crate::calls::DeskError;
use actix_web::error::{JsonPayloadError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;
use tonewall_model::call::Refused;
use tonewall_model::capture;
use tonewall_model::dtmf::Unwell;
use tonewall_store::StoreError;

/// What can go wrong with a request.
#[derive(Debug)]
pub(super) enum ApiError {
    /// No token, or one that nobody has.
    Unauthorised,
    /// The body cannot be used.
    BadBody(&'static str),
    /// The query string cannot be used.
    BadQuery,
    /// No such page, call or attempt.
    NotFound,
    /// The desk says no.
    Desk(DeskError),
    /// No random bits for an id.
    NoEntropy,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Words<'a>,
}

#[derive(Serialize)]
struct Words<'a> {
    code: &'a str,
    message: &'a str,
}

impl ApiError {
    pub fn told(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            ApiError::Unauthorised => (S::UNAUTHORIZED, "unauthorised", "A valid API token is needed."),
            ApiError::BadBody(words) => (S::UNPROCESSABLE_ENTITY, "bad_body", words),
            ApiError::BadQuery => (
                S::UNPROCESSABLE_ENTITY,
                "bad_query",
                "The query string is not the one that is expected here.",
            ),
            ApiError::NotFound | ApiError::Desk(DeskError::NotFound) => {
                (S::NOT_FOUND, "not_found", "There is nothing of yours under this address.")
            }
            ApiError::Desk(DeskError::Gone) => (S::GONE, "call_ended", "The call has ended."),
            ApiError::Desk(DeskError::Busy) => {
                (S::SERVICE_UNAVAILABLE, "call_busy", "The call does not answer. Try again in a moment.")
            }
            ApiError::Desk(DeskError::Store(StoreError::NotFound)) => {
                (S::NOT_FOUND, "not_found", "There is nothing of yours under this address.")
            }
            ApiError::Desk(DeskError::Store(_)) => {
                (S::SERVICE_UNAVAILABLE, "ledger_unavailable", "The ledger cannot be read right now.")
            }
            ApiError::NoEntropy => {
                (S::SERVICE_UNAVAILABLE, "no_entropy", "No identifier can be made right now.")
            }
            ApiError::Desk(DeskError::Refused(refused)) => refused_words(*refused),
        }
    }
}

fn refused_words(refused: Refused) -> (StatusCode, &'static str, &'static str) {
    use StatusCode as S;
    let conflict = |code, words| (S::CONFLICT, code, words);
    match refused {
        Refused::CallOver => (S::GONE, "call_ended", "The call has ended."),
        Refused::NotYours => conflict("not_yours", "Another agent has this call."),
        Refused::NotConnected => conflict("not_connected", "The agent's phone has not answered yet."),
        Refused::FieldOpen => conflict("field_open", "A field is open. Cancel the capture first."),
        Refused::Unresolved => conflict(
            "unresolved",
            "An attempt is under way or its outcome is not known. Do not take it again.",
        ),
        Refused::AlreadyTaken => conflict("already_taken", "This payment has been taken."),
        Refused::NotComplete => conflict("not_complete", "The card is not complete."),
        Refused::BadAccount => (
            S::UNPROCESSABLE_ENTITY,
            "bad_account",
            "The account is empty, longer than 64 characters or holds control characters.",
        ),
        Refused::CardNumber => (
            S::UNPROCESSABLE_ENTITY,
            "card_number",
            "The account holds what may be a card number, which is stored nowhere.",
        ),
        Refused::Unwell(why) => conflict(
            "line_not_clear",
            match why {
                Unwell::Detector => "The line is not clear: the tone detector had to start again.",
                Unwell::Storm => "The line is not clear: far more packets come than a call has.",
                Unwell::Clock => "The line is not clear: the clock of the sound has jumped.",
                Unwell::Coding => "The line is not clear: its coding was changed while a field was open.",
                Unwell::Source => "The line is not clear: another source took the sound over.",
            },
        ),
        Refused::Leaked => conflict(
            "line_not_secure",
            "A tone may have been heard on this call: nothing more may be keyed on it.",
        ),
        Refused::Capture(why) => match why {
            capture::Refusal::AlreadyOpen => conflict("capture_open", "A capture is open already."),
            capture::Refusal::NotOpen => conflict("capture_not_open", "No capture is open."),
            capture::Refusal::NotTaken => conflict("capture_not_taken", "No card was sent before."),
            capture::Refusal::NotReached(_) => {
                conflict("field_not_reached", "A field before this one is still missing.")
            }
            capture::Refusal::NotAsked(_) => conflict("field_not_asked", "This field is not asked for."),
            capture::Refusal::PanLocked => conflict(
                "card_number_locked",
                "Too many card numbers on this call. Offer another way to pay.",
            ),
            capture::Refusal::NoMoreTime => {
                conflict("no_more_time", "The time was extended as often as it may be.")
            }
            capture::Refusal::AddressUnusable => (
                S::UNPROCESSABLE_ENTITY,
                "bad_address",
                "House number or postcode is too long or holds control characters.",
            ),
        },
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.told().1)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.told().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code, message) = self.told();
        HttpResponse::build(status).json(Body { error: Words { code, message } })
    }
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> ApiError {
        ApiError::Desk(error)
    }
}

/// A body that is no JSON, too long, or of another shape; nothing of it is repeated.
pub(super) fn bad_body(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    let words = match error {
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            "The body is too long."
        }
        JsonPayloadError::ContentType => "The body has to be application/json.",
        _ => "The body is not the JSON that is expected here.",
    };
    ApiError::BadBody(words).into()
}

/// A query string that is no UTF-8 or of another shape; nothing of it is repeated.
pub(super) fn bad_query(_: QueryPayloadError, _: &HttpRequest) -> actix_web::Error {
    ApiError::BadQuery.into()
}

/// Everything that is no route.
pub(super) async fn no_such_page() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}
