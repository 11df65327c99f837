//! Who asks: the bearer token of a tenant.

use super::error::ApiError;
use crate::calls::Desk;
use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use std::future::{Ready, ready};
use std::sync::Arc;
use tonewall_model::tenant::Tenant;

/// The tenant whose token came with the request.
pub(super) struct Caller(pub Arc<Tenant>);

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Caller, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).ok_or(ApiError::Unauthorised))
    }
}

fn caller(request: &HttpRequest) -> Option<Caller> {
    let desk = request.app_data::<web::Data<Desk>>()?;
    let token = request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    desk.around().tenants.snapshot().by_token(token.trim().as_bytes()).map(Caller)
}
