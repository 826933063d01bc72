//! Photos as Python gives them: a folder, or files.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use scene3d_pipeline::{Cancel, NamedFile, Photo, PhotoLimits, PhotoSet, PhotoSource};

use crate::failure::Failure;

/// A folder, or files, which are known by their names without folders.
#[derive(FromPyObject)]
pub(crate) enum Photos {
    Folder(PathBuf),
    Files(Vec<PathBuf>),
}

impl Photos {
    pub(crate) fn source(&self) -> PhotoSource {
        match self {
            Self::Folder(folder) => PhotoSource::Folder(folder.clone()),
            Self::Files(files) => PhotoSource::Files(files.iter().map(|path| named(path)).collect()),
        }
    }

    /// Those of a folder that can be used in the order of their names; files in the order given, all of which must be.
    pub(crate) fn read(&self, limits: PhotoLimits, cancel: &Cancel) -> Result<PhotoSet, Failure> {
        match self {
            Self::Folder(_) => Ok(PhotoSet::read_any(&self.source(), limits, cancel)?),
            Self::Files(files) => {
                let photos = files.iter().map(|path| read_one(path, limits, cancel)).collect::<Result<_, _>>()?;
                Ok(PhotoSet { photos, ..PhotoSet::default() })
            }
        }
    }
}

/// # Errors
/// If it can't be used.
pub(crate) fn read_one(path: &Path, limits: PhotoLimits, cancel: &Cancel) -> Result<Photo, Failure> {
    let mut set = PhotoSet::read_any(&PhotoSource::Files(vec![named(path)]), limits, cancel)?;
    if let Some(rejected) = set.rejected.pop() {
        return Err(rejected.into());
    }
    set.photos.pop().ok_or_else(|| Failure::of_input(format!("{} is no photo", path.display())))
}

fn named(path: &Path) -> NamedFile {
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned();
    NamedFile { name, path: path.to_owned() }
}
