//! Chosen members of a wheel or zip file into a folder, each written whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::{FetchError, Result};

/// Writes every member for which `place` names a path below `into`; members that are already there in full stay unless
/// `force`. Returns the paths of all placed members.
///
/// # Errors
/// [`FetchError::Archive`] if it can't be read, points outside of the folder or has none of the members;
/// [`FetchError::Io`] if one can't be written.
pub fn extract(
    archive: &Path,
    into: &Path,
    force: bool,
    place: impl Fn(&str) -> Option<String>,
) -> Result<Vec<PathBuf>> {
    let file = File::open(archive).map_err(FetchError::io("read", archive))?;
    let unreadable = |error: zip::result::ZipError| FetchError::archive(archive, error.to_string());
    let mut zip = ZipArchive::new(io::BufReader::new(file)).map_err(unreadable)?;
    let mut placed = Vec::new();
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).map_err(unreadable)?;
        let Some(target) = member.is_file().then(|| place(member.name())).flatten() else { continue };
        let target = into.join(inside(archive, &target)?);
        if force || !has_size(&target, member.size()) {
            write_whole(&mut member, &target).map_err(FetchError::io("write", &target))?;
        }
        placed.push(target);
    }
    if placed.is_empty() {
        return Err(FetchError::archive(archive, "it has none of the files looked for"));
    }
    Ok(placed)
}

/// A relative path without `..`: an archive must not write elsewhere.
fn inside<'a>(archive: &Path, name: &'a str) -> Result<&'a Path> {
    let path = Path::new(name);
    let is_inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !is_inside {
        return Err(FetchError::archive(archive, format!("member `{name}` points outside of the folder")));
    }
    Ok(path)
}

/// Complete, because members are renamed into place only when they are written to their end.
fn has_size(path: &Path, size_bytes: u64) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == size_bytes)
}

/// By rename, so that a kill leaves no half file and programs that have the old one mapped live on.
fn write_whole(member: &mut ZipFile<'_>, target: &Path) -> io::Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    io::copy(member, &mut File::create(&partial)?)?;
    fs::rename(&partial, target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn archive_of(members: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut zip = zip::ZipWriter::new(file.reopen().unwrap());
        let deflated = zip::write::FileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        for (name, content) in members {
            zip.start_file(*name, deflated).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        file
    }

    #[test]
    fn only_chosen_members_are_written_under_their_new_names() {
        let wheel = archive_of(&[("torch/lib/libc10.so", "elf"), ("torch/__init__.py", "code")]);
        let into = tempfile::tempdir().unwrap();
        let place = |name: &str| name.strip_prefix("torch/lib/").map(|file| format!("lib/{file}"));
        let placed = extract(wheel.path(), into.path(), false, place).unwrap();
        assert_eq!(placed, [into.path().join("lib/libc10.so")]);
        assert_eq!(fs::read_to_string(&placed[0]).unwrap(), "elf");
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 1);
    }

    #[test]
    fn truncated_files_are_replaced_and_complete_ones_kept_unless_forced() {
        let wheel = archive_of(&[("a", "12345"), ("b", "12345")]);
        let into = tempfile::tempdir().unwrap();
        fs::write(into.path().join("a"), "123").unwrap();
        fs::write(into.path().join("b"), "abcde").unwrap();
        let content = |name: &str| fs::read_to_string(into.path().join(name)).unwrap();
        let place = |name: &str| Some(name.to_owned());
        extract(wheel.path(), into.path(), false, place).unwrap();
        assert_eq!((content("a").as_str(), content("b").as_str()), ("12345", "abcde"));
        extract(wheel.path(), into.path(), true, place).unwrap();
        assert_eq!(content("b"), "12345");
    }

    #[test]
    fn members_that_point_outside_are_refused() {
        let wheel = archive_of(&[("../evil", "x")]);
        let into = tempfile::tempdir().unwrap();
        let error = extract(wheel.path(), into.path(), false, |name| Some(name.to_owned())).unwrap_err();
        assert!(error.to_string().contains("../evil"), "{error}");
    }

    #[test]
    fn an_archive_without_the_files_is_an_error() {
        let wheel = archive_of(&[("a", "x")]);
        let into = tempfile::tempdir().unwrap();
        assert!(extract(wheel.path(), into.path(), false, |_| None).is_err());
    }
}
