//! The staging folder: a folder for each upload under way, held by one writer at a time, also across processes.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Result, ServiceError};

/// A file in each upload's folder; whoever locks it may write the others. The system unlocks it when a process ends.
const LOCK: &str = "lock";

/// Uploads under way.
#[derive(Debug, Clone)]
pub struct Staging {
    root: PathBuf,
}

/// An upload's folder, held by its one writer until this is dropped.
#[derive(Debug)]
pub struct Staged {
    folder: PathBuf,
    _lock: File,
}

impl Staging {
    /// Makes the folder where it is missing.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub fn open(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).map_err(ServiceError::io("create", &root))?;
        Ok(Self { root })
    }

    /// Makes the folder of a new upload.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub async fn create(&self, upload_id: &str) -> Result<Staged> {
        let (staging, upload_id) = (self.clone(), upload_id.to_owned());
        written_through(move || staging.create_now(&upload_id)).await
    }

    fn create_now(&self, upload_id: &str) -> Result<Staged> {
        let folder = self.folder(upload_id)?;
        let failed = |error| ServiceError::io("create", &folder)(error);
        fs::create_dir(&folder).map_err(failed)?;
        let made = File::create_new(folder.join(LOCK)).map_err(failed).and_then(|_| sync_folder(&self.root));
        // one without a lock would never be found to be lost
        made.inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        self.lock(upload_id)?.ok_or_else(|| ServiceError::Internal(format!("{upload_id} is held as it is made")))
    }

    /// Holds an upload's folder; `None` if somebody else does, or if it is not on this machine.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub fn lock(&self, upload_id: &str) -> Result<Option<Staged>> {
        let folder = self.folder(upload_id)?;
        let path = folder.join(LOCK);
        let lock = match File::options().write(true).open(&path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ServiceError::io("open", path)(error)),
        };
        match lock.try_lock() {
            Ok(()) => Ok(Some(Staged { folder, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(ServiceError::io("lock", path)(error)),
        }
    }

    /// Whether an upload's folder is on this machine.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] for an id that is none.
    pub fn has(&self, upload_id: &str) -> Result<bool> {
        Ok(self.folder(upload_id)?.is_dir())
    }

    /// Ids of the uploads that have a folder.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub fn ids(&self) -> Result<Vec<String>> {
        let failed = |error| ServiceError::io("list", &self.root)(error);
        let entries = fs::read_dir(&self.root).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        Ok(entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_id(name)).collect())
    }

    /// Ids are made by the service; another one is a bug and goes nowhere.
    fn folder(&self, upload_id: &str) -> Result<PathBuf> {
        match is_id(upload_id) {
            true => Ok(self.root.join(upload_id)),
            false => Err(ServiceError::Internal("an upload has an id that the service did not make".to_owned())),
        }
    }
}

fn is_id(name: &str) -> bool {
    let hex = name.strip_prefix("upload_");
    hex.is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Staged {
    /// Where the upload's file of a number is or goes.
    #[must_use]
    pub fn file(&self, number: usize) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// Where what is unpacked of it goes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the names of its files last.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub async fn sync(&self) -> Result<()> {
        let folder = self.folder.clone();
        written_through(move || sync_folder(&folder)).await
    }

    /// Removes the folder with its files.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub async fn remove(self) -> Result<()> {
        let removed = tokio::fs::remove_dir_all(&self.folder).await;
        removed.map_err(ServiceError::io("remove", &self.folder))
    }
}

/// A disk takes its time: what waits for it does so on threads that may, or every request would wait too.
async fn written_through<T: Send + 'static>(write: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let written = tokio::task::spawn_blocking(write).await;
    written.map_err(|error| ServiceError::Internal(format!("a folder can't be written through: {error}")))?
}

/// A file's name outlives a power cut only once its folder is written through (fsync(2)).
fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(ServiceError::io("write", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_holds_an_upload() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path().join("staging")).unwrap();
        let id = crate::ids::new_id("upload");
        assert!(staging.lock(&id).unwrap().is_none() && !staging.has(&id).unwrap());
        let staged = staging.create(&id).await.unwrap();
        assert!(staging.lock(&id).unwrap().is_none());
        assert_eq!(staging.ids().unwrap(), [id.as_str()]);
        drop(staged);
        let staged = staging.lock(&id).unwrap().unwrap();
        fs::write(staged.file(0), b"x").unwrap();
        staged.remove().await.unwrap();
        assert!(!staging.has(&id).unwrap());
        assert!(staging.lock("../x").is_err());
    }
}
