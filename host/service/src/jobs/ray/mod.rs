//! The executor of a Ray cluster: a job goes to an application of Ray Serve, whose replicas hold the same worker that
//! this machine would run; what it tells comes back line by line on the same connection.
//!
//! The work of a job is kept in the object store, so that whatever is lost (a replica, a node, this process) another
//! attempt goes on from what was told as finished. Closing the connection is what cancels: a job whose server is gone
//! stops by itself.

mod application;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::TryStreamExt;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;
use tokio_util::sync::CancellationToken;

use self::application::Application;
use super::executor::{Ending, Executor, ExecutorEvent, JobRequest};
use super::failure::JobFailure;
use super::worker::protocol::{FromWorker, Told};
use crate::config::ExecutorSection;
use crate::error::{Result, ServiceError};

/// Where jobs' work is kept in the object store.
pub const WORK: &str = "work";
/// A cluster that has no room, or does not answer, is asked again.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// A connection is made within this time, or not at all.
const MAX_CONNECT: Duration = Duration::from_secs(10);
/// A replica says something at least every 10 s (`deploy/ray/scene3d_ray/application.py`); one that says nothing is gone.
const MAX_SILENCE: Duration = Duration::from_secs(45);
/// Of a refusal that is not ours.
const MAX_TEXT_CHARS: usize = 300;

/// Sends jobs to an application of Ray Serve.
#[derive(Debug)]
pub struct RayExecutor {
    http: Client,
    jobs: Url,
    token: Option<String>,
    application: Option<Application>,
}

/// How a connection to a replica began.
enum Answer {
    /// It works on the job.
    Working(Response),
    /// There is no room, or nobody to ask.
    Later(String),
    /// It will not.
    Refused(JobFailure),
}

impl RayExecutor {
    /// Of a section of kind `ray`.
    ///
    /// # Errors
    /// [`ServiceError::Config`] for what is missing or no URL, [`ServiceError::Io`] for files that can't be read.
    pub fn new(section: &ExecutorSection) -> Result<Self> {
        let missing =
            || ServiceError::Config("executor.kind is ray, expected executor.url, e.g. http://HOST:8000".into());
        let url = section.url.as_ref().ok_or_else(missing)?;
        let jobs = Url::parse(&format!("{}/jobs", url.trim_end_matches('/')))
            .map_err(|error| ServiceError::Config(format!("executor.url `{url}` is none: {error}")))?;
        let token = section.token_file.as_deref().map(read_token).transpose()?;
        let http = Client::builder().connect_timeout(MAX_CONNECT).read_timeout(MAX_SILENCE).build();
        let http = http.map_err(|error| ServiceError::Config(format!("no HTTP client: {error}")))?;
        let application = Application::of(section)?;
        Ok(Self { http, jobs, token, application })
    }

    async fn work(
        &self,
        request: JobRequest,
        events: mpsc::Sender<ExecutorEvent>,
        cancel: CancellationToken,
    ) -> Ending {
        let request = JobRequest {
            work_folder: key_of(&request.work_folder),
            inherit_from: request.inherit_from.as_deref().map(key_of),
            ..request
        };
        let worked = async {
            match self.answer(&request, &events).await {
                Ok(response) => listen(response, &request.job_id, &events).await,
                Err(failure) => Ending::Failed(failure),
            }
        };
        // what is dropped here closes the connection, which tells the replica
        cancel.run_until_cancelled(worked).await.unwrap_or(Ending::Cancelled)
    }

