//! Images and artifacts in the object store: a folder of this machine or an S3 bucket, by keys that hold no user's words.

use std::io::{SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;
use url::Url;

use crate::error::{Result, ServiceError};

/// Bytes read from a file at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Parts of a large object that are on their way at once.
const MAX_PARTS: usize = 4;
/// A bucket that does not answer is asked again for so long: a request must be told in time.
const MAX_RETRY: Duration = Duration::from_secs(10);
/// Files on their way to their place, beside the objects so that they can be renamed.
const STAGING: &str = "staging";

/// The object store.
#[derive(Debug, Clone)]
pub struct Blobs(Store);

#[derive(Debug, Clone)]
enum Store {
    Folder(PathBuf),
    Remote(Arc<dyn ObjectStore>),
}

/// Bytes of an object on their way.
pub struct BlobStream {
    /// Size of the whole object.
    pub size_bytes: u64,
    /// Those that were asked for.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

impl Blobs {
    /// As [`Self::open`], and makes the folder where it is not there.
    ///
    /// # Errors
    /// [`ServiceError::Config`] as there, [`ServiceError::Io`] if the folder can't be made.
    pub fn make(url: &str) -> Result<Self> {
        let blobs = Self::open(url)?;
        if let Store::Folder(root) = &blobs.0 {
            let staging = root.join(STAGING);
            std::fs::create_dir_all(&staging).map_err(ServiceError::io("create", &staging))?;
        }
        Ok(blobs)
    }

    /// Opens `file:///folder`, or `s3://bucket/prefix` with the credentials, region and endpoint of the environment's
    /// `AWS_...` variables. A folder that is gone is an error of every call: made anew it would hide a disk that is not
    /// mounted.
    ///
    /// # Errors
    /// [`ServiceError::Config`] for any other URL.
    pub fn open(url: &str) -> Result<Self> {
        let unknown =
            || ServiceError::Config(format!("storage is `{url}`, expected file:///folder or s3://bucket/prefix"));
        let parsed = Url::parse(url).map_err(|_| unknown())?;
        match parsed.scheme() {
            "file" => Ok(Self(Store::Folder(parsed.to_file_path().map_err(|()| unknown())?))),
            "s3" => Self::bucket(&parsed),
            _ => Err(unknown()),
        }
    }

    fn bucket(url: &Url) -> Result<Self> {
        let retry = RetryConfig { retry_timeout: MAX_RETRY, ..RetryConfig::default() };
        let built = AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry).build();
        let bucket = built.map_err(ServiceError::objects("be opened"))?;
        let prefix = Key::from_url_path(url.path()).map_err(|error| ServiceError::Config(error.to_string()))?;
        Ok(Self(Store::Remote(Arc::new(PrefixStore::new(bucket, prefix)))))
    }

    /// Where an object's file is, if the store is a folder of this machine; whether it is there or not.
    #[must_use]
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        match &self.0 {
            Store::Folder(root) => Some(root.join(checked(key).ok()?.as_ref())),
            Store::Remote(_) => None,
        }
    }

    /// Whether it answers: asked for something that is not there, it has to say so.
    ///
    /// # Errors
    /// [`ServiceError`] if it does not.
    pub async fn check(&self) -> Result<()> {
        self.exists("images/none").await.map(drop)
    }

    /// Whether there is an object.
    ///
    /// # Errors
    /// [`ServiceError`] if the store does not answer.
    pub async fn exists(&self, key: &str) -> Result<bool> {
        self.size_bytes(key).await.map(|size| size.is_some())
    }

    /// Size of an object, if there is one.
    ///
    /// # Errors
    /// [`ServiceError`] if the store does not answer.
    pub async fn size_bytes(&self, key: &str) -> Result<Option<u64>> {
        match &self.0 {
            Store::Folder(root) => {
                let path = root.join(checked(key)?.as_ref());
                match tokio::fs::metadata(&path).await {
                    Ok(metadata) => Ok(Some(metadata.len())),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        check_there(root).await?;
                        Ok(None)
                    }
                    Err(error) => Err(ServiceError::io("look at", path)(error)),
                }
            }
            Store::Remote(store) => match store.head(&checked(key)?).await {
                Ok(meta) => Ok(Some(meta.size)),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(ServiceError::objects("look at an object")(error)),
            },
        }
    }

    /// Copies a file into the store; the object is there whole or not at all, and replaces one of that key.
    ///
    /// # Errors
    /// [`ServiceError`] if the file can't be read or the store can't be written.
    pub async fn put_file(&self, key: &str, from: &Path) -> Result<()> {
        let key = checked(key)?;
        match &self.0 {
            Store::Folder(root) => {
                let (root, from) = (root.clone(), from.to_owned());
                blocking(move || copy_into(&root, &key, &from)).await
            }
            Store::Remote(store) => upload(store.as_ref(), &key, from).await,
        }
    }

    /// Writes an object of bytes at hand; it is there whole or not at all, and replaces one of that key.
    ///
    /// # Errors
    /// [`ServiceError`] if the store can't be written.
    pub async fn put_bytes(&self, key: &str, bytes: Bytes) -> Result<()> {
        let key = checked(key)?;
        match &self.0 {
            Store::Folder(root) => {
                let root = root.clone();
                blocking(move || place(&root, &key, |mut part| part.write_all(&bytes))).await
            }
            Store::Remote(store) => {
                let put = store.put(&key, bytes.into()).await;
                put.map(drop).map_err(ServiceError::objects("write an object"))
            }
        }
    }

    /// Copies an object into a file, which is there whole or not at all.
    ///
    /// # Errors
    /// [`ServiceError`] if there is no such object, or the file can't be written.
    pub async fn get_to_file(&self, key: &str, to: &Path) -> Result<()> {
        let mut object = self.get_range(key, None).await?.bytes;
        let folder = to.parent().unwrap_or(Path::new("."));
        let failed = |error| ServiceError::io("write", to)(error);
        let (part, path) = tempfile::NamedTempFile::new_in(folder).map_err(failed)?.into_parts();
        let mut file = File::from_std(part);
        while let Some(chunk) = object.next().await {
            file.write_all(&chunk?).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        path.persist(to).map_err(|error| failed(error.error))
    }

    /// All bytes of an object that fits into memory.
    ///
    /// # Errors
    /// [`ServiceError`] if there is no such object.
    pub async fn get_bytes(&self, key: &str) -> Result<Vec<u8>> {
        let mut object = self.get_range(key, None).await?;
        let mut bytes = Vec::with_capacity(usize::try_from(object.size_bytes).unwrap_or_default());
        while let Some(chunk) = object.bytes.try_next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Reads bytes of an object, or all of them. A range that ends behind the object is cut.
    ///
    /// # Errors
    /// [`ServiceError`] if there is no such object.
    pub async fn get_range(&self, key: &str, range: Option<Range<u64>>) -> Result<BlobStream> {
        let key = checked(key)?;
        match &self.0 {
            Store::Folder(root) => read_file(&root.join(key.as_ref()), range).await,
            Store::Remote(store) => {
                let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
                let failed = || ServiceError::objects("read an object");
                let object = store.get_opts(&key, options).await.map_err(failed())?;
                let size_bytes = object.meta.size;
                let bytes = object.into_stream().map_err(move |error| failed()(error)).boxed();
                Ok(BlobStream { size_bytes, bytes })
            }
        }
    }

    /// Keys below `prefix/` with the sizes of their objects, sorted; none where there is nothing.
    ///
    /// # Errors
    /// [`ServiceError`] if the store does not answer.
    pub async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        let prefix = checked(prefix)?;
        let mut keys = match &self.0 {
            Store::Folder(root) => {
                let root = root.clone();
                blocking(move || files_below(&root, prefix.as_ref())).await?
            }
            Store::Remote(store) => {
                let found = store.list(Some(&prefix)).map_ok(|meta| (meta.location.to_string(), meta.size));
                found.try_collect::<Vec<_>>().await.map_err(ServiceError::objects("list objects"))?
            }
        };
        keys.sort_unstable();
        Ok(keys)
    }

    /// Removes all objects below `prefix/`.
    ///
    /// # Errors
    /// [`ServiceError`] if the store does not answer; what was removed by then is.
    pub async fn delete_all(&self, prefix: &str) -> Result<()> {
        if let Store::Folder(root) = &self.0 {
            let folder = root.join(checked(prefix)?.as_ref());
            return match tokio::fs::remove_dir_all(&folder).await {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => check_there(root).await,
                removed => removed.map_err(ServiceError::io("remove", folder)),
            };
        }
        let keys = self.list(prefix).await?;
        let deletes = keys.into_iter().map(|(key, _)| async move { self.delete(&key).await });
        stream::iter(deletes).buffer_unordered(MAX_PARTS).try_collect().await
    }

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// [`ServiceError`] if the store does not answer.
    pub async fn delete(&self, key: &str) -> Result<()> {
        let key = checked(key)?;
        match &self.0 {
            Store::Folder(root) => match tokio::fs::remove_file(root.join(key.as_ref())).await {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => check_there(root).await,
                removed => removed.map_err(ServiceError::io("remove", root.join(key.as_ref()))),
            },
            Store::Remote(store) => match store.delete(&key).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(ServiceError::objects("remove an object")(error)),
            },
        }
    }
}

