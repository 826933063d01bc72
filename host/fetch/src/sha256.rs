//! Lower-case hex sha256 of files and bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{FetchError, Result};

const CHUNK_BYTES: usize = 1 << 20;

/// Of a file's content.
///
/// # Errors
/// [`FetchError::Io`] if it can't be read.
pub fn of_file(path: &Path) -> Result<String> {
    let cannot_read = || FetchError::io("read", path);
    let mut file = File::open(path).map_err(cannot_read())?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let num_read = file.read(&mut chunk).map_err(cannot_read())?;
        if num_read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&chunk[..num_read]);
    }
}

/// Of bytes.
#[must_use]
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_and_with_itself() {
        // FIPS 180-2, appendix B.1
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), abc);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        assert_eq!(of_file(file.path()).unwrap(), abc);
    }
}
