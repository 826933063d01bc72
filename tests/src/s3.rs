//! An S3 server of its own for a test: `rclone serve s3` over a temporary folder, listening on a port of this machine.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::Environment;

/// The server's program (<https://rclone.org/commands/rclone_serve_s3/>).
const PROGRAM: &str = "rclone";
const BUCKET: &str = "scenes";
const ACCESS_KEY: &str = "tester";
const SECRET_KEY: &str = "secret-of-tests";
/// It must listen within this time.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// A running server with an empty bucket; killed when dropped.
pub struct S3 {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl S3 {
    /// Starts one, or prints why there is none.
    ///
    /// # Panics
    /// If it is installed and can't be started.
    #[must_use]
    pub fn start() -> Option<Self> {
        let in_path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&in_path).map(|folder| folder.join(PROGRAM)).find(|path| serves_s3(path));
        let Some(program) = program else {
            eprintln!("skipped: no S3 server, which `rclone` 1.65 or later on PATH would be");
            return None;
        };
        let folder = tempfile::tempdir().ok()?;
        fs::create_dir(folder.path().join(BUCKET)).ok()?;
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut server = Self { program, folder, port, child: None };
        server.start_again();
        Some(server)
    }

    /// What `storage.objects_url` is to be.
    #[must_use]
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}/some/prefix")
    }

    /// What a service needs to reach it.
    #[must_use]
    pub fn environment(&self) -> Environment {
        [
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port).as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Starts it after [`Self::kill`], with what it had.
    ///
    /// # Panics
    /// If it does not listen.
    pub fn start_again(&mut self) {
        let (address, keys) = (format!("127.0.0.1:{}", self.port), format!("{ACCESS_KEY},{SECRET_KEY}"));
        let mut command = Command::new(&self.program);
        command.args(["serve", "s3", "--config", "", "--addr", &address, "--auth-key", &keys]).arg(self.folder.path());
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = started.ok();
        let deadline = Instant::now() + MAX_WAIT;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(self.child.is_some() && Instant::now() < deadline, "{} does not listen", self.program.display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Files of the bucket.
    #[must_use]
    pub fn num_objects(&self) -> usize {
        num_files(&self.folder.path().join(BUCKET))
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.kill();
    }
}

fn serves_s3(program: &Path) -> bool {
    let asked = program.is_file().then(|| Command::new(program).args(["serve", "s3", "--help"]).output());
    asked.is_some_and(|output| output.is_ok_and(|output| output.status.success()))
}

fn num_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { num_files(&entry.path()) } else { 1 }).sum()
}
