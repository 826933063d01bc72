//! Work that reads files or computes: on threads that may wait, so that no request waits for another's.

use crate::http::Problem;

/// Runs it there.
///
/// # Errors
/// 500 if it panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.map_err(|error| {
        tracing::error!(error = %error, "a thread of a request ended");
        Problem::bug()
    })
}
