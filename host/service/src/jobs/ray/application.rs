//! The application on the cluster, started by Ray Serve's REST API where it is not there: a cluster that lost its head has
//! none (docs.ray.io, "Serve REST API v2").

use std::path::Path;

use reqwest::{Client, Response, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::config::ExecutorSection;
use crate::error::{Result, ServiceError};

/// What Ray Serve calls an application that takes requests.
const RUNNING: &str = "RUNNING";
/// It is there, but not yet.
const BEGUN: [&str; 2] = ["DEPLOYING", "NOT_STARTED"];

/// How the application is started.
#[derive(Debug)]
pub(super) struct Application {
    applications: Url,
    /// One entry of `applications` of Serve's config.
    config: Value,
    name: String,
}

/// The parts of `GET /api/serve/applications/` that count here.
#[derive(Debug, Default, Deserialize)]
struct Deployed {
    #[serde(default)]
    applications: Map<String, Value>,
}

impl Application {
    /// Where a section says how.
    pub(super) fn of(section: &ExecutorSection) -> Result<Option<Self>> {
        let (url, path) = match (&section.dashboard_url, &section.application) {
            (None, None) => return Ok(None),
            (Some(url), Some(path)) => (url, path),
            _ => {
                let text = "to start the application both executor.dashboard_url and executor.application are needed";
                return Err(ServiceError::Config(text.to_owned()));
            }
        };
        let applications = Url::parse(&format!("{}/api/serve/applications/", url.trim_end_matches('/')))
            .map_err(|error| ServiceError::Config(format!("executor.dashboard_url `{url}` is none: {error}")))?;
        let config = read(path)?;
        let name = config["name"].as_str().unwrap_or("default").to_owned();
        Ok(Some(Self { applications, config, name }))
    }

    /// Starts it unless it is there; what it is now, as Ray Serve calls it.
    pub(super) async fn ensure_running(&self, http: &Client) -> std::result::Result<String, String> {
        let answer = http.get(self.applications.clone()).send().await;
        let deployed: Deployed = answered(answer).await?.json().await.map_err(|error| error.to_string())?;
        let status = |app: &Value| app["status"].as_str().unwrap_or_default().to_owned();
        match deployed.applications.get(&self.name).map(status) {
            Some(status) if status == RUNNING || BEGUN.contains(&status.as_str()) => Ok(status),
            _ => self.deploy(http, &deployed).await.map(|()| BEGUN[0].to_owned()),
        }
    }

    /// What is put replaces all there is, so that the applications of others are put with it.
    async fn deploy(&self, http: &Client, deployed: &Deployed) -> std::result::Result<(), String> {
        let others = deployed.applications.iter().filter(|(name, _)| **name != self.name);
        let mut applications: Vec<Value> =
            others.map(|(_, app)| app["deployed_app_config"].clone()).filter(Value::is_object).collect();
        applications.push(self.config.clone());
        tracing::info!(application = self.name, "is started on the cluster");
        let put = http.put(self.applications.clone()).json(&json!({ "applications": applications })).send().await;
        answered(put).await.map(drop)
    }
}

async fn answered(answer: reqwest::Result<Response>) -> std::result::Result<Response, String> {
    let response = answer.map_err(|error| super::cause_of(&error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let text: String = response.text().await.unwrap_or_default().chars().take(super::MAX_TEXT_CHARS).collect();
    Err(format!("the dashboard answered {status}: {text}"))
}

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).map_err(ServiceError::io("read", path))?;
    let config: Value = serde_json::from_str(&text)
        .map_err(|error| ServiceError::Config(format!("{} is no JSON: {error}", path.display())))?;
    match config["import_path"].is_string() {
        true => Ok(config),
        false => {
            let text = "expected an application of Ray Serve's config, with import_path; see deploy/ray";
            Err(ServiceError::Config(format!("{}: {text}", path.display())))
        }
    }
}
