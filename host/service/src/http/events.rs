//! `GET /jobs/{id}/events`: a job's events as they happen (server-sent events, HTML Living Standard 9.2), without gap or
//! duplicate: an event's id is its number, and `Last-Event-ID` says where to go on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::Stream;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::rfc3339;
use crate::event_streams::{OpenStream, TooManyStreams};
use crate::http::extract::{Path, Query};
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::queries::EventsQuery;
use crate::http::{App, Caller, Problem};
use crate::jobs::state::JobState;
use crate::scope::Scope;
use crate::store::events::{STATE, StoredEvent};

/// A comment is sent when nothing happens for so long, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When to ask again for a stream.
const RETRY_SECS: u64 = 5;

const LAST_EVENT_ID: &str = "last-event-id";

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(job_events))
}

/// One event of the stream.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what is written as a stream")]
struct EventView {
    /// Counts from 1 without gaps.
    id: String,
    /// `state`, `stage_started`, `progress`, `stage_finished`, `drift`, `artifact`, `warning`, `log`, ...
    event: String,
    /// JSON: the time `at`, and what the kind of event tells.
    data: String,
}

/// A job's events as they happen
///
/// A stream of server-sent events: `id` counts from 1 without gaps, `event` is its kind, `data` is JSON. It ends behind
/// the event that tells the job's end; whoever connects again from there is answered 204, which ends an `EventSource`.
#[utoipa::path(
    get,
    path = "/jobs/{id}/events",
    operation_id = "job_events",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job."),
        EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "Number of the last event that is known already.")
    ),
    responses(
        (status = 200, description = "Events.", content_type = "text/event-stream", body = EventView),
        (status = 204, description = "The job has ended and there is nothing behind that event."),
        (status = 429, description = "You have as many streams open as a user may have, or send too many requests.",
            body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 503, description = "The server has as many streams open as it takes, or its storage is silent.",
            body = ProblemBody, content_type = PROBLEM_JSON)
    )
)]
async fn job_events(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsRead)?;
    let job = app.store.job(&id).await?.filter(|job| caller.may_see(&job.user_id));
    let job = job.ok_or_else(|| Problem::not_found("job"))?;
    let after = known_already(&headers, query.after)?.clamp(0, job.last_seq);
    if job.state.has_ended() && after == job.last_seq {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let counted = app.event_streams.open(&caller.user_id).map_err(too_many)?;
    let stream = events(Arc::clone(&app), counted, id, after);
    let mut answer = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // nginx holds answers back otherwise
    answer.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(answer)
}

fn known_already(headers: &HeaderMap, query: Option<i64>) -> Result<i64, Problem> {
    let Some(header) = headers.get(LAST_EVENT_ID) else { return Ok(query.unwrap_or(0)) };
    let number = header.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| {
        Problem::invalid("invalid_last_event_id", "the header Last-Event-ID is no number of an event")
            .help("send the `id` of the last event that came, or leave it away to begin with the first")
    })
}

/// Whoever has too many closes one, or waits until a job ends.
fn too_many(fault: TooManyStreams) -> Problem {
    let problem = match fault {
        TooManyStreams::OfUser(max) => {
            let detail = format!("you have {max} streams of events open, which is the most that a user may have");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_event_streams", detail)
        }
        TooManyStreams::OfAll(max) => {
            let detail = format!("the server has {max} streams of events open, which is the most that it takes");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "event_streams_exhausted", detail)
        }
    };
    problem.help("close streams that nobody reads, or ask GET /jobs/{id} how far the job is").retry_after(RETRY_SECS)
}

fn events(
    app: Arc<App>,
    open: OpenStream,
    job_id: String,
    after: i64,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream! {
        let counted = app.metrics.access.listener();
        let mut listener = app.watch.listen(&job_id, after);
        while let Some(Ok(batch)) = app.shutdown.run_until_cancelled(listener.next()).await {
            let mut has_ended = false;
            for event in batch {
                has_ended |= tells_the_end(&event);
                yield Ok(written(&event));
            }
            if has_ended {
                break;
            }
        }
        drop((counted, open));
    }
}

fn written(event: &StoredEvent) -> Event {
    // the body is an object; the time stands beside its fields
    let rest = event.body.strip_prefix('{').unwrap_or("}");
    let comma = if rest == "}" { "" } else { "," };
    let at = rfc3339(event.at);
    Event::default().id(event.seq.to_string()).event(&event.kind).data(format!("{{\"at\":\"{at}\"{comma}{rest}"))
}

fn tells_the_end(event: &StoredEvent) -> bool {
    let state = || serde_json::from_str::<Value>(&event.body).ok()?.get("state")?.as_str()?.parse::<JobState>().ok();
    event.kind == STATE && state().is_some_and(JobState::has_ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_ends_the_stream() {
        let event = |kind: &str, state: &str| StoredEvent {
            seq: 1,
            at: 0,
            kind: kind.to_owned(),
            body: format!("{{\"state\":\"{state}\"}}"),
        };
        assert!(tells_the_end(&event("state", "failed")) && tells_the_end(&event("state", "cancelled")));
        assert!(!tells_the_end(&event("state", "queued")) && !tells_the_end(&event("log", "failed")));
    }
}
