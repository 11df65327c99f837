//! Pages from the templates, in strict mode: a template that names what is not there does not
//! render, and a test says so. Within the program in a release, read from the disk in a debug build.
//!
//! Each page gets `{"page": Page}`, the desk also its `screen`; `Page` tells the keys. Names of
//! templates are their paths without ending: `pages/desk`, `partials/field`, `layouts/page`.
//! Helpers: `{{asset "css/app.css"}}` and `{{brand_css}}` give addresses, `{{icon "check"}}` an
//! inline picture that is hidden from screen readers; `eq` is the engine's own.

use super::assets::{self, Files};
use super::brand;
use super::problem::Problem;
use super::session::{SignedIn, Token, cookie};
use crate::screen::{AgreementPreview, Screen};
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse};
use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderError, RenderErrorReason,
};
use parking_lot::Mutex;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The cookie in which a browser keeps the reader's choice: `light` or `dark`.
const THEME_COOKIE: &str = "tonewall-theme";

/// What every page may show; templates read it as `page`.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Page {
    /// Head of the page.
    pub title: String,
    /// Token that forms bring back; empty where there is no form.
    pub csrf: String,
    /// `system`, `light` or `dark`.
    pub theme: &'static str,
    /// Address of the tenant's style sheet; empty before sign-in.
    pub brand: String,
    /// Something to say on top of the page.
    pub flash: Option<Flash>,
    /// What was wrong with a form that was sent without a module.
    pub error: FormError,
    /// Dates and wording of an authority that was asked for without a module.
    pub preview: Preview,
    /// What was typed about it.
    pub terms: TermsShown,
    /// Who is signed in.
    pub agent: Option<AgentNamed>,
    /// The simulated customer and the sign-ins, in the demo.
    pub demo: Option<DemoShown>,
    /// What this page alone shows.
    #[serde(flatten)]
    pub own: serde_json::Map<String, serde_json::Value>,
}

/// Something to say on top of a page.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Flash {
    /// `ok`, `warn`, `bad` or `info`.
    pub tone: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// What it means.
    pub words: String,
}

/// What was wrong with a form; empty if nothing was.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct FormError {
    /// The field, or empty: the whole form.
    pub field: String,
    /// The words.
    pub message: String,
}

/// Dates and wording of an authority.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Preview {
    /// Whether there are any.
    pub shown: bool,
    /// What they are.
    #[serde(flatten)]
    pub of: AgreementPreview,
}

/// Terms of an authority as they were typed.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct TermsShown {
    /// Whether there are any.
    pub given: bool,
    /// Of each payment.
    pub amount: String,
    /// How often.
    pub every: String,
    /// The first day.
    pub start: String,
    /// How many.
    pub count: String,
    /// The last day.
    pub until: String,
}

/// Who is signed in.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AgentNamed {
    /// Their name.
    pub name: String,
    /// Their organisation's name.
    pub tenant: String,
}

/// What a page of the demo offers.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DemoShown {
    /// How a simulated customer behaves.
    pub behaviours: Vec<ChoiceShown>,
    /// Which card they have.
    pub cards: Vec<ChoiceShown>,
    /// Names and passwords, on the page that asks for them.
    pub sign_ins: Vec<SignInShown>,
}

/// One choice of a list.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ChoiceShown {
    /// For the form.
    pub value: &'static str,
    /// For people.
    pub label: &'static str,
}

/// One sign-in of the demo.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SignInShown {
    /// The organisation.
    pub tenant: String,
    /// What to type as name.
    pub name: String,
    /// What to type as password.
    pub password: String,
}

/// What is shown of a problem.
#[derive(Serialize)]
struct ProblemShown<'a> {
    title: &'a str,
    words: &'a str,
    reference: Option<&'a str>,
}

impl Page {
    /// A page for whoever asks.
    pub fn bare(request: &HttpRequest, title: &str) -> Page {
        let theme = match cookie(request.headers(), THEME_COOKIE) {
            Some("light") => "light",
            Some("dark") => "dark",
            _ => "system",
        };
        let csrf = Token::of(request).map(|token| token.form_token()).unwrap_or_default();
        Page { title: title.to_owned(), csrf, theme, ..Page::default() }
    }

    /// A page for an agent.
    pub fn of(request: &HttpRequest, signed_in: &SignedIn, title: &str) -> Page {
        let tenant = &signed_in.tenant;
        let agent = AgentNamed { name: signed_in.name.clone(), tenant: tenant.name.clone() };
        Page {
            brand: brand::url(&tenant.id, &tenant.branding.colour),
            agent: Some(agent),
            ..Page::bare(request, title)
        }
    }

    /// The same with something of its own.
    pub fn with(mut self, name: &str, value: impl Serialize) -> Page {
        // Only maps with other keys than texts have no JSON; no page has any.
        let value = serde_json::to_value(value).unwrap_or_default();
        self.own.insert(name.to_owned(), value);
        self
    }
}

