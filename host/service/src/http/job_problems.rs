//! Why a job was not made, as answers.

use axum::http::StatusCode;

use crate::http::configs::invalid_config;
use crate::http::{App, Problem};
use crate::jobs::submission::SubmitFault;
use crate::store::job_changes::Creation;
use crate::store::jobs::Job;

/// Names in a message.
const MAX_NAMED: usize = 5;

/// Wait that is recommended while the queue is full.
const QUEUE_RETRY_SECS: u64 = 30;

/// Why a request makes no job.
#[must_use]
pub fn of_fault(app: &App, fault: SubmitFault) -> Problem {
    match fault {
        SubmitFault::NoUpload => Problem::not_found("upload"),
        SubmitFault::UploadNotReady(state) => {
            let detail = format!("the upload is {}, expected one that is ready", state.name());
            Problem::new(StatusCode::CONFLICT, "upload_not_ready", detail)
                .help("GET /uploads/{id} tells its state, and why it was refused")
        }
        SubmitFault::NoImages(sha256s) => {
            let named: Vec<&str> = sha256s.iter().take(MAX_NAMED).map(String::as_str).collect();
            let detail = format!("{} of the images are not yours, e.g. {}", sha256s.len(), named.join(", "));
            Problem::invalid("unknown_images", detail).help("GET /images lists yours")
        }
        SubmitFault::TooFewImages(num_images) => {
            Problem::invalid("too_few_images", format!("{num_images} images, expected at least 2"))
                .help("a scene needs photos from several places")
        }
        SubmitFault::TooManyImages { num_images, max_images } => {
            Problem::invalid("too_many_images", format!("{num_images} images, expected at most {max_images}"))
        }
        SubmitFault::Config(problems) => invalid_config(app, &problems),
        SubmitFault::Webhook(reason) => Problem::invalid("invalid_webhook_url", reason),
        SubmitFault::Service(error) => error.into(),
    }
}

/// The job that a request made, now or before.
///
/// # Errors
/// Why it made none.
pub fn of_creation(creation: Creation) -> Result<Job, Problem> {
    match creation {
        Creation::Made(job) | Creation::Known(job) => Ok(*job),
        Creation::KeyOfAnotherRequest => {
            Err(Problem::invalid("idempotency_key_reused", "the Idempotency-Key was used for another request")
                .help("send a new key with a new request"))
        }
        Creation::QueueFull { num_queued } => {
            let detail = format!("{num_queued} jobs wait already");
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", detail)
                .help("try again when some of them are done")
                .retry_after(QUEUE_RETRY_SECS))
        }
        Creation::TooManyOfUser { num_active } => {
            let detail = format!("{num_active} of your jobs wait or run already");
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_jobs", detail)
                .help("wait for one of them, or cancel one")
                .retry_after(QUEUE_RETRY_SECS))
        }
    }
}
