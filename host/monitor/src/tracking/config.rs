//! Where records are kept, and which server gets them.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where records go.
#[derive(Debug, Clone)]
pub struct TrackingConfig {
    /// Folder of the records; made where it is missing. Several processes may share it.
    pub spool: PathBuf,
    /// URL of an MLflow server, e.g. `http://127.0.0.1:5000`; without one records stay in the spool.
    pub server: Option<String>,
    /// File with a token that is sent to the server (`Authorization: Bearer`); read anew before each attempt.
    pub token_file: Option<PathBuf>,
    /// File with `USER:PASSWORD` for the server (`Authorization: Basic`); read anew before each attempt.
    pub basic_auth_file: Option<PathBuf>,
    /// At the end of a process the server gets this long for what was not sent yet; the rest stays in the spool.
    pub grace: Duration,
    /// A request to the server may take this long; one with a file longer by its size.
    pub request_timeout: Duration,
    /// Larger files are not recorded as artifacts.
    pub max_artifact_bytes: u64,
    /// Runs that ended are removed from the spool this long after the server has all of them.
    pub keep_sent: Duration,
    /// Parameters and tags of these names are not recorded, besides those whose names or values look like secrets.
    pub secret_keys: Vec<String>,
}

impl TrackingConfig {
    /// Records in a folder, and nothing else.
    #[must_use]
    pub fn new(spool: &Path) -> Self {
        Self {
            spool: spool.to_owned(),
            server: None,
            token_file: None,
            basic_auth_file: None,
            grace: Duration::from_secs(3),
            request_timeout: Duration::from_secs(10),
            max_artifact_bytes: 1 << 30,
            keep_sent: Duration::from_secs(7 * 24 * 3600),
            secret_keys: Vec::new(),
        }
    }

    /// The same, sent to a server.
    #[must_use]
    pub fn with_server(mut self, url: &str) -> Self {
        self.server = Some(url.to_owned());
        self
    }
}
