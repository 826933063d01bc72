//! Images that the caller uploaded, by their sha256.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::rfc3339;
use crate::http::extract::{Json, Path, Query};
use crate::http::page::PageQuery;
use crate::http::{App, Caller, Problem};
use crate::scope::Scope;
use crate::store::images::Image;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(inspect))
}

/// An image.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImageView {
    /// Its id, for POST /jobs: lower-case hex.
    sha256: String,
    /// Size of the file.
    bytes: i64,
    /// Pixels, as stored.
    width: i64,
    /// Pixels, as stored.
    height: i64,
    /// When it was first received, RFC 3339.
    created_at: String,
    /// What the drift check compares.
    #[schema(value_type = Object)]
    statistics: Value,
}

/// Images, by sha256.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImageList {
    /// A page of them.
    images: Vec<ImageView>,
    /// `after` of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl From<Image> for ImageView {
    fn from(image: Image) -> Self {
        let statistics = serde_json::from_str(&image.statistics).unwrap_or_default();
        let created_at = rfc3339(image.created_at);
        let Image { sha256, bytes, width, height, .. } = image;
        Self { sha256, bytes, width, height, created_at, statistics }
    }
}

/// Lists the images that may be used.
#[utoipa::path(get, path = "/images", tag = "uploads", operation_id = "list_images", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = ImageList)))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<ImageList>, Problem> {
    caller.require(Scope::JobsRead)?;
    let owner = if caller.is_admin() { "" } else { &caller.user_id };
    let mut images = app.store.images_of_user(owner, page.after(), page.num_read()).await?;
    let next = page.cut(&mut images, |image| &image.sha256);
    Ok(Json(ImageList { images: images.into_iter().map(ImageView::from).collect(), next }))
}

/// Shows an image.
#[utoipa::path(get, path = "/images/{sha256}", tag = "uploads", operation_id = "get_image",
    params(("sha256" = String, Path, description = "Lower-case hex.")),
    responses((status = 200, description = "The image.", body = ImageView)))]
async fn inspect(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(sha256): Path<String>,
) -> Result<Json<ImageView>, Problem> {
    caller.require(Scope::JobsRead)?;
    let sha256s = [sha256];
    let is_his = caller.is_admin() || app.store.user_has_images(&caller.user_id, &sha256s).await?;
    let image = if is_his { app.store.image(&sha256s[0]).await? } else { None };
    image.map(|image| Json(image.into())).ok_or_else(|| Problem::not_found("image"))
}
