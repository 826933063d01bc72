//! Finds plugins: folders `<id>/plugin.toml` in the directories searched, without opening any library.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::{MANIFEST_FILE, Manifest};

/// What was found in the directories searched.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// Plugins by id; of several with one id, the first.
    pub found: BTreeMap<String, Found>,
    /// Plugins whose id was taken by one found earlier.
    pub shadowed: Vec<Found>,
    /// Folders with a manifest that can't be used.
    pub broken: Vec<Broken>,
    /// The directories, in order, whether they exist or not.
    pub searched: Vec<PathBuf>,
}

/// A plugin's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub folder: PathBuf,
    /// What its manifest says.
    pub manifest: Manifest,
}

/// A folder that holds no usable plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Where it lies.
    pub folder: PathBuf,
    /// Why it can't be used.
    pub reason: String,
}

impl Found {
    /// The library, as the manifest names it.
    #[must_use]
    pub fn library(&self) -> PathBuf {
        self.manifest.library_path(&self.folder)
    }
}

/// Reads the manifests of all plugins in the directories, in their order.
#[must_use]
pub fn discover(directories: &[PathBuf]) -> Discovery {
    let mut discovery = Discovery { searched: directories.to_vec(), ..Discovery::default() };
    for folder in directories.iter().flat_map(|directory| plugin_folders(directory)) {
        discovery.add(folder);
    }
    discovery
}

impl Discovery {
    fn add(&mut self, folder: PathBuf) {
        match read(&folder) {
            Err(reason) => self.broken.push(Broken { folder, reason }),
            Ok(manifest) => {
                let found = Found { folder, manifest };
                match self.found.get(&found.manifest.id) {
                    Some(earlier) if is_same(&earlier.folder, &found.folder) => {}
                    Some(_) => self.shadowed.push(found),
                    None => {
                        self.found.insert(found.manifest.id.clone(), found);
                    }
                }
            }
        }
    }
}

fn read(folder: &Path) -> Result<Manifest, String> {
    let manifest = Manifest::read(folder).map_err(|reason| format!("{MANIFEST_FILE} {reason}"))?;
    let library = manifest.library_path(folder);
    if library.is_file() { Ok(manifest) } else { Err(format!("its library {} does not exist", library.display())) }
}

fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Folders with a manifest, by name; a directory that can't be listed has none.
fn plugin_folders(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|p| p.join(MANIFEST_FILE).exists()).collect();
    folders.sort_unstable();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_plugin(directory: &Path, folder: &str, manifest: &str) {
        let folder = directory.join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(MANIFEST_FILE), manifest).unwrap();
        fs::write(folder.join("lib"), "").unwrap();
    }

    fn manifest(id: &str) -> String {
        let library = "[library]\nlinux = \"lib\"\nmacos = \"lib\"\nwindows = \"lib\"\n";
        format!("id = \"{id}\"\nkind = \"mapper\"\nversion = \"1\"\nlicense = \"MIT\"\nmin_abi = \"1.0\"\n{library}")
    }

    #[test]
    fn the_first_of_an_id_wins_and_the_rest_is_listed() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_plugin(one.path(), "a", &manifest("a"));
        write_plugin(two.path(), "a", &manifest("a"));
        write_plugin(two.path(), "b", &manifest("b"));
        write_plugin(two.path(), "c", "id = 1");
        write_plugin(two.path(), "d", &manifest("d").replace("\"lib\"", "\"gone\""));
        fs::create_dir(two.path().join("no-plugin")).unwrap();
        let directories = [one.path(), two.path(), Path::new("/nowhere"), one.path()].map(Path::to_owned);
        let discovery = discover(&directories);
        assert_eq!(discovery.found.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(discovery.found["a"].folder, one.path().join("a"));
        let shadowed: Vec<_> = discovery.shadowed.iter().map(|found| found.folder.clone()).collect();
        assert_eq!(shadowed, [two.path().join("a")]);
        let broken: Vec<_> = discovery.broken.iter().map(|broken| broken.folder.clone()).collect();
        assert_eq!(broken, [two.path().join("c"), two.path().join("d")]);
        assert!(discovery.broken[1].reason.contains("gone does not exist"));
        assert_eq!(discovery.searched, directories);
    }
}
