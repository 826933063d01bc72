//! Folders in which plugins and weights are looked for, and where caches lie.

use std::env;
use std::path::{Path, PathBuf};

use crate::config::RawConfig;

/// Path list of folders with plugins, searched first.
pub const PLUGIN_PATH_VARIABLE: &str = "SCENE3D_PLUGIN_PATH";
/// Path list of folders with weights, searched first.
pub const WEIGHTS_VARIABLE: &str = "SCENE3D_WEIGHTS";
/// Folder of caches, instead of the user's.
pub const CACHE_VARIABLE: &str = "SCENE3D_CACHE";

/// Folders in which plugins and weights are looked for, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPaths {
    /// Each may hold `<id>/plugin.toml`.
    pub plugins: Vec<PathBuf>,
    /// Each may hold weight files.
    pub weights: Vec<PathBuf>,
}

impl SearchPaths {
    /// The environment's, the config's, those around the executable, and for weights the user's cache.
    #[must_use]
    pub fn new(config: &RawConfig) -> Self {
        let executable = env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
        Self::around(executable.as_deref(), config)
    }

    /// The environment's, the config's, those beside a library of ours in somebody else's program, and for weights the
    /// user's cache.
    #[must_use]
    pub fn beside(library_dir: &Path, config: &RawConfig) -> Self {
        Self::of(&[library_dir], config)
    }

    /// With folders that are searched before all others.
    #[must_use]
    pub fn after(mut self, plugins: &[PathBuf], weights: &[PathBuf]) -> Self {
        self.plugins.splice(..0, plugins.iter().cloned());
        self.weights.splice(..0, weights.iter().cloned());
        self
    }

    fn around(executable_dir: Option<&Path>, config: &RawConfig) -> Self {
        // tests run from target/<profile>/deps, one folder below the binaries
        let dirs: Vec<&Path> = executable_dir.into_iter().chain(executable_dir.and_then(Path::parent)).collect();
        Self::of(&dirs, config)
    }

    fn of(dirs: &[&Path], config: &RawConfig) -> Self {
        let mut plugins = path_list(PLUGIN_PATH_VARIABLE);
        plugins.extend(config.plugin_dirs());
        let mut weights = path_list(WEIGHTS_VARIABLE);
        weights.extend(config.weights_dirs());
        plugins.extend(dirs.iter().map(|dir| dir.join("plugins")));
        if let Some(dir) = dirs.first() {
            weights.push(dir.join("weights"));
            // a checkout keeps what `cargo xtask setup` fetched in .deps
            weights.extend(dir.ancestors().map(|dir| dir.join(".deps/weights")).filter(|dir| dir.is_dir()));
        }
        weights.extend(cache_dir().map(|dir| dir.join("weights")));
        Self { plugins, weights }
    }
}

fn path_list(variable: &str) -> Vec<PathBuf> {
    let list = env::var_os(variable).unwrap_or_default();
    env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// The user's folder for what can be fetched or computed again.
#[must_use]
pub fn cache_dir() -> Option<PathBuf> {
    let folder = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = folder(CACHE_VARIABLE) {
        return Some(dir);
    }
    let user = match env::consts::OS {
        "macos" => folder("HOME").map(|home| home.join("Library/Caches")),
        "windows" => folder("LOCALAPPDATA"),
        _ => folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache"))),
    };
    user.map(|dir| dir.join("scene3d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_searched_beside_and_after_what_the_caller_names() {
        let config = RawConfig::parse("", "p").unwrap();
        let beside = SearchPaths::beside(Path::new("/opt/site/scene3d"), &config);
        assert_eq!(beside.plugins.last(), Some(&PathBuf::from("/opt/site/scene3d/plugins")));
        assert!(!beside.plugins.contains(&PathBuf::from("/opt/site/plugins")));
        let paths = beside.after(&["mine".into()], &["w".into()]);
        assert_eq!((&paths.plugins[0], &paths.weights[0]), (&PathBuf::from("mine"), &PathBuf::from("w")));
    }

    #[test]
    fn the_config_is_searched_before_the_folders_around_the_executable() {
        let config = RawConfig::parse("[pipeline]\nplugin_dirs = [\"mine\"]\nweights_dirs = [\"w\"]\n", "p").unwrap();
        let paths = SearchPaths::around(Some(Path::new("/opt/bin/deps")), &config);
        let expected = ["mine", "/opt/bin/deps/plugins", "/opt/bin/plugins"].map(PathBuf::from);
        assert_eq!(paths.plugins[paths.plugins.len() - 3..], expected);
        let position = |name: &str| paths.weights.iter().position(|dir| dir == Path::new(name));
        assert!(position("w").unwrap() < position("/opt/bin/deps/weights").unwrap());
    }
}
