//! HTTP: the only place that knows it. `router` is the table of contents.
//!
//! | file | holds |
//! |---|---|
//! | `auth`, `calls`, `dto`, `error` | the API of integrations under `/v1` |
//! | `session`, `csrf`, `sign_in`, `password`, `brakes` | who an agent is |
//! | `desk`, `actions`, `live`, `streams` | the agent's screen |
//! | `receipts`, `demo`, `styleguide` | previews, the simulated customer, every component |
//! | `pages`, `assets`, `brand` | templates, files, a tenant's colours |
//! | `headers`, `problem`, `forms`, `bodies` | what every answer has, every refusal says, every form obeys |

mod actions;
mod assets;
mod auth;
mod bodies;
mod brakes;
mod brand;
mod calls;
mod csrf;
mod demo;
mod desk;
mod dto;
mod error;
mod forms;
mod headers;
mod health;
mod live;
pub mod operators;
mod pages;
mod password;
mod problem;
mod receipts;
mod router;
mod session;
mod sign_in;
mod streams;
mod styleguide;

#[cfg(test)]
mod tests;

use crate::calls::Desk;
use crate::demo::Controls;
use crate::letters::Letters;
use crate::screen::Screens;
use actix_web::dev::ServerHandle;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use rustix::process::{Resource, getrlimit};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::task::AbortHandle;

/// Workers of the server: an agent's screen asks little, and every worker is a thread.
const WORKERS: usize = 2;

/// Connections of all workers together: an agent's screen holds one or two. More would leave calls
/// without descriptors.
const CONNECTIONS_MAX: usize = 2_000;

/// Connections take at most one descriptor in so many; calls have the others.
const DESCRIPTORS_SHARE: u64 = 2;

/// Longest body: the largest that is asked for has a few hundred bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// A request head must be there by then; longer lets slow clients hold workers.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// How often sessions and failed sign-ins that mean nothing any more are deleted.
const TIDY_EVERY: Duration = Duration::from_secs(10 * 60);

/// What the operator says of the way between browsers and here.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether browsers come by https only, so that cookies always say `Secure`. Otherwise each
    /// request tells: https where a trusted proxy says so, else plain.
    pub secure_cookies: bool,
    /// Proxies whose `X-Forwarded-Proto` and `X-Forwarded-For` count.
    pub trusted_proxies: Vec<IpAddr>,
}

/// What the server needs of the rest of the system.
pub struct Parts {
    /// The way to calls and rows.
    pub desk: Desk,
    /// What agents see of calls.
    pub screens: Screens,
    /// Letters, for their preview.
    pub letters: Arc<Letters>,
    /// The simulated customers and the mailbox; `None` outside the demo, whose routes are then none.
    pub controls: Option<Controls>,
    /// What the operator says.
    pub options: Options,
}

/// The running server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
    tidying: AbortHandle,
}

impl Server {
    /// Ends it; requests under way are answered first.
    pub async fn stop(self) {
        self.tidying.abort();
        self.handle.stop(true).await;
    }
}

/// Binds and starts the server on the actix system of this thread.
///
/// # Errors
/// The address cannot be bound, or a template cannot be compiled.
pub fn open(listen: SocketAddr, parts: Parts) -> io::Result<Server> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let tidying = parts.desk.around().runtime.spawn(tidy(parts.desk.clone())).abort_handle();
    let shared = Shared::new(parts).map_err(io::Error::other)?;
    let server = HttpServer::new(move || {
        let shared = shared.clone();
        App::new()
            .wrap(middleware::from_fn(bodies::in_time))
            .wrap(middleware::from_fn(problem::faces))
            .wrap(middleware::from_fn(headers::guard))
            .configure(move |config| shared.configure(config))
            .default_service(web::to(error::no_such_page))
    })
    .workers(WORKERS)
    .max_connections(connections_per_worker(getrlimit(Resource::Nofile).current))
    .client_request_timeout(HEAD_MAX)
    .shutdown_timeout(2)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    actix_rt::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "HTTP server stopped");
        }
    });
    Ok(Server { address, handle, tidying })
}

/// Connections that a worker may have where the process may have so many descriptors.
fn connections_per_worker(descriptors: Option<u64>) -> usize {
    let share = descriptors.and_then(|all| usize::try_from(all / DESCRIPTORS_SHARE).ok());
    (share.unwrap_or(CONNECTIONS_MAX).min(CONNECTIONS_MAX) / WORKERS).max(1)
}

/// What all workers share.
#[derive(Clone)]
struct Shared {
    desk: Data<Desk>,
    options: Data<Options>,
    pages: Data<pages::Pages>,
    door: Data<sign_in::Door>,
    streams: Data<streams::Streams>,
    demo: Data<Option<demo::Demo>>,
    letters: Data<Letters>,
    screens: Data<Screens>,
}

impl Shared {
    fn new(parts: Parts) -> Result<Shared, String> {
        let demo = parts.controls.map(|controls| demo::Demo::new(controls, parts.desk.clone()));
        Ok(Shared {
            demo: Data::new(demo),
            letters: Data::from(parts.letters),
            screens: Data::new(parts.screens),
            door: Data::new(sign_in::Door::new(parts.desk.clone())),
            desk: Data::new(parts.desk),
            options: Data::new(parts.options),
            pages: Data::new(pages::Pages::new()?),
            streams: Data::new(streams::Streams::default()),
        })
    }

    /// Routes, limits, and what handlers may ask for.
    fn configure(self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.desk)
            .app_data(self.options)
            .app_data(self.pages)
            .app_data(self.door)
            .app_data(self.streams)
            .app_data(self.demo)
            .app_data(self.letters)
            .app_data(self.screens)
            .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
            .app_data(web::JsonConfig::default().limit(BODY_BYTES_MAX).error_handler(error::bad_body))
            .app_data(web::QueryConfig::default().error_handler(error::bad_query))
            .configure(router::routes);
    }
}

/// Deletes sessions that nobody used, and failed sign-ins that do not count any more.
async fn tidy(desk: Desk) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    loop {
        ticks.tick().await;
        let (store, now) = (&desk.around().store, OffsetDateTime::now_utc());
        let idle = store.sessions_expire(now - session::IDLE_MAX).await;
        let names = store.sign_ins_expire(now - 2 * tonewall_model::sign_in::WINDOW).await;
        if let Err(error) = idle.and(names) {
            tracing::warn!(%error, "old sessions were not deleted");
        }
    }
}

/// Sets a header, over what was there.
fn set_header(answer: &mut HttpResponse, name: HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Adds a header whose value was made here.
fn add_header(answer: &mut HttpResponse, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().append(name, value);
    }
}
