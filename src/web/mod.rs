//! HTTP: the only place that knows it. `router` is the table of contents.

mod auth;
mod calls;
mod dto;
mod error;
mod health;
mod router;

use crate::calls::Desk;
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// Workers of the server: an agent's screen asks little, and every worker is a thread.
const WORKERS: usize = 2;

/// Longest JSON body: the largest that is asked for has a few hundred bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// A request head must be there by then; longer lets slow clients hold workers.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// The running server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Ends it; requests under way are answered first.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// Binds and starts the server on the actix system of this thread.
pub fn start(listen: SocketAddr, desk: Desk) -> io::Result<Server> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(desk.clone()))
            .app_data(web::JsonConfig::default().limit(BODY_BYTES_MAX).error_handler(error::bad_body))
            .app_data(web::QueryConfig::default().error_handler(error::bad_query))
            .configure(router::routes)
            .default_service(web::to(error::no_such_page))
    })
    .workers(WORKERS)
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
    Ok(Server { address, handle })
}
