//! Names of images: labels that people gave them, checked as if they were paths though they never become part of one.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

use super::refusal::{Refusal, RefusalCode};

const MAX_NAME_BYTES: usize = 1024;
const MAX_PART_BYTES: usize = 255;

/// Endings of the files that are taken as images, as the pipeline takes them.
pub const IMAGE_ENDINGS: [&str; 9] = ["jpg", "jpeg", "png", "tif", "tiff", "webp", "bmp", "jpe", "jfif"];
const ARCHIVE_ENDINGS: [&str; 16] =
    ["zip", "zipx", "jar", "apk", "tar", "gz", "tgz", "bz2", "tbz2", "xz", "txz", "zst", "7z", "rar", "cab", "iso"];

/// What a name promises of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// An image.
    Image,
    /// Files within a file.
    Archive,
    /// A file that lies beside images on some systems, or is no image.
    Other,
}

/// A relative name with `/` between its parts.
///
/// # Errors
/// [`RefusalCode::UnsafeName`] with what is wrong.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > MAX_NAME_BYTES {
        "is longer than 1024 bytes"
    } else if name.contains('\\') {
        "has a backslash"
    } else if name.starts_with('/') {
        "is absolute"
    } else if name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic() {
        "starts with a drive letter"
    } else if name.chars().any(char::is_control) {
        "has control characters"
    } else if name.split('/').any(|part| part == "..") {
        "leads out of its folder"
    } else if name.split('/').any(|part| part.is_empty() || part == ".") {
        "has an empty part"
    } else if name.split('/').any(|part| part.len() > MAX_PART_BYTES) {
        "has a part of more than 255 bytes"
    } else {
        return Ok(());
    };
    Err(Refusal::of_entry(RefusalCode::UnsafeName, name, wrong))
}

/// What a name promises; hidden files and `__MACOSX` are never images, whatever their ending.
#[must_use]
pub fn kind_of(name: &str) -> NameKind {
    if name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX") {
        return NameKind::Other;
    }
    let ending =
        name.rsplit('/').next().and_then(|file| file.rsplit_once('.')).map(|(_, ending)| ending.to_lowercase());
    match ending.as_deref() {
        Some(ending) if IMAGE_ENDINGS.contains(&ending) => NameKind::Image,
        Some(ending) if ARCHIVE_ENDINGS.contains(&ending) => NameKind::Archive,
        _ => NameKind::Other,
    }
}

/// Names in use, compared as the pickiest systems do: without case, after normalisation to NFC, and a file can't be a
/// folder too.
#[derive(Debug, Default)]
pub struct NamesInUse {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl NamesInUse {
    /// Takes a checked name.
    ///
    /// # Errors
    /// [`RefusalCode::DuplicateName`] if it is in use.
    pub fn take(&mut self, name: &str) -> Result<(), Refusal> {
        let duplicate = |what| Refusal::of_entry(RefusalCode::DuplicateName, name, what);
        let key = alike(name);
        let mut parent = key.as_str();
        while let Some((above, _)) = parent.rsplit_once('/') {
            if self.files.contains(above) {
                return Err(duplicate("is in a folder that is a file, too"));
            }
            if !self.folders.insert(above.to_owned()) {
                break; // so are those above it
            }
            parent = above;
        }
        if self.folders.contains(&key) {
            return Err(duplicate("is a file and a folder"));
        }
        if self.files.insert(key) { Ok(()) } else { Err(duplicate("is there twice")) }
    }
}

fn alike(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let long = "a/".repeat(600) + "b";
        let wide = "a".repeat(256);
        for (name, why) in [
            ("../a.jpg", "leads out"),
            ("a/../b.jpg", "leads out"),
            ("/a.jpg", "absolute"),
            ("C:/a.jpg", "drive"),
            ("c:a.jpg", "drive"),
            ("a\\b.jpg", "backslash"),
            ("a\0.jpg", "control"),
            ("a//b.jpg", "empty part"),
            ("./a.jpg", "empty part"),
            ("a/", "empty part"),
            ("", "empty"),
            (&long, "1024"),
            (&wide, "255"),
        ] {
            let refusal = check_name(name).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::UnsafeName);
            assert!(refusal.detail.contains(why), "{name:?}: {}", refusal.detail);
        }
        for name in ["a.jpg", "Küche/IMG 1.JPG", "a/b/c..d.png", "…/x.jpg"] {
            check_name(name).unwrap();
        }
    }

    #[test]
    fn names_that_some_system_takes_for_one_are_duplicates() {
        let twice = |first: &str, second: &str| {
            let mut names = NamesInUse::default();
            names.take(first).unwrap();
            names.take(second).map_err(|refusal| refusal.code)
        };
        for (first, second) in [
            ("a.jpg", "a.jpg"),
            ("a.jpg", "A.JPG"),
            ("caf\u{e9}.jpg", "cafe\u{301}.jpg"),
            ("a", "a/b"),
            ("x/a/b", "X/a"),
        ] {
            assert_eq!(twice(first, second), Err(RefusalCode::DuplicateName), "{first} {second}");
        }
        assert_eq!(twice("a/b.jpg", "a/c.jpg"), Ok(()));
        assert_eq!(twice("a/b.jpg", "ab.jpg"), Ok(()));
    }

    #[test]
    fn endings_tell_images_archives_and_the_rest() {
        for (name, kind) in [
            ("a/b.JPG", NameKind::Image),
            ("b.tar.gz", NameKind::Archive),
            ("__MACOSX/._b.jpg", NameKind::Other),
            ("x/.hidden.jpg", NameKind::Other),
            ("notes.txt", NameKind::Other),
            ("a.jpg/readme", NameKind::Other),
        ] {
            assert_eq!(kind_of(name), kind, "{name}");
        }
    }
}
