//! Puts a weight file that came from outside where plugins look for it, after checking that it is the one meant.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use scene3d_abi::{ErrorCode, WeightSpec};

use super::record::{Recorded, record};
use crate::config::nearest;
use crate::error::{EngineError, Result};
use crate::plan::WeightFile;
use crate::problem::Problem;
use crate::stamp_cache::StampCache;

/// Which of the weights a file is: the one of that name; without a name, the one of its sha256, else of its file name.
///
/// # Errors
/// The weights there are, if it is none of them.
pub fn choose<'a>(file: &Path, name: Option<&str>, known: &'a [WeightSpec]) -> Result<&'a WeightSpec> {
    let names = || known.iter().map(|spec| spec.name.as_str());
    if let Some(name) = name {
        return known.iter().find(|spec| spec.name == name).ok_or_else(|| {
            let message = format!("no plugin knows weights `{name}`, expected one of {}", joined(names()));
            let near = nearest(name, names()).map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            Problem::new(ErrorCode::NOT_FOUND, message).help(near).into()
        });
    }
    let sha256 = StampCache::default().sha256(file)?;
    let file_name = file.file_name().unwrap_or_default();
    let of_hash = known.iter().find(|spec| spec.sha256.eq_ignore_ascii_case(&sha256));
    of_hash.or_else(|| known.iter().find(|spec| file_name == spec.file.as_str())).ok_or_else(|| {
        let expected = known.iter().map(|spec| format!("{} ({})", spec.name, spec.file)).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{} is none of the weights that plugins know, by name or by sha256 {sha256}; expected one of {expected}",
            file.display()
        );
        Problem::new(ErrorCode::INVALID_INPUT, message).help("say which it is with --name").into()
    })
}

/// Copies a file into the folder under the name that plugins look for, and records what it is and where it came from.
///
/// # Errors
/// A wrong sha256, a file that is no weights, or one that can't be copied; then the folder is as it was.
pub fn install(spec: &WeightSpec, file: &Path, folder: &Path, home: &str) -> Result<WeightFile> {
    fs::create_dir_all(folder).map_err(EngineError::io("create", folder))?;
    // checked beside its target, so that a wrong file never stands where plugins look, and what was checked is what stays
    let staged = Staged(folder.join(format!(".{}.{}.importing", spec.file, std::process::id())));
    fs::copy(file, &staged.0).map_err(EngineError::io("copy", file))?;
    let sha256 = StampCache::default().sha256(&staged.0)?;
    check(spec, file, &staged.0, &sha256)?;
    let path = folder.join(&spec.file);
    let (name, license) = (spec.name.clone(), spec.license.clone());
    let row = Recorded { file: spec.file.clone(), sha256: sha256.clone(), license: license.clone(), home: home.into() };
    fs::rename(&staged.0, &path).map_err(EngineError::io("write", &path))?;
    record(folder, row)?;
    Ok(WeightFile { name, path, sha256, license })
}

/// Removed when dropped, unless it was renamed.
struct Staged(PathBuf);

impl Drop for Staged {
    fn drop(&mut self) {
        // after a rename there is nothing to remove
        let _ = fs::remove_file(&self.0);
    }
}

fn check(spec: &WeightSpec, file: &Path, staged: &Path, sha256: &str) -> Result<()> {
    let shown = file.display();
    if !spec.sha256.is_empty() && !spec.sha256.eq_ignore_ascii_case(sha256) {
        let message = format!(
            "{shown} is not the file of weights `{}`: it has sha256 {sha256}, expected {}",
            spec.name, spec.sha256
        );
        let help = spec.sources.iter().map(|source| format!("the file comes from {source}")).collect::<Vec<_>>();
        return Err(Problem::new(ErrorCode::INCOMPATIBLE, message).help(help.join("\n")).into());
    }
    if spec.sha256.is_empty() && !is_weights(staged)? {
        let message = format!(
            "{shown} is no file of weights `{}`: expected a .pth (zip) or .safetensors file, got something else",
            spec.name
        );
        let help = "perhaps a web page about the file was saved in its place";
        return Err(Problem::new(ErrorCode::INVALID_INPUT, message).help(help).into());
    }
    Ok(())
}

