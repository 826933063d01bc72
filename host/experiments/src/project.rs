//! The folder of an experiment: its parameters, its data, and where each stage writes.

use std::fs;
use std::path::{Path, PathBuf};

use scene3d_export::{ExportError, write_atomic};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ExperimentError;
use crate::params::Params;

/// Name of the file with the parameters.
pub const PARAMS: &str = "params.yaml";

/// A project on disk.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
    /// What its `params.yaml` says.
    pub params: Params,
}

impl Project {
    /// Opens the project in a folder.
    ///
    /// # Errors
    /// As [`Params::load`].
    pub fn open(root: &Path) -> Result<Self, ExperimentError> {
        Ok(Self { root: root.to_owned(), params: Params::load(&root.join(PARAMS))? })
    }

    /// Path of a file or folder of the project.
    #[must_use]
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    pub(crate) fn data(&self, dataset: &str) -> PathBuf {
        self.path("data").join(dataset)
    }

    /// Folder that stages write to.
    #[must_use]
    pub fn out(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path("out").join(relative)
    }

    /// Photos and ground truth as `preprocess` leaves them.
    pub(crate) fn preprocessed(&self, dataset: &str, collection: &str) -> PathBuf {
        self.out("preprocessed").join(dataset).join(collection)
    }

    /// What came of one run.
    pub(crate) fn run(&self, config: &str, dataset: &str, collection: &str, seed: u64) -> PathBuf {
        self.out("runs").join(config).join(dataset).join(collection).join(format!("seed-{seed}"))
    }

    /// Where runs of a collection work. It is kept from run to run and belongs to no stage, so that what one config has
    /// extracted or matched is there for the next.
    pub(crate) fn work(&self, dataset: &str, collection: &str) -> PathBuf {
        self.path("work").join(dataset).join(collection)
    }
}

/// Writes a file whole or not at all.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), ExperimentError> {
    let write = |source| ExportError::Write { format: "text", source };
    Ok(write_atomic(path, |sink| sink.write_all(text.as_bytes()).map_err(write))?)
}

/// Writes a value as indented JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ExperimentError> {
    write_text(path, &(serde_json::to_string_pretty(value)? + "\n"))
}

/// Reads what an earlier stage wrote.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, stage: &'static str) -> Result<T, ExperimentError> {
    let missing = |reason: String| ExperimentError::MissingInput { reason, stage, path: path.to_owned() };
    let text = fs::read_to_string(path).map_err(|error| missing(format!("can't be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| missing(format!("not as this version writes it: {error}")))
}

/// An empty folder.
pub(crate) fn emptied(folder: &Path) -> Result<(), ExperimentError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(ExperimentError::io("empty", folder))?;
    }
    fs::create_dir_all(folder).map_err(ExperimentError::io("make", folder))
}
