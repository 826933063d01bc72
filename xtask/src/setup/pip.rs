//! pip as the way to the user's package index: it knows their mirrors, proxies and certificates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use scene3d_fetch::{Located, Network};
use serde::Deserialize;

use super::pinned::Wheel;
use super::python;
use crate::command;

/// Wheels for this platform, newest tag first; pip expands none of them.
const PLATFORMS: &[&str] =
    &["manylinux_2_28_x86_64", "manylinux_2_25_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64"];

/// pip of a Python environment.
#[derive(Debug)]
pub struct Pip {
    python: PathBuf,
}

impl Pip {
    /// Of the environment that set-up makes anyway.
    pub fn of_setup(deps: &Path) -> Result<Self> {
        Self::of_venv(&deps.join("venv"))
    }

    /// Of a private environment, which is made where it is missing.
    pub fn of_venv(venv: &Path) -> Result<Self> {
        Ok(Self { python: python::ensure_venv(venv)? })
    }

    /// Where a pinned wheel is; `--no-deps`, for CPython 3.11 whatever Python runs pip.
    pub fn locate_pinned(&self, wheel: &Wheel) -> Result<Located> {
        let mut pip = self.pip(&["install", "--no-deps", "--python-version", "3.11", "--target", "unused"]);
        PLATFORMS.iter().for_each(|platform| {
            pip.args(["--platform", platform]);
        });
        let mut located = report(&mut pip, &[wheel.requirement])?;
        let Some(found) = located.pop().filter(|found| found.file == wheel.file) else {
            bail!("the package index has no {} for {}", wheel.file, wheel.requirement);
        };
        Ok(found)
    }

    /// Where requirements and everything they need are, for this Python.
    pub fn locate_all(&self, requirements: &[&str]) -> Result<Vec<Located>> {
        report(&mut self.pip(&["install"]), requirements)
    }

    /// Where these requirements are, for this Python, and nothing that they need besides.
    pub fn locate_each(&self, requirements: &[&str]) -> Result<Vec<Located>> {
        report(&mut self.pip(&["install", "--no-deps"]), requirements)
    }

    /// A wheel fetched by pip itself: no resuming, but it knows every way to an index.
    pub fn download(&self, file_or_requirement: &str, into: &Path) -> Result<()> {
        let mut pip = self.pip(&["download", "--no-deps", "--python-version", "3.11"]);
        PLATFORMS.iter().for_each(|platform| {
            pip.args(["--platform", platform]);
        });
        command::run(pip.arg("--only-binary=:all:").arg("--dest").arg(into).arg(file_or_requirement))
    }

    /// Installs wheels from files, asking no index.
    pub fn install_files(&self, wheels: &[PathBuf]) -> Result<()> {
        let mut pip = self.pip(&["install", "--no-index", "--no-deps", "--quiet"]);
        command::read(pip.args(wheels)).map(drop)
    }

    /// Installs what a file of requirements pins, each package with the hashes of its wheels.
    pub fn install_hashed(&self, requirements: &Path) -> Result<()> {
        let mut pip = self.pip(&["install", "--require-hashes", "--only-binary=:all:", "--no-deps", "--quiet"]);
        command::read(pip.arg("--requirement").arg(requirements)).map(drop)
    }

    /// What `pip config list` says.
    pub fn network(&self) -> Network {
        let text = command::read(&mut self.pip(&["config", "list"])).unwrap_or_default();
        parse_settings(&text)
    }

    fn pip(&self, arguments: &[&str]) -> Command {
        let mut pip = Command::new(&self.python);
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]).args(arguments);
        pip
    }
}

/// Whether an environment has every package in the pinned version, e.g. `numpy==2.4.6`.
pub fn has_packages(venv: &Path, requirements: &[&str]) -> bool {
    // names are equal whatever stands between their words, and in small letters
    let normal = |text: &str| text.replace(['.', '_'], "-").to_lowercase();
    let lib = fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
    let packages =
        lib.flat_map(|python| fs::read_dir(python.path().join("site-packages")).into_iter().flatten().flatten());
    let installed: Vec<String> =
        packages.filter_map(|package| package.file_name().to_str()?.strip_suffix(".dist-info").map(normal)).collect();
    requirements.iter().all(|requirement| installed.contains(&normal(&requirement.replace("==", "-"))))
}

#[derive(Deserialize)]
struct Report {
    install: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    download_info: DownloadInfo,
}

#[derive(Deserialize)]
struct DownloadInfo {
    url: String,
    #[serde(default)]
    archive_info: ArchiveInfo,
}

#[derive(Deserialize, Default)]
struct ArchiveInfo {
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

fn report(pip: &mut Command, requirements: &[&str]) -> Result<Vec<Located>> {
    pip.args(["--dry-run", "--ignore-installed", "--only-binary=:all:", "--quiet", "--report", "-"]);
    let asked = || format!("cannot find {} by pip", requirements.join(", "));
    parse_report(&command::read(pip.args(requirements)).with_context(asked)?).with_context(asked)
}

/// Of pip's installation report, version 1.
fn parse_report(json: &str) -> Result<Vec<Located>> {
    let report: Report = serde_json::from_str(json).context("pip's report is not what version 1 looks like")?;
    let located = |item: Item| {
        let DownloadInfo { url, archive_info } = item.download_info;
        let file = percent_decode(url.split(['#', '?']).next().and_then(|path| path.rsplit('/').next()).unwrap_or(""));
        Located { file, sha256: archive_info.hashes.get("sha256").cloned(), url }
    };
    Ok(report.install.into_iter().map(located).collect())
}

/// `%2B` and the like; anything else stays.
fn percent_decode(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                decoded.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                decoded.push(b'%');
                decoded.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Lines such as `global.cert='/etc/ssl/bundle.crt'` and `:env:.proxy='http://proxy:3128'`.
fn parse_settings(text: &str) -> Network {
    let value_of = |key: &str| {
        let ends = format!(".{key}");
        let lines = || text.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| name.ends_with(&ends));
        let chosen = lines().find(|(name, _)| name.starts_with(":env:")).or_else(|| lines().next_back());
        chosen.map(|(_, value)| value.trim_matches(['\'', '"']).to_owned())
    };
    Network { cert: value_of("cert"), proxy: value_of("proxy"), index_url: value_of("index-url") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_give_url_file_and_hash() {
        let json = r#"{"version": "1", "install": [
            {"download_info": {"url": "https://index.example/a/torch-2.11.0%2Bcpu-cp311.whl",
                               "archive_info": {"hash": "sha256=ab", "hashes": {"sha256": "ab"}}}},
            {"download_info": {"url": "file:///wheels/x-1.whl", "archive_info": {}}}]}"#;
        let located = parse_report(json).unwrap();
        assert_eq!(located[0].file, "torch-2.11.0+cpu-cp311.whl");
        assert_eq!(located[0].sha256.as_deref(), Some("ab"));
        assert_eq!(located[1], Located { url: "file:///wheels/x-1.whl".into(), file: "x-1.whl".into(), sha256: None });
        assert!(parse_report("{}").is_err());
    }

    #[test]
    fn percent_signs_that_mean_nothing_stay() {
        assert_eq!(percent_decode("a%2Bb%zz%4"), "a+b%zz%4");
    }

    #[test]
    fn settings_of_the_environment_win() {
        let text = ":env:.cert='/b.crt'\nglobal.cert='/a.crt'\nglobal.timeout='60'\n";
        assert_eq!(parse_settings(text), Network { cert: Some("/b.crt".into()), ..Network::default() });
    }
}
