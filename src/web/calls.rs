//! What an agent's screen, or an integration in its place, asks of calls.

use super::auth::Caller;
use super::dto::{AddressBody, AttemptDto, CallDto, CallsDto, CallsQuery, PaymentBody, ReaskBody, field_of};
use super::error::ApiError;
use crate::calls::Desk;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Json, Path, Query};
use std::time::Duration;
use tokio::sync::watch;
use tonewall_model::call::{CallView, Command};
use tonewall_model::card::Address;
use tonewall_model::ids::{AttemptId, CallId};
use tonewall_model::money::{Currency, Money};

/// A line that says "still here"; a screen that hears none for 2 s must call the line not secure.
const HEARTBEAT: Duration = Duration::from_secs(1);

type Answer = Result<HttpResponse, ApiError>;

fn call_id(text: &str) -> Result<CallId, ApiError> {
    CallId::parse(text).ok_or(ApiError::NotFound)
}

fn shown(view: &CallView) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(CallDto::of(view))
}

async fn command(desk: &Desk, caller: &Caller, call: &str, command: Command) -> Answer {
    Ok(shown(&desk.command(&caller.0.id, &call_id(call)?, command).await?))
}

/// The tenant's calls.
pub(super) async fn list(desk: Data<Desk>, caller: Caller, query: Query<CallsQuery>) -> Answer {
    let mut calls = desk.calls(&caller.0.id);
    if let Some(number) = &query.caller {
        // A `+` that nobody escaped arrives as a space (HTML's form encoding).
        let number = number.replace(' ', "+");
        calls.retain(|view| view.caller == number);
    }
    let calls = calls.iter().map(CallDto::of).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(CallsDto { calls }))
}

/// One call.
pub(super) async fn show(desk: Data<Desk>, caller: Caller, call: Path<String>) -> Answer {
    Ok(shown(&desk.call(&caller.0.id, &call_id(&call)?)?))
}

/// What to collect.
pub(super) async fn payment(
    desk: Data<Desk>,
    caller: Caller,
    call: Path<String>,
    body: Json<PaymentBody>,
) -> Answer {
    let currency = Currency::parse(&body.currency).filter(|currency| *currency == caller.0.currency);
    let Some(currency) = currency else {
        return Err(ApiError::BadBody("The currency is not the one of this organisation."));
    };
    let Ok(amount) = Money::payable(body.amount_minor, currency) else {
        return Err(ApiError::BadBody("The amount has to be positive and below the limit."));
    };
    let payment = desk.payment_id().ok_or(ApiError::NoEntropy)?;
    let PaymentBody { account, confirm: confirmed, .. } = body.into_inner();
    command(&desk, &caller, &call, Command::Collect { payment, account, amount, confirmed }).await
}

/// House number and postcode.
pub(super) async fn address(
    desk: Data<Desk>,
    caller: Caller,
    call: Path<String>,
    body: Json<AddressBody>,
) -> Answer {
    let Some(address) = Address::parse(&body.house_number, &body.postcode) else {
        return Err(ApiError::BadBody("House number or postcode is too long or holds control characters."));
    };
    command(&desk, &caller, &call, Command::Address(address)).await
}

/// One field again.
pub(super) async fn reask(
    desk: Data<Desk>,
    caller: Caller,
    call: Path<String>,
    body: Json<ReaskBody>,
) -> Answer {
    let Some(field) = field_of(&body.field) else {
        return Err(ApiError::BadBody("There is no field of this name."));
    };
    command(&desk, &caller, &call, Command::Reask(field)).await
}

/// Wishes without a body.
pub(super) async fn wish(desk: Data<Desk>, caller: Caller, path: Path<(String, String)>) -> Answer {
    let (call, wish) = path.into_inner();
    let wanted = match wish.as_str() {
        "secure" => Command::Secure,
        "unsecure" => Command::Unsecure,
        "take" => Command::Take(desk.attempt_id().ok_or(ApiError::NoEntropy)?),
        "more-time" => Command::MoreTime,
        "slow-keys" => Command::SlowKeys(true),
        "usual-keys" => Command::SlowKeys(false),
        "cancel" => Command::Cancel,
        "hangup" => Command::Hangup,
        #[cfg(feature = "faults")]
        other => return fault(&desk, &caller, &call, other),
        #[cfg(not(feature = "faults"))]
        _ => return Err(ApiError::NotFound),
    };
    command(&desk, &caller, &call, wanted).await
}

/// Faults that tests set off.
#[cfg(feature = "faults")]
fn fault(desk: &Desk, caller: &Caller, call: &str, word: &str) -> Answer {
    use crate::calls::Fault;
    let fault = match word {
        "fault-panic" => Fault::Panic,
        "fault-panic-in-future" => Fault::PanicInFuture,
        "fault-hang" => Fault::Hang,
        "fault-block" => Fault::Block,
        "fault-payment-panic" => Fault::PaymentPanic,
        "fault-leak" => Fault::Leak,
        _ => return Err(ApiError::NotFound),
    };
    desk.fault(&caller.0.id, &call_id(call)?, fault)?;
    Ok(HttpResponse::NoContent().finish())
}

/// One attempt, from the ledger.
pub(super) async fn attempt(desk: Data<Desk>, caller: Caller, attempt: Path<String>) -> Answer {
    let id = AttemptId::parse(&attempt).ok_or(ApiError::NotFound)?;
    let row = desk.attempt(&caller.0.id, &id).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(AttemptDto::of(&row)))
}

/// Every change of one call as server-sent events, the whole of it each time, until it ends.
pub(super) async fn events(desk: Data<Desk>, caller: Caller, call: Path<String>) -> Answer {
    let views = desk.watch(&caller.0.id, &call_id(&call)?)?;
    let stream = futures_util::stream::unfold((views, true, false), |(mut views, first, over)| async move {
        if over {
            return None;
        }
        let changed = match first {
            true => Ok(Ok(())),
            false => tokio::time::timeout(HEARTBEAT, views.changed()).await,
        };
        let (frame, over) = match changed {
            Ok(Ok(())) => frame(&mut views),
            Ok(Err(_)) => return None,
            Err(_) => (Bytes::from_static(b": hb\n\n"), false),
        };
        Some((Ok::<Bytes, actix_web::Error>(frame), (views, false, over)))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(stream))
}

fn frame(views: &mut watch::Receiver<CallView>) -> (Bytes, bool) {
    use tonewall_model::call::{PayState, Phase};
    use tonewall_model::payment::attempt::AttemptState;
    let view = views.borrow_and_update();
    let json = serde_json::to_string(&CallDto::of(&view)).unwrap_or_else(|_| "{}".to_owned());
    // A payment under way outlives its call: its outcome is the last word.
    let sending = view.payment.state == PayState::Attempt(AttemptState::Sending);
    let over = matches!(view.phase, Phase::Ended(_)) && !sending;
    (Bytes::from(format!("event: call\ndata: {json}\n\n")), over)
}
