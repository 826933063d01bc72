//! Bytes on their way into a file of the staging folder: counted, and written through before anybody is told of them.

use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use crate::error::{Result, ServiceError};

/// A file that grows.
#[derive(Debug)]
pub struct Sink {
    file: File,
    path: PathBuf,
    num_bytes: u64,
    head: Vec<u8>,
}

/// So much of a file's beginning tells an archive from an image.
const HEAD_BYTES: usize = 4;

impl Sink {
    /// Opens a file, which is made where it is missing, to go on behind its first bytes; what is behind those is dropped.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub async fn open(path: &Path, at: u64) -> Result<Self> {
        let failed = |error| ServiceError::io("write", path)(error);
        let opened = File::options().create(true).truncate(false).write(true).open(path).await.map_err(failed)?;
        let mut sink = Self { file: opened, path: path.to_owned(), num_bytes: at, head: Vec::new() };
        sink.cut(at).await?;
        Ok(sink)
    }

    /// Bytes so far.
    #[must_use]
    pub fn num_bytes(&self) -> u64 {
        self.num_bytes
    }

    /// Whether what was written since it was opened begins as a ZIP does.
    #[must_use]
    pub fn is_zip(&self) -> bool {
        is_zip(&self.head)
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`ServiceError::Io`]; then [`Self::cut`] says how many there are.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<()> {
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(&chunk[..missing.min(chunk.len())]);
        self.file.write_all(chunk).await.map_err(ServiceError::io("write", &self.path))?;
        self.num_bytes += chunk.len() as u64;
        Ok(())
    }

    /// Returns once every byte is on the disk.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub async fn sync(&mut self) -> Result<()> {
        let failed = |error| ServiceError::io("write", &self.path)(error);
        self.file.flush().await.map_err(failed)?;
        self.file.sync_data().await.map_err(failed)
    }

    /// Keeps the first bytes only.
    ///
    /// # Errors
    /// [`ServiceError::Io`].
    pub async fn cut(&mut self, num_bytes: u64) -> Result<()> {
        let failed = |error| ServiceError::io("write", &self.path)(error);
        // a write that failed in the background is told by the next call: its bytes are dropped here anyway
        drop(self.file.flush().await);
        let length = self.file.metadata().await.map_err(failed)?.len();
        if length < num_bytes {
            return Err(failed(std::io::Error::other(format!("{length} bytes, expected at least {num_bytes}"))));
        }
        self.file.set_len(num_bytes).await.map_err(failed)?;
        self.file.seek(std::io::SeekFrom::Start(num_bytes)).await.map_err(failed)?;
        self.num_bytes = num_bytes;
        Ok(())
    }
}

/// Local header, or the end of an archive without files (APPNOTE 4.3.7 and 4.3.16).
#[must_use]
pub fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_goes_on_behind_what_is_known_to_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        let mut sink = Sink::open(&path, 0).await.unwrap();
        for chunk in [b"PK".as_slice(), b"\x03\x04not durable"] {
            sink.write(chunk).await.unwrap();
        }
        sink.sync().await.unwrap();
        assert!(sink.is_zip());
        let mut sink = Sink::open(&path, 4).await.unwrap();
        sink.write(b"rest").await.unwrap();
        sink.sync().await.unwrap();
        assert_eq!((sink.num_bytes(), std::fs::read(&path).unwrap()), (8, b"PK\x03\x04rest".to_vec()));
        assert!(Sink::open(&path, 9).await.is_err());
    }
}
