//! Resumable uploads: tus 1.0.0 (<https://tus.io/protocols/resumable-upload>) with creation, creation-with-upload,
//! expiration, termination and checksum. The id of a tus upload is the id of the upload.

mod append;
mod headers;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::{millis, now_ms};
use crate::http::extract::Path;
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::http::uploads::{being_sent, upload_of};
use crate::http::{API, App, Caller, Problem};
use crate::scope::Scope;
use crate::store::uploads::Upload;
use crate::uploads::refusal::{Refusal, RefusalCode};
use crate::uploads::state::{UploadDetails, UploadProtocol, UploadState};

use append::{Piece, append};
use headers::{Answer, Checksum, bytes_of, file_name_of};

/// The version that is spoken.
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: &str = "creation,creation-with-upload,expiration,termination,checksum";

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(options, create))
        .routes(routes!(head, patch, terminate, post_instead))
        .route_layer(from_fn(speak_version))
}

/// Every request but OPTIONS says the version, every answer too.
async fn speak_version(request: Request, next: Next) -> Response {
    let said = request.headers().get(headers::RESUMABLE);
    let mut response = if request.method() == Method::OPTIONS || said == Some(&VERSION) {
        next.run(request).await
    } else {
        let detail = "the header Tus-Resumable is missing or names another version, expected 1.0.0";
        let problem = Problem::new(StatusCode::PRECONDITION_FAILED, "tus_version", detail);
        let mut refused = problem.help("send `Tus-Resumable: 1.0.0`").into_response();
        refused.headers_mut().insert(headers::SPOKEN_VERSIONS, VERSION);
        refused
    };
    response.headers_mut().insert(headers::RESUMABLE, VERSION);
    response
}

/// Says what the server can do.
#[utoipa::path(options, path = "/tus", tag = "tus", operation_id = "tus_options",
    responses((status = 204, description = "The headers Tus-Version, Tus-Extension, Tus-Max-Size and \
        Tus-Checksum-Algorithm.")))]
async fn options(State(app): State<Arc<App>>, _: Caller) -> Response {
    Answer::new(StatusCode::NO_CONTENT)
        .with(headers::SPOKEN_VERSIONS, &"1.0.0")
        .with(headers::EXTENSION, &EXTENSIONS)
        .with(headers::MAX_SIZE, &app.config.uploads.max_bytes)
        .with(headers::CHECKSUM_ALGORITHM, &headers::ALGORITHMS)
        .into_response()
}

/// Announces an upload; a body is its first bytes.
#[utoipa::path(post, path = "/tus", tag = "tus", operation_id = "tus_create",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "Bytes of the whole file."),
        ("Upload-Metadata" = Option<String>, Header, description = "`filename` and its base64."),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 201, description = "Announced; Location says where to send its bytes."),
        (status = 403, description = "The token lacks a scope, or the user's quota is used up.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 412, description = "Another version of tus.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 413, description = "Larger than Tus-Max-Size.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 423, description = "It is being sent.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 460, description = "The bytes have another checksum.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 507, description = "The server's disk is full.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    request_headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsWrite)?;
    let (num_bytes, details) = announced(&app, &request_headers)?;
    let first = headers::is_offset_stream(&request_headers).then(|| Checksum::of(&request_headers)).transpose()?;
    let num_first = headers::content_bytes(&request_headers);
    let lifetime_ms = millis(std::time::Duration::from_secs(app.config.uploads.expire_secs));
    let upload = Upload::announced(&caller.user_id, details, Some(num_bytes), lifetime_ms);
    app.store.create_upload(&upload, app.config.quotas).await?;
    let staged = app.uploads.staging.create(&upload.id).await?;
    let location = format!("{API}/tus/{}", upload.id);
    // an empty body is none, unless the whole file is empty
    let upload = if first.is_some() && num_first != Some(0) || num_bytes == 0 {
        let piece = Piece { staged, checksum: first.flatten(), num_bytes: num_first };
        append(&app.uploads, upload, piece, body).await?
    } else {
        upload
    };
    let answer = Answer::new(StatusCode::CREATED).with("location", &location);
    Ok(answer.with(headers::OFFSET, &upload.received_bytes).expiring(&upload).into_response())
}

