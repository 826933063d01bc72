//! Configs that come from users: they may choose what is computed, never which files of the host are read or run.

use std::path::PathBuf;

use scene3d_engine::config::Origin;
use scene3d_engine::{ErrorCode, Negotiated, Problem, Problems, RawConfig, Registry, negotiate};
use serde_json::Value;

/// A plugin's schema says so of a key that names a file or a program of the host.
const HOST_ONLY: &str = "x-host-only";

/// A config and how messages call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserConfig {
    /// Name of a config of `jobs.config_dirs`, or `config` for one that was sent.
    pub name: String,
    /// The config.
    pub toml: String,
}

impl UserConfig {
    /// One that was sent.
    #[must_use]
    pub fn sent(toml: String) -> Self {
        Self { name: "config".to_owned(), toml }
    }

    /// # Errors
    /// Every place where it is no TOML, or names what only the host's operator may.
    pub fn read(&self, registry: &Registry) -> Result<RawConfig, Problems> {
        let raw = RawConfig::parse(&self.toml, &self.name)?;
        check_user_config(&raw, registry)?;
        Ok(raw)
    }
}

/// Resolves a config of a user against the plugins and weights there are; weights may have to be hashed, which takes time.
///
/// # Errors
/// All problems at once.
pub fn negotiate_user_config(
    config: &UserConfig,
    registry: &Registry,
    weights_dirs: &[PathBuf],
) -> Result<Negotiated, Problems> {
    negotiate(&config.read(registry)?, registry, weights_dirs)
}

/// Refuses folders of plugins and weights, and whatever plugins declare to be the host's: programs that they start.
///
/// # Errors
/// Each of these keys with its place.
pub fn check_user_config(raw: &RawConfig, registry: &Registry) -> Result<(), Problems> {
    let written = raw.to_json();
    let mut paths: Vec<String> = ["pipeline.plugin_dirs", "pipeline.weights_dirs"].map(str::to_owned).into();
    for (path, stage) in stages(&written) {
        let keys = host_only_keys(stage, registry);
        paths.extend(keys.iter().map(|key| format!("{path}.{key}")));
    }
    let refused = |path: &String| raw.origin_of(path).map(|origin| refusal(path, origin));
    let mut problems: Vec<Problem> = paths.iter().filter_map(refused).collect();
    problems.extend(too_many_threads(raw, &written));
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

/// Problems as their user may read them: where things are on the host is not his to know.
#[must_use]
pub fn user_errors(problems: &Problems, registry: &Registry, weights_dirs: &[PathBuf]) -> Vec<String> {
    let folders: Vec<String> =
        registry.searched().iter().chain(weights_dirs).map(|folder| folder.display().to_string()).collect();
    let without_folders = |problem: &Problem| {
        let text = problem.to_string();
        let lines = text.lines().filter(|line| !line.contains("directories searched: "));
        let text = lines.collect::<Vec<_>>().join("\n");
        folders.iter().fold(text, |text, folder| text.replace(folder.as_str(), "…"))
    };
    problems.0.iter().map(without_folders).collect()
}

/// Every table that names a plugin, with its path.
fn stages(written: &Value) -> Vec<(String, &Value)> {
    let features = written["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut stages = vec![("mapper".to_owned(), &written["mapper"])];
    for (index, entry) in features.iter().enumerate() {
        stages.extend(["extractor", "matcher"].map(|stage| (format!("features.{index}.{stage}"), &entry[stage])));
    }
    stages
}

/// A plugin that there is not, negotiation will report.
fn host_only_keys(stage: &Value, registry: &Registry) -> Vec<String> {
    let descriptor = stage["plugin"].as_str().and_then(|id| registry.descriptor(id).ok());
    let properties = descriptor.as_ref().and_then(|descriptor| descriptor.config_schema["properties"].as_object());
    let is_of_host = |(_, schema): &(&String, &Value)| schema[HOST_ONLY] == Value::Bool(true);
    properties.into_iter().flatten().filter(is_of_host).map(|(key, _)| key.clone()).collect()
}

fn refusal(path: &str, origin: &Origin) -> Problem {
    let message = format!("`{path}` names files of the server, which a config of a user may not");
    Problem::new(ErrorCode::INVALID_CONFIG, message).at(origin).help("leave the key out")
}

/// A pool of any size would be made.
fn too_many_threads(raw: &RawConfig, written: &Value) -> Option<Problem> {
    let num_cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let asked = written["pipeline"]["threads"].as_u64().filter(|asked| *asked > num_cores)?;
    let message = format!("`pipeline.threads`: expected at most the server's {num_cores} cores, got {asked}");
    let origin = raw.origin_of("pipeline.threads")?;
    Some(Problem::new(ErrorCode::INVALID_CONFIG, message).at(origin).help("leave the key out to use all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(toml: &str) -> Vec<String> {
        let refused = UserConfig::sent(toml.to_owned()).read(&Registry::default());
        refused.err().map(|problems| problems.0.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }

    #[test]
    fn folders_of_the_host_are_refused_at_their_place() {
        let refused = problems("[pipeline]\nseed = 1\nplugin_dirs = []\nweights_dirs = [\"/etc\"]\n");
        assert!(refused[0].starts_with("config:3:1: `pipeline.plugin_dirs` names files of the server"), "{refused:?}");
        assert!(refused[1].starts_with("config:4:1: `pipeline.weights_dirs`"), "{refused:?}");
        assert_eq!(problems("[pipeline]\nseed = 1\n"), Vec::<String>::new());
    }

    #[test]
    fn more_threads_than_cores_are_refused() {
        assert!(problems("[pipeline]\nthreads = 4000000000\n")[0].contains("at most the server's"));
        assert_eq!(problems("[pipeline]\nthreads = 1\n"), Vec::<String>::new());
    }

    #[test]
    fn users_are_not_told_where_things_are() {
        let problem =
            Problem::new(ErrorCode::NOT_FOUND, "no `/srv/w/net.pth`").help("go on\ndirectories searched: /srv/w");
        let errors = user_errors(&problem.into(), &Registry::default(), &["/srv/w".into()]);
        assert_eq!(errors, ["no `…/net.pth`\n    help: go on"]);
    }
}
