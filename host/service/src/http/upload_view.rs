//! Uploads as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::rfc3339;
use crate::http::{API, Problem};
use crate::store::Store;
use crate::store::uploads::{Upload, UploadImage};
use crate::uploads::refusal::{Refusal, RefusalCode};
use crate::uploads::state::{NotUsed, UploadProtocol, UploadState};

/// An upload.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadSummary {
    /// For POST /jobs.
    id: String,
    /// Where it is in its life.
    state: UploadState,
    /// How it came.
    protocol: UploadProtocol,
    /// As its sender calls it.
    filename: String,
    /// Bytes that will come, if that was said.
    declared_bytes: Option<i64>,
    /// Bytes that are here to stay.
    received_bytes: i64,
    /// When it was announced, RFC 3339.
    created_at: String,
    /// When it is dropped if it is not finished, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<RefusalView>,
}

/// Why an upload was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalView {
    /// Stable, for programs.
    code: RefusalCode,
    /// The file it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    /// What was expected and got.
    detail: String,
    /// What to try.
    help: &'static str,
}

/// An upload with the verdict of each of its files.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadDetail {
    #[serde(flatten)]
    summary: UploadSummary,
    /// Files that are images.
    images: Vec<ImageOfUpload>,
    /// Files that are not; the first thousand.
    not_used: Vec<NotUsed>,
    /// How many files are not.
    num_not_used: usize,
    /// Where to go on.
    links: UploadLinks,
}

/// An image of an upload.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImageOfUpload {
    /// As its sender calls it.
    name: String,
    /// Always `ok`.
    verdict: &'static str,
    /// Its id, for POST /jobs: lower-case hex.
    sha256: String,
    /// Size of the file.
    bytes: i64,
    /// Pixels, as stored.
    width: i64,
    /// Pixels, as stored.
    height: i64,
}

/// Paths of the API.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadLinks {
    /// This upload.
    #[serde(rename = "self")]
    itself: String,
    /// Where to make a job of it.
    jobs: String,
}

/// Path of an upload.
#[must_use]
pub fn upload_path(id: &str) -> String {
    format!("{API}/uploads/{id}")
}

/// An upload with its files.
///
/// # Errors
/// Those of the storage.
pub async fn detail(store: &Store, upload: Upload) -> Result<UploadDetail, Problem> {
    let images = match upload.state {
        UploadState::Ready => store.images_of_upload(&upload.id).await?,
        _ => Vec::new(),
    };
    let links = UploadLinks { itself: upload_path(&upload.id), jobs: format!("{API}/jobs") };
    let (not_used, num_not_used) = (upload.details.not_used.clone(), upload.details.num_not_used);
    let images = images.into_iter().map(ImageOfUpload::from).collect();
    Ok(UploadDetail { summary: upload.into(), images, not_used, num_not_used, links })
}

impl From<Upload> for UploadSummary {
    fn from(upload: Upload) -> Self {
        let expires_at = upload.state.is_staged().then(|| rfc3339(upload.expires_at));
        Self {
            id: upload.id,
            state: upload.state,
            protocol: upload.details.protocol,
            filename: upload.filename,
            declared_bytes: upload.declared_bytes,
            received_bytes: upload.received_bytes,
            created_at: rfc3339(upload.created_at),
            expires_at,
            problem: upload.problem.map(RefusalView::from),
        }
    }
}

impl From<Refusal> for RefusalView {
    fn from(Refusal { code, entry, detail }: Refusal) -> Self {
        Self { code, entry, detail, help: code.help() }
    }
}

impl From<UploadImage> for ImageOfUpload {
    fn from(UploadImage { name, sha256, bytes, width, height }: UploadImage) -> Self {
        Self { name, verdict: "ok", sha256, bytes, width, height }
    }
}
