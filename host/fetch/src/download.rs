//! Downloads into a folder: resumed where the last try stopped, kept only with the right hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::curl::{self, Head, bytes_of, shown};
use crate::lock::lock;
use crate::progress::megabytes;
use crate::{FetchError, Network, Result, sha256};

/// How often a try may end without a byte more before it is given up.
const MAX_IDLE_TRIES: u32 = 3;
/// Of a source that may well be out of reach and has an alternative.
const OPTIONAL_IDLE_TRIES: u32 = 1;
/// curl's exit codes for "cannot resume": the server ignores ranges, or the part is longer than the file.
const CANNOT_RESUME: [i32; 2] = [33, 36];
/// curl's exit code for an answer of 400 or more.
const REFUSED: i32 = 22;

/// What to download.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// For people.
    pub what: &'a str,
    /// http(s) or file.
    pub url: &'a str,
    /// Name in the folder.
    pub file: &'a str,
    /// Lower-case hex, if known.
    pub sha256: Option<&'a str>,
    /// Whether there is another way: then it is given up at the first failure.
    pub optional: bool,
}

/// Downloads into the folder unless the file is there; returns its path. Tells how far it is on stderr.
///
/// # Errors
/// [`FetchError`] of the last try; what was received stays as `FILE.part` for the next one.
pub fn download(wanted: &Download<'_>, network: &Network, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(FetchError::io("create", folder))?;
    let lock_path = folder.join(format!("{}.lock", wanted.file));
    let _lock = lock(&lock_path, "another process is fetching the same file: waiting for it")?;
    if let Some(path) = cached(folder, wanted.file, wanted.sha256)? {
        return Ok(path);
    }
    let part = folder.join(format!("{}.part", wanted.file));
    let head = curl::head(wanted.url, network);
    drop_part_of_another(&part, wanted, &head)?;
    announce(wanted, head.size_bytes, bytes_of(&part));
    if !is_complete(&part, head.size_bytes) {
        until_done(wanted, network, &part, head.size_bytes)?;
    }
    keep(wanted, &part, folder)
}

/// The file in the folder, if its hash is right; without a known hash, if it is there.
///
/// # Errors
/// [`FetchError::Io`] if it can't be read.
pub fn cached(folder: &Path, file: &str, sha256: Option<&str>) -> Result<Option<PathBuf>> {
    let path = folder.join(file);
    let is_right = path.is_file()
        && sha256.map_or(Ok(true), |expected| Ok::<_, FetchError>(sha256::of_file(&path)? == expected))?;
    Ok(is_right.then_some(path))
}

/// A part is of the file that the server has now, or it is dropped: two halves of different files would pass for one
/// where no hash is known.
fn drop_part_of_another(part: &Path, wanted: &Download<'_>, head: &Head) -> Result<()> {
    let of_path = of_path(part);
    let of = format!("{}\n{:?}\n{:?}\n", shown(wanted.url), head.size_bytes, head.version);
    let is_same = fs::read_to_string(&of_path).is_ok_and(|known| known == of);
    if bytes_of(part) > 0 && !is_same && wanted.sha256.is_none() {
        eprintln!("  the file has changed, or where it comes from: starting again");
        fs::remove_file(part).map_err(FetchError::io("remove", part))?;
    }
    fs::write(&of_path, of).map_err(FetchError::io("write", &of_path))
}

fn of_path(part: &Path) -> PathBuf {
    part.with_extension("part-of")
}

fn announce(wanted: &Download<'_>, size_bytes: Option<u64>, part_bytes: u64) {
    let size = size_bytes.map_or_else(String::new, |size_bytes| format!(", {}", megabytes(size_bytes)));
    let resumed = match part_bytes {
        0 => String::new(),
        part_bytes => format!(" (resuming: {} are here)", megabytes(part_bytes)),
    };
    eprintln!("fetching {}{size}{resumed} ...", wanted.what);
}

fn is_complete(part: &Path, size_bytes: Option<u64>) -> bool {
    size_bytes.is_some_and(|size_bytes| bytes_of(part) == size_bytes)
}

/// curl's own `--retry` starts again from where this run began; this loop starts from what is on disk.
fn until_done(wanted: &Download<'_>, network: &Network, part: &Path, size_bytes: Option<u64>) -> Result<()> {
    let max_idle_tries = if wanted.optional { OPTIONAL_IDLE_TRIES } else { MAX_IDLE_TRIES };
    let mut num_idle = 0;
    loop {
        let before_bytes = bytes_of(part);
        let Err(error) = curl::append(wanted.url, network, part, size_bytes) else { return Ok(()) };
        let FetchError::Refused { code, reason, .. } = &error else { return Err(error) };
        let is_final = *code == Some(REFUSED) && reason.contains("error: 4") && !reason.contains("error: 416");
        let cannot_resume = code.is_some_and(|code| CANNOT_RESUME.contains(&code)) || reason.contains("error: 416");
        if cannot_resume && before_bytes > 0 {
            fs::remove_file(part).map_err(FetchError::io("remove", part))?;
        }
        num_idle = if bytes_of(part) > before_bytes { 0 } else { num_idle + 1 };
        // starting again from nothing is a try of its own
        let is_given_up = num_idle >= max_idle_tries && !(cannot_resume && before_bytes > 0);
        if is_given_up || is_final || code.is_none() {
            return Err(error);
        }
        eprintln!("  interrupted ({reason}): trying again");
        std::thread::sleep(Duration::from_secs(num_idle.into()));
    }
}

