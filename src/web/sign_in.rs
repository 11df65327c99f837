//! Signing in and out.

use super::brakes::{Counted, SOURCE_WINDOW, Sources, Strangers};
use super::csrf;
use super::demo::Demo;
use super::forms::Form;
use super::pages::{Flash, FormError, Page, Pages};
use super::password::{Passwords, Turn};
use super::problem::Problem;
use super::session::{self, SignedIn, Token, on_runtime};
use super::streams::Streams;
use crate::calls::Desk;
use crate::metrics::SignIn;
use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;
use tonewall_model::ids::{AgentId, TenantId};
use tonewall_model::sign_in::{Guard, LOCKED_FOR, Verdict};
use tonewall_model::tenant::Tenant;
use tonewall_secret::Secret;
use tonewall_store::{AuditEntry, AuditResult, GuardRow, SessionRow, TenantStore};

/// Longest name: agent, `@`, organisation.
const NAME_LEN_MAX: usize = 100;

/// Tries to count a failure while others count theirs for the same name.
const SWAPS_MAX: usize = 8;

/// What is said whichever of the two was wrong.
const NO_MATCH: &str = "That name and password don't match. Check both and try again.";

/// What is said to a locked name.
const LOCKED: &str = "Too many tries. Signing in is locked for 30 minutes.";
const _: () = assert!(LOCKED_FOR.whole_minutes() == 30, "the words say so");

/// What is said to a source of too many failures.
const TOO_MANY_HERE: &str =
    "Too many tries came from this network. Nobody can sign in from it for 10 minutes.";
const _: () = assert!(SOURCE_WINDOW.whole_minutes() == 10, "the words say so");

/// A no is said at full steps of this time: names that somebody has cost a write, others none, and
/// the difference must not be heard.
const NO_STEP: Duration = Duration::from_millis(250);

/// What came of a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// The agent is who they say they are.
    Welcome(TenantId, AgentId),
    /// Name and password do not match.
    NoMatch,
    /// The name is locked; the password was not looked at, or is the one that locked it.
    Locked,
    /// Too many failures came from the same source; neither name nor password was looked at.
    TooManyHere,
}

/// Who asks to come in.
struct Name {
    /// As it was typed, in lower case: what failures are counted by.
    text: String,
    agent: AgentId,
    /// Whose agent; `None` if no agent who may sign in has this name.
    tenant: Option<Arc<Tenant>>,
}

impl Name {
    fn read(desk: &Desk, text: &str) -> Name {
        let text = text.trim().to_lowercase();
        let (agent, slug) = text.split_once('@').unwrap_or((&text, ""));
        let agent = AgentId(agent.to_owned());
        let tenants = desk.around().tenants.snapshot();
        let tenant = TenantId::parse(slug).and_then(|id| tenants.tenant(&id).cloned());
        let tenant = tenant.filter(|tenant| hash_of(tenant, &agent).is_some());
        Name { agent, tenant, text }
    }

    fn hash(&self) -> Option<&Secret<String>> {
        self.tenant.as_ref().and_then(|tenant| hash_of(tenant, &self.agent))
    }

    fn store(&self, desk: &Desk) -> Option<TenantStore> {
        self.tenant.as_ref().map(|tenant| desk.around().store.tenant(&tenant.id))
    }
}

fn hash_of<'a>(tenant: &'a Tenant, agent: &AgentId) -> Option<&'a Secret<String>> {
    tenant.agent(agent)?.password_hash.as_ref()
}

/// What a sign-in needs.
pub(super) struct Door {
    desk: Desk,
    passwords: Passwords,
    strangers: Strangers,
    pub(super) sources: Sources,
}

impl Door {
    /// To the agents of this desk.
    pub fn new(desk: Desk) -> Door {
        let passwords = Passwords::new(desk.around().runtime.clone());
        Door { desk, passwords, strangers: Strangers::default(), sources: Sources::default() }
    }

