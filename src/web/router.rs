//! Every route of the server.

use super::{calls, health};
use actix_web::web::{self, ServiceConfig, get, post};

/// The table of contents.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/livez", get().to(health::live))
        .route("/readyz", get().to(health::ready))
        .route("/version", get().to(health::version))
        .service(
            web::scope("/v1")
                .route("/calls", get().to(calls::list))
                .route("/calls/{call}", get().to(calls::show))
                .route("/calls/{call}/events", get().to(calls::events))
                .route("/calls/{call}/payment", post().to(calls::payment))
                .route("/calls/{call}/address", post().to(calls::address))
                .route("/calls/{call}/reask", post().to(calls::reask))
                .route("/calls/{call}/{wish}", post().to(calls::wish))
                .route("/attempts/{attempt}", get().to(calls::attempt)),
        );
}
