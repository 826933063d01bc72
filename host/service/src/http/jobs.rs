//! Jobs: asked for, listed, cancelled, tried again, deleted.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::blocking::blocking;
use crate::http::configs::ConfigChoice;
use crate::http::extract::{Json, Path, Query};
use crate::http::job_problems::{of_creation, of_fault};
use crate::http::job_view::{JobSummary, JobView, path_of};
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::queries::JobsQuery;
use crate::http::{App, Caller, Problem};
use crate::jobs::state::JobState;
use crate::jobs::submission::{ImageChoice, Submission};
use crate::scope::Scope;
use crate::store::jobs::{Job, JobFilter};
use crate::user_config::UserConfig;

/// Jobs in an answer, where it is not said.
const DEFAULT_LISTED: i64 = 50;

/// Jobs in an answer.
const MAX_LISTED: i64 = 200;

/// Same key, same job (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_jobs, create_job))
        .routes(routes!(get_job, delete_job))
        .routes(routes!(cancel_job))
        .routes(routes!(retry_job))
}

/// A job to be made: of the images of an upload or of some images, with a named config or one that is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// Upload whose images to take.
    #[schema(max_length = 64)]
    upload_id: Option<String>,
    /// sha256 of each image to take.
    #[schema(max_items = 10_000)]
    image_ids: Option<Vec<String>>,
    /// Name of a config; see GET /configs.
    #[schema(max_length = 128)]
    config: Option<String>,
    /// A config as TOML.
    #[schema(max_length = 65_536)]
    config_toml: Option<String>,
    /// Told when the job ends.
    #[schema(max_length = 2_048)]
    webhook_url: Option<String>,
}

/// What to change when a job is tried again; what is left away stays as it was.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Name of another config.
    #[schema(max_length = 128)]
    config: Option<String>,
    /// Another config as TOML.
    #[schema(max_length = 65_536)]
    config_toml: Option<String>,
    /// Told when the job ends.
    #[schema(max_length = 2_048)]
    webhook_url: Option<String>,
}

/// Jobs, youngest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobList {
    /// At most `limit`.
    jobs: Vec<JobSummary>,
    /// For `before` of the next request; none at the end.
    next: Option<String>,
}

/// Start a job
///
/// Answers at once; the job waits in the queue. The drift verdict of its images is in the answer. With the header
/// `Idempotency-Key` the same request makes one job, however often it is sent.
#[utoipa::path(
    post,
    path = "/jobs",
    operation_id = "create_job",
    tag = "jobs",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters.")),
    request_body = JobRequest,
    responses(
        (status = 202, description = "The job waits.", body = JobView,
            headers(("Location" = String, description = "Path of the job."))),
        (status = 404, description = "There is no such upload.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 409, description = "The upload is not ready yet.", body = ProblemBody, content_type = PROBLEM_JSON)
    )
)]
async fn create_job(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<JobRequest>,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsWrite)?;
    let images = match (request.upload_id, request.image_ids) {
        (Some(upload), None) => ImageChoice::Upload(upload),
        (None, Some(images)) => ImageChoice::Images(images),
        _ => {
            return Err(Problem::invalid("invalid_body", "expected either `upload_id` or `image_ids`")
                .help("POST /uploads or /tus first; its answer has the id"));
        }
    };
    let config = chosen_config(&app, request.config, request.config_toml).await?;
    let config = config.ok_or_else(|| {
        Problem::invalid("invalid_body", "expected either `config` or `config_toml`").help("GET /configs lists names")
    })?;
    let submission = Submission {
        user_id: caller.user_id.clone(),
        images,
        config,
        webhook_url: request.webhook_url,
        idempotency_key: idempotency_key(&headers)?,
        retry_of: None,
    };
    submit(&app, submission).await
}

/// Your jobs, youngest first
#[utoipa::path(
    get,
    path = "/jobs",
    operation_id = "list_jobs",
    tag = "jobs",
    params(JobsQuery),
    responses((status = 200, description = "Jobs.", body = JobList))
)]
async fn list_jobs(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<JobsQuery>,
) -> Result<Json<JobList>, Problem> {
    caller.require(Scope::JobsRead)?;
    let limit = query.limit.unwrap_or(DEFAULT_LISTED);
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(Problem::invalid("invalid_query", format!("`limit` is {limit}, expected 1 to {MAX_LISTED}")));
    }
    let user_id = (!caller.is_admin()).then(|| caller.user_id.clone());
    let filter = JobFilter { user_id, state: query.state, before_id: query.before, limit };
    let jobs = app.store.jobs(&filter).await?;
    let next = jobs.last().filter(|_| jobs.len() as i64 == limit).map(|job| job.id.clone());
    Ok(Json(JobList { jobs: jobs.iter().map(JobSummary::from).collect(), next }))
}