    /// Looks at a name and a password at `now`. Nothing is read or written before there is a turn, and
    /// names that no agent has write nothing at all.
    pub async fn try_in(
        &self,
        name: &str,
        password: Secret<String>,
        origin: &str,
        now: OffsetDateTime,
    ) -> Result<Tried, Problem> {
        if !self.sources.may_try(origin, now) {
            return Ok(Tried::TooManyHere);
        }
        let turn = self.passwords.turn().await.ok_or_else(Problem::too_many_sign_ins)?;
        let began = Instant::now();
        let tried = self.look(turn, Name::read(&self.desk, name), password, origin, now).await?;
        if !matches!(tried, Tried::Welcome(..)) {
            self.sources.failed(origin, now);
            let steps = began.elapsed().as_millis() / NO_STEP.as_millis() + 1;
            tokio::time::sleep_until(began + NO_STEP * u32::try_from(steps).unwrap_or(1)).await;
        }
        Ok(tried)
    }

    /// A failure is counted before the password is looked at, and taken back if it is right: guesses
    /// that come together count each.
    async fn look(
        &self,
        turn: Turn,
        name: Name,
        password: Secret<String>,
        origin: &str,
        now: OffsetDateTime,
    ) -> Result<Tried, Problem> {
        let counted = self.count(&name, now).await?;
        // A locked name costs as much as an open one: otherwise the time would tell.
        let hash = name.hash().filter(|_| counted.is_some());
        let looked_at = self.passwords.verify(turn, password, hash).await;
        let Some(Counted { before, after }) = counted else { return Ok(Tried::Locked) };
        let Some(right) = looked_at else {
            self.uncount(&name, before, after).await?;
            return Err(Problem::unavailable());
        };
        if let (true, Some(tenant)) = (right, &name.tenant) {
            self.clear(&name).await?;
            self.audit(&name, "sign_in.done", AuditResult::Success, origin, now).await?;
            return Ok(Tried::Welcome(tenant.id.clone(), name.agent));
        }
        if let Some(tenant) = &name.tenant {
            // Every failure is a line of the log (PCI DSS 10.2.1.4); the chain has one row a lockout.
            tracing::info!(tenant = %tenant.id, agent = %name.agent, origin, "a sign-in was refused");
        }
        if after.locked_until.is_none() {
            return Ok(Tried::NoMatch);
        }
        self.audit(&name, "sign_in.locked", AuditResult::Failure, origin, now).await?;
        Ok(Tried::Locked)
    }

    /// Counts a failure of this name; `None` if it is locked.
    async fn count(&self, name: &Name, now: OffsetDateTime) -> Result<Option<Counted>, Problem> {
        let Some(store) = name.store(&self.desk) else { return Ok(self.strangers.count(&name.text, now)) };
        for _ in 0..SWAPS_MAX {
            let (own, text) = (store.clone(), name.text.clone());
            let row = on_runtime(&self.desk, async move { own.sign_in_state(&text).await }).await?;
            let before = row.as_ref().map(guard_of);
            if matches!(Guard::verdict(before, now), Verdict::Locked { .. }) {
                return Ok(None);
            }
            let after = Guard::after_failure(before, now);
            if self.swap(&store, name, before, Some(after)).await? {
                return Ok(Some(Counted { before, after }));
            }
        }
        Err(Problem::unavailable())
    }

    /// Takes a failure back that was none, unless others have been counted since.
    async fn uncount(&self, name: &Name, before: Option<Guard>, after: Guard) -> Result<(), Problem> {
        let Some(store) = name.store(&self.desk) else { return Ok(()) };
        self.swap(&store, name, Some(after), before).await.map(|_| ())
    }

