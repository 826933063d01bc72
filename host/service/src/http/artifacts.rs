//! What jobs wrote: listed, downloaded, and handed on by links that hold for a time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::{millis, now_ms, rfc3339};
use crate::http::download::download;
use crate::http::extract::{Json, Path, Query};
use crate::http::jobs::job_of;
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::queries::LinkQuery;
use crate::http::{API, App, Caller, Problem};
use crate::scope::Scope;
use crate::secrets::{Signature, hex};
use crate::store::artifacts::Artifact;

/// What signatures of links are good for.
const PURPOSE: &str = "download";

/// How long a link holds where it is not said.
const DEFAULT_LINK_SECS: u64 = 3600;

/// How long a link may hold.
const MAX_LINK_SECS: u64 = 7 * 24 * 3600;

/// Routes of this file that need a token.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_artifacts)).routes(routes!(get_artifact)).routes(routes!(make_link))
}

/// The route that brings its own proof.
pub fn public_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(follow_link))
}

/// A file that a job wrote.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactView {
    /// E.g. `model/points3D.bin`.
    name: String,
    /// Size of the file.
    bytes: i64,
    /// Lower-case hex.
    sha256: String,
    /// E.g. `application/json`.
    media_type: String,
    /// Where to get it.
    href: String,
}

/// The files that a job wrote.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactList {
    /// By name.
    artifacts: Vec<ArtifactView>,
}

/// A link to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// Name of the file.
    #[schema(max_length = 1024)]
    name: String,
    /// How long it shall hold; an hour where it is not said.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_secs: Option<u64>,
}

/// A link that needs no token.
#[derive(Debug, Serialize, ToSchema)]
pub struct Link {
    /// Path and query.
    href: String,
    /// RFC 3339, UTC.
    expires_at: String,
}

/// The files that a job wrote
#[utoipa::path(
    get,
    path = "/jobs/{id}/artifacts",
    operation_id = "list_artifacts",
    tag = "artifacts",
    params(("id" = String, Path, description = "The job.")),
    responses((status = 200, description = "Its files.", body = ArtifactList))
)]
async fn list_artifacts(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ArtifactList>, Problem> {
    caller.require(Scope::JobsRead)?;
    let job = job_of(&app, &caller, &id).await?;
    let view = |artifact: Artifact| ArtifactView {
        href: format!("{API}/jobs/{id}/artifacts/{}", artifact.name),
        name: artifact.name,
        bytes: artifact.bytes,
        sha256: artifact.sha256,
        media_type: artifact.media_type,
    };
    let artifacts = app.store.artifacts(&job.id).await?;
    Ok(Json(ArtifactList { artifacts: artifacts.into_iter().map(view).collect() }))
}

/// Download a file of a job
///
/// Whole or, by `Range`, in part; its ETag is its sha256.
#[utoipa::path(
    get,
    path = "/jobs/{id}/artifacts/{*name}",
    operation_id = "get_artifact",
    tag = "artifacts",
    params(
        ("id" = String, Path, description = "The job."),
        ("name" = String, Path, description = "The file, as listed."),
        ("Range" = Option<String>, Header, description = "E.g. `bytes=0-99`.")
    ),
    responses(
        (status = 200, description = "The file."),
        (status = 206, description = "Bytes of it."),
        (status = 304, description = "The client has it."),
        (status = 416, description = "It has no such bytes.", body = ProblemBody, content_type = PROBLEM_JSON)
    )
)]
async fn get_artifact(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsRead)?;
    let job = job_of(&app, &caller, &id).await?;
    download(&app.blobs, &artifact_of(&app, &job.id, &name).await?, &headers).await
}

/// Make a link to a file that needs no token
#[utoipa::path(
    post,
    path = "/jobs/{id}/links",
    operation_id = "make_link",
    tag = "artifacts",
    params(("id" = String, Path, description = "The job.")),
    request_body = LinkRequest,
    responses((status = 201, description = "The link; whoever has it may download the file until it expires.", body = Link))
)]
async fn make_link(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<LinkRequest>,
) -> Result<(StatusCode, Json<Link>), Problem> {
    caller.require(Scope::JobsRead)?;
    let job = job_of(&app, &caller, &id).await?;
    let artifact = artifact_of(&app, &job.id, &request.name).await?;
    let secs = request.expires_secs.unwrap_or(DEFAULT_LINK_SECS);
    if !(1..=MAX_LINK_SECS).contains(&secs) {
        let detail = format!("`expires_secs` is {secs}, expected 1 to {MAX_LINK_SECS}");
        return Err(Problem::invalid("invalid_body", detail));
    }
    let expires_at = now_ms() + millis(Duration::from_secs(secs));
    let Signature { kid, mac } = app.secrets.sign(PURPOSE, &message(&job.id, &artifact.name, expires_at));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("job", &job.id)
        .append_pair("name", &artifact.name)
        .append_pair("expires", &expires_at.to_string())
        .append_pair("kid", &kid)
        .append_pair("signature", &hex(&mac))
        .finish();
    let link = Link { href: format!("{API}/downloads?{query}"), expires_at: rfc3339(expires_at) };
    Ok((StatusCode::CREATED, Json(link)))
}

/// Download by a link
#[utoipa::path(
    get,
    path = "/downloads",
    operation_id = "follow_link",
    tag = "artifacts",
    params(LinkQuery, ("Range" = Option<String>, Header, description = "E.g. `bytes=0-99`.")),
    responses(
        (status = 200, description = "The file."),
        (status = 206, description = "Bytes of it."),
        (status = 304, description = "The client has it."),
        (status = 403, description = "The link is over, or was changed.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 404, description = "The file is gone.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 416, description = "It has no such bytes.", body = ProblemBody, content_type = PROBLEM_JSON)
    )
)]
async fn follow_link(
    State(app): State<Arc<App>>,
    Query(link): Query<LinkQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let refused = || {
        Problem::new(StatusCode::FORBIDDEN, "invalid_link", "the link is over, or was changed")
            .help("ask for a new one: POST /api/v1/jobs/{id}/links")
    };
    let signature = Signature { kid: link.kid, mac: unhex(&link.signature).ok_or_else(refused)? };
    let signed = app.secrets.is_signed(PURPOSE, &message(&link.job, &link.name, link.expires), &signature);
    if !signed || link.expires < now_ms() {
        return Err(refused());
    }
    download(&app.blobs, &artifact_of(&app, &link.job, &link.name).await?, &headers).await
}

async fn artifact_of(app: &App, job_id: &str, name: &str) -> Result<Artifact, Problem> {
    app.store.artifact(job_id, name).await?.ok_or_else(|| Problem::not_found("artifact"))
}

/// Lengths in front, so that no two links have one message.
fn message(job_id: &str, name: &str, expires_at: i64) -> Vec<u8> {
    format!("{}:{job_id}{}:{name}{expires_at}", job_id.len(), name.len()).into_bytes()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok();
    pairs.map(byte).collect()
}
