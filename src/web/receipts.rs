//! What a tenant's receipts look like, with an invented payment.

use super::demo::Demo;
use super::headers::{POLICY_OF_LETTERS, POLICY_WITH_FRAMES};
use super::pages::{Page, Pages};
use super::problem::Problem;
use super::session::SignedIn;
use crate::letters::{Letters, Parts, Theme};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

type Answer = Result<HttpResponse, Problem>;

/// Which of the panes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pane {
    theme: Option<String>,
}

fn sample(letters: &Letters, who: &SignedIn, theme: Theme) -> Result<Parts, Problem> {
    letters.preview(&who.tenant, theme).map_err(|error| {
        tracing::error!(tenant = %who.tenant.id, %error, "no preview of a receipt");
        Problem::our_fault()
    })
}

/// `GET /receipts/preview`
pub(super) async fn page(
    request: HttpRequest,
    who: SignedIn,
    demo: Data<Option<Demo>>,
    pages: Data<Pages>,
) -> Answer {
    let demo = demo.as_ref().as_ref().map(Demo::choices);
    let page = Page { demo, ..Page::of(&request, &who, "Receipt preview") };
    let mut answer = pages.answer(StatusCode::OK, "pages/receipt_preview", &page, None)?;
    super::set_header(&mut answer, CONTENT_SECURITY_POLICY, POLICY_WITH_FRAMES);
    Ok(answer)
}

/// `GET /receipts/preview/html?theme=light|dark`
pub(super) async fn html(pane: Query<Pane>, who: SignedIn, letters: Data<Letters>) -> Answer {
    let theme = match pane.theme.as_deref() {
        None | Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        Some(_) => return Err(Problem::at("theme", "bad_choice", "The theme is light or dark.")),
    };
    let parts = sample(&letters, &who, theme)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY_OF_LETTERS))
        .body(parts.html))
}

/// `GET /receipts/preview/text`
pub(super) async fn text(who: SignedIn, letters: Data<Letters>) -> Answer {
    let parts = sample(&letters, &who, Theme::Light)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY_OF_LETTERS))
        .body(parts.text))
}