    async fn swap(
        &self,
        store: &TenantStore,
        name: &Name,
        before: Option<Guard>,
        after: Option<Guard>,
    ) -> Result<bool, Problem> {
        let (store, text) = (store.clone(), name.text.clone());
        let (before, after) = (before.as_ref().map(row_of), after.as_ref().map(row_of));
        on_runtime(&self.desk, async move { store.sign_in_swap(&text, before, after).await }).await
    }

    async fn clear(&self, name: &Name) -> Result<(), Problem> {
        let Some(store) = name.store(&self.desk) else { return Ok(()) };
        let text = name.text.clone();
        on_runtime(&self.desk, async move { store.sign_in_put(&text, None).await }).await
    }

    /// A line in the organisation's log; names that no agent has have none.
    async fn audit(
        &self,
        name: &Name,
        what: &str,
        result: AuditResult,
        origin: &str,
        at: OffsetDateTime,
    ) -> Result<(), Problem> {
        let Some(store) = name.store(&self.desk) else { return Ok(()) };
        let entry = AuditEntry {
            who: name.agent.0.clone(),
            what: what.to_owned(),
            at,
            result,
            origin: origin.to_owned(),
            object: "dashboard".to_owned(),
        };
        on_runtime(&self.desk, async move { store.audit(entry).await }).await
    }
}

fn guard_of(row: &GuardRow) -> Guard {
    Guard { failures: row.failures, first_at: row.first_at, locked_until: row.locked_until }
}

fn row_of(guard: &Guard) -> GuardRow {
    GuardRow { failures: guard.failures, first_at: guard.first_at, locked_until: guard.locked_until }
}

/// Why somebody is asked to sign in.
#[derive(Deserialize)]
pub(super) struct Why {
    why: Option<String>,
}

/// `GET /`
pub(super) async fn home(signed_in: Result<SignedIn, Problem>) -> HttpResponse {
    let to = if signed_in.is_ok() { "/desk" } else { "/sign-in" };
    HttpResponse::SeeOther().insert_header((LOCATION, to)).finish()
}

/// `GET /sign-in`. The form's token belongs to a token that says nothing yet; a new one comes with
/// the sign-in, so that nobody can be made to use a session that somebody else knows.
pub(super) async fn page(
    request: HttpRequest,
    why: Query<Why>,
    signed_in: Result<SignedIn, Problem>,
    pages: Data<Pages>,
    demo: Data<Option<Demo>>,
) -> Result<HttpResponse, Problem> {
    if signed_in.is_ok() {
        return Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/desk")).finish());
    }
    let (title, words) = match why.why.as_deref() {
        Some("out") => ("You were signed out", "Nobody used this screen for a while. Sign in to go on."),
        Some("bye") => ("You have signed out", "Nothing of yours is left on this screen."),
        _ => ("", ""),
    };
    let flash = Flash { tone: "info", title, words: words.to_owned() };
    let page = Page { flash: Some(flash).filter(|_| !title.is_empty()), ..Page::bare(&request, "Sign in") };
    ask(&request, &pages, demo.as_ref(), StatusCode::OK, page.with("name", ""))
}

/// The form.
fn ask(
    request: &HttpRequest,
    pages: &Pages,
    demo: &Option<Demo>,
    status: StatusCode,
    page: Page,
) -> Result<HttpResponse, Problem> {
    let kept = Token::of(request);
    let fresh = kept.is_none();
    let token = kept.or_else(Token::fresh).ok_or_else(Problem::unavailable)?;
    let page = Page { csrf: token.form_token(), demo: demo.as_ref().map(Demo::sign_ins), ..page };
    let mut answer = pages.answer(status, "pages/sign_in", &page, None)?;
    if fresh {
        super::add_header(&mut answer, SET_COOKIE, &token.set_cookie(request));
    }
    Ok(answer)
}

