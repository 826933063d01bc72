//! A file in `configs/` is named by the stages it wires: `extractor+matcher.toml`.

use serde::Deserialize;

use super::Failure;
use super::sources::Sources;

#[derive(Deserialize)]
struct Config {
    features: Vec<Features>,
}

#[derive(Deserialize)]
struct Features {
    extractor: Stage,
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
    let pair = |features: &Features| format!("{}+{}", features.extractor.plugin, features.matcher.plugin);
    let expected = config.features.iter().map(pair).collect::<Vec<_>>().join("+");
    let name = path.strip_prefix("configs/").and_then(|file| file.strip_suffix(".toml")).unwrap_or(path);
    (name != expected).then(|| format!("is named `{name}`, expected `{expected}` after its stages: rename it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_stages() {
        let text = "[[features]]\nextractor = { plugin = \"aliked\" }\nmatcher = { plugin = \"nearest\" }\n";
        let sources = Sources::of(&[
            ("configs/aliked+nearest.toml", text),
            ("configs/fast.toml", text),
            ("configs/broken.toml", "x ="),
            ("other/fast.toml", text),
        ]);
        let files: Vec<_> = check(&sources).into_iter().map(|failure| failure.file).collect();
        assert_eq!(files, ["configs/broken.toml", "configs/fast.toml"]);
    }
}
