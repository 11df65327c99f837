//! The agent's screen as a page, and as JSON for a module that polls.

use super::demo::Demo;
use super::pages::{Page, Pages};
use super::problem::Problem;
use super::session::{SignedIn, Watching};
use crate::screen::{Screen, Screens, Who};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tonewall_model::ids::CallId;

type Answer = Result<HttpResponse, Problem>;

/// Which call shall be on the screen; without one the desk chooses.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    call: Option<String>,
}

impl Wanted {
    /// The call; none for an empty text, as a form without a choice sends it.
    pub fn call(&self) -> Result<Option<CallId>, Problem> {
        let text = self.call.as_deref().filter(|text| !text.is_empty());
        text.map(|text| CallId::parse(text).ok_or_else(Problem::not_found)).transpose()
    }
}

/// Who looks at a screen.
pub(super) fn who(signed_in: &SignedIn) -> Who {
    Who { tenant: signed_in.tenant.id.clone(), agent: signed_in.agent.clone() }
}

/// The page around a screen.
pub(super) fn page_of(request: &HttpRequest, signed_in: &SignedIn, demo: &Option<Demo>) -> Page {
    Page { demo: demo.as_ref().map(Demo::choices), ..Page::of(request, signed_in, "Payment desk") }
}

/// `GET /desk`: the whole screen as it is now, usable before any module runs.
pub(super) async fn page(
    request: HttpRequest,
    wanted: Query<Wanted>,
    signed_in: SignedIn,
    screens: Data<Screens>,
    demo: Data<Option<Demo>>,
    pages: Data<Pages>,
) -> Answer {
    let screen = screens.current(&who(&signed_in), wanted.call()?.as_ref()).await;
    show(&pages, StatusCode::OK, &page_of(&request, &signed_in, demo.as_ref()), &screen)
}

/// A screen as a page.
pub(super) fn show(pages: &Pages, status: StatusCode, page: &Page, screen: &Screen) -> Answer {
    pages.answer(status, "pages/desk", page, Some(screen))
}

/// `GET /desk/screen`: the same as JSON, for a module whose stream is interrupted.
pub(super) async fn screen(wanted: Query<Wanted>, signed_in: Watching, screens: Data<Screens>) -> Answer {
    let screen = screens.current(&who(&signed_in.0), wanted.call()?.as_ref()).await;
    Ok(HttpResponse::Ok().json(screen))
}
