//! A file has one idea: long ones are split, or stand in `xtask/tidy-allow.toml` with the reason why not.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Failure;
use super::sources::Sources;

const MAX_LINES: usize = 400;
const EXTENSIONS: &[&str] = &["rs", "py", "js", "mjs", "ts", "tsx", "cpp", "cu", "cuh"];
const ALLOW_FILE: &str = "xtask/tidy-allow.toml";

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Allow {
    /// Path to reason.
    #[serde(default)]
    long_files: BTreeMap<String, String>,
}

/// Files over 400 lines, and entries of the allow list that are no longer needed or give no reason.
pub fn check(sources: &Sources) -> Result<Vec<Failure>> {
    let text = sources.text(ALLOW_FILE).unwrap_or_default();
    let allow: Allow = toml::from_str(text).with_context(|| format!("cannot parse {ALLOW_FILE}"))?;
    let long: BTreeMap<&str, usize> = sources
        .with_extension(EXTENSIONS)
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, num_lines)| *num_lines > MAX_LINES)
        .collect();
    let too_long = long.iter().filter(|(path, _)| !allow.long_files.contains_key(**path)).map(|(path, num_lines)| {
        let message = format!(
            "{num_lines} lines, expected at most {MAX_LINES}: split it by idea, or list it with a reason in {ALLOW_FILE}"
        );
        Failure::new(path, num_lines - 1, message)
    });
    let stale = allow.long_files.iter().filter(|(path, reason)| !long.contains_key(path.as_str()) || reason.is_empty());
    let stale = stale.map(|(path, _)| {
        let line = text.lines().position(|line| line.contains(path.as_str())).map_or(1, |index| index + 1);
        Failure::new(
            ALLOW_FILE,
            line,
            format!("`{path}` is short enough, gone, or has no reason: drop or complete the entry"),
        )
    });
    Ok(too_long.chain(stale).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_need_a_reason_and_reasons_need_a_long_file() {
        let long = "line\n".repeat(MAX_LINES + 1);
        let allow = "[long_files]\n\"b.rs\" = \"one table\"\n\"gone.rs\" = \"was long\"\n";
        let sources = Sources::of(&[("a.rs", &long), ("b.rs", &long), ("c.md", &long), (ALLOW_FILE, allow)]);
        let failures = check(&sources).unwrap();
        let places: Vec<_> = failures.iter().map(|failure| (failure.file.as_str(), failure.line)).collect();
        assert_eq!(places, [("a.rs", MAX_LINES), (ALLOW_FILE, 3)]);
    }
}
