//! What may be uploaded, so that clients can say so before they send anything.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::extract::Json;
use crate::http::{App, Caller, Problem};
use crate::scope::Scope;
use crate::uploads::names::IMAGE_ENDINGS;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(limits))
}

/// What may be uploaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadLimits {
    /// Bytes of a whole upload: an image, a ZIP, or all files of a form.
    max_bytes: u64,
    /// Files of a ZIP, and images of a job.
    max_files: usize,
    /// Bytes of one image.
    max_image_bytes: u64,
    /// Megapixels of one image.
    max_megapixels: u64,
    /// Bytes of all that a user keeps: images, uploads under way, artifacts.
    max_user_bytes: i64,
    /// Images that a user keeps.
    max_user_images: i64,
    /// Seconds after which an upload that is not finished is dropped.
    expire_secs: u64,
    /// Endings of the names of images, in lower case.
    image_endings: Vec<&'static str>,
}

/// Says what may be uploaded.
#[utoipa::path(get, path = "/limits", tag = "uploads", operation_id = "get_limits",
    responses((status = 200, description = "The limits.", body = UploadLimits)))]
async fn limits(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<UploadLimits>, Problem> {
    caller.require(Scope::JobsRead)?;
    let (uploads, quotas) = (&app.config.uploads, &app.config.quotas);
    Ok(Json(UploadLimits {
        max_bytes: uploads.max_bytes,
        max_files: uploads.max_files,
        max_image_bytes: uploads.max_image_bytes,
        max_megapixels: uploads.max_megapixels,
        max_user_bytes: quotas.max_bytes,
        max_user_images: quotas.max_images,
        expire_secs: uploads.expire_secs,
        image_endings: IMAGE_ENDINGS.to_vec(),
    }))
}
