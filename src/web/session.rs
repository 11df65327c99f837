//! Who is signed in: a random token in a cookie, its hash in the store, and how long it lasts.

use super::Options;
use super::problem::Problem;
use crate::calls::Desk;
use crate::digitless;
use actix_web::dev::Payload;
use actix_web::http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tonewall_model::ids::{AgentId, TenantId};
use tonewall_model::tenant::{Agent, Tenant};
use tonewall_secret::Secret;
use tonewall_store::{SessionRow, StoreError};

/// A session that nobody used for so long is over (PCI DSS 8.2.8). A live call keeps it.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(15 * 60);

/// A session is over by then in any case: a long working day.
pub(super) const AGE_MAX: Duration = Duration::from_secs(12 * 3_600);

/// How old the last note of use may become before it is written anew: every click a write would
/// cost more than the half minute that is lost of fifteen.
const SEEN_STEP: Duration = Duration::from_secs(30);

/// How long a stream or a poll waits for its session. Longer and a ledger that does not answer holds
/// beats back until screens take the line for lost; shorter turns polls away while it is merely busy.
pub(super) const CHECK_MAX: Duration = Duration::from_millis(500);

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// Letters of a token that goes with forms.
const FORM_TOKEN_LEN: usize = 32;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the browser holds. Nobody else does.
#[derive(Clone)]
pub(super) struct Token(Arc<Secret<String>>);

impl Token {
    /// A fresh one; `None` when the system has no random bits.
    pub fn fresh() -> Option<Token> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).ok()?;
        Some(Token(Arc::new(Secret::new(digitless::text(&bytes)))))
    }

    /// The one in the request's cookie.
    pub fn of(request: &HttpRequest) -> Option<Token> {
        let text = cookie(request.headers(), cookie_name(request))?;
        digitless::is_text(text, TOKEN_BYTES).then(|| Token(Arc::new(Secret::new(text.to_owned()))))
    }

    /// What the store knows of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose()).into()
    }

    /// What a form has to bring, so that no other site can send it.
    pub fn form_token(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"csrf");
        hasher.update(self.0.expose());
        let mut text = digitless::text(&hasher.finalize());
        text.truncate(FORM_TOKEN_LEN);
        text
    }

    /// The header that hands it to the browser for as long as that is open.
    pub fn set_cookie(&self, request: &HttpRequest) -> String {
        format!("{}={}{}", cookie_name(request), self.0.expose(), attributes(request))
    }
}

/// The header that takes it from the browser.
pub(super) fn clear_cookie(request: &HttpRequest) -> String {
    format!("{}=; Max-Age=0{}", cookie_name(request), attributes(request))
}

/// The prefix makes browsers refuse one that is not `Secure`, has a domain or another path.
fn cookie_name(request: &HttpRequest) -> &'static str {
    if is_https(request) { "__Host-tonewall" } else { "tonewall" }
}

fn attributes(request: &HttpRequest) -> &'static str {
    match is_https(request) {
        true => "; Path=/; HttpOnly; SameSite=Lax; Secure",
        false => "; Path=/; HttpOnly; SameSite=Lax",
    }
}

/// The value of a cookie; of the first of that name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
}

fn options(request: &HttpRequest) -> Option<&Data<Options>> {
    request.app_data::<Data<Options>>()
}

/// Whether the request's last hop is a proxy whose word counts.
fn is_proxied(request: &HttpRequest) -> bool {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    options(request).zip(peer).is_some_and(|(options, peer)| {
        options.trusted_proxies.iter().any(|proxy| proxy.to_canonical() == peer)
    })
}

/// Whether the browser came by https: by the word of a proxy, or because the operator says that no
/// other way leads here.
pub(super) fn is_https(request: &HttpRequest) -> bool {
    let always = options(request).is_some_and(|options| options.secure_cookies);
    let proto = request.headers().get(FORWARDED_PROTO).map(HeaderValue::as_bytes);
    always || (is_proxied(request) && proto == Some(b"https"))
}

