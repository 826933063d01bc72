//! The OpenAPI document and pages to browse it, all from this server.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::{App, Problem};

/// Where the pages are.
pub const PATH: &str = "/api/docs";

/// Where the document is.
pub const DOCUMENT: &str = "/api/v1/openapi.json";

/// The pages load scripts of this server, and set styles and small images by themselves.
pub const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Routes of both.
pub fn routes(document: &utoipa::openapi::OpenApi) -> Router<Arc<App>> {
    // without a validator: it would send the document to a third party
    let config = Config::new([DOCUMENT]).validator_url("none").use_base_layout();
    Router::from(SwaggerUi::new(PATH).config(config).url(DOCUMENT, document.clone())).layer(map_response(as_problem))
}

async fn as_problem(response: Response) -> Response {
    match response.status() {
        StatusCode::NOT_FOUND => Problem::not_found("page").into_response(),
        _ => response,
    }
}
