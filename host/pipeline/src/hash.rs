//! sha256 keys of contents: of files, and of everything an artifact depends on.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Cancel;

/// A sha256 as lower-case hex.
pub(crate) type Key = String;

/// A file's bytes with their key. Large files take a while, so it ends with an error when the run is cancelled.
pub(crate) fn read_with_key(path: &Path, cancel: &Cancel) -> io::Result<(Vec<u8>, Key)> {
    const CHUNK_BYTES: u64 = 1 << 20;
    let mut file = File::open(path)?;
    let (mut bytes, mut hasher) = (Vec::new(), Sha256::new());
    loop {
        let start = bytes.len();
        if Read::by_ref(&mut file).take(CHUNK_BYTES).read_to_end(&mut bytes)? == 0 {
            return Ok((bytes, hex(&hasher.finalize())));
        }
        hasher.update(&bytes[start..]);
        cancel.check().map_err(io::Error::other)?;
    }
}

/// Key of a list of parts; each part's length is hashed too, so that no two lists run together.
pub(crate) fn key_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Key {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(key_of([&b"ab"[..], b"c"]), key_of([&b"a"[..], b"bc"]));
        assert_eq!(key_of([]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sha256 of nothing");
    }
}
