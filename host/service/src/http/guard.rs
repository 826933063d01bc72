//! What holds for every answer: security headers, no panic gets out, unknown paths and methods are problems too.

use std::any::Any;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

use crate::http::{API, App, Problem, docs};

/// Nothing of the API is a page: nothing may be loaded from it, nor may it be shown in one.
const NO_CONTENT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// A body up to this size is read to its end by the server even where nobody wanted it.
const MAX_DRAINED_BYTES: u64 = 4 << 10;

/// Where a request is refused before its body was read, the connection ends with the answer, and the client is told: it
/// would else send the next request into a connection that closes (RFC 9112, 9.6).
pub async fn close_after_refusal(request: Request, next: Next) -> Response {
    let is_http1 = request.version() <= Version::HTTP_11;
    let num_bytes = request.body().size_hint().upper();
    let mut response = next.run(request).await;
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    if is_http1 && is_refused && num_bytes.is_none_or(|num_bytes| num_bytes > MAX_DRAINED_BYTES) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Adds the security headers that an answer does not have.
pub async fn add_headers(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let policy = if path.starts_with(docs::PATH) { docs::CONTENT_POLICY } else { NO_CONTENT_POLICY };
    let is_api = path.starts_with(API);
    let mut response = next.run(request).await;
    let mut add = |name: HeaderName, value: &'static str| {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    };
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(header::X_FRAME_OPTIONS, "DENY");
    add(header::CONTENT_SECURITY_POLICY, policy);
    add(header::REFERRER_POLICY, "no-referrer");
    if is_api {
        add(header::CACHE_CONTROL, "no-store");
    }
    if app.config.server.tls_cert.is_some() {
        add(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// A panic of a handler is answered as a bug and ends nothing else.
pub fn catch_panics() -> CatchPanicLayer<AsBug> {
    CatchPanicLayer::custom(AsBug)
}

/// See [`catch_panics`].
#[derive(Debug, Clone, Copy)]
pub struct AsBug;

impl ResponseForPanic for AsBug {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send>) -> Response {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        tracing::error!(panic = text.unwrap_or("of an unknown kind"), "a handler panicked");
        Problem::bug().into_response()
    }
}

/// Answer of paths that there are not.
#[must_use]
pub fn no_route(uri: &Uri) -> Problem {
    let detail = format!("there is no `{}`", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", detail).help("see /api/docs for the paths that there are")
}

/// Answer of paths that do not know the method.
pub async fn no_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("`{}` does not know {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        .help("the header Allow names the methods it knows")
}
