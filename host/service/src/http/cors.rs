//! Pages of listed origins may call the API (Fetch, 3.2). Only preflights are answered here: an OPTIONS without
//! `Access-Control-Request-Method` is a request of its own, by which tus clients ask what the server can do.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::App;

const METHODS: &str = "GET, HEAD, POST, PATCH, DELETE, OPTIONS";

/// What pages may send.
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, range, \
    tus-resumable, upload-checksum, upload-defer-length, upload-length, upload-metadata, upload-offset, x-request-id";

/// What pages may read.
const RESPONSE_HEADERS: &str = "accept-ranges, content-disposition, content-range, etag, location, retry-after, tus-checksum-algorithm, \
    tus-extension, tus-max-size, tus-resumable, tus-version, upload-expires, upload-length, upload-metadata, upload-offset, x-request-id";

/// Adds the headers for origins of `server.cors_origins`, and answers their preflights.
pub async fn allow_listed(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origins = &app.config.server.cors_origins;
    if origins.is_empty() {
        return next.run(request).await;
    }
    let listed = request.headers().get(header::ORIGIN).filter(|origin| is_listed(origin, origins)).cloned();
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && listed.is_some();
    let mut response = if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
    if let Some(origin) = listed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        add(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
    if is_preflight {
        add(headers, header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        add(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        add(headers, header::ACCESS_CONTROL_MAX_AGE, "600");
    }
    response
}

fn is_listed(origin: &HeaderValue, origins: &[String]) -> bool {
    origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
}

fn add(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
