//! From what a user asks for to a job that may wait in the queue: its images are his, its config holds, its webhook may be
//! called.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use scene3d_engine::{Problems, Registry};
use scene3d_monitor::drift::DriftVerdict;
use sha2::{Digest, Sha256};

use super::public_address::check_url;
use crate::config::ServiceConfig;
use crate::drift::DriftCheck;
use crate::error::{Result, ServiceError};
use crate::store::Store;
use crate::store::job_changes::{Creation, JobLimits, NewJob};
use crate::store::jobs::{Job, JobImage};
use crate::uploads::state::UploadState;
use crate::user_config::{UserConfig, negotiate_user_config};

/// What a user asks for.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Who.
    pub user_id: String,
    /// Of which images.
    pub images: ImageChoice,
    /// With which config.
    pub config: UserConfig,
    /// Whom to tell its end.
    pub webhook_url: Option<String>,
    /// Key under which the same request makes no second job.
    pub idempotency_key: Option<String>,
    /// The job that it tries again.
    pub retry_of: Option<String>,
}

/// The images of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChoice {
    /// Those of an upload.
    Upload(String),
    /// Those of these sha256.
    Images(Vec<String>),
    /// Those of another job.
    OfJob(String),
}

/// Why there is no job.
#[derive(Debug)]
pub enum SubmitFault {
    /// There is no such upload of his.
    NoUpload,
    /// It is not ready.
    UploadNotReady(UploadState),
    /// These are no images of his.
    NoImages(Vec<String>),
    /// One image makes no scene.
    TooFewImages(usize),
    /// More than a job may have.
    TooManyImages {
        /// How many.
        num_images: usize,
        /// Of at most.
        max_images: usize,
    },
    /// The config has mistakes.
    Config(Problems),
    /// The webhook can't be called.
    Webhook(String),
    /// The storage does not answer.
    Service(ServiceError),
}

impl From<ServiceError> for SubmitFault {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

/// What makes jobs.
#[derive(Clone)]
pub struct Submitter {
    /// The state.
    pub store: Store,
    /// Limits and quotas.
    pub config: ServiceConfig,
    /// The plugins there are.
    pub plugins: Arc<Registry>,
    /// Folders of the weights.
    pub weights_dirs: Vec<PathBuf>,
    /// What images are compared with, where there is a baseline.
    pub drift: Option<Arc<DriftCheck>>,
}

impl Submitter {
    /// Makes a job, or says which mistakes there are.
    ///
    /// # Errors
    /// [`SubmitFault`]; then there is no job.
    pub async fn submit(&self, submission: Submission) -> Result<Creation, SubmitFault> {
        let request_sha256 = request_sha256(&submission);
        if let Some(known) = self.known(&submission, &request_sha256).await? {
            return Ok(known);
        }
        if let Some(url) = &submission.webhook_url {
            check_url(url, self.config.webhooks.allow_private).map_err(SubmitFault::Webhook)?;
        }
        let images = self.images(&submission).await?;
        self.check_config(&submission.config).await?;
        let drift = self.check_drift(&images).await?;
        let num_bytes = self.num_bytes(&images).await?;
        let job = Job {
            user_id: submission.user_id.clone(),
            webhook_url: submission.webhook_url.clone(),
            retry_of: submission.retry_of.clone(),
            drift: drift.and_then(|verdict| serde_json::to_value(verdict).ok()),
            num_images: images.len() as i64,
            num_bytes,
            ..Job::queued(&submission.config.name, &submission.config.toml)
        };
        let new = NewJob { job, images, idempotency_key: submission.idempotency_key, request_sha256 };
        let limits = JobLimits {
            max_queued: self.config.jobs.max_queued,
            max_active_of_user: self.config.quotas.max_active_jobs,
        };
        Ok(self.store.create_job(new, limits).await?)
    }

    /// What the same request made before, even if its upload is gone by now.
    async fn known(&self, submission: &Submission, request_sha256: &str) -> Result<Option<Creation>> {
        let Some(key) = &submission.idempotency_key else { return Ok(None) };
        self.store.creation_of_key(&submission.user_id, key, request_sha256).await
    }

    /// The images that a user chose, ordered by name.
    ///
    /// # Errors
    /// [`SubmitFault`] if they are not his, or too few or many.
    pub async fn chosen(&self, user_id: &str, choice: &ImageChoice) -> Result<Vec<JobImage>, SubmitFault> {
        match choice {
            ImageChoice::Upload(id) => self.of_upload(user_id, id).await,
            ImageChoice::Images(sha256s) => self.of_user(user_id, sha256s).await,
            ImageChoice::OfJob(id) => Ok(self.store.job_images(id).await?),
        }
    }