/// What a template is filled with.
#[derive(Serialize)]
struct Filling<'a> {
    page: &'a Page,
    #[serde(skip_serializing_if = "Option::is_none")]
    screen: Option<&'a Screen>,
    /// Beside the page and not in it: every piece of every sample is given a copy of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<&'a [SampleShown]>,
}

/// One state of the style guide.
#[derive(Serialize)]
pub(super) struct SampleShown {
    /// For addresses.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The screen.
    pub screen: Screen,
}

/// The templates, ready to be filled.
pub(super) struct Pages(Mutex<Compiled>);

struct Compiled {
    from: [u8; 32],
    registry: Arc<Handlebars<'static>>,
}

impl Pages {
    /// Reads and compiles all of them.
    ///
    /// # Errors
    /// A template that cannot be compiled, in the engine's words.
    pub fn new() -> Result<Pages, String> {
        Ok(Pages(Mutex::new(Compiled { from: fingerprint(), registry: Arc::new(compile()?) })))
    }

    fn registry(&self) -> Result<Arc<Handlebars<'static>>, String> {
        let mut compiled = self.0.lock();
        if cfg!(debug_assertions) {
            let now = fingerprint();
            if now != compiled.from {
                *compiled = Compiled { from: now, registry: Arc::new(compile()?) };
            }
        }
        Ok(Arc::clone(&compiled.registry))
    }

    /// A page's markup; `screen` is for the desk alone.
    pub fn markup(&self, name: &str, page: &Page, screen: Option<&Screen>) -> Result<String, Problem> {
        self.fill(name, &Filling { page, screen, samples: None })
    }

    /// The style guide.
    pub fn guide(&self, page: &Page, samples: &[SampleShown]) -> Result<HttpResponse, Problem> {
        let filling = Filling { page, screen: None, samples: Some(samples) };
        Ok(html(StatusCode::OK, self.fill("pages/styleguide", &filling)?))
    }

    fn fill(&self, name: &str, filling: &Filling<'_>) -> Result<String, Problem> {
        let rendered = self
            .registry()
            .and_then(|registry| registry.render(name, filling).map_err(|error| error.to_string()));
        rendered.map_err(|error| {
            tracing::error!(name, error, "a page was not rendered");
            Problem::our_fault()
        })
    }

    /// A page as an answer.
    pub fn answer(
        &self,
        status: StatusCode,
        name: &str,
        page: &Page,
        screen: Option<&Screen>,
    ) -> Result<HttpResponse, Problem> {
        Ok(html(status, self.markup(name, page, screen)?))
    }

    /// The page that tells of a problem.
    pub fn problem(&self, page: Page, problem: &Problem) -> Result<String, Problem> {
        let shown = ProblemShown { title: problem.title(), words: &problem.message, reference: None };
        self.markup("pages/problem", &page.with("problem", shown), None)
    }
}

fn html(status: StatusCode, markup: String) -> HttpResponse {
    HttpResponse::build(status).insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(markup)
}

/// Name and text of every template of pages.
fn templates() -> impl Iterator<Item = (String, String)> {
    let ours = |path: &str| ["layouts/", "pages/", "partials/"].iter().any(|folder| path.starts_with(folder));
    let paths = Files::iter().filter(move |path| ours(path));
    paths.filter_map(|path| {
        let name = path.strip_suffix(".hbs")?.to_owned();
        let text = Files::get(&path)?.data.into_owned();
        Some((name, String::from_utf8(text).ok()?))
    })
}

fn fingerprint() -> [u8; 32] {
    let mut hasher = Sha256::new();
    for (name, text) in templates() {
        hasher.update(name);
        hasher.update([0]);
        hasher.update(text);
        hasher.update([0]);
    }
    hasher.finalize().into()
}

fn compile() -> Result<Handlebars<'static>, String> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.set_prevent_indent(true);
    registry.register_helper("asset", Box::new(asset));
    registry.register_helper("icon", Box::new(icon));
    registry.register_helper("brand_css", Box::new(brand_css));
    for (name, text) in templates() {
        registry.register_template_string(&name, text).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(registry)
}

fn said(why: String) -> RenderError {
    RenderErrorReason::Other(why).into()
}

fn name_of<'a>(helper: &'a Helper<'_>) -> Result<&'a str, RenderError> {
    let name = helper.param(0).and_then(|name| name.value().as_str());
    name.ok_or_else(|| said(format!("{} needs a name", helper.name())))
}

fn asset(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let name = name_of(helper)?;
    Ok(out.write(&assets::url(name).ok_or_else(|| said(format!("there is no file {name}")))?)?)
}

fn icon(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let name = name_of(helper)?;
    Ok(out.write(&assets::icon(name).ok_or_else(|| said(format!("there is no icon {name}")))?)?)
}

fn brand_css(
    _: &Helper<'_>,
    _: &Handlebars<'_>,
    context: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let url = context.data().pointer("/page/brand").and_then(|url| url.as_str());
    Ok(out.write(url.unwrap_or_default())?)
}
