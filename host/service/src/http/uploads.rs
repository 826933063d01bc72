//! Uploads in one request, and the uploads that there are, however they came.

use std::sync::Arc;

use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::extract::{Json, Path, Query};
use crate::http::page::PageQuery;
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::upload_view::{UploadDetail, UploadSummary, detail, upload_path};
use crate::http::{App, Caller, Problem, multipart};
use crate::scope::Scope;
use crate::store::uploads::Upload;

/// Routes of this file that are answered soon.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(inspect, delete))
}

/// Routes of this file that take as long as their bodies.
pub fn slow_routes() -> OpenApiRouter<Arc<App>> {
    // counted while it is received, by the limits of uploads
    OpenApiRouter::new().routes(routes!(create)).route_layer(DefaultBodyLimit::disable())
}

/// Uploads, youngest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadList {
    /// Without their files.
    uploads: Vec<UploadSummary>,
    /// `after` of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// One ZIP, or one or more images.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a body that is read as a stream")]
struct UploadForm {
    /// Each with its file name.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<Vec<u8>>,
}

/// Takes one ZIP, or one or more images.
///
/// The answer comes when every file was looked at. Large uploads are better sent by tus, which goes on where a lost
/// connection ended.
#[utoipa::path(post, path = "/uploads", tag = "uploads", operation_id = "create_upload",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Its images can be used.", body = UploadDetail),
        (status = 403, description = "The token lacks a scope, or the user's quota is used up.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 409, description = "It was deleted meanwhile.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 410, description = "What was received is lost.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 413, description = "Larger than may be sent at once.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 415, description = "No form, or no image.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 422, description = "A file can't be taken; the detail names it.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 507, description = "The server's disk is full.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsWrite)?;
    let form = form.map_err(|rejection| {
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", rejection.body_text())
            .help("send multipart/form-data, e.g. with `curl -F file=@photos.zip`")
    })?;
    let declared_bytes = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let upload = multipart::receive(&app.uploads, caller.user_id, declared_bytes, form).await?;
    let location = upload_path(&upload.id);
    let view = detail(&app.store, upload).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
}

/// Lists uploads, youngest first.
#[utoipa::path(get, path = "/uploads", tag = "uploads", operation_id = "list_uploads", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = UploadList)))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<UploadList>, Problem> {
    caller.require(Scope::JobsRead)?;
    let owner = if caller.is_admin() { "" } else { &caller.user_id };
    let mut uploads = app.store.uploads_of_user(owner, page.after(), page.num_read()).await?;
    let next = page.cut(&mut uploads, |upload| &upload.id);
    Ok(Json(UploadList { uploads: uploads.into_iter().map(UploadSummary::from).collect(), next }))
}

/// Shows an upload: its state, and the verdict of each file once it is ready.
#[utoipa::path(get, path = "/uploads/{id}", tag = "uploads", operation_id = "get_upload",
    params(("id" = String, Path, description = "Id of the upload.")),
    responses((status = 200, description = "The upload.", body = UploadDetail)))]
async fn inspect(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<UploadDetail>, Problem> {
    caller.require(Scope::JobsRead)?;
    let upload = upload_of(&app, &caller, &id).await?;
    Ok(Json(detail(&app.store, upload).await?))
}

/// Gives an upload up, or removes it. Jobs keep the images that they were given.
#[utoipa::path(delete, path = "/uploads/{id}", tag = "uploads", operation_id = "delete_upload",
    params(("id" = String, Path, description = "Id of the upload.")),
    responses(
        (status = 204, description = "It is gone, and so are images that are in no other upload or job."),
        (status = 409, description = "Its state changed meanwhile.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 423, description = "It is being sent.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn delete(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    caller.require(Scope::JobsWrite)?;
    let upload = upload_of(&app, &caller, &id).await?;
    match app.uploads.terminate(&upload).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(being_sent()),
    }
}

/// An upload that the caller may see.
///
/// # Errors
/// 404 if there is none.
pub async fn upload_of(app: &App, caller: &Caller, id: &str) -> Result<Upload, Problem> {
    let upload = app.store.upload(id).await?.filter(|upload| caller.may_see(&upload.user_id));
    upload.ok_or_else(|| Problem::not_found("upload"))
}

/// Of an upload that another request holds.
#[must_use]
pub fn being_sent() -> Problem {
    Problem::new(StatusCode::LOCKED, "upload_locked", "another request is sending this upload")
        .help("wait until it ends; one that lost its connection ends by itself")
        .retry_after(1)
}
