//! An MLflow server of its own for a test: the one that `cargo xtask setup` laid out, on a free port, in a temporary folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::checkout;

/// It answers within this time after its start, also on a busy machine.
const MAX_START: Duration = Duration::from_secs(180);

/// A server; killed when dropped.
pub struct Mlflow {
    folder: TempDir,
    port: u16,
    http: reqwest::blocking::Client,
    child: Option<Child>,
}

impl Mlflow {
    /// One that is not started yet, or prints why there is none.
    ///
    /// # Panics
    /// If there is no room for it.
    #[must_use]
    pub fn prepare() -> Option<Self> {
        let python = python();
        if !python.is_file() {
            eprintln!("skipped: there is no {}; `cargo xtask setup` lays it out", python.display());
            return None;
        }
        let folder = tempfile::tempdir().ok()?;
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let http = reqwest::blocking::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().ok()?;
        Some(Self { folder, port, http, child: None })
    }

    /// One that answers, or prints why there is none.
    ///
    /// # Panics
    /// If it is installed and can't be started.
    #[must_use]
    pub fn start() -> Option<Self> {
        let mut server = Self::prepare()?;
        server.start_again();
        Some(server)
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it, with what it kept before.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn start_again(&mut self) {
        self.start_for_hosts("127.0.0.1:*");
    }

    /// Starts it so that it answers requests for other hosts only: 403 to ours.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn start_closed(&mut self) {
        self.start_for_hosts("example.org");
    }

    fn start_for_hosts(&mut self, hosts: &str) {
        let path = |name: &str| self.folder.path().join(name);
        let log = || File::options().create(true).append(true).open(path("log"));
        let (Ok(out), Ok(error)) = (log(), log()) else { unreachable!("no log of MLflow") };
        let mut command = Command::new(python());
        command
            .args(["-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1", "--serve-artifacts"])
            .args(["--port", &self.port.to_string(), "--allowed-hosts", hosts])
            .arg("--backend-store-uri")
            .arg(format!("sqlite:///{}", path("mlflow.db").display()))
            .arg("--artifacts-destination")
            .arg(path("artifacts"))
            .envs([("MLFLOW_DISABLE_TELEMETRY", "true"), ("DO_NOT_TRACK", "true")])
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error)
            // it starts workers: they end with it
            .process_group(0);
        match command.spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) => unreachable!("MLflow can't be started: {error}"),
        }
        let deadline = Instant::now() + MAX_START;
        let health = format!("{}/health", self.url());
        while self.http.get(&health).send().is_err() {
            assert!(Instant::now() < deadline, "MLflow does not answer:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends it at once, whatever it is doing.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status().ok();
        child.wait().ok();
    }

    /// The runs of an experiment that carry an id of ours, deleted ones too.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn runs(&self, experiment: &str, id: &str) -> Vec<Value> {
        let found = self.get("experiments/get-by-name", &[("experiment_name", experiment)]);
        let body = json!({
            "experiment_ids": [found["experiment"]["experiment_id"]],
            "filter": format!("tags.`scene3d.run_id` = '{id}'"),
            "run_view_type": "ALL",
        });
        let answer = self.answer(self.http.post(self.api("runs/search")).json(&body));
        answer["runs"].as_array().cloned().unwrap_or_default()
    }

    /// How many runs an experiment has, deleted ones too.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn num_runs(&self, experiment: &str) -> usize {
        let found = self.get("experiments/get-by-name", &[("experiment_name", experiment)]);
        let body = json!({
            "experiment_ids": [found["experiment"]["experiment_id"]], "run_view_type": "ALL", "max_results": 10_000,
        });
        let answer = self.answer(self.http.post(self.api("runs/search")).json(&body));
        answer["runs"].as_array().map_or(0, Vec::len)
    }

    /// The whole history of a metric.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn history(&self, run_id: &str, key: &str) -> Vec<Value> {
        let answer = self.get("metrics/get-history", &[("run_id", run_id), ("metric_key", key)]);
        answer["metrics"].as_array().cloned().unwrap_or_default()
    }

    /// Every file of a run, by its path.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn artifacts(&self, run: &Value) -> BTreeMap<String, Vec<u8>> {
        let text = |name: &str| run["info"][name].as_str().unwrap_or_default().to_owned();
        let root = text("artifact_uri").trim_start_matches("mlflow-artifacts:/").to_owned();
        let read = |path: String| {
            let url = format!("{}/api/2.0/mlflow-artifacts/artifacts/{root}/{path}", self.url());
            match self.http.get(url).send().and_then(|answer| answer.error_for_status()?.bytes()) {
                Ok(bytes) => (path, bytes.to_vec()),
                Err(error) => unreachable!("{error}"),
            }
        };
        self.artifact_paths(&text("run_id"), "").into_iter().map(read).collect()
    }

    fn artifact_paths(&self, run_id: &str, folder: &str) -> BTreeSet<String> {
        let answer = self.get("artifacts/list", &[("run_id", run_id), ("path", folder)]);
        let mut paths = BTreeSet::new();
        for file in answer["files"].as_array().into_iter().flatten() {
            let path = file["path"].as_str().unwrap_or_default();
            match file["is_dir"] == true {
                true => paths.extend(self.artifact_paths(run_id, path)),
                false => drop(paths.insert(path.to_owned())),
            }
        }
        paths
    }

    /// GET of an operation.
    ///
    /// # Panics
    /// If it does not answer, or with an error.
    #[must_use]
    pub fn get(&self, operation: &str, query: &[(&str, &str)]) -> Value {
        self.answer(self.http.get(self.api(operation)).query(query))
    }

    fn api(&self, operation: &str) -> String {
        format!("{}/api/2.0/mlflow/{operation}", self.url())
    }

    fn answer(&self, request: reqwest::blocking::RequestBuilder) -> Value {
        match request.send().and_then(|answer| answer.error_for_status()?.json()) {
            Ok(answer) => answer,
            Err(error) => unreachable!("{error}\n{}", self.log()),
        }
    }
}

impl Drop for Mlflow {
    fn drop(&mut self) {
        self.kill();
    }
}

fn python() -> PathBuf {
    checkout().join(".deps/mlflow/bin/python")
}
