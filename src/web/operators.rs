//! The server of operators: no agent and no customer reaches it.

use super::health;
use crate::calls::Desk;
use actix_web::dev::ServerHandle;
use actix_web::web::{self, get};
use actix_web::{App, HttpResponse, HttpServer};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// Media type of the text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A request head must be there by then.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// Connections at once: a scraper or two, and whoever watches whether we live.
const CONNECTIONS_MAX: usize = 64;

/// The running server.
pub struct Operators {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Operators {
    /// Ends it; requests under way are answered first.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// Binds and starts the server on the actix system of this thread.
///
/// # Errors
/// The address cannot be had.
pub fn open(listen: SocketAddr, desk: Desk) -> io::Result<Operators> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let desk = web::Data::new(desk);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(desk.clone())
            .route("/metrics", get().to(scrape))
            .route("/livez", get().to(health::live))
            .route("/readyz", get().to(health::ready))
            .route("/version", get().to(health::version))
            .default_service(web::to(HttpResponse::NotFound))
    })
    .workers(1)
    .max_connections(CONNECTIONS_MAX)
    .client_request_timeout(HEAD_MAX)
    .shutdown_timeout(2)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    actix_rt::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "metrics server stopped");
        }
    });
    Ok(Operators { address, handle })
}

async fn scrape(desk: web::Data<Desk>) -> HttpResponse {
    let around = desk.around();
    match around.metrics.text(around).await {
        Ok(text) => HttpResponse::Ok().content_type(TEXT_FORMAT).body(text),
        Err(error) => {
            tracing::error!(error, "metrics cannot be written");
            HttpResponse::InternalServerError().body("the metrics cannot be written\n")
        }
    }
}
