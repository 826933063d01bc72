//! Whether it lives, and whether it can work: what is not ready, and why.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::rfc3339;
use crate::http::App;
use crate::http::extract::Json;
use crate::store::plugin_failures::PluginFailure;

/// Path of the question whether it lives.
pub const HEALTHZ: &str = "/healthz";

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// It lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    /// Always `alive`.
    status: &'static str,
}

/// Whether it can work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether every part is.
    ready: bool,
    /// Every part.
    parts: Vec<Part>,
}

/// Something that it needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Part {
    /// What.
    name: &'static str,
    /// Whether it can be used.
    ready: bool,
    /// Why not; or what of it fails while the rest can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Says that the process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", operation_id = "healthz",
    responses((status = 200, description = "It lives.", body = Alive)))]
async fn healthz() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Says whether it can work, and if not, which part can't and why.
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz",
    responses(
        (status = 200, description = "Every part is ready.", body = Readiness),
        (status = 503, description = "A part is not.", body = Readiness),
    ))]
async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let parts = vec![
        Part::of("database", database(&app).await),
        Part::of("objects", objects(&app).await),
        Part::of("worker", worker(&app).await),
        Part::of("disk", disk(&app)),
        plugins(&app).await,
    ];
    let ready = parts.iter().all(|part| part.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, parts }))
}

impl Part {
    fn of(name: &'static str, found: Result<(), String>) -> Self {
        Self { name, ready: found.is_ok(), reason: found.err() }
    }
}

/// What it says itself may name hosts and files: that is for the log.
async fn database(app: &App) -> Result<(), String> {
    app.store.check().await.map_err(|error| {
        tracing::error!(error = %error, "the database does not answer");
        "it does not answer".to_owned()
    })
}

async fn objects(app: &App) -> Result<(), String> {
    app.blobs.check().await.map_err(|error| {
        tracing::error!(%error, "the object store does not answer");
        "it does not answer".to_owned()
    })
}

async fn worker(app: &App) -> Result<(), String> {
    match app.store.worker_holder().await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("no process runs jobs; they wait".to_owned()),
        Err(_) => Err("the database does not say which process runs jobs".to_owned()),
    }
}

fn disk(app: &App) -> Result<(), String> {
    let storage = &app.config.storage;
    let found = rustix::fs::statvfs(&storage.data_dir).map_err(|error| format!("it does not answer: {error}"))?;
    let free_bytes = found.f_bavail.saturating_mul(found.f_frsize);
    if free_bytes >= storage.min_free_bytes {
        return Ok(());
    }
    Err(format!("{} MiB are free, expected at least {}", free_bytes >> 20, storage.min_free_bytes >> 20))
}

/// One that fails is told, but takes nobody else's jobs away: configs that do not name it run as before.
async fn plugins(app: &App) -> Part {
    let name = "plugins";
    if app.plugins.ids().next().is_none() {
        return Part::of(name, Err("there is none".to_owned()));
    }
    // that the database does not answer is told by its own part
    let failing = app.store.plugin_failures().await.unwrap_or_default();
    let told = failing.iter().map(|failure| {
        let PluginFailure { plugin, reason, num_times, failed_at, .. } = failure;
        format!("{plugin} fails: {reason}, {num_times} times since it last worked, last at {}", rfc3339(*failed_at))
    });
    let reason = (!failing.is_empty()).then(|| told.collect::<Vec<_>>().join("; "));
    Part { name, ready: true, reason }
}
