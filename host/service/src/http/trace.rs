//! Each request has an id, in its answer and in every line of log that comes of it.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use scene3d_monitor::metrics::HttpRequest;
use tracing::Instrument;
use uuid::Uuid;

use crate::http::App;
use crate::http::problem::ProblemCode;

/// The client's if it is short and harmless in a log, else ours.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_ID_CHARS: usize = 64;

/// Gives the request an id and logs how it was answered: by its route, never its path or its query, which may name things
/// of users and carry signatures.
pub async fn traced(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_harmless(id)).cloned().unwrap_or_else(new_id);
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let method = request.method().clone();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, route = route.as_deref());
    let start = Instant::now();
    let answered = async {
        let response = next.run(request).await;
        let (status, elapsed_ms) = (response.status().as_u16(), start.elapsed().as_millis());
        tracing::info!(status, elapsed_ms, "answered");
        let secs = start.elapsed().as_secs_f64();
        let is_too_many = response.status() == StatusCode::TOO_MANY_REQUESTS;
        let (route, method) = (route.as_deref(), method.as_str());
        app.metrics.http.answered(&HttpRequest { route, method, status, secs });
        if let Some(ProblemCode(code)) = response.extensions().get().filter(|_| is_too_many) {
            app.metrics.access.rate_limited(code);
        }
        response
    };
    let mut response = answered.instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn is_harmless(id: &HeaderValue) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=MAX_ID_CHARS).contains(&id.len()) && id.as_bytes().iter().all(is_word)
}

fn new_id() -> HeaderValue {
    HeaderValue::try_from(Uuid::now_v7().simple().to_string()).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_clients_are_short_words() {
        let is_harmless = |id: &str| is_harmless(&HeaderValue::from_str(id).unwrap());
        assert!(is_harmless("0197-ab.C_d"));
        assert!(!is_harmless(""));
        assert!(!is_harmless("a b"));
        assert!(!is_harmless("x\",\"level\":\"ERROR"));
        assert!(!is_harmless(&"a".repeat(65)));
    }
}
