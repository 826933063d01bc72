//! Which licences run without being asked for.

/// Permissive licences, as SPDX ids: use of any kind, with at most a notice kept.
pub const PERMISSIVE: [&str; 9] =
    ["Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "CC0-1.0", "Unlicense", "CC-BY-4.0"];

/// Whether an SPDX expression may be used: every part joined by `AND`, any part joined by `OR`.
#[must_use]
pub fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    expression.split(" OR ").any(|any| {
        any.split(" AND ").all(|id| {
            let id = id.trim().trim_matches(['(', ')']);
            PERMISSIVE.contains(&id) || allowed.iter().any(|allowed| allowed == id || allowed == expression)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_permissive_licences_run_unasked() {
        let research = "CC-BY-NC-SA-4.0".to_owned();
        assert!(is_allowed("MIT OR Apache-2.0", &[]));
        assert!(is_allowed("BSD-3-Clause AND MIT", &[]));
        assert!(is_allowed("GPL-3.0-only OR MIT", &[]));
        assert!(!is_allowed("GPL-3.0-only AND MIT", &[]));
        assert!(!is_allowed(&research, &[]));
        assert!(!is_allowed("", &[]));
        assert!(is_allowed(&research, std::slice::from_ref(&research)));
        assert!(!is_allowed("LicenseRef-other", &[research]));
    }
}