/// Says how much of an upload is here.
#[utoipa::path(head, path = "/tus/{id}", tag = "tus", operation_id = "tus_head",
    params(
        ("id" = String, Path, description = "Id of the upload."),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
    ),
    responses(
        (status = 200, description = "The headers Upload-Offset and Upload-Length."),
        (status = 410, description = "It expired or was given up.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 412, description = "Another version of tus.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn head(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    caller.require(Scope::JobsWrite)?;
    let upload = tus_upload(&app, &caller, &id).await?;
    let mut answer = Answer::new(StatusCode::OK)
        .with(headers::OFFSET, &upload.received_bytes)
        .with(headers::LENGTH, &upload.declared_bytes.unwrap_or_default())
        .with("cache-control", &"no-store")
        .expiring(&upload);
    if !upload.details.tus_metadata.is_empty() {
        answer = answer.with(headers::METADATA, &upload.details.tus_metadata);
    }
    Ok(answer.into_response())
}

/// Takes bytes of an upload; with the last ones its files are looked at, see GET /uploads/{id}.
#[utoipa::path(patch, path = "/tus/{id}", tag = "tus", operation_id = "tus_patch",
    params(
        ("id" = String, Path, description = "Id of the upload."),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "How much of the file comes before these bytes."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1`, `sha256` or `md5` and the base64 of these \
            bytes' checksum; then all or none of them are kept."),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "The bytes are here to stay; Upload-Offset says up to where."),
        (status = 409, description = "Upload-Offset is not how much is here.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 410, description = "It expired or was given up.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 412, description = "Another version of tus.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 423, description = "Another request is sending it.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 460, description = "The bytes have another checksum.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 507, description = "The server's disk is full.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn patch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    request_headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(Scope::JobsWrite)?;
    tus_upload(&app, &caller, &id).await?;
    if !headers::is_offset_stream(&request_headers) {
        let detail = "the bytes are of another media type, expected application/offset+octet-stream";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let offset = bytes_of(&request_headers, headers::OFFSET)?;
    let checksum = Checksum::of(&request_headers)?;
    let staged = append::held(&app.uploads, &id).await?;
    // as it is now that nobody else writes it
    let upload = tus_upload(&app, &caller, &id).await?;
    if upload.state != UploadState::Receiving || offset != upload.received_bytes {
        let detail = format!("Upload-Offset is {offset}, expected {}", upload.received_bytes);
        let problem = Problem::new(StatusCode::CONFLICT, "wrong_offset", detail);
        return Err(problem.help("ask by HEAD how much is here"));
    }
    let Some(staged) = staged else { return Err(being_sent()) };
    let piece = Piece { staged, checksum, num_bytes: headers::content_bytes(&request_headers) };
    let upload = append(&app.uploads, upload, piece, body).await?;
    let answer = Answer::new(StatusCode::NO_CONTENT).with(headers::OFFSET, &upload.received_bytes);
    Ok(answer.expiring(&upload).into_response())
}

/// Gives an upload up.
#[utoipa::path(delete, path = "/tus/{id}", tag = "tus", operation_id = "tus_terminate",
    params(
        ("id" = String, Path, description = "Id of the upload."),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "Its state changed meanwhile.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 410, description = "It expired or was given up.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 412, description = "Another version of tus.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 423, description = "Another request is sending it.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn terminate(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    caller.require(Scope::JobsWrite)?;
    let upload = tus_upload(&app, &caller, &id).await?;
    match app.uploads.terminate(&upload).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(being_sent()),
    }
}

/// PATCH or DELETE of clients that can only POST: the header X-HTTP-Method-Override says which.
#[utoipa::path(post, path = "/tus/{id}", tag = "tus", operation_id = "tus_post_instead",
    params(
        ("id" = String, Path, description = "Id of the upload."),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("X-HTTP-Method-Override" = String, Header, description = "PATCH or DELETE."),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "As of the other method."),
        (status = 405, description = "Another method.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 409, description = "As of the other method.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 410, description = "It expired or was given up.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 412, description = "Another version of tus.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 423, description = "Another request is sending it.", body = ProblemBody, content_type = PROBLEM_JSON),
        (status = 460, description = "The bytes have another checksum.", body = ProblemBody,
            content_type = PROBLEM_JSON),
        (status = 507, description = "The server's disk is full.", body = ProblemBody, content_type = PROBLEM_JSON),
    ))]
async fn post_instead(
    app: State<Arc<App>>,
    caller: Caller,
    id: Path<String>,
    request_headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    match request_headers.get("x-http-method-override").map(HeaderValue::as_bytes) {
        Some(b"PATCH") => patch(app, caller, id, request_headers, body).await,
        Some(b"DELETE") => terminate(app, caller, id).await,
        _ => {
            let detail = "a POST to an upload needs `X-HTTP-Method-Override: PATCH` or DELETE";
            Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail))
        }
    }
}

/// What is announced: how many bytes, and what is said of them.
fn announced(app: &App, request_headers: &HeaderMap) -> Result<(i64, UploadDetails), Problem> {
    for (header, what) in [(headers::DEFER_LENGTH, "a length that is told later"), (headers::CONCAT, "concatenation")] {
        if request_headers.contains_key(header) {
            let problem = Problem::new(StatusCode::BAD_REQUEST, "not_offered", format!("{what} is not offered"));
            return Err(problem.help("OPTIONS /api/v1/tus names the extensions that are"));
        }
    }
    let num_bytes = bytes_of(request_headers, headers::LENGTH)?;
    let max_bytes = app.config.uploads.max_bytes;
    if u64::try_from(num_bytes).unwrap_or_default() > max_bytes {
        let detail = format!("Upload-Length is {num_bytes}, expected at most {max_bytes}");
        return Err(Refusal::new(RefusalCode::UploadTooLarge, detail).into());
    }
    let (tus_metadata, file_name) = file_name_of(request_headers)?;
    let protocol = UploadProtocol::Tus;
    Ok((num_bytes, UploadDetails { protocol, tus_metadata, files: vec![file_name], ..UploadDetails::default() }))
}

/// A tus upload of the caller that did not end before its time.
async fn tus_upload(app: &App, caller: &Caller, id: &str) -> Result<Upload, Problem> {
    let upload = upload_of(app, caller, id).await?;
    if upload.details.protocol != UploadProtocol::Tus {
        return Err(Problem::not_found("tus upload"));
    }
    let is_late = upload.state == UploadState::Receiving && upload.expires_at < now_ms();
    if is_late || matches!(upload.state, UploadState::Expired | UploadState::Terminated) {
        let problem = Problem::new(StatusCode::GONE, "upload_gone", "the upload expired or was given up");
        return Err(problem.help("announce it again by POST /api/v1/tus"));
    }
    Ok(upload)
}
