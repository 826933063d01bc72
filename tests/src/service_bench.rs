//! A service with photos in it, whose jobs are watched by their events as a browser would.

use std::io::{BufRead, BufReader, Lines};

use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::client::Client;
use crate::server::{Environment, Server, USER};
use crate::{DUMMY_CONFIG, small_photos};

/// Real plugins, as small as they still make a model; see [`crate::has_weights`].
pub const REAL_CONFIG: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 1024, max_image_size = 512 }
matcher = { plugin = "nearest" }
[mapper]
plugin = "colmap"
bundle_adjustment = "thorough"
"#;

/// A service with photos in it.
pub struct ServiceBench {
    /// Where it runs.
    pub server: Server,
    /// Who uploaded the photos.
    pub client: Client,
    /// The photos.
    pub upload: String,
}

impl ServiceBench {
    /// Starts a service and uploads the small scene; `more` as in [`Server::start`].
    ///
    /// # Panics
    /// If that can't be.
    #[must_use]
    pub fn start(more: &str) -> Self {
        Self::start_with(more, Vec::new())
    }

    /// As [`Self::start`], with variables of the environment.
    ///
    /// # Panics
    /// If that can't be.
    #[must_use]
    pub fn start_with(more: &str, environment: Environment) -> Self {
        Self::of(Server::start_with(more, environment), &small_photos())
    }

    /// As [`Self::start`], with other photos: names and content.
    ///
    /// # Panics
    /// If that can't be.
    #[must_use]
    pub fn start_with_photos(more: &str, photos: &[(&str, &[u8])]) -> Self {
        Self::of(Server::start(more), photos)
    }

    fn of(server: Server, photos: &[(&str, &[u8])]) -> Self {
        let client = server.client(USER);
        let upload = client.upload(photos);
        Self { server, client, upload }
    }

    /// Starts a job with a config; its id.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn start_job(&self, config_toml: &str) -> String {
        let body = json!({ "upload_id": self.upload, "config_toml": config_toml });
        let job = self.client.post("/api/v1/jobs", &body).expect_status(202).json();
        job["id"].as_str().unwrap_or_default().to_owned()
    }

    /// A job as it is now.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn job(&self, id: &str) -> Value {
        self.client.get(&format!("/api/v1/jobs/{id}")).expect_status(200).json()
    }

    /// That jobs run, whatever became of the last one: one with this config succeeds.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_succeeds(&self, config_toml: &str) {
        self.check_ends_well(&self.start_job(config_toml));
    }

    /// As [`Self::check_succeeds`], with trivial stages.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_next_job_succeeds(&self) {
        self.check_succeeds(DUMMY_CONFIG);
    }

    /// That a job ends well.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_ends_well(&self, id: &str) {
        let job = self.client.ended_job(id);
        assert_eq!(job["state"], "succeeded", "{job:#}");
    }

    /// That a job fails with this code, and with something to try; the job.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn check_fails(&self, id: &str, code: &str) -> Value {
        let job = self.client.ended_job(id);
        assert_eq!((job["state"].as_str(), job["failure"]["code"].as_str()), (Some("failed"), Some(code)), "{job:#}");
        assert!(job["failure"]["help"].as_str().is_some_and(|help| !help.is_empty()), "{job:#}");
        let said = job["failure"]["message"].as_str().unwrap_or_default();
        let folder = std::env::temp_dir().display().to_string();
        assert!(!said.contains(&folder), "a path of the server is told: {said}");
        job
    }

    /// A job's events from the first one on, as they happen.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn events(&self, id: &str) -> Events {
        let response = self.client.stream(&format!("/api/v1/jobs/{id}/events"));
        assert_eq!(response.status().as_u16(), 200);
        Events(BufReader::new(response).lines())
    }

    /// Waits for an event of a job.
    ///
    /// # Panics
    /// If the job ends without it.
    pub fn wait_for(&self, id: &str, is_it: impl Fn(&str, &Value) -> bool) {
        let found = self.events(id).any(|(kind, body)| is_it(&kind, &body));
        assert!(found, "that never happened: {:#}", self.job(id));
    }

    /// Waits for an event of a job after a stage began for the n-th time.
    ///
    /// # Panics
    /// If the job ends without it.
    pub fn wait_for_in_nth(&self, id: &str, (stage, n): (&str, usize), is_it: impl Fn(&str, &Value) -> bool) {
        let mut num_begun = 0;
        let found = self.events(id).any(|(kind, body)| {
            num_begun += usize::from(kind == "stage_started" && body["stage"] == stage);
            num_begun == n && is_it(&kind, &body)
        });
        assert!(found, "that never happened: {:#}", self.job(id));
    }

    /// How many events of a kind a job told.
    #[must_use]
    pub fn num_events(&self, id: &str, kind: &str) -> usize {
        self.events(id).filter(|(known, _)| known == kind).count()
    }

    /// The process that works on jobs, if there is one.
    ///
    /// # Panics
    /// If there are several.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn worker(&self) -> Option<u32> {
        let children = crate::processes::children_of(self.server.pid());
        assert!(children.len() <= 1, "children of the server: {children:?}");
        children.first().copied()
    }
}

/// Whether an event tells that COLMAP has registered some images and goes on.
#[must_use]
pub fn is_mapping(kind: &str, body: &Value) -> bool {
    kind == "progress" && body["what"].as_str().is_some_and(|what| what.starts_with("registered "))
}

/// Whether an event tells that the hostile plugin hangs.
#[must_use]
pub fn is_hanging(kind: &str, body: &Value) -> bool {
    kind == "log" && body["message"] == "hangs"
}

/// Whether an event tells that a stage begins.
pub fn begins(stage: &'static str) -> impl Fn(&str, &Value) -> bool {
    move |kind, body| kind == "stage_started" && body["stage"] == stage
}

/// Server-sent events: kind and body.
pub struct Events(Lines<BufReader<Response>>);

impl Iterator for Events {
    type Item = (String, Value);

    fn next(&mut self) -> Option<Self::Item> {
        let mut kind = String::new();
        loop {
            let line = self.0.next()?.ok()?;
            if let Some(name) = line.strip_prefix("event: ") {
                kind = name.to_owned();
            } else if let Some(body) = line.strip_prefix("data: ") {
                return Some((kind, serde_json::from_str(body).unwrap_or_default()));
            }
        }
    }
}