/// Where the whole folder is gone, as with a disk that is not mounted, nobody can tell what is in it. That is another error
/// than that of a file that is not there.
async fn check_there(root: &Path) -> Result<()> {
    match tokio::fs::try_exists(root.join(STAGING)).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(gone(root)),
        Err(error) => Err(ServiceError::io("find", root)(error)),
    }
}

fn gone(root: &Path) -> ServiceError {
    ServiceError::io("find", root)(std::io::Error::other("the folder of all objects is gone"))
}

/// Keys are made by the service alone; one with `..` or an empty part is a bug and goes nowhere.
fn checked(key: &str) -> Result<Key> {
    Key::parse(key).map_err(|error| ServiceError::objects("read a key")(error.into()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|error| {
        Err(ServiceError::objects("finish its work")(object_store::Error::JoinError { source: error }))
    })
}

fn copy_into(root: &Path, key: &Key, from: &Path) -> Result<()> {
    let mut source = std::fs::File::open(from).map_err(ServiceError::io("read", from))?;
    place(root, key, |mut part| std::io::copy(&mut source, &mut part).map(drop))
}

/// What is written to a file beside the objects becomes one of them.
fn place(root: &Path, key: &Key, write: impl FnOnce(&std::fs::File) -> std::io::Result<()>) -> Result<()> {
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
fn files_below(root: &Path, folder: &str) -> Result<Vec<(String, u64)>> {
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

async fn upload(store: &dyn ObjectStore, key: &Key, from: &Path) -> Result<()> {
    let unreadable = |error| ServiceError::io("read", from)(error);
    let failed = || ServiceError::objects("write an object");
    let mut file = File::open(from).await.map_err(unreadable)?;
    let mut upload = WriteMultipart::new(store.put_multipart(key).await.map_err(failed())?);
    loop {
        let mut chunk = bytes::BytesMut::with_capacity(CHUNK_BYTES);
        if file.read_buf(&mut chunk).await.map_err(unreadable)? == 0 {
            break;
        }
        upload.wait_for_capacity(MAX_PARTS).await.map_err(failed())?;
        upload.put(chunk.freeze());
    }
    upload.finish().await.map(drop).map_err(failed())
}

async fn read_file(path: &Path, range: Option<Range<u64>>) -> Result<BlobStream> {
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

#[cfg(test)]
mod tests;
