//! Jobs of a Ray cluster, by the REST API of its dashboard (docs.ray.io, "Ray Jobs REST API", 2.60).

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ExperimentError;

/// A dashboard that takes longer does not answer.
const MAX_ANSWER: Duration = Duration::from_secs(30);
/// Of a refusal.
const MAX_TEXT_CHARS: usize = 300;

/// A cluster, and what its jobs are given.
#[derive(Debug, Clone, PartialEq)]
pub struct RayCluster {
    /// URL of the dashboard, e.g. `http://127.0.0.1:8265`.
    pub dashboard: String,
    /// Ray's own token, where the cluster asks for one.
    pub token: Option<String>,
    /// The program on its nodes.
    pub program: String,
    /// What a job asks of a node, as Ray's API calls it: `entrypoint_num_gpus`, `entrypoint_num_cpus`, `entrypoint_memory`.
    pub resources: BTreeMap<String, f64>,
}

/// How a job stands.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct JobState {
    status: String,
    #[serde(default)]
    pub message: Option<String>,
    /// None if the program did not end by itself.
    #[serde(default)]
    driver_exit_code: Option<i64>,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    Waits,
    Runs,
    Succeeded,
    /// The program said no.
    Failed,
    /// Its node was lost, or it was killed.
    Lost,
}

impl JobState {
    pub(crate) fn stands(&self) -> Stands {
        match self.status.as_str() {
            "PENDING" => Stands::Waits,
            "RUNNING" => Stands::Runs,
            "SUCCEEDED" => Stands::Succeeded,
            // by a signal, as shells count, or with its node
            "FAILED" | "STOPPED" if self.driver_exit_code.is_none_or(|code| !(0..=128).contains(&code)) => Stands::Lost,
            _ => Stands::Failed,
        }
    }
}

/// The jobs of a cluster.
pub(crate) struct RayJobs {
    http: Client,
    cluster: RayCluster,
}

impl RayJobs {
    pub(crate) fn of(cluster: &RayCluster) -> Result<Self, ExperimentError> {
        let http =
            Client::builder().timeout(MAX_ANSWER).build().map_err(|error| unreachable_cluster(cluster, &error))?;
        Ok(Self { http, cluster: cluster.clone() })
    }

    /// Starts the program on a node with these arguments; the id of the job.
    pub(crate) fn submit(&self, arguments: &[String], name: &str) -> Result<String, ExperimentError> {
        let words = std::iter::once(&self.cluster.program).chain(arguments);
        let mut body = json!({
            "entrypoint": words.map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
            "metadata": { "name": name },
        });
        self.cluster.resources.iter().for_each(|(key, amount)| body[key] = Value::from(*amount));
        let answer: Value =
            self.ask(self.http.post(self.url("")).json(&body))?.json().map_err(|e| self.unreachable(&e))?;
        let id = answer["submission_id"].as_str().or(answer["job_id"].as_str());
        id.map(str::to_owned).ok_or_else(|| self.refused("it told no id of the job"))
    }

    pub(crate) fn state(&self, id: &str) -> Result<JobState, ExperimentError> {
        self.ask(self.http.get(self.url(id)))?.json().map_err(|error| self.unreachable(&error))
    }

    /// What a job printed.
    pub(crate) fn log(&self, id: &str) -> Result<String, ExperimentError> {
        let answer: Value =
            self.ask(self.http.get(self.url(&format!("{id}/logs"))))?.json().map_err(|e| self.unreachable(&e))?;
        Ok(answer["logs"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn stop(&self, id: &str) -> Result<(), ExperimentError> {
        self.ask(self.http.post(self.url(&format!("{id}/stop")))).map(drop)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/jobs/{path}", self.cluster.dashboard.trim_end_matches('/'))
    }

    fn ask(&self, request: RequestBuilder) -> Result<Response, ExperimentError> {
        let request = match &self.cluster.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().map_err(|error| self.unreachable(&error))?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            status => {
                let text: String = answer.text().unwrap_or_default().chars().take(MAX_TEXT_CHARS).collect();
                Err(self.refused(&format!("{status}: {}", text.trim())))
            }
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ExperimentError {
        unreachable_cluster(&self.cluster, error)
    }

    fn refused(&self, reason: &str) -> ExperimentError {
        ExperimentError::Cluster { dashboard: self.cluster.dashboard.clone(), reason: reason.to_owned() }
    }
}

fn unreachable_cluster(cluster: &RayCluster, error: &reqwest::Error) -> ExperimentError {
    ExperimentError::Cluster { dashboard: cluster.dashboard.clone(), reason: error.to_string() }
}

/// A word that a shell takes as it is: an entrypoint is a line for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_quoted_words_as_they_are() {
        for word in ["--set", "a b", "it's", "$(reboot)", "", "`x`", "a\\b", "ä;b"] {
            let output = std::process::Command::new("sh").args(["-c", &format!("printf %s {}", quoted(word))]).output();
            assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), word);
        }
    }

    #[test]
    fn a_job_that_was_killed_is_told_from_one_that_failed() {
        let stands = |status: &str, code: Option<i64>| {
            JobState { status: status.to_owned(), message: None, driver_exit_code: code }.stands()
        };
        assert_eq!(stands("FAILED", Some(2)), Stands::Failed);
        assert_eq!(stands("FAILED", None), Stands::Lost);
        assert_eq!(stands("FAILED", Some(-9)), Stands::Lost);
        assert_eq!(stands("SUCCEEDED", Some(0)), Stands::Succeeded);
    }
}
