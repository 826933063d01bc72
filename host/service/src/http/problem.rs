//! Errors as answers: `application/problem+json` (RFC 9457) with a stable `code` and a line of `help`.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scene3d_engine::{EngineError, code_row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ServiceError;
use crate::uploads::refusal::{Refusal, RefusalCode};

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

/// The code of a problem, beside its answer: for what counts answers.
#[derive(Debug, Clone)]
pub struct ProblemCode(pub String);

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

    /// Of one who sends more requests than he may.
    #[must_use]
    pub fn rate_limited(wait: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "more requests than are allowed")
            .help("wait as long as the header Retry-After says")
            .retry_after(wait.as_secs().saturating_add(1))
    }

    /// Of a database, an object store or a disk that does not do what it is asked for.
    #[must_use]
    pub fn storage_unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", "the storage does not answer")
            .help("try again in a moment; /readyz says what is not ready")
            .retry_after(5)
    }

    /// Of what is no fault of the request.
    #[must_use]
    pub fn bug() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request failed for a reason of the server")
            .help("the server's log tells more under the id in the header x-request-id")
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
        let (retry_after, code) = (self.0.retry_after_secs, ProblemCode(self.0.code.clone()));
        let mut response = (status, Json(self.0)).into_response();
        response.extensions_mut().insert(code);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
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
            ServiceError::WrongState { .. } | ServiceError::WrongUploadState { .. } => {
                Self::new(StatusCode::CONFLICT, "wrong_state", error.to_string())
            }
            ServiceError::Refused(refusal) => (**refusal).clone().into(),
            full if full.is_disk_full() => {
                tracing::error!(error = %error, "the disk is full");
                Refusal::disk_full().into()
            }
            // files of a request are those of the object store and of uploads under way
            ServiceError::Database { .. }
            | ServiceError::Objects { .. }
            | ServiceError::Io { .. }
            | ServiceError::LeaseLost => {
                tracing::error!(error = %error, "the storage does not answer");
                Self::storage_unavailable()
            }
            _ => {
                tracing::error!(error = %error, "a request failed");
                Self::bug()
            }
        }
    }
}

/// What was sent is at fault, but for a full disk.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code {
            RefusalCode::TooManyFiles
            | RefusalCode::UploadTooLarge
            | RefusalCode::ImageTooLarge
            | RefusalCode::TooManyPixels => StatusCode::PAYLOAD_TOO_LARGE,
            RefusalCode::NotAnImage => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            RefusalCode::QuotaExceeded => StatusCode::FORBIDDEN,
            RefusalCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            RefusalCode::UploadLost => StatusCode::GONE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, refusal.code.name(), refusal.detail).help(refusal.code.help())
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