/// Where the request came from: for the audit log.
pub(super) fn origin(request: &HttpRequest) -> String {
    let last = request.headers().get(FORWARDED_FOR).and_then(|value| value.to_str().ok());
    let told = last.and_then(|list| list.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    let peer = request.peer_addr().map(|peer| peer.ip());
    let from = told.filter(|_| is_proxied(request)).or(peer);
    from.map_or_else(|| "unknown".to_owned(), |ip| ip.to_canonical().to_string())
}

/// Whether a session still holds at `now`.
pub(super) fn is_alive(row: &SessionRow, now: OffsetDateTime) -> bool {
    now - row.seen_at < IDLE_MAX && now - row.created_at < AGE_MAX
}

/// An agent who is signed in. Taking one from a request counts as use of the session.
pub(super) struct SignedIn {
    /// Whose agent.
    pub tenant: Arc<Tenant>,
    /// Who.
    pub agent: AgentId,
    /// Their name.
    pub name: String,
    /// The session's token.
    pub token: Token,
}

/// The same for a stream or a poll, which is no use of the session: an unattended screen still asks.
pub(super) struct Watching(pub SignedIn);

impl SignedIn {
    /// The agent of the session, if it holds at `now` and they are still one.
    pub async fn at(desk: &Desk, token: Token, now: OffsetDateTime, used: bool) -> Result<SignedIn, Problem> {
        let (store, hash) = (desk.around().store.clone(), token.hash());
        let found = on_runtime(desk, async move { store.session(&hash).await }).await?;
        let row = found.filter(|row| is_alive(row, now)).ok_or_else(Problem::signed_out)?;
        let (tenant, name) = agent(desk, &row.tenant, &row.agent).ok_or_else(Problem::signed_out)?;
        let signed_in = SignedIn { tenant, agent: row.agent.clone(), name, token };
        let used = used || (now - row.seen_at >= SEEN_STEP && desk.has_live_call(&row.tenant, &row.agent));
        if used && now - row.seen_at >= SEEN_STEP {
            let store = desk.around().store.clone();
            on_runtime(desk, async move { store.session_seen(&hash, now).await }).await?;
        }
        Ok(signed_in)
    }
}

fn agent(desk: &Desk, tenant: &TenantId, agent: &AgentId) -> Option<(Arc<Tenant>, String)> {
    let tenants = desk.around().tenants.snapshot();
    let tenant = Arc::clone(tenants.tenant(tenant)?);
    let may = |agent: &&Agent| agent.password_hash.is_some();
    let name = tenant.agent(agent).filter(may)?.name.clone();
    Some((tenant, name))
}

/// A store's future on the runtime of its pool: a connection opened on a web worker would live there.
pub(super) async fn on_runtime<T: Send + 'static>(
    desk: &Desk,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, Problem> {
    match desk.around().runtime.spawn(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store did not answer a page");
            Err(Problem::unavailable())
        }
        Err(_) => Err(Problem::unavailable()),
    }
}

fn from_request(request: &HttpRequest, used: bool) -> LocalBoxFuture<'static, Result<SignedIn, Problem>> {
    let (desk, token) = (request.app_data::<Data<Desk>>().cloned(), Token::of(request));
    Box::pin(async move {
        let (desk, token) = desk.zip(token).ok_or_else(Problem::signed_out)?;
        SignedIn::at(&desk, token, OffsetDateTime::now_utc(), used).await
    })
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<SignedIn, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        from_request(request, true)
    }
}

impl FromRequest for Watching {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Watching, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let signed_in = from_request(request, false);
        Box::pin(async move {
            let checked = tokio::time::timeout(CHECK_MAX, signed_in).await;
            checked.unwrap_or_else(|_| Err(Problem::unavailable())).map(Watching)
        })
    }
}
