//! An MLflow server over its REST API (version 2.0 of the API, MLflow 3.17): the only code of this crate that talks to a
//! network.

mod answer;
mod artifacts;
mod credentials;
mod models;
mod runs;

use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::redirect::Policy;
use reqwest::{Method, Url};
use serde_json::Value;

pub use answer::Fault;
use credentials::Credentials;
pub use models::NewVersion;
pub use runs::{NewRun, RemoteRun};

use super::config::TrackingConfig;
use crate::MonitorError;

const API: &str = "api/2.0/mlflow";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server.
#[derive(Debug)]
pub struct Mlflow {
    http: Client,
    url: Url,
    timeout: Duration,
    credentials: Credentials,
}

impl Mlflow {
    /// Of the config; connects to nothing yet.
    pub fn new(config: &TrackingConfig) -> Result<Option<Self>, MonitorError> {
        let Some(url) = &config.server else { return Ok(None) };
        let url = checked_url(url)?;
        let mut http = Client::builder()
            // a redirect would take the token elsewhere
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(config.request_timeout))
            .user_agent(concat!("scene3d/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        let http =
            http.build().map_err(|error| MonitorError::TrackingConfig(format!("there can be no client: {error}")))?;
        let credentials = Credentials::of(config)?;
        Ok(Some(Self { http, url, timeout: config.request_timeout, credentials }))
    }

    fn get(&self, operation: &str, query: &[(&str, &str)]) -> Result<Value, Fault> {
        self.json(self.request(Method::GET, &format!("{API}/{operation}"), self.timeout)?.query(query))
    }

    fn post(&self, operation: &str, body: &Value) -> Result<Value, Fault> {
        self.json(self.request(Method::POST, &format!("{API}/{operation}"), self.timeout)?.json(body))
    }

    fn json(&self, request: RequestBuilder) -> Result<Value, Fault> {
        let answer = self.send(request)?;
        answer.json().map_err(|error| Fault::unreachable(&self.url, &error))
    }

    fn request(&self, method: Method, path: &str, timeout: Duration) -> Result<RequestBuilder, Fault> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        self.credentials.add_to(self.http.request(method, url).timeout(timeout))
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let answer = request.send().map_err(|error| Fault::unreachable(&self.url, &error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(Fault::of(&self.url, answer)) }
    }
}

/// Whether the URL can be a server's, before anything is sent to it.
pub fn checked_url(text: &str) -> Result<Url, MonitorError> {
    let refused = |why: &str| {
        MonitorError::TrackingConfig(format!("the server's URL {why}; expected e.g. http://127.0.0.1:5000"))
    };
    let url = Url::parse(text).map_err(|error| refused(&format!("`{text}` is none ({error})")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "holds a password, which logs would show: put `USER:PASSWORD` into a file (basic_auth_file)",
        ));
    }
    if !["http", "https"].contains(&url.scheme()) || url.query().is_some() || url.fragment().is_some() {
        return Err(refused(&format!("`{text}` is of no web server")));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_before_they_are_used() {
        for url in ["http://127.0.0.1:5000", "https://example.org/mlflow/"] {
            assert!(checked_url(url).is_ok(), "{url}");
        }
        for (url, words) in [
            ("localhost:5000", "no web server"),
            ("ftp://example.org", "no web server"),
            ("http://example.org/?x=1", "no web server"),
            ("mlflow", "is none"),
            ("http://ann:hunter2@example.org", "basic_auth_file"),
        ] {
            let error = checked_url(url).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn operations_lie_below_the_path_of_the_url() {
        let config = |url: &str| TrackingConfig::new("spool".as_ref()).with_server(url);
        for (url, expected) in [
            ("http://127.0.0.1:1", "http://127.0.0.1:1/api/2.0/mlflow/runs/create"),
            ("https://example.org/mlflow/", "https://example.org/mlflow/api/2.0/mlflow/runs/create"),
        ] {
            let mlflow = Mlflow::new(&config(url)).unwrap().unwrap();
            let request = mlflow.request(Method::POST, "api/2.0/mlflow/runs/create", CONNECT_TIMEOUT).unwrap();
            assert_eq!(request.build().unwrap().url().as_str(), expected);
        }
    }
}
