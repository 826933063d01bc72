//! What Rust sources must say and must not: a first line with the file's idea, `unsafe` in few places, nothing left over.

use super::Failure;
use super::sources::Sources;

/// The boundary, and what lies on both sides of it.
const UNSAFE_ALLOWED: &[&str] = &[
    "core/abi/src/",
    "core/tensor/src/",
    "core/sdk/src/export.rs",
    "plugins/kernels/build/nvrtc.rs",
    "plugins/kernels/src/launch.rs",
    "plugins/kernels/src/table.rs",
    "host/engine/src/loader.rs",
    "host/engine/src/loader/",
    "host/engine/src/instance.rs",
    "host/engine/src/instance/",
    "host/python/src/capsule.rs",
];
const LEFT_OVER: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("db", "g!("), concat!("todo", "!("), "#[ignore"];
/// This file names the words it looks for.
const SELF: &str = "xtask/src/tidy/words.rs";

/// All sources; left-over words in scripts and documents too.
pub fn check(sources: &Sources) -> Vec<Failure> {
    let rust = sources.with_extension(&["rs"]).flat_map(|(path, text)| check_rust(path, text));
    let all = sources.with_extension(&["rs", "py", "js", "mjs", "ts", "tsx", "cpp", "cu", "cuh", "sh", "toml"]);
    rust.chain(all.flat_map(|(path, text)| left_over(path, text))).collect()
}

fn check_rust(path: &str, text: &str) -> Vec<Failure> {
    let mut failures = Vec::new();
    if !text.starts_with("//!") {
        failures.push(Failure::new(path, 1, "begin the file with a `//!` line that says its one idea"));
    }
    if UNSAFE_ALLOWED.iter().any(|allowed| path.starts_with(allowed)) || path == SELF {
        return failures;
    }
    let lines = text.lines().enumerate().filter(|(_, line)| has_unsafe(line));
    let message = "unsafe code is allowed in core/abi, core/tensor, sdk/export, plugins/kernels, engine/loader, engine/instance \
                   and host/python/src/capsule only";
    failures.extend(lines.map(|(index, _)| Failure::new(path, index + 1, message)));
    failures
}

/// The keyword outside of comments and string literals that stand on this line.
fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let code = code.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == "unsafe")
}

fn left_over(path: &str, text: &str) -> Vec<Failure> {
    let found = |line: &str| LEFT_OVER.iter().find(|word| line.contains(**word)).copied();
    let lines = text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, found(line)?)));
    let lines = lines.filter(|_| path != SELF);
    lines
        .map(|(line, word)| Failure::new(path, line, format!("`{word}` is left over: do it, or open an issue")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_found_outside_of_its_places_only() {
        let text = "//! Idea.\n// unsafe here\nlet x = \"unsafe\";\nlet unsafe_code = unsafe { f() };\n";
        assert_eq!(
            check_rust("host/cli/src/main.rs", text).iter().map(|failure| failure.line).collect::<Vec<_>>(),
            [4]
        );
        assert!(check_rust("core/tensor/src/tensor.rs", text).is_empty());
    }

    #[test]
    fn files_begin_with_their_idea() {
        assert_eq!(check_rust("a.rs", "fn main() {}\n").len(), 1);
    }

    #[test]
    fn left_over_words_are_found_in_scripts_too() {
        let text = format!("x = 1\n# {} later\n", LEFT_OVER[0]);
        let sources = Sources::of(&[("a.py", &text), ("b.txt", &text)]);
        assert_eq!(check(&sources).len(), 1);
    }
}
