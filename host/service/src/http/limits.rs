//! Limits of every request: how long it may take, how many may come from one address.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::address::ClientAddress;
use crate::http::{App, Problem};

/// Storage that does not answer within this time is why a request was not answered.
const MAX_STORAGE_PAUSE: Duration = Duration::from_secs(2);

/// Cuts off requests that are not answered within `request_timeout_secs`.
///
/// # Errors
/// 408 `request_timeout`; 503 `storage_unavailable` if the storage is silent.
pub async fn in_time(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Problem> {
    let max_secs = app.config.server.request_timeout_secs;
    let answered = tokio::time::timeout(Duration::from_secs(max_secs), next.run(request)).await;
    if let Ok(answer) = answered {
        return Ok(answer);
    }
    let storage_answers = async { app.store.check().await.is_ok() && app.blobs.check().await.is_ok() };
    if tokio::time::timeout(MAX_STORAGE_PAUSE, storage_answers).await != Ok(true) {
        return Err(Problem::storage_unavailable());
    }
    let detail = format!("the request was not received and answered within {max_secs} s");
    Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).help("try again"))
}

/// Counts requests by address, before anybody is known.
///
/// # Errors
/// 429 `rate_limited`.
pub async fn by_address(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    // who asks whether it lives must not be told that it is busy
    if request.uri().path() != super::health::HEALTHZ {
        app.rates.take_of_address(address).map_err(Problem::rate_limited)?;
    }
    Ok(next.run(request).await)
}
