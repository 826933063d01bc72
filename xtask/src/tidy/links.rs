//! Links in Markdown: relative paths exist in the checkout, and anchors are headings of the file they point into.

use super::Failure;
use super::sources::Sources;

/// All dead relative links; links to the web are not followed.
pub fn check(sources: &Sources) -> Vec<Failure> {
    let files = sources.with_extension(&["md"]);
    files.flat_map(|(path, text)| check_file(path, text, sources)).collect()
}

fn check_file(path: &str, text: &str, sources: &Sources) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (line, prose) in prose_lines(text) {
        for target in targets(&prose) {
            if let Some(problem) = problem_of(path, target, sources) {
                failures.push(Failure::new(path, line, problem));
            }
        }
    }
    failures
}

/// Lines outside of code fences, numbered from 1, without inline code.
fn prose_lines(text: &str) -> Vec<(usize, String)> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push((index + 1, line.split('`').step_by(2).collect::<Vec<_>>().join("code")));
        }
    }
    lines
}

/// `target` of every `[text](target)`; a title behind it is dropped.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')?.0.split_whitespace().next())
}

fn problem_of(path: &str, target: &str, sources: &Sources) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let file = if file.is_empty() { path.to_owned() } else { resolve(folder, file) };
    if !sources.exists(&file) {
        return Some(format!("link to `{target}`: no {file} in the checkout; correct the path"));
    }
    let has_anchor = || sources.text(&file).is_some_and(|text| anchors(text).iter().any(|known| known == anchor));
    (!anchor.is_empty() && !has_anchor()).then(|| format!("link to `{target}`: {file} has no heading `#{anchor}`"))
}

/// Joins and folds `.` and `..`.
fn resolve(folder: &str, file: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Anchors as GitHub makes them of headings; equal ones get `-1`, `-2`.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        let Some(heading) =
            line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#') && !is_code)
        else {
            continue;
        };
        let slug = slug(heading.trim());
        let num_equal =
            anchors.iter().filter(|known| **known == slug || known.starts_with(&format!("{slug}-"))).count();
        anchors.push(if anchors.contains(&slug) { format!("{slug}-{num_equal}") } else { slug });
    }
    anchors
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_links(text: &str) -> Vec<usize> {
        let sources = Sources::of(&[("docs/abi.md", text), ("README.md", "# Set-up in 2 commands\n# Same\n# Same\n")]);
        check(&sources).iter().map(|failure| failure.line).collect()
    }

    #[test]
    fn live_links_pass() {
        let text = "# Facts\n[a](../README.md) [b](#facts) [c](https://x.org/y) [d](../README.md#set-up-in-2-commands \"t\")\n\
                    [e](.) [f](../docs/) [g](../README.md#same-1)\n";
        assert_eq!(check_links(text), [0; 0]);
    }

    #[test]
    fn dead_paths_and_anchors_are_named_with_their_line() {
        assert_eq!(
            check_links("\n[a](missing.md)\n[b](#nothing) ![c](../x.png)\n[d](../README.md#same-2)\n"),
            [2, 3, 3, 4]
        );
    }

    #[test]
    fn code_is_not_read() {
        assert_eq!(check_links("```\n[a](missing.md)\n```\n`[b](missing.md)` and v[i](x)"), [4]);
        assert_eq!(check_links("`v[i](missing)`\n"), [0; 0]);
    }
}
