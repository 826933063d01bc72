//! What the service is told: `serve.toml`, every key with a default.

mod executor;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use self::executor::{ExecutorKind, ExecutorSection};
use crate::error::{Result, ServiceError};

/// All sections.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// `[server]`
    pub server: ServerSection,
    /// `[storage]`
    pub storage: StorageSection,
    /// `[auth]`
    pub auth: AuthSection,
    /// `[uploads]`
    pub uploads: UploadsSection,
    /// `[jobs]`
    pub jobs: JobsSection,
    /// `[executor]`
    pub executor: ExecutorSection,
    /// `[quotas]`
    pub quotas: QuotasSection,
    /// `[webhooks]`
    pub webhooks: WebhooksSection,
    /// `[retention]`
    pub retention: RetentionSection,
    /// `[drift]`
    pub drift: DriftSection,
    /// `[tracking]`
    pub tracking: TrackingSection,
}

/// Where it listens.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSection {
    /// Address and port.
    pub bind: String,
    /// Certificate chain, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Listen on other addresses than this machine's own without TLS; for servers behind a proxy that ends TLS.
    pub allow_plain_http: bool,
    /// Origins whose pages may call the API, e.g. `https://scenes.example.org`; none by default.
    pub cors_origins: Vec<String>,
    /// Proxies in front of it, each of which adds to `X-Forwarded-For`; the client's address is the one that the first of
    /// them wrote. With 0 the header is not read.
    pub num_trusted_proxies: usize,
    /// Requests a second from one address, in the long run; counted before anybody is known.
    pub address_requests_per_sec: u32,
    /// Requests at once from one address.
    pub address_request_burst: u32,
    /// Connections at once; further ones are closed. Fewer where the system lets it open too few files.
    pub max_connections: usize,
    /// Streams of events at once.
    pub max_event_streams: usize,
    /// A JSON body may be this large.
    pub max_body_bytes: usize,
    /// A request other than an upload, a download or a stream of events may take this long.
    pub request_timeout_secs: u64,
    /// Requests that are not answered when this time has passed after a shutdown was asked for are cut off.
    pub shutdown_secs: u64,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1:8000".to_owned(),
            tls_cert: None,
            tls_key: None,
            allow_plain_http: false,
            cors_origins: Vec::new(),
            num_trusted_proxies: 0,
            address_requests_per_sec: 200,
            address_request_burst: 2_000,
            max_connections: 4_096,
            max_event_streams: 2_048,
            max_body_bytes: 1 << 20,
            request_timeout_secs: 30,
            shutdown_secs: 30,
        }
    }
}

/// Where it keeps what it is given and what it makes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSection {
    /// Folder of uploads under way, work folders, and by default of everything else.
    pub data_dir: PathBuf,
    /// `sqlite://FILE` or `postgres://...`; by default SQLite in `data_dir`.
    pub database_url: Option<String>,
    /// `file:///FOLDER` or `s3://BUCKET/PREFIX` (credentials by `AWS_*` in the environment); by default in `data_dir`.
    pub objects_url: Option<String>,
    /// With less free space in `data_dir` it is not ready.
    pub min_free_bytes: u64,
}

impl Default for StorageSection {
    fn default() -> Self {
        Self { data_dir: "scene3d-data".into(), database_url: None, objects_url: None, min_free_bytes: 1 << 30 }
    }
}

impl StorageSection {
    /// URL of the database.
    #[must_use]
    pub fn database_url(&self) -> String {
        let in_data_dir = || format!("sqlite://{}?mode=rwc", self.in_data_dir("service.sqlite3").display());
        self.database_url.clone().unwrap_or_else(in_data_dir)
    }

    /// URL of the object store.
    #[must_use]
    pub fn objects_url(&self) -> String {
        let in_data_dir = || {
            let folder = self.in_data_dir("objects");
            url::Url::from_file_path(&folder).map_or_else(|()| folder.display().to_string(), String::from)
        };
        self.objects_url.clone().unwrap_or_else(in_data_dir)
    }

    /// Work folders of jobs.
    #[must_use]
    pub fn work_dir(&self) -> PathBuf {
        self.in_data_dir("work")
    }

    /// Uploads under way.
    #[must_use]
    pub fn staging_dir(&self) -> PathBuf {
        self.in_data_dir("staging")
    }

    /// Records of jobs as tracked runs.
    #[must_use]
    pub fn tracking_dir(&self) -> PathBuf {
        self.in_data_dir("tracking")
    }

    /// Absolute: URLs of files are.
    fn in_data_dir(&self, name: &str) -> PathBuf {
        let path = self.data_dir.join(name);
        std::path::absolute(&path).unwrap_or(path)
    }
}

/// Who may call it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSection {
    /// File with the keys that sign tokens, a line each: `KID SECRET`, the first signs, all are accepted; by default one
    /// is made in `data_dir`.
    pub secrets_file: Option<PathBuf>,
    /// File with the token by which Prometheus reads `/metrics`; without one only admins do.
    pub scrape_token_file: Option<PathBuf>,
    /// `iss` of tokens.
    pub issuer: String,
    /// `aud` of tokens.
    pub audience: String,
    /// How long an access token holds.
    pub access_token_secs: u64,
    /// How long a refresh token holds.
    pub refresh_token_secs: u64,
}

