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

/// The ledger answers: a payment could be taken.
pub(super) async fn ready(desk: web::Data<Desk>) -> HttpResponse {
    match desk.around().store.ping().await {
        Ok(()) => HttpResponse::Ok().body("ok\n"),
        Err(_) => HttpResponse::ServiceUnavailable().body("ledger unavailable\n"),
    }
}

/// What runs here.
pub(super) async fn version() -> HttpResponse {
    HttpResponse::Ok().json(Version { name: "tonewall", version: env!("CARGO_PKG_VERSION") })
}
