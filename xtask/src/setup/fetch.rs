//! Files from outside into the shared cache: by curl, resumed where the last try stopped, kept only with the right hash.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::lock;
use super::pinned::Wheel;
use super::pip::{Located, NetworkSettings, Pip};
use super::progress::{Progress, megabytes};
use crate::command;
use crate::sha256;

/// How often a try may end without a byte more before it is given up.
const MAX_IDLE_TRIES: u32 = 3;
/// Of a source that may well be out of reach and has an alternative.
const OPTIONAL_IDLE_TRIES: u32 = 1;
const CHUNK_BYTES: usize = 1 << 18;
/// curl's exit codes for "cannot resume": the server ignores ranges, or the part is longer than the file.
const CANNOT_RESUME: [i32; 2] = [33, 36];

/// What to fetch.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// For people.
    pub what: &'a str,
    /// http(s) or file.
    pub url: &'a str,
    /// Name in the cache.
    pub file: &'a str,
    /// Lower-case hex, if known.
    pub sha256: Option<&'a str>,
    /// Whether set-up can go on without it: then it is given up at the first failure.
    pub optional: bool,
}

/// A pinned wheel from the cache, else from the user's package index by curl, else by pip.
pub fn pinned_wheel(wheel: &Wheel, pip: &Pip, cache: &Path) -> Result<PathBuf> {
    if let Some(path) = cached(cache, wheel.file, Some(wheel.sha256))? {
        return Ok(path);
    }
    let located = pip.locate_pinned(wheel)?;
    let located = Located { sha256: Some(wheel.sha256.into()), ..located };
    located_wheel(wheel.what, wheel.requirement, &located, pip, cache)
}

/// A wheel that an index has: by curl, else by pip.
pub fn located_wheel(what: &str, requirement: &str, located: &Located, pip: &Pip, cache: &Path) -> Result<PathBuf> {
    let sha256 = located.sha256.as_deref();
    let download = Download { what, url: &located.url, file: &located.file, sha256, optional: false };
    let Err(error) = fetch(&download, &pip.network_settings(), cache) else {
        return Ok(cache.join(download.file));
    };
    println!("curl could not fetch it ({error:#}): trying pip");
    pip.download(requirement, cache)?;
    let path = cached(cache, download.file, download.sha256)?;
    path.with_context(|| format!("pip fetched something else than {} for {requirement}", download.file))
}

/// Fetches into the cache unless it is there; returns its path.
pub fn fetch(download: &Download<'_>, network: &NetworkSettings, cache: &Path) -> Result<PathBuf> {
    let lock_path = cache.join(format!("{}.lock", download.file));
    let _lock = lock(&lock_path, "another set-up is fetching the same file: waiting for it")?;
    if let Some(path) = cached(cache, download.file, download.sha256)? {
        return Ok(path);
    }
    let part = cache.join(format!("{}.part", download.file));
    let size_bytes = size_of(download.url, network);
    announce(download, size_bytes, bytes_of(&part));
    if !is_complete(&part, size_bytes) {
        let max_idle_tries = if download.optional { OPTIONAL_IDLE_TRIES } else { MAX_IDLE_TRIES };
        curl_until_done(download.url, network, &part, size_bytes, max_idle_tries)?;
    }
    keep(download, &part, cache)
}

/// The cached file, if its hash is right.
fn cached(cache: &Path, file: &str, sha256: Option<&str>) -> Result<Option<PathBuf>> {
    let path = cache.join(file);
    let is_right = path.is_file()
        && sha256.map_or(Ok(true), |expected| Ok::<_, anyhow::Error>(sha256::of_file(&path)? == expected))?;
    Ok(is_right.then_some(path))
}

fn announce(download: &Download<'_>, size_bytes: Option<u64>, part_bytes: u64) {
    let size = size_bytes.map_or_else(String::new, |size_bytes| format!(", {}", megabytes(size_bytes)));
    let resumed = match part_bytes {
        0 => String::new(),
        part_bytes => format!(" (resuming: {} are here)", megabytes(part_bytes)),
    };
    println!("fetching {}{size}{resumed} ...", download.what);
}

fn is_complete(part: &Path, size_bytes: Option<u64>) -> bool {
    size_bytes.is_some_and(|size_bytes| bytes_of(part) == size_bytes)
}

fn bytes_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// curl's own `--retry` starts again from where this run began; this loop starts from what is on disk.
fn curl_until_done(
    url: &str,
    network: &NetworkSettings,
    part: &Path,
    size_bytes: Option<u64>,
    max_idle_tries: u32,
) -> Result<()> {
    let mut num_idle = 0;
    loop {
        let before_bytes = bytes_of(part);
        let Err((code, error)) = curl_once(url, network, part, size_bytes) else { return Ok(()) };
        if code.is_some_and(|code| CANNOT_RESUME.contains(&code)) {
            fs::remove_file(part).with_context(|| format!("cannot remove {}", part.display()))?;
        }
        num_idle = if bytes_of(part) > before_bytes { 0 } else { num_idle + 1 };
        if num_idle == max_idle_tries || code.is_none() {
            return Err(error);
        }
        println!("  interrupted ({error:#}): trying again");
        std::thread::sleep(Duration::from_secs(num_idle.into()));
    }
}

