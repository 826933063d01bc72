//! Whether the weights that a plugin names are here, and whether they are the ones meant.

use std::path::PathBuf;

use scene3d_abi::WeightSpec;

use super::record::recorded_sha256;
use crate::error::Result;
use crate::stamp_cache::StampCache;

/// What is known of a weight file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The publisher's own bytes.
    Verified,
    /// The publisher's sha256 is not known here; the bytes are those that were recorded when the file came.
    Recorded,
    /// The publisher's sha256 is not known here, and nothing was recorded.
    Unrecorded,
    /// Other bytes than expected.
    Wrong,
    /// In no folder searched.
    Missing,
}

impl State {
    /// For people and for JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Recorded => "recorded",
            Self::Unrecorded => "unrecorded",
            Self::Wrong => "wrong",
            Self::Missing => "missing",
        }
    }
}

/// Where a weight file is and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// What is known of it.
    pub state: State,
    /// The file that stages get, or the first wrong one.
    pub path: Option<PathBuf>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// Its sha256.
    pub sha256: Option<String>,
    /// What its sha256 should be, if that is known.
    pub expected_sha256: Option<String>,
}

/// Looks for a weight file in the directories, in order: the first that is not wrong, else the first.
///
/// # Errors
/// [`crate::EngineError::Io`] if a file can't be read.
pub fn presence(spec: &WeightSpec, directories: &[PathBuf], cache: &StampCache) -> Result<Presence> {
    let mut wrong = None;
    for path in directories.iter().map(|directory| directory.join(&spec.file)).filter(|path| path.is_file()) {
        let found = of_file(spec, path, cache)?;
        if found.state != State::Wrong {
            return Ok(found);
        }
        wrong = wrong.or(Some(found));
    }
    let expected_sha256 = Some(spec.sha256.clone()).filter(|sha256| !sha256.is_empty());
    let missing = Presence { state: State::Missing, path: None, size_bytes: None, sha256: None, expected_sha256 };
    Ok(wrong.unwrap_or(missing))
}

fn of_file(spec: &WeightSpec, path: PathBuf, cache: &StampCache) -> Result<Presence> {
    let sha256 = cache.sha256(&path)?;
    let published = Some(spec.sha256.to_lowercase()).filter(|sha256| !sha256.is_empty());
    let recorded = recorded_sha256(&path);
    let state = match (&published, &recorded) {
        (Some(expected), _) if *expected == sha256 => State::Verified,
        (None, Some(expected)) if *expected == sha256 => State::Recorded,
        (None, None) => State::Unrecorded,
        _ => State::Wrong,
    };
    let size_bytes = path.metadata().ok().map(|metadata| metadata.len());
    Ok(Presence { state, path: Some(path), size_bytes, sha256: Some(sha256), expected_sha256: published.or(recorded) })
}
