//! Images and artifacts in the object store: a folder of this machine or an S3 bucket, by keys that hold no user's words.

use std::io::Write as _;
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
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use self::folder::{STAGING, check_there, copy_into, files_below, link_into, place, read_file};
use crate::error::{Result, ServiceError};

mod folder;

/// Bytes read from a file at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Parts of a large object that are on their way at once.
const MAX_PARTS: usize = 4;
/// A bucket that does not answer is asked again for so long: a request must be told in time.
const MAX_RETRY: Duration = Duration::from_secs(10);

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

    /// Puts an object under another key too, whole or not at all. Whether it was there.
    ///
    /// # Errors
    /// [`ServiceError`] if the store can't be written.
    pub async fn copy(&self, from: &str, to: &str) -> Result<bool> {
        let (from, to) = (checked(from)?, checked(to)?);
        match &self.0 {
            Store::Folder(root) => {
                let root = root.clone();
                blocking(move || link_into(&root, &from, &to)).await
            }
            Store::Remote(store) => match store.copy(&from, &to).await {
                Ok(()) => Ok(true),
                Err(object_store::Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(ServiceError::objects("copy an object")(error)),
            },
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

#[cfg(test)]
mod tests;
