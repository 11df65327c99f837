//! The agent's screen in every state, drawn by the pieces of the desk: for designers and for tests.
//! In the demo and in debug builds alone; everybody else finds nothing here.

use super::demo::Demo;
use super::pages::{Page, Pages, SampleShown};
use super::problem::Problem;
use super::session::SignedIn;
use crate::calls::Desk;
use crate::screen::{Sample, samples};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

/// `GET /styleguide`
pub(super) async fn page(
    request: HttpRequest,
    signed_in: Result<SignedIn, Problem>,
    desk: Data<Desk>,
    demo: Data<Option<Demo>>,
    pages: Data<Pages>,
) -> Result<HttpResponse, Problem> {
    if demo.is_none() && !cfg!(debug_assertions) {
        return Err(Problem::not_found());
    }
    let tenants = desk.around().tenants.snapshot();
    let (page, tenant) = match &signed_in {
        Ok(signed_in) => (Page::of(&request, signed_in, "Style guide"), Some(&signed_in.tenant)),
        Err(_) => (Page::bare(&request, "Style guide"), tenants.tenants().first()),
    };
    let samples = samples(tenant.ok_or_else(Problem::not_found)?);
    let shown =
        |sample: Sample| SampleShown { name: sample.name, title: sample.title, screen: sample.screen };
    let samples: Vec<SampleShown> = samples.into_iter().map(shown).collect();
    pages.guide(&Page { demo: demo.as_ref().as_ref().map(Demo::choices), ..page }, &samples)
}
