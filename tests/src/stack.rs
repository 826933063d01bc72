//! The whole stack of `deploy/local.sh` for a test: on free ports, in a temporary folder, stopped when dropped.

use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::server::PASSWORD;
use crate::{assert_success, binary, checkout, run};

/// As `deploy/local/settings.sh` has them.
const PORTS: [&str; 12] = [
    "POSTGRES",
    "MLFLOW",
    "SCENE3D",
    "AIRFLOW",
    "NODE_EXPORTER",
    "BLACKBOX",
    "ALERTMANAGER",
    "PROMETHEUS",
    "PAGE",
    "OPERATORS",
    "PLAIN",
    "GRAFANA",
];

/// What `deploy/local.sh` starts that no package of Rust brings along, and where Debian puts it.
const PROGRAMS: [&str; 6] = [
    "/usr/bin/prometheus",
    "/usr/bin/prometheus-alertmanager",
    "/usr/bin/prometheus-node-exporter",
    "/usr/bin/prometheus-blackbox-exporter",
    "/usr/sbin/nginx",
    "/usr/bin/setpriv",
];
const ENVIRONMENTS: [&str; 3] = ["airflow/bin/airflow", "mlflow/bin/mlflow", "dvc/bin/dvc"];

/// A running stack.
pub struct Stack {
    folder: TempDir,
    ports: Vec<(&'static str, u16)>,
    environment: Vec<(&'static str, String)>,
}

impl Stack {
    /// A stack that is not started yet, or the printed reason why there can be none here.
    ///
    /// # Panics
    /// If there is no room for it.
    #[must_use]
    pub fn prepare() -> Option<Self> {
        let of_setup = ENVIRONMENTS.map(|program| checkout().join(".deps").join(program));
        let missing = PROGRAMS.map(PathBuf::from).into_iter().chain(of_setup).find(|program| !program.is_file());
        if let Some(missing) = missing {
            eprintln!("skipped: there is no {}; `.ci/run` and `cargo xtask setup` lay it out", missing.display());
            return None;
        }
        let make = || -> std::io::Result<Self> {
            let folder = tempfile::tempdir()?;
            // PostgreSQL's own user passes through it
            fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
            // all are held until all are known, so that no two are the same
            let held = PORTS.map(|_| TcpListener::bind("127.0.0.1:0"));
            let mut ports = Vec::new();
            for (name, listener) in PORTS.into_iter().zip(held) {
                ports.push((name, listener?.local_addr()?.port()));
            }
            Ok(Self { folder, ports, environment: Vec::new() })
        };
        match make() {
            Ok(stack) => Some(stack),
            Err(error) => unreachable!("no folder or ports for a stack: {error}"),
        }
    }

    /// Adds a variable for `deploy/local.sh`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// A path below its folder.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Runs `deploy/local.sh` with a word.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn local(&self, word: &str) -> Output {
        let said = self.path("said");
        let mut command = self.command(&checkout().join("deploy/local.sh"));
        // what it starts would keep pipes open
        let status = File::create(&said)
            .and_then(|file| command.arg(word).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).status());
        match (status, fs::read(&said)) {
            (Ok(status), Ok(stdout)) => Output { status, stdout, stderr: Vec::new() },
            (status, said) => unreachable!("deploy/local.sh {word}: {status:?}, {said:?}"),
        }
    }

    /// A program with the stack's variables.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("STACK_DIR", self.path("stack")).env("STACK_SCENE3D", binary());
        command.envs(self.ports.iter().map(|(name, port)| (format!("STACK_PORT_{name}"), port.to_string())));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it; whoever logs in as `user` afterwards may read and write jobs.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn up(&self, user: &str) {
        assert_success(&self.local("up"));
        let add = format!("echo '{PASSWORD}' | '{}' user add {user}", binary().display());
        let mut command = Command::new("sh");
        command.args(["-c", &add]).env("SCENE3D_SERVE_CONFIG", self.path("stack/configs/serve.toml"));
        assert_success(&run(command.env("PGPASSFILE", self.path("stack/secrets/scene3d_pgpass"))));
    }

    /// `127.0.0.1:PORT`, with the port of one of its parts.
    ///
    /// # Panics
    /// If there is no such part.
    #[must_use]
    pub fn address(&self, part: &str) -> String {
        match self.ports.iter().find(|(name, _)| *name == part) {
            Some((_, port)) => format!("127.0.0.1:{port}"),
            None => unreachable!("no port is named {part}"),
        }
    }

    /// A secret.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn secret(&self, name: &str) -> String {
        let path = self.path("stack/secrets").join(name);
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(error) => unreachable!("{}: {error}", path.display()),
        }
    }

    /// A user of the service who is logged in, by way of nginx.
    ///
    /// # Panics
    /// If he is not let in.
    #[must_use]
    pub fn client(&self, user: &str) -> Client {
        let nobody = Client::trusting(&format!("https://{}", self.address("PAGE")), self.secret("tls_cert").as_bytes());
        let body = json!({ "user": user, "password": PASSWORD });
        let answer = nobody.post("/api/v1/auth/token", &body).expect_status(200).json();
        nobody.with_token(answer["access_token"].as_str().unwrap_or_default())
    }

    /// Airflow's API as its administrator.
    ///
    /// # Panics
    /// If he is not let in.
    #[must_use]
    pub fn airflow(&self) -> Client {
        let nobody = Client::new(&format!("http://{}/airflow", self.address("AIRFLOW")));
        let passwords: Value = serde_json::from_str(&self.secret("airflow_passwords.json")).unwrap_or_default();
        let answer = nobody.post("/auth/token", &json!({ "username": "admin", "password": passwords["admin"] }));
        nobody.with_token(answer.expect_status(201).json()["access_token"].as_str().unwrap_or_default())
    }

    /// Values that Prometheus has for a query now, with their labels.
    ///
    /// # Panics
    /// If it refuses the query.
    #[must_use]
    pub fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let prometheus = Client::new(&format!("http://{}/prometheus", self.address("PROMETHEUS")));
        let request = prometheus.request(Method::GET, "/api/v1/query").query(&[("query", query)]);
        let answer = prometheus.send(request).expect_status(200).json();
        let samples = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |sample: &Value| sample["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        samples.into_iter().map(|sample| (sample["metric"].clone(), value(&sample))).collect()
    }

    /// What its parts wrote last, for a test that failed.
    #[must_use]
    pub fn logs(&self) -> String {
        let files = fs::read_dir(self.path("stack/logs")).into_iter().flatten().flatten();
        let last = |path: PathBuf| {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("== {}\n{}\n", path.display(), lines[lines.len().saturating_sub(15)..].join("\n"))
        };
        files.map(|file| last(file.path())).collect()
    }

    /// Asks until there is an answer.
    ///
    /// # Panics
    /// If there is none within the time.
    pub fn wait_for<T>(&self, what: &str, secs: u64, ask: impl Fn() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(answer) = ask() {
                println!("{what}: after {:.0} s", started.elapsed().as_secs_f64());
                return answer;
            }
            assert!(started.elapsed() < Duration::from_secs(secs), "{what}: not within {secs} s\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.local("down");
    }
}
