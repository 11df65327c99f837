//! Whether the process lives, and whether it can take calls.

use crate::calls::Desk;
use actix_web::{HttpResponse, web};
use serde::Serialize;

#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
}

/// The process turns.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().body("ok\n")
}

/// A payment could be taken: the ledger answers, and the node is not being emptied.
pub(super) async fn ready(desk: web::Data<Desk>) -> HttpResponse {
    match desk.is_ready().await {
        true => HttpResponse::Ok().body("ok\n"),
        false => HttpResponse::ServiceUnavailable().body("draining, or the ledger is unavailable\n"),
    }
}

/// What runs here.
pub(super) async fn version() -> HttpResponse {
    HttpResponse::Ok().json(Version { name: "tonewall", version: env!("CARGO_PKG_VERSION") })
}
