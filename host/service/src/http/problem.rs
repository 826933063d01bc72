//! Errors as answers: `application/problem+json` (RFC 9457) with a stable `code` and a line of `help`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scene3d_engine::{EngineError, code_row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ServiceError;

/// Media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done; boxed, since it travels as the error of every handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(pub Box<ProblemBody>);

/// What a request that was not done is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`: the code tells problems apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of the status.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable, for programs.
    pub code: String,
    /// What failed, expected and got.
    pub detail: String,
    /// What to try.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub help: String,
    /// Every mistake, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<String>,
    /// Seconds after which to try again.
    #[serde(skip)]
    pub retry_after_secs: Option<u64>,
}

impl Problem {
    /// Of a status and a code.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemBody {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            help: String::new(),
            errors: Vec::new(),
            retry_after_secs: None,
        }))
    }

    /// With what to try.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = help.into();
        self
    }

    /// With every mistake.
    #[must_use]
    pub fn errors(mut self, errors: Vec<String>) -> Self {
        self.0.errors = errors;
        self
    }

    /// With the seconds after which to try again.
    #[must_use]
    pub fn retry_after(mut self, secs: u64) -> Self {
        self.0.retry_after_secs = Some(secs);
        self
    }

    /// What is not there, or not the caller's.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
            .help("see the list of yours; what belongs to others is not shown")
    }

    /// Of a mistake in the request.
    #[must_use]
    pub fn invalid(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.0.retry_after_secs;
        let mut response = (status, Json(self.0)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(secs) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// Users are told what they can act on; what is inside goes to the log.
impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match &error {
            ServiceError::WrongState { .. } => Self::new(StatusCode::CONFLICT, "wrong_state", error.to_string()),
            ServiceError::Database { .. } | ServiceError::Objects { .. } | ServiceError::LeaseLost => {
                tracing::error!(error = %error, "the storage does not answer");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", "the storage does not answer")
                    .help("try again in a moment; /readyz says what is not ready")
                    .retry_after(5)
            }
            ServiceError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                tracing::error!(error = %error, "the disk is full");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "the server's disk is full")
                    .help("try again later; its operator is told by /readyz and the log")
            }
            _ => {
                tracing::error!(error = %error, "a request failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the request failed for a reason of the server",
                )
                .help("the server's log tells more under the id in the header x-request-id")
            }
        }
    }
}

/// The engine's codes keep their names and statuses.
impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let row = code_row(error.code());
        let status = StatusCode::from_u16(row.http_status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let errors = match &error {
            EngineError::Problems(problems) => problems.0.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        Self::new(status, row.label, error.to_string()).help(error.help()).errors(errors)
    }
}
