//! What Prometheus reads, for whoever holds the scraper's token, and for admins.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use scene3d_monitor::metrics::CONTENT_TYPE;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::user::{authenticate, bearer};
use crate::http::{App, Caller, Problem};
use crate::jobs::state::JobState;
use crate::scope::Scope;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Layer of this file's routes: the scraper's token is compared without asking the database, which may be what is wrong.
///
/// # Errors
/// As of [`authenticate`].
pub async fn authenticate_scraper(app: State<Arc<App>>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let shown = bearer(request.headers());
    if !app.scrape_token.as_ref().zip(shown).is_some_and(|(token, shown)| token.is(shown)) {
        return authenticate(app, request, next).await;
    }
    request.extensions_mut().insert(Caller { user_id: "scraper".to_owned(), scopes: vec![Scope::Admin] });
    Ok(next.run(request).await)
}

/// Metrics of the service.
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, description = "Metrics in Prometheus' text format.", body = String, content_type = "text/plain")))]
async fn metrics(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    caller.require(Scope::Admin)?;
    // an unreachable database must not hide what else is counted
    match app.store.num_jobs_by_state().await {
        Ok(counts) => {
            for state in JobState::ALL {
                let count = counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
                app.metrics.jobs.set_state(state.name(), count.unsigned_abs());
                if state == JobState::Queued {
                    app.metrics.jobs.set_queue_depth(count.unsigned_abs());
                }
            }
        }
        Err(error) => tracing::warn!(%error, "jobs can't be counted"),
    }
    app.metrics.devices.sample_gpus();
    if let Some(tracker) = app.tracking.tracker() {
        app.metrics.tracking.set(&tracker.status());
    }
    let text = app.metrics.render().map_err(|_| Problem::bug())?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}