/// On failure: curl's exit code, none where curl itself did not run.
fn curl_once(
    url: &str,
    network: &NetworkSettings,
    part: &Path,
    size_bytes: Option<u64>,
) -> Result<(), (Option<i32>, anyhow::Error)> {
    let mut curl = curl(network);
    // through this process, so that curl ends with it: left alone, it would write into the next run's part
    curl.arg("--continue-at").arg(bytes_of(part).to_string()).arg(url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = curl.spawn().context("cannot start curl").map_err(|error| (None, error))?;
    let copied = child.stdout.take().map_or(Ok(()), |bytes| append(bytes, part, size_bytes));
    if copied.is_err() {
        // it would wait for ever on a full pipe; if it is gone already, so much the better
        let _ = child.kill();
    }
    let output = child.wait_with_output().context("lost curl").map_err(|error| (None, error))?;
    copied.map_err(|error| (None, error))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err((output.status.code(), anyhow::anyhow!("{stderr}")))
}

fn append(mut bytes: impl Read, part: &Path, size_bytes: Option<u64>) -> Result<()> {
    let cannot_write = || format!("cannot write {}", part.display());
    let mut file = OpenOptions::new().create(true).append(true).open(part).with_context(cannot_write)?;
    let mut done_bytes = bytes_of(part);
    let mut progress = Progress::new(size_bytes);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let num_read = bytes.read(&mut chunk).context("cannot read from curl")?;
        if num_read == 0 {
            break;
        }
        file.write_all(&chunk[..num_read]).with_context(cannot_write)?;
        done_bytes += num_read as u64;
        progress.update(done_bytes);
    }
    progress.finish();
    Ok(())
}

/// Silent but for errors; gives up on a server that does not answer or sends next to nothing for a minute.
fn curl(network: &NetworkSettings) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--location", "--silent", "--show-error", "--connect-timeout", "15"]);
    curl.args(["--speed-limit", "1024", "--speed-time", "60"]);
    if let Some(cert) = &network.cert {
        curl.args(["--cacert", cert]);
    }
    if let Some(proxy) = &network.proxy {
        curl.args(["--proxy", proxy]);
    }
    curl.stdin(Stdio::null());
    curl
}

/// Asked before the download, to say how large it will be; servers that do not tell are no hindrance.
fn size_of(url: &str, network: &NetworkSettings) -> Option<u64> {
    let head = command::read(curl(network).args(["--head", "--max-time", "20", url])).ok()?;
    let length_of = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    head.lines().filter_map(length_of).next_back()
}

/// Moves the finished part to its name if its hash is right; drops it otherwise, for a resumed wrong part stays wrong.
fn keep(download: &Download<'_>, part: &Path, cache: &Path) -> Result<PathBuf> {
    let got = sha256::of_file(part)?;
    match download.sha256 {
        Some(expected) if expected != got => {
            fs::remove_file(part).with_context(|| format!("cannot remove {}", part.display()))?;
            bail!(
                "{} has sha256 {got}, expected {expected}: dropped; run again, or check the source {}",
                download.file,
                download.url
            );
        }
        Some(_) => {}
        None => println!("  no sha256 of {} is known here; got {got}", download.file),
    }
    let path = cache.join(download.file);
    fs::rename(part, &path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::range_server::{Behaviour, RangeServer};
    use crate::workspace::find_program;

    /// Fetches `content` from a server of that behaviour into a cache that already holds `part` of it.
    fn check_fetch(behaviour: Behaviour, part: &[u8], sha256: &str) -> (Result<Vec<u8>>, Vec<String>) {
        let server = RangeServer::start(content(), behaviour);
        let cache = tempfile::tempdir().unwrap();
        if !part.is_empty() {
            fs::write(cache.path().join("file.whl.part"), part).unwrap();
        }
        let download =
            Download { what: "a test", url: &server.url(), file: "file.whl", sha256: Some(sha256), optional: false };
        let fetched = fetch(&download, &NetworkSettings::default(), cache.path());
        (fetched.map(|path| fs::read(path).unwrap()), server.ranges())
    }

    fn content() -> Vec<u8> {
        (0..200_000_u32).map(|value| (value % 251) as u8).collect()
    }

    fn has_curl() -> bool {
        let found = find_program("curl").is_some();
        if !found {
            eprintln!("skipped: curl is not on PATH");
        }
        found
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
        let fetched = fetch(&nowhere, &NetworkSettings::default(), cache.path()).unwrap();
        assert_eq!(fetched, cache.path().join("file.whl"));
        assert_eq!(cached(cache.path(), "file.whl", Some("00ff")).unwrap(), None);
    }
}
