//! The API over HTTP: the only place that knows requests, bodies and statuses.

pub mod address;
pub mod artifacts;
pub mod auth;
pub mod blocking;
mod byte_range;
pub mod configs;
mod cors;
pub mod docs;
mod download;
pub mod drift;
pub mod events;
pub mod extract;
mod guard;
pub mod health;
pub mod images;
mod job_problems;
pub mod job_view;
pub mod jobs;
mod limits;
pub mod logs;
pub mod metrics;
mod multipart;
pub mod openapi;
mod pace;
pub mod page;
pub mod plugins;
pub mod problem;
pub mod queries;
pub mod state;
pub mod thumbnails;
mod trace;
pub mod tus;
pub mod upload_limits;
pub mod upload_view;
pub mod uploads;
pub mod user;
pub mod web_page;
pub mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use problem::Problem;
pub use state::App;
pub use user::Caller;
pub use web_page::{PageFile, WebPage};

pub use crate::scope::Scope;

use openapi::{Access, documented};

/// Where the API begins.
pub const API: &str = "/api/v1";

/// Every route with its layers, and the page where there is no route.
pub fn router(app: &Arc<App>, page: WebPage) -> Router {
    let authenticated = from_fn_with_state(Arc::clone(app), user::authenticate);
    let timed = from_fn_with_state(Arc::clone(app), limits::in_time);
    let private = answered_soon().route_layer(timed.clone()).merge(received_slowly()).route_layer(authenticated);
    let scraper = from_fn_with_state(Arc::clone(app), metrics::authenticate_scraper);
    let (router, document) = described(Routes {
        private,
        public: public().route_layer(timed.clone()),
        health: health::routes().route_layer(timed.clone()),
        metrics: metrics::routes().route_layer(timed).route_layer(scraper),
    });
    let no_operation =
        move |method: Method, uri: Uri, headers: HeaderMap| async move { page.answer(&method, &uri, &headers) };
    let router = router.merge(docs::routes(&document)).fallback(no_operation);
    layered(router, app).with_state(Arc::clone(app))
}

/// The document that describes every route; the same for every server of this version.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let private = answered_soon().merge(received_slowly());
    described(Routes { private, public: public(), health: health::routes(), metrics: metrics::routes() }).1
}

/// Routes by who may call them.
struct Routes {
    /// Of the API, with a token.
    private: OpenApiRouter<Arc<App>>,
    /// Of the API, without.
    public: OpenApiRouter<Arc<App>>,
    /// Beside the API, without a token.
    health: OpenApiRouter<Arc<App>>,
    /// Beside the API, with an admin's or the scraper's.
    metrics: OpenApiRouter<Arc<App>>,
}

/// Brings routes together, and describes them.
fn described(routes: Routes) -> (Router<Arc<App>>, utoipa::openapi::OpenApi) {
    let Routes { private, public, health, metrics } = routes;
    let api = documented(private, Access::Bearer).merge(documented(public, Access::Public));
    let around = documented(health, Access::Public).merge(documented(metrics, Access::Bearer));
    let (router, mut document) =
        OpenApiRouter::with_openapi(openapi::Document::openapi()).nest(API, api).merge(around).split_for_parts();
    openapi::name_wildcards(&mut document);
    openapi::add_components(&mut document);
    (router, document)
}

/// What needs a token; a request to it is cut off after `request_timeout_secs`, up to the head of the answer: streams and
/// downloads go on.
fn answered_soon() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(plugins::routes())
        .merge(configs::routes())
        .merge(jobs::routes())
        .merge(events::routes())
        .merge(logs::routes())
        .merge(artifacts::routes())
        .merge(thumbnails::routes())
        .merge(drift::routes())
        .merge(webhooks::routes())
        .merge(uploads::routes())
        .merge(upload_limits::routes())
        .merge(images::routes())
}

/// What needs a token and takes as long as its body does; each looks after its own limits.
fn received_slowly() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().merge(uploads::slow_routes()).merge(tus::routes())
}

/// What needs no token: it is how to get one, or brings its own proof.
fn public() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().merge(auth::routes()).merge(artifacts::public_routes())
}

/// From the inside out: what comes last sees a request first.
fn layered(router: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    router
        .method_not_allowed_fallback(guard::no_method)
        .layer(DefaultBodyLimit::max(app.config.server.max_body_bytes))
        .layer(from_fn_with_state(Arc::clone(app), limits::by_address))
        .layer(from_fn_with_state(Arc::clone(app), cors::allow_listed))
        .layer(guard::catch_panics())
        .layer(from_fn(guard::close_after_refusal))
        .layer(from_fn_with_state(Arc::clone(app), guard::add_headers))
        .layer(from_fn_with_state(Arc::clone(app), trace::traced))
}
