//! A folder of this machine as object store: each object is a file, there whole or not at all.

use std::io::SeekFrom;
use std::ops::Range;
use std::path::Path;

use futures::stream::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{BlobStream, CHUNK_BYTES};
use crate::error::{Result, ServiceError};

/// Files on their way to their place, beside the objects so that they can be renamed.
pub(super) const STAGING: &str = "staging";

/// Where the whole folder is gone, as with a disk that is not mounted, nobody can tell what is in it. That is another error
/// than that of a file that is not there.
pub(super) async fn check_there(root: &Path) -> Result<()> {
    match tokio::fs::try_exists(root.join(STAGING)).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(gone(root)),
        Err(error) => Err(ServiceError::io("find", root)(error)),
    }
}

fn gone(root: &Path) -> ServiceError {
    ServiceError::io("find", root)(std::io::Error::other("the folder of all objects is gone"))
}

/// Objects are replaced and never changed, so that two keys can share a file.
pub(super) fn link_into(root: &Path, from: &Key, to: &Key) -> Result<bool> {
    let (source, target) = (root.join(from.as_ref()), root.join(to.as_ref()));
    if !root.join(STAGING).exists() {
        return Err(gone(root));
    }
    target.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(ServiceError::io("write", &target))?;
    match std::fs::hard_link(&source, &target) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        // a disk without links, or something that is to be replaced
        Err(_) => copy_into(root, to, &source).map(|()| true),
    }
}

pub(super) fn copy_into(root: &Path, key: &Key, from: &Path) -> Result<()> {
    let mut source = std::fs::File::open(from).map_err(ServiceError::io("read", from))?;
    place(root, key, |mut part| std::io::copy(&mut source, &mut part).map(drop))
}

/// What is written to a file beside the objects becomes one of them.
pub(super) fn place(root: &Path, key: &Key, write: impl FnOnce(&std::fs::File) -> std::io::Result<()>) -> Result<()> {
    let to = root.join(key.as_ref());
    // a temporary file's errors name its path
    let failed = |error: std::io::Error| ServiceError::io("write", &to)(error.kind().into());
    let staging = root.join(STAGING);
    if !staging.exists() {
        return Err(gone(root));
    }
    let part = tempfile::NamedTempFile::new_in(staging).map_err(failed)?;
    write(part.as_file()).map_err(failed)?;
    part.as_file().sync_all().map_err(failed)?;
    to.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
    part.persist(&to).map(drop).map_err(|error| failed(error.error))
}

/// Keys and sizes of the files below a folder of the store.
pub(super) fn files_below(root: &Path, folder: &str) -> Result<Vec<(String, u64)>> {
    let at = root.join(folder);
    let failed = |error| ServiceError::io("list", &at)(error);
    let entries = match std::fs::read_dir(&at) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && root.join(STAGING).exists() => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let key = format!("{folder}/{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata().map_err(failed)?;
        if metadata.is_dir() {
            keys.extend(files_below(root, &key)?);
        } else {
            keys.push((key, metadata.len()));
        }
    }
    Ok(keys)
}

pub(super) async fn read_file(path: &Path, range: Option<Range<u64>>) -> Result<BlobStream> {
    let failed = |error| ServiceError::io("read", path)(error);
    let mut file = File::open(path).await.map_err(failed)?;
    let size_bytes = file.metadata().await.map_err(failed)?.len();
    let range = range.unwrap_or(0..size_bytes);
    file.seek(SeekFrom::Start(range.start)).await.map_err(failed)?;
    let wanted = file.take(range.end.min(size_bytes).saturating_sub(range.start));
    let path = path.to_owned();
    let bytes = ReaderStream::with_capacity(wanted, CHUNK_BYTES)
        .map_err(move |error| ServiceError::io("read", &path)(error))
        .boxed();
    Ok(BlobStream { size_bytes, bytes })
}
