//! `cargo xtask demo`: from a fresh checkout to a model of the sample scene, or of the user's photos.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::command;
use crate::workspace::Workspace;

const CONFIG: &str = "configs/aliked+lightglue.toml";

/// Builds, reconstructs into `out/demo` (or `out/<name of the photos' folder>`), and says where the results lie.
pub fn run(workspace: &Workspace, photos: Option<&Path>) -> Result<()> {
    let start = Instant::now();
    let chosen = photos.map(|photos| user_photos(workspace, photos)).transpose()?;
    build::run(workspace)?;
    let program = workspace.release_dir().join("scene3d");
    let (photos, out) = match chosen {
        Some(chosen) => chosen,
        None => sample_photos(workspace, &program)?,
    };
    let mut reconstruct = Command::new(&program);
    reconstruct.arg("reconstruct").arg(&photos).arg("--config").arg(workspace.root.join(CONFIG)).arg("--out").arg(&out);
    command::run(&mut reconstruct)?;
    println!();
    println!("model   {}", url(&out.join("model")));
    println!("report  {}", url(&out.join("report.html")));
    println!("total   {:.0} s, set-up and build included", start.elapsed().as_secs_f64());
    Ok(())
}

/// Rendered anew, which takes seconds: the same seed gives the same photos.
pub fn sample_photos(workspace: &Workspace, program: &Path) -> Result<(PathBuf, PathBuf)> {
    let folder = workspace.root.join("out/sample");
    command::run(Command::new(program).arg("sample").arg(&folder))?;
    Ok((folder.join("images"), workspace.root.join("out/demo")))
}

/// Checked before anything is fetched or built.
fn user_photos(workspace: &Workspace, photos: &Path) -> Result<(PathBuf, PathBuf)> {
    if !photos.is_dir() {
        bail!("{} is not a folder: name the folder with your photos", photos.display());
    }
    let photos = photos.canonicalize().with_context(|| format!("cannot open {}", photos.display()))?;
    let name = photos.file_name().unwrap_or("photos".as_ref()).to_owned();
    Ok((photos, workspace.root.join("out").join(name)))
}

/// Terminals make it clickable.
fn url(path: &Path) -> String {
    let text = path.to_string_lossy();
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    format!("file://{}", text.bytes().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_clickable_whatever_the_name() {
        assert_eq!(url(Path::new("/out/my photos+é")), "file:///out/my%20photos%2B%C3%A9");
    }

    #[test]
    fn photos_that_are_no_folder_are_refused_before_building() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace { root: root.path().to_path_buf() };
        assert!(user_photos(&workspace, &root.path().join("missing")).is_err());
        let (_, out) = user_photos(&workspace, root.path()).unwrap();
        assert_eq!(out.parent(), Some(root.path().join("out").as_path()));
    }
}
