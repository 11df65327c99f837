//! Every route of the server.

use super::{
    actions, assets, brand, calls, demo, desk, headers, health, live, receipts, sign_in, styleguide,
};
use actix_web::web::{self, ServiceConfig, get, post};

/// The table of contents.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/livez", get().to(health::live))
        .route("/readyz", get().to(health::ready))
        .route("/version", get().to(health::version))
        .configure(api)
        .configure(files)
        .configure(demonstration)
        .route("/", get().to(sign_in::home))
        .route("/sign-in", get().to(sign_in::page))
        .route("/sign-in", post().to(sign_in::enter))
        .route("/sign-out", post().to(sign_in::leave))
        .route("/desk", get().to(desk::page))
        .route("/desk/screen", get().to(desk::screen))
        .route("/desk/events", get().to(live::events))
        .route("/desk/{call}/{action}", post().to(actions::act))
        .route("/receipts/preview", get().to(receipts::page))
        .route("/receipts/preview/html", get().to(receipts::html))
        .route("/receipts/preview/text", get().to(receipts::text));
}

/// For integrations, with a tenant's token.
fn api(config: &mut ServiceConfig) {
    config.service(
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

/// What pages load, and what browsers say of them.
fn files(config: &mut ServiceConfig) {
    config
        .route("/assets/{hash}/{path:.*}", get().to(assets::serve))
        .route("/brand/{tenant}/{file}", get().to(brand::serve))
        .route("/favicon.svg", get().to(assets::favicon))
        .route("/csp-report", post().to(headers::report));
}

/// Of the demo alone, or nearly.
fn demonstration(config: &mut ServiceConfig) {
    config
        .route("/styleguide", get().to(styleguide::page))
        .route("/demo/call", post().to(demo::call))
        .route("/dev/mail", get().to(demo::mailbox))
        .route("/dev/mail/{id}", get().to(demo::mail))
        .route("/dev/mail/{id}/html", get().to(demo::letter));
}
