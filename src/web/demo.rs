//! The demo's own routes: a simulated customer who calls, the mailbox that receipts arrive in, and
//! the sign-ins that its manifests publish. Without the demo there is nothing under them.

use super::csrf;
use super::forms::Form;
use super::headers::{POLICY_OF_LETTERS, POLICY_WITH_FRAMES};
use super::pages::{ChoiceShown, DemoShown, Page, Pages, SignInShown};
use super::problem::{Problem, wants_page};
use super::session::SignedIn;
use crate::calls::Desk;
use crate::demo::{Choice, Controls, Mail, MailSummary, NotPlaced, PlaceCall};
use crate::letters::words;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;
use tonewall_model::tenant::Tenant;

/// Longest word of a list, and longest number.
const WORD_LEN_MAX: usize = 32;

/// The demo, as pages know it.
pub(super) struct Demo {
    controls: Controls,
    desk: Desk,
}

type Answer = Result<HttpResponse, Problem>;

fn shown(choices: &'static [Choice]) -> Vec<ChoiceShown> {
    choices.iter().map(|choice| ChoiceShown { value: choice.value, label: choice.label }).collect()
}

impl Demo {
    /// The demo of this desk.
    pub fn new(controls: Controls, desk: Desk) -> Demo {
        Demo { controls, desk }
    }

    /// What the simulated customer can be told.
    pub fn choices(&self) -> DemoShown {
        DemoShown {
            behaviours: shown(self.controls.behaviours()),
            cards: shown(self.controls.cards()),
            sign_ins: Vec::new(),
        }
    }

    /// Who may sign in, and how.
    pub fn sign_ins(&self) -> DemoShown {
        DemoShown { behaviours: Vec::new(), cards: Vec::new(), sign_ins: sign_ins(&self.desk) }
    }
}

/// Names and passwords of the demo's agents: its manifests publish them by this rule.
pub(super) fn sign_ins(desk: &Desk) -> Vec<SignInShown> {
    let tenants = desk.around().tenants.snapshot();
    let agents = tenants.tenants().iter().flat_map(|tenant| {
        let signing = tenant.agents.iter().filter(|agent| agent.password_hash.is_some());
        signing.map(move |agent| SignInShown {
            tenant: tenant.name.clone(),
            name: format!("{}@{}", agent.id, tenant.id),
            password: format!("{}-{}-demo", tenant.id, agent.id),
        })
    });
    agents.collect()
}

fn there(demo: &Option<Demo>) -> Result<&Demo, Problem> {
    demo.as_ref().ok_or_else(Problem::not_found)
}

fn not_placed(why: NotPlaced) -> Problem {
    let (status, field) = match why {
        NotPlaced::NoSuchBehaviour => (StatusCode::UNPROCESSABLE_ENTITY, Some("behaviour")),
        NotPlaced::NoSuchCard => (StatusCode::UNPROCESSABLE_ENTITY, Some("card")),
        NotPlaced::BadCaller => (StatusCode::UNPROCESSABLE_ENTITY, Some("caller")),
        NotPlaced::TooMany => (StatusCode::TOO_MANY_REQUESTS, None),
        NotPlaced::Closing => (StatusCode::SERVICE_UNAVAILABLE, None),
    };
    Problem { status, code: "not_placed", message: why.to_string().into(), field }
}

/// `POST /demo/call`: a simulated customer calls the agent who asks.
pub(super) async fn call(
    request: HttpRequest,
    body: Bytes,
    who: SignedIn,
    demo: Data<Option<Demo>>,
) -> Answer {
    let demo = there(demo.as_ref())?;
    let mut form = Form::read(&request, &body)?;
    csrf::check(&request, &who.token, form.take("csrf").as_deref())?;
    let wanted = PlaceCall {
        tenant: who.tenant.id.clone(),
        agent: who.agent.clone(),
        behaviour: form.line("behaviour", WORD_LEN_MAX)?,
        card: form.line("card", WORD_LEN_MAX)?,
        caller: Some(form.line("caller", WORD_LEN_MAX)?),
    };
    form.finish()?;
    demo.controls.place(wanted).map_err(not_placed)?;
    Ok(match wants_page(&request) {
        true => HttpResponse::SeeOther().insert_header((LOCATION, "/desk")).finish(),
        false => HttpResponse::Accepted().json(json!({ "placed": true })),
    })
}

/// Whether a letter is one of this organisation's: its From field shows the name.
fn is_of(tenant: &Tenant, mail: &MailSummary) -> bool {
    let name = mail.from.rsplit_once('<').map_or("", |(name, _)| name).trim();
    name.trim_matches('"').replace('\\', "") == tenant.name
}

#[derive(Serialize)]
struct MailShown {
    id: String,
    from: String,
    to: String,
    subject: String,
    at: String,
}

#[derive(Serialize)]
struct LetterShown {
    #[serde(flatten)]
    summary: MailShown,
    has_html: bool,
    text: String,
}

fn summary(tenant: &Tenant, mail: MailSummary) -> MailShown {
    MailShown {
        at: words::at(mail.at, &tenant.time_zone).unwrap_or_default(),
        id: mail.id,
        from: mail.from,
        to: mail.to,
        subject: mail.subject,
    }
}

/// `GET /dev/mail`
pub(super) async fn mailbox(
    request: HttpRequest,
    who: SignedIn,
    demo: Data<Option<Demo>>,
    pages: Data<Pages>,
) -> Answer {
    let demo = there(demo.as_ref())?;
    let own = demo.controls.mail().into_iter().filter(|mail| is_of(&who.tenant, mail));
    let mails: Vec<MailShown> = own.map(|mail| summary(&who.tenant, mail)).collect();
    let page = Page { demo: Some(demo.choices()), ..Page::of(&request, &who, "Demo mailbox") };
    pages.answer(StatusCode::OK, "pages/mailbox", &page.with("mails", mails), None)
}

/// A letter of the organisation.
fn own(demo: &Demo, who: &SignedIn, id: &str) -> Result<Mail, Problem> {
    let mail = demo.controls.mail_one(id).filter(|mail| is_of(&who.tenant, &mail.summary));
    mail.ok_or_else(Problem::not_found)
}

/// `GET /dev/mail/{id}`
pub(super) async fn mail(
    request: HttpRequest,
    id: Path<String>,
    who: SignedIn,
    demo: Data<Option<Demo>>,
    pages: Data<Pages>,
) -> Answer {
    let demo = there(demo.as_ref())?;
    let mail = own(demo, &who, &id)?;
    let title = mail.summary.subject.clone();
    let shown = LetterShown {
        has_html: mail.html.is_some(),
        text: mail.text.unwrap_or_default(),
        summary: summary(&who.tenant, mail.summary),
    };
    let page = Page { demo: Some(demo.choices()), ..Page::of(&request, &who, &title) };
    let mut answer = pages.answer(StatusCode::OK, "pages/mail", &page.with("mail", shown), None)?;
    super::set_header(&mut answer, CONTENT_SECURITY_POLICY, POLICY_WITH_FRAMES);
    Ok(answer)
}

/// `GET /dev/mail/{id}/html`: the letter itself, in a frame that can do nothing.
pub(super) async fn letter(id: Path<String>, who: SignedIn, demo: Data<Option<Demo>>) -> Answer {
    let html = own(there(demo.as_ref())?, &who, &id)?.html.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY_OF_LETTERS))
        .body(html))
}
