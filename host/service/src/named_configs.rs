//! The configs that users may name: the `*.toml` of `jobs.config_dirs`.

use std::path::{Path, PathBuf};

use scene3d_engine::Registry;

use crate::user_config::UserConfig;

/// Every config that may be named, by name; of two of one name, that of the earlier folder. One that could not have been
/// sent by a user is left out, with a line in the log: a server has one place for its plugins and weights, its environment.
#[must_use]
pub fn named_configs(config_dirs: &[PathBuf], registry: &Registry) -> Vec<UserConfig> {
    let mut configs: Vec<UserConfig> = Vec::new();
    for file in config_dirs.iter().flat_map(|folder| toml_files(folder)) {
        match read(&file, registry) {
            Ok(config) if configs.iter().all(|known| known.name != config.name) => configs.push(config),
            Ok(_) => {}
            Err(reason) => tracing::warn!(file = %file.display(), reason, "a config can't be named by users"),
        }
    }
    configs.sort_by(|a, b| a.name.cmp(&b.name));
    configs
}

/// The config of that name; the name is compared and never becomes part of a path.
#[must_use]
pub fn named_config(config_dirs: &[PathBuf], registry: &Registry, name: &str) -> Option<UserConfig> {
    named_configs(config_dirs, registry).into_iter().find(|config| config.name == name)
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "toml")).collect()
}

fn read(file: &Path, registry: &Registry) -> Result<UserConfig, String> {
    let name = file.file_stem().and_then(|stem| stem.to_str()).ok_or("its name is no text")?.to_owned();
    let toml = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let config = UserConfig { name, toml };
    config.read(registry).map_err(|problems| problems.to_string())?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configs_are_found_by_name_and_those_with_folders_of_the_host_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, toml: &str| std::fs::write(folder.path().join(name), toml).unwrap();
        write("b.toml", "[pipeline]\nseed = 1\n");
        write("a+b.toml", "");
        write("host.toml", "[pipeline]\nweights_dirs = [\"w\"]\n");
        write("broken.toml", "[");
        write("readme.md", "");
        let dirs = [folder.path().to_owned()];
        let registry = Registry::default();
        let names: Vec<_> = named_configs(&dirs, &registry).into_iter().map(|config| config.name).collect();
        assert_eq!(names, ["a+b", "b"]);
        assert!(named_config(&dirs, &registry, "b").is_some());
        assert!(named_config(&dirs, &registry, "../b").is_none());
    }
}
