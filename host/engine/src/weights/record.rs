//! `weights.json` beside weight files: what each file was when it came, and where from. It is the only check of files
//! whose publisher's sha256 is not known here.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};

/// Name of the record in a weights folder; `cargo xtask setup` writes one too.
pub const RECORD_FILE: &str = "weights.json";

/// A row of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Name in the folder.
    pub file: String,
    /// Lower-case hex.
    pub sha256: String,
    /// SPDX id.
    pub license: String,
    /// Where it came from: a url, or the path of an imported file.
    pub home: String,
}

/// What a file was when it came, if its folder has a record of it.
#[must_use]
pub fn recorded_sha256(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let rows = read(path.parent()?);
    rows.into_iter().find(|row| row.file == file).map(|row| row.sha256)
}

/// Adds a row, in place of an older one of that file.
pub(super) fn record(folder: &Path, row: Recorded) -> Result<()> {
    let mut rows = read(folder);
    rows.retain(|known| known.file != row.file);
    rows.push(row);
    rows.sort_by(|a, b| a.file.cmp(&b.file));
    let path = folder.join(RECORD_FILE);
    let partial = folder.join(format!("{RECORD_FILE}.{}.partial", std::process::id()));
    let text = serde_json::to_string_pretty(&rows).unwrap_or_default();
    fs::write(&partial, text + "\n").map_err(EngineError::io("write", &partial))?;
    fs::rename(&partial, &path).map_err(EngineError::io("write", &path))
}

/// An unreadable record is as good as none: files are checked against what is known, and recorded anew.
fn read(folder: &Path) -> Vec<Recorded> {
    let text = fs::read(folder.join(RECORD_FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}
