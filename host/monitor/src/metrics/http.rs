//! Requests: how many, how long, how they ended.

use prometheus::{HistogramVec, Result};

use super::registrar::Registrar;

/// From a health check to an upload.
const BUCKETS_SECS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];
/// A client may send any word as a method; these have a series of their own.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const OTHER: &str = "other";

/// Metrics of requests.
#[derive(Debug)]
pub struct HttpMetrics {
    duration: HistogramVec,
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    /// The route's template, e.g. `/api/v1/jobs/{id}`, never the path that was asked for; `None` if no route fits.
    pub route: Option<&'a str>,
    /// `GET` and so on.
    pub method: &'a str,
    /// Status of the answer.
    pub status: u16,
    /// Until the answer began.
    pub secs: f64,
}

impl HttpMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        let help = "Time until a request's answer began, by the route's template.";
        let labels = ["route", "method", "status_class"];
        let duration = registrar.histograms("scene3d_http_request_duration_seconds", help, &BUCKETS_SECS, &labels)?;
        Ok(Self { duration })
    }

    /// A request was answered.
    pub fn answered(&self, request: &HttpRequest<'_>) {
        let method = METHODS.into_iter().find(|known| *known == request.method).unwrap_or(OTHER);
        let labels = [request.route.unwrap_or(OTHER), method, status_class(request.status)];
        self.duration.with_label_values(&labels).observe(request.secs);
    }
}

fn status_class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => OTHER,
    }
}