impl Default for AuthSection {
    fn default() -> Self {
        Self {
            secrets_file: None,
            scrape_token_file: None,
            issuer: "scene3d".to_owned(),
            audience: "scene3d-api".to_owned(),
            access_token_secs: 15 * 60,
            refresh_token_secs: 30 * 24 * 3600,
        }
    }
}

/// What may be uploaded.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadsSection {
    /// A whole upload.
    pub max_bytes: u64,
    /// Files in a ZIP.
    pub max_files: usize,
    /// One image.
    pub max_image_bytes: u64,
    /// One image.
    pub max_megapixels: u64,
    /// Inflated to deflated bytes of a ZIP's entry.
    pub max_ratio: u64,
    /// An upload that is not finished is dropped after this time.
    pub expire_secs: u64,
    /// Images that are decoded at a time.
    pub num_decoders: usize,
    /// A client that sends nothing for so long is gone.
    pub max_pause_secs: u64,
    /// A client that sends less than this, on average over the longest pause, is cut off.
    pub min_bytes_per_sec: u64,
}

impl Default for UploadsSection {
    fn default() -> Self {
        Self {
            max_bytes: 20 << 30,
            max_files: 10_000,
            max_image_bytes: 256 << 20,
            max_megapixels: 256,
            max_ratio: 100,
            expire_secs: 24 * 3600,
            num_decoders: 2,
            max_pause_secs: 60,
            // MinRate of Apache's mod_reqtimeout
            min_bytes_per_sec: 500,
        }
    }
}

/// How jobs run.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsSection {
    /// Folders of the configs that users may name.
    pub config_dirs: Vec<PathBuf>,
    /// Whether this process runs jobs; one process of those on a database does, the others take requests.
    pub run_jobs: bool,
    /// Jobs that run at a time.
    pub max_concurrent_jobs: usize,
    /// Jobs that may wait.
    pub max_queued: i64,
    /// A job that ended this many workers fails.
    pub max_worker_deaths: i64,
    /// A stage that failed for a reason that may pass is tried again this often.
    pub num_stage_retries: i64,
    /// A job may take this long.
    pub max_job_secs: u64,
}

impl Default for JobsSection {
    fn default() -> Self {
        Self {
            config_dirs: vec!["configs".into()],
            run_jobs: true,
            max_concurrent_jobs: 1,
            max_queued: 100,
            max_worker_deaths: 2,
            num_stage_retries: 1,
            max_job_secs: 24 * 3600,
        }
    }
}

/// What one user may use.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotasSection {
    /// Bytes of his images, uploads under way and artifacts.
    pub max_bytes: i64,
    /// His images.
    pub max_images: i64,
    /// His jobs that wait or run.
    pub max_active_jobs: i64,
    /// His streams of events at once.
    pub max_event_streams: usize,
    /// Requests a second, in the long run.
    pub requests_per_sec: u32,
    /// Requests at once.
    pub request_burst: u32,
}

impl Default for QuotasSection {
    fn default() -> Self {
        Self {
            max_bytes: 100 << 30,
            max_images: 100_000,
            max_active_jobs: 20,
            max_event_streams: 1_024,
            requests_per_sec: 50,
            request_burst: 200,
        }
    }
}

/// How ends of jobs are told.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksSection {
    /// Call addresses of private networks too.
    pub allow_private: bool,
    /// Then it is listed as dead.
    pub max_attempts: i64,
    /// Wait after the first attempt; twice as long after each further one.
    pub first_retry_secs: u64,
    /// A call may take this long.
    pub timeout_secs: u64,
}

impl Default for WebhooksSection {
    fn default() -> Self {
        Self { allow_private: false, max_attempts: 8, first_retry_secs: 5, timeout_secs: 10 }
    }
}

/// When jobs that ended are removed, oldest first.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSection {
    /// Older ones.
    pub max_age_days: u64,
    /// While all artifacts and work folders take more.
    pub max_bytes: i64,
    /// How often is looked.
    pub every_secs: u64,
}

impl Default for RetentionSection {
    fn default() -> Self {
        Self { max_age_days: 90, max_bytes: 500 << 30, every_secs: 600 }
    }
}

/// What images are compared with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftSection {
    /// A file that `scene3d eda` wrote; without one nothing is checked.
    pub baseline: Option<PathBuf>,
}

/// Whether jobs are recorded as runs of an experiment, in `tracking` of the data folder, and which server gets them.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackingSection {
    /// Record jobs.
    pub enabled: bool,
    /// URL of an MLflow server; without one the records stay where they are (`scene3d track`).
    pub server: Option<String>,
    /// Experiment that the runs belong to.
    pub experiment: String,
    /// File with a token for the server.
    pub token_file: Option<PathBuf>,
    /// File with `USER:PASSWORD` for the server.
    pub password_file: Option<PathBuf>,
}

impl Default for TrackingSection {
    fn default() -> Self {
        Self {
            enabled: true,
            server: None,
            experiment: "scene3d-service".to_owned(),
            token_file: None,
            password_file: None,
        }
    }
}

impl ServiceConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ServiceError::Config`] with line and column of what is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(ServiceError::io("read", path))?;
        toml::from_str(&text).map_err(|error| ServiceError::Config(format!("{}: {error}", path.display())))
    }
}
