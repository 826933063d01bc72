//! What may stand in the queries of URLs.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::jobs::state::JobState;
use crate::thumbnails::ThumbnailSize;

/// Which jobs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobsQuery {
    /// Only those in this state.
    pub state: Option<JobState>,
    /// Only those before this one: `next` of the answer before.
    pub before: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
}

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Number of the last event that is known already; the header `Last-Event-ID` goes before it.
    #[param(minimum = 0)]
    pub after: Option<i64>,
}

/// Which deliveries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// Only those in this state.
    pub state: Option<DeliveryState>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is tried, or will be.
    Pending,
    /// It was answered with 2xx.
    Delivered,
    /// It was given up.
    Dead,
}

/// How large a picture is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ThumbnailQuery {
    /// Small unless it is said.
    pub size: Option<ThumbnailSize>,
}

/// What a download link holds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// The job.
    pub job: String,
    /// The file.
    pub name: String,
    /// Until when it holds, milliseconds since the epoch.
    pub expires: i64,
    /// Which key signed it.
    pub kid: String,
    /// Its signature.
    pub signature: String,
}
