//! Uploads by the official tus client, of photos in a ZIP.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{assert_success, checkout, run, stdout};

/// The official client.
pub struct TusClient {
    modules: PathBuf,
}

impl TusClient {
    /// What `cargo xtask setup` installed, or `None` with a printed reason.
    #[must_use]
    pub fn installed() -> Option<Self> {
        let modules = checkout().join(".deps/node/node_modules");
        if modules.join("tus-js-client").is_dir() {
            return Some(Self { modules });
        }
        eprintln!("skipped: no tus-js-client in .deps/node; run `cargo xtask setup`");
        None
    }

    /// Sends a file to the service at `http://127.0.0.1:PORT`; the id of its upload.
    ///
    /// # Panics
    /// If it gives up.
    #[must_use]
    pub fn send(&self, url: &str, token: &str, file: &Path) -> String {
        let mut command = Command::new("node");
        command.arg(checkout().join("tests/scripts/tus_upload.mjs")).arg(&self.modules);
        let output = run(command.arg(format!("{url}/api/v1/tus")).arg(token).arg(file));
        assert_success(&output);
        stdout(&output).trim().rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// Writes photos into a ZIP, as they are.
///
/// # Panics
/// If it can't be written.
pub fn write_zip<'a>(path: &Path, photos: impl IntoIterator<Item = (&'a str, &'a [u8])>) {
    let write = || -> std::io::Result<()> {
        let mut writer = zip::ZipWriter::new(File::create(path)?);
        let stored = zip::write::FileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, bytes) in photos {
            writer.start_file(name, stored)?;
            writer.write_all(bytes)?;
        }
        writer.finish()?;
        Ok(())
    };
    let written = write();
    assert!(written.is_ok(), "{}: {written:?}", path.display());
}
