//! What every handler shares.

use std::path::PathBuf;
use std::sync::Arc;

use scene3d_engine::{RawConfig, Registry, SearchPaths};
use tokio_util::sync::CancellationToken;

use scene3d_monitor::metrics::Metrics;

use crate::blobs::Blobs;
use crate::config::ServiceConfig;
use crate::drift::DriftCheck;
use crate::error::{Result, ServiceError};
use crate::event_streams::EventStreams;
use crate::jobs::retention::Retention;
use crate::jobs::submission::Submitter;
use crate::jobs::watch::Watch;
use crate::login::Login;
use crate::rates::Rates;
use crate::scrape_token::ScrapeToken;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::thumbnails::Thumbnails;
use crate::tracking::JobTracking;
use crate::uploads::Uploads;

/// What every handler shares, behind an `Arc`.
pub struct App {
    /// As resolved from file and command line.
    pub config: ServiceConfig,
    /// The state.
    pub store: Store,
    /// What signs tokens and links.
    pub secrets: Arc<Secrets>,
    /// By which Prometheus reads the metrics.
    pub scrape_token: Option<ScrapeToken>,
    /// Who logs in.
    pub login: Login,
    /// Requests of users and addresses.
    pub rates: Rates,
    /// The plugins there are.
    pub plugins: Arc<Registry>,
    /// Folders of the weights.
    pub weights_dirs: Vec<PathBuf>,
    /// Images and artifacts.
    pub blobs: Blobs,
    /// What comes in.
    pub uploads: Uploads,
    /// Small pictures of the images.
    pub thumbnails: Thumbnails,
    /// What makes jobs.
    pub submitter: Submitter,
    /// Who follows jobs.
    pub watch: Arc<Watch>,
    /// Their streams.
    pub event_streams: Arc<EventStreams>,
    /// What removes jobs.
    pub retention: Retention,
    /// Jobs as runs of an experiment.
    pub tracking: JobTracking,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Cancelled when the server shuts down: streams end, background tasks stop.
    pub shutdown: CancellationToken,
}

impl App {
    /// Makes the folders, opens the store, reads the secrets, finds the plugins.
    ///
    /// # Errors
    /// What can't be had.
    pub async fn open(config: ServiceConfig) -> Result<Arc<Self>> {
        let data_dir = &config.storage.data_dir;
        std::fs::create_dir_all(data_dir).map_err(ServiceError::io("create", data_dir))?;
        let secrets = Arc::new(Secrets::load(&config)?);
        let scrape_token = config.auth.scrape_token_file.as_deref().map(ScrapeToken::read).transpose()?;
        let store = Store::open(&config.storage.database_url()).await?;
        let blobs = Blobs::make(&config.storage.objects_url())?;
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
        let metrics = Arc::new(metrics.map_err(|error| ServiceError::Internal(error.to_string()))?);
        let (plugins, weights_dirs) = plugins_and_weights()?;
        let drift = match &config.drift.baseline {
            Some(path) => Some(Arc::new(DriftCheck::read(path, store.clone(), Arc::clone(&metrics))?)),
            None => None,
        };
        let tracking = JobTracking::open(&config)?;
        let uploads = Uploads::open(&config, store.clone(), blobs.clone(), Arc::clone(&metrics))?;
        Ok(Arc::new(Self {
            login: Login::new(store.clone(), Arc::clone(&secrets), config.auth.clone())?,
            thumbnails: Thumbnails::new(blobs.clone(), config.uploads, uploads.decoders.clone()),
            uploads,
            submitter: Submitter {
                store: store.clone(),
                config: config.clone(),
                plugins: Arc::clone(&plugins),
                weights_dirs: weights_dirs.clone(),
                drift,
            },
            watch: Watch::new(store.clone()),
            retention: Retention::new(store.clone(), blobs.clone(), &config, tracking.clone()),
            event_streams: EventStreams::new(config.server.max_event_streams, config.quotas.max_event_streams),
            rates: Rates::new(&config),
            shutdown: CancellationToken::new(),
            store,
            secrets,
            scrape_token,
            plugins,
            weights_dirs,
            blobs,
            tracking,
            metrics,
            config,
        }))
    }

    /// Notes that somebody could not show who he is.
    pub fn auth_failed(&self, reason: &'static str) {
        tracing::warn!(reason, "authentication failed");
        self.metrics.access.auth_failure(reason);
    }
}

/// Those of the environment and around the program: configs of users name none.
fn plugins_and_weights() -> Result<(Arc<Registry>, Vec<PathBuf>)> {
    let empty = RawConfig::parse("", "no config").map_err(|error| ServiceError::Internal(error.to_string()))?;
    let paths = SearchPaths::new(&empty);
    Ok((Arc::new(Registry::discover(&paths)), paths.weights))
}
