//! The plugins of this checkout, and their staging: `target/release/plugins/<id>/{plugin.toml, library}`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scene3d_fetch::sha256;
use serde::Deserialize;

use crate::workspace::Workspace;

/// A plugin crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// Id, from `plugin.toml`.
    pub id: String,
    /// Name of its crate.
    pub package: String,
    /// File name of its library on this system.
    pub library: String,
    /// Its `plugin.toml`.
    pub manifest: PathBuf,
}

#[derive(Deserialize)]
struct PluginToml {
    id: String,
    library: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct CargoToml {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// Every `plugins/*/*/plugin.toml`, sorted by id.
pub fn find(workspace: &Workspace) -> Result<Vec<Plugin>> {
    let mut plugins = Vec::new();
    for kind in folders(&workspace.root.join("plugins"))? {
        for folder in folders(&kind)?.into_iter().filter(|folder| folder.join("plugin.toml").is_file()) {
            plugins.push(read(&folder)?);
        }
    }
    plugins.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(plugins)
}

/// Copies the built library and manifest to where the host looks for them. Later builds overwrite the library in
/// `target/release` with one that exports nothing; the copy stays.
pub fn stage(plugin: &Plugin, release_dir: &Path) -> Result<()> {
    let folder = release_dir.join("plugins").join(&plugin.id);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    copy_if_changed(&release_dir.join(&plugin.library), &folder.join(&plugin.library))?;
    copy_if_changed(&plugin.manifest, &folder.join("plugin.toml"))
}

fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(parent).with_context(|| format!("cannot list {}", parent.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn read(folder: &Path) -> Result<Plugin> {
    let manifest = folder.join("plugin.toml");
    let PluginToml { id, mut library } = parse(&manifest)?;
    let os = std::env::consts::OS;
    let library = library.remove(os).with_context(|| format!("{} names no library for {os}", manifest.display()))?;
    let cargo: CargoToml = parse(&folder.join("Cargo.toml"))?;
    Ok(Plugin { id, package: cargo.package.name, library, manifest })
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))
}

/// By rename: a host that has the old library loaded keeps it, and none ever sees half a file.
fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    if to.is_file() && sha256::of_file(from)? == sha256::of_file(to)? {
        return Ok(());
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    fs::copy(from, &partial)
        .and_then(|_| fs::rename(&partial, to))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_found_and_staged_under_their_ids() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("plugins/matchers/nearest");
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(root.path().join("plugins/torch/src")).unwrap();
        let os = std::env::consts::OS;
        fs::write(folder.join("plugin.toml"), format!("id = \"nn\"\n[library]\n{os} = \"lib.so\"\n")).unwrap();
        fs::write(folder.join("Cargo.toml"), "[package]\nname = \"scene3d-nearest\"\n").unwrap();
        let plugins = find(&Workspace { root: root.path().to_path_buf() }).unwrap();
        assert_eq!((plugins[0].id.as_str(), plugins[0].package.as_str()), ("nn", "scene3d-nearest"));

        for content in ["first build", "second build"] {
            fs::write(root.path().join("lib.so"), content).unwrap();
            stage(&plugins[0], root.path()).unwrap();
            assert_eq!(fs::read_to_string(root.path().join("plugins/nn/lib.so")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(root.path().join("plugins/nn")).unwrap().count(), 2);
    }
}
