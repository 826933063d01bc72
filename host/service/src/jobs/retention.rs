//! Jobs that ended are kept for a time and within a size; then the oldest go, with everything they left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::blobs::Blobs;
use crate::clock::{millis, now_ms};
use crate::config::{RetentionSection, ServiceConfig};
use crate::error::{Result, ServiceError};
use crate::jobs::ray::WORK;
use crate::store::Store;
use crate::tracking::JobTracking;

const SECS_A_DAY: u64 = 24 * 3600;

/// Jobs looked at between two questions to the database.
const PAGE: i64 = 100;

/// Removes what is too old or too much.
#[derive(Debug, Clone)]
pub struct Retention {
    store: Store,
    blobs: Blobs,
    work_dir: PathBuf,
    section: RetentionSection,
    tracking: JobTracking,
}

impl Retention {
    /// Of a service.
    #[must_use]
    pub fn new(store: Store, blobs: Blobs, config: &ServiceConfig, tracking: JobTracking) -> Self {
        Self { store, blobs, work_dir: config.storage.work_dir(), section: config.retention, tracking }
    }

    /// Sweeps now and then until it is cancelled.
    pub async fn run(&self, stop: CancellationToken) {
        let pause = Duration::from_secs(self.section.every_secs.max(1));
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "old jobs are removed later");
            }
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Removes jobs that ended too long ago, then the oldest while all together take too much room, then work folders
    /// of no job.
    ///
    /// # Errors
    /// [`ServiceError`] if the store does not answer; the next sweep goes on.
    pub async fn sweep(&self) -> Result<()> {
        let max_age = Duration::from_secs(self.section.max_age_days.saturating_mul(SECS_A_DAY));
        let too_old = now_ms().saturating_sub(millis(max_age));
        while let ids @ [_, ..] = self.store.ended_before(too_old, PAGE).await?.as_slice() {
            self.remove_all(ids).await?;
        }
        while self.store.total_stored_bytes().await? > self.section.max_bytes {
            let oldest = self.store.ended_before(i64::MAX, 1).await?;
            if oldest.is_empty() {
                break;
            }
            self.remove_all(&oldest).await?;
        }
        self.remove_folders_of_no_job().await
    }

    async fn remove_all(&self, ids: &[String]) -> Result<()> {
        for id in ids {
            tracing::info!(job = id, "removed by retention");
            self.remove_job(id).await?;
        }
        Ok(())
    }

    /// Removes a job that ended: its artifacts, its work, and last what is known of it, so that whatever stops
    /// this in between is made up for by the next try.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] if it has not ended.
    pub async fn remove_job(&self, id: &str) -> Result<()> {
        let Some(job) = self.store.job(id).await? else { return Ok(()) };
        if !job.state.has_ended() {
            return Err(ServiceError::WrongState { state: job.state.to_string(), expected: "one that has ended" });
        }
        for artifact in self.store.artifacts(id).await? {
            self.blobs.delete(&artifact.object_key).await?;
        }
        remove_folder(&self.work_dir.join(id)).await?;
        self.blobs.delete_all(&format!("{WORK}/{id}")).await?;
        self.tracking.forget(id);
        self.store.delete_job(id).await
    }

    async fn remove_folders_of_no_job(&self) -> Result<()> {
        let unreadable = |error| ServiceError::io("list", &self.work_dir)(error);
        let mut entries = match tokio::fs::read_dir(&self.work_dir).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unreadable(error)),
        };
        while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("job_") && self.store.job(&name).await?.is_none() {
                remove_folder(&entry.path()).await?;
            }
        }
        Ok(())
    }
}

async fn remove_folder(folder: &Path) -> Result<()> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ServiceError::io("remove", folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::job_changes::{Creation, JobLimits, NewJob};
    use crate::store::jobs::Job;
    use crate::store::testing::add_user;
    use serde_json::json;

    struct Fixture {
        folder: tempfile::TempDir,
        config: ServiceConfig,
        store: Store,
        blobs: Blobs,
    }

    impl Fixture {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut config = ServiceConfig::default();
            config.storage.data_dir = folder.path().to_owned();
            let store = Store::open(&config.storage.database_url()).await.unwrap();
            add_user(&store, "a").await;
            let blobs = Blobs::make(&config.storage.objects_url()).unwrap();
            Self { folder, config, store, blobs }
        }

        async fn job(&self, ended_at: Option<i64>) -> String {
            let job = Job { user_id: "a".to_owned(), ..Job::queued("a+b", "") };
            let new = NewJob { job, images: Vec::new(), idempotency_key: None, request_sha256: String::new() };
            let limits = JobLimits { max_queued: 10, max_active_of_user: 10 };
            let Creation::Made(job) = self.store.create_job(new, limits).await.unwrap() else { panic!() };
            let folder = self.config.storage.work_dir().join(&job.id);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("artifact"), "x").unwrap();
            let end = |job: &mut Job| {
                job.take()?;
                if ended_at.is_some() {
                    job.succeed(json!({}))?;
                    job.ended_at = ended_at;
                }
                job.stored_bytes = 10;
                Ok(Vec::new())
            };
            self.store.change_job(None, &job.id, end).await.unwrap();
            job.id
        }

        async fn sweep(&self, section: RetentionSection) {
            let config = ServiceConfig { retention: section, ..self.config.clone() };
            Retention::new(self.store.clone(), self.blobs.clone(), &config, JobTracking::default())
                .sweep()
                .await
                .unwrap();
        }

        async fn is_kept(&self, id: &str) -> bool {
            let row = self.store.job(id).await.unwrap().is_some();
            assert_eq!(row, self.folder.path().join("work").join(id).exists(), "{id}");
            row
        }
    }

    #[tokio::test]
    async fn the_oldest_go_first_and_never_one_that_runs() {
        let fixture = Fixture::new().await;
        let now = now_ms();
        let running = fixture.job(None).await;
        let (old, older, young) =
            (fixture.job(Some(now - 2000)).await, fixture.job(Some(now - 3000)).await, fixture.job(Some(now)).await);
        fixture.sweep(RetentionSection { max_bytes: 30, ..RetentionSection::default() }).await;
        assert!(!fixture.is_kept(&older).await && fixture.is_kept(&old).await && fixture.is_kept(&young).await);
        fixture.sweep(RetentionSection { max_bytes: 0, ..RetentionSection::default() }).await;
        assert!(!fixture.is_kept(&old).await && !fixture.is_kept(&young).await && fixture.is_kept(&running).await);
    }

    #[tokio::test]
    async fn what_is_too_old_goes_and_so_do_folders_of_no_job() {
        let fixture = Fixture::new().await;
        let week_ms = 7 * 24 * 3600 * 1000;
        let (old, young) = (fixture.job(Some(now_ms() - week_ms)).await, fixture.job(Some(now_ms())).await);
        let stray = fixture.config.storage.work_dir().join("job_0");
        std::fs::create_dir_all(&stray).unwrap();
        fixture.sweep(RetentionSection { max_age_days: 6, ..RetentionSection::default() }).await;
        assert!(!fixture.is_kept(&old).await && fixture.is_kept(&young).await && !stray.exists());
    }
}
