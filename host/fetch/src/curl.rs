//! One run of curl: it knows proxies, certificates and every kind of server, and is on nearly every machine.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::progress::Progress;
use crate::{FetchError, Network, Result};

const CHUNK_BYTES: usize = 1 << 18;
/// Index pages and the like: more is no page.
const MAX_PAGE_BYTES: u64 = 64 << 20;

/// What a server says about a file before it is downloaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub size_bytes: Option<u64>,
    /// Entity tag or time of change: another one means another file.
    pub version: Option<String>,
}

/// Asks for size and version; servers that do not tell are no hindrance.
pub(crate) fn head(url: &str, network: &Network) -> Head {
    let output = curl(network, url).args(["--head", "--max-time", "20", url]).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else { return Head::default() };
    let text = String::from_utf8_lossy(&output.stdout);
    let field = |name: &str| {
        // the last answer counts: those before it are redirects
        let values = text.lines().filter_map(|line| line.split_once(':'));
        values.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next_back()
    };
    let version = field("etag").or_else(|| field("last-modified"));
    Head { size_bytes: field("content-length").and_then(|length| length.parse().ok()), version }
}

/// A page of text.
pub(crate) fn page(url: &str, accept: &str, network: &Network) -> Result<String> {
    let mut curl = curl(network, url);
    curl.args(["--max-time", "120", "--header", &format!("Accept: {accept}")]);
    curl.arg("--max-filesize").arg(MAX_PAGE_BYTES.to_string());
    let output = curl.arg(url).output().map_err(FetchError::NoCurl)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(refused(url, &output.stderr, output.status.code()))
}

/// Appends to `part` what follows its end.
pub(crate) fn append(url: &str, network: &Network, part: &Path, size_bytes: Option<u64>) -> Result<()> {
    let at = bytes_of(part);
    let mut curl = curl(network, url);
    // through this process, so that curl ends with it: left alone, it would write into the next run's part
    curl.arg("--continue-at").arg(at.to_string()).arg(url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = curl.spawn().map_err(FetchError::NoCurl)?;
    let copied = child.stdout.take().map_or(Ok(()), |bytes| copy(bytes, part, size_bytes));
    if copied.is_err() {
        // it would wait for ever on a full pipe; if it is gone already, so much the better
        let _ = child.kill();
    }
    let output = child.wait_with_output().map_err(FetchError::NoCurl)?;
    copied?;
    if output.status.success() { Ok(()) } else { Err(refused(url, &output.stderr, output.status.code())) }
}

pub(crate) fn bytes_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// A url as it may be shown: without user and password.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

fn copy(mut bytes: impl Read, part: &Path, size_bytes: Option<u64>) -> Result<()> {
    let opened = OpenOptions::new().create(true).append(true).open(part);
    let mut file = opened.map_err(FetchError::io("write", part))?;
    let mut done_bytes = bytes_of(part);
    let mut progress = Progress::new(size_bytes);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let num_read = bytes.read(&mut chunk).map_err(FetchError::NoCurl)?;
        if num_read == 0 {
            break;
        }
        file.write_all(&chunk[..num_read]).map_err(FetchError::io("write", part))?;
        done_bytes += num_read as u64;
        progress.update(done_bytes);
    }
    progress.finish();
    Ok(())
}

fn refused(url: &str, stderr: &[u8], code: Option<i32>) -> FetchError {
    FetchError::Refused { url: shown(url), reason: String::from_utf8_lossy(stderr).trim().to_owned(), code }
}

/// Silent but for errors; gives up on a server that does not answer or sends next to nothing for a minute. What began
/// encrypted stays so.
fn curl(network: &Network, url: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--location", "--silent", "--show-error", "--connect-timeout", "15"]);
    curl.args(["--speed-limit", "1024", "--speed-time", "60", "--proto", "=http,https,file"]);
    curl.args(["--proto-redir", if url.starts_with("https:") { "=https" } else { "=http,https" }]);
    if let Some(cert) = &network.cert {
        curl.args(["--cacert", cert]);
    }
    if let Some(proxy) = &network.proxy {
        curl.args(["--proxy", proxy]);
    }
    curl.stdin(Stdio::null());
    curl
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("https://me:secret@mirror.example/simple/a@b"), "https://mirror.example/simple/a@b");
        assert_eq!(shown("https://mirror.example/a@b"), "https://mirror.example/a@b");
        assert_eq!(shown("file"), "file");
    }
}
