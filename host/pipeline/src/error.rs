//! Why a run ended without a model.

use std::io;
use std::path::{Path, PathBuf};

use scene3d_engine::EngineError;
use scene3d_tensor::TensorError;
use scene3d_wire::WireError;

use crate::RunFailure;

/// Errors of the pipeline.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The photo folder, or a folder in it, can't be listed.
    #[error("photo folder can't be read: {source}: {folder}", folder = folder.display())]
    ReadFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One photo makes no scene.
    #[error(
        "found {num_photos} usable photos, expected at least 2{others}{rejected}: {given}",
        others = describe_others(*num_other_files),
        rejected = describe_rejected(rejected)
    )]
    TooFewPhotos {
        /// The photo folder, or how many files were given.
        given: String,
        /// Photos that can be used.
        num_photos: usize,
        /// Files that are no images by their names.
        num_other_files: usize,
        /// Name and reason of each file that promised to be an image.
        rejected: Vec<String>,
    },
    /// Two files were given by one name.
    #[error("two photos are named `{name}`; give each a name of its own", name = .0.escape_debug())]
    RepeatedName(String),
    /// A file can't be read.
    #[error("file can't be read: {source}: {path}", path = path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file can't be written.
    #[error("file can't be written: {source}{hint}: {path}", hint = full_disk_hint(source), path = path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An artifact is not what was written.
    #[error("artifact is damaged ({reason}); delete it and run again: {path}", path = path.display())]
    Damaged {
        /// The artifact.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The output folder holds something else.
    #[error("output folder is not empty and holds no run of scene3d; choose another or empty it: {path}", path = .0.display())]
    ForeignOutput(PathBuf),
    /// The output folder holds a run, and `--resume` was not given.
    #[error("output folder holds a run already; add --resume to go on with it, or choose another folder: {path}", path = .0.display())]
    OutputExists(PathBuf),
    /// Another process writes to the output folder.
    #[error("another scene3d process is working on this output folder; wait for it or choose another: {path}", path = .0.display())]
    OutputBusy(PathBuf),
    /// A plugin or the configuration failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An export failed.
    #[error(transparent)]
    Export(#[from] scene3d_export::ExportError),
    /// A tensor is not as promised.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// Named tensors are not as promised.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Nothing could be reconstructed; the report says why for every image.
    #[error("no model: none of the {num_images} images could be registered; {reason}. the reasons for each image are in the report: {report}", report = report.display())]
    NoModel {
        /// Images given to the mapper.
        num_images: usize,
        /// The commonest reason.
        reason: String,
        /// Where the report lies.
        report: PathBuf,
    },
    /// A photo that could be decoded for the extractor can't be for the matcher.
    #[error("photo `{name}` changed while the run was going on: {reason}; put it back and add --resume")]
    PhotoChanged {
        /// Path relative to the photo folder.
        name: String,
        /// What is wrong with it now.
        reason: String,
    },
    /// A part of the run failed where it was done.
    #[error("{}", .0.message)]
    Elsewhere(Box<RunFailure>),
    /// A bug of scene3d.
    #[error("{0}; this is a bug, please report it with the log")]
    Internal(String),
    /// The user asked to stop.
    #[error("cancelled; what was finished is kept, add --resume to go on")]
    Cancelled,
}

impl From<scene3d_engine::PluginError> for PipelineError {
    fn from(error: scene3d_engine::PluginError) -> Self {
        Self::Engine(error.into())
    }
}

impl PipelineError {
    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::WriteFile { path: path.to_owned(), source }
    }
}

fn describe_others(num_other_files: usize) -> String {
    match num_other_files {
        0 => String::new(),
        count => format!(" ({count} other files are no images by their names)"),
    }
}

fn describe_rejected(rejected: &[String]) -> String {
    rejected.iter().map(|line| format!("\n  rejected {line}")).collect()
}

fn full_disk_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => " (free some space and add --resume to go on)",
        _ => "",
    }
}
