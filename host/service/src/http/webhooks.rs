//! Webhooks: the secret that signs them, and what became of each.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::rfc3339;
use crate::http::extract::{Json, Path, Query};
use crate::http::queries::{DeliveriesQuery, DeliveryState};
use crate::http::{App, Caller, Problem};
use crate::scope::Scope;
use crate::store::webhooks::Delivery;

/// Deliveries in an answer.
const MAX_LISTED: i64 = 200;

/// Routes of this file.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(webhook_secret))
        .routes(routes!(list_deliveries))
        .routes(routes!(retry_delivery))
}

/// What signs a user's webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookSecret {
    /// Key of the HMAC-SHA256 in the header `X-Scene3d-Signature: t=SECONDS,v1=HEX`, over `SECONDS.BODY`.
    secret: String,
}

/// A call that tells the end of a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    /// As in the header `X-Scene3d-Delivery`, the same in every attempt.
    id: String,
    /// The job that ended.
    job_id: String,
    /// Whom to tell.
    url: String,
    /// What became of it.
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// When it is tried next; none unless it is pending.
    next_attempt_at: Option<String>,
    /// Why the last attempt failed.
    last_error: Option<String>,
    /// When the job ended.
    created_at: String,
}

/// Deliveries, youngest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deliveries {
    /// At most 200.
    deliveries: Vec<DeliveryView>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            next_attempt_at: (delivery.state == "pending").then(|| rfc3339(delivery.next_attempt_at)),
            created_at: rfc3339(delivery.created_at),
            id: delivery.id,
            job_id: delivery.job_id,
            url: delivery.url,
            state: delivery.state,
            attempts: delivery.attempts,
            last_error: delivery.last_error,
        }
    }
}

/// The secret that signs your webhooks
#[utoipa::path(
    get,
    path = "/webhooks/secret",
    operation_id = "webhook_secret",
    tag = "webhooks",
    responses((status = 200, description = "The secret.", body = WebhookSecret))
)]
async fn webhook_secret(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<WebhookSecret>, Problem> {
    caller.require(Scope::JobsWrite)?;
    let secret = app.store.webhook_secret(&caller.user_id).await?.ok_or_else(|| Problem::not_found("user"))?;
    Ok(Json(WebhookSecret { secret }))
}

/// What became of your webhooks
#[utoipa::path(
    get,
    path = "/webhooks/deliveries",
    operation_id = "list_deliveries",
    tag = "webhooks",
    params(DeliveriesQuery),
    responses((status = 200, description = "Deliveries, youngest first.", body = Deliveries))
)]
async fn list_deliveries(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<Deliveries>, Problem> {
    caller.require(Scope::JobsRead)?;
    let state = match query.state {
        None => "",
        Some(DeliveryState::Pending) => "pending",
        Some(DeliveryState::Delivered) => "delivered",
        Some(DeliveryState::Dead) => "dead",
    };
    let user = if caller.is_admin() { "" } else { &caller.user_id };
    let deliveries = app.store.deliveries(user, state, MAX_LISTED).await?;
    Ok(Json(Deliveries { deliveries: deliveries.into_iter().map(DeliveryView::from).collect() }))
}

/// Try a dead webhook again
#[utoipa::path(
    post,
    path = "/webhooks/deliveries/{id}/retry",
    operation_id = "retry_delivery",
    tag = "webhooks",
    params(("id" = String, Path, description = "The delivery.")),
    responses(
        (status = 202, description = "It is tried again."),
        (status = 409, description = "It is not dead.", body = crate::http::problem::ProblemBody,
            content_type = "application/problem+json")
    )
)]
async fn retry_delivery(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::JobsWrite)?;
    let delivery = app.store.delivery(&id).await?.filter(|delivery| caller.may_see(&delivery.user_id));
    let delivery = delivery.ok_or_else(|| Problem::not_found("delivery"))?;
    app.store.revive_delivery(&delivery.id).await?;
    Ok(StatusCode::ACCEPTED)
}
