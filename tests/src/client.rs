//! A client of the service's API, as tests need it: every answer is read whole and can be asked for what it must be.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// A job must end within this time.
const MAX_JOB_TIME: Duration = Duration::from_secs(120);

/// Somebody who calls.
#[derive(Debug, Clone)]
pub struct Client {
    url: String,
    token: Option<String>,
    http: reqwest::blocking::Client,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Vec<u8>,
}

impl Client {
    /// Nobody, at `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    /// If there is no client.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let http = reqwest::blocking::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        match http.timeout(MAX_JOB_TIME).build() {
            Ok(http) => Self { url: url.to_owned(), token: None, http },
            Err(error) => unreachable!("no client: {error}"),
        }
    }

    /// Nobody, at `https://127.0.0.1:PORT`, where a server shows a certificate of its own making.
    ///
    /// # Panics
    /// If there is no client, or `pem` is no certificate.
    #[must_use]
    pub fn trusting(url: &str, pem: &[u8]) -> Self {
        let client = || {
            let certificate = reqwest::Certificate::from_pem(pem)?;
            let http = reqwest::blocking::Client::builder().no_proxy().tls_built_in_root_certs(false);
            http.add_root_certificate(certificate).timeout(MAX_JOB_TIME).build()
        };
        match client() {
            Ok(http) => Self { url: url.to_owned(), token: None, http },
            Err(error) => unreachable!("no client: {error}"),
        }
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// What it shows.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// A request to add to; see [`Self::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The answer to a request.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn send(&self, request: RequestBuilder) -> Answer {
        match request.send().and_then(Answer::read) {
            Ok(answer) => answer,
            Err(error) => unreachable!("no answer: {error:?}"),
        }
    }

    /// An answer whose body is read as it comes, e.g. events.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn stream(&self, path: &str) -> Response {
        match self.request(Method::GET, path).send() {
            Ok(response) => response,
            Err(error) => unreachable!("no answer: {error:?}"),
        }
    }

    /// GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path))
    }

    /// POST of JSON.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body))
    }

    /// DELETE.
    #[must_use]
    pub fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path))
    }

    /// Uploads files by a form; its id.
    ///
    /// # Panics
    /// If they are refused.
    #[must_use]
    pub fn upload(&self, files: &[(&str, &[u8])]) -> String {
        let add = |form: Form, (name, bytes): &(&str, &[u8])| {
            form.part("file", Part::bytes(bytes.to_vec()).file_name((*name).to_owned()))
        };
        let form = files.iter().fold(Form::new(), add);
        let answer = self.send(self.request(Method::POST, "/api/v1/uploads").multipart(form));
        text_of(&answer.expect_status(201).json()["id"])
    }

    /// An upload once it is ready or refused.
    ///
    /// # Panics
    /// If it becomes neither.
    #[must_use]
    pub fn ended_upload(&self, id: &str) -> Value {
        let deadline = Instant::now() + MAX_JOB_TIME;
        loop {
            let upload = self.get(&format!("/api/v1/uploads/{id}")).expect_status(200).json();
            if !["receiving", "checking"].contains(&upload["state"].as_str().unwrap_or_default()) {
                return upload;
            }
            assert!(Instant::now() < deadline, "the upload does not end: {upload:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts a job; its id. `more` is added to the request.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn start_job(&self, upload_id: &str, more: &Value) -> String {
        let mut body = json!({ "upload_id": upload_id, "config": "dummy" });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        text_of(&self.post("/api/v1/jobs", &body).expect_status(202).json()["id"])
    }

    /// Starts a job with a config of its own; its id.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn start_job_with(&self, upload_id: &str, config_toml: &str) -> String {
        let body = json!({ "upload_id": upload_id, "config_toml": config_toml });
        text_of(&self.post("/api/v1/jobs", &body).expect_status(202).json()["id"])
    }

    /// Waits until a job whose plugin hangs does.
    ///
    /// # Panics
    /// If it does not come so far.
    pub fn wait_until_hanging(&self, id: &str) {
        let deadline = Instant::now() + MAX_JOB_TIME;
        while !self.get(&format!("/api/v1/jobs/{id}/logs")).expect_status(200).text().contains("hangs") {
            assert!(Instant::now() < deadline, "the job does not hang");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The job once it has ended.
    ///
    /// # Panics
    /// If it does not end.
    #[must_use]
    pub fn ended_job(&self, id: &str) -> Value {
        let deadline = Instant::now() + MAX_JOB_TIME;
        loop {
            let job = self.get(&format!("/api/v1/jobs/{id}")).expect_status(200).json();
            if ["succeeded", "failed", "cancelled"].contains(&job["state"].as_str().unwrap_or_default()) {
                return job;
            }
            assert!(Instant::now() < deadline, "the job does not end: {job:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Answer {
    fn read(response: Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes()?.to_vec() })
    }

    /// Itself, if it has this status.
    ///
    /// # Panics
    /// If it has another.
    #[must_use]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Its body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Its body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts that it is a problem of this status and code; itself.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str().unwrap_or_default()), (status, code), "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        self
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
