//! A PostgreSQL of its own for a test: a cluster in a temporary folder, listening on a port of this machine.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A running server; stopped when dropped.
pub struct Postgres {
    bin: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Starts one, or prints why there is none.
    ///
    /// # Panics
    /// If it is installed and can't be started.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(bin) = bin_folder() else {
            eprintln!("skipped: PostgreSQL is not installed (no initdb in PATH or /usr/lib/postgresql)");
            return None;
        };
        let folder = tempfile::tempdir().ok()?;
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let server = Self { bin, folder, port };
        // the server refuses to run as root: its own user must reach and own the folder
        if is_root() {
            assert!(fs::set_permissions(server.folder.path(), fs::Permissions::from_mode(0o777)).is_ok());
        }
        let cluster = server.cluster();
        server.run(&format!("initdb -D {} -A trust -U scene3d -E UTF8 --no-sync", cluster.display()));
        server.start_again();
        Some(server)
    }

    /// URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://scene3d@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it after [`Self::stop`].
    pub fn start_again(&self) {
        let (cluster, folder) = (self.cluster(), self.folder.path().display());
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off", self.port);
        self.run(&format!("pg_ctl -D {} -w -l {folder}/log -o '{options}' start", cluster.display()));
    }

    /// Stops it at once, as if its machine had failed.
    pub fn stop(&self) {
        self.run(&format!("pg_ctl -D {} -m immediate -w stop", self.cluster().display()));
    }

    /// Stops its processes where they are, as if their machine hung.
    #[cfg(target_os = "linux")]
    pub fn pause(&self) {
        self.signal_all("-STOP");
    }

    /// Lets them go on.
    #[cfg(target_os = "linux")]
    pub fn go_on(&self) {
        self.signal_all("-CONT");
    }

    #[cfg(target_os = "linux")]
    fn signal_all(&self, signal: &str) {
        let text = fs::read_to_string(self.cluster().join("postmaster.pid")).unwrap_or_default();
        let postmaster = text.lines().next().and_then(|pid| pid.parse().ok()).unwrap_or_default();
        // the parent first: it would start others
        let all = std::iter::once(postmaster).chain(crate::processes::children_of(postmaster));
        all.for_each(|pid| crate::processes::send_signal(signal, pid));
    }

    fn cluster(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    fn run(&self, command_line: &str) {
        let command_line = format!("{}/{command_line}", self.bin.display());
        let mut command = if is_root() {
            let mut command = Command::new("su");
            command.args(["postgres", "-s", "/bin/sh", "-c", &command_line]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", &command_line]);
            command
        };
        // pg_ctl's server would keep the pipes open
        let log = fs::File::create(self.folder.path().join("commands.log"));
        let status = log.and_then(|log| command.current_dir("/").stdout(log.try_clone()?).stderr(log).status());
        let said = fs::read_to_string(self.folder.path().join("commands.log")).unwrap_or_default();
        assert!(status.is_ok_and(|status| status.success()), "{command_line}\n{said}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let running = self.cluster().join("postmaster.pid");
        if running.exists() && !std::thread::panicking() {
            self.stop();
        } else if let Ok(text) = fs::read_to_string(running) {
            // a test that failed shows its own message, not one of a server that does not stop
            let postmaster = text.lines().next().unwrap_or_default();
            let _ = Command::new("kill").args(["-QUIT", postmaster]).status();
            #[cfg(target_os = "linux")]
            self.go_on();
        }
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn bin_folder() -> Option<PathBuf> {
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let of_debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = std::env::split_paths(&in_path).chain(of_debian.map(|version| version.path().join("bin")));
    let has_both = |folder: &PathBuf| ["initdb", "pg_ctl"].iter().all(|name| is_file(&folder.join(name)));
    folders.into_iter().find(has_both)
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}
