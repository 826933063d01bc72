//! A Ray cluster of several nodes for a test, reachable from nowhere else: everything runs in a network namespace that has a
//! loopback interface only, for its ports run whatever they are sent.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::processes::{children_of, lives, send_signal};
use crate::{binary, checkout};

/// Set in the namespace.
const INSIDE: &str = "SCENE3D_TEST_ALONE";
const DASHBOARD_PORT: u16 = 18265;
const SERVE_PORT: u16 = 18001;
const HEAD_PORT: u16 = 16379;
const CLIENT_PORT: u16 = 18301;
const FIRST_AGENT_PORT: u16 = 18310;
const FIRST_WORKER_PORT: u16 = 20_000;
/// A node, or the application, is up within this time.
const MAX_START: Duration = Duration::from_secs(180);
const TOKEN: &str = "a token of the test";

/// Runs a test again in a network namespace of its own; whether this is that run.
///
/// # Panics
/// If the test fails there.
#[must_use]
pub fn alone_on_loopback() -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let may = Command::new("unshare").args(["--net", "ip", "link", "set", "lo", "up"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "skipped: no network namespace can be made (`unshare --net`); Ray's ports must be reachable from nowhere"
        );
        return false;
    }
    let mut again = Command::new("unshare");
    again.args(["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    again.args(std::env::args_os()).env(INSIDE, "1");
    assert!(again.status().is_ok_and(|status| status.success()), "it failed in a network namespace of its own");
    false
}

/// A node, by what was started as it.
struct Node(Child);

/// A running cluster; killed when dropped.
pub struct RayCluster {
    folder: TempDir,
    /// The first is the head.
    nodes: Vec<Node>,
}

/// A replica of the application.
#[derive(Debug, Clone)]
pub struct Replica {
    /// Its process.
    pub pid: u32,
    /// The process that its node consists of.
    pub raylet: u32,
}

impl RayCluster {
    /// A head that runs no jobs and nodes that run one each, or the printed reason why there is none.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start(num_nodes: usize) -> Option<Self> {
        let has_extension = Command::new(ray_program("python")).args(["-c", "import ray, scene3d"]).output();
        if !has_extension.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: .deps/ray has no Ray or no scene3d; `cargo xtask setup`, then `cargo xtask python`");
            return None;
        }
        let Ok(folder) = tempfile::tempdir() else { unreachable!("no folder for a cluster") };
        let mut cluster = Self { folder, nodes: Vec::new() };
        assert!(fs::write(cluster.path("token"), TOKEN).is_ok(), "no file for a token");
        cluster.add_head();
        (0..num_nodes).for_each(|_| cluster.add_node());
        Some(cluster)
    }

    /// Lines of `serve.toml` for a service that runs its jobs here, started by it, in so many replicas.
    ///
    /// # Panics
    /// If its application can't be written.
    #[must_use]
    pub fn section(&self, num_replicas: usize) -> String {
        self.section_with(num_replicas, &json!({}))
    }

    /// The same with one replica, which has the cluster do parts of jobs of so many images and more.
    ///
    /// # Panics
    /// If its application can't be written.
    #[must_use]
    pub fn section_for_large(&self, min_images: usize) -> String {
        self.section_with(
            1,
            &json!({ "large": {
                "min_images": min_images, "images_per_shard": 32, "images_per_block": 64,
                "max_workers": 2, "worker": { "num_cpus": 1 },
            }}),
        )
    }

    fn section_with(&self, num_replicas: usize, more: &Value) -> String {
        let mut args = json!({
            "cache_dir": self.path("cache"),
            "token_file": self.path("token"),
            "plugin_dirs": [binary().with_file_name("plugins")],
            "weights_dirs": [checkout().join(".deps/weights")],
        });
        if let (Some(args), Some(more)) = (args.as_object_mut(), more.as_object()) {
            args.extend(more.clone());
        }
        let application = json!({
            "name": "scene3d",
            "route_prefix": "/scene3d",
            "import_path": "scene3d_ray.application:build",
            "args": args,
            "deployments": [{
                "name": "Reconstructor", "num_replicas": num_replicas, "ray_actor_options": { "num_cpus": 1 },
                "health_check_period_s": 2,
            }],
        });
        let path = self.path("application.json");
        assert!(fs::write(&path, application.to_string()).is_ok(), "no file for an application");
        format!(
            "executor.kind = \"ray\"\nexecutor.url = \"http://127.0.0.1:{SERVE_PORT}/scene3d\"\n\
             executor.token_file = {:?}\nexecutor.dashboard_url = \"http://127.0.0.1:{DASHBOARD_PORT}\"\n\
             executor.application = {path:?}\njobs.max_concurrent_jobs = {num_replicas}",
            self.path("token")
        )
    }

    /// Of its dashboard.
    #[must_use]
    pub fn dashboard_url(&self) -> String {
        format!("http://127.0.0.1:{DASHBOARD_PORT}")
    }

    /// Replicas that take jobs.
    #[must_use]
    pub fn replicas(&self) -> Vec<Replica> {
        let state = get(&format!("http://127.0.0.1:{DASHBOARD_PORT}/api/serve/applications/"));
        let replicas = state["applications"]["scene3d"]["deployments"]["Reconstructor"]["replicas"].clone();
        let replica = |replica: &Value| {
            let pid = u32::try_from(replica["pid"].as_u64().filter(|_| replica["state"] == "RUNNING")?).ok()?;
            Some(Replica { pid, raylet: parent_of(pid)? })
        };
        replicas.as_array().into_iter().flatten().filter_map(replica).collect()
    }

    /// Waits until there are so many replicas.
    ///
    /// # Panics
    /// If there are not.
    pub fn wait_for_replicas(&self, num_replicas: usize) {
        self.wait_until(|| self.replicas().len() == num_replicas);
    }

    /// The replica that works on a job, by the folder that it works in.
    ///
    /// # Panics
    /// If none does.
    #[must_use]
    pub fn replica_of(&self, job: &str) -> Replica {
        let folders = fs::read_dir(self.path("cache/work")).into_iter().flatten().flatten();
        let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let owner =
            |name: String| name.split_once('-').filter(|(_, rest)| rest.starts_with(job))?.0.parse::<u32>().ok();
        let found = names.filter_map(owner).find(|pid| lives(*pid)).and_then(|pid| Some((pid, parent_of(pid)?)));
        let Some((pid, raylet)) = found else { unreachable!("no replica works on {job}") };
        Replica { pid, raylet }
    }

    /// A path below its folder.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn add_head(&mut self) {
        let (port, dashboard) = (format!("--port={HEAD_PORT}"), format!("--dashboard-port={DASHBOARD_PORT}"));
        let (client, temp) =
            (format!("--ray-client-server-port={CLIENT_PORT}"), self.path("ray").display().to_string());
        self.add(&[
            "--head",
            &port,
            &dashboard,
            &client,
            "--temp-dir",
            &temp,
            "--dashboard-host=127.0.0.1",
            "--num-cpus=0",
        ]);
        let http = json!({ "proxy_location": "HeadOnly", "applications": [],
            "http_options": { "host": "127.0.0.1", "port": SERVE_PORT } });
        let put = reqwest::blocking::Client::new()
            .put(format!("http://127.0.0.1:{DASHBOARD_PORT}/api/serve/applications/"))
            .timeout(MAX_START)
            .json(&http)
            .send();
        assert!(put.as_ref().is_ok_and(|answer| answer.status().is_success()), "Serve does not start: {put:?}");
    }

    fn add_node(&mut self) {
        self.add(&[&format!("--address=127.0.0.1:{HEAD_PORT}"), "--num-cpus=1"]);
    }

    /// Nodes that the cluster knows as alive.
    fn num_alive(&self) -> usize {
        let nodes = get(&format!("http://127.0.0.1:{DASHBOARD_PORT}/nodes?view=summary"));
        let is_alive = |node: &&Value| node["raylet"]["state"] == "ALIVE";
        nodes["data"]["summary"].as_array().map_or(0, |nodes| nodes.iter().filter(is_alive).count())
    }

    fn add(&mut self, options: &[&str]) {
        let log = fs::File::options().create(true).append(true).open(self.path("log"));
        let Ok(log) = log else { unreachable!("no log of the cluster") };
        let Ok(err) = log.try_clone() else { unreachable!("no log of the cluster") };
        let mut ray = Command::new(ray_program("ray"));
        ray.args(["start", "--block", "--node-ip-address=127.0.0.1", "--object-store-memory=100000000"]);
        ray.args(["--disable-usage-stats", "--include-log-monitor=false"]).args(options);
        // ranges that meet no other port of its nodes
        let (index, num_alive) = (u16::try_from(self.nodes.len()).unwrap_or_default(), self.num_alive());
        let workers = FIRST_WORKER_PORT + 1000 * index;
        ray.arg(format!("--min-worker-port={workers}")).arg(format!("--max-worker-port={}", workers + 999));
        ray.arg(format!("--dashboard-agent-listen-port={}", FIRST_AGENT_PORT + index));
        ray.env("PYTHONPATH", checkout().join("deploy/ray"));
        ray.env("SCENE3D_PYCOLMAP_PYTHON", checkout().join(".deps/venv/bin/python"));
        ray.env("RAY_health_check_period_ms", "1000").env("RAY_health_check_failure_threshold", "3");
        ray.stdin(Stdio::null()).stdout(log).stderr(err).process_group(0);
        match ray.spawn() {
            Ok(child) => self.nodes.push(Node(child)),
            Err(error) => unreachable!("no node: {error}"),
        }
        // two that start at once keep each other waiting for too long
        self.wait_until(|| self.num_alive() > num_alive);
    }

    fn wait_until(&self, is_so: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < MAX_START, "the cluster does not get there:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for RayCluster {
    fn drop(&mut self) {
        for Node(child) in self.nodes.iter_mut().rev() {
            kill_with_descendants(child.id());
            child.wait().ok();
        }
        if std::thread::panicking() {
            eprintln!("log of the cluster:\n{}", self.log());
            keep_logs(&self.path("ray/session_latest/logs"));
        }
    }
}

/// What replicas said, where a test failed.
fn keep_logs(folder: &Path) {
    let is_told = |name: &str| name.starts_with("replica_") || name.starts_with("controller_");
    for entry in fs::read_dir(folder.join("serve")).into_iter().flatten().flatten() {
        if is_told(&entry.file_name().to_string_lossy()) {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            let last: Vec<&str> = text.lines().rev().take(40).collect();
            eprintln!("{}:", entry.path().display());
            last.iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// Ends a process and all that it started, at once.
pub fn kill_with_descendants(pid: u32) {
    let children = children_of(pid);
    if lives(pid) {
        send_signal("-KILL", pid);
    }
    children.into_iter().for_each(kill_with_descendants);
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn ray_program(name: &str) -> PathBuf {
    checkout().join(".deps/ray/bin").join(name)
}

fn get(url: &str) -> Value {
    let answer = reqwest::blocking::Client::new().get(url).timeout(Duration::from_secs(10)).send();
    answer.and_then(reqwest::blocking::Response::json).unwrap_or_default()
}