    async fn images(&self, submission: &Submission) -> Result<Vec<JobImage>, SubmitFault> {
        let images = self.chosen(&submission.user_id, &submission.images).await?;
        let (num_images, max_images) = (images.len(), self.config.uploads.max_files);
        match num_images {
            0 | 1 => Err(SubmitFault::TooFewImages(num_images)),
            _ if num_images > max_images => Err(SubmitFault::TooManyImages { num_images, max_images }),
            _ => Ok(images),
        }
    }

    async fn of_upload(&self, user_id: &str, id: &str) -> Result<Vec<JobImage>, SubmitFault> {
        let upload = self.store.upload(id).await?.filter(|upload| upload.user_id == user_id);
        let upload = upload.ok_or(SubmitFault::NoUpload)?;
        if upload.state != UploadState::Ready {
            return Err(SubmitFault::UploadNotReady(upload.state));
        }
        let images = self.store.images_of_upload(id).await?;
        Ok(images.into_iter().map(|image| JobImage { name: image.name, sha256: image.sha256 }).collect())
    }

    async fn of_user(&self, user_id: &str, sha256s: &[String]) -> Result<Vec<JobImage>, SubmitFault> {
        let unknown = self.store.images_not_of_user(user_id, sha256s).await?;
        if !unknown.is_empty() {
            return Err(SubmitFault::NoImages(unknown));
        }
        let names = self.store.names_of_images(user_id).await?;
        Ok(with_distinct_names(sha256s, &names))
    }

    async fn check_config(&self, config: &UserConfig) -> Result<(), SubmitFault> {
        let (config, plugins, weights_dirs) = (config.clone(), Arc::clone(&self.plugins), self.weights_dirs.clone());
        // weights that were never seen are hashed
        let checked =
            tokio::task::spawn_blocking(move || negotiate_user_config(&config, &plugins, &weights_dirs)).await;
        match checked {
            Ok(negotiated) => negotiated.map(drop).map_err(SubmitFault::Config),
            Err(error) => Err(ServiceError::Internal(format!("the config can't be checked: {error}")).into()),
        }
    }

    async fn check_drift(&self, images: &[JobImage]) -> Result<Option<DriftVerdict>> {
        match &self.drift {
            Some(drift) => Ok(Some(drift.check(images, &HashMap::new()).await?)),
            None => Ok(None),
        }
    }

    async fn num_bytes(&self, images: &[JobImage]) -> Result<i64> {
        let mut num_bytes = 0;
        for image in images {
            num_bytes += self.store.image(&image.sha256).await?.map_or(0, |image| image.bytes);
        }
        Ok(num_bytes)
    }
}

/// Images by id under the names they were uploaded with; where two share one, the id's head tells them apart.
fn with_distinct_names(sha256s: &[String], names: &HashMap<String, String>) -> Vec<JobImage> {
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for sha256 in sha256s {
        let name = names.get(sha256).cloned().unwrap_or_else(|| sha256.clone());
        let name = match by_name.get(&name) {
            Some(other) if other == sha256 => continue,
            Some(_) => format!("{}/{name}", &sha256[..sha256.len().min(12)]),
            None => name,
        };
        by_name.insert(name, sha256.clone());
    }
    by_name.into_iter().map(|(name, sha256)| JobImage { name, sha256 }).collect()
}

/// What makes two requests the same: everything that was asked for.
fn request_sha256(submission: &Submission) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    };
    add(&submission.config.name);
    add(&submission.config.toml);
    add(submission.webhook_url.as_deref().unwrap_or_default());
    add(submission.retry_of.as_deref().unwrap_or_default());
    match &submission.images {
        ImageChoice::Upload(id) | ImageChoice::OfJob(id) => add(id),
        ImageChoice::Images(sha256s) => sha256s.iter().for_each(|sha256| add(sha256)),
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_one_name_are_told_apart_and_one_given_twice_counts_once() {
        let [a, b] = ["a", "b"].map(|letter| letter.repeat(64));
        let names = HashMap::from([(a.clone(), "x.jpg".to_owned()), (b.clone(), "x.jpg".to_owned())]);
        let images = with_distinct_names(&[a.clone(), b.clone(), a.clone()], &names);
        let named: Vec<_> = images.iter().map(|image| (image.name.as_str(), &image.sha256)).collect();
        assert_eq!(named, [("bbbbbbbbbbbb/x.jpg", &b), ("x.jpg", &a)]);
    }
}
