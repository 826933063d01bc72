//! What runs beside requests: in every process what looks after uploads and listeners, in one of them the jobs.

use std::sync::Arc;
use std::time::Duration;

use scene3d_monitor::metrics::Metrics;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{ExecutorKind, ServiceConfig};
use crate::error::{Result, ServiceError};
use crate::http::App;
use crate::jobs::dispatcher::{Dispatcher, Parts};
use crate::jobs::executor::Executor;
use crate::jobs::local::LocalExecutor;
use crate::jobs::ray::RayExecutor;
use crate::jobs::webhooks::Caller;
use crate::jobs::worker_process::WorkerCommand;
use crate::uploads::expiry;

/// How often is looked for what is over.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How often a process that may not run jobs asks whether it may by now.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Starts every task; each ends when `app.shutdown` is cancelled.
pub fn start(app: &Arc<App>, tasks: &TaskTracker) {
    tasks.spawn(sweep(Arc::clone(app)));
    tasks.spawn({
        let app = Arc::clone(app);
        async move { expiry::run(&app.uploads, &app.shutdown).await }
    });
    tasks.spawn({
        let app = Arc::clone(app);
        async move { app.watch.run(app.shutdown.clone()).await }
    });
    if app.config.jobs.run_jobs {
        tasks.spawn(run_jobs(Arc::clone(app)));
    }
}

async fn sweep(app: Arc<App>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    while app.shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        app.rates.forget_full();
        if let Err(error) = app.store.drop_expired_refresh_tokens().await {
            tracing::warn!(%error, "refresh tokens that are over are still there");
        }
    }
}

/// Runs jobs whenever no other process does.
async fn run_jobs(app: Arc<App>) {
    let mut told: Option<String> = None;
    while !app.shutdown.is_cancelled() {
        match run_jobs_once(&app).await {
            Ok(()) => {}
            Err(ServiceError::WorkerHeld { holder }) if told.as_ref() == Some(&holder) => {}
            Err(error) => {
                tracing::error!(%error, "this process runs no jobs; it asks again");
                told = match error {
                    ServiceError::WorkerHeld { holder } => Some(holder),
                    _ => None,
                };
            }
        }
        app.shutdown.run_until_cancelled(tokio::time::sleep(ASK_EVERY)).await;
    }
}

/// Who reconstructs, by the config.
///
/// # Errors
/// What of the config does not fit.
pub fn executor(config: &ServiceConfig, metrics: &Arc<Metrics>) -> Result<Arc<dyn Executor>> {
    Ok(match config.executor.kind {
        ExecutorKind::Local => {
            let cache_dir = config.storage.data_dir.join("cache");
            let command =
                WorkerCommand::of_this_program(&cache_dir).map_err(ServiceError::io("find", "this program"))?;
            Arc::new(LocalExecutor::new(command, Arc::clone(metrics)))
        }
        ExecutorKind::Ray => Arc::new(RayExecutor::new(&config.executor)?),
    })
}

/// Runs jobs, calls webhooks and removes what is too old for as long as this process may.
async fn run_jobs_once(app: &App) -> Result<()> {
    let executor = executor(&app.config, &app.metrics)?;
    let webhooks = Caller::new(app.store.clone(), app.config.webhooks, Arc::clone(&app.metrics))?;
    let drift = app.submitter.drift.as_ref();
    let (store, config, blobs) = (&app.store, &app.config, &app.blobs);
    let parts = Parts { store, config, blobs, metrics: &app.metrics, drift, tracking: &app.tracking };
    let dispatcher = Dispatcher::start(parts, executor).await?;
    tracing::info!("this process runs the jobs");
    let beside = CancellationToken::new();
    let run = async {
        let ran = dispatcher.run(app.shutdown.clone()).await;
        beside.cancel();
        ran
    };
    let (ran, (), ()) = tokio::join!(run, webhooks.run(beside.clone()), app.retention.run(beside.clone()));
    ran
}
