//! How the user's machine reaches the network: package index, certificates and proxy, as pip is told.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

/// Where packages are looked for if nothing else is said; pip's own default.
const DEFAULT_INDEX: &str = "https://pypi.org/simple";

/// Settings of pip's that another client must follow to reach the same servers. curl's own variables
/// (`https_proxy`, `CURL_CA_BUNDLE`) hold besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Simple repository (PEP 503); pip's default if none.
    pub index_url: Option<String>,
    /// Certificate bundle.
    pub cert: Option<String>,
    /// Proxy url.
    pub proxy: Option<String>,
}

impl Network {
    /// `PIP_INDEX_URL`, `PIP_CERT` and `PIP_PROXY`, else what pip's config files say.
    #[must_use]
    pub fn of_environment() -> Self {
        let texts: Vec<String> = config_files().iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        let files = texts.iter().map(|text| global_section(text)).fold(BTreeMap::new(), |mut all, file| {
            all.extend(file);
            all
        });
        let setting = |variable: &str, key: &str| {
            let of_environment = env::var(variable).ok().filter(|value| !value.is_empty());
            of_environment.or_else(|| files.get(key).cloned())
        };
        Self {
            index_url: setting("PIP_INDEX_URL", "index-url"),
            cert: setting("PIP_CERT", "cert"),
            proxy: setting("PIP_PROXY", "proxy"),
        }
    }

    /// The package index, without a slash at its end.
    pub(crate) fn index_url(&self) -> &str {
        self.index_url.as_deref().unwrap_or(DEFAULT_INDEX).trim_end_matches('/')
    }
}

/// pip's, from the weakest to the strongest.
fn config_files() -> Vec<PathBuf> {
    let folder = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user_config = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
    let mut files = vec![PathBuf::from("/etc/pip.conf")];
    files.extend(folder("HOME").map(|home| home.join(".pip/pip.conf")));
    files.extend(user_config.map(|config| config.join("pip/pip.conf")));
    files.extend(folder("APPDATA").map(|config| config.join("pip/pip.ini")));
    match folder("PIP_CONFIG_FILE") {
        Some(file) if file == Path::new("/dev/null") => Vec::new(),
        Some(file) => files.into_iter().chain([file]).collect(),
        None => files,
    }
}

/// Keys and values of the section `[global]`.
fn global_section(text: &str) -> BTreeMap<String, String> {
    let mut section = "";
    let mut values = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').trim();
        } else if let Some((key, value)) = line.split_once(['=', ':']).filter(|_| section == "global")
            && !line.starts_with(['#', ';'])
        {
            values.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_global_section() {
        let text = "# ours\n[install]\nindex-url = https://a\n[global]\nindex-url = https://b/simple\ncert: /c.crt\n";
        let values = global_section(text);
        assert_eq!(values.get("index-url").map(String::as_str), Some("https://b/simple"));
        assert_eq!(values.get("cert").map(String::as_str), Some("/c.crt"));
        assert_eq!(values.len(), 2);
    }

    #[test]
    fn the_index_is_pips_own_unless_said_otherwise() {
        assert_eq!(Network::default().index_url(), DEFAULT_INDEX);
        let mirror = Network { index_url: Some("https://mirror/simple/".to_owned()), ..Network::default() };
        assert_eq!(mirror.index_url(), "https://mirror/simple");
    }
}
