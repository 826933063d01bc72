//! Finds the weight files a stage's config needs and checks that they are the ones meant.

mod install;
mod of_config;
mod record;
mod state;

use std::path::{Path, PathBuf};

use scene3d_abi::{Descriptor, ErrorCode, WeightSpec};
use serde_json::Value;

use crate::canonical::text_of;
use crate::plan::WeightFile;
use crate::problem::Problem;
use crate::stamp_cache::StampCache;

pub use install::{choose, install};
pub use of_config::of_config;
pub use record::{RECORD_FILE, Recorded, recorded_sha256};
pub use state::{Presence, State, presence};

/// The weights of a descriptor that a resolved config needs.
pub fn needed<'a>(descriptor: &'a Descriptor, config: &Value) -> impl Iterator<Item = &'a WeightSpec> {
    let is_needed = move |spec: &&WeightSpec| match &spec.when {
        None => true,
        Some(condition) => config.get(&condition.key).is_some_and(|value| text_of(value) == condition.value),
    };
    descriptor.weights.iter().filter(is_needed).collect::<Vec<_>>().into_iter()
}

/// The first file of that name, in the order of the directories, that has the right sha256.
///
/// # Errors
/// Where to get it and how to put it there, if it is missing; what to delete, if it is another file.
pub fn find(spec: &WeightSpec, directories: &[PathBuf], cache: &StampCache) -> Result<WeightFile, Problem> {
    let mut wrong = Vec::new();
    for path in directories.iter().map(|directory| directory.join(&spec.file)).filter(|path| path.is_file()) {
        match cache.sha256(&path) {
            Ok(sha256) if spec.sha256.is_empty() || spec.sha256.eq_ignore_ascii_case(&sha256) => {
                let (name, license) = (spec.name.clone(), spec.license.clone());
                return Ok(WeightFile { name, path, sha256, license });
            }
            Ok(sha256) => wrong.push(differs(spec, &path, &sha256)),
            Err(error) => wrong.push(Problem::new(ErrorCode::UNAVAILABLE, error.to_string())),
        }
    }
    Err(wrong.into_iter().next().unwrap_or_else(|| missing(spec, directories)))
}

fn differs(spec: &WeightSpec, path: &Path, sha256: &str) -> Problem {
    let message = format!(
        "weights `{}` are damaged or another file: {} has sha256 {sha256}, expected {}",
        spec.name,
        path.display(),
        spec.sha256
    );
    Problem::new(ErrorCode::INCOMPATIBLE, message).help(format!(
        "delete {} and fetch it again with `scene3d weights fetch {}`, or import your own with `scene3d weights import FILE --name {}`",
        path.display(),
        spec.name,
        spec.name
    ))
}

fn missing(spec: &WeightSpec, directories: &[PathBuf]) -> Problem {
    let message = format!("weights `{}` ({}) are missing: no file `{}`", spec.name, spec.license, spec.file);
    let mut help = vec![format!(
        "fetch them with `scene3d weights fetch {0}`, or import a file with `scene3d weights import FILE --name {0}`",
        spec.name
    )];
    help.extend(spec.sources.iter().map(|source| format!("they come from {source}")));
    let searched: Vec<String> = directories.iter().map(|directory| directory.display().to_string()).collect();
    help.push(format!("directories searched: {}", searched.join(", ")));
    Problem::new(ErrorCode::UNAVAILABLE, message).help(help.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// sha256 of `abc`, FIPS 180-4
    const SHA256_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn spec() -> WeightSpec {
        WeightSpec {
            name: "net".to_owned(),
            file: "net.pth".to_owned(),
            sha256: SHA256_ABC.to_owned(),
            license: "MIT".to_owned(),
            sources: vec!["pypi:nets==1.0/net.pth".to_owned()],
            when: None,
        }
    }

    #[test]
    fn a_right_file_behind_a_damaged_one_is_found() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(one.path().join("net.pth"), "ab").unwrap();
        let directories = [one.path().to_owned(), two.path().to_owned()];
        let problem = find(&spec(), &directories, &StampCache::default()).unwrap_err();
        assert!(problem.message.contains("are damaged or another file"), "{problem}");
        assert!(problem.message.contains(&format!("expected {SHA256_ABC}")), "{problem}");
        assert!(problem.help.starts_with("delete "), "{problem}");
        fs::write(two.path().join("net.pth"), "abc").unwrap();
        let found = find(&spec(), &directories, &StampCache::default()).unwrap();
        assert_eq!((found.path, found.sha256.as_str()), (two.path().join("net.pth"), SHA256_ABC));
    }

    #[test]
    fn missing_weights_say_where_they_come_from() {
        let problem = find(&spec(), &[PathBuf::from("/nowhere")], &StampCache::default()).unwrap_err();
        let expected = "weights `net` (MIT) are missing: no file `net.pth`\n    \
            help: fetch them with `scene3d weights fetch net`, or import a file with \
            `scene3d weights import FILE --name net`\n    \
            help: they come from pypi:nets==1.0/net.pth\n    help: directories searched: /nowhere";
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn weights_without_a_known_sha256_are_taken_as_they_are_and_recorded() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("net.pth"), "abc").unwrap();
        let spec = WeightSpec { sha256: String::new(), ..spec() };
        let found = find(&spec, &[folder.path().to_owned()], &StampCache::default()).unwrap();
        assert_eq!(found.sha256, SHA256_ABC);
    }
}