/// Moves the finished part to its name if its hash is right; drops it otherwise, for a resumed wrong part stays wrong.
fn keep(wanted: &Download<'_>, part: &Path, folder: &Path) -> Result<PathBuf> {
    let got = sha256::of_file(part)?;
    match wanted.sha256 {
        Some(expected) if expected != got => {
            fs::remove_file(part).map_err(FetchError::io("remove", part))?;
            let (file, expected, url) = (wanted.file.to_owned(), expected.to_owned(), shown(wanted.url));
            return Err(FetchError::WrongHash { file, got, expected, url });
        }
        Some(_) => {}
        None => eprintln!("  no sha256 of {} is known here; got {got}", wanted.file),
    }
    let path = folder.join(wanted.file);
    fs::rename(part, &path).map_err(FetchError::io("write", &path))?;
    // it says of what the part was, and there is none any more
    let _ = fs::remove_file(of_path(part));
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Behaviour, RangeServer, has_curl};

    /// Fetches `content` from a server of that behaviour into a cache that already holds `part` of it.
    fn check_fetch(behaviour: Behaviour, part: &[u8], sha256: &str) -> (Result<Vec<u8>>, Vec<String>) {
        let server = RangeServer::start(content(), behaviour);
        let cache = tempfile::tempdir().unwrap();
        if !part.is_empty() {
            fs::write(cache.path().join("file.whl.part"), part).unwrap();
        }
        let wanted = Download {
            what: "a test",
            url: &server.url("file.whl"),
            file: "file.whl",
            sha256: Some(sha256),
            optional: false,
        };
        let fetched = download(&wanted, &Network::default(), cache.path());
        (fetched.map(|path| fs::read(path).unwrap()), server.ranges())
    }

    fn content() -> Vec<u8> {
        (0..200_000_u32).map(|value| (value % 251) as u8).collect()
    }

    #[test]
    fn a_download_starts_where_the_last_one_was_killed() {
        if !has_curl() {
            return;
        }
        let (fetched, ranges) = check_fetch(Behaviour::Steady, &content()[..150_000], &sha256::of_bytes(&content()));
        assert_eq!(fetched.unwrap(), content());
        assert_eq!(ranges, ["bytes=150000-"]);
    }

    #[test]
    fn a_broken_connection_is_resumed_in_the_same_run() {
        if !has_curl() {
            return;
        }
        let (fetched, ranges) = check_fetch(Behaviour::CutFirst(60_000), &[], &sha256::of_bytes(&content()));
        assert_eq!(fetched.unwrap(), content());
        assert_eq!(ranges, ["", "bytes=60000-"]);
    }

    #[test]
    fn a_server_without_ranges_is_asked_for_the_whole() {
        if !has_curl() {
            return;
        }
        let (fetched, _) = check_fetch(Behaviour::NoRanges, &content()[..1000], &sha256::of_bytes(&content()));
        assert_eq!(fetched.unwrap(), content());
    }

    #[test]
    fn a_part_that_was_complete_is_not_fetched_again() {
        if !has_curl() {
            return;
        }
        let (fetched, ranges) = check_fetch(Behaviour::Steady, &content(), &sha256::of_bytes(&content()));
        assert_eq!(fetched.unwrap(), content());
        assert_eq!(ranges, [""; 0]);
    }

    #[test]
    fn other_bytes_than_expected_are_dropped() {
        if !has_curl() {
            return;
        }
        let (fetched, _) = check_fetch(Behaviour::Steady, &[], "00ff");
        let error = fetched.unwrap_err().to_string();
        assert!(error.contains("expected 00ff"), "{error}");
    }

    #[test]
    fn the_cache_answers_without_a_server_and_drops_nothing_that_is_right() {
        let cache = tempfile::tempdir().unwrap();
        fs::write(cache.path().join("file.whl"), "wheel").unwrap();
        let hash = sha256::of_bytes(b"wheel");
        let nowhere = Download {
            what: "a test",
            url: "http://127.0.0.1:1/",
            file: "file.whl",
            sha256: Some(&hash),
            optional: true,
        };
        let fetched = download(&nowhere, &Network::default(), cache.path()).unwrap();
        assert_eq!(fetched, cache.path().join("file.whl"));
        assert_eq!(cached(cache.path(), "file.whl", Some("00ff")).unwrap(), None);
    }

    #[test]
    fn a_part_of_a_file_that_has_changed_is_dropped_where_no_hash_is_known() {
        if !has_curl() {
            return;
        }
        let server = RangeServer::start(content(), Behaviour::Steady);
        let cache = tempfile::tempdir().unwrap();
        fs::write(cache.path().join("file.whl.part"), "the first half of another file").unwrap();
        let url = server.url("file.whl");
        let wanted = Download { what: "a test", url: &url, file: "file.whl", sha256: None, optional: false };
        let path = download(&wanted, &Network::default(), cache.path()).unwrap();
        assert_eq!(fs::read(path).unwrap(), content());
        assert_eq!(server.ranges(), [""]);
    }

    #[test]
    fn a_part_of_the_same_file_is_resumed_without_a_known_hash() {
        if !has_curl() {
            return;
        }
        let server = RangeServer::start(content(), Behaviour::CutFirst(60_000));
        let cache = tempfile::tempdir().unwrap();
        let url = server.url("file.whl");
        let wanted = Download { what: "a test", url: &url, file: "file.whl", sha256: None, optional: true };
        assert!(download(&wanted, &Network::default(), cache.path()).is_ok());
        assert_eq!(server.ranges(), ["", "bytes=60000-"]);
        assert!(!cache.path().join("file.whl.part-of").exists());
    }

    #[test]
    fn what_is_not_there_is_given_up_at_once() {
        if !has_curl() {
            return;
        }
        let (fetched, ranges) = check_fetch(Behaviour::Missing, &[], "00ff");
        let error = fetched.unwrap_err().to_string();
        assert!(error.contains("404"), "{error}");
        assert_eq!(ranges.len(), 1);
    }
}