/// By its first bytes: a zip archive, or a length and a JSON object.
fn is_weights(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(9).read_to_end(&mut start));
    read.map_err(EngineError::io("read", path))?;
    Ok(matches!(start.as_slice(), [b'P', b'K', 3, 4, ..] | [_, _, _, _, _, _, _, 0, b'{']))
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{State, presence};

    /// sha256 of `abc`, FIPS 180-4
    const SHA256_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// Weights whose sha256 is known, and MASt3R's, whose is not.
    fn known() -> Vec<WeightSpec> {
        let spec = |name: &str, file: &str, sha256: &str, license: &str| WeightSpec {
            name: name.to_owned(),
            file: file.to_owned(),
            sha256: sha256.to_owned(),
            license: license.to_owned(),
            sources: vec!["https://example.org/net.pth".to_owned()],
            when: None,
        };
        let mast3r = "MASt3R_ViTLarge_BaseDecoder_512_catmlpdpt_metric.pth";
        vec![spec("net", "net.pth", SHA256_ABC, "MIT"), spec("mast3r-vitlarge-512", mast3r, "", "CC-BY-NC-SA-4.0")]
    }

    fn file(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn a_file_is_known_by_hash_then_by_name() {
        let (folder, known) = (tempfile::tempdir().unwrap(), known());
        let renamed = file(folder.path(), "download (1).pth", b"abc");
        assert_eq!(choose(&renamed, None, &known).unwrap().name, "net");
        let mast3r = file(folder.path(), &known[1].file, b"PK\x03\x04");
        assert_eq!(choose(&mast3r, None, &known).unwrap().name, "mast3r-vitlarge-512");
        assert_eq!(choose(&renamed, Some("mast3r-vitlarge-512"), &known).unwrap().file, known[1].file);
        let other = file(folder.path(), "other.pth", b"x");
        let error = choose(&other, None, &known).unwrap_err().to_string();
        assert!(error.contains("expected one of net (net.pth), mast3r-vitlarge-512 ("), "{error}");
        let error = choose(&other, Some("nett"), &known).unwrap_err().to_string();
        assert!(error.contains("did you mean `net`?"), "{error}");
    }

    #[test]
    fn only_the_right_file_is_installed() {
        let (folder, known) = (tempfile::tempdir().unwrap(), known());
        let weights = folder.path().join("weights");
        let wrong = file(folder.path(), "a.pth", b"abd");
        let error = install(&known[0], &wrong, &weights, "a.pth").unwrap_err().to_string();
        assert!(error.contains(&format!("expected {SHA256_ABC}")), "{error}");
        assert_eq!(fs::read_dir(&weights).unwrap().count(), 0);
        let right = file(folder.path(), "b.pth", b"abc");
        install(&known[0], &right, &weights, "b.pth").unwrap();
        let found = presence(&known[0], std::slice::from_ref(&weights), &StampCache::default()).unwrap();
        assert_eq!((found.state, found.size_bytes), (State::Verified, Some(3)));
        assert!(right.is_file());
    }

    #[test]
    fn a_file_of_unknown_hash_is_recorded_and_its_changes_found() {
        let (folder, known) = (tempfile::tempdir().unwrap(), known());
        let directories = [folder.path().join("weights")];
        let cache = StampCache::default();
        let page = file(folder.path(), "page.pth", b"<html>not found</html>");
        let error = install(&known[1], &page, &directories[0], "page").unwrap_err().to_string();
        assert!(error.contains("expected a .pth (zip) or .safetensors file"), "{error}");
        assert_eq!(presence(&known[1], &directories, &cache).unwrap().state, State::Missing);
        let pth = file(folder.path(), "mine.pth", b"PK\x03\x04 and so on");
        let installed = install(&known[1], &pth, &directories[0], "mine.pth").unwrap();
        let found = presence(&known[1], &directories, &cache).unwrap();
        assert_eq!((found.state, found.expected_sha256), (State::Recorded, Some(installed.sha256)));
        fs::write(&installed.path, b"PK\x03\x04 and another").unwrap();
        assert_eq!(presence(&known[1], &directories, &cache).unwrap().state, State::Wrong);
        fs::remove_file(directories[0].join("weights.json")).unwrap();
        assert_eq!(presence(&known[1], &directories, &cache).unwrap().state, State::Unrecorded);
    }
}
