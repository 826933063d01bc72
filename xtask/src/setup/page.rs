//! npm packages of the page, in `frontend/node_modules`, exactly as its lock file says.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use scene3d_fetch::sha256;

use super::stamp::Stamps;
use crate::command;
use crate::workspace::find_program;

const PART: &str = "page";

/// Whether they are in place. Without npm, with a Node too old, or when the registry is out of reach, set-up goes on without
/// the page, and says so.
pub fn lay_out(frontend: &Path, force: bool) -> Result<bool> {
    let modules = frontend.join("node_modules");
    // beside what it tells of, not in `.deps`, which checkouts may share
    let stamps = Stamps::new(&modules, force);
    let lock = frontend.join("package-lock.json");
    let lock = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = format!("{}\n", sha256::of_bytes(&lock));
    if stamps.is_current(PART, &stamp, &[modules.join("vite")]) {
        return Ok(true);
    }
    let Some(npm) = find_program("npm") else {
        println!("note: npm is not on PATH: the page is not built, everything else is");
        return Ok(false);
    };
    println!("fetching the page's packages by npm ...");
    let mut install = Command::new(npm);
    install.current_dir(frontend).args(["ci", "--loglevel=error"]);
    if let Err(error) = command::read(&mut install) {
        println!("note: the page's packages are not installed ({error:#}): the page is not built, everything else is");
        return Ok(false);
    }
    stamps.write(PART, &stamp)?;
    println!("the page's packages are in {}", modules.display());
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_the_lock_file_are_not_fetched_again() {
        let frontend = tempfile::tempdir().unwrap();
        let write_lock = |text: &str| fs::write(frontend.path().join("package-lock.json"), text).unwrap();
        assert!(lay_out(frontend.path(), false).is_err(), "there is no lock file");
        write_lock("{}");
        let modules = frontend.path().join("node_modules");
        fs::create_dir_all(modules.join("vite")).unwrap();
        Stamps::new(&modules, false).write(PART, &format!("{}\n", sha256::of_bytes(b"{}"))).unwrap();
        assert!(lay_out(frontend.path(), false).unwrap());
    }
}