/// A job: state, progress, drift, statistics, verdicts
#[utoipa::path(
    get,
    path = "/jobs/{id}",
    operation_id = "get_job",
    tag = "jobs",
    params(("id" = String, Path, description = "The job.")),
    responses((status = 200, description = "The job.", body = JobView))
)]
async fn get_job(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    caller.require(Scope::JobsRead)?;
    let job = job_of(&app, &caller, &id).await?;
    Ok(Json(view(&app, job).await?))
}

/// Cancel a job
///
/// One that waits is cancelled at once, one that runs within seconds; what it finished is kept for a retry.
#[utoipa::path(
    post,
    path = "/jobs/{id}/cancel",
    operation_id = "cancel_job",
    tag = "jobs",
    params(("id" = String, Path, description = "The job.")),
    responses(
        (status = 202, description = "It is cancelled, or will be.", body = JobView),
        (status = 409, description = "It has ended.", body = ProblemBody, content_type = PROBLEM_JSON)
    )
)]
async fn cancel_job(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    caller.require(Scope::JobsWrite)?;
    let job = job_of(&app, &caller, &id).await?;
    let job = app.store.change_job(None, &job.id, Job::request_cancel).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&app, job).await?)))
}

/// Try a job again
///
/// Makes another job of the same images, with the same config or another one. Stages that the first job finished and
/// that the config does not change are not run again.
#[utoipa::path(
    post,
    path = "/jobs/{id}/retry",
    operation_id = "retry_job",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job to try again."),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters.")
    ),
    request_body = RetryRequest,
    responses(
        (status = 202, description = "Another job waits.", body = JobView,
            headers(("Location" = String, description = "Path of that job."))),
        (status = 409, description = "It has not ended.", body = ProblemBody, content_type = PROBLEM_JSON)
    )
)]
async fn retry_job(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(request): Json<RetryRequest>,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsWrite)?;
    let job = job_of(&app, &caller, &id).await?;
    if !job.state.has_ended() {
        let detail = format!("the job is {}, expected one that has ended", job.state);
        return Err(Problem::new(StatusCode::CONFLICT, "wrong_state", detail).help("cancel it first, or wait"));
    }
    let config = chosen_config(&app, request.config, request.config_toml).await?;
    let same = || UserConfig { name: job.config_name.clone(), toml: job.config_toml.clone() };
    let submission = Submission {
        config: config.unwrap_or_else(same),
        user_id: job.user_id.clone(),
        images: ImageChoice::OfJob(job.id.clone()),
        webhook_url: request.webhook_url.or_else(|| job.webhook_url.clone()),
        idempotency_key: idempotency_key(&headers)?,
        retry_of: Some(job.id.clone()),
    };
    submit(&app, submission).await
}

/// Delete a job with its results
#[utoipa::path(
    delete,
    path = "/jobs/{id}",
    operation_id = "delete_job",
    tag = "jobs",
    params(("id" = String, Path, description = "The job.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "It has not ended.", body = ProblemBody, content_type = PROBLEM_JSON)
    )
)]
async fn delete_job(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::JobsWrite)?;
    let job = job_of(&app, &caller, &id).await?;
    app.retention.remove_job(&job.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A job of the caller's.
///
/// # Errors
/// 404 if there is none, or it is somebody else's.
pub async fn job_of(app: &App, caller: &Caller, id: &str) -> Result<Job, Problem> {
    let job = app.store.job(id).await?.filter(|job| caller.may_see(&job.user_id));
    job.ok_or_else(|| Problem::not_found("job"))
}

async fn submit(app: &Arc<App>, submission: Submission) -> Result<Response, Problem> {
    let created = app.submitter.submit(submission).await.map_err(|fault| of_fault(app, fault))?;
    let job = of_creation(created)?;
    let location = HeaderValue::try_from(path_of(&job.id)).map_err(|_| Problem::bug())?;
    let body = Json(view(app, job).await?);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], body).into_response())
}

async fn view(app: &App, job: Job) -> Result<JobView, Problem> {
    let num_before = if job.state == JobState::Queued { app.store.num_queued_before(&job).await? } else { 0 };
    Ok(JobView::new(job, num_before))
}

/// Reads the named configs, hence on a thread that may block.
async fn chosen_config(
    app: &Arc<App>,
    named: Option<String>,
    sent: Option<String>,
) -> Result<Option<UserConfig>, Problem> {
    let choice = match (named, sent) {
        (None, None) => return Ok(None),
        (Some(config), None) => ConfigChoice::Named { config },
        (None, Some(toml)) => ConfigChoice::Sent { toml },
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("invalid_body", "expected either `config` or `config_toml`, got both"));
        }
    };
    let app = Arc::clone(app);
    blocking(move || choice.resolve(&app)).await?.map(Some)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    let key = key.ok_or_else(|| {
        Problem::invalid("invalid_idempotency_key", "expected 1 to 255 printable characters in Idempotency-Key")
    })?;
    Ok(Some(key.to_owned()))
}
