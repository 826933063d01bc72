//! Where photos come from: a folder, or files wherever they lie.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::PipelineError;

/// Where photos come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhotoSource {
    /// A folder and its subfolders; hidden files and folders are passed over.
    Folder(PathBuf),
    /// Files with the names that models and reports know them by. No path is ever made of a name.
    Files(Vec<NamedFile>),
}

/// A file, and the name it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// As the path within a folder would be, `/`-separated.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// A file that was found, or given.
pub(crate) struct Listed {
    pub file: NamedFile,
    /// Whether the name is the path within a folder, so that its ending tells images from other files.
    pub is_of_folder: bool,
    /// Whether the name is what the file system says, or as near as text comes to it.
    pub is_name_utf8: bool,
}

impl PhotoSource {
    /// The folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Files(_) => None,
        }
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Files(files) => format!("{} files", files.len()),
        }
    }

    /// All files in the order of their names as paths, which decides the photos' ids.
    pub(crate) fn list(&self) -> Result<Vec<Listed>, PipelineError> {
        match self {
            Self::Folder(folder) => {
                Ok(list_files(folder)?.iter().map(|relative| of_folder(folder, relative)).collect())
            }
            Self::Files(files) => in_order(files),
        }
    }
}

impl From<&Path> for PhotoSource {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

fn of_folder(folder: &Path, relative: &Path) -> Listed {
    let name = relative.to_string_lossy().replace('\\', "/");
    let file = NamedFile { name, path: folder.join(relative) };
    Listed { file, is_of_folder: true, is_name_utf8: relative.to_str().is_some() }
}

fn list_files(folder: &Path) -> Result<BTreeSet<PathBuf>, PipelineError> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let unreadable = |error| PipelineError::ReadFolder { folder: folder.join(&relative), source: error };
        for entry in fs::read_dir(folder.join(&relative)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = relative.join(entry.file_name());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            // follows links, as users link photo folders together; a broken link is reported as unreadable
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_dir() => folders.push(path),
                _ => drop(files.insert(path)),
            }
        }
    }
    Ok(files)
}

fn in_order(files: &[NamedFile]) -> Result<Vec<Listed>, PipelineError> {
    let mut files: Vec<&NamedFile> = files.iter().collect();
    // folder by folder, as paths are ordered: `a/b` before `a-b`
    files.sort_by(|a, b| Path::new(&a.name).cmp(Path::new(&b.name)).then_with(|| a.name.cmp(&b.name)));
    if let Some(twins) = files.windows(2).find(|twins| twins[0].name == twins[1].name) {
        return Err(PipelineError::RepeatedName(twins[0].name.clone()));
    }
    let listed = |file: &NamedFile| Listed { file: file.clone(), is_of_folder: false, is_name_utf8: true };
    Ok(files.into_iter().map(listed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = ["b.jpg", "a/b.jpg", "a-b.jpg", "a/B.jpg", "a/c/d.jpg", "a.jpg", "ä.jpg"];

    fn files(names: &[&str]) -> PhotoSource {
        let file = |(index, name): (usize, &&str)| NamedFile {
            name: (*name).to_owned(),
            path: PathBuf::from(format!("/blobs/{index}")),
        };
        PhotoSource::Files(names.iter().enumerate().map(file).collect())
    }

    fn names(source: &PhotoSource) -> Vec<String> {
        source.list().unwrap().into_iter().map(|listed| listed.file.name).collect()
    }

    #[test]
    fn files_are_in_the_order_of_a_folder_with_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in NAMES {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let of_folder = names(&PhotoSource::from(folder.path()));
        assert_eq!(names(&files(&NAMES)), of_folder);
        assert_eq!(of_folder[0], "a/B.jpg");
    }

    #[test]
    fn a_name_is_a_label_and_never_a_path() {
        let listed = files(&["../../etc/passwd", "/etc/passwd"]).list().unwrap();
        assert!(listed.iter().all(|listed| listed.file.path.starts_with("/blobs")));
    }

    #[test]
    fn a_name_that_two_files_have_is_told() {
        let error = files(&["a.jpg", "b.jpg", "a.jpg"]).list().err().unwrap();
        assert!(matches!(error, PipelineError::RepeatedName(name) if name == "a.jpg"));
    }
}