    /// A replica that works on the job; waits until there is one.
    async fn answer(
        &self,
        request: &JobRequest,
        events: &mpsc::Sender<ExecutorEvent>,
    ) -> std::result::Result<Response, JobFailure> {
        let mut told: Option<String> = None;
        loop {
            let why = match self.ask(request).await {
                Answer::Working(response) => return Ok(response),
                Answer::Refused(failure) => return Err(failure),
                Answer::Later(why) => why,
            };
            if told.as_ref() != Some(&why) {
                let message = format!("waits for the cluster: {why}");
                tracing::warn!(job = request.job_id, "{message}");
                // whoever does not listen any more still wants to know how it ends
                events.send(ExecutorEvent::Warning { message }).await.ok();
                told = Some(why);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn ask(&self, request: &JobRequest) -> Answer {
        let mut post = self.http.post(self.jobs.clone()).json(request);
        if let Some(token) = &self.token {
            post = post.bearer_auth(token);
        }
        let response = match post.send().await {
            Ok(response) => response,
            Err(error) => return self.later(&format!("it does not answer ({})", cause_of(&error))).await,
        };
        match response.status() {
            StatusCode::OK => Answer::Working(response),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Answer::Later("no replica is free".into())
            }
            StatusCode::NOT_FOUND => self.later("the application is not there").await,
            status => Answer::Refused(refused(status, &response.text().await.unwrap_or_default())),
        }
    }

    /// The application is started where it is known how.
    async fn later(&self, why: &str) -> Answer {
        let Some(application) = &self.application else { return Answer::Later(why.to_owned()) };
        match application.ensure_running(&self.http).await {
            Ok(state) => Answer::Later(format!("{why}; its application is {state}")),
            Err(error) => Answer::Later(format!("{why}, and its application can't be started: {error}")),
        }
    }
}

impl Executor for RayExecutor {
    fn run(
        &self,
        request: JobRequest,
        events: mpsc::Sender<ExecutorEvent>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Ending> {
        Box::pin(self.work(request, events, cancel))
    }

    /// The application stays: other services may use it, and the next job finds its weights loaded.
    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Key in the object store of what would be a work folder here.
fn key_of(work_folder: &Path) -> PathBuf {
    Path::new(WORK).join(work_folder.file_name().unwrap_or_default())
}

fn read_token(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(ServiceError::io("read", path))?;
    Ok(text.trim().to_owned())
}

async fn listen(response: Response, job_id: &str, events: &mpsc::Sender<ExecutorEvent>) -> Ending {
    let mut lines = BufReader::new(StreamReader::new(response.bytes_stream().map_err(std::io::Error::other))).lines();
    loop {
        let told = match next(&mut lines, job_id).await {
            Ok(told) => told,
            Err(reason) => return Ending::WorkerLost { reason, last_words: String::new() },
        };
        match told {
            Told::Event(event) => drop(events.send(event).await),
            // the application's own concern
            Told::Parts(_) => {}
            Told::Ended { ending, .. } => return ending,
        }
    }
}

/// What is said next of the job; else how the connection ended.
async fn next<R: AsyncRead + Unpin>(
    lines: &mut Lines<BufReader<R>>,
    job_id: &str,
) -> std::result::Result<Told, String> {
    loop {
        let line = match lines.next_line().await {
            Ok(Some(line)) => line,
            Ok(None) => return Err("the replica ended before the job did".to_owned()),
            Err(error) => return Err(format!("the connection to the replica was lost: {}", cause_of(&error))),
        };
        if line.is_empty() {
            // that it lives
            continue;
        }
        match serde_json::from_str::<FromWorker>(&line) {
            Ok(FromWorker { job, told }) if job == job_id => return Ok(told),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "a line of the replica can't be read"),
        }
    }
}

/// What is below an error: the outer ones name URLs.
fn cause_of(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn refused(status: StatusCode, text: &str) -> JobFailure {
    let text: String = text.chars().take(MAX_TEXT_CHARS).collect();
    let help = match status {
        StatusCode::UNAUTHORIZED => "see that executor.token_file holds the token that the application was given",
        _ => "look at the application's log on the cluster, then retry the job",
    };
    JobFailure {
        code: "unavailable".to_owned(),
        stage: None,
        plugin: None,
        message: format!("the cluster refused the job with {status}: {text}"),
        help: help.to_owned(),
        transient: status.is_server_error(),
    }
}

#[cfg(test)]
mod tests;
