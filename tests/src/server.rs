//! A service of its own for a test: the real program on a free port, its data in a temporary folder, users made.

use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::client::Client;
use crate::{DUMMY_CONFIG, binary};

/// Password of every user.
pub const PASSWORD: &str = "correct horse battery staple";

/// May read and write jobs.
pub const USER: &str = "ann";

/// As [`USER`], and nothing of hers is his.
pub const OTHER_USER: &str = "bob";

/// May do everything.
pub const ADMIN: &str = "root";

/// It must listen, be ready, or have ended within this time.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What tests need unless they say otherwise: no limit that they would reach by accident.
const DEFAULTS: [(&str, &str); 7] = [
    ("server.bind", "\"127.0.0.1:0\""),
    ("server.address_requests_per_sec", "100000"),
    ("server.address_request_burst", "100000"),
    ("quotas.requests_per_sec", "100000"),
    ("quotas.request_burst", "100000"),
    ("storage.min_free_bytes", "0"),
    ("webhooks.allow_private", "true"),
];

/// A running service; killed when dropped.
pub struct Server {
    /// Holds `serve.toml`, `configs/`, `data/` and the logs.
    pub folder: Arc<TempDir>,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    log: &'static str,
    environment: Environment,
    child: Child,
}

/// Variables that a server is started with.
pub type Environment = Vec<(&'static str, String)>;

impl Server {
    /// Starts one with the users above, and waits until it is ready. `more` are lines of `serve.toml` with dotted keys, such
    /// as `jobs.run_jobs = false`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(more: &str) -> Self {
        Self::start_with(more, Vec::new())
    }

    /// As [`Self::start`], with variables of the environment.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_with(more: &str, environment: Environment) -> Self {
        let folder = Arc::new(prepared(more));
        for (name, scopes) in [(USER, "jobs:read,jobs:write"), (OTHER_USER, "jobs:read,jobs:write"), (ADMIN, "admin")] {
            add_user(&folder, name, scopes);
        }
        let server = Self::spawn(folder, "log", environment);
        if !more.contains("jobs.run_jobs = false") {
            server.wait_until_ready();
        }
        server
    }

    /// Another process with the same config, on the same data, on another port.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn second(&self) -> Self {
        Self::spawn(Arc::clone(&self.folder), "log-of-second", self.environment.clone())
    }

    fn spawn(folder: Arc<TempDir>, log: &'static str, environment: Environment) -> Self {
        let (child, url) = spawned(folder.path(), log, &environment);
        Self { folder, url, log, environment, child }
    }

    /// A path below its folder.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Nobody.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }

    /// A user who is logged in.
    ///
    /// # Panics
    /// If he is not let in.
    #[must_use]
    pub fn client(&self, user: &str) -> Client {
        let body = json!({ "user": user, "password": PASSWORD });
        let answer = self.anonymous().post("/api/v1/auth/token", &body).expect_status(200);
        self.anonymous().with_token(answer.json()["access_token"].as_str().unwrap_or_default())
    }

    /// `scene3d user ...` on its users.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn user_command(&self, args: &[&str]) -> std::process::Output {
        crate::run(user_command(self.folder.path()).args(args).stdin(Stdio::null()))
    }

    /// Everything that it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path(self.log)).unwrap_or_default()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Asks it to stop, without waiting.
    ///
    /// # Panics
    /// If it can't be asked.
    pub fn ask_to_stop(&self) {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "the server can't be asked to stop");
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// If it does not end.
    pub fn wait_until_ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status,
                _ if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
                _ => unreachable!("the server does not end\n{}", self.log()),
            }
        }
    }

    /// Starts it again on the same data, on another port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.kill();
        (self.child, self.url) = spawned(self.folder.path(), self.log, &self.environment);
        self.wait_until_ready();
    }

    /// Waits until every part of it is ready.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_until_ready(&self) {
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            let answer = self.anonymous().get("/readyz");
            if answer.status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "not ready: {}\n{}", answer.text(), self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("log of the server:\n{}", self.log());
        }
    }
}

fn prepared(more: &str) -> TempDir {
    let prepare = || -> std::io::Result<TempDir> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("configs"))?;
        fs::write(folder.path().join("configs/dummy.toml"), DUMMY_CONFIG)?;
        fs::write(folder.path().join("serve.toml"), config(folder.path(), more))?;
        Ok(folder)
    };
    match prepare() {
        Ok(folder) => folder,
        Err(error) => unreachable!("no folder for a server: {error}"),
    }
}

fn config(folder: &Path, more: &str) -> String {
    let folders = [
        ("storage.data_dir", format!("{:?}", folder.join("data"))),
        ("jobs.config_dirs", format!("[{:?}]", folder.join("configs"))),
    ];
    let defaults = DEFAULTS.map(|(key, value)| (key, value.to_owned())).into_iter().chain(folders);
    let is_said = |key: &str| more.lines().any(|line| line.split('=').next().is_some_and(|said| said.trim() == key));
    let lines = defaults.filter(|(key, _)| !is_said(key)).map(|(key, value)| format!("{key} = {value}\n"));
    lines.chain([more.to_owned()]).collect()
}

fn user_command(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("user").env("SCENE3D_SERVE_CONFIG", folder.join("serve.toml"));
    command
}

fn add_user(folder: &TempDir, name: &str, scopes: &str) {
    let mut command = user_command(folder.path());
    command.args(["add", name, "--scopes", scopes]).stdin(Stdio::piped()).stdout(Stdio::null());
    let added = command.spawn().and_then(|mut child| {
        child.stdin.take().map_or(Ok(()), |mut stdin| writeln!(stdin, "{PASSWORD}"))?;
        child.wait()
    });
    assert!(added.as_ref().is_ok_and(ExitStatus::success), "no user {name}: {added:?}");
}

fn spawned(folder: &Path, log: &str, environment: &Environment) -> (Child, String) {
    let start = || -> std::io::Result<(Child, String)> {
        let log = File::options().create(true).append(true).open(folder.join(log))?;
        let mut command = Command::new(binary());
        command.args(["serve", "--log-format", "json", "--config"]).arg(folder.join("serve.toml"));
        let mut child = command
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        Ok((child, line))
    };
    match start() {
        Ok((child, line)) if line.starts_with("listening on ") => {
            (child, line.trim_start_matches("listening on ").trim().to_owned())
        }
        other => unreachable!(
            "the server does not start: {other:?}\n{}",
            fs::read_to_string(folder.join(log)).unwrap_or_default()
        ),
    }
}
