//! What was found in pairs, as they are finished: an append-only file that survives being killed at any byte.
//!
//! A record is `length u32, check [u8; 8], payload`; the check is the head of the payload's sha256. Reading stops at the
//! first record that does not hold, and writing goes on from there.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::PipelineError;
use crate::hash::Key;
use crate::pair_found::{FoundKind, PairFound};

const CHECK_BYTES: usize = 8;
const KEY_BYTES: usize = 64;
/// Length and check.
const HEAD_BYTES: usize = 4 + CHECK_BYTES;

/// What was found, by the key of what it depends on.
pub(crate) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    finished: HashMap<Key, PairFound>,
}

impl Journal {
    /// Opens a journal, reads its valid records and cuts off what a kill left half-written.
    pub(crate) fn open(path: &Path, kind: FoundKind) -> Result<Self, PipelineError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(PipelineError::ReadFile { path: path.to_owned(), source }),
        };
        let (finished, valid_bytes) = parse(&bytes, kind);
        let open = || {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
            file.set_len(valid_bytes as u64)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(PipelineError::write(path))?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), finished })
    }

    /// Takes what was finished before this journal was opened.
    pub(crate) fn take(&mut self, key: &str) -> Option<PairFound> {
        self.finished.remove(key)
    }

    /// Appends what a pair's matcher found.
    pub(crate) fn append(&self, key: &str, found: &PairFound) -> Result<(), PipelineError> {
        let payload = encode(key, found);
        let mut record = (payload.len() as u32).to_le_bytes().to_vec();
        record.extend_from_slice(&check(&payload));
        record.extend_from_slice(&payload);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&record).map_err(PipelineError::write(&self.path))
    }
}

fn check(payload: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::digest(payload);
    std::array::from_fn(|index| digest[index])
}

fn encode(key: &str, found: &PairFound) -> Vec<u8> {
    let mut payload = key.as_bytes().to_vec();
    payload.extend(found.words().as_flattened());
    payload
}

fn decode(payload: &[u8], kind: FoundKind) -> Option<(Key, PairFound)> {
    let (key, rest) = payload.split_at_checked(KEY_BYTES)?;
    let (words, odd) = rest.as_chunks::<4>();
    let found = kind.read(words).filter(|_| odd.is_empty())?;
    Some((String::from_utf8(key.to_vec()).ok()?, found))
}

fn parse(bytes: &[u8], kind: FoundKind) -> (HashMap<Key, PairFound>, usize) {
    let mut finished = HashMap::new();
    let mut valid_bytes = 0;
    while let Some((record, len)) = next_record(&bytes[valid_bytes..], kind) {
        finished.insert(record.0, record.1);
        valid_bytes += len;
    }
    (finished, valid_bytes)
}

fn next_record(bytes: &[u8], kind: FoundKind) -> Option<((Key, PairFound), usize)> {
    let payload = next_payload(bytes)?;
    Some((decode(payload, kind)?, HEAD_BYTES + payload.len()))
}

fn next_payload(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<CHECK_BYTES>()?;
    let payload = rest.get(..u32::from_le_bytes(*length) as usize)?;
    (check(payload) == *expected).then_some(payload)
}

/// How many of these bytes, which begin with a record, are whole records.
pub(crate) fn whole_records_bytes(bytes: &[u8]) -> usize {
    let mut whole = 0;
    while let Some(payload) = next_payload(&bytes[whole..]) {
        whole += HEAD_BYTES + payload.len();
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use scene3d_scene::{Correspondences, Matches};

    fn matches(first: u32) -> PairFound {
        PairFound::Matches(Matches { indices: vec![[first, 2], [3, 4]], scores: vec![0.5, 0.25] })
    }

    #[test]
    fn a_journal_cut_at_any_byte_keeps_its_whole_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let keys = ["a".repeat(KEY_BYTES), "b".repeat(KEY_BYTES)];
        let journal = Journal::open(&path, FoundKind::Matches).unwrap();
        journal.append(&keys[0], &matches(1)).unwrap();
        journal.append(&keys[1], &matches(9)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for len in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..len]).unwrap();
            let mut reopened = Journal::open(&path, FoundKind::Matches).unwrap();
            assert_eq!(reopened.take(&keys[0]).is_some(), len >= bytes.len() / 2, "{len}");
            assert_eq!(reopened.take(&keys[1]).is_some(), len == bytes.len(), "{len}");
            reopened.append(&keys[1], &matches(7)).unwrap();
            assert_eq!(Journal::open(&path, FoundKind::Matches).unwrap().take(&keys[1]), Some(matches(7)), "{len}");
        }
    }

    #[test]
    fn correspondences_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = (folder.path().join("journal"), "c".repeat(KEY_BYTES));
        let found =
            Correspondences { points: vec![[0.5, 1.5, 2.5, 3.5], [4.0, 5.0, 6.0, 7.0]], scores: vec![0.9, 0.8] };
        let found = PairFound::Correspondences(found);
        Journal::open(&path, FoundKind::Correspondences).unwrap().append(&key, &found).unwrap();
        assert_eq!(Journal::open(&path, FoundKind::Correspondences).unwrap().take(&key), Some(found));
    }
}
