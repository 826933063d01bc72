//! `plugin.toml`: what is known of a plugin before its library is opened.

use std::fs;
use std::path::{Path, PathBuf};

use scene3d_abi::{ABI_VERSION, AbiVersion, ErrorCode, StageKind};
use serde::Deserialize;

use crate::error::PluginError;

/// Name of the file in a plugin's folder.
pub const MANIFEST_FILE: &str = "plugin.toml";

/// The libtorch that this build's plugins share: two builds of it can't live in one process.
pub const LIBTORCH_VERSION: &str = "2.11.0";

/// What `plugin.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Short id by which configs name it.
    pub id: String,
    /// Kind of stage.
    pub kind: StageKind,
    /// Version of the plugin.
    pub version: String,
    /// SPDX id of the plugin's own licence.
    pub license: String,
    /// Least version of the plugin boundary it needs, `major.minor`.
    pub min_abi: String,
    /// File names of the library.
    pub library: LibraryNames,
    /// What it must share with the host.
    #[serde(default)]
    pub runtime: Runtime,
}

/// File names of the library by operating system, relative to the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibraryNames {
    /// `lib*.so`
    #[serde(default)]
    pub linux: String,
    /// `lib*.dylib`
    #[serde(default)]
    pub macos: String,
    /// `*.dll`
    #[serde(default)]
    pub windows: String,
}

/// What a plugin must share with the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Version of libtorch it is linked to, if it is.
    #[serde(default)]
    pub libtorch: Option<String>,
}

impl Manifest {
    /// Reads the manifest of a plugin's folder.
    ///
    /// # Errors
    /// Why it can't be used, in words.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(folder.join(MANIFEST_FILE)).map_err(|error| format!("can't be read: {error}"))?;
        let manifest: Self = toml_edit::de::from_str(&text).map_err(|error| {
            format!("is no plugin manifest: {}", error.message().lines().collect::<Vec<_>>().join(", "))
        })?;
        if manifest.id.is_empty() || !manifest.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(format!("has id `{}`, expected letters, digits, - and _", manifest.id));
        }
        if manifest.library_name().is_empty() {
            return Err(format!("names no library for {}", std::env::consts::OS));
        }
        Ok(manifest)
    }

    fn library_name(&self) -> &str {
        match std::env::consts::OS {
            "macos" => &self.library.macos,
            "windows" => &self.library.windows,
            _ => &self.library.linux,
        }
    }

    /// The library of a plugin's folder.
    #[must_use]
    pub fn library_path(&self, folder: &Path) -> PathBuf {
        folder.join(self.library_name())
    }

    /// Whether this host can load it at all, as far as the manifest tells.
    ///
    /// # Errors
    /// `INCOMPATIBLE` for another boundary or another libtorch.
    pub fn check_host(&self) -> Result<(), PluginError> {
        let incompatible = |message: String| PluginError::new(&self.id, "load", ErrorCode::INCOMPATIBLE, message);
        let min_abi = parse_abi(&self.min_abi)
            .ok_or_else(|| incompatible(format!("min_abi is `{}`, expected major.minor", self.min_abi)))?;
        check_abi(&self.id, min_abi, ABI_VERSION)?;
        match &self.runtime.libtorch {
            Some(version) if without_build(version) != LIBTORCH_VERSION => {
                let message = format!("it is linked to libtorch {version}, this host shares {LIBTORCH_VERSION}");
                Err(incompatible(message).help("two builds of libtorch can't live in one process: rebuild the plugin"))
            }
            _ => Ok(()),
        }
    }
}

fn parse_abi(text: &str) -> Option<AbiVersion> {
    let (major, minor) = text.split_once('.')?;
    Some(AbiVersion { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

/// `2.11.0` of `2.11.0+cpu`.
fn without_build(version: &str) -> &str {
    version.split('+').next().unwrap_or(version)
}

/// Majors must be equal, and the host's minor at least the plugin's.
pub(crate) fn check_abi(plugin: &str, of_plugin: AbiVersion, of_host: AbiVersion) -> Result<(), PluginError> {
    if of_plugin.major == of_host.major && of_plugin.minor <= of_host.minor {
        return Ok(());
    }
    let number = |version: AbiVersion| format!("{}.{}", version.major, version.minor);
    let message = format!("it needs plugin ABI {}, this host offers {}", number(of_plugin), number(of_host));
    let older = of_plugin.major < of_host.major;
    let help = if older { "rebuild the plugin with this host's SDK" } else { "update scene3d" };
    Err(PluginError::new(plugin, "load", ErrorCode::INCOMPATIBLE, message)
        .help(help)
        .detail("expected", number(of_host))
        .detail("got", number(of_plugin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abi(major: u32, minor: u32) -> AbiVersion {
        AbiVersion { major, minor }
    }

    #[test]
    fn older_minors_are_accepted_and_newer_ones_and_other_majors_are_not() {
        assert!(check_abi("p", abi(1, 0), abi(1, 3)).is_ok());
        assert!(check_abi("p", abi(1, 3), abi(1, 3)).is_ok());
        let error = check_abi("p", abi(1, 4), abi(1, 3)).unwrap_err();
        assert_eq!(error.to_string(), "plugin `p` could not load: it needs plugin ABI 1.4, this host offers 1.3");
        assert_eq!(check_abi("p", abi(2, 0), abi(1, 3)).unwrap_err().help, "update scene3d");
        assert_eq!(check_abi("p", abi(0, 9), abi(1, 3)).unwrap_err().help, "rebuild the plugin with this host's SDK");
    }

    fn manifest(text: &str) -> Result<Manifest, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST_FILE), text).unwrap();
        Manifest::read(folder.path())
    }

    const GOOD: &str = r#"
id = "p"
kind = "matcher"
version = "0.1.0"
license = "MIT"
min_abi = "1.0"
[library]
linux = "libp.so"
macos = "libp.dylib"
windows = "p.dll"
"#;

    #[test]
    fn another_libtorch_is_refused_before_the_library_is_opened() {
        let good = manifest(&format!("{GOOD}[runtime]\nlibtorch = \"{LIBTORCH_VERSION}+cpu\"\n")).unwrap();
        assert!(good.check_host().is_ok());
        let other = manifest(&format!("{GOOD}[runtime]\nlibtorch = \"2.4.1\"\n")).unwrap();
        let error = other.check_host().unwrap_err();
        assert_eq!(error.message, "it is linked to libtorch 2.4.1, this host shares 2.11.0");
    }

    #[test]
    fn broken_manifests_say_what_is_wrong() {
        assert!(manifest("id = 3").unwrap_err().starts_with("is no plugin manifest: "));
        assert!(manifest(&GOOD.replace("matcher", "stitcher")).unwrap_err().contains("stitcher"));
        assert!(manifest(&GOOD.replace("\"p\"", "\"../p\"")).unwrap_err().contains("expected letters"));
        assert!(manifest(&GOOD.replace("version", "vresion")).unwrap_err().contains("vresion"));
        assert!(Manifest::read(Path::new("/nowhere")).unwrap_err().starts_with("can't be read: "));
    }
}
