//! Small pictures of a job's images.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::download::download;
use crate::http::extract::{Path, Query};
use crate::http::jobs::job_of;
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::queries::ThumbnailQuery;
use crate::http::{App, Caller, Problem};
use crate::scope::Scope;
use crate::store::artifacts::Artifact;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(get_thumbnail))
}

/// A small picture of one of a job's images
///
/// A JPEG with the orientation applied; `small` has a long side of at most 512 px, `large` of at most 1600 px.
#[utoipa::path(
    get,
    path = "/jobs/{id}/thumbnails/{*name}",
    operation_id = "get_thumbnail",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job."),
        ("name" = String, Path, description = "The image, as the job names it."),
        ThumbnailQuery
    ),
    responses(
        (status = 200, description = "The picture, image/jpeg."),
        (status = 206, description = "Bytes of it."),
        (status = 304, description = "The client has it."),
        (status = 415, description = "The image can't be decoded.", body = ProblemBody, content_type = PROBLEM_JSON)
    )
)]
async fn get_thumbnail(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    Query(query): Query<ThumbnailQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsRead)?;
    let job = job_of(&app, &caller, &id).await?;
    let image = app.store.job_image(&job.id, &name).await?.ok_or_else(|| Problem::not_found("image"))?;
    let size = query.size.unwrap_or_default();
    let thumbnail = app.thumbnails.get(&image.sha256, size).await?.map_err(|rejected| {
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_an_image", format!("the image {}", rejected.reason))
    })?;
    let picture = Artifact {
        name: format!("{}.jpg", image.name),
        bytes: i64::try_from(thumbnail.num_bytes).unwrap_or(i64::MAX),
        sha256: format!("{}-{}", image.sha256, size.long_side_px()),
        media_type: "image/jpeg".to_owned(),
        object_key: thumbnail.object_key,
    };
    let mut answer = download(&app.blobs, &picture, &headers).await?;
    // the images of a job never change
    let cache_control = HeaderValue::from_static("private, max-age=86400");
    answer.headers_mut().insert(header::CACHE_CONTROL, cache_control);
    Ok(answer)
}
