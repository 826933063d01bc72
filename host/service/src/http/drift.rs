//! Drift: what images are compared with, and a check without a job.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use scene3d_monitor::drift::DriftVerdict;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::drift::DriftCheck;
use crate::http::extract::Json;
use crate::http::job_problems::of_fault;
use crate::http::{App, Caller, Problem};
use crate::jobs::submission::ImageChoice;
use crate::scope::Scope;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(drift_baseline)).routes(routes!(check_drift))
}

/// The images to check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DriftRequest {
    /// Those of an upload.
    #[schema(max_length = 64)]
    upload_id: Option<String>,
    /// Or these, by sha256.
    #[schema(max_items = 10_000)]
    image_ids: Option<Vec<String>>,
}

/// What images are compared with
#[utoipa::path(
    get,
    path = "/drift/baseline",
    operation_id = "drift_baseline",
    tag = "drift",
    responses(
        (status = 200, description = "The baseline with its calibration.", body = Object),
        (status = 404, description = "There is no baseline.", body = crate::http::problem::ProblemBody,
            content_type = "application/problem+json")
    )
)]
async fn drift_baseline(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, Problem> {
    caller.require(Scope::JobsRead)?;
    Ok(Json(serde_json::to_value(check_of(&app)?.baseline()).map_err(|_| Problem::bug())?))
}

/// Compare images with the baseline
#[utoipa::path(
    post,
    path = "/drift/check",
    operation_id = "check_drift",
    tag = "drift",
    request_body = DriftRequest,
    responses(
        (status = 200, description = "The verdict.", body = DriftVerdict),
        (status = 404, description = "There is no baseline, or no such upload.",
            body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The upload is not ready.", body = crate::http::problem::ProblemBody,
            content_type = "application/problem+json")
    )
)]
async fn check_drift(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<DriftRequest>,
) -> Result<Json<DriftVerdict>, Problem> {
    caller.require(Scope::JobsRead)?;
    let choice = match (request.upload_id, request.image_ids) {
        (Some(upload), None) => ImageChoice::Upload(upload),
        (None, Some(images)) => ImageChoice::Images(images),
        _ => return Err(Problem::invalid("invalid_body", "expected either `upload_id` or `image_ids`")),
    };
    let check = check_of(&app)?;
    let images = app.submitter.chosen(&caller.user_id, &choice).await.map_err(|fault| of_fault(&app, fault))?;
    Ok(Json(check.check(&images, &HashMap::new()).await?))
}

fn check_of(app: &App) -> Result<&DriftCheck, Problem> {
    app.submitter.drift.as_deref().ok_or_else(|| {
        Problem::not_found("baseline").help("`scene3d eda PHOTOS --out baseline.json` makes one; [drift] names it")
    })
}
