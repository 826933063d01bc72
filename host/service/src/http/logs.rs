//! `GET /jobs/{id}/logs`: what a job told, as lines of text.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::rfc3339;
use crate::http::extract::Path;
use crate::http::jobs::job_of;
use crate::http::{App, Caller, Problem};
use crate::scope::Scope;
use crate::store::events::StoredEvent;

/// Events read at once.
const PAGE: i64 = 1000;

/// Lines in an answer; of more, the last.
const MAX_LINES: usize = 10_000;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(job_logs))
}

/// What a job told, a line each
///
/// Without its progress; at most the last 10,000 lines.
#[utoipa::path(
    get,
    path = "/jobs/{id}/logs",
    operation_id = "job_logs",
    tag = "jobs",
    params(("id" = String, Path, description = "The job.")),
    responses((status = 200, description = "Lines of text.", content_type = "text/plain", body = String))
)]
async fn job_logs(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    caller.require(Scope::JobsRead)?;
    let job = job_of(&app, &caller, &id).await?;
    let mut lines = std::collections::VecDeque::new();
    let mut seq = 0;
    loop {
        let events = app.store.events_after(&job.id, seq, PAGE).await?;
        let Some(last) = events.last() else { break };
        seq = last.seq;
        lines.extend(events.iter().filter(|event| event.kind != "progress").map(line));
        while lines.len() > MAX_LINES {
            lines.pop_front();
        }
    }
    let text = lines.into_iter().collect::<String>();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn line(event: &StoredEvent) -> String {
    let body: Value = serde_json::from_str(&event.body).unwrap_or_default();
    let message = body.get("message").and_then(Value::as_str);
    // one line each, whatever a plugin says
    let said = message.map_or_else(|| event.body.clone(), |message| message.escape_debug().to_string());
    let kind = match (body.get("level").and_then(Value::as_str), body.get("target").and_then(Value::as_str)) {
        (Some(level), Some(target)) => format!("{level} {target}"),
        _ => event.kind.clone(),
    };
    format!("{} {kind}: {said}\n", rfc3339(event.at))
}
