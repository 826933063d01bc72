//! The files of a job's images: where they lie on this machine, or fetched from a remote object store and kept for the
//! next job.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use futures::stream::{self, StreamExt, TryStreamExt};
use scene3d_pipeline::{Cancel, NamedFile};

use crate::blobs::Blobs;
use crate::error::{Result, ServiceError};
use crate::jobs::failure::{DISK_FULL, JobFailure, STORAGE};
use crate::store::jobs::JobImage;

/// Images on their way at once.
const NUM_FETCHES: usize = 8;
/// How often cancellation is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Fetched images.
#[derive(Debug)]
pub(super) struct ImageCache {
    folder: PathBuf,
    max_bytes: u64,
}

/// Where an image is in the object store.
pub(super) fn image_key(sha256: &str) -> String {
    format!("images/{}/{sha256}", sha256.get(..2).unwrap_or_default())
}

impl ImageCache {
    pub(super) fn new(folder: PathBuf, max_bytes: u64) -> Self {
        Self { folder, max_bytes }
    }

    /// The files of images, in order; none if the job is cancelled.
    pub(super) async fn files(
        &self,
        blobs: &Blobs,
        images: &[JobImage],
        cancel: &Cancel,
    ) -> Result<Option<Vec<NamedFile>>, Box<JobFailure>> {
        let fetches = images.iter().map(|image| self.file(blobs, image));
        let files = stream::iter(fetches).buffered(NUM_FETCHES).try_collect();
        tokio::select! {
            files = files => files.map(Some),
            () = cancelled(cancel) => Ok(None),
        }
    }

    async fn file(&self, blobs: &Blobs, image: &JobImage) -> Result<NamedFile, Box<JobFailure>> {
        let key = image_key(&image.sha256);
        let path = match blobs.local_path(&key) {
            Some(path) => {
                check_there(blobs, &key, image).await?;
                path
            }
            None => self.fetched(blobs, &key, image).await?,
        };
        Ok(NamedFile { name: image.name.clone(), path })
    }

    async fn fetched(&self, blobs: &Blobs, key: &str, image: &JobImage) -> Result<PathBuf, Box<JobFailure>> {
        let path = self.folder.join(&image.sha256);
        if let Ok(file) = File::open(&path) {
            // used now, so that it goes last; if its time can't be set it goes earlier
            file.set_modified(SystemTime::now()).ok();
            return Ok(path);
        }
        let failed = |error: ServiceError| storage_failure(&error);
        fs::create_dir_all(&self.folder).map_err(ServiceError::io("create", &self.folder)).map_err(failed)?;
        check_there(blobs, key, image).await?;
        blobs.get_to_file(key, &path).await.map_err(failed)?;
        Ok(path)
    }

    /// Removes the images used longest ago until the rest fits.
    pub(super) fn make_room(&self) {
        let mut files: Vec<_> =
            fs::read_dir(&self.folder).into_iter().flatten().flatten().filter_map(|entry| used(&entry)).collect();
        files.sort();
        let mut num_bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if num_bytes <= self.max_bytes {
                return;
            }
            // what can't be removed is tried again after the next job
            fs::remove_file(path).ok();
            num_bytes -= bytes;
        }
    }
}

fn used(entry: &fs::DirEntry) -> Option<(SystemTime, u64, PathBuf)> {
    let metadata = entry.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len(), entry.path()))
}

async fn cancelled(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(POLL).await;
    }
}

async fn check_there(blobs: &Blobs, key: &str, image: &JobImage) -> Result<(), Box<JobFailure>> {
    match blobs.exists(key).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(missing(image)),
        Err(error) => Err(storage_failure(&error)),
    }
}

fn missing(image: &JobImage) -> Box<JobFailure> {
    Box::new(JobFailure {
        code: STORAGE.to_owned(),
        stage: None,
        plugin: None,
        message: format!("image `{}` is not in the object store any more", image.name.escape_debug()),
        help: "upload it again and make a new job".to_owned(),
        transient: false,
    })
}

/// The object store did not do what it was asked for. Folders and hosts are for the log.
pub(super) fn storage_failure(error: &ServiceError) -> Box<JobFailure> {
    tracing::error!(%error, "the object store failed a job");
    let message = match error {
        ServiceError::Io { action, source, .. } => format!("the object store could not {action} a file: {source}"),
        ServiceError::Objects { action, .. } => format!("the object store could not {action}"),
        other => other.to_string(),
    };
    let is_full = error.is_disk_full();
    let (code, help) = match is_full {
        true => (DISK_FULL, "free some disk space and retry the job"),
        false => (STORAGE, "retry the job when the store answers"),
    };
    Box::new(JobFailure {
        code: code.to_owned(),
        stage: None,
        plugin: None,
        message,
        help: help.to_owned(),
        transient: !is_full,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_used_longest_ago_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for (name, age_secs) in [("old", 30), ("older", 60), ("new", 0)] {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_len(100).unwrap();
            file.set_modified(now - Duration::from_secs(age_secs)).unwrap();
        }
        ImageCache::new(folder.path().to_owned(), 250).make_room();
        let left = ["new", "old", "older"].map(|name| folder.path().join(name).exists());
        assert_eq!(left, [true, true, false]);
    }
}
