//! A deadline for request bodies: the server's own ends with the head.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use futures_util::{StreamExt, stream};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// A whole body must be there by then: a few kilobytes even over a bad line. Longer lets slow clients
/// hold connections.
const BODY_MAX: Duration = Duration::from_secs(10);

/// Gives every body its deadline.
pub(super) async fn in_time<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let (_, body) = request.parts_mut();
    *body = match std::mem::replace(body, Payload::None) {
        Payload::None => Payload::None,
        body => limited(body, BODY_MAX),
    };
    next.call(request).await
}

/// The same body, which breaks off with an error if it is not whole in time.
fn limited(body: Payload, within: Duration) -> Payload {
    let until = Instant::now() + within;
    let chunks = stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match tokio::time::timeout_at(until, body.next()).await {
            Ok(chunk) => Some((chunk?, Some(body))),
            Err(_) => Some((Err(PayloadError::Io(io::ErrorKind::TimedOut.into())), None)),
        }
    });
    Payload::Stream { payload: Box::pin(chunks) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::web::Bytes;

    fn body(chunks: Vec<&'static str>, ends: bool) -> Payload {
        let chunks = stream::iter(chunks).map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));
        match ends {
            true => Payload::Stream { payload: Box::pin(chunks) },
            false => Payload::Stream { payload: Box::pin(chunks.chain(stream::pending())) },
        }
    }

    #[actix_web::test]
    async fn a_body_in_time_is_whole() {
        let read: Vec<_> = limited(body(vec!["a=1", "&b=2"], true), BODY_MAX).collect().await;
        let read: Vec<_> = read.into_iter().map(|chunk| chunk.expect("a chunk")).collect();
        assert_eq!(read, ["a=1", "&b=2"]);
    }

    #[actix_web::test]
    async fn a_slow_body_is_an_error_and_not_a_shorter_body() {
        let mut read = limited(body(vec!["a=1"], false), Duration::from_millis(20));
        assert!(matches!(read.next().await, Some(Ok(_))));
        assert!(matches!(read.next().await, Some(Err(PayloadError::Io(_)))));
        assert!(read.next().await.is_none());
    }
}