/// `POST /sign-in`
pub(super) async fn enter(
    request: HttpRequest,
    body: Bytes,
    door: Data<Door>,
    streams: Data<Streams>,
    pages: Data<Pages>,
    demo: Data<Option<Demo>>,
) -> Result<HttpResponse, Problem> {
    let mut form = Form::read(&request, &body)?;
    let token = Token::of(&request).ok_or_else(Problem::not_from_here)?;
    csrf::check(&request, &token, form.take("csrf").as_deref())?;
    let password = Secret::new(form.take("password").unwrap_or_default());
    let again = |status, name: &str, words: &str| {
        let error = FormError { field: String::new(), message: words.to_owned() };
        let page = Page { error, ..Page::bare(&request, "Sign in") };
        ask(&request, &pages, demo.as_ref(), status, page.with("name", name))
    };
    let name = match form.need("name", NAME_LEN_MAX, "Type your name, as in ada@harbour.") {
        Ok(name) => name,
        Err(problem) => return again(problem.status, "", &problem.message),
    };
    form.finish()?;
    if password.expose().is_empty() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, &name, "Type your password.");
    }
    let now = OffsetDateTime::now_utc();
    let tried = door.try_in(&name, password, &session::origin(&request), now).await?;
    door.desk.around().metrics.sign_in(match &tried {
        Tried::NoMatch => SignIn::Refused,
        Tried::Locked | Tried::TooManyHere => SignIn::Locked,
        Tried::Welcome(..) => SignIn::Accepted,
    });
    match tried {
        Tried::NoMatch => again(StatusCode::UNPROCESSABLE_ENTITY, &name, NO_MATCH),
        Tried::Locked => again(StatusCode::TOO_MANY_REQUESTS, &name, LOCKED),
        Tried::TooManyHere => again(StatusCode::TOO_MANY_REQUESTS, &name, TOO_MANY_HERE),
        Tried::Welcome(tenant, agent) => {
            let answer = begin(&request, &door.desk, &token, tenant, agent, now).await?;
            // Whoever signs in again leaves the session that this browser had, with all its screens.
            streams.end(&token.hash());
            Ok(answer)
        }
    }
}

/// The session of an agent who has come in, under a new token.
async fn begin(
    request: &HttpRequest,
    desk: &Desk,
    before: &Token,
    tenant: TenantId,
    agent: AgentId,
    now: OffsetDateTime,
) -> Result<HttpResponse, Problem> {
    let token = Token::fresh().ok_or_else(Problem::unavailable)?;
    let row = SessionRow { token_hash: token.hash(), tenant, agent, created_at: now, seen_at: now };
    let (store, before) = (desk.around().store.clone(), before.hash());
    on_runtime(desk, async move {
        store.session_end(&before).await?;
        store.session_begin(row).await
    })
    .await?;
    let cookie = token.set_cookie(request);
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, "/desk"))
        .insert_header((SET_COOKIE, cookie))
        .finish())
}

/// `POST /sign-out`
pub(super) async fn leave(
    request: HttpRequest,
    body: Bytes,
    signed_in: SignedIn,
    desk: Data<Desk>,
    streams: Data<Streams>,
) -> Result<HttpResponse, Problem> {
    let mut form = Form::read(&request, &body)?;
    csrf::check(&request, &signed_in.token, form.take("csrf").as_deref())?;
    form.finish()?;
    let hash = signed_in.token.hash();
    let entry = AuditEntry {
        who: signed_in.agent.0.clone(),
        what: "sign_out.done".to_owned(),
        at: OffsetDateTime::now_utc(),
        result: AuditResult::Success,
        origin: session::origin(&request),
        object: "dashboard".to_owned(),
    };
    let store = desk.around().store.clone();
    let own = store.tenant(&signed_in.tenant.id);
    on_runtime(&desk, async move {
        store.session_end(&hash).await?;
        own.audit(entry).await
    })
    .await?;
    streams.end(&hash);
    let cookie = session::clear_cookie(&request);
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, "/sign-in?why=bye"))
        .insert_header((SET_COOKIE, cookie))
        .finish())
}
