//! Matches of pairs as they are finished: an append-only file that survives being killed at any byte.
//!
//! A record is `length u32, check [u8; 8], payload`; the check is the head of the payload's sha256. Reading stops at the
//! first record that does not hold, and writing goes on from there.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use scene3d_scene::Matches;
use sha2::{Digest, Sha256};

use crate::PipelineError;
use crate::hash::Key;

const CHECK_BYTES: usize = 8;
const KEY_BYTES: usize = 64;

/// Matches by the key of what they depend on.
pub(crate) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    finished: HashMap<Key, Matches>,
}

impl Journal {
    /// Opens a journal, reads its valid records and cuts off what a kill left half-written.
    pub(crate) fn open(path: &Path) -> Result<Self, PipelineError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(PipelineError::ReadFile { path: path.to_owned(), source }),
        };
        let (finished, valid_bytes) = parse(&bytes);
        let open = || {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
            file.set_len(valid_bytes as u64)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(PipelineError::write(path))?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), finished })
    }

    /// Matches finished before this journal was opened.
    pub(crate) fn find(&self, key: &str) -> Option<&Matches> {
        self.finished.get(key)
    }

    /// Appends finished matches.
    pub(crate) fn append(&self, key: &str, matches: &Matches) -> Result<(), PipelineError> {
        let payload = encode(key, matches);
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

fn encode(key: &str, matches: &Matches) -> Vec<u8> {
    let mut payload = key.as_bytes().to_vec();
    payload.extend(matches.indices.iter().flatten().flat_map(|index| index.to_le_bytes()));
    payload.extend(matches.scores.iter().flat_map(|score| score.to_le_bytes()));
    payload
}

fn decode(payload: &[u8]) -> Option<(Key, Matches)> {
    const MATCH_BYTES: usize = 12;
    let (key, rest) = payload.split_at_checked(KEY_BYTES)?;
    let num_matches = rest.len() / MATCH_BYTES;
    let (words, odd) = rest.as_chunks::<4>();
    if !odd.is_empty() || rest.len() % MATCH_BYTES != 0 {
        return None;
    }
    let (indices, scores) = words.split_at(2 * num_matches);
    let indices: Vec<u32> = indices.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let matches = Matches {
        indices: indices.as_chunks::<2>().0.to_vec(),
        scores: scores.iter().map(|word| f32::from_le_bytes(*word)).collect(),
    };
    Some((String::from_utf8(key.to_vec()).ok()?, matches))
}

fn parse(bytes: &[u8]) -> (HashMap<Key, Matches>, usize) {
    let mut finished = HashMap::new();
    let mut valid_bytes = 0;
    while let Some((record, len)) = next_record(&bytes[valid_bytes..]) {
        finished.insert(record.0, record.1);
        valid_bytes += len;
    }
    (finished, valid_bytes)
}

fn next_record(bytes: &[u8]) -> Option<((Key, Matches), usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<CHECK_BYTES>()?;
    let payload = rest.get(..u32::from_le_bytes(*length) as usize)?;
    if check(payload) != *expected {
        return None;
    }
    Some((decode(payload)?, 4 + CHECK_BYTES + payload.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(first: u32) -> Matches {
        Matches { indices: vec![[first, 2], [3, 4]], scores: vec![0.5, 0.25] }
    }

    #[test]
    fn a_journal_cut_at_any_byte_keeps_its_whole_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let keys = ["a".repeat(KEY_BYTES), "b".repeat(KEY_BYTES)];
        let journal = Journal::open(&path).unwrap();
        journal.append(&keys[0], &matches(1)).unwrap();
        journal.append(&keys[1], &matches(9)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for len in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..len]).unwrap();
            let reopened = Journal::open(&path).unwrap();
            assert_eq!(reopened.find(&keys[0]).is_some(), len >= bytes.len() / 2, "{len}");
            assert_eq!(reopened.find(&keys[1]).is_some(), len == bytes.len(), "{len}");
            reopened.append(&keys[1], &matches(7)).unwrap();
            assert_eq!(Journal::open(&path).unwrap().find(&keys[1]), Some(&matches(7)), "{len}");
        }
    }
}
