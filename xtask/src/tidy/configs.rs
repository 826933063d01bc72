//! A file in `configs/` is named by the stages it wires: `extractor+matcher.toml`, or where several entries work together
//! their matchers and then their extractors, each once.

use serde::Deserialize;

use super::Failure;
use super::sources::Sources;

#[derive(Deserialize)]
struct Config {
    features: Vec<Features>,
}

#[derive(Deserialize)]
struct Features {
    extractor: Option<Stage>,
    matcher: Stage,
}

#[derive(Deserialize)]
struct Stage {
    plugin: String,
}

/// Names against contents.
pub fn check(sources: &Sources) -> Vec<Failure> {
    let configs = sources.with_extension(&["toml"]).filter(|(path, _)| path.starts_with("configs/"));
    configs.filter_map(|(path, text)| Some(Failure::new(path, 1, problem_of(path, text)?))).collect()
}

fn problem_of(path: &str, text: &str) -> Option<String> {
    let config: Config = match toml::from_str(text) {
        Ok(config) => config,
        Err(error) => return Some(format!("cannot read its features: {}", error.message())),
    };
    let expected = expected_name(&config.features);
    let name = path.strip_prefix("configs/").and_then(|file| file.strip_suffix(".toml")).unwrap_or(path);
    (name != expected).then(|| format!("is named `{name}`, expected `{expected}` after its stages: rename it"))
}

fn expected_name(features: &[Features]) -> String {
    let extractors = features.iter().flat_map(|entry| &entry.extractor).map(|extractor| &extractor.plugin);
    let matchers = features.iter().map(|entry| &entry.matcher.plugin);
    let stages: Vec<&String> = match features.len() {
        1 => extractors.chain(matchers).collect(),
        _ => matchers.chain(extractors).collect(),
    };
    let mut distinct: Vec<&str> = Vec::new();
    for stage in stages {
        if !distinct.contains(&stage.as_str()) {
            distinct.push(stage);
        }
    }
    distinct.join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_stages() {
        let text = "[[features]]\nextractor = { plugin = \"aliked\" }\nmatcher = { plugin = \"nearest\" }\n";
        let two = format!("{text}{}", text.replace("aliked", "superpoint"));
        let sources = Sources::of(&[
            ("configs/aliked+nearest.toml", text),
            ("configs/nearest+aliked+superpoint.toml", &two),
            ("configs/aliked+nearest+superpoint.toml", &two),
            ("configs/fast.toml", text),
            ("configs/broken.toml", "x ="),
            ("other/fast.toml", text),
        ]);
        let files: Vec<_> = check(&sources).into_iter().map(|failure| failure.file).collect();
        assert_eq!(files, ["configs/aliked+nearest+superpoint.toml", "configs/broken.toml", "configs/fast.toml"]);
    }
}
