//! What the screen answers when something cannot be done: JSON to a module, a page to a person, and
//! the same words in both.

use super::error::ApiError;
use super::pages::{Page, Pages};
use crate::screen::{self, ProblemKind};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;

/// Why a wish of a screen was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The answer's status.
    pub status: StatusCode,
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: Cow<'static, str>,
    /// The form's field at which the words stand.
    pub field: Option<&'static str>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Words<'a>,
}

#[derive(Serialize)]
struct Words<'a> {
    code: &'a str,
    message: &'a str,
    field: Option<&'a str>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: &'static str) -> Problem {
        Problem { status, code, message: Cow::Borrowed(message), field: None }
    }

    /// A form's field that cannot be used as it is: 422.
    pub fn at(field: &'static str, code: &'static str, message: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code,
            message: message.into(),
            field: Some(field),
        }
    }

    /// Nobody is signed in, or not any more.
    pub fn signed_out() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "signed_out", "You are signed out. Sign in to go on.")
    }

    /// The request does not come from a page of this session.
    pub fn not_from_here() -> Problem {
        Problem::new(
            StatusCode::FORBIDDEN,
            "not_from_here",
            "This page is out of date. Nothing was changed. Load it again and repeat what you did.",
        )
    }

    /// There is nothing under this address.
    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "There is nothing of yours under this address.")
    }

    /// The store, or something else that is needed, does not answer.
    pub fn unavailable() -> Problem {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "This can't be done right now. Try again in a moment.",
        )
    }

    /// Something of ours is broken.
    pub fn our_fault() -> Problem {
        Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// More live screens than there may be.
    pub fn too_many_streams() -> Problem {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_streams",
            "This screen is open too often. Close it in other tabs.",
        )
    }

    /// More sign-ins than can be looked at.
    pub fn too_many_sign_ins() -> Problem {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_sign_ins",
            "Many people are signing in at this moment. Wait a few seconds, then try again.",
        )
    }

    /// A form of another kind than the one that is read here.
    pub fn bad_form(message: &'static str) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_form", message)
    }

    fn of_status(status: StatusCode) -> Problem {
        match status {
            StatusCode::NOT_FOUND => Problem::not_found(),
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(status, "too_long", "That is too long. Nothing was changed.")
            }
            status if status.is_client_error() => {
                Problem::new(status, "bad_request", "That can't be read. Nothing was changed.")
            }
            _ => Problem::new(status, "our_fault", "Something is wrong on our side. Try again in a moment."),
        }
    }

    /// The problem behind an answer, whoever made it.
    fn behind(error: &Error) -> Problem {
        if let Some(problem) = error.as_error::<Problem>() {
            return problem.clone();
        }
        match error.as_error::<ApiError>() {
            Some(error) => Problem::from(error),
            None => Problem::of_status(error.as_response_error().status_code()),
        }
    }

    /// In a few words, for the head of a page.
    pub fn title(&self) -> &'static str {
        match self.status {
            StatusCode::NOT_FOUND => "Nothing here",
            StatusCode::FORBIDDEN => "Page out of date",
            StatusCode::GONE => "Call ended",
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR => "Not right now",
            _ => "Not done",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let error = Words { code: self.code, message: &self.message, field: self.field };
        HttpResponse::build(self.status).json(Body { error })
    }
}

impl From<&ApiError> for Problem {
    fn from(error: &ApiError) -> Problem {
        let (status, code, message) = error.told();
        Problem::new(status, code, message)
    }
}

impl From<screen::Problem> for Problem {
    fn from(problem: screen::Problem) -> Problem {
        let status = match problem.kind {
            ProblemKind::NotFound => StatusCode::NOT_FOUND,
            ProblemKind::Gone => StatusCode::GONE,
            ProblemKind::Conflict => StatusCode::CONFLICT,
            ProblemKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            ProblemKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem { status, code: problem.code, message: problem.message.into(), field: problem.field }
    }
}

/// Whether a person's browser waits for a page, and no module for JSON.
pub(super) fn wants_page(request: &HttpRequest) -> bool {
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.contains("text/html") && !request.path().starts_with("/v1/")
}

/// Turns what went wrong into a page where a page is waited for, and into JSON everywhere else.
pub(super) async fn faces<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let Some(error) = response.response().error() else { return Ok(response) };
    let own = error.as_error::<ApiError>().is_some() || error.as_error::<Problem>().is_some();
    let problem = Problem::behind(error);
    let (request, response) = response.into_parts();
    let face = match wants_page(&request) {
        true => page(&request, &problem),
        false if own => response,
        false => problem.error_response(),
    };
    Ok(ServiceResponse::new(request, face))
}

/// The problem as a page; somebody who is signed out is asked to sign in.
fn page(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    if problem.status == StatusCode::UNAUTHORIZED {
        return HttpResponse::SeeOther().insert_header((LOCATION, "/sign-in?why=out")).finish();
    }
    let pages = request.app_data::<Data<Pages>>();
    let page = Page::bare(request, problem.title());
    let html = pages.and_then(|pages| pages.problem(page, problem).ok());
    match html {
        Some(html) => HttpResponse::build(problem.status)
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .body(html),
        None => HttpResponse::build(problem.status).body(problem.message.to_string()),
    }
}
