//! With the feature `page`: the files of `frontend/dist`, each included as bytes, in a table sorted by path.

use std::fmt::Write as _;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let variable = |name| std::env::var(name).map_err(Error::other);
    let dist = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../frontend/dist");
    let mut files = Vec::new();
    if std::env::var_os("CARGO_FEATURE_PAGE").is_some() {
        println!("cargo::rerun-if-changed={}", dist.display());
        if !dist.join("index.html").is_file() {
            return Err(Error::other("the feature `page` needs frontend/dist: build it by `cargo xtask frontend`"));
        }
        collect(&dist.canonicalize()?, &mut files)?;
    } else {
        println!("cargo::rerun-if-changed=build.rs");
    }
    let table = table(&dist, files)?;
    std::fs::write(Path::new(&variable("OUT_DIR")?).join("page_files.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn table(dist: &Path, files: Vec<PathBuf>) -> Result<String> {
    let dist = dist.canonicalize().unwrap_or_default();
    let relative = |file: PathBuf| {
        let below = file.strip_prefix(&dist).map_err(Error::other)?;
        Ok((below.to_string_lossy().replace('\\', "/"), file))
    };
    let mut rows = files.into_iter().map(relative).collect::<Result<Vec<_>>>()?;
    rows.sort();
    let mut table = "const FILES: &[PageFile] = &[\n".to_owned();
    for (path, file) in rows {
        writeln!(table, "    PageFile {{ path: {path:?}, bytes: include_bytes!({file:?}) }},").map_err(Error::other)?;
    }
    Ok(table + "];\n")
}
