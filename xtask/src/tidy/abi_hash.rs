//! The frozen boundary: its files have the hashes written in `docs/abi.md`, so that no change goes in by accident.

use scene3d_fetch::sha256;

use super::Failure;
use super::sources::Sources;

const DOCUMENT: &str = "docs/abi.md";
const FILES: [&str; 3] = ["core/abi/src/lib.rs", "core/abi/src/ext.rs", "core/abi/src/descriptor.rs"];

/// A row `| path | sha256 |` of the document for every file.
pub fn check(sources: &Sources) -> Vec<Failure> {
    let Some(document) = sources.text(DOCUMENT) else {
        return vec![Failure::new(
            DOCUMENT,
            1,
            "does not exist: describe the plugin ABI and write the hashes of its files",
        )];
    };
    FILES.iter().filter_map(|file| check_file(file, document, sources)).collect()
}

fn check_file(file: &str, document: &str, sources: &Sources) -> Option<Failure> {
    let got = sha256::of_bytes(sources.text(file)?.as_bytes());
    let row = document.lines().enumerate().find(|(_, line)| line.starts_with('|') && line.contains(file));
    let (line, row) = row.map_or((1, ""), |(index, row)| (index + 1, row));
    let message = format!(
        "{file} has sha256 {got}, which is not what stands here. the boundary is frozen within a major: was the change \
         meant? then follow \"Versions\" in this document and write the new hash"
    );
    (!row.contains(&got)).then(|| Failure::new(DOCUMENT, line, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_needs_its_hash_in_the_document() {
        let row = |file: &str, text: &str| format!("| `{file}` | `{}` |\n", sha256::of_bytes(text.as_bytes()));
        let document = format!("# ABI\n{}{}{}", row(FILES[0], "a"), row(FILES[1], "b"), row(FILES[2], "other"));
        let sources = Sources::of(&[(FILES[0], "a"), (FILES[1], "b"), (FILES[2], "c"), (DOCUMENT, &document)]);
        let failures = check(&sources);
        assert_eq!(failures.len(), 1);
        assert_eq!((failures[0].file.as_str(), failures[0].line), (DOCUMENT, 4));
        assert!(failures[0].message.contains(&sha256::of_bytes(b"c")));
    }

    #[test]
    fn a_missing_document_is_a_failure() {
        assert_eq!(check(&Sources::default()).len(), 1);
    }
}
